// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/base.h"

struct result {
    struct buf out;
    struct buf errors;
    struct proc_result proc;
    struct err err;
};

static void result_done(struct result *r) {
    buf_done(&r->out);
    buf_done(&r->errors);
}
#define AUTO_RESULT __attribute__((cleanup(result_done))) struct result
#define RESULT_INIT ((struct result){ .out = BUF_INIT(1 << 20), .errors = BUF_INIT(1 << 20) })

static bool run_shell(struct result *r, const char *script, struct proc_spec spec) {
    const char *argv[] = { "sh", "-c", script, NULL };
    spec.argv = argv;
    spec.out = &r->out;
    spec.errors = &r->errors;
    return proc_run(&spec, &r->proc, &r->err);
}

static void output_and_exit_come_back(void **state) {
    (void)state;
    AUTO_RESULT r = RESULT_INIT;
    assert_true(run_shell(&r, "echo out; echo err >&2; exit 3", (struct proc_spec){ 0 }));
    assert_string_equal(r.out.ptr, "out\n");
    assert_string_equal(r.errors.ptr, "err\n");
    assert_int_equal(r.proc.exit_code, 3);
    assert_int_equal(r.proc.signal, 0);
    assert_false(r.proc.timed_out);
}

static void input_environment_and_folder_are_given(void **state) {
    (void)state;
    AUTO_RESULT r = RESULT_INIT;
    static const char *const env[] = { "CAPSEM_TEST=a b", "HOME=/nowhere", NULL };
    assert_true(run_shell(&r, "cat; pwd; echo \"$CAPSEM_TEST $HOME\"; env | grep -c '^HOME='",
                          (struct proc_spec){ .input = S("in\n"), .env = env, .cwd = "/usr" }));
    assert_string_equal(r.out.ptr, "in\n/usr\na b /nowhere\n1\n");
}

static void no_input_is_an_empty_one(void **state) {
    (void)state;
    AUTO_RESULT r = RESULT_INIT;
    assert_true(run_shell(&r, "cat; echo end", (struct proc_spec){ 0 }));
    assert_string_equal(r.out.ptr, "end\n");
}

static void much_input_and_output_do_not_block(void **state) {
    (void)state;
    AUTO_RESULT r = RESULT_INIT;
    AUTO_ARENA a = arena_new();
    str input = { arena_alloc(a, 500000), 500000 };
    assert_true(run_shell(&r, "cat; echo >&2 done", (struct proc_spec){ .input = input }));
    assert_int_equal(r.out.len, 500000);
    assert_string_equal(r.errors.ptr, "done\n");
    /* One that does not read its input is no harm either. */
    AUTO_RESULT other = RESULT_INIT;
    assert_true(run_shell(&other, "exit 0", (struct proc_spec){ .input = input }));
    assert_int_equal(other.proc.exit_code, 0);
}

static void what_does_not_fit_is_dropped(void **state) {
    (void)state;
    AUTO_RESULT r = RESULT_INIT;
    r.out.max = 10;
    assert_true(run_shell(&r, "printf 0123456789abc; exit 0", (struct proc_spec){ 0 }));
    assert_string_equal(r.out.ptr, "0123456789");
    assert_true(r.out.full);
}

static void signals_and_timeouts_are_seen(void **state) {
    (void)state;
    AUTO_RESULT killed = RESULT_INIT;
    assert_true(run_shell(&killed, "kill -TERM $$; sleep 10", (struct proc_spec){ 0 }));
    assert_int_equal(killed.proc.signal, SIGTERM);
    assert_int_equal(killed.proc.exit_code, -1);
    AUTO_RESULT slow = RESULT_INIT;
    assert_true(run_shell(&slow, "exec sleep 100000", (struct proc_spec){ .timeout_ms = 100 }));
    assert_true(slow.proc.timed_out);
    assert_int_equal(slow.proc.signal, SIGKILL);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left to reap */
    assert_int_equal(errno, ECHILD);
}

/* Where SIGCHLD is ignored the kernel keeps no status. */
static void a_lost_status_is_no_success(void **state) {
    (void)state;
    static const char *const argv[] = { "sh", "-c", "exit 3", NULL };
    struct proc_spec spec = { .argv = argv };
    struct proc_result result;
    struct err err = ERR_INIT;
    signal(SIGCHLD, SIG_IGN);
    bool ok = proc_run(&spec, &result, &err);
    signal(SIGCHLD, SIG_DFL);
    assert_false(ok);
    assert_int_equal(err.code, ECHILD);
}

static void programs_that_cannot_start_are_errors(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    struct proc_result result;
    const char *missing[] = { "capsem-no-such-program", NULL };
    assert_false(proc_run(&(struct proc_spec){ .argv = missing }, &result, &err));
    assert_int_equal(err.code, ENOENT);
    assert_string_equal(err.help, "install the program 'capsem-no-such-program'");
    const char *good[] = { "true", NULL };
    assert_false(proc_run(&(struct proc_spec){ .argv = good, .cwd = "/no/such" }, &result, &err));
    assert_string_equal(err.frames[0], "run 'true': No such file or directory");
}

static void a_failing_check_says_why(void **state) {
    (void)state;
    struct err err = ERR_INIT;
    const char *fails[] = { "sh", "-c", "echo first >&2; echo 'the reason' >&2; exit 4", NULL };
    assert_false(proc_check(&(struct proc_spec){ .argv = fails }, &err));
    assert_string_equal(err.frames[0], "'sh' exited with status 4: the reason");
    const char *dies[] = { "sh", "-c", "kill -KILL $$", NULL };
    assert_false(proc_check(&(struct proc_spec){ .argv = dies }, &err));
    assert_string_equal(err.frames[0], "'sh' was killed by signal 9 (Killed)");
    const char *sleeps[] = { "sleep", "20", NULL };
    assert_false(proc_check(&(struct proc_spec){ .argv = sleeps, .timeout_ms = 50 }, &err));
    assert_string_equal(err.frames[0], "'sleep' did not end within 50 ms");
    const char *good[] = { "true", NULL };
    assert_true(proc_check(&(struct proc_spec){ .argv = good }, &err));
}

struct pieces {
    size_t bytes[3];
};

static void count_piece(void *self, int stream, str piece) {
    struct pieces *p = self;
    p->bytes[stream] += piece.len;
}

static void pieces_are_handed_over(void **state) {
    (void)state;
    struct pieces pieces = { 0 };
    const char *argv[] = { "sh", "-c", "printf abc; printf de >&2", NULL };
    struct proc_spec spec = { .argv = argv, .on_output = count_piece, .self = &pieces };
    struct proc_result result;
    struct err err = ERR_INIT;
    assert_true(proc_run(&spec, &result, &err));
    assert_int_equal(pieces.bytes[1], 3);
    assert_int_equal(pieces.bytes[2], 2);
}

static void the_child_sees_no_other_descriptors(void **state) {
    (void)state;
    AUTO_RESULT r = RESULT_INIT;
    AUTO_FD open_one = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(open_one >= 0);
    assert_true(run_shell(&r, "ls /proc/self/fd | wc -l", (struct proc_spec){ 0 }));
    assert_true(str_eq(str_trim(buf_str(&r.out)), S("4"))); /* with the one of ls itself */
}

static void programs_are_found(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    const char *sh = proc_find(a, "sh");
    assert_non_null(sh);
    assert_int_equal(sh[0], '/');
    assert_string_equal(proc_find(a, "/bin/sh"), "/bin/sh");
    assert_null(proc_find(a, "capsem-no-such-program"));
    assert_null(proc_find(a, "/no/such"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_come_back),
        cmocka_unit_test(input_environment_and_folder_are_given),
        cmocka_unit_test(no_input_is_an_empty_one),
        cmocka_unit_test(much_input_and_output_do_not_block),
        cmocka_unit_test(what_does_not_fit_is_dropped),
        cmocka_unit_test(signals_and_timeouts_are_seen),
        cmocka_unit_test(a_lost_status_is_no_success),
        cmocka_unit_test(programs_that_cannot_start_are_errors),
        cmocka_unit_test(a_failing_check_says_why),
        cmocka_unit_test(pieces_are_handed_over),
        cmocka_unit_test(the_child_sees_no_other_descriptors),
        cmocka_unit_test(programs_are_found),
    };
    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
