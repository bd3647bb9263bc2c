// SPDX-License-Identifier: Apache-2.0
/* A command in a sandbox: the machine's own root is the lowest layer, so that there is a shell.
 * What a step must not be able to do is in tests/integration/test_engine_sandbox.py. */
#include "base/testing.h"

#include <signal.h>

#include "sandbox/sandbox.h"

struct fixture {
    struct test_folder folder;
    const char *layers[1];
    struct sandbox_spec spec;
    struct sandbox_result result;
    struct buf out;
    struct err err;
};

static const char *const plain_env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };

static void keep_output(void *self, str piece) {
    struct fixture *f = self;
    buf_add(&f->out, piece);
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    f->out = BUF_INIT(1 << 20);
    f->layers[0] = "/";
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    buf_done(&f->out);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

/* Fresh folders, and the command as it is. */
static bool try_run(struct fixture *f, const char *const *argv) {
    static const char *const names[] = { "upper", "work", "staging" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(fs_remove_tree(f->folder.fd, names[i], NULL));
        test_dir(&f->folder, names[i]);
    }
    f->spec.root = (struct sandbox_root){ f->layers, 1 };
    f->spec.upper = test_path(&f->folder, "upper");
    f->spec.work = test_path(&f->folder, "work");
    f->spec.staging = test_path(&f->folder, "staging");
    f->spec.argv = argv;
    f->spec.env = f->spec.env == NULL ? plain_env : f->spec.env;
    f->spec.cwd = f->spec.cwd == NULL ? "/" : f->spec.cwd;
    f->spec.on_output = keep_output;
    f->spec.self = f;
    f->out.len = 0;
    f->result = (struct sandbox_result){ 0 };
    f->err = (struct err)ERR_INIT;
    return sandbox_run(&f->spec, &f->result, &f->err);
}

/* What a script prints; skips where a root like ours cannot be mounted. */
static const char *shown_by(struct fixture *f, const char *script) {
    if (geteuid() != 0) {
        skip();
    }
    if (!try_run(f, (const char *const[]){ "/bin/sh", "-c", script, NULL })) {
        print_message("%s: %s\n", f->err.frames[0], f->err.frames[1]);
        skip();
    }
    return test_text(&f->folder, str_trim(buf_str(&f->out)));
}

static void an_exit_is_told(void **state) {
    struct fixture *f = *state;
    assert_string_equal(shown_by(f, "echo out; echo err >&2; exit 7"), "out\nerr");
    assert_int_equal(f->result.exit_code, 7);
    assert_int_equal(f->result.signal, 0);
    shown_by(f, "kill -KILL $$");
    assert_int_equal(f->result.exit_code, 128 + SIGKILL);
    assert_int_equal(f->result.signal, SIGKILL);
    assert_false(f->result.out_of_memory || f->result.cancelled);
}

static void what_changes_is_in_the_upper_folder(void **state) {
    struct fixture *f = *state;
    shown_by(f, "echo made > /capsem-test-file; mkdir /capsem-test-folder");
    assert_int_equal(f->result.exit_code, 0);
    assert_true(fs_exists(f->folder.fd, "upper/capsem-test-file"));
    assert_true(fs_exists(f->folder.fd, "upper/capsem-test-folder"));
    assert_false(fs_exists(AT_FDCWD, "/capsem-test-file"));
    const char **names;
    size_t count;
    assert_true(fs_list(f->folder.arena, f->folder.fd, "upper", &names, &count, NULL));
    assert_int_equal(count, 2); /* and no mount point */
}

static void a_step_is_alone(void **state) {
    struct fixture *f = *state;
    assert_string_equal(shown_by(f, "echo $PPID; "
                                    "cat /proc/sys/kernel/hostname; ls /dev | sort | tr '\\n' ' '"),
                        "1\nlocalhost\nfd full mqueue null ptmx pts random shm stderr stdin stdout "
                        "tty urandom zero");
    f->spec.hostname = "builder";
    assert_string_equal(shown_by(f, "cat /proc/sys/kernel/hostname"), "builder");
}

static void a_user_has_its_groups_and_home(void **state) {
    struct fixture *f = *state;
    assert_string_equal(shown_by(f, "id -u; id -g; echo $HOME; pwd"), "0\n0\n/root\n/");
    f->spec.user = "1234:1235";
    f->spec.cwd = "/usr";
    assert_string_equal(shown_by(f, "id -u; id -g; id -G; echo $HOME; pwd"),
                        "1234\n1235\n1235\n/\n/usr");
    static const char *const env[] = { "PATH=/bin:/usr/bin", "HOME=/own", NULL };
    f->spec.env = env;
    assert_string_equal(shown_by(f, "echo $HOME; env | wc -l | tr -d ' '"), "/own\n3");
}

static void a_network_of_its_own_has_only_itself(void **state) {
    struct fixture *f = *state;
    f->spec.network = SANDBOX_NETWORK_NONE;
    assert_string_equal(shown_by(f, "ls /sys/class/net 2>/dev/null; grep -c : /proc/net/dev"),
                        "lo\n1");
    f->spec.network = SANDBOX_NETWORK_HOST;
    char host[64] = "";
    assert_true(readlink("/proc/self/ns/net", host, sizeof host - 1) > 0);
    assert_string_equal(shown_by(f, "readlink /proc/self/ns/net"), host);
}

static void the_hosts_kernel_is_hidden(void **state) {
    struct fixture *f = *state;
    assert_string_equal(shown_by(f, "cat /proc/keys | wc -c; cat /proc/timer_list | wc -c; "
                                    "ls /sys/firmware | wc -l"),
                        "0\n0\n0");
    shown_by(f, "echo 1 > /proc/sys/vm/drop_caches");
    assert_int_not_equal(f->result.exit_code, 0);
    shown_by(f, "mkdir /sys/kernel/x || exit 3");
    assert_int_equal(f->result.exit_code, 3);
}

static void mounts_are_where_they_are_wanted(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, "shared/file", "text");
    const struct sandbox_mount mounts[] = {
        { .kind = SANDBOX_BIND,
          .source = test_path(&f->folder, "shared"),
          .target = "/mnt/a/b",
          .readonly = true },
        { .kind = SANDBOX_TMPFS, .target = "/scratch", .size_bytes = 1 << 20, .mode = 0700 },
        { .kind = SANDBOX_FILE, .target = "/run/secret", .content = S("s3cret"), .mode = 0400 },
        { .kind = SANDBOX_BIND,
          .source = test_path(&f->folder, "shared/file"),
          .target = "/etc/shared" },
    };
    f->spec.mounts = mounts;
    f->spec.mount_count = ARRAY_LEN(mounts);
    assert_string_equal(shown_by(f, "cat /mnt/a/b/file; stat -c %a /scratch; cat /run/secret; "
                                    "stat -c %a /run/secret; echo more >> /etc/shared; "
                                    "echo x 2>/dev/null > /mnt/a/b/new || echo refused"),
                        "text700\ns3cret400\nrefused");
    str text;
    assert_true(fs_load(f->folder.arena, f->folder.fd, "shared/file", 100, &text, NULL));
    assert_string_equal(test_text(&f->folder, text), "textmore\n");
    static const char *const unmade[] = { "upper/mnt/a", "upper/scratch", "upper/run/secret",
                                          "upper/etc/shared" };
    for (size_t i = 0; i < ARRAY_LEN(unmade); i++) {
        print_message("%s\n", unmade[i]);
        assert_false(fs_exists(f->folder.fd, unmade[i])); /* mount points go */
    }
}

/* Through the links of the image: Debian's /var/run is /run. */
static void a_mount_point_follows_links(void **state) {
    struct fixture *f = *state;
    const struct sandbox_mount mount = { .kind = SANDBOX_FILE,
                                         .target = "/var/run/capsem-test/file",
                                         .content = S("in"),
                                         .mode = 0444 };
    char target[64] = "";
    if (readlink("/var/run", target, sizeof target - 1) <= 0 || strcmp(target, "/run") != 0) {
        skip();
    }
    f->spec.mounts = &mount;
    f->spec.mount_count = 1;
    assert_string_equal(shown_by(f, "cat /run/capsem-test/file"), "in");
    assert_false(fs_exists(AT_FDCWD, "/run/capsem-test"));
    assert_false(fs_exists(f->folder.fd, "upper/run/capsem-test"));
}

static void what_cannot_start_is_told(void **state) {
    static const struct {
        const char *program;
        const char *said;
    } cases[] = {
        { "/no/such/program", "run '/no/such/program'" },
        { "no-such-program", "run 'no-such-program'" },
        { "/etc/passwd", "run '/etc/passwd'" },
    };
    struct fixture *f = *state;
    shown_by(f, "true");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF text = BUF_INIT(4096);
        assert_false(try_run(f, (const char *const[]){ cases[i].program, NULL }));
        err_text(&f->err, &text);
        print_message("%s\n", text.ptr);
        assert_non_null(strstr(text.ptr, cases[i].said));
    }
    f->spec.cwd = "/no/such/folder";
    assert_false(try_run(f, (const char *const[]){ "/bin/true", NULL }));
    f->spec.cwd = "/";
    f->spec.user = "nobody-knows";
    assert_false(try_run(f, (const char *const[]){ "/bin/true", NULL }));
}

static volatile sig_atomic_t cancelled;

static void stop_at_output(void *self, str piece) {
    (void)self;
    (void)piece;
    cancelled = 1;
}

static void a_step_can_be_stopped(void **state) {
    struct fixture *f = *state;
    shown_by(f, "true");
    cancelled = 0;
    f->spec.cancelled = &cancelled;
    static const char *const argv[] = {
        "/bin/sh", "-c", "trap '' TERM INT HUP; echo begun; while :; do sleep 100000; done", NULL
    };
    f->spec.argv = argv;
    f->spec.on_output = stop_at_output;
    assert_true(fs_remove_tree(f->folder.fd, "work", NULL));
    test_dir(&f->folder, "work");
    assert_true(sandbox_run(&f->spec, &f->result, &f->err));
    assert_true(f->result.cancelled);
}

/* Whatever the command leaves: it ends although they live and hold its output. */
static void what_a_command_leaves_ends_with_it(void **state) {
    struct fixture *f = *state;
    assert_string_equal(shown_by(f, "(trap '' TERM HUP; sleep 100000) & setsid sleep 100001 & "
                                    "echo done"),
                        "done");
    assert_int_equal(f->result.exit_code, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_exit_is_told),
        TEST(what_changes_is_in_the_upper_folder),
        TEST(a_step_is_alone),
        TEST(a_user_has_its_groups_and_home),
        TEST(a_network_of_its_own_has_only_itself),
        TEST(the_hosts_kernel_is_hidden),
        TEST(mounts_are_where_they_are_wanted),
        TEST(a_mount_point_follows_links),
        TEST(what_cannot_start_is_told),
        TEST(a_step_can_be_stopped),
        TEST(what_a_command_leaves_ends_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
