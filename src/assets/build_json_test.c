// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assets/fixture_test.h"

static const char *const none[ASSET_COUNT] = { 0 };
static const char *const rootfs[ASSET_COUNT] = { [ASSET_ROOTFS] = "rootfs" };

static const struct assets_input inputs[] = {
    { S_INIT("config"), S_INIT("guest/config/build.toml"), S_INIT("aa55") },
    { S_INIT("base image"), S_INIT("debian:12-slim"), S_INIT("") },
};
static const struct assets_step steps[] = {
    { S_INIT("rootfs"), S_INIT("RUN apt-get install \"x\"\xFF"), S_INIT("k1"), true, 0 },
    { S_INIT(""), S_INIT("pack rootfs.squashfs"), S_INIT(""), false, 1234 },
};
static const struct assets_size sizes[] = { { S_INIT("content"), 5000000000 } };
static const struct assets_template rootfs_template = {
    .name = S_INIT("rootfs"),
    .started_s = 1700000000,
    .duration_ms = 1500,
    .inputs = inputs,
    .input_count = ARRAY_LEN(inputs),
    .steps = steps,
    .step_count = ARRAY_LEN(steps),
    .sizes = sizes,
    .size_count = ARRAY_LEN(sizes),
};
static const struct assets_template kernel_template = { .name = S_INIT("kernel") };

static void commit_build(struct fixture *f, const char *const texts[ASSET_COUNT],
                         const struct assets_template *template) {
    struct assets_build build = {
        .image_name = S("capsem-default"),
        .image_version = S("0.4.0"),
        .engine = S("embedded"),
        .source_date_epoch = 1700000001,
        .templates = template,
        .template_count = 1,
    };
    struct assets_commit c = { .version = S("0.4.0"), .build = &build };
    assert_true(commit(f, "x86_64", texts, &c, NULL));
}

static void all_of_it_is_written(void **state) {
    struct fixture *f = *state;
    commit_build(f, rootfs, &rootfs_template);
    static const char want[] =
        "{\n"
        "  \"program\": \"capsem-builder " CAPSEM_VERSION "\",\n"
        "  \"image\": \"capsem-default\",\n"
        "  \"version\": \"0.4.0\",\n"
        "  \"arch\": \"x86_64\",\n"
        "  \"engine\": \"embedded\",\n"
        "  \"source_date_epoch\": 1700000001,\n"
        "  \"templates\": {\n"
        "    \"rootfs\": {\n"
        "      \"started\": \"2023-11-14T22:13:20Z\",\n"
        "      \"duration_ms\": 1500,\n"
        "      \"steps_cached\": 1,\n"
        "      \"steps_run\": 1,\n"
        "      \"inputs\": [\n"
        "        {\n"
        "          \"kind\": \"config\",\n"
        "          \"name\": \"guest/config/build.toml\",\n"
        "          \"digest\": \"aa55\"\n"
        "        },\n"
        "        {\n"
        "          \"kind\": \"base image\",\n"
        "          \"name\": \"debian:12-slim\"\n"
        "        }\n"
        "      ],\n"
        "      \"steps\": [\n"
        "        {\n"
        "          \"stage\": \"rootfs\",\n"
        "          \"instruction\": \"RUN apt-get install \\\"x\\\"\xEF\xBF\xBD\",\n"
        "          \"key\": \"k1\",\n"
        "          \"cached\": true,\n"
        "          \"duration_ms\": 0\n"
        "        },\n"
        "        {\n"
        "          \"instruction\": \"pack rootfs.squashfs\",\n"
        "          \"cached\": false,\n"
        "          \"duration_ms\": 1234\n"
        "        }\n"
        "      ],\n"
        "      \"sizes\": {\n"
        "        \"content\": 5000000000\n"
        "      }\n"
        "    }\n"
        "  },\n"
        "  \"sizes\": {\n"
        "    \"rootfs.squashfs\": 6\n"
        "  }\n"
        "}\n";
    assert_string_equal(content(f, "x86_64/build.json"), want);
}

static json_t *load(struct fixture *f) {
    json_t *root = json_loads(content(f, "x86_64/build.json"), 0, NULL);
    assert_non_null(root);
    return root;
}

static json_int_t rootfs_ms(const json_t *root) {
    const json_t *template = json_object_get(json_object_get(root, "templates"), "rootfs");
    return json_integer_value(json_object_get(template, "duration_ms"));
}

static void other_templates_are_kept(void **state) {
    struct fixture *f = *state;
    commit_build(f, rootfs, &rootfs_template);
    commit_build(f, none, &kernel_template);
    AUTO_JSON both = load(f);
    assert_int_equal(json_object_size(json_object_get(both, "templates")), 2);
    assert_int_equal(rootfs_ms(both), 1500);
    struct assets_template later = rootfs_template;
    later.duration_ms = 7;
    commit_build(f, none, &later);
    AUTO_JSON replaced = load(f);
    assert_int_equal(json_object_size(json_object_get(replaced, "templates")), 2);
    assert_int_equal(rootfs_ms(replaced), 7);
}

static void unreadable_old_text_is_replaced(void **state) {
    struct fixture *f = *state;
    static const char *const olds[] = { "", "{", "[1]", "{\"templates\": 3}", "\xFF\x01" };
    assert_int_equal(mkdirat(f->dirfd, "x86_64", 0755), 0);
    for (size_t i = 0; i < ARRAY_LEN(olds); i++) {
        put(f, "x86_64/build.json", olds[i]);
        commit_build(f, rootfs, &rootfs_template);
        AUTO_JSON root = load(f);
        assert_int_equal(rootfs_ms(root), 1500);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_of_it_is_written),
        TEST(other_templates_are_kept),
        TEST(unreadable_old_text_is_replaced),
    };
    return cmocka_run_group_tests_name("build_json", tests, NULL, NULL);
}
