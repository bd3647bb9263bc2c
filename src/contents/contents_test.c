// SPDX-License-Identifier: Apache-2.0
/* Packages, lines, sizes and differences of small images that are made here. */
#include "base/testing.h"

#include <jansson.h>

#include "contents/internal.h"
#include "tree/tree.h"

static const char status[] = "Package: libc6\n"
                             "Status: install ok installed\n"
                             "Priority: required\n"
                             "Architecture: amd64\n"
                             "Source: glibc (2.36-8)\n"
                             "Version: 2.36-9\n"
                             "\n"
                             "Package: jq\n"
                             "Status: install ok installed\n"
                             "Architecture: amd64\n"
                             "Version: 1:1.6-2\n"
                             "Depends: libjq1 (= 1.6), absent | libonig5,\n"
                             " libc6 (>= 2.34)\n"
                             "\n"
                             "Package: libjq1\n"
                             "Status: install ok installed\n"
                             "Architecture: amd64\n"
                             "Version: 1.6-2\n"
                             "\n"
                             "Package: libonig5\n"
                             "Status: install ok installed\n"
                             "Architecture: amd64\n"
                             "Version: 6.9\n"
                             "\n"
                             "Package: gone\n"
                             "Status: deinstall ok config-files\n"
                             "Version: 1\n";

struct fixture {
    struct test_folder folder;
    struct tree *tree;
    struct err err;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    f->tree = tree_new();
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    tree_free(f->tree);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

static void put(struct fixture *f, const char *path, const char *text) {
    const struct tree_meta meta = { .mode = 0644 };
    struct tree_entry *e;
    assert_true(tree_put_file(f->tree, str_from_c(path), &meta, str_from_c(text), &e, NULL));
}

static void put_root(struct fixture *f) {
    const struct tree_meta link = { .mode = 0777 };
    struct tree_entry *e;
    put(f, "var/lib/dpkg/status", status);
    put(f, "var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/libc.so.6\n");
    put(f, "var/lib/dpkg/info/jq.list", "/.\n/usr\n/usr/bin/jq\n/usr/bin/gone\n");
    put(f, "var/lib/dpkg/info/jq.md5sums", "x");
    put(f, "usr/lib/libc.so.6", "libc libc libc");
    put(f, "usr/bin/jq", "jq");
    put(f, "usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n");
    put(f, "usr/share/doc/jq/copyright",
        "Format: x\n\nFiles: *\nLicense: Expat\n\nLicense: GPL-3\n");
    put(f, "opt/x/node_modules/@s/cli/package.json",
        "{\"name\":\"@s/"
        "cli\",\"version\":\"1.2.3\",\"license\":\"MIT\",\"dependencies\":{\"dep\":\"1\"}}");
    put(f, "opt/x/node_modules/@s/cli/index.js", "cli");
    put(f, "opt/x/node_modules/@s/cli/node_modules/in/package.json",
        "{\"name\":\"in\",\"version\":\"0.1.0\"}");
    put(f, "opt/x/node_modules/dep/package.json",
        "{\"name\":\"dep\",\"version\":\"4.0.0\",\"license\":{\"type\":\"X11\"}}");
    put(f, "opt/x/node_modules/dep/lib/package.json", "{\"name\":\"no\",\"version\":\"1\"}");
    put(f, "opt/x/node_modules/broken/package.json", "{");
    put(f, "usr/lib/python3/site-packages/Poly_lars-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: Poly_lars\nVersion: 1.0\nLicense: MIT\n\nVersion: 9\n");
    put(f, "usr/lib/python3/site-packages/Poly_lars-1.0.dist-info/RECORD",
        "polars/__init__.py,sha256=x,5\n\"polars/a,b.py\",,\n../../../bin/polars,,\n/absent,,\n");
    put(f, "usr/lib/python3/site-packages/polars/__init__.py", "polar");
    put(f, "usr/lib/python3/site-packages/polars/a,b.py", "ab");
    put(f, "usr/bin/polars", "#!");
    put(f, "etc/loose", "loose");
    assert_true(tree_put_link(f->tree, S("lib"), &link, S("usr/lib"), &e, NULL));
}

static const char *write_image(struct fixture *f, const char *name) {
    const struct image_squashfs_options options = { .codec = IMAGE_ZSTD, .level = 3, .threads = 1 };
    struct image_squashfs_stats stats;
    AUTO_FD fd = openat(f->folder.fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(image_write_squashfs(f->tree, &options, fd, &stats, &f->err));
    return test_path(&f->folder, name);
}

static struct guest_config make_config(struct fixture *f) {
    struct arena *a = f->folder.arena;
    struct guest_config config = { 0 };
    struct config_package_set *sets = ARENA_ARRAY(a, struct config_package_set, 2);
    struct config_provider *provider = ARENA_NEW(a, struct config_provider);
    static struct config_text apt[] = { { .text = S_INIT("jq=1:1.6-2"), .span = { SOURCE_NONE } } };
    static struct config_text uv[] = { { .text = S_INIT("poly-lars >= 1"),
                                         .span = { SOURCE_NONE } } };
    static struct config_text npm[] = { { .text = S_INIT("@s/cli@latest"),
                                          .span = { SOURCE_NONE } } };
    sets[0].head.key = S("apt");
    sets[0].manager.value = CONFIG_MANAGER_APT;
    sets[0].packages = (struct config_list){ apt, 1, SPAN_NONE };
    sets[1].head.key = S("python");
    sets[1].manager.value = CONFIG_MANAGER_UV;
    sets[1].packages = (struct config_list){ uv, 1, SPAN_NONE };
    provider->head.key = S("cli");
    provider->enabled.value = true;
    provider->install.head.present = true;
    provider->install.manager.value = CONFIG_MANAGER_NPM;
    provider->install.packages = (struct config_list){ npm, 1, SPAN_NONE };
    config.package_sets.items = sets;
    config.package_sets.len = 2;
    config.providers.items = provider;
    config.providers.len = 1;
    return config;
}

static void read_image(struct fixture *f, const char *path, struct contents *ret) {
    struct guest_config config = make_config(f);
    assert_true(contents_read(f->folder.arena, path, NULL, &config, ret, &f->err));
}

static const struct contents_package *package(const struct contents *c, const char *name) {
    for (size_t i = 0; i < c->package_count; i++) {
        if (str_eq(c->packages[i].name, str_from_c(name))) {
            return &c->packages[i];
        }
    }
    return NULL;
}

static const char *owner(struct fixture *f, const struct contents *c, const char *path) {
    size_t node = contents_find(c, str_from_c(path));
    assert_true(node != CONTENTS_NONE);
    size_t index = c->owner[node];
    return index == CONTENTS_NONE ? "-" : test_text(&f->folder, c->packages[index].name);
}

static const char *line(struct fixture *f, const struct contents *c, const char *name) {
    size_t index = package(c, name)->line;
    return index == CONTENTS_NONE ? "-" : test_text(&f->folder, c->lines[index].place);
}

static void packages_are_found(void **state) {
    struct fixture *f = *state;
    AUTO_CONTENTS c = CONTENTS_INIT;
    put_root(f);
    read_image(f, write_image(f, "a"), &c);
    assert_int_equal(c.package_count, 8);
    assert_null(package(&c, "gone"));
    assert_null(package(&c, "no"));
    assert_true(str_eq(package(&c, "jq")->version, S("1:1.6-2")));
    assert_true(str_eq(package(&c, "libc6")->source, S("glibc")));
    assert_true(str_eq(package(&c, "libc6")->source_version, S("2.36-8")));
    assert_true(str_eq(package(&c, "dep")->licence, S("X11")));
    assert_true(str_eq(package(&c, "Poly_lars")->version, S("1.0")));
    assert_int_equal(package(&c, "Poly_lars")->files, 5);
}

static void files_have_owners(void **state) {
    struct fixture *f = *state;
    AUTO_CONTENTS c = CONTENTS_INIT;
    put_root(f);
    read_image(f, write_image(f, "a"), &c);
    assert_string_equal(owner(f, &c, "/usr/lib/libc.so.6"), "libc6"); /* listed as /lib/... */
    assert_string_equal(owner(f, &c, "/usr/bin/jq"), "jq");
    assert_string_equal(owner(f, &c, "/var/lib/dpkg/info/jq.md5sums"), "jq");
    assert_string_equal(owner(f, &c, "/opt/x/node_modules/@s/cli/index.js"), "@s/cli");
    assert_string_equal(owner(f, &c, "/opt/x/node_modules/@s/cli/node_modules/in/package.json"),
                        "in");
    assert_string_equal(owner(f, &c, "/opt/x/node_modules/dep/lib/package.json"), "dep");
    assert_string_equal(owner(f, &c, "/usr/bin/polars"), "Poly_lars");
    assert_string_equal(owner(f, &c, "/usr/lib/python3/site-packages/polars/a,b.py"), "Poly_lars");
    assert_string_equal(owner(f, &c, "/opt/x/node_modules/broken/package.json"), "-");
    assert_string_equal(owner(f, &c, "/etc/loose"), "-");
}

static void packages_are_here_for_a_line(void **state) {
    struct fixture *f = *state;
    AUTO_CONTENTS c = CONTENTS_INIT;
    put_root(f);
    read_image(f, write_image(f, "a"), &c);
    assert_string_equal(line(f, &c, "jq"), "package_sets.apt");
    assert_string_equal(line(f, &c, "libjq1"), "package_sets.apt");
    assert_string_equal(line(f, &c, "libonig5"), "package_sets.apt");
    assert_string_equal(line(f, &c, "libc6"), "-"); /* every base has it */
    assert_string_equal(line(f, &c, "@s/cli"), "ai.cli");
    assert_string_equal(line(f, &c, "in"), "ai.cli");
    assert_string_equal(line(f, &c, "dep"), "ai.cli");
    assert_string_equal(line(f, &c, "Poly_lars"), "package_sets.python");
}

static uint64_t bytes_of(struct fixture *f, const struct contents *c, enum contents_by by,
                         const char *name) {
    struct contents_group *groups;
    size_t count;
    uint64_t all = 0, found = 0;
    contents_groups(f->folder.arena, c, by, &groups, &count);
    for (size_t i = 0; i < count; i++) {
        all += groups[i].bytes;
        found += str_eq(groups[i].name, str_from_c(name)) ? groups[i].bytes : 0;
        assert_true(i == 0 || groups[i].packed_bytes <= groups[i - 1].packed_bytes);
    }
    assert_int_equal(all, c->bytes);
    return found;
}

static void groups_have_all_bytes(void **state) {
    struct fixture *f = *state;
    AUTO_CONTENTS c = CONTENTS_INIT;
    struct tree_entry *e;
    put_root(f);
    assert_true(tree_put_hard_link(f->tree, S("usr/bin/jq2"),
                                   tree_find(f->tree, S("usr/bin/jq"), TREE_NO_FOLLOW), &e, NULL));
    read_image(f, write_image(f, "a"), &c);
    assert_int_equal(bytes_of(f, &c, CONTENTS_BY_FILE, "/etc/loose"), 5);
    assert_int_equal(bytes_of(f, &c, CONTENTS_BY_FOLDER, "/usr/bin"), 4); /* jq2 is jq */
    assert_int_equal(bytes_of(f, &c, CONTENTS_BY_TYPE, ".js"), 3);
    assert_int_equal(bytes_of(f, &c, CONTENTS_BY_TYPE, "libraries (.so)"), 14);
    assert_int_equal(bytes_of(f, &c, CONTENTS_BY_PACKAGE, "Poly_lars"),
                     package(&c, "Poly_lars")->bytes);
    assert_true(bytes_of(f, &c, CONTENTS_BY_LINE, "@s/cli@latest") > 0);
}

static const struct contents_difference *difference(const struct contents_diff *d,
                                                    const char *path) {
    for (size_t i = 0; i < d->file_count; i++) {
        const struct contents_difference *one = &d->files[i];
        const struct image_node *n = one->after != NULL ? one->after : one->before;
        if (str_eq(n->path, str_from_c(path))) {
            return one;
        }
    }
    return NULL;
}

static void images_are_compared(void **state) {
    struct fixture *f = *state;
    AUTO_CONTENTS before = CONTENTS_INIT;
    AUTO_CONTENTS after = CONTENTS_INIT;
    struct contents_diff diff;
    put_root(f);
    put(f, "etc/a.x", "1");
    put(f, "etc/a/y", "1");
    read_image(f, write_image(f, "before"), &before);
    assert_true(contents_compare(f->folder.arena, &before, &before, &diff, &f->err));
    assert_int_equal(diff.file_count + diff.package_count, 0);
    put(f, "etc/loose", "LOOSE"); /* as long as it was */
    put(f, "etc/new", "new");
    tree_remove(f->tree, tree_find(f->tree, S("usr/bin/polars"), TREE_NO_FOLLOW));
    tree_find(f->tree, S("usr/bin/jq"), TREE_NO_FOLLOW)->inode->mode |= 0111;
    put(f, "opt/x/node_modules/dep/package.json", "{\"name\":\"dep\",\"version\":\"5.0.0\"}");
    read_image(f, write_image(f, "after"), &after);
    assert_true(contents_compare(f->folder.arena, &before, &after, &diff, &f->err));
    assert_int_equal(diff.file_count, 5);
    assert_true(str_eq(difference(&diff, "/etc/loose")->what, S("content")));
    assert_int_equal(difference(&diff, "/etc/new")->change, CONTENTS_ADDED);
    assert_int_equal(difference(&diff, "/usr/bin/polars")->change, CONTENTS_REMOVED);
    assert_true(str_eq(difference(&diff, "/usr/bin/polars")->package, S("Poly_lars")));
    assert_true(str_eq(difference(&diff, "/usr/bin/jq")->what, S("mode")));
    assert_int_equal(diff.package_count, 1);
    assert_true(str_eq(diff.packages[0].before->version, S("4.0.0")));
    assert_true(str_eq(diff.packages[0].after->version, S("5.0.0")));
}

static void bills_name_every_package(void **state) {
    struct fixture *f = *state;
    struct arena *a = f->folder.arena;
    AUTO_CONTENTS c = CONTENTS_INIT;
    put_root(f);
    read_image(f, write_image(f, "a"), &c);
    struct contents_bill bill = { .contents = &c,
                                  .image_name = S("x"),
                                  .kernel_version = S("6.12") };
    contents_distribution(a, &c, &bill);
    assert_true(str_eq(bill.codename, S("bookworm")) && str_eq(bill.release, S("12")));
    str text = contents_cyclonedx(a, &bill);
    assert_true(str_eq(text, contents_cyclonedx(a, &bill)));
    json_t *root = json_loadb(text.ptr, text.len, 0, NULL);
    json_t *list = json_object_get(root, "components");
    assert_int_equal(json_array_size(list), 8 + 2);
    json_decref(root);
    text = contents_spdx(a, &bill);
    root = json_loadb(text.ptr, text.len, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(root, "packages")), 8 + 3);
    json_decref(root);
}

static void names_are_those_of_the_standards(void **state) {
    struct fixture *f = *state;
    struct arena *a = f->folder.arena;
    AUTO_CONTENTS c = CONTENTS_INIT;
    put_root(f);
    read_image(f, write_image(f, "a"), &c);
    struct contents_bill bill = { .contents = &c };
    contents_distribution(a, &c, &bill);
    static const struct {
        const char *package;
        const char *purl;
        const char *cpe;
    } cases[] = {
        { "jq", "pkg:deb/debian/jq@1%3A1.6-2?arch=amd64&distro=bookworm",
          "cpe:2.3:a:*:jq:1.6:*:*:*:*:*:*:*" },
        { "libc6", "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=bookworm&upstream=glibc%402.36-8",
          "cpe:2.3:a:*:glibc:2.36:*:*:*:*:*:*:*" },
        { "@s/cli", "pkg:npm/%40s/cli@1.2.3", "cpe:2.3:a:*:\\@s\\/cli:1.2.3:*:*:*:*:*:*:*" },
        { "Poly_lars", "pkg:pypi/poly-lars@1.0", "cpe:2.3:a:*:poly_lars:1.0:*:*:*:*:*:*:*" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct contents_package *p = package(&c, cases[i].package);
        assert_string_equal(str_to_c(a, contents_purl(a, &bill, p)), cases[i].purl);
        assert_string_equal(str_to_c(a, contents_cpe(a, p)), cases[i].cpe);
    }
    assert_string_equal(str_to_c(a, contents_debian_licences(a, &c, package(&c, "jq"))),
                        "Expat AND GPL-3");
}

static void an_image_without_packages_is_read(void **state) {
    struct fixture *f = *state;
    AUTO_CONTENTS c = CONTENTS_INIT;
    AUTO_CONTENTS none = CONTENTS_INIT;
    put(f, "x", "1");
    put(f, "var/lib/dpkg/status", "\n\n\n:\nPackage:\n\nno field at all");
    put(f, "a.dist-info/METADATA", "");
    read_image(f, write_image(f, "a"), &c);
    assert_int_equal(c.package_count, 0);
    assert_int_equal(bytes_of(f, &c, CONTENTS_BY_LINE, "files of no package"), c.bytes);
    test_file(&f->folder, "no", "image");
    assert_false(
        contents_read(f->folder.arena, test_path(&f->folder, "no"), NULL, NULL, &none, &f->err));
}

static void links_on_the_way_are_followed(void **state) {
    struct fixture *f = *state;
    struct arena *a = f->folder.arena;
    const struct tree_meta link = { .mode = 0777 };
    struct tree_entry *e;
    AUTO_CONTENTS c = CONTENTS_INIT;
    put_root(f);
    assert_true(tree_put_link(f->tree, S("loop"), &link, S("loop"), &e, NULL));
    assert_true(tree_put_link(f->tree, S("etc/up"), &link, S("../../usr/lib"), &e, NULL));
    read_image(f, write_image(f, "a"), &c);
    static const struct {
        const char *path;
        const char *found; /* NULL: nothing */
    } cases[] = {
        { "/usr/bin/jq", "/usr/bin/jq" },
        { "usr//bin/./jq/", "/usr/bin/jq" },
        { "/lib/libc.so.6", "/usr/lib/libc.so.6" },
        { "/etc/up/libc.so.6", "/usr/lib/libc.so.6" },
        { "/lib", "/lib" },
        { "/", "/" },
        { "", "/" },
        { "/../usr/bin", "/usr/bin" },
        { "/usr/bin/no", NULL },
        { "/usr/bin/jq/x", NULL },
        { "/loop/x", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t node = contents_find_path(a, &c, str_from_c(cases[i].path));
        print_message("%s\n", cases[i].path);
        assert_int_equal(node != CONTENTS_NONE, cases[i].found != NULL);
        assert_true(cases[i].found == NULL ||
                    str_eq(c.nodes[node].path, str_from_c(cases[i].found)));
    }
}

static void a_package_says_who_needs_it(void **state) {
    struct fixture *f = *state;
    AUTO_CONTENTS c = CONTENTS_INIT;
    put_root(f);
    read_image(f, write_image(f, "a"), &c);
    assert_int_equal(package(&c, "jq")->needed_by, CONTENTS_NONE);
    assert_int_equal(package(&c, "libonig5")->needed_by, package(&c, "jq") - c.packages);
    assert_int_equal(package(&c, "dep")->needed_by, package(&c, "@s/cli") - c.packages);
    assert_int_equal(package(&c, "in")->needed_by, package(&c, "@s/cli") - c.packages);
    assert_int_equal(package(&c, "libc6")->needed_by, CONTENTS_NONE);
}

static void commit_layer(struct fixture *f, struct store *store, char digit, const char *file) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    struct store_key key;
    memset(key.hex, digit, STORE_KEY_HEX);
    key.hex[STORE_KEY_HEX] = '\0';
    assert_true(store_work_begin(store, &work, &f->err));
    assert_true(fs_mkdir_p(work.fd, "step/fs/etc", 0755, &f->err));
    assert_true(
        fs_store(work.fd, str_fmt(f->folder.arena, "step/fs/%s", file).ptr, S("x"), 0644, &f->err));
    assert_true(store_layer_commit(&work, "step", &key, false, S("{}"), &f->err));
}

static void the_last_step_that_wrote_it_is_found(void **state) {
    struct fixture *f = *state;
    AUTO_STORE store = NULL;
    struct contents_step step;
    test_dir(&f->folder, "store");
    assert_true(store_open(test_path(&f->folder, "store"), &store, &f->err));
    commit_layer(f, store, 'a', "etc/x");
    commit_layer(f, store, 'b', "etc/y");
    commit_layer(f, store, 'c', "etc/x");
    test_file(&f->folder, "assets/build.json",
              "{\"templates\": {\"rootfs\": {\"steps\": ["
              "{\"instruction\": \"one\", \"key\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"},"
              "{\"instruction\": \"two\", \"key\": \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"},"
              "{\"instruction\": \"three\", \"key\": \"cccccccccccccccccccccccccccccccccccccccc\"},"
              "{\"instruction\": \"gone\", \"key\": \"dddddddddddddddddddddddddddddddddddddddd\"},"
              "{\"instruction\": \"none\", \"key\": \"../../..\"}, {}, 1]}}}");
    const struct contents_assets assets = { .folder = test_path(&f->folder, "assets") };
    const struct contents_assets empty = { .folder = f->folder.path };
    struct arena *a = f->folder.arena;
    assert_true(contents_find_step(a, &assets, store, S("/etc/x"), &step));
    assert_true(str_eq(step.text, S("three")) && step.number == 3 && step.count == 7);
    assert_true(contents_find_step(a, &assets, store, S("/etc/y"), &step));
    assert_true(str_eq(step.text, S("two")));
    assert_false(contents_find_step(a, &assets, store, S("/etc/z"), &step));
    assert_false(contents_find_step(a, &empty, store, S("/etc/x"), &step));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packages_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_have_owners, set_up, tear_down),
        cmocka_unit_test_setup_teardown(packages_are_here_for_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_have_all_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(images_are_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bills_name_every_package, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_those_of_the_standards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_image_without_packages_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_on_the_way_are_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_package_says_who_needs_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_step_that_wrote_it_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
