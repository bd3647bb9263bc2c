// SPDX-License-Identifier: Apache-2.0
#include "base/testing.h"
#include "embedded/internal.h"

static void signals_of_linux_are_known(void **state) {
    static const char *const texts[] = {
        "1",     "9",        "64",          "TERM",    "SIGTERM", "sigterm",
        "Term",  "SIGRTMIN", "SIGRTMIN+15", "RTMAX-1", "RTMAX",   "SIGSTKFLT",
        "WINCH", "SIGPOLL",  "SIGVTALRM",   "rtmin+3",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        print_message("%s\n", texts[i]);
        assert_true(signal_is_known(str_from_c(texts[i])));
    }
}

static void others_are_not(void **state) {
    static const char *const texts[] = {
        "",   "0",       "65",      "-1",       "SIG",    "SIGSIGTERM", "TERMS",
        "1x", "RTMIN-1", "RTMAX+1", "RTMIN+16", "RTMIN+", "SIGRTMINX",  "RTM",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        print_message("%s\n", texts[i]);
        assert_false(signal_is_known(str_from_c(texts[i])));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_of_linux_are_known),
        cmocka_unit_test(others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
