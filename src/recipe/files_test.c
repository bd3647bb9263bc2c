// SPDX-License-Identifier: Apache-2.0
/* The build context: which files, from where, with what in them. */
#include <jansson.h>
#include <sys/stat.h>

#include "recipe/fixture.h"

static void render(struct fixture *f, enum recipe_kind kind, struct recipe *ret) {
    struct recipe_request request = fixture_request(f, kind);
    assert_true(recipe_render(f->arena, &request, &f->sources, &f->sink, ret, &f->err));
}

static const struct recipe_file *find(const struct recipe *r, const char *path) {
    for (size_t i = 0; i < r->file_count; i++) {
        if (strcmp(r->files[i].path, path) == 0) {
            return &r->files[i];
        }
    }
    return NULL;
}

static const char *content(struct fixture *f, const struct recipe *r, const char *path) {
    const struct recipe_file *file = find(r, path);
    assert_non_null(file);
    assert_null(file->host_path);
    return str_to_c(f->arena, file->content);
}

static const struct guest_file artifacts[] = {
    { "artifacts/capsem-ca.crt", "cert" },         { "artifacts/capsem-init", "init" },
    { "artifacts/diagnostics/10-a.sh", "a" },      { "artifacts/diagnostics/lib/tap.sh", "t" },
    { "config/kernel/x.defconfig", "CONFIG_A=y" }, { 0 },
};

static void rootfs_has_artifacts_and_binaries(void **state) {
    (void)state;
    struct fixture f;
    struct recipe r;
    fixture_init(&f, artifacts);
    render(&f, RECIPE_ROOTFS, &r);
    assert_non_null(find(&r, "capsem-ca.crt"));
    assert_non_null(find(&r, "diagnostics/10-a.sh"));
    assert_non_null(find(&r, "diagnostics/lib/tap.sh"));
    const struct recipe_file *agent = find(&r, "bin/agent");
    assert_non_null(agent);
    assert_string_equal(agent->host_path, "target/linux-agent/x86_64/agent");
    assert_int_equal(agent->mode, 0555);
    for (size_t i = 1; i < r.file_count; i++) {
        assert_true(strcmp(r.files[i - 1].path, r.files[i].path) < 0);
    }
    fixture_done(&f);
}

/* Templates of the first builder have other names for what is ours. */
static void own_templates_find_the_old_names(void **state) {
    (void)state;
    struct fixture f;
    struct recipe rootfs;
    struct recipe kernel;
    fixture_init(&f, artifacts);
    fixture_put(&f, "Dockerfile.rootfs.j2", "FROM scratch\n");
    fixture_put(&f, "Dockerfile.kernel.j2", "FROM scratch\n");
    struct recipe_request request = fixture_request(&f, RECIPE_ROOTFS);
    request.templates_dir = f.dir;
    assert_true(recipe_render(f.arena, &request, &f.sources, &f.sink, &rootfs, &f.err));
    assert_non_null(find(&rootfs, "bin/agent"));
    assert_non_null(find(&rootfs, "agent"));
    assert_string_equal(find(&rootfs, "agent")->host_path, find(&rootfs, "bin/agent")->host_path);
    request.kind = RECIPE_KERNEL;
    assert_true(recipe_render(f.arena, &request, &f.sources, &f.sink, &kernel, &f.err));
    assert_non_null(find(&kernel, "kernel.defconfig"));
    assert_non_null(find(&kernel, "kernel/x.defconfig"));
    fixture_done(&f);
}

static void a_certificate_from_beside(void **state) {
    (void)state;
    struct fixture f;
    struct recipe r;
    fixture_init(&f, NULL);
    f.config.certificate = "/beside/config/capsem-ca.crt";
    render(&f, RECIPE_ROOTFS, &r);
    assert_non_null(find(&r, "capsem-ca.crt"));
    assert_string_equal(find(&r, "capsem-ca.crt")->host_path, "/beside/config/capsem-ca.crt");
    assert_true(str_find(r.text, S("COPY capsem-ca.crt /usr/local/share"), 0) != STR_NONE);
    f.config.certificate = NULL;
    render(&f, RECIPE_ROOTFS, &r);
    assert_null(find(&r, "capsem-ca.crt"));
    assert_true(str_find(r.text, S("capsem-ca.crt"), 0) == STR_NONE);
    fixture_done(&f);
}

static void kernel_has_its_configuration_and_the_init(void **state) {
    (void)state;
    struct fixture f;
    struct recipe r;
    fixture_init(&f, artifacts);
    render(&f, RECIPE_KERNEL, &r);
    static const char *const paths[] = { "capsem-init",         "kconfig/config.sh",
                                         "kconfig/depends.awk", "kconfig/needs.sh",
                                         "kconfig/needs.txt",   "kernel.defconfig" };
    assert_int_equal(r.file_count, ARRAY_LEN(paths));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_string_equal(r.files[i].path, paths[i]);
    }
    assert_int_equal(r.files[0].mode, 0755);
    assert_true(str_ends(str_from_c(r.files[5].host_path), S("config/kernel/x.defconfig")));
    fixture_done(&f);
}

static void home_files_go_to_the_skeleton(void **state) {
    (void)state;
    static const struct guest_file files[] = {
        { "config/ai/a.toml",
          FIXTURE_PROVIDER(
              "p", "") "[p.files.one]\npath = \"/root/.p/settings.json\"\ncontent = \"{}\"\n"
                       "[p.files.two]\npath = \"/etc/p.conf\"\ncontent = \"x\"\n" FIXTURE_PROVIDER(
                           "off", "enabled = false\n") "[off.files.one]\npath = "
                                                       "\"/root/.off\"\ncontent = \"\"\n" },
        { "config/vm/environment.toml",
          "[environment.shell.bashrc]\npath = \"/root/.bashrc\"\ncontent = \"alias\"\n" },
        { 0 },
    };
    struct fixture f;
    struct recipe r;
    fixture_init(&f, files);
    render(&f, RECIPE_ROOTFS, &r);
    assert_string_equal(content(&f, &r, "capsem/skel/.p/settings.json"), "{}");
    assert_string_equal(content(&f, &r, "capsem/skel/.bashrc"), "alias");
    assert_string_equal(content(&f, &r, "files/etc/p.conf"), "x");
    assert_null(find(&r, "capsem/skel/.off"));
    fixture_done(&f);
}

static void bash_reads_the_image_s_file_where_the_config_has_none(void **state) {
    (void)state;
    static const struct guest_file without[] = { { "config/kernel/x.defconfig", "" }, { 0 } };
    static const struct guest_file with[] = { { "artifacts/capsem-bashrc", "alias ll=ls\n" },
                                              { "config/kernel/x.defconfig", "" },
                                              { 0 } };
    const struct guest_file *const guests[] = { without, with };
    for (size_t i = 0; i < ARRAY_LEN(guests); i++) {
        struct fixture f;
        struct recipe r;
        fixture_init(&f, guests[i]);
        render(&f, RECIPE_ROOTFS, &r);
        if (guests[i] == with) {
            assert_string_equal(content(&f, &r, "capsem/skel/.bashrc"),
                                "[ -r /etc/capsem-bashrc ] && . /etc/capsem-bashrc\n");
        } else {
            assert_null(find(&r, "capsem/skel/.bashrc"));
        }
        fixture_done(&f);
    }
}

static void environment_is_one_variable_a_line(void **state) {
    (void)state;
    static const struct guest_file files[] = {
        { "config/vm/environment.toml",
          "[environment.shell]\nterm = \"dumb\"\npath = \"/bin\"\nlang = \"C\\nLD_PRELOAD=x\"\n"
          "[environment.tls]\nca_bundle = \"/b.crt\"\n" },
        { 0 },
    };
    struct fixture f;
    struct recipe r;
    fixture_init(&f, files);
    render(&f, RECIPE_ROOTFS, &r);
    const char *text = content(&f, &r, "capsem/environment");
    assert_non_null(
        strstr(text, "TERM=dumb\nHOME=/root\nPATH=/bin\nLANG=C\nSSL_CERT_FILE=/b.crt\n"));
    assert_non_null(strstr(text, "\nNODE_EXTRA_CA_CERTS=/b.crt\n"));
    assert_null(strstr(text, "LD_PRELOAD"));
    fixture_done(&f);
}

static void image_json_tells_what_the_guest_needs(void **state) {
    (void)state;
    static const struct guest_file files[] = {
        { "config/manifest.toml", "[image]\nname = \"img\"\nversion = \"1.2\"\n" },
        { "config/ai/a.toml", FIXTURE_PROVIDER("p", "[p.cli]\nkey = \"cli\"\nname = \"C\"\n"
                                                    "version_command = \"cli --version\"\n") },
        { "config/mcp/m.toml", "[m]\nname = \"M\"\ntransport = \"stdio\"\ncommand = \"run\"\n"
                               "args = [\"a\"]\n[m.env]\nK = \"v\"\n" },
        { "config/security/web.toml", "[web]\nallow_read = true\ncustom_block = [\"bad.org\"]\n" },
        { 0 },
    };
    struct fixture f;
    struct recipe r;
    fixture_init(&f, files);
    render(&f, RECIPE_ROOTFS, &r);
    json_error_t error;
    json_t *j = json_loads(content(&f, &r, "capsem/image.json"), 0, &error);
    assert_non_null(j);
    const char *name;
    const char *version;
    const char *cli;
    const char *command;
    const char *env;
    const char *blocked;
    const char *binary;
    const char *kernel;
    int read;
    json_int_t cpus;
    json_int_t node;
    int code = json_unpack(
        j,
        "{s:s, s:s, s:[{s:{s:s}}], s:[{s:s, s:{s:s}}], s:{s:b, s:[s]}, s:[s], s:{s:I}, s:I, s:s}",
        "name", &name, "version", &version, "providers", "cli", "version_command", &cli,
        "mcp_servers", "command", &command, "env", "K", &env, "web", "allow_read", &read,
        "custom_block", &blocked, "guest_binaries", &binary, "resources", "cpu_count", &cpus,
        "node_major", &node, "kernel_source", &kernel);
    assert_int_equal(code, 0);
    assert_string_equal(kernel, "kernel.org");
    assert_string_equal(name, "img");
    assert_string_equal(version, "1.2");
    assert_string_equal(cli, "cli --version");
    assert_string_equal(command, "run");
    assert_string_equal(env, "v");
    assert_string_equal(blocked, "bad.org");
    assert_string_equal(binary, "agent");
    assert_true(read);
    assert_int_equal(cpus, 4);
    assert_int_equal(node, 24);
    json_decref(j);
    fixture_done(&f);
}

static void context_is_written_with_modes_and_times(void **state) {
    (void)state;
    struct fixture f;
    struct recipe r;
    struct stat st;
    str text;
    fixture_init(&f, artifacts);
    render(&f, RECIPE_KERNEL, &r);
    const char *dir = path_join(f.arena, f.dir, "context");
    assert_true(fs_mkdir_p(AT_FDCWD, dir, 0755, &f.err));
    assert_true(recipe_write_context(&r, dir, 1000, &f.err));
    const char *init = path_join(f.arena, dir, "capsem-init");
    assert_int_equal(stat(init, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(st.st_mtim.tv_sec, 1000);
    assert_true(fs_load(f.arena, AT_FDCWD, init, 100, &text, &f.err));
    assert_true(str_eq(text, S("init")));
    fixture_done(&f);
}

static void a_missing_binary_is_named(void **state) {
    (void)state;
    struct fixture f;
    struct recipe r;
    fixture_init(&f, artifacts);
    render(&f, RECIPE_ROOTFS, &r);
    const char *dir = path_join(f.arena, f.dir, "context");
    assert_true(fs_mkdir_p(AT_FDCWD, dir, 0755, &f.err));
    assert_false(recipe_write_context(&r, dir, 0, &f.err));
    AUTO_BUF text = BUF_INIT(4096);
    err_text(&f.err, &text);
    assert_non_null(strstr(text.ptr, "target/linux-agent/x86_64/agent"));
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rootfs_has_artifacts_and_binaries),
        cmocka_unit_test(own_templates_find_the_old_names),
        cmocka_unit_test(a_certificate_from_beside),
        cmocka_unit_test(kernel_has_its_configuration_and_the_init),
        cmocka_unit_test(home_files_go_to_the_skeleton),
        cmocka_unit_test(bash_reads_the_image_s_file_where_the_config_has_none),
        cmocka_unit_test(environment_is_one_variable_a_line),
        cmocka_unit_test(image_json_tells_what_the_guest_needs),
        cmocka_unit_test(context_is_written_with_modes_and_times),
        cmocka_unit_test(a_missing_binary_is_named),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
