// SPDX-License-Identifier: Apache-2.0
/* Which packages of a set are in which RUN line. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/internal.h"

/* A set while its members are given to lines. */
struct giving {
    struct arena *arena;
    const struct package_set *set;
    bool *given; /* by member */
};

static struct recipe_line *push_line(struct arena *a, struct recipe_line **items, size_t *len,
                                     size_t *cap, str set) {
    struct recipe_line line = { .set = set };
    ARENA_PUSH(a, *items, *len, *cap, line);
    return &(*items)[*len - 1];
}

static void push_package(struct arena *a, struct recipe_line *line, str package) {
    ARENA_PUSH(a, line->packages, line->count, line->cap, package);
}

static void give(struct giving *g, size_t member, struct recipe_line *to) {
    g->given[member] = true;
    push_package(g->arena, to, g->set->members[member]->text);
}

static void give_rest(struct giving *g, struct recipe_line *to) {
    for (size_t i = 0; i < g->set->count; i++) {
        if (!g->given[i]) {
            give(g, i, to);
        }
    }
}

static bool has_rest(const struct giving *g) {
    for (size_t i = 0; i < g->set->count; i++) {
        if (!g->given[i]) {
            return true;
        }
    }
    return false;
}

/* Has the set all that the line has, in its order? */
static bool only_gained(const struct package_set *set, const struct recipe_line *line) {
    size_t at = 0;
    for (size_t i = 0; i < set->count && at < line->count; i++) {
        at += str_eq(set->members[i]->text, line->packages[at]) ? 1 : 0;
    }
    return at == line->count;
}

static void give_as_before(struct giving *g, const struct recipe_line *line,
                           struct recipe_line *to) {
    size_t at = 0;
    for (size_t i = 0; i < g->set->count && at < line->count; i++) {
        if (str_eq(g->set->members[i]->text, line->packages[at])) {
            give(g, i, to);
            at++;
        }
    }
}

struct recipe_line *recipe_lines_first(const struct recipe_lines *lines, str set) {
    for (size_t i = 0; lines != NULL && i < lines->first_count; i++) {
        if (str_eq(lines->first[i].set, set)) {
            return &lines->first[i];
        }
    }
    return NULL;
}

static struct giving *find_giving(struct giving *all, size_t count, str set) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(all[i].set->id, set)) {
            return &all[i];
        }
    }
    return NULL;
}

/* How much of the last build's chain of lines stays. */
struct kept {
    size_t sets;      /* the first so many have their own line as it was */
    bool first_lines; /* so have all, and what comes after those lines is as it was, too */
};

/* The next line with packages. */
static const struct recipe_line *next_line(const struct recipe_lines *last, size_t *at) {
    while (*at < last->first_count && last->first[*at].count == 0) {
        *at += 1;
    }
    return *at < last->first_count ? &last->first[(*at)++] : NULL;
}

/* The step of a line that is another one now runs, and so do all after it. */
static struct kept find_kept(const struct package_sets *sets, const struct recipe_lines *last) {
    size_t at = 0;
    for (size_t i = 0; i < sets->len; i++) {
        const struct recipe_line *own = recipe_lines_first(last, sets->items[i].id);
        if (own == NULL || own->count == 0) {
            if (own != NULL && own->stale) {
                return (struct kept){ i, false };
            }
            continue;
        }
        const struct recipe_line *line = next_line(last, &at);
        if (line != own || line->stale || !only_gained(&sets->items[i], line)) {
            return (struct kept){ i, false };
        }
    }
    return (struct kept){ sets->len, next_line(last, &at) == NULL };
}

/* A set that had no line in its place may as well be installed there when all after it runs. */
static size_t before_new_sets(const struct package_sets *sets, const struct recipe_lines *last,
                              size_t kept) {
    while (kept > 0) {
        const struct recipe_line *line = recipe_lines_first(last, sets->items[kept - 1].id);
        if (line != NULL && line->count > 0) {
            break;
        }
        kept--;
    }
    return kept;
}

/* An addition stays as long as all of it is wanted. */
static bool keep_added(struct giving *all, size_t count, const struct recipe_line *line,
                       struct recipe_lines *ret) {
    struct giving *g = find_giving(all, count, line->set);
    struct recipe_line kept = { .set = line->set };
    if (g == NULL || line->stale) {
        return false;
    }
    bool *given = ARENA_ARRAY(g->arena, bool, g->set->count);
    memcpy(given, g->given, g->set->count * sizeof *given);
    for (size_t i = 0; i < line->count; i++) {
        size_t m = 0;
        while (m < g->set->count &&
               (given[m] || !str_eq(g->set->members[m]->text, line->packages[i]))) {
            m++;
        }
        if (m == g->set->count) {
            return false;
        }
        given[m] = true;
        push_package(g->arena, &kept, line->packages[i]);
    }
    g->given = given;
    ARENA_PUSH(g->arena, ret->added, ret->added_count, ret->added_cap, kept);
    return true;
}

static void add_rest(struct giving *g, struct recipe_lines *ret) {
    struct recipe_line line = { .set = g->set->id };
    give_rest(g, &line);
    if (line.count > 0) {
        ARENA_PUSH(g->arena, ret->added, ret->added_count, ret->added_cap, line);
    }
}

/* Lines in their places. What a set before those that run has gained must be there when they run,
 * so they are moved after it. */
static void make_first(struct giving *all, size_t count, size_t kept,
                       const struct recipe_lines *last, struct recipe_lines *ret) {
    bool gained = false;
    for (size_t i = 0; i < count; i++) {
        struct giving *g = &all[i];
        const struct recipe_line *line = recipe_lines_first(last, g->set->id);
        struct recipe_line *to =
            push_line(g->arena, &ret->first, &ret->first_count, &ret->first_cap, g->set->id);
        if (i >= kept && !gained) {
            give_rest(g, to);
        } else if (i < kept && line != NULL) {
            give_as_before(g, line, to);
        }
        gained = gained || (i < kept && has_rest(g));
    }
}

/* Too many lines: those that were added become one a set. */
static void join_added(struct giving *all, size_t count, struct recipe_lines *ret) {
    struct recipe_lines joined = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct recipe_line line = { .set = all[i].set->id };
        for (size_t n = 0; n < ret->added_count; n++) {
            const struct recipe_line *from = &ret->added[n];
            for (size_t p = 0; p < from->count && str_eq(from->set, line.set); p++) {
                push_package(all[i].arena, &line, from->packages[p]);
            }
        }
        if (line.count > 0) {
            ARENA_PUSH(all[i].arena, joined.added, joined.added_count, joined.added_cap, line);
        }
    }
    ret->added = joined.added;
    ret->added_count = joined.added_count;
    ret->added_cap = joined.added_cap;
}

void recipe_lines_make(struct arena *a, const struct guest_config *config,
                       const struct recipe_lines *last, struct recipe_lines *ret) {
    struct package_sets sets;
    sets_make(a, config, &sets);
    struct giving *all = ARENA_ARRAY(a, struct giving, sets.len);
    struct kept kept = { 0 };
    *ret = (struct recipe_lines){ 0 };
    for (size_t i = 0; i < sets.len; i++) {
        const struct package_set *set = &sets.items[i];
        all[i] = (struct giving){ a, set, ARENA_ARRAY(a, bool, set->count) };
    }
    if (last != NULL && last->first_count > 0) {
        kept = find_kept(&sets, last);
        kept.sets = kept.first_lines ? sets.len : before_new_sets(&sets, last, kept.sets);
    }
    make_first(all, sets.len, kept.sets, last, ret);
    for (size_t i = 0; kept.first_lines && i < last->added_count; i++) {
        if (!keep_added(all, sets.len, &last->added[i], ret)) {
            break;
        }
    }
    for (size_t i = 0; i < sets.len; i++) {
        add_rest(&all[i], ret);
    }
    if (ret->added_count > RECIPE_ADDED_MAX) {
        join_added(all, sets.len, ret);
    }
}

/* ---- as text: {"first": [[SET, PACKAGE, ...], ...], "added": [...]} ---- */

static json_t *encode_list(const struct recipe_line *lines, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *line = json_array();
        json_array_append_new(line, json_stringn(lines[i].set.ptr, lines[i].set.len));
        for (size_t n = 0; n < lines[i].count; n++) {
            str package = lines[i].packages[n];
            json_array_append_new(line, json_stringn(package.ptr, package.len));
        }
        json_array_append_new(list, line);
    }
    return list;
}

str recipe_lines_encode(struct arena *a, const struct recipe_lines *lines) {
    json_t *root = json_object();
    json_object_set_new(root, "first", encode_list(lines->first, lines->first_count));
    json_object_set_new(root, "added", encode_list(lines->added, lines->added_count));
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    str copy = str_dup(a, str_from_c(text == NULL ? "{}" : text));
    free(text);
    return copy;
}

static bool decode_list(struct arena *a, const json_t *list, struct recipe_line **items,
                        size_t *len, size_t *cap) {
    size_t index;
    const json_t *line;
    json_array_foreach(list, index, line) {
        struct recipe_line *to = push_line(a, items, len, cap, S(""));
        size_t n;
        const json_t *word;
        json_array_foreach(line, n, word) {
            if (!json_is_string(word)) {
                return false;
            }
            str text = str_dup(a, (str){ json_string_value(word), json_string_length(word) });
            if (n == 0) {
                to->set = text;
            } else {
                push_package(a, to, text);
            }
        }
        if (to->set.len == 0) {
            return false;
        }
    }
    return json_is_array(list);
}

bool recipe_lines_decode(struct arena *a, str text, struct recipe_lines *ret) {
    struct recipe_lines lines = { 0 };
    json_t *root = json_loadb(text.ptr == NULL ? "" : text.ptr, text.len, 0, NULL);
    bool ok = decode_list(a, json_object_get(root, "first"), &lines.first, &lines.first_count,
                          &lines.first_cap) &&
              decode_list(a, json_object_get(root, "added"), &lines.added, &lines.added_count,
                          &lines.added_cap);
    json_decref(root);
    if (ok) {
        *ret = lines;
    }
    return ok;
}

/* ---- in a Dockerfile ---- */

str recipe_set_name(struct arena *a, const struct guest_config *config, str set) {
    struct package_sets sets;
    sets_make(a, config, &sets);
    const struct package_set *found = sets_find(&sets, set);
    return found != NULL ? found->name.text : set;
}

bool recipe_installs(const struct recipe *recipe, const struct guest_config *config,
                     const struct recipe_line *line, size_t start, size_t end) {
    AUTO_ARENA scratch = arena_new();
    struct package_sets sets;
    sets_make(scratch, config, &sets);
    const struct package_set *set = sets_find(&sets, line->set);
    const struct recipe_origin **values =
        ARENA_ARRAY(scratch, const struct recipe_origin *, recipe->origin_count);
    size_t count = recipe_config_values(recipe, start, end, values, recipe->origin_count);
    for (size_t i = 0; set != NULL && i < line->count; i++) {
        const struct config_text *member = set_find_member(set, line->packages[i]);
        for (size_t n = 0; member != NULL && n < count; n++) {
            if (values[n]->span.source == member->span.source &&
                values[n]->span.start == member->span.start) {
                return true;
            }
        }
    }
    return false;
}
