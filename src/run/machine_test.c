// SPDX-License-Identifier: Apache-2.0
#include "run/test_guest.h"

static bool machine(struct fixture *f, struct run_result *result, struct make_failure *failure) {
    buf_reset(&f->notices);
    return run_machine(f->arena, &f->request, &f->events, result, failure);
}

static void names_of_kept_machines(void **state) {
    static const char *const good[] = { "a", "0", "a-b_c", "abcdefghijklmnopqrstuvwxyz012345" };
    static const char *const bad[] = { "",    "A",   "-a", "_a",
                                       "a/b", "a.b", "..", "abcdefghijklmnopqrstuvwxyz0123456" };
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    const char *dir;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(run_kept_dir(f->arena, "/c", good[i], &dir, &err));
        assert_string_equal(dir, str_fmt(f->arena, "/c/machines/%s", good[i]).ptr);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(run_kept_dir(f->arena, "/c", bad[i], &dir, &err));
        assert_says(&err, "is not a machine name");
    }
    const char *const *names;
    size_t count = 7;
    assert_true(run_kept_list(f->arena, in(f, "cache"), &names, &count, &err));
    assert_int_equal(count, 0);
    put(f, "cache/machines/dead/x", "");
    assert_true(run_kept_list(f->arena, in(f, "cache"), &names, &count, &err));
    assert_int_equal(count, 0);
}

static void the_request_goes_before_the_config(void **state) {
    struct fixture *f = *state;
    struct vm_spec spec = run_spec(&f->work);
    assert_int_equal(spec.cpus, RUN_CPUS);
    assert_int_equal(spec.memory_mb, RUN_MEMORY_MB);
    put_guest(f, "");
    put(f, "guest/config/vm/resources.toml", "[resources]\ncpu_count = 1\nram_gb = 3\n");
    load_guest(f);
    spec = run_spec(&f->work);
    assert_int_equal(spec.cpus, 1);
    assert_int_equal(spec.memory_mb, 3072);
    f->request.cpus = 3;
    f->request.memory_mb = 512;
    f->request.timeout_s = 2;
    spec = run_spec(&f->work);
    assert_int_equal(spec.cpus, 3);
    assert_int_equal(spec.memory_mb, 512);
    assert_int_equal(spec.timeout_ms, 2000);
}

static void the_last_build_is_booted(void **state) {
    struct fixture *f = *state;
    put(f, "assets/odd/vmlinuz", "");
    assert_int_equal(symlink("odd", in(f, "assets/current")), 0);
    struct vm_spec spec = run_spec(&f->work);
    assert_string_equal(spec.arch, "odd");
    assert_string_equal(spec.kernel, in(f, "assets/odd/vmlinuz"));
    f->request.arch = "x86_64";
    spec = run_spec(&f->work);
    assert_string_equal(spec.rootfs, in(f, "assets/x86_64/rootfs.squashfs"));
}

static void variables_are_those_the_agent_takes(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    assert_true(run_env_check(list_of(f, "A=b", "C="), &err));
    assert_false(run_env_check(list_of(f, "A=b", "=x"), &err));
    assert_says(&err, "--env");
}

/* Everything is looked at before something is started. */
static void what_is_wrong_is_found_before_a_start(void **state) {
    struct fixture *f = *state;
    struct run_result result;
    struct make_failure failure;
    const struct run_request good = f->request;
    struct run_request cases[] = { good, good, good, good, good };
    const char *const words[] = { "--env", "--copy-in", "--scratch", "--volume",
                                  "is not a machine name" };
    cases[0].env = list_of(f, "=", NULL);
    cases[1].copy_in = list_of(f, "x", NULL);
    cases[2].scratch = "1";
    cases[3].volumes = list_of(f, "x", NULL);
    cases[4].keep = "/";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->request = cases[i];
        assert_false(machine(f, &result, &failure));
        assert_says(&failure.err, words[i]);
        assert_null(result.report);
    }
    assert_int_equal(f->begun, 0);
    f->request = good;
    f->refuses = true;
    assert_false(machine(f, &result, &failure));
    assert_says(&failure.err, "not now");
    assert_int_equal(f->begun, 1);
}

static void a_config_with_mistakes(void **state) {
    struct fixture *f = *state;
    struct run_result result;
    struct make_failure failure;
    put_guest(f, "broken =\n");
    f->request.guest = in(f, "guest"); /* named: they are a failure */
    assert_false(machine(f, &result, &failure));
    assert_true(failure.sink.errors > 0);
    assert_int_equal(f->begun, 0);
    f->request.guest = NULL; /* found: it cannot be used */
    assert_int_equal(chdir(f->dir), 0);
    assert_false(machine(f, &result, &failure));
    assert_int_equal(failure.sink.errors, 0);
    assert_non_null(strstr(f->notices.ptr, "has errors, so the guest has no network"));
    assert_int_equal(chdir("/"), 0);
}

static const char minimal[] = "{\"format\": 1, \"files\": {\"build.toml\": %s}}";

/* A folder that happens to lie beside says nothing about an image that was built elsewhere. */
static void the_assets_own_config_counts(void **state) {
    struct fixture *f = *state;
    struct run_result result;
    struct make_failure failure;
    f->request.arch = "x86_64";
    f->refuses = true;
    put_guest(f, "");
    assert_int_equal(chdir(f->dir), 0);
    assert_false(machine(f, &result, &failure)); /* the assets of an older program */
    assert_non_null(strstr(f->notices.ptr, "other policy and size: those of the folder 'guest'"));
    load_guest(f);
    str text = str_fmt(f->arena, minimal,
                       "\"[build.architectures.x86_64]\\ndocker_platform = \\\"linux/amd64\\\"\\n"
                       "rust_target = \\\"x86_64-unknown-linux-musl\\\"\\n"
                       "kernel_image = \\\"arch/x86_64/boot/bzImage\\\"\\n"
                       "defconfig = \\\"kernel/x86_64.defconfig\\\"\\n\"");
    put(f, "assets/x86_64/config.json", text.ptr);
    put(f, "guest/config/build.toml", "broken =\n"); /* and is not read */
    assert_false(machine(f, &result, &failure));
    assert_says(&failure.err, "not now");
    assert_non_null(strstr(f->notices.ptr, "own policy and size: as built"));
    put_guest(f, "");
    f->request.guest = "guest"; /* named: it goes first */
    assert_false(machine(f, &result, &failure));
    assert_non_null(strstr(f->notices.ptr, "other policy and size: those of the guest folder"));
    f->request.guest = NULL;
    put(f, "assets/x86_64/config.json", "{");
    assert_false(machine(f, &result, &failure));
    assert_says(&failure.err, "is not a config that 'build' has kept");
    assert_int_equal(chdir("/"), 0);
}

static void without_assets_the_way_out_is_said(void **state) {
    struct fixture *f = *state;
    struct run_result result;
    struct make_failure failure;
    f->request.arch = "x86_64";
    assert_false(machine(f, &result, &failure));
    assert_string_equal(failure.err.help, "build the assets first: capsem-builder build");
    assert_non_null(result.report);
    assert_false(result.is_kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        UNIT_TEST(names_of_kept_machines),
        UNIT_TEST(the_request_goes_before_the_config),
        UNIT_TEST(the_last_build_is_booted),
        UNIT_TEST(variables_are_those_the_agent_takes),
        UNIT_TEST(what_is_wrong_is_found_before_a_start),
        UNIT_TEST(a_config_with_mistakes),
        UNIT_TEST(the_assets_own_config_counts),
        UNIT_TEST(without_assets_the_way_out_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
