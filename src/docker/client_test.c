// SPDX-License-Identifier: Apache-2.0
/* What is asked of docker's command line, and what becomes of its answers: the `docker` of these
 * tests is a script in a folder of theirs. */
#include "base/testing.h"

#include "docker/internal.h"

struct fixture {
    struct test_folder folder;
    char *path_before;
    struct err err;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    f->path_before = strdup(getenv("PATH"));
    setenv("PATH", str_fmt(f->folder.arena, "%s:%s", f->folder.path, f->path_before).ptr, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    setenv("PATH", f->path_before, 1);
    free(f->path_before);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

/* The script, with its words in $*, and the folder in $HERE. */
static void docker_is(const struct fixture *f, const char *script) {
    str text = str_fmt(f->folder.arena, "#!/bin/sh\nHERE=%s\necho \"$*\" >> $HERE/log\n%s\n",
                       f->folder.path, script);
    test_file(&f->folder, "docker.new", text.ptr);
    assert_int_equal(fchmodat(f->folder.fd, "docker.new", 0755, 0), 0);
    assert_int_equal(renameat(f->folder.fd, "docker.new", f->folder.fd, "docker"), 0);
}

static bool said(const struct fixture *f, const char *words) {
    AUTO_BUF text = BUF_INIT(64 * 1024);
    err_text(&f->err, &text);
    print_message("%s\n%s\n", text.ptr, f->err.help);
    return strstr(text.ptr, words) != NULL || strstr(f->err.help, words) != NULL;
}

static const char *logged(const struct fixture *f) {
    str text;
    assert_true(fs_load(f->folder.arena, f->folder.fd, "log", 64 * 1024, &text, NULL));
    return test_text(&f->folder, text);
}

/* ---- the engine ---- */

#define INFO                                                                                       \
    "{\"ClientInfo\":{\"Version\":\"20.10.24\"},\"ServerVersion\":\"24.0.5\",\"ID\":\"one\","      \
    "\"Architecture\":\"aarch64\",\"MemTotal\":1000,\"NCPU\":3,\"OSType\":\"linux\","              \
    "\"SystemTime\":\"1970-01-01T02:00:10.5+02:00\",\"DockerRootDir\":\"/d\"}"

static void an_engine_says_what_it_is(void **state) {
    struct fixture *f = *state;
    struct docker_engine e;
    docker_is(f, "case \"$*\" in --version) echo Docker version 1;; info*) echo '" INFO
                 "';; 'buildx version') exit 0;; *) exit 9;; esac");
    assert_true(docker_engine_find(f->folder.arena, &e, &f->err));
    assert_string_equal(test_text(&f->folder, e.version), "24.0.5");
    assert_string_equal(test_text(&f->folder, e.client_version), "20.10.24");
    assert_string_equal(test_text(&f->folder, e.platform.architecture), "arm64");
    assert_int_equal(e.memory_bytes, 1000);
    assert_int_equal(e.cpus, 3);
    assert_true(e.has_buildx && e.has_buildkit && e.has_step_network);
    assert_true(e.clock_ahead_s < -50 * 365 * 86400LL); /* it is 1970 there */
}

static void without_buildx_an_old_client_has_buildkit(void **state) {
    struct fixture *f = *state;
    struct docker_engine e;
    docker_is(f,
              "case \"$*\" in --version) echo Docker;; info*) echo '" INFO "';; *) exit 1;; esac");
    assert_true(docker_engine_find(f->folder.arena, &e, &f->err));
    assert_true(!e.has_buildx && e.has_buildkit);
}

static void what_is_not_an_engine_is_refused(void **state) {
    static const struct {
        const char *script;
        const char *said;
    } cases[] = {
        { "echo podman version 4", "is not Docker" },
        { "case $1 in --version) ;; *) echo '{}';; esac", "did not report an engine" },
        { "case $1 in --version) ;; *) echo "
          "'{\"Architecture\":\"x86_64\",\"ServerVersion\":\"17.3\"}';; esac",
          "is older" },
        { "case $1 in --version) ;; *) echo "
          "'{\"Architecture\":\"x86_64\",\"ServerVersion\":\"new\"}';; esac",
          "not a number" },
        { "case $1 in --version) ;; *) echo "
          "'{\"Architecture\":\"x86_64\",\"ServerVersion\":\"24.0\",\"OSType\":\"windows\"}'"
          ";; esac",
          "Linux containers" },
        { "case $1 in --version) ;; *) echo '{\"ServerErrors\":[\"Cannot connect to the Docker "
          "daemon\"]}';; esac",
          "docker context use" },
        { "echo 'error: permission denied while trying to connect' >&2; exit 1", "usermod" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct docker_engine e;
        f->err = (struct err)ERR_INIT;
        docker_is(f, cases[i].script);
        assert_false(docker_engine_find(f->folder.arena, &e, &f->err));
        assert_true(said(f, cases[i].said));
    }
}

static void who_does_not_answer_is_left(void **state) {
    struct fixture *f = *state;
    static const char *const argv[] = { "docker", "info", NULL };
    str text;
    docker_is(f, "exec sleep 100000");
    assert_false(call_ask(f->folder.arena, argv, 100, NULL, &text, &f->err));
    assert_true(said(f, "'docker info' did not answer"));
    volatile sig_atomic_t cancelled = 1;
    f->err = (struct err)ERR_INIT;
    assert_false(call_ask(f->folder.arena, argv, 0, &cancelled, &text, &f->err));
    assert_int_equal(f->err.code, EINTR);
}

/* ---- builders ---- */

static void a_builder_has_nodes(void **state) {
    struct fixture *f = *state;
    struct docker_builder b;
    struct docker_engine e;
    docker_is(f, "cat << END\nName:   farm\nDriver: kubernetes\n\nNodes:\nName:      one\n"
                 "Endpoint:  tcp://one\nStatus:    running\nPlatforms: linux/arm64*, linux/amd64\n"
                 "\nName:      two\nPlatforms: linux/riscv64\nEND");
    assert_true(docker_builder_find(f->folder.arena, "farm", &b, &f->err));
    assert_string_equal(test_text(&f->folder, b.name), "farm");
    assert_string_equal(test_text(&f->folder, b.driver), "kubernetes");
    assert_int_equal(b.node_count, 2);
    assert_string_equal(test_text(&f->folder, b.nodes[0].endpoint), "tcp://one");
    assert_string_equal(test_text(&f->folder, b.nodes[1].name), "two");
    assert_string_equal(logged(f), "buildx inspect --bootstrap farm\n");
    assert_true(docker_builder_engine(f->folder.arena, &b, &e, &f->err));
    assert_string_equal(test_text(&f->folder, e.platform.architecture), "arm64");
    docker_is(f, "echo 'Name: empty'");
    assert_false(docker_builder_find(f->folder.arena, NULL, &b, &f->err));
    assert_true(said(f, "has no nodes"));
}

/* ---- an image ---- */

static const struct docker_image image = { .tag = "capsem-builder:x", .label = "x" };

static void a_command_runs_in_the_image(void **state) {
    static const char *const argv[] = { "/bin/sh", "-c", "echo answer", NULL };
    static const char *const env[] = { "A=1", NULL };
    struct fixture *f = *state;
    AUTO_BUF out = BUF_INIT(1000);
    docker_is(f, "for last; do :; done; sh -c \"$last\"; exit 3");
    assert_true(docker_run(f->folder.arena, &image, argv, env, &out, NULL, &f->err));
    assert_string_equal(test_text(&f->folder, buf_str(&out)), "answer\n");
    assert_non_null(strstr(logged(f), "run --rm --network=none --sig-proxy=false "
                                      "--name=capsem-builder-run-x "
                                      "--label=capsem-builder.build=x --env=A=1 "
                                      "--entrypoint=/bin/sh capsem-builder:x -c echo answer\n"));
    assert_non_null(strstr(logged(f), "rm --force --volumes capsem-builder-run-x\n"));
    docker_is(f, "echo 'docker: Error response from daemon: no such image.' >&2; exit 125");
    assert_false(docker_run(f->folder.arena, &image, argv, env, &out, NULL, &f->err));
    assert_true(said(f, "no such image"));
}

static void files_are_copied_out(void **state) {
    static const char *const names[] = { "vmlinuz", "gone" };
    struct fixture *f = *state;
    docker_is(f, "case $2 in *gone) echo 'Could not find the file /gone' >&2; exit 1;; esac\n"
                 "case $1 in cp) echo content > $3;; esac");
    assert_true(docker_copy_out(f->folder.arena, &image, names, 2, f->folder.path, NULL, &f->err));
    assert_true(fs_exists(f->folder.fd, "vmlinuz"));
    assert_false(fs_exists(f->folder.fd, "gone"));
    assert_non_null(strstr(logged(f), "rm --force --volumes capsem-builder-x\n"));
    docker_is(f, "case $1 in cp) echo disk on fire >&2; exit 1;; esac");
    assert_false(docker_copy_out(f->folder.arena, &image, names, 1, f->folder.path, NULL, &f->err));
    assert_true(said(f, "copy '/vmlinuz' out of the image"));
}

/* ---- streams ---- */

static void a_stream_becomes_a_tree(void **state) {
    static const char *const argv[] = { "docker", "export", NULL };
    struct fixture *f = *state;
    AUTO_TREE t = tree_new();
    test_file(&f->folder, "root/etc/hosts", "text");
    docker_is(f, "tar -C $HERE/root --format=gnu -c .");
    assert_true(stream_read(argv, f->folder.path, t, &f->err));
    assert_non_null(tree_find(t, S("/etc/hosts"), TREE_LITERAL));
}

/* A client that loses its engine ends as if all were well. */
static void a_stream_that_ends_early_is_noticed(void **state) {
    static const char *const argv[] = { "docker", "export", NULL };
    static const char *const scripts[] = {
        "tar -C $HERE/root --format=gnu -c . | head -c 1024",
        "tar -C $HERE/root --format=gnu -c . | head -c 1536", /* between two entries */

        "tar -C $HERE/root -c .; exit 1",
        ":",
    };
    struct fixture *f = *state;
    test_file(&f->folder, "root/file", "text");
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        AUTO_TREE t = tree_new();
        f->err = (struct err)ERR_INIT;
        docker_is(f, scripts[i]);
        print_message("%s\n", scripts[i]);
        assert_false(stream_read(argv, f->folder.path, t, &f->err));
    }
}

static void what_docker_hides_comes_back(void **state) {
    struct fixture *f = *state;
    AUTO_TREE t = tree_new();
    struct tree_entry *e;
    const struct tree_meta meta = { .mode = 0644 };
    str text;
    assert_true(tree_put_file(t, S("/etc/hosts"), &meta, S("docker's"), &e, &f->err));
    assert_true(tree_put_file(t, S("/.capsem-builder-etc/hosts"), &meta, S("own"), &e, &f->err));
    assert_true(tree_put_file(t, S("/.capsem-builder-etc/passwd"), &meta, S("x"), &e, &f->err));
    assert_true(kept_restore(t, &f->err));
    e = tree_find(t, S("/etc/hosts"), TREE_LITERAL);
    assert_non_null(e);
    assert_true(tree_load_content(t, e->inode, f->folder.arena, 100, &text, &f->err));
    assert_string_equal(test_text(&f->folder, text), "own");
    assert_null(tree_find(t, S("/etc/passwd"), TREE_LITERAL));
    assert_null(tree_find(t, S("/.capsem-builder-etc"), TREE_LITERAL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_engine_says_what_it_is),
        TEST(without_buildx_an_old_client_has_buildkit),
        TEST(what_is_not_an_engine_is_refused),
        TEST(who_does_not_answer_is_left),
        TEST(a_builder_has_nodes),
        TEST(a_command_runs_in_the_image),
        TEST(files_are_copied_out),
        TEST(a_stream_becomes_a_tree),
        TEST(a_stream_that_ends_early_is_noticed),
        TEST(what_docker_hides_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
