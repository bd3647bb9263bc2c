// SPDX-License-Identifier: Apache-2.0
#include "base/testing.h"

#include "audit/audit.h"

static const char trivy[] =
    "{\"SchemaVersion\":2,\"Results\":[{\"Target\":\"etc/x\",\"Vulnerabilities\":["
    "{\"VulnerabilityID\":\"CVE-1\",\"Severity\":\"low\",\"PkgName\":\"a\",\"InstalledVersion\":"
    "\"1\"},"
    "{\"VulnerabilityID\":\"CVE-2\",\"Severity\":\"CRITICAL\",\"PkgName\":\"b\",\"FixedVersion\":"
    "\"2\"},"
    "{\"VulnerabilityID\":\"CVE-3\",\"Severity\":\"odd\"},"
    "{\"VulnerabilityID\":\"CVE-4\",\"Severity\":\"CRITICAL\"}],"
    "\"Secrets\":[{\"RuleID\":\"key\",\"Severity\":\"HIGH\",\"StartLine\":7,\"Match\":\"s3cret\"}],"
    "\"Misconfigurations\":[{\"ID\":\"m1\",\"Status\":\"PASS\"},{\"ID\":\"m2\",\"Status\":\"FAIL\","
    "\"Severity\":\"MEDIUM\"}],\"Licenses\":[{\"Name\":\"GPL\",\"FilePath\":\"f\"}]}]}";

static void the_worst_is_first(void **state) {
    static const char *const ids[] = { "CVE-2", "CVE-4", "key", "m2", "CVE-1", "CVE-3", "GPL" };
    (void)state;
    AUTO_ARENA a = arena_new();
    struct audit_report r = { 0 };
    struct err err = ERR_INIT;
    assert_true(audit_parse(a, str_from_c(trivy), "trivy", &r, &err));
    assert_int_equal(r.len, ARRAY_LEN(ids));
    for (size_t i = 0; i < r.len; i++) {
        assert_string_equal(str_to_c(a, r.items[i].id), ids[i]);
    }
    assert_int_equal(r.counts[AUDIT_CRITICAL], 2);
    assert_int_equal(r.counts[AUDIT_UNKNOWN], 2);
    assert_int_equal(r.kinds[AUDIT_VULNERABILITY], 4);
    assert_int_equal(r.kinds[AUDIT_MISCONFIGURATION], 1);
    assert_string_equal(str_to_c(a, r.items[0].fixed_version), "2");
}

static void a_secret_is_a_place_and_not_its_text(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct audit_report r = { 0 };
    struct err err = ERR_INIT;
    assert_true(audit_parse(a, str_from_c(trivy), "trivy", &r, &err));
    assert_string_equal(str_to_c(a, r.items[2].package), "etc/x:7");
    assert_int_equal(r.items[2].title.len, 0);
}

static void only_a_fix_that_exists_is_one(void **state) {
    static const char text[] =
        "{\"matches\":[{\"vulnerability\":{\"id\":\"A\",\"severity\":\"High\",\"fix\":{\"state\":"
        "\"fixed\",\"versions\":[\"1\",\"2\"]}},\"artifact\":{\"name\":\"p\",\"version\":\"0\"}},"
        "{\"vulnerability\":{\"id\":\"B\",\"severity\":\"High\",\"fix\":{\"state\":\"wont-fix\","
        "\"versions\":[\"3\"]}},\"artifact\":{\"name\":\"q\",\"version\":\"0\"}}]}";
    (void)state;
    AUTO_ARENA a = arena_new();
    struct audit_report r = { 0 };
    struct err err = ERR_INIT;
    assert_true(audit_parse(a, str_from_c(text), "grype", &r, &err));
    assert_int_equal(r.len, 2);
    assert_string_equal(str_to_c(a, r.items[0].fixed_version), "1, 2");
    assert_int_equal(r.items[1].fixed_version.len, 0);
    assert_int_equal(r.items[1].severity, AUDIT_HIGH);
}

static void what_is_not_a_report_is_refused(void **state) {
    static const struct {
        const char *text;
        const char *scanner;
        const char *said; /* in one of the frames */
    } cases[] = {
        { "", "trivy", "is empty" },
        { "{", "trivy", "is not JSON" },
        { "[]", "trivy", "is not an object" },
        { "{}", "trivy", "no 'Results'" },
        { "{\"matches\":[]}", "trivy", "--scanner grype" },
        { "{\"Results\":[]}", "grype", "--scanner trivy" },
        { "{\"Results\":{}}", "trivy", "is not a list" },
        { "{\"Results\":[{\"Vulnerabilities\":[{}]}]}", "trivy", "is missing" },
        { "{\"Results\":[{\"Vulnerabilities\":[{\"VulnerabilityID\":1}]}]}", "trivy",
          "is not a string" },
        { "{\"matches\":[{}]}", "grype", "is not an object" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA a = arena_new();
        AUTO_BUF text = BUF_INIT(4096);
        struct audit_report r = { 0 };
        struct err err = ERR_INIT;
        print_message("%s\n", cases[i].text);
        assert_false(audit_parse(a, str_from_c(cases[i].text), cases[i].scanner, &r, &err));
        err_text(&err, &text);
        assert_non_null(strstr(text.ptr, cases[i].said));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_is_first),
        cmocka_unit_test(a_secret_is_a_place_and_not_its_text),
        cmocka_unit_test(only_a_fix_that_exists_is_one),
        cmocka_unit_test(what_is_not_a_report_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
