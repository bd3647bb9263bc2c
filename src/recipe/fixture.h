// SPDX-License-Identifier: Apache-2.0
/* Tests only: a guest folder made of texts, loaded. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/recipe.h"

struct guest_file {
    const char *path; /* below the guest folder */
    const char *text;
};

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config;
    struct err err;
    char dir[64]; /* holds guest/ and whatever the test puts beside it */
};

#define FIXTURE_BUILD                                                                              \
    "[build]\n"                                                                                    \
    "guest_binaries = [\"agent\"]\n"                                                               \
    "[build.architectures.x86_64]\n"                                                               \
    "docker_platform = \"linux/amd64\"\n"                                                          \
    "rust_target = \"x86_64-unknown-linux-musl\"\n"                                                \
    "kernel_branch = \"6.12\"\n"                                                                   \
    "kernel_image = \"arch/x86_64/boot/bzImage\"\n"                                                \
    "defconfig = \"kernel/x.defconfig\"\n"

#define FIXTURE_PROVIDER(key, more)                                                                \
    "[" key "]\nname = \"" key "\"\n" more "[" key ".api_key]\nname = \"k\"\n"                     \
    "env_vars = [\"" key "_KEY\"]\n[" key ".network]\ndomains = [\"x.org\"]\n"

static inline void fixture_put(struct fixture *f, const char *path, const char *text) {
    const char *full = path_join(f->arena, f->dir, path);
    str parent = path_dir(str_from_c(full));
    assert_true(fs_mkdir_p(AT_FDCWD, str_to_c(f->arena, parent), 0755, &f->err));
    assert_true(fs_store(AT_FDCWD, full, str_from_c(text), 0644, &f->err));
}

/* `files` end with a row of NULLs; config/build.toml is FIXTURE_BUILD unless it is among them. */
static inline void fixture_init(struct fixture *f, const struct guest_file *files) {
    *f = (struct fixture){ .arena = arena_new(), .dir = "/tmp/recipe-test-XXXXXX" };
    assert_non_null(mkdtemp(f->dir));
    sources_init(&f->sources, f->arena);
    diag_sink_init(&f->sink, f->arena, &f->sources);
    fixture_put(f, "guest/config/build.toml", FIXTURE_BUILD);
    for (; files != NULL && files->path != NULL; files++) {
        fixture_put(f, path_join(f->arena, "guest", files->path), files->text);
    }
    const struct config_options options = { .config_only = true };
    bool ok = config_load(f->arena, &f->sources, &f->sink, path_join(f->arena, f->dir, "guest"),
                          &options, &f->config);
    for (size_t i = 0; i < f->sink.len && !ok; i++) {
        print_error("%.*s\n", STR_FMT(f->sink.items[i].message));
    }
    assert_true(ok);
    f->config.artifacts_dir = path_join(f->arena, f->dir, "guest/artifacts");
    if (!fs_is_dir(AT_FDCWD, f->config.artifacts_dir)) {
        f->config.artifacts_dir = NULL;
    }
}

static inline void fixture_done(struct fixture *f) {
    assert_true(fs_remove_tree(AT_FDCWD, f->dir, &f->err));
    arena_free(f->arena);
}

static inline struct recipe_request fixture_request(struct fixture *f, enum recipe_kind kind) {
    return (struct recipe_request){ .config = &f->config,
                                    .arch = &f->config.build.architectures.items[0],
                                    .kind = kind,
                                    .kernel_version = "6.12.99",
                                    .binaries_dir = "target/linux-agent" };
}
