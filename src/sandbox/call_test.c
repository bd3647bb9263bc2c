// SPDX-License-Identifier: Apache-2.0
/* Functions that are called in a root of layers, and what becomes of them when we are killed. */
#include "base/testing.h"

#include <signal.h>
#include <sys/wait.h>

#include "sandbox/sandbox.h"

struct fixture {
    struct test_folder folder;
    const char *layers[2];
    struct sandbox_spec spec;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    test_file(&f->folder, "low/both", "low");
    test_file(&f->folder, "low/only", "low");
    test_file(&f->folder, "high/both", "high");
    test_dir(&f->folder, "upper");
    test_dir(&f->folder, "work");
    test_dir(&f->folder, "staging");
    f->layers[0] = test_path(&f->folder, "low");
    f->layers[1] = test_path(&f->folder, "high");
    f->spec = (struct sandbox_spec){
        .root = { f->layers, 2 },
        .upper = test_path(&f->folder, "upper"),
        .work = test_path(&f->folder, "work"),
        .staging = test_path(&f->folder, "staging"),
    };
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

static bool change_root(void *self, int rootfd, const int *roots, struct err *err) {
    (void)self;
    (void)roots;
    AUTO_ARENA a = arena_new();
    str text;
    return fs_load(a, rootfd, "both", 100, &text, err) &&
           (str_eq(text, S("high")) || err_set(err, "the lower layer wins")) &&
           fs_store(rootfd, "new", S("made"), 0644, err) &&
           (unlinkat(rootfd, "only", 0) == 0 || err_sys(err, errno, "remove"));
}

static void changes_are_in_the_upper_folder(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    if (geteuid() != 0) {
        skip();
    }
    bool ok = sandbox_call(&f->spec, change_root, NULL, &err);
    if (!ok) {
        print_message("%s\n", err.frames[0]);
    }
    assert_true(ok);
    assert_true(fs_exists(f->folder.fd, "upper/new"));
    assert_false(fs_exists(f->folder.fd, "upper/both"));
    struct stat st;
    assert_int_equal(fstatat(f->folder.fd, "upper/only", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0); /* a whiteout */
    assert_true(fs_exists(f->folder.fd, "low/only"));
    const char **names;
    size_t count;
    assert_true(fs_list(f->folder.arena, f->folder.fd, "staging", &names, &count, &err));
    assert_int_equal(count, 0); /* no mount is seen here */
}

static bool refuse(void *self, int rootfd, const int *roots, struct err *err) {
    (void)self;
    (void)rootfd;
    (void)roots;
    err_set(err, "because");
    err->code = EXDEV;
    return err_help(err, "do not");
}

static void what_a_function_says_comes_back(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    if (geteuid() != 0) {
        skip();
    }
    assert_false(sandbox_call(&f->spec, refuse, NULL, &err));
    assert_string_equal(err.frames[0], "because");
    assert_string_equal(err.help, "do not");
    assert_int_equal(err.code, EXDEV);
}

static void print(void *self, str piece) {
    struct buf *out = self;
    buf_add(out, piece);
}

static bool say(void *self, int rootfd, const int *roots, struct err *err) {
    (void)self;
    (void)rootfd;
    (void)roots;
    return fs_write_all(STDOUT_FILENO, "out\n", 4, err) &&
           fs_write_all(STDERR_FILENO, "err\n", 4, err);
}

static void output_comes_in_order(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    AUTO_BUF out = BUF_INIT(1000);
    if (geteuid() != 0) {
        skip();
    }
    f->spec.on_output = print;
    f->spec.self = &out;
    assert_true(sandbox_call(&f->spec, say, NULL, &err));
    assert_string_equal(test_text(&f->folder, buf_str(&out)), "out\nerr\n");
}

/* ---- being killed ---- */

/* Says that it is there, and then holds its end of a pipe for ever. */
static bool hold(void *self, int rootfd, const int *roots, struct err *err) {
    const int *fd = self;
    (void)rootfd;
    (void)roots;
    if (!fs_write_all(*fd, "x", 1, err)) {
        return false;
    }
    for (;;) {
        pause();
    }
}

/* Whoever holds the other end is gone when there is the end of the stream: no clock is asked. A
 * process that stays lets this test hang, and meson ends it. */
static void nothing_stays_when_we_are_killed(void **state) {
    struct fixture *f = *state;
    int fds[2];
    char byte;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err = ERR_INIT;
        close(fds[0]);
        (void)!sandbox_call(&f->spec, hold, &fds[1], &err);
        _exit(1);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(read(fds[0], &byte, 1), 0);
    close(fds[0]);
}

static volatile sig_atomic_t cancelled;

static void a_call_can_be_stopped(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    if (geteuid() != 0) {
        skip();
    }
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    f->spec.cancelled = &cancelled;
    cancelled = 1;
    assert_false(sandbox_call(&f->spec, hold, &null, &err));
    close(null);
    assert_int_equal(err.code, EINTR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_are_in_the_upper_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_function_says_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_comes_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_stays_when_we_are_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_can_be_stopped, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
