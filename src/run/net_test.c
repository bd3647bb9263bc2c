// SPDX-License-Identifier: Apache-2.0
#include "run/test_guest.h"

static void what_closes_the_network_is_named(void **state) {
    struct fixture *f = *state;
    assert_string_equal(run_net_policy(&f->work).closed,
                        "the assets have no policy; use --guest GUEST");
    put_guest(f, "");
    load_guest(f);
    assert_null(run_net_policy(&f->work).closed);
    f->request.net_closed = true;
    assert_string_equal(run_net_policy(&f->work).closed, "--net none");
}

static void a_port_has_a_process_until_it_is_done(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    AUTO_RUN_PORT port = RUN_PORT_INIT;
    f->request.net_log = in(f, "log");
    f->request.resolve = list_of(f, "a.example=127.0.0.1:80", NULL);
    assert_true(run_net_start(&f->work, &port, &err));
    assert_true(port.fd >= 0 && port.pid > 0 && kill(port.pid, 0) == 0);
    assert_true(fs_exists(AT_FDCWD, in(f, "log")));
    pid_t pid = port.pid;
    run_port_done(&port);
    assert_int_equal(port.fd, -1);
    assert_int_equal(kill(pid, 0), -1); /* reaped */
}

static void a_server_for_the_guest_is_another(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    AUTO_RUN_PORT port = RUN_PORT_INIT;
    f->request.mcp = "cat";
    assert_true(run_mcp_start(&f->work, &port, &err));
    assert_true(port.pid > 0);
    run_port_done(&port);
    run_port_done(&port); /* twice does no harm */
}

static void what_cannot_be_opened_starts_nothing(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    AUTO_RUN_PORT port = RUN_PORT_INIT;
    f->request.net_log = in(f, "not/there");
    assert_false(run_net_start(&f->work, &port, &err));
    assert_says(&err, "open the log of the network");
    f->request.resolve = list_of(f, "a.example", NULL);
    err = ERR_INIT;
    assert_false(run_net_start(&f->work, &port, &err));
    assert_says(&err, "--resolve");
    assert_int_equal(port.pid, 0);
    assert_int_equal(port.fd, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        UNIT_TEST(what_closes_the_network_is_named),
        UNIT_TEST(a_port_has_a_process_until_it_is_done),
        UNIT_TEST(a_server_for_the_guest_is_another),
        UNIT_TEST(what_cannot_be_opened_starts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
