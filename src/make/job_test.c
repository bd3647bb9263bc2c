// SPDX-License-Identifier: Apache-2.0
/* A guest folder as a whole, up to where an engine is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make/make.h"

struct fixture {
    struct arena *arena;
    char dir[64];
    struct make_job job;
    struct make_failure failure;
};

static void put(struct fixture *f, const char *path, const char *text) {
    struct err err = ERR_INIT;
    const char *full = path_join(f->arena, f->dir, path);
    assert_true(fs_mkdir_p(AT_FDCWD, str_to_c(f->arena, path_dir(str_from_c(full))), 0755, &err));
    assert_true(fs_store(AT_FDCWD, full, str_from_c(text), 0644, &err));
}

#define ARCH(name, oci, target)                                                                    \
    "[build.architectures." name "]\n"                                                             \
    "docker_platform = \"linux/" oci "\"\n"                                                        \
    "rust_target = \"" target "-unknown-linux-musl\"\n"                                            \
    "kernel_image = \"arch/x86/boot/bzImage\"\n"                                                   \
    "defconfig = \"kernel/x86_64.defconfig\"\n"

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = arena_new();
    snprintf(f->dir, sizeof f->dir, "/tmp/capsem-make-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    put(f, "guest/config/build.toml",
        "[build]\ncompression = \"gzip\"\nguest_binaries = []\n" ARCH("x86_64", "amd64", "x86_64")
            ARCH("arm64", "arm64", "aarch64"));
    put(f, "guest/config/kernel/x86_64.defconfig", "CONFIG_64BIT=y\n");
    put(f, "guest/artifacts/capsem-init", "#!/bin/sh\n");
    put(f, "guest/artifacts/capsem-bashrc", "x");
    put(f, "guest/artifacts/diagnostics/x", "x");
    put(f, "templates/Dockerfile.rootfs.j2", "FROM {{ arch.base_image }}\nRUN true\n");
    f->job = (struct make_job){
        .guest_dir = path_join(f->arena, f->dir, "guest"),
        .engine_word = "embedded",
        .request = { .cache_dir = path_join(f->arena, f->dir, "store"),
                     .templates_dir = path_join(f->arena, f->dir, "templates"),
                     .binaries_dir = "target",
                     .rootfs = true },
    };
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool removed = fs_remove_tree(AT_FDCWD, f->dir, &err);
    arena_free(f->arena);
    free(f);
    return removed ? 0 : -1;
}

static bool load(struct fixture *f, const char *arch) {
    const char **names = ARENA_NEW(f->arena, const char *);
    *names = arch;
    f->job.names = (struct config_names){ names, 1 };
    return make_job_load(f->arena, &f->job, &f->failure);
}

static void times_are_seconds(void **state) {
    static const char *const bad[] = { "", "x", "-1", "1.5", "253402300800", " 1" };
    struct err err = ERR_INIT;
    int64_t seconds = 7;
    assert_true(make_epoch_parse(S("0"), &seconds, &err));
    assert_int_equal(seconds, 0);
    assert_true(make_epoch_parse(S("253402300799"), &seconds, &err));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(make_epoch_parse(str_from_c(bad[i]), &seconds, &err));
        assert_non_null(strstr(err.frames[0], "SOURCE_DATE_EPOCH in the environment"));
    }
}

static void a_folder_is_loaded_with_what_its_config_says(void **state) {
    struct fixture *f = *state;
    assert_true(load(f, "all"));
    assert_int_equal(f->job.arch_count, 2);
    assert_int_equal(f->job.request.policy.epoch_s, f->job.config.newest_change_s);
    assert_true(str_starts(f->job.request.policy.share.cache_namespace, S("folder /")));
    f->job.has_epoch = true;
    f->job.request.policy.epoch_s = 5;
    assert_true(load(f, "amd64"));
    assert_int_equal(f->job.arch_count, 1);
    assert_int_equal(f->job.request.policy.epoch_s, 5);
    assert_false(load(f, "vax"));
    assert_string_equal(f->failure.err.frames[0],
                        "unknown architecture 'vax'; the config has x86_64, arm64");
    assert_int_equal(f->failure.sink.len, 0);
    put(f, "guest/config/build.toml", "[build]\nx =\n");
    assert_false(load(f, "all"));
    assert_true(f->failure.sink.errors > 0);
    assert_false(err_is_set(&f->failure.err));
}

static void the_kernel_goes_before_the_rootfs(void **state) {
    struct fixture *f = *state;
    enum recipe_kind kinds[2];
    f->job.request.kernel = true;
    assert_int_equal(make_job_kinds(&f->job, kinds), 2);
    assert_int_equal(kinds[0], RECIPE_KERNEL);
    f->job.request.rootfs = false;
    assert_int_equal(make_job_kinds(&f->job, kinds), 1);
    assert_int_equal(kinds[0], RECIPE_KERNEL);
}

struct seen {
    size_t count;
    bool whole;
    str reason;
};

static void see(void *self, const struct make_look_step *step) {
    struct seen *seen = self;
    seen->count++;
    seen->whole = step->record == NULL;
    seen->reason = step->reason;
}

static void without_a_store_all_steps_would_run(void **state) {
    struct fixture *f = *state;
    struct recipe recipe;
    struct seen seen = { 0 };
    const struct make_look look = { &seen, see };
    assert_true(load(f, "x86_64"));
    assert_true(make_job_render(f->arena, &f->job, f->job.archs[0], RECIPE_ROOTFS, &look, &recipe,
                                &f->failure));
    assert_true(str_eq(recipe.text, S("FROM debian:bookworm-slim\nRUN true\n")));
    assert_int_equal(seen.count, 1);
    assert_true(seen.whole);
    assert_true(str_eq(seen.reason, S("this store has no earlier build of the guest folder")));
    /* a look makes no store */
    assert_false(fs_exists(AT_FDCWD, f->job.request.cache_dir));
}

static void templates_are_checked_before_a_build(void **state) {
    struct fixture *f = *state;
    struct diag_sink sink;
    assert_true(load(f, "x86_64"));
    assert_true(make_job_check(f->arena, &f->job, true, false, &sink));
    put(f, "templates/Dockerfile.rootfs.j2", "FROM {{ arch.base_image }}\nCOPY nothing /\n");
    assert_false(make_job_check(f->arena, &f->job, true, false, &sink));
    assert_int_equal(sink.errors, 1);
}

static void all_of_it_as_json(void **state) {
    struct fixture *f = *state;
    json_t *json;
    assert_true(load(f, "all"));
    assert_true(make_job_json(f->arena, &f->job, "rootfs", NULL, &json, &f->failure));
    const json_t *archs = json_object_get(json, "architectures");
    assert_int_equal(json_object_size(archs), 2);
    const json_t *arm = json_object_get(archs, "arm64");
    assert_string_equal(json_string_value(json_object_get(arm, "platform")), "linux/arm64");
    assert_non_null(json_object_get(arm, "dockerfile"));
    assert_null(json_object_get(arm, "kernel_dockerfile"));
    assert_string_equal(json_string_value(json_object_get(json, "compression")), "gzip");
    json_decref(json);
    put(f, "templates/Dockerfile.rootfs.j2", "{{ nothing }}\n");
    assert_false(make_job_json(f->arena, &f->job, "rootfs", NULL, &json, &f->failure));
    assert_true(f->failure.sink.errors > 0);
}

static void a_kernel_is_asked_for_only_where_it_is_needed(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    const char *version;
    str warning;
    assert_true(load(f, "x86_64"));
    f->job.request.policy.offline = true;
    assert_true(
        make_job_kernel_version(f->arena, &f->job, f->job.archs[0], &version, &warning, &err));
    assert_null(version); /* no kernel is built */
    f->job.request.kernel = true;
    assert_true(
        make_job_kernel_version(f->arena, &f->job, f->job.archs[0], &version, &warning, &err));
    assert_non_null(version);
    assert_true(str_find(warning, S("is not contacted: --offline"), 0) != STR_NONE);
    assert_false(err_is_set(&err));
    f->job.request.kernel_version = "1.2.3";
    assert_true(
        make_job_kernel_version(f->arena, &f->job, f->job.archs[0], &version, &warning, &err));
    assert_string_equal(version, "1.2.3");
    assert_int_equal(warning.len, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_seconds),
        TEST(a_folder_is_loaded_with_what_its_config_says),
        TEST(the_kernel_goes_before_the_rootfs),
        TEST(without_a_store_all_steps_would_run),
        TEST(templates_are_checked_before_a_build),
        TEST(all_of_it_as_json),
        TEST(a_kernel_is_asked_for_only_where_it_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
