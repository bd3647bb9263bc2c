// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gate/gate.h"

#define LIST(...)                                                                                  \
    {                                                                                              \
        .items = (struct config_text[]){ __VA_ARGS__ },                                            \
        .len = sizeof((struct config_text[]){ __VA_ARGS__ }) / sizeof(struct config_text),         \
    }
#define TEXT(literal)                                                                              \
    { .text = S_INIT(literal) }
#define YES                                                                                        \
    { .value = true }
#define NAME(literal)                                                                              \
    { .key = S_INIT(literal) }

static struct config_web_service search[] = {
    { .head = NAME("off"), .domains = LIST(TEXT("*.off.example")), .allow_get = YES },
};

static struct config_web_service registry[] = {
    { .head = NAME("npm"),
      .enabled = YES,
      .allow_get = YES,
      .domains = LIST(TEXT("*.Registry.example"), TEXT("exact.example")) },
};

static struct config_provider providers[] = {
    { .head = NAME("agent"),
      .enabled = YES,
      .network = { .domains = LIST(TEXT("*.agent.example")),
                   .allow_get = YES,
                   .allow_post = YES } },
    { .head = NAME("left-out"),
      .network = { .domains = LIST(TEXT("left-out.example")), .allow_get = YES } },
};

static struct config_package_set sets[] = {
    { .head = NAME("apt"),
      .network = { .head = { .present = true },
                   .domains = LIST(TEXT("*.off.example")),
                   .allow_get = YES } },
    { .head = NAME("bare"),
      .network = { .domains = LIST(TEXT("bare.example")), .allow_get = YES } },
};

static const struct guest_config whole = {
    .web = {
        .custom_allow = LIST(TEXT("mine.example"), TEXT("bad.mine.example"), TEXT("*.agent.example")),
        .custom_block = LIST(TEXT("bad.mine.example"), TEXT("*.blocked.agent.example")),
        .search = { search, 1 },
        .registry = { registry, 1 },
    },
    .providers = { providers, 2 },
    .package_sets = { sets, 2 },
};

static struct config_text root[] = { TEXT("*") };

static const struct {
    const char *name;
    enum gate_want want;
    bool allowed;
    const char *why;
} cases[] = {
    { "registry.example", GATE_GET, true, "web.registry 'npm'" },
    { "a.b.registry.example", GATE_ANY, true, "web.registry 'npm'" },
    { "registry.example", GATE_POST, false, "web.registry 'npm'" },
    { "notregistry.example", GATE_GET, false, "web.allow_read" },
    { "exact.example", GATE_GET, true, "web.registry 'npm'" },
    { "below.exact.example", GATE_GET, false, "web.allow_read" },
    { "registry.example", GATE_BOTH, false, "web.registry 'npm'" },
    { "mine.example", GATE_BOTH, true, "web.custom_allow" },
    { "mine.example", GATE_POST, true, "web.custom_allow" },
    { "bad.mine.example", GATE_GET, false, "web.custom_block" },
    { "x.blocked.agent.example", GATE_GET, false, "web.custom_block" },
    { "agent.example", GATE_POST, true, "web.custom_allow" },
    { "left-out.example", GATE_GET, false, "ai 'left-out'" },
    { "bare.example", GATE_GET, false, "web.allow_read" },
    { "www.off.example", GATE_GET, true, "packages 'apt'" }, /* one table that allows is enough */
    { "elsewhere.example", GATE_GET, false, "web.allow_read" },
    { "elsewhere.example", GATE_POST, false, "web.allow_write" },
};

static void test_cases(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct guest_config config = whole;
    struct gate_policy policy;
    gate_policy_make(a, &config, &policy);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = "";
        bool allowed = gate_policy_allows(&policy, str_from_c(cases[i].name), cases[i].want, &why);
        if (allowed != cases[i].allowed || strcmp(why, cases[i].why) != 0) {
            fail_msg("%s %d: %d by %s", cases[i].name, cases[i].want, allowed, why);
        }
    }
}

/* What no table mentions follows the defaults; what one mentions does not. */
static void test_open_defaults(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct guest_config config = whole;
    struct gate_policy policy;
    const char *why;
    config.web.allow_read.value = true;
    gate_policy_make(a, &config, &policy);
    assert_true(gate_policy_allows(&policy, S("elsewhere.example"), GATE_GET, &why));
    assert_true(gate_policy_allows(&policy, S("elsewhere.example"), GATE_ANY, &why));
    assert_false(gate_policy_allows(&policy, S("elsewhere.example"), GATE_POST, &why));
    assert_false(gate_policy_allows(&policy, S("left-out.example"), GATE_GET, &why));
    policy.closed = "--net none";
    assert_false(gate_policy_allows(&policy, S("mine.example"), GATE_GET, &why));
    assert_string_equal(why, "--net none");
}

static void test_the_root(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct guest_config config = { .web.custom_allow = { .items = root, .len = 1 } };
    struct gate_policy policy;
    const char *why;
    gate_policy_make(a, &config, &policy);
    assert_true(gate_policy_allows(&policy, S("any.example"), GATE_POST, &why));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_open_defaults),
        cmocka_unit_test(test_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
