// SPDX-License-Identifier: Apache-2.0
/* What a build will not find, known without one. */
#include "base/testing.h"

#include "check/internal.h"

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config;
    struct config_architecture arch;
};

static void begin(struct fixture *f, const char *base_image) {
    *f = (struct fixture){ .arena = arena_new() };
    sources_init(&f->sources, f->arena);
    diag_sink_init(&f->sink, f->arena, &f->sources);
    f->arch.base_image.text = str_from_c(base_image);
    f->arch.base_image.span = SPAN_NONE;
    f->arch.kernel_branch.span = SPAN_NONE;
    f->arch.kernel_source.value = CONFIG_KERNEL_DEBIAN;
    f->arch.kernel_source.span = (struct span){ sources_add(&f->sources, S("b"), S("x")), 0, 1 };
}

/* ---- kernels ---- */

static void a_release_has_its_branches(void **state) {
    static const struct {
        const char *image;
        const char *branch;
        bool found;
    } cases[] = {
        { "debian:bookworm-slim", "6.1", true },
        { "debian:bookworm-slim", "6.12", true },
        { "debian:12.5", "6.1", true },
        { "debian:bookworm-20240513-slim", "5.10", false },
        { "debian:bookworm-slim", "5.10", false },
        { "debian:bookworm", "6.6", false },
        { "debian:bookworm", "7.1", true }, /* it may have been added since */
        { "debian:trixie", "6.1", false },
        { "ubuntu:24.04", "5.10", true }, /* not known */
        { "localhost:5000/library/debian:bookworm", "5.10", true },
        { "debian:bookworm", "odd", true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        begin(&f, cases[i].image);
        f.arch.kernel_branch.text = str_from_c(cases[i].branch);
        kernel_check(f.arena, &f.arch, &f.sink);
        print_message("%s of %s\n", cases[i].branch, cases[i].image);
        assert_int_equal(f.sink.len, cases[i].found ? 0 : 1);
        if (!cases[i].found) {
            assert_string_equal(f.sink.items[0].code->name, "E012");
        }
        f.sink.len = 0;
        f.arch.kernel_source.value = CONFIG_KERNEL_ORG;
        kernel_check(f.arena, &f.arch, &f.sink);
        assert_int_equal(f.sink.len, 0);
        arena_free(f.arena);
    }
}

/* ---- managers ---- */

static void something_brings_a_manager(void **state) {
    static const struct {
        const char *image;
        enum config_manager manager;
        const char *apt; /* a package of a set of apt; NULL: there is none */
        int64_t node_major;
        bool brought;
    } cases[] = {
        { "debian:12", CONFIG_MANAGER_NPM, NULL, 0, false },
        { "debian:12", CONFIG_MANAGER_NPM, NULL, 24, true },
        { "debian:12", CONFIG_MANAGER_NPM, "npm", 0, true },
        { "ubuntu:24.04", CONFIG_MANAGER_NPM, NULL, 0, false },
        { "node:24", CONFIG_MANAGER_NPM, NULL, 0, true },
        { "me/debian:12", CONFIG_MANAGER_NPM, NULL, 0, true },
        { "debian:12", CONFIG_MANAGER_CURL, "curl", 0, true },
        { "debian:12", CONFIG_MANAGER_CURL, "curl=7.88", 0, true },
        { "debian:12", CONFIG_MANAGER_CURL, "curl/bookworm-backports", 0, true },
        { "debian:12", CONFIG_MANAGER_CURL, "curl:arm64", 0, true },
        { "debian:12", CONFIG_MANAGER_CURL, "curlftpfs", 0, false },
        { "debian:12", CONFIG_MANAGER_PIP, "python3-pip", 0, true },
        { "debian:12", CONFIG_MANAGER_PIP, "python3", 24, false },
        { "debian:12", CONFIG_MANAGER_APT, NULL, 0, true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        struct config_text package = { .text = str_from_c(cases[i].apt) };
        struct config_package_set sets[2] = { { .manager.value = CONFIG_MANAGER_APT } };
        begin(&f, cases[i].image);
        sets[0].packages.items = &package;
        sets[0].packages.len = cases[i].apt == NULL ? 0 : 1;
        sets[1].manager.value = (int)cases[i].manager;
        sets[1].manager.span = f.arch.kernel_source.span;
        f.config.package_sets.items = sets;
        f.config.package_sets.len = 2;
        f.arch.node_major.value = cases[i].node_major;
        f.arch.node_major.span = SPAN_NONE;
        manager_check(f.arena, &f.config, &f.arch, &f.sink);
        print_message("%zu\n", i);
        assert_int_equal(f.sink.len, cases[i].brought ? 0 : 1);
        arena_free(f.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_has_its_branches),
        cmocka_unit_test(something_brings_a_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
