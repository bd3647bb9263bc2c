// SPDX-License-Identifier: Apache-2.0
/* What steps share with this machine, by the config; and files of what was built. */
#include "base/testing.h"

#include "make/internal.h"

static void the_config_says_what_is_shared(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    struct config_text kinds[] = { { .text = S("npm") }, { .text = S("proxy") } };
    struct guest_config config = { .guest_dir = f.path };
    config.build.host_credentials.items = kinds;
    config.build.host_credentials.len = ARRAY_LEN(kinds);
    config.build.step_memory.text = S("2g");
    struct build_share share = make_share(f.arena, &config);
    assert_int_equal(share.credentials,
                     1U << BUILD_CREDENTIALS_NPM | 1U << BUILD_CREDENTIALS_PROXY);
    assert_int_equal(share.memory_bytes, 2UL << 30);
    config.build = (struct config_build){ 0 };
    share = make_share(f.arena, &config);
    assert_int_equal(share.credentials, 0);
    assert_int_equal(share.memory_bytes, 0);
}

static void caches_are_of_a_folder_however_it_is_written(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    test_dir(&f, "a/x");
    test_dir(&f, "b");
    struct build_share one = { 0 };
    struct build_share same = { 0 };
    struct build_share other = { 0 };
    struct build_share named = { .cache_namespace = S("mine") };
    make_share_of_folder(f.arena, test_path(&f, "a"), &one);
    make_share_of_folder(f.arena, test_path(&f, "a/x/.."), &same);
    make_share_of_folder(f.arena, test_path(&f, "b"), &other);
    make_share_of_folder(f.arena, test_path(&f, "b"), &named);
    assert_true(str_eq(one.cache_namespace, same.cache_namespace));
    assert_false(str_eq(one.cache_namespace, other.cache_namespace));
    assert_string_equal(test_text(&f, named.cache_namespace), "mine");
}

static void the_highest_layer_has_the_file(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    char text[8] = "";
    test_file(&f, "low/boot/vmlinuz", "low");
    test_file(&f, "low/initrd", "low");
    test_file(&f, "high/boot/vmlinuz", "high");
    test_dir(&f, "high");
    assert_int_equal(symlinkat("/etc/passwd", f.fd, "high/initrd"), 0);
    const char *layers[] = { test_path(&f, "low"), test_path(&f, "high") };
    const struct build_result result = { .layers = layers, .layer_count = ARRAY_LEN(layers) };
    AUTO_FD kernel = make_open_built(f.arena, &result, "boot/vmlinuz");
    assert_int_equal(read(kernel, text, sizeof text), 4);
    assert_string_equal(text, "high");
    AUTO_FD gone = make_open_built(f.arena, &result, "boot/gone");
    assert_int_equal(gone, -1);
    AUTO_FD initrd = make_open_built(f.arena, &result, "initrd");
    assert_int_equal(read(initrd, text, sizeof text), 3); /* a link is not followed */
}

static void binaries_are_asked_for_by_the_config(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    struct config_text names[] = { { .text = S("one") }, { .text = S("two") } };
    struct guest_config config = { .guest_dir = f.path, .agent_dir = test_path(&f, "agent") };
    config.build.guest_binaries.items = names;
    config.build.guest_binaries.len = ARRAY_LEN(names);
    struct config_architecture arch = { .head.key = S("x86_64") };
    arch.rust_target.text = S("x86_64-unknown-linux-musl");
    const struct make_binaries request = {
        .config = &config, .arch = &arch, .output_dir = "out", .container = true
    };
    struct guestbin_request asked = make_binaries_request(f.arena, &request);
    assert_int_equal(asked.name_count, 2);
    assert_string_equal(test_text(&f, asked.names[1]), "two");
    assert_string_equal(test_text(&f, asked.arch), "x86_64");
    assert_string_equal(test_text(&f, asked.target), "x86_64-unknown-linux-musl");
    assert_string_equal(asked.source_dir, config.agent_dir);
    assert_false(make_binaries_here(f.arena, &request));
}

static void binaries_without_sources_are_refused(void **state) {
    (void)state;
    AUTO_TEST_FOLDER f = test_folder();
    struct config_text name = { .text = S("one") };
    struct guest_config config = { .guest_dir = f.path };
    struct config_architecture arch = { .head.key = S("x86_64") };
    struct sources sources;
    struct guestbin_binary *binaries;
    struct make_failure failure;
    const struct make_binaries request = { .config = &config, .arch = &arch };
    sources_init(&sources, f.arena);
    assert_true(make_binaries(f.arena, &request, &sources, NULL, &binaries, &failure));
    config.build.guest_binaries.items = &name;
    config.build.guest_binaries.len = 1;
    config.build.guest_source.text = S("agent");
    assert_false(make_binaries(f.arena, &request, &sources, NULL, &binaries, &failure));
    assert_non_null(
        strstr(failure.err.frames[0], "agent' for guest binary sources does not exist"));
    config.agent_dir = test_path(&f, "agent");
    test_file(&f, "agent/Cargo.toml", "[workspace]\n");
    const struct make_binaries contained = { .config = &config, .arch = &arch, .container = true };
    assert_false(make_binaries(f.arena, &contained, &sources, NULL, &binaries, &failure));
    assert_non_null(strstr(failure.err.frames[0], "is a Cargo workspace"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_config_says_what_is_shared),
        cmocka_unit_test(caches_are_of_a_folder_however_it_is_written),
        cmocka_unit_test(the_highest_layer_has_the_file),
        cmocka_unit_test(binaries_are_asked_for_by_the_config),
        cmocka_unit_test(binaries_without_sources_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
