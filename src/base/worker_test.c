// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/base.h"
#include "base/worker.h"

static bool speak(void *self, int outfd, struct err *err) {
    const char *text = self;
    return fs_write_all(outfd, text, strlen(text), err);
}

static bool refuse(void *self, int outfd, struct err *err) {
    (void)self;
    (void)outfd;
    return err_sys(err, ENOSPC, "pretend");
}

static bool die(void *self, int outfd, struct err *err) {
    (void)self;
    (void)outfd;
    (void)err;
    raise(SIGKILL);
    return true;
}

static bool sleep_long(void *self, int outfd, struct err *err) {
    (void)self;
    (void)outfd;
    (void)err;
    sleep(100000);
    return true;
}

static void output_and_errors_come_back(void **state) {
    (void)state;
    AUTO_BUF out = BUF_INIT(64);
    AUTO_WORKER w = WORKER_INIT;
    struct err err = ERR_INIT;
    char text[] = "what it says";
    assert_true(worker_start(speak, text, &w, &err));
    assert_true(worker_finish(&w, &out, NULL, &err));
    assert_string_equal(out.ptr, text);
    assert_true(worker_start(refuse, NULL, &w, &err));
    assert_false(worker_finish(&w, NULL, NULL, &err));
    assert_int_equal(err.code, ENOSPC);
    assert_true(worker_start(die, NULL, &w, &err));
    assert_false(worker_finish(&w, NULL, NULL, &err));
    assert_string_equal(err.frames[0], "a worker was killed by signal 9");
    assert_non_null(strstr(err.help, "memory"));
}

static void a_lost_status_is_no_success(void **state) {
    (void)state;
    AUTO_WORKER w = WORKER_INIT;
    struct err err = ERR_INIT;
    char text[] = "fine";
    AUTO_BUF out = BUF_INIT(1024);
    signal(SIGCHLD, SIG_IGN);
    assert_true(worker_start(speak, text, &w, &err));
    bool ok = worker_finish(&w, &out, NULL, &err);
    signal(SIGCHLD, SIG_DFL);
    assert_false(ok);
    assert_int_equal(err.code, ECHILD);
}

static void too_much_output_is_refused(void **state) {
    (void)state;
    AUTO_BUF out = BUF_INIT(4);
    AUTO_WORKER w = WORKER_INIT;
    struct err err = ERR_INIT;
    char text[] = "too much of it";
    assert_true(worker_start(speak, text, &w, &err));
    assert_false(worker_finish(&w, &out, NULL, &err));
}

static void it_can_be_stopped(void **state) {
    (void)state;
    AUTO_WORKER w = WORKER_INIT;
    struct err err = ERR_INIT;
    volatile sig_atomic_t cancelled = 1;
    assert_true(worker_start(sleep_long, NULL, &w, &err));
    pid_t pid = w.pid;
    assert_false(worker_finish(&w, NULL, &cancelled, &err));
    assert_int_equal(err.code, EINTR);
    assert_int_equal(kill(pid, 0), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_errors_come_back),
        cmocka_unit_test(a_lost_status_is_no_success),
        cmocka_unit_test(too_much_output_is_refused),
        cmocka_unit_test(it_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
