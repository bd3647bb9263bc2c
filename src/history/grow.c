// SPDX-License-Identifier: Apache-2.0
#include "embedded/embedded.h"
#include "history/history.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { ENGINE_BYTES_MAX = 4096 };

static const char record_kind[] = "results";

/* A guest is the same as long as it is in its folder. */
str history_grow_record_name(struct arena *a, const char *what, const struct guest_config *config,
                             const struct config_architecture *arch) {
    char *absolute = realpath(config->guest_dir, NULL);
    str name = str_fmt(a, "%s of %s %.*s", what, absolute != NULL ? absolute : config->guest_dir,
                       STR_FMT(arch->head.key));
    free(absolute);
    return name;
}

str history_grow_record_load(struct arena *a, struct store *store, str name) {
    str text;
    struct err ignored = ERR_INIT; /* what cannot be read is not known */
    return store != NULL && store_record_load(store, a, record_kind, name, &text, &ignored) ? text
                                                                                            : S("");
}

bool history_grow_record_save(struct store *store, str name, str text, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    return str_eq(history_grow_record_load(scratch, store, name), text) ||
           store_record_save(store, record_kind, name, text, err) ||
           err_wrap(err, "record the build");
}

void history_grow_begin(struct history_grow *g, struct arena *a, struct store *store,
                        const struct guest_config *config, const struct config_architecture *arch,
                        bool fresh) {
    *g = (struct history_grow){ .arena = a, .store = store, .config = config };
    g->record = history_grow_record_name(a, "packages", config, arch);
    g->engine_record = history_grow_record_name(a, "engine", config, arch);
    if (!recipe_lines_decode(a, history_grow_record_load(a, store, g->record), &g->before)) {
        g->before = (struct recipe_lines){ 0 }; /* a first build */
    }
    if (!fresh) {
        g->last = g->before;
    }
    recipe_lines_make(a, config, &g->last, &g->lines);
}

bool history_grow_adds(const struct history_grow *g) {
    return g->lines.added_count > 0;
}

/* ---- a look into the store ---- */

static void ignore_step(void *self, const struct build_step *step) {
    (void)self;
    (void)step;
}

static void ignore_output(void *self, const struct build_step *step, str piece) {
    (void)self;
    (void)step;
    (void)piece;
}

static void ignore_end(void *self, const struct build_step *step, enum build_step_end how,
                       uint64_t duration_ms) {
    (void)self;
    (void)step;
    (void)how;
    (void)duration_ms;
}

/* What is fetched is worth a word; anything else is said by the build. */
static void pass_notice(void *self, str text) {
    const struct build_request *request = self;
    request->events->notice(request->self, text);
}

static void ignore_notice(void *self, str text) {
    (void)self;
    (void)text;
}

static const struct build_events no_events = { ignore_step, ignore_output, ignore_end, ignore_step,
                                               ignore_notice };
static const struct build_events quiet_events = { ignore_step, ignore_output, ignore_end,
                                                  ignore_step, pass_notice };

/* With --pull a base image is fetched now, and not again by the build. Otherwise one that is not in
 * the store is one on which nothing was built yet: no need to fetch it for a look. */
static bool look(struct arena *a, struct build_request *request, struct build_result *ret) {
    struct build_request quiet = *request;
    struct diag_sink sink;
    struct err err = ERR_INIT;
    diag_sink_init(&sink, a, request->sources);
    quiet.look = true;
    quiet.policy.offline = request->policy.offline || !request->policy.pull;
    quiet.events = &quiet_events;
    quiet.self = request;
    if (!embedded_run(a, &quiet, &sink, ret, &err)) {
        return false;
    }
    request->policy.pull = false;
    return true;
}

/* The first step that installs a package of the line; record_count: none does. */
static size_t step_of(const struct history_grow *g, const struct recipe *recipe,
                      const struct build_result *looked, const struct recipe_line *line) {
    size_t i = 0;
    while (i < looked->record_count &&
           !recipe_installs(recipe, g->config, line, looked->records[i].span.start,
                            looked->records[i].span.end)) {
        i++;
    }
    return i;
}

static bool is_cached(const struct build_result *looked, size_t step) {
    return step < looked->record_count && looked->records[step].cached;
}

static void mark_stale(struct history_grow *g, str set) {
    struct recipe_line *known = recipe_lines_first(&g->last, set);
    struct recipe_line line = { .set = set };
    if (known == NULL) {
        ARENA_PUSH(g->arena, g->last.first, g->last.first_count, g->last.first_cap, line);
        known = &g->last.first[g->last.first_count - 1];
    }
    known->stale = true;
}

/* Makes the lines again. Are they others? */
static bool make_again(struct history_grow *g) {
    str before = recipe_lines_encode(g->arena, &g->lines);
    recipe_lines_make(g->arena, g->config, &g->last, &g->lines);
    return !str_eq(recipe_lines_encode(g->arena, &g->lines), before);
}

/* Marks what of the last build's lines is not in the store any more. */
static void mark_lost(struct history_grow *g, const struct recipe *recipe,
                      const struct build_result *looked) {
    for (size_t i = 0; i < g->last.first_count; i++) {
        struct recipe_line *line = &g->last.first[i];
        line->stale = line->stale ||
                      (line->count > 0 && !is_cached(looked, step_of(g, recipe, looked, line)));
    }
    for (size_t i = 0; i < g->last.added_count; i++) {
        struct recipe_line *line = &g->last.added[i];
        line->stale = line->stale || !is_cached(looked, step_of(g, recipe, looked, line));
    }
}

bool history_grow_decide(struct history_grow *g, const struct recipe *recipe,
                         const struct build_result *looked) {
    mark_lost(g, recipe, looked);
    return make_again(g);
}

bool history_grow_look(struct history_grow *g, const struct recipe *recipe,
                       struct build_request *request) {
    struct build_result looked;
    if (!look(g->arena, request, &looked)) {
        history_grow_fresh(g);
        return true;
    }
    return history_grow_decide(g, recipe, &looked);
}

bool history_grow_trust(struct history_grow *g, str engine) {
    str name = S("");
    str text = history_grow_record_load(g->arena, g->store, g->engine_record);
    json_t *known = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);
    if (json_is_string(known)) {
        name = str_dup(g->arena, str_from_c(json_string_value(known)));
    }
    json_decref(known);
    bool is_any = str_ends(engine, S(" ")); /* of its kind: none was named */
    if (!history_grow_adds(g) || (is_any ? str_starts(name, engine) : str_eq(name, engine))) {
        return false;
    }
    history_grow_fresh(g);
    return true;
}

bool history_grow_look_offline(struct arena *a, struct store *store,
                               const struct config_architecture *arch, const struct recipe *recipe,
                               struct sources *sources, const struct build_share *share,
                               int64_t epoch_s, struct build_result *ret) {
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    struct err err = ERR_INIT;
    struct err ignored = ERR_INIT;
    struct build_request request = {
        .store = store,
        .sources = sources,
        .dockerfile = recipe->source,
        .policy = { .offline = true, .share = *share, .epoch_s = epoch_s },
        .events = &no_events,
    };
    if (!store_work_begin(store, &work, &err) ||
        !oci_platform_parse(a, arch->docker_platform.text, &request.platform, &err)) {
        return false;
    }
    /* A guest binary may not be compiled yet: then the look ends where it is copied. */
    request.context = store_work_path(&work, a, "context");
    if (mkdir(request.context, 0755) < 0) {
        return false;
    }
    (void)!recipe_write_context(recipe, request.context, epoch_s, &ignored);
    return look(a, &request, ret);
}

/* ---- after a build ---- */

/* The addition that a diagnostic is about; NULL: none. */
static const struct recipe_line *find_failed(const struct history_grow *g,
                                             const struct recipe *recipe,
                                             const struct diag_sink *sink) {
    for (size_t i = 0; i < sink->len; i++) {
        const struct span *span = &sink->items[i].span;
        for (size_t n = 0; n < g->lines.added_count && span->source == recipe->source; n++) {
            if (recipe_installs(recipe, g->config, &g->lines.added[n], span->start, span->end)) {
                return &g->lines.added[n];
            }
        }
    }
    return NULL;
}

bool history_grow_retry(struct history_grow *g, const struct recipe *recipe,
                        const struct diag_sink *sink, str *ret_name) {
    const struct recipe_line *failed = find_failed(g, recipe, sink);
    if (failed == NULL) {
        return false;
    }
    str set = failed->set;
    *ret_name = recipe_set_name(g->arena, g->config, set);
    mark_stale(g, set);
    return make_again(g);
}

void history_grow_fresh(struct history_grow *g) {
    g->last = (struct recipe_lines){ 0 };
    recipe_lines_make(g->arena, g->config, NULL, &g->lines);
}

bool history_grow_save(const struct history_grow *g, str engine, struct err *err) {
    AUTO_BUF text = BUF_INIT(ENGINE_BYTES_MAX);
    buf_add_json(&text, engine);
    return history_grow_record_save(g->store, g->record, recipe_lines_encode(g->arena, &g->lines),
                                    err) &&
           history_grow_record_save(g->store, g->engine_record, buf_str(&text), err);
}
