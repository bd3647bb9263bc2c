// SPDX-License-Identifier: Apache-2.0
/* The guest folders of open documents and of the workspace. */
#include <stdlib.h>
#include <string.h>

#include "lsp/internal.h"

enum { SHOWN_BYTES_MAX = 64 * 1024 * 1024 };

static struct guest *find(const struct lsp *s, str dir) {
    for (size_t i = 0; i < s->guest_count; i++) {
        if (str_eq(buf_str(&s->guests[i]->dir), dir)) {
            return s->guests[i];
        }
    }
    return NULL;
}

static struct guest *add(struct lsp *s, str dir) {
    struct guest *g = find(s, dir);
    if (g != NULL || s->guest_count == LSP_GUESTS_MAX) {
        return g;
    }
    struct guest **list = realloc(s->guests, (s->guest_count + 1) * sizeof *list);
    g = calloc(1, sizeof *g);
    ASSERT(list != NULL && g != NULL);
    g->dir = BUF_INIT(PATH_MAX);
    g->shown = BUF_INIT((size_t)SHOWN_BYTES_MAX);
    g->is_stale = true;
    buf_add(&g->dir, dir);
    s->guests = list;
    s->guests[s->guest_count++] = g;
    return g;
}

/* Is DIR/config/build.toml there, or being written? */
static bool is_guest(const struct lsp *s, struct arena *a, str dir) {
    const char *build = path_join(a, str_to_c(a, dir), "config/build.toml");
    return fs_exists(AT_FDCWD, build) || document_find(s, build) != NULL;
}

struct guest *guest_of(struct lsp *s, const char *path, const char **ret_below) {
    static const str config = S_INIT("/config/");
    AUTO_ARENA a = arena_new();
    str all = str_from_c(path);
    if (!str_ends(all, S(".toml"))) {
        return NULL;
    }
    for (size_t at = all.len; at-- > 0;) { /* the innermost */
        str dir = at > 0 ? str_slice(all, 0, at) : S("/");
        if (str_starts(str_slice(all, at, all.len), config) && is_guest(s, a, dir)) {
            *ret_below = path + at + config.len;
            return add(s, dir);
        }
    }
    return NULL;
}

void guests_add_root(struct lsp *s, const char *path) {
    AUTO_ARENA a = arena_new();
    const char *const dirs[] = { path, path_join(a, path, "guest") };
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        str dir = str_from_c(dirs[i]);
        struct guest *g = is_guest(s, a, dir) ? add(s, dir) : NULL;
        if (g != NULL) {
            g->is_root = true;
        }
    }
}

static void guest_free(struct guest *g) {
    arena_free(g->arena);
    buf_done(&g->dir);
    buf_done(&g->shown);
    free(g);
}

void guest_release(struct lsp *s, struct guest *g, struct buf *out) {
    bool used = g->is_root;
    for (size_t i = 0; i < s->document_count; i++) {
        used = used || s->documents[i]->guest == g;
    }
    if (used) {
        return;
    }
    guest_unpublish(g, out);
    for (size_t i = 0; i < s->guest_count; i++) {
        if (s->guests[i] == g) {
            s->guests[i] = s->guests[--s->guest_count];
            break;
        }
    }
    guest_free(g);
}

void guests_free(struct lsp *s) {
    for (size_t i = 0; i < s->guest_count; i++) {
        guest_free(s->guests[i]);
    }
    free(s->guests);
}

/* The texts are copied: what the check found is asked for after the documents have changed. */
static struct config_overlay *overlays(const struct lsp *s, const struct guest *g,
                                       size_t *ret_count) {
    struct config_overlay *list = ARENA_ARRAY(g->arena, struct config_overlay, s->document_count);
    *ret_count = 0;
    for (size_t i = 0; i < s->document_count; i++) {
        const struct document *d = s->documents[i];
        if (d->guest == g) {
            list[(*ret_count)++] = (struct config_overlay){
                .path = str_to_c(g->arena, str_from_c(d->below)),
                .text = str_dup(g->arena, buf_str(&d->text)),
            };
        }
    }
    return list;
}

void guest_check(struct lsp *s, struct guest *g) {
    if (!g->is_stale) {
        return;
    }
    if (g->arena == NULL) {
        g->arena = arena_new();
    }
    arena_reset(g->arena);
    sources_init(&g->sources, g->arena);
    diag_sink_init(&g->sink, g->arena, &g->sources);
    struct guest_config config;
    struct config_options opts = { 0 };
    opts.overlays = overlays(s, g, &opts.overlay_count);
    config_load(g->arena, &g->sources, &g->sink, g->dir.ptr, &opts, &config);
    diag_sort(&g->sink);
    g->is_stale = false;
    g->is_shown = false;
}
