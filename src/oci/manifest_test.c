// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/oci.h"

#define D(c)    "sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define DIGEST  D("ab")
#define DIGEST2 D("cd")
#define CONFIG  "\"config\": {\"digest\": \"" DIGEST "\", \"size\": 2}"

static bool parse(struct arena *a, const char *json, struct oci_manifest *m, struct err *err) {
    return oci_manifest_parse(a, str_from_c(json), S(""), m, err);
}

static void manifests_are_read(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct oci_manifest m;
    struct err err = ERR_INIT;
    assert_true(parse(a,
                      "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [{\"mediaType\": \"x.tar\", "
                      "\"digest\": \"" DIGEST2 "\", \"size\": 5}]}",
                      &m, &err));
    assert_int_equal(m.kind, OCI_MANIFEST);
    assert_int_equal(m.len, 1);
    assert_int_equal(m.items[0].size_bytes, 5);
    assert_true(str_eq(m.items[0].digest, S(DIGEST2)));
    assert_true(str_eq(m.config.digest, S(DIGEST)));
}

static void bad_ones_say_why(void **state) {
    static const struct {
        const char *json, *why;
    } cases[] = {
        { "", "it is not a JSON object" },
        { "[]", "it is not a JSON object" },
        { "{\"a\": 1, \"a\": 2}", "it is not a JSON object" },
        { "{}", "its config: '' is not a sha256 digest" },
        { "{\"schemaVersion\": 1, \"fsLayers\": []}",
          "it is in Docker's first format, which has no digests of layers" },
        { "{\"mediaType\": \"text/html\"}", "its type 'text/html' is not an image type" },
        { "{\"config\": {\"digest\": \"sha256:ab\", \"size\": 1}}",
          "its config: 'sha256:ab' is not a sha256 digest" },
        { "{\"config\": {\"digest\": \"" DIGEST "\", \"size\": -1}}",
          "its config: " DIGEST " has no size" },
        { "{\"config\": {\"digest\": \"" DIGEST "\", \"size\": 1.5}}",
          "its config: " DIGEST " has no size" },
        { "{\"config\": {\"digest\": \"" DIGEST "\", \"size\": 99999999999999999999}}",
          "it is not a JSON object" },
        { "{" CONFIG "}", "it has no list of layers" },
        { "{" CONFIG ", \"layers\": [7]}", "entry 1 of its layers: '' is not a sha256 digest" },
        { "{" CONFIG ", \"layers\": {\"0\": 1}}", "it has no list of layers" },
        { "{\"manifests\": [{}]}", "entry 1 of its manifests: '' is not a sha256 digest" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA a = arena_new();
        AUTO_BUF text = BUF_INIT(4096);
        struct oci_manifest m;
        struct err err = ERR_INIT;
        assert_false(parse(a, cases[i].json, &m, &err));
        err_text(&err, &text);
        assert_string_equal(text.ptr, cases[i].why);
    }
}

static void too_many_layers_are_refused(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_BUF json = BUF_INIT(4 * 1024 * 1024);
    struct oci_manifest m;
    struct err err = ERR_INIT;
    buf_add_c(&json, "{" CONFIG ", \"layers\": [0");
    for (int i = 1; i < 10000; i++) {
        buf_add_c(&json, ",0");
    }
    buf_add_c(&json, "]}");
    assert_false(oci_manifest_parse(a, buf_str(&json), S(""), &m, &err));
    assert_string_equal(err.frames[0], "it has 10000 layers, more than 4000");
}

static void deep_json_is_refused(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    AUTO_BUF json = BUF_INIT(4 * 1024 * 1024);
    struct oci_manifest m;
    struct err err = ERR_INIT;
    buf_add_c(&json, "{\"layers\": ");
    buf_add_repeat(&json, '[', 1000000);
    assert_false(oci_manifest_parse(a, buf_str(&json), S(""), &m, &err));
}

#define ENTRY(digest, os, arch, variant)                                                           \
    "{\"digest\": \"" digest "\", \"size\": 1, \"platform\": {\"os\": \"" os                       \
    "\", \"architecture\": \"" arch "\", \"variant\": \"" variant "\"}}"

static void the_best_platform_is_chosen(void **state) {
    static const char json[] =
        "{\"manifests\": [" ENTRY(D("00"), "unknown", "unknown", "") "," ENTRY(
            D("01"), "linux", "amd64",
            "v3") "," ENTRY(D("02"), "linux", "amd64",
                            "") "," ENTRY(D("03"), "linux", "arm",
                                          "v5") "," ENTRY(D("04"), "linux", "arm",
                                                          "v6") "," ENTRY(D("05"), "linux", "arm64",
                                                                          "v8") "," ENTRY(D("06"),
                                                                                          "windows",
                                                                                          "386",
                                                                                          "") "]}";
    static const struct {
        const char *platform, *digest;
    } cases[] = {
        { "linux/amd64", D("02") },    { "x86_64", D("02") },       { "linux/arm64", D("05") },
        { "linux/arm64/v8", D("05") }, { "linux/arm/v7", D("04") }, { "linux/arm/v5", D("03") },
        { "linux/amd64/v4", D("01") }, { "linux/s390x", NULL },     { "linux/386", NULL },
        { "linux/riscv64", NULL },
    };
    (void)state;
    AUTO_ARENA a = arena_new();
    struct oci_manifest m;
    assert_true(parse(a, json, &m, NULL));
    assert_int_equal(m.kind, OCI_INDEX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_platform p;
        assert_true(oci_platform_parse(a, str_from_c(cases[i].platform), &p, NULL));
        const struct oci_descriptor *d = oci_index_choose(a, &m, &p, NULL);
        print_message("%s\n", cases[i].platform);
        assert_int_equal(d == NULL, cases[i].digest == NULL);
        assert_true(d == NULL || str_eq(d->digest, str_from_c(cases[i].digest)));
    }
}

/* OCI image index: "platform" is optional. */
static void an_entry_need_not_name_a_platform(void **state) {
#define BARE(digest) "{\"digest\": \"" digest "\", \"size\": 1}"
#define ATTESTATION(digest)                                                                        \
    "{\"digest\": \"" digest "\", \"size\": 1, \"annotations\": "                                  \
    "{\"vnd.docker.reference.type\": \"attestation-manifest\"}}"
    static const struct {
        const char *items, *digest, *why;
    } cases[] = {
        { BARE(D("01")), D("01"), NULL },
        { ENTRY(D("02"), "unknown", "unknown", ""), D("02"), NULL },
        { BARE(D("01")) "," ATTESTATION(D("02")), D("01"), NULL },
        { ATTESTATION(D("02")) "," ENTRY(D("03"), "unknown", "unknown", "") "," BARE(D("01")),
          D("01"), NULL },
        { BARE(D("01")) "," BARE(D("01")), D("01"), NULL },
        { BARE(D("01")) "," ENTRY(D("02"), "linux", "amd64", ""), D("02"), NULL },
        { BARE(D("01")) "," BARE(D("02")), NULL,
          "2 images in the index do not state their platform" },
        { ENTRY(D("01"), "linux", "arm64", "") "," ENTRY(D("02"), "linux", "s390x", ""), NULL,
          "the image is not made for linux/amd64, but for linux/arm64, linux/s390x" },
        { ATTESTATION(D("02")) "," ATTESTATION(D("03")), NULL,
          "the image is not made for linux/amd64" },
        { "", NULL, "the image is not made for linux/amd64" },
    };
    (void)state;
    struct oci_platform p = { S("linux"), S("amd64"), S("") };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA a = arena_new();
        struct oci_manifest m;
        struct err err = ERR_INIT;
        assert_true(parse(a, str_fmt(a, "{\"manifests\": [%s]}", cases[i].items).ptr, &m, NULL));
        const struct oci_descriptor *d = oci_index_choose(a, &m, &p, &err);
        print_message("%s\n", cases[i].items);
        assert_int_equal(d == NULL, cases[i].digest == NULL);
        assert_true(d == NULL || str_eq(d->digest, str_from_c(cases[i].digest)));
        if (d == NULL) {
            assert_string_equal(err.frames[0], cases[i].why);
        }
    }
}

static void diff_ids_are_read(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct oci_strings ids;
    struct oci_config config = { .platform = { S("linux"), S("amd64"), S("") } };
    const str list[] = { S(DIGEST), S(DIGEST2) };
    struct oci_layers given = { list, NULL, 2 };
    str json = oci_config_complete(a, &config, NULL, &given);
    assert_true(oci_config_diff_ids(a, json, &ids, NULL));
    assert_int_equal(ids.len, 2);
    assert_true(str_eq(ids.items[1], S(DIGEST2)));
    /* as many entries as layers, none of them empty: others refuse to build on it else */
    size_t entries = 0;
    for (size_t at = 0; (at = str_find(json, S("created_by"), at)) != STR_NONE; at++) {
        entries++;
    }
    assert_int_equal(entries, 2);
    assert_int_equal(str_find(json, S("empty_layer"), 0), STR_NONE);
    assert_false(oci_config_diff_ids(a, S("{}"), &ids, NULL));
    assert_false(oci_config_diff_ids(a, S("{\"rootfs\": {\"diff_ids\": [1]}}"), &ids, NULL));
    assert_false(oci_config_diff_ids(a, S(""), &ids, NULL));
}

static void what_we_write_we_read(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct oci_descriptor config = {
        S("application/vnd.oci.image.config.v1+json"), S(DIGEST), 3, { { 0 }, { 0 }, { 0 } }, false
    };
    struct oci_descriptor layer = { S("application/vnd.oci.image.layer.v1.tar+gzip"),
                                    S(DIGEST2),
                                    4,
                                    { { 0 }, { 0 }, { 0 } },
                                    false };
    struct oci_manifest m;
    assert_true(oci_manifest_parse(a, oci_manifest_encode(a, &config, &layer, 1), S(""), &m, NULL));
    assert_int_equal(m.kind, OCI_MANIFEST);
    assert_int_equal(m.items[0].size_bytes, 4);
    layer.platform = (struct oci_platform){ S("linux"), S("arm"), S("v7") };
    assert_true(oci_manifest_parse(a, oci_index_encode(a, &layer, S("a:b")), S(""), &m, NULL));
    assert_int_equal(m.kind, OCI_INDEX);
    assert_true(oci_platform_eq(&m.items[0].platform, &layer.platform));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests_are_read),
        cmocka_unit_test(bad_ones_say_why),
        cmocka_unit_test(too_many_layers_are_refused),
        cmocka_unit_test(deep_json_is_refused),
        cmocka_unit_test(the_best_platform_is_chosen),
        cmocka_unit_test(an_entry_need_not_name_a_platform),
        cmocka_unit_test(diff_ids_are_read),
        cmocka_unit_test(what_we_write_we_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
