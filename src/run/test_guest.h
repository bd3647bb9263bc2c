// SPDX-License-Identifier: Apache-2.0
/* For the unit tests of this room: a folder with a guest and its assets, and what run/ tells. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/internal.h"

struct fixture {
    struct arena *arena;
    char dir[64];
    struct run_request request;
    struct run_events events;
    struct run_work work;
    struct buf notices;  /* a line each */
    struct buf problems; /* a line each */
    size_t begun;
    bool refuses; /* `begin` fails */
    struct guest_config config;
};

static inline const char *in(struct fixture *f, const char *path) {
    return path_join(f->arena, f->dir, path);
}

static inline void put(struct fixture *f, const char *path, const char *text) {
    struct err err = ERR_INIT;
    const char *full = in(f, path);
    assert_true(fs_mkdir_p(AT_FDCWD, str_to_c(f->arena, path_dir(str_from_c(full))), 0755, &err));
    assert_true(fs_store(AT_FDCWD, full, str_from_c(text), 0644, &err));
}

static inline str get(struct fixture *f, const char *path) {
    struct err err = ERR_INIT;
    str text;
    assert_true(fs_load(f->arena, AT_FDCWD, in(f, path), 1 << 24, &text, &err));
    return text;
}

static inline void on_notice(void *self, const char *text) {
    struct fixture *f = self;
    buf_addf(&f->notices, "%s\n", text);
}

static inline void on_config(void *self, const char *text, bool is_own) {
    struct fixture *f = self;
    buf_addf(&f->notices, "%s %s\n", is_own ? "own" : "other", text);
}

static inline void on_problem(void *self, const struct err *err) {
    struct fixture *f = self;
    err_text(err, &f->problems);
    buf_add_char(&f->problems, '\n');
}

static inline bool on_begin(void *self, struct vm_hooks *ret, struct err *err) {
    struct fixture *f = self;
    f->begun++;
    *ret = (struct vm_hooks){ .event_fd = -1, .input_fd = -1 };
    return !f->refuses || err_set(err, "not now");
}

static inline int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = arena_new();
    f->notices = BUF_INIT((size_t)65536);
    f->problems = BUF_INIT((size_t)65536);
    snprintf(f->dir, sizeof f->dir, "/tmp/capsem-run-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->request = (struct run_request){ .cache_dir = in(f, "cache"),
                                       .assets = in(f, "assets"),
                                       .mcp_errors_fd = -1 };
    f->events = (struct run_events){ .self = f,
                                     .begin = on_begin,
                                     .config = on_config,
                                     .notice = on_notice,
                                     .problem = on_problem };
    f->work = (struct run_work){ f->arena, &f->request, &f->events, NULL };
    *state = f;
    return 0;
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool removed = fs_remove_tree(AT_FDCWD, f->dir, &err);
    buf_done(&f->notices);
    buf_done(&f->problems);
    arena_free(f->arena);
    free(f);
    return removed ? 0 : -1;
}

static inline void put_guest(struct fixture *f, const char *more) {
    const char *text = "[build]\n"
                       "compression = \"gzip\"\n"
                       "guest_binaries = []\n"
                       "[build.architectures.x86_64]\n"
                       "docker_platform = \"linux/amd64\"\n"
                       "rust_target = \"x86_64-unknown-linux-musl\"\n"
                       "kernel_image = \"arch/x86_64/boot/bzImage\"\n"
                       "defconfig = \"kernel/x86_64.defconfig\"\n";
    put(f, "guest/config/build.toml", str_fmt(f->arena, "%s%s", text, more).ptr);
    put(f, "guest/config/kernel/x86_64.defconfig", "CONFIG_64BIT=y\n");
}

static inline void load_guest(struct fixture *f) {
    struct sources *sources = ARENA_NEW(f->arena, struct sources);
    struct diag_sink sink;
    sources_init(sources, f->arena);
    diag_sink_init(&sink, f->arena, sources);
    assert_true(config_load(f->arena, sources, &sink, in(f, "guest"),
                            &(struct config_options){ .config_only = true }, &f->config));
    f->work.config = &f->config;
}

static inline struct run_list list_of(struct fixture *f, const char *one, const char *two) {
    const char **items = ARENA_ARRAY(f->arena, const char *, 2);
    items[0] = one;
    items[1] = two;
    return (struct run_list){ items, two != NULL ? 2 : one != NULL };
}

static inline void assert_says(const struct err *err, const char *words) {
    AUTO_BUF text = BUF_INIT((size_t)65536);
    err_text(err, &text);
    if (text.len == 0 || strstr(text.ptr, words) == NULL) {
        fail_msg("'%s' is not in: %s", words, text.len > 0 ? text.ptr : "");
    }
}

#define UNIT_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
