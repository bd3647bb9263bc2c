// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gate/internal.h"

static const struct {
    const char *text;
    bool public;
} addresses[] = {
    { "8.8.8.8", true },
    { "1.0.0.1", true },
    { "172.15.0.1", true },
    { "172.32.0.1", true },
    { "192.169.0.1", true },
    { "100.63.0.1", true },
    { "223.255.255.255", true },
    { "0.0.0.0", false },
    { "10.1.2.3", false },
    { "100.64.0.1", false },
    { "127.0.0.1", false },
    { "127.255.255.255", false },
    { "169.254.169.254", false },
    { "172.16.0.1", false },
    { "172.31.255.255", false },
    { "192.0.2.1", false },
    { "192.168.1.1", false },
    { "198.18.0.1", false },
    { "198.19.255.255", false },
    { "224.0.0.1", false },
    { "240.0.0.1", false },
    { "255.255.255.255", false },
    { "2606:4700::1", true },
    { "2a00::1", true },
    { "::", false },
    { "::1", false },
    { "fe80::1", false },
    { "fc00::1", false },
    { "fd12::1", false },
    { "ff02::1", false },
    { "2001:db8::1", false },
    { "2001::1", false },
    { "::ffff:127.0.0.1", false },
    { "::ffff:8.8.8.8", true },
    { "64:ff9b::a00:1", false },
    { "64:ff9b::808:808", true },
    { "2002:7f00:1::1", false },
    { "2002:808:808::1", true },
};

static void test_public(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        AUTO_ARENA a = arena_new();
        struct gate_override override;
        struct err err = ERR_INIT;
        bool six = str_find_char(str_from_c(addresses[i].text), ':', 0) != STR_NONE;
        str text = str_fmt(a, six ? "x=[%s]" : "x=%s", addresses[i].text);
        assert_true(gate_override_parse(text, &override, &err));
        if (gate_address_is_public(&override.address) != addresses[i].public) {
            fail_msg("%s", addresses[i].text);
        }
    }
}

static struct gate_address address_of(const char *text) {
    AUTO_ARENA a = arena_new();
    struct gate_override override;
    struct err err = ERR_INIT;
    assert_true(gate_override_parse(str_fmt(a, "x=%s", text), &override, &err));
    return override.address;
}

/* 127.0.0.0/8 is ours by a route, whatever the interface has. */
static void test_own(void **state) {
    (void)state;
    static const char *const own[] = { "127.0.0.1", "127.9.8.7", "[::ffff:127.0.0.1]",
                                       "[64:ff9b::7f00:1]", "[2002:7f00:1::5]" };
    static const char *const others[] = { "192.0.2.7", "[2001:db8::7]", "[::ffff:192.0.2.7]" };
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        struct gate_address address = address_of(own[i]);
        assert_true(gate_address_is_own(&address));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct gate_address address = address_of(others[i]);
        assert_false(gate_address_is_own(&address));
    }
}

static const struct {
    const char *text;
    const char *address; /* NULL: refused */
} overrides[] = {
    { "a.example=127.0.0.1", "127.0.0.1:0" },
    { "A.Example.=127.0.0.1:8443", "127.0.0.1:8443" },
    { "a.example=::1", "[::1]:0" },
    { "a.example=[::1]", "[::1]:0" },
    { "a.example=[::1]:99", "[::1]:99" },
    { "a.example", NULL },
    { "a.example=", NULL },
    { "=127.0.0.1", NULL },
    { "a.example=b.example", NULL },
    { "a.example=127.0.0.1:0", NULL },
    { "a.example=127.0.0.1:65536", NULL },
    { "a.example=127.0.0.1:", NULL },
    { "a.example=[::1", NULL },
    { "a.example=[::1]x", NULL },
    { "a.example=[127.0.0.1]", NULL },
    { "a b=127.0.0.1", NULL },
};

static void test_overrides(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(overrides); i++) {
        struct gate_override override;
        struct err err = ERR_INIT;
        char text[64];
        bool good = gate_override_parse(str_from_c(overrides[i].text), &override, &err);
        if (good != (overrides[i].address != NULL)) {
            fail_msg("%s", overrides[i].text);
        }
        assert_true(good || err.help[0] != '\0');
        if (good) {
            gate_address_text(&override.address, text);
            assert_string_equal(text, overrides[i].address);
            assert_string_equal(override.name, "a.example");
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_overrides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
