// SPDX-License-Identifier: Apache-2.0
#include "history/history.h"

#include <jansson.h>
#include <stdlib.h>

enum { NAMES_SHOWN = 4 };

/* ---- the last build ---- */

static str member(struct arena *a, const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_string(value)
               ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
               : S("");
}

static void load_steps(struct history_why *w, const json_t *list) {
    size_t index;
    const json_t *item;
    w->last = ARENA_ARRAY(w->arena, struct history_why_step, json_array_size(list));
    json_array_foreach(list, index, item) {
        w->last[w->last_count++] = (struct history_why_step){
            member(w->arena, item, "stage"),
            member(w->arena, item, "text"),
            member(w->arena, item, "key"),
            member(w->arena, item, "own"),
        };
    }
}

static void load_files(struct history_why *w, const json_t *files) {
    const char *name;
    const json_t *digest;
    w->files = ARENA_ARRAY(w->arena, struct assets_input, json_object_size(files));
    json_object_foreach((json_t *)files, name, digest) {
        w->files[w->file_count++] = (struct assets_input){
            .name = str_dup(w->arena, str_from_c(name)),
            .digest = member(w->arena, files, name),
        };
    }
}

void history_why_begin(struct history_why *w, const struct config_architecture *arch) {
    w->record =
        history_grow_record_name(w->arena, recipe_kind_name(w->recipe->kind), w->config, arch);
    str text = history_grow_record_load(w->arena, w->store, w->record);
    json_t *root = json_loadb(text.ptr == NULL ? "" : text.ptr, text.len, 0, NULL);
    load_steps(w, json_object_get(root, "steps"));
    load_files(w, json_object_get(root, "files"));
    json_decref(root);
}

static str source_text(const struct history_why *w, struct span span) {
    return str_slice(w->sources->items[span.source]->text, span.start, span.end);
}

static json_t *json_of(str text) {
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value != NULL ? value : json_string("");
}

bool history_why_save(const struct history_why *w, const struct build_result *result,
                      const struct assets_input *files, size_t file_count, struct err *err) {
    json_t *steps = json_array();
    json_t *digests = json_object();
    for (size_t i = 0; i < result->record_count; i++) {
        const struct build_record *r = &result->records[i];
        json_t *step = json_object();
        json_object_set_new(step, "stage", json_of(r->stage));
        json_object_set_new(step, "text", json_of(source_text(w, r->span)));
        json_object_set_new(step, "key", json_string(r->key.hex));
        json_object_set_new(step, "own", json_string(r->own.hex));
        json_array_append_new(steps, step);
    }
    for (size_t i = 0; i < file_count; i++) {
        json_object_setn_new(digests, files[i].name.ptr, files[i].name.len,
                             json_of(files[i].digest));
    }
    json_t *root = json_pack("{s:o, s:o}", "steps", steps, "files", digests);
    char *text = json_dumps(root, JSON_COMPACT);
    bool ok = text == NULL || history_grow_record_save(w->store, w->record, str_from_c(text), err);
    free(text);
    json_decref(root);
    return ok;
}

/* ---- names ---- */

/* "'a', 'b' and 3 others" */
static str name_list(struct arena *a, const str *names, size_t count) {
    AUTO_BUF out = BUF_INIT(64 * 1024);
    size_t shown = count > NAMES_SHOWN + 1 ? NAMES_SHOWN : count;
    for (size_t i = 0; i < shown; i++) {
        bool last = i > 0 && i + 1 == count;
        buf_addf(&out, "%s'%.*s'",
                 i == 0 ? ""
                 : last ? " and "
                        : ", ",
                 STR_FMT(str_slice(names[i], 0, 200)));
    }
    if (shown < count) {
        buf_addf(&out, " and %zu others", count - shown);
    }
    return str_dup(a, buf_str(&out));
}

static bool line_has(const struct recipe_line *line, str package) {
    for (size_t i = 0; line != NULL && i < line->count; i++) {
        if (str_eq(line->packages[i], package)) {
            return true;
        }
    }
    return false;
}

static bool lines_have(const struct recipe_lines *lines, str set, str package) {
    bool found = line_has(recipe_lines_first(lines, set), package);
    for (size_t i = 0; i < lines->added_count && !found; i++) {
        found = str_eq(lines->added[i].set, set) && line_has(&lines->added[i], package);
    }
    return found;
}

struct names {
    str *items;
    size_t len;
    size_t cap;
};

static void add_missing(struct arena *a, const struct recipe_line *line,
                        const struct recipe_lines *in, struct names *ret) {
    for (size_t i = 0; line != NULL && i < line->count; i++) {
        if (!lines_have(in, line->set, line->packages[i])) {
            ARENA_PUSH(a, ret->items, ret->len, ret->cap, line->packages[i]);
        }
    }
}

/* What the set has in `lines` and not in `others`. */
static void find_missing(struct arena *a, str set, const struct recipe_lines *lines,
                         const struct recipe_lines *others, struct names *ret) {
    add_missing(a, recipe_lines_first(lines, set), others, ret);
    for (size_t i = 0; i < lines->added_count; i++) {
        if (str_eq(lines->added[i].set, set)) {
            add_missing(a, &lines->added[i], others, ret);
        }
    }
}

/* ---- steps that install packages ---- */

static str set_name(const struct history_why *w, str set) {
    return recipe_set_name(w->arena, w->config, set);
}

static str were(size_t count) {
    return count == 1 ? S("was") : S("were");
}

/* Packages of the set that are there before the addition. */
static size_t count_before(const struct recipe_lines *lines, size_t addition) {
    str set = lines->added[addition].set;
    size_t count = recipe_lines_first(lines, set)->count;
    for (size_t i = 0; i < addition; i++) {
        count += str_eq(lines->added[i].set, set) ? lines->added[i].count : 0;
    }
    return count;
}

static str cached_set_reason(const struct history_why *w, const struct recipe_line *line) {
    return str_fmt(w->arena,
                   "cached: %zu package%s of '%.*s' stay%s installed; added packages have their "
                   "own step below",
                   line->count, line->count == 1 ? "" : "s", STR_FMT(set_name(w, line->set)),
                   line->count == 1 ? "s" : "");
}

/* Had the last build packages of the set? */
static bool was_built(const struct history_why *w, str set) {
    struct names before = { 0 };
    const struct recipe_lines nothing = { 0 };
    find_missing(w->arena, set, &w->grow->before, &nothing, &before);
    return before.len > 0;
}

static str changed_set_reason(const struct history_why *w, const struct recipe_line *line) {
    const struct recipe_lines *now = &w->grow->lines;
    struct names added = { 0 };
    struct names removed = { 0 };
    find_missing(w->arena, line->set, now, &w->grow->before, &added);
    find_missing(w->arena, line->set, &w->grow->before, now, &removed);
    if (recipe_lines_first(&w->grow->before, line->set) == NULL || added.len + removed.len == 0) {
        return S("");
    }
    AUTO_BUF out = BUF_INIT(64 * 1024);
    buf_add_c(&out, "runs: ");
    if (removed.len > 0) {
        buf_addf(&out, "%.*s %.*s removed from",
                 STR_FMT(name_list(w->arena, removed.items, removed.len)),
                 STR_FMT(were(removed.len)));
    }
    if (added.len > 0) {
        buf_addf(&out, "%s%.*s %.*s added to", removed.len > 0 ? ", and " : "",
                 STR_FMT(name_list(w->arena, added.items, added.len)), STR_FMT(were(added.len)));
    }
    buf_addf(&out, " package set '%.*s', which is installed as a whole",
             STR_FMT(set_name(w, line->set)));
    return str_dup(w->arena, buf_str(&out));
}

/* Empty: the addition has what the last build had. */
static str addition_reason(const struct history_why *w, size_t addition) {
    const struct recipe_lines *lines = &w->grow->lines;
    const struct recipe_line *line = &lines->added[addition];
    str names = name_list(w->arena, line->packages, line->count);
    size_t before = count_before(lines, addition);
    struct names added = { 0 };
    add_missing(w->arena, line, &w->grow->before, &added);
    if (before == 0 && was_built(w, line->set)) {
        return changed_set_reason(w, line);
    }
    if (before == 0) {
        return str_fmt(w->arena, "runs: package set '%.*s' is new, with %.*s",
                       STR_FMT(set_name(w, line->set)), STR_FMT(names));
    }
    if (added.len == 0) {
        return S("");
    }
    return str_fmt(w->arena,
                   "runs: %.*s %.*s added to package set '%.*s'; %zu other%s come%s from the cache",
                   STR_FMT(names), STR_FMT(were(line->count)), STR_FMT(set_name(w, line->set)),
                   before, before == 1 ? "" : "s", before == 1 ? "s" : "");
}

static bool installs(const struct history_why *w, const struct recipe_line *line,
                     struct span span) {
    return recipe_installs(w->recipe, w->config, line, span.start, span.end);
}

/* The reason of a step that installs a set; empty: it is another step. */
static str set_reason(const struct history_why *w, const struct build_step *step, bool cached) {
    if (w->grow == NULL || step->span.source != w->recipe->source) {
        return S("");
    }
    const struct recipe_lines *lines = &w->grow->lines;
    for (size_t i = 0; i < lines->first_count; i++) {
        const struct recipe_line *first = &lines->first[i];
        if (!installs(w, first, step->span)) {
            continue;
        }
        bool has_more = false;
        bool is_addition = false; /* pip is told of all that is there */
        for (size_t n = 0; n < lines->added_count; n++) {
            has_more = has_more || str_eq(lines->added[n].set, first->set);
            is_addition = is_addition || installs(w, &lines->added[n], step->span);
        }
        if (!is_addition) {
            return !cached    ? changed_set_reason(w, first)
                   : has_more ? cached_set_reason(w, first)
                              : S("");
        }
    }
    for (size_t i = lines->added_count; i > 0 && !cached; i--) {
        if (installs(w, &lines->added[i - 1], step->span)) {
            return addition_reason(w, i - 1);
        }
    }
    return S("");
}

/* ---- other steps ---- */

static const struct history_why_step *find_same_text(const struct history_why *w,
                                                     const struct build_step *step) {
    str text = source_text(w, step->span);
    for (size_t i = 0; i < w->last_count; i++) {
        if (str_eq(w->last[i].stage, step->stage) && str_eq(w->last[i].text, text)) {
            return &w->last[i];
        }
    }
    return NULL;
}

static bool had_key(const struct history_why *w, const struct build_step *step) {
    for (size_t i = 0; i < w->last_count; i++) {
        if (step->key.hex[0] != '\0' && str_eq(w->last[i].key, str_from_c(step->key.hex))) {
            return true;
        }
    }
    return false;
}

static const struct assets_input *find_file(const struct assets_input *files, size_t count,
                                            str name) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(files[i].name, name)) {
            return &files[i];
        }
    }
    return NULL;
}

/* Does the instruction name the file, or the folder that it is in? */
static bool names_file(str text, str file) {
    size_t slash = str_find_char(file, '/', 0);
    str top = slash == STR_NONE ? file : str_slice(file, 0, slash + 1);
    return str_find(text, top, 0) != STR_NONE;
}

/* The files of the build context that the instruction names and that are not what they were. */
static str files_reason(const struct history_why *w, str text) {
    struct assets_input *now;
    size_t count;
    struct err ignored = ERR_INIT;
    struct names names = { 0 };
    if (!history_inputs(w->arena, w->recipe, &now, &count, &ignored)) {
        return S("");
    }
    for (size_t i = 0; i < count; i++) {
        const struct assets_input *last = find_file(w->files, w->file_count, now[i].name);
        if (names_file(text, now[i].name) &&
            (last == NULL || !str_eq(last->digest, now[i].digest))) {
            ARENA_PUSH(w->arena, names.items, names.len, names.cap, now[i].name);
        }
    }
    for (size_t i = 0; i < w->file_count; i++) {
        if (names_file(text, w->files[i].name) && find_file(now, count, w->files[i].name) == NULL) {
            ARENA_PUSH(w->arena, names.items, names.len, names.cap, w->files[i].name);
        }
    }
    return names.len == 0 ? S("")
                          : str_fmt(w->arena, "runs: %.*s changed",
                                    STR_FMT(name_list(w->arena, names.items, names.len)));
}

static str own_reason(const struct history_why *w, const struct build_step *step) {
    str text = source_text(w, step->span);
    str files = str_starts(text, S("RUN")) ? S("") : files_reason(w, text);
    return files.len > 0 ? files : S("runs: its files, mounts or arguments changed");
}

static struct history_why_ran *ran_in(struct history_why *w, str stage) {
    for (size_t i = 0; i < w->ran_count; i++) {
        if (str_eq(w->ran[i].stage, stage)) {
            return &w->ran[i];
        }
    }
    return NULL;
}

/* *ret_follows: only because of a step before it. */
static str run_reason(struct history_why *w, const struct build_step *step, bool *ret_follows) {
    *ret_follows = false;
    if (w->no_cache) {
        return S("runs: --no-cache");
    }
    if (w->last_count == 0) {
        return S("runs: this store has no earlier build of the guest folder");
    }
    if (had_key(w, step)) {
        return S("runs: unchanged, but its layer is no longer in the store");
    }
    const struct history_why_step *last = find_same_text(w, step);
    if (last == NULL) {
        return S("runs: the instruction is new, or its text changed");
    }
    if (step->own.hex[0] != '\0' && !str_eq(last->own, str_from_c(step->own.hex))) {
        return own_reason(w, step);
    }
    const struct history_why_ran *before = ran_in(w, step->stage);
    *ret_follows = before != NULL;
    return before != NULL
               ? str_fmt(w->arena, "runs: it builds on step %zu, which ran", before->number)
               : S("runs: its base image changed");
}

/* What follows is explained by this step. */
static void note_ran(struct history_why *w, const struct build_step *step) {
    struct history_why_ran *ran = ran_in(w, step->stage);
    if (ran == NULL) {
        struct history_why_ran first = { step->stage, step->number };
        ARENA_PUSH(w->arena, w->ran, w->ran_count, w->ran_cap, first);
    } else {
        ran->number = step->number;
    }
}

str history_why_reason(struct history_why *w, const struct build_step *step, bool cached) {
    str reason = set_reason(w, step, cached);
    if (cached) {
        return reason.len > 0 ? reason : S("cached: its inputs are unchanged");
    }
    bool follows = false;
    if (reason.len == 0 || w->no_cache) {
        reason = run_reason(w, step, &follows);
    }
    if (!follows) {
        note_ran(w, step);
    }
    return reason;
}
