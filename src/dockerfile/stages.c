// SPDX-License-Identifier: Apache-2.0
/* Which stage a name means, and stages that cannot be built (E403). */
#include <string.h>

#include "dockerfile/internal.h"

enum { REPORTED_MAX = 50 }; /* more come from one mistake, and loops are searched for each */

static bool has_name(const struct dockerfile *f, size_t stage, str name) {
    return str_eq_nocase(f->stages[stage].from->from.name.text, name) && name.len > 0;
}

static size_t find_name(const struct dockerfile *f, size_t before, str name) {
    for (size_t i = before; i > 0; i--) {
        if (has_name(f, i - 1, name)) {
            return i - 1;
        }
    }
    return DOCKERFILE_NO_STAGE;
}

size_t dockerfile_resolve_stage(const struct dockerfile *f, size_t inside, str ref, bool numbers) {
    size_t found = find_name(f, inside, ref);
    uint64_t number;
    if (found == DOCKERFILE_NO_STAGE && numbers && str_to_u64(ref, &number) && number < inside) {
        return (size_t)number;
    }
    return found;
}

size_t dockerfile_find_stage(const struct dockerfile *f, str name_or_number) {
    return dockerfile_resolve_stage(f, f->stage_count, name_or_number, true);
}

/* ---- the graph of stages ---- */

/* Stage `from` needs stage `to`, because of the word at `span`. */
struct edge {
    size_t from;
    size_t to;
    struct span span;
};

struct graph {
    struct arena *arena;
    const struct dockerfile *file;
    struct diag_sink *sink;
    struct edge *edges; /* in order of `from` */
    size_t len;
    size_t cap;
    bool ok;
    size_t reported;
};

static str stage_title(struct arena *a, const struct dockerfile *f, size_t stage) {
    str name = f->stages[stage].from->from.name.text;
    return name.len > 0 ? str_fmt(a, "stage '%.*s'", TEXT_FMT(name))
                        : str_fmt(a, "stage %zu", stage);
}

static struct span stage_span(const struct dockerfile *f, size_t stage) {
    const struct dockerfile_from *from = &f->stages[stage].from->from;
    return dockerfile_word_is_set(from->name) ? from->name.span : from->base.span;
}

/* Any stage of that name or number: the one that is meant when it is earlier, else the first. */
static size_t find_anywhere(const struct graph *g, size_t inside, str ref) {
    size_t found = dockerfile_resolve_stage(g->file, inside, ref, true);
    for (size_t i = inside; found == DOCKERFILE_NO_STAGE && i < g->file->stage_count; i++) {
        if (has_name(g->file, i, ref)) {
            found = i;
        }
    }
    uint64_t number;
    if (found == DOCKERFILE_NO_STAGE && str_to_u64(ref, &number) && number < g->file->stage_count) {
        found = (size_t)number;
    }
    return found;
}

static struct diag *graph_error(struct graph *g, struct span span, str message) {
    g->ok = false;
    g->reported++;
    return diag_report(g->sink, "E403", span, "%.*s", STR_FMT(message));
}

static void add_edge(struct graph *g, size_t from, str ref, struct span span) {
    size_t to = find_anywhere(g, from, ref);
    uint64_t number;
    if (to != DOCKERFILE_NO_STAGE) {
        struct edge edge = { from, to, span };
        ARENA_PUSH(g->arena, g->edges, g->len, g->cap, edge);
    } else if (str_to_u64(ref, &number)) {
        struct diag *d =
            graph_error(g, span, str_fmt(g->arena, "there is no stage %.*s", TEXT_FMT(ref)));
        diag_help(g->sink, d, "stages are counted from 0; this is stage %zu", from);
    }
}

static void add_edges_of(struct graph *g, size_t stage) {
    const struct dockerfile_stage *s = &g->file->stages[stage];
    for (size_t i = 0; i < s->instruction_count && g->reported < REPORTED_MAX; i++) {
        const struct dockerfile_instruction *in = s->instructions[i];
        if (in->kind == DOCKERFILE_COPY && dockerfile_word_is_set(in->copy.from)) {
            add_edge(g, stage, in->copy.from.text, in->copy.from.span);
        }
        for (size_t m = 0; in->kind == DOCKERFILE_RUN && m < in->run.mount_count; m++) {
            str from = mount_from(g->arena, in->run.mounts[m].text);
            if (from.len > 0) {
                add_edge(g, stage, from, in->run.mounts[m].span);
            }
        }
    }
}

/*
 * FROM: an image may have the name of a later stage, and often has the name of its own stage
 * (`FROM alpine AS alpine`). So it is a mistake only when that later stage has another base.
 */
static void add_base_edge(struct graph *g, size_t stage, str base) {
    size_t to = dockerfile_resolve_stage(g->file, stage, base, false);
    bool own_name = has_name(g->file, stage, base);
    for (size_t i = stage + 1; to == DOCKERFILE_NO_STAGE && !own_name && i < g->file->stage_count;
         i++) {
        if (has_name(g->file, i, base) && !str_eq(g->file->stages[i].from->from.base.text, base)) {
            to = i;
        }
    }
    if (to != DOCKERFILE_NO_STAGE) {
        struct edge edge = { stage, to, g->file->stages[stage].from->from.base.span };
        ARENA_PUSH(g->arena, g->edges, g->len, g->cap, edge);
    }
}

/* The name or image after FROM; empty when its variables are not known. */
static bool base_text(struct graph *g, const struct dockerfile_expander *e, size_t stage,
                      str *ret) {
    struct dockerfile_word base = g->file->stages[stage].from->from.base;
    *ret = base.text;
    if (e != NULL) {
        return dockerfile_expand(e, base, ret);
    }
    if (str_find_char(base.text, '$', 0) != STR_NONE) {
        *ret = S("");
    }
    return true;
}

/* Does `start` need `goal`, directly or through others? */
static bool reaches(const struct graph *g, const size_t *first_edge, size_t start, size_t goal) {
    AUTO_ARENA scratch = arena_new();
    size_t count = g->file->stage_count;
    bool *seen = ARENA_ARRAY(scratch, bool, count);
    size_t *todo = ARENA_ARRAY(scratch, size_t, count);
    size_t len = 0;
    todo[len++] = start;
    seen[start] = true;
    while (len > 0) {
        size_t stage = todo[--len];
        if (stage == goal) {
            return true;
        }
        for (size_t i = first_edge[stage]; i < first_edge[stage + 1]; i++) {
            size_t to = g->edges[i].to;
            if (!seen[to]) {
                seen[to] = true;
                todo[len++] = to;
            }
        }
    }
    return false;
}

static void report_edge(struct graph *g, const size_t *first_edge, const struct edge *edge) {
    str other = stage_title(g->arena, g->file, edge->to);
    if (edge->to == edge->from) {
        graph_error(g, edge->span, str_fmt(g->arena, "%.*s uses itself", STR_FMT(other)));
        return;
    }
    str message;
    bool loop = reaches(g, first_edge, edge->to, edge->from);
    if (loop) {
        str this = stage_title(g->arena, g->file, edge->from);
        message = str_fmt(g->arena, "%.*s and %.*s need each other", STR_FMT(this), STR_FMT(other));
    } else {
        message = str_fmt(g->arena, "%.*s is used before it is defined", STR_FMT(other));
    }
    struct diag *d = graph_error(g, edge->span, message);
    diag_note(g->sink, d, stage_span(g->file, edge->to), "defined here");
    if (!loop) {
        diag_help(g->sink, d, "move %.*s before this one", STR_FMT(other));
    }
}

static void check_names(struct graph *g) {
    for (size_t i = 0; i < g->file->stage_count && g->reported < REPORTED_MAX; i++) {
        struct dockerfile_word name = g->file->stages[i].from->from.name;
        size_t first = find_name(g->file, i, name.text);
        if (first != DOCKERFILE_NO_STAGE) {
            struct diag *d =
                graph_error(g, name.span,
                            str_fmt(g->arena, "two stages are named '%.*s'", TEXT_FMT(name.text)));
            diag_note(g->sink, d, stage_span(g->file, first), "the first one");
        }
    }
}

bool dockerfile_check_stages(const struct dockerfile *f, const struct dockerfile_expander *e,
                             struct diag_sink *sink) {
    AUTO_ARENA scratch = arena_new();
    struct graph g = { .arena = scratch, .file = f, .sink = sink, .ok = true };
    size_t *first_edge = ARENA_ARRAY(scratch, size_t, f->stage_count + 1);
    check_names(&g);
    for (size_t i = 0; i < f->stage_count; i++) {
        str base;
        first_edge[i] = g.len;
        if (base_text(&g, e, i, &base)) {
            add_base_edge(&g, i, base);
        } else {
            g.ok = false;
        }
        add_edges_of(&g, i);
    }
    first_edge[f->stage_count] = g.len;
    for (size_t i = 0; i < g.len && g.reported < REPORTED_MAX; i++) {
        if (g.edges[i].to >= g.edges[i].from) {
            report_edge(&g, first_edge, &g.edges[i]);
        }
    }
    return g.ok;
}
