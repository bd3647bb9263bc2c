// SPDX-License-Identifier: Apache-2.0
/* The newest kernel of a branch, with a release list of our own. */
#include "recipe/fixture.h"

#define RELEASE(version, moniker, iseol)                                                           \
    "{\"version\": \"" version "\", \"moniker\": \"" moniker "\", \"iseol\": " iseol "}"

static const struct release_case {
    const char *name;
    const char *json;
    const char *branch;
    const char *expected; /* "": none; NULL: the list is refused */
} cases[] = {
    { "the highest number, not the highest text",
      "{\"releases\": [" RELEASE("6.12.9", "longterm", "false") ", " RELEASE(
          "6.12.58", "longterm", "false") ", " RELEASE("6.12.10", "longterm", "false") "]}",
      "6.12", "6.12.58" },
    { "a branch is not the beginning of another",
      "{\"releases\": [" RELEASE("6.12.58", "longterm", "false") "]}", "6.1", "" },
    { "only longterm",
      "{\"releases\": [" RELEASE("6.12.60", "stable", "false") ", " RELEASE("6.12.5", "longterm",
                                                                            "false") "]}",
      "6.12", "6.12.5" },
    { "not what is at its end of life",
      "{\"releases\": [" RELEASE("5.4.300", "longterm", "true") "]}", "5.4", "" },
    { "no number behind the branch",
      "{\"releases\": [" RELEASE("6.12", "longterm", "false") ", " RELEASE(
          "6.12.x", "longterm", "false") ", " RELEASE("6.12.", "longterm", "false") "]}",
      "6.12", "" },
    { "auto is the newest longterm of any branch",
      "{\"releases\": [" RELEASE("6.19.1", "stable", "false") ", " RELEASE(
          "6.6.104", "longterm",
          "false") ", " RELEASE("6.12.9", "longterm",
                                "false") ", " RELEASE("5.15.190", "longterm",
                                                      "false") ", " RELEASE("6.18", "longterm",
                                                                            "true") "]}",
      "auto", "6.12.9" },
    { "rows of another kind", "{\"releases\": [1, null, {}, {\"version\": 3}, []]}", "6.12", "" },
    { "an empty list", "{\"releases\": []}", "6.12", "" },
    { "not JSON", "<html>", "6.12", NULL },
    { "JSON without releases", "{\"latest\": 1}", "6.12", NULL },
    { "nothing at all", "", "6.12", NULL },
};

static void release_list(void **state) {
    const struct release_case *c = *state;
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str version = { 0 };
    bool ok =
        recipe_kernel_parse_releases(a, str_from_c(c->json), str_from_c(c->branch), &version, &err);
    assert_int_equal(ok, c->expected != NULL);
    assert_int_equal(err_is_set(&err), c->expected == NULL);
    if (ok) {
        assert_string_equal(str_to_c(a, version), c->expected);
    }
}

/* A server of our own: gives `self` as the answer, refuses when it is NULL. */
static bool fake_fetch(void *self, struct arena *a, const char *url, str *ret, struct err *err) {
    (void)a;
    assert_non_null(strstr(url, "releases.json"));
    if (self == NULL) {
        return err_set(err, "no route to host");
    }
    *ret = str_from_c(self);
    return true;
}

static const struct recipe_fetch_ops fake = { fake_fetch };

static struct config_architecture architecture(const char *branch) {
    return (struct config_architecture){
        .kernel_branch = { .text = str_from_c(branch), .present = true },
        .kernel_source = { .value = CONFIG_KERNEL_ORG, .text = S("kernel.org") }
    };
}

static void kernel_org_answers(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str version;
    enum recipe_kernel_origin origin;
    struct config_architecture arch = architecture("6.12");
    char list[] = "{\"releases\": [" RELEASE("6.12.77", "longterm", "false") "]}";
    assert_true(recipe_kernel_version(a, &arch, &fake, list, &version, &origin, &err));
    assert_int_equal(origin, RECIPE_KERNEL_NEWEST);
    assert_string_equal(str_to_c(a, version), "6.12.77");
}

static void the_last_known_is_the_fallback(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str version;
    enum recipe_kernel_origin origin;
    struct config_architecture arch = architecture("6.12");
    assert_true(recipe_kernel_version(a, &arch, &fake, NULL, &version, &origin, &err));
    assert_int_equal(origin, RECIPE_KERNEL_KNOWN);
    assert_true(str_starts(version, S("6.12.")));
    AUTO_BUF why = BUF_INIT(1024);
    err_text(&err, &why);
    assert_non_null(strstr(why.ptr, "no route to host"));
}

static void an_unknown_branch_is_an_error(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str version;
    enum recipe_kernel_origin origin;
    struct config_architecture arch = architecture("9.99");
    assert_false(recipe_kernel_version(a, &arch, &fake, NULL, &version, &origin, &err));
    assert_true(err_is_set(&err));
}

static void a_branch_that_the_list_lacks_falls_back(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str version;
    enum recipe_kernel_origin origin;
    struct config_architecture arch = architecture("6.6");
    char list[] = "{\"releases\": []}";
    assert_true(recipe_kernel_version(a, &arch, &fake, list, &version, &origin, &err));
    assert_int_equal(origin, RECIPE_KERNEL_KNOWN);
    assert_true(str_starts(version, S("6.6.")));
    assert_true(err_is_set(&err));
}

int main(void) {
    struct CMUnitTest lists[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        lists[i] =
            (struct CMUnitTest){ cases[i].name, release_list, NULL, NULL, (void *)&cases[i] };
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_org_answers),
        cmocka_unit_test(the_last_known_is_the_fallback),
        cmocka_unit_test(an_unknown_branch_is_an_error),
        cmocka_unit_test(a_branch_that_the_list_lacks_falls_back),
    };
    int failed = cmocka_run_group_tests_name("release list", lists, NULL, NULL);
    return failed + cmocka_run_group_tests_name("kernel version", tests, NULL, NULL);
}
