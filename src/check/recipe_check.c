// SPDX-License-Identifier: Apache-2.0
#include "check/internal.h"
#include "embedded/embedded.h"

#include <string.h>

#include "machine/machine.h"
#include "oci/oci.h"

enum { IGNORE_BYTES_MAX = 4 * 1024 * 1024, NAMES_SHOWN = 12 };

/* One rendered Dockerfile while it is looked at. */
struct checking {
    struct arena *arena;
    struct sources *sources;
    struct diag_sink *sink; /* of this recipe alone */
    const struct recipe *recipe;
    const struct dockerfile *file;
    const struct dockerfile_ignore *ignore; /* of the build context */
    bool used_variable;
};

/* ---- the build context ---- */

static bool load_ignore(struct checking *c, struct err *err) {
    for (size_t i = 0; i < c->recipe->file_count; i++) {
        const struct recipe_file *file = &c->recipe->files[i];
        if (strcmp(file->path, ".dockerignore") != 0) {
            continue;
        }
        str text = file->content;
        if (file->host_path != NULL &&
            !fs_load(c->arena, AT_FDCWD, file->host_path, IGNORE_BYTES_MAX, &text, err)) {
            return false;
        }
        const char *shown = file->host_path != NULL ? file->host_path : file->path;
        uint32_t source = sources_add(c->sources, str_from_c(shown), text);
        return dockerfile_ignore_parse(c->arena, c->sink, source, &c->ignore);
    }
    return true;
}

/* An ignored folder counts when something in it may be taken. */
static bool is_taken(const struct checking *c, str path) {
    return !dockerfile_ignore_match(c->ignore, path) ||
           dockerfile_ignore_may_reinclude(c->ignore, path);
}

/* Does the pattern name a file of the context, or a folder that one of them is in? */
/* `deep`: "**" stands for any number of folders, as with --parents. */
static bool is_in_context(const struct checking *c, str pattern, bool deep) {
    for (size_t i = 0; i < c->recipe->file_count; i++) {
        str path = str_from_c(c->recipe->files[i].path);
        for (size_t end = 0; end != STR_NONE; end += end < path.len) {
            end = str_find_char(path, '/', end);
            str part = str_slice(path, 0, end);
            bool match = deep ? dockerfile_glob_match_deep(pattern, part)
                              : dockerfile_glob_match(pattern, part);
            if (match && is_taken(c, part)) {
                return true;
            }
            if (end == STR_NONE) {
                break;
            }
        }
    }
    return false;
}

/* Names at the top of the context, the first of them: folders with a slash. */
static str context_names(struct arena *a, const struct recipe *recipe) {
    AUTO_BUF out = BUF_INIT(4096);
    str last = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < recipe->file_count && count < NAMES_SHOWN; i++) {
        str path = str_from_c(recipe->files[i].path);
        size_t slash = str_find_char(path, '/', 0);
        str name = slash == STR_NONE ? path : str_slice(path, 0, slash + 1);
        if (!str_eq(name, last)) {
            buf_addf(&out, "%s'%.*s'", count > 0 ? ", " : "", STR_FMT(name));
            last = name;
            count++;
        }
    }
    return str_dup(a, buf_str(&out));
}

static void report_missing(struct checking *c, struct dockerfile_word word, str path) {
    str *paths = ARENA_ARRAY(c->arena, str, c->recipe->file_count);
    size_t count = 0;
    bool left_out = false;
    for (size_t i = 0; i < c->recipe->file_count; i++) {
        str there = str_from_c(c->recipe->files[i].path);
        left_out = left_out || str_eq(there, path);
        if (is_taken(c, there)) {
            paths[count++] = there;
        }
    }
    struct diag *d = diag_report(c->sink, "E402", word.span, "'%.*s' is not in the build context",
                                 STR_FMT(path));
    str near = nearest_word(path, paths, count);
    if (left_out) {
        diag_help(c->sink, d, ".dockerignore excludes it");
    } else if (near.ptr != NULL) {
        diag_help(c->sink, d, "did you mean '%.*s'?", STR_FMT(near));
    } else {
        str names = context_names(c->arena, c->recipe);
        diag_help(c->sink, d, "the context has %.*s", STR_FMT(names));
    }
}

/* ---- COPY and ADD ---- */

/* What a variable will be is not known here: such words are left to the build. */
static bool find_variable(void *self, str name, str *ret) {
    (void)name;
    ((struct checking *)self)->used_variable = true;
    *ret = S("");
    return true;
}

static bool is_remote(str word) {
    return str_find(word, S("://"), 0) != STR_NONE || str_starts(word, S("git@")) ||
           str_ends(word, S(".git"));
}

enum found {
    FOUND,
    FOUND_NOTHING, /* by a wildcard: another source may be there */
    FOUND_WRONG,   /* reported */
};

static enum found check_source(struct checking *c, const struct dockerfile_instruction *i,
                               const struct dockerfile_source *source) {
    const struct dockerfile_expander e = {
        .arena = c->arena,
        .sink = c->sink,
        .escape = c->file->escape,
        .find = find_variable,
        .self = c,
    };
    str path;
    c->used_variable = false;
    if (source->heredoc != NULL) {
        return FOUND;
    }
    if (!dockerfile_expand(&e, source->word, &path)) {
        return FOUND_WRONG;
    }
    if (c->used_variable || (i->kind == DOCKERFILE_ADD && is_remote(path))) {
        return FOUND;
    }
    /* As if the context were "/": what climbs above it starts at it again. */
    str clean = path_clean(c->arena, str_concat(c->arena, S("/"), path));
    clean = str_slice(clean, 1, clean.len);
    if (clean.len == 0 || is_in_context(c, clean, i->copy.parents)) {
        return FOUND;
    }
    if (dockerfile_glob_has_wildcard(path)) {
        return FOUND_NOTHING;
    }
    report_missing(c, source->word, path);
    return FOUND_WRONG;
}

static void check_copy(struct checking *c, const struct dockerfile_instruction *i) {
    bool nothing = true;
    if (dockerfile_word_is_set(i->copy.from)) {
        return;
    }
    for (size_t n = 0; n < i->copy.source_count; n++) {
        nothing = check_source(c, i, &i->copy.sources[n]) == FOUND_NOTHING && nothing;
    }
    if (nothing) {
        report_missing(c, i->copy.sources[0].word, i->copy.sources[0].word.text);
    }
}

/* ---- the whole text ---- */

static void report_value(struct checking *c, struct span span, const struct err *why) {
    AUTO_BUF text = BUF_INIT(4096);
    err_text(why, &text);
    diag_report(c->sink, "E405", span, "%.*s", STR_FMT(buf_str(&text)));
}

/* What stands for itself: no variable, quote or escape. */
static bool is_plain(str word) {
    return str_find_char(word, '$', 0) == STR_NONE && str_find_char(word, '"', 0) == STR_NONE &&
           str_find_char(word, '\'', 0) == STR_NONE && str_find_char(word, '\\', 0) == STR_NONE;
}

static void check_from(struct checking *c, size_t stage, const struct dockerfile_from *from) {
    struct oci_platform platform;
    struct oci_reference image;
    struct err err = ERR_INIT;
    if (dockerfile_word_is_set(from->platform) && is_plain(from->platform.text) &&
        !oci_platform_parse(c->arena, from->platform.text, &platform, &err)) {
        report_value(c, from->platform.span, &err);
    }
    str base = from->base.text;
    err = ERR_INIT;
    if (is_plain(base) && !str_eq(base, S("scratch")) &&
        dockerfile_resolve_stage(c->file, stage, base, false) == DOCKERFILE_NO_STAGE &&
        !oci_reference_parse(c->arena, base, &image, &err)) {
        report_value(c, from->base.span, &err);
    }
}

static void check_stage(struct checking *c, const struct dockerfile_stage *stage,
                        bool context_is_known) {
    check_from(c, stage->index, &stage->from->from);
    for (size_t i = 0; i < stage->instruction_count && context_is_known; i++) {
        const struct dockerfile_instruction *instruction = stage->instructions[i];
        if (instruction->kind == DOCKERFILE_COPY || instruction->kind == DOCKERFILE_ADD) {
            check_copy(c, instruction);
        }
    }
}

static void check_text(struct checking *c, bool context_is_known, struct err *err) {
    if (!dockerfile_parse(c->arena, c->sink, c->recipe->source, &c->file) || !load_ignore(c, err)) {
        return;
    }
    bool ok = dockerfile_check_stages(c->file, NULL, c->sink);
    (void)ok; /* it was reported, and hides nothing of what follows */
    for (size_t i = 0; i < c->file->stage_count; i++) {
        check_stage(c, &c->file->stages[i], context_is_known);
    }
}

/* After the rest: it takes a text without errors. */
static void check_machine(struct checking *c, const struct config_architecture *arch) {
    struct build_request request = { .sources = c->sources, .dockerfile = c->recipe->source };
    if (c->sink->errors == 0 &&
        oci_platform_parse(c->arena, arch->docker_platform.text, &request.platform, NULL)) {
        (void)!embedded_check_platforms(c->arena, &request, c->sink);
    }
}

/* ---- each mistake once ---- */

/* Texts are loaded and rendered once for each architecture: places are equal when their paths are.
 */
static bool same_place(const struct sources *s, struct span a, struct span b) {
    if (!span_is_set(a) || !span_is_set(b)) {
        return span_is_set(a) == span_is_set(b);
    }
    return a.start == b.start && a.end == b.end &&
           str_eq(s->items[a.source]->path, s->items[b.source]->path);
}

/* The place of the note with this text; SPAN_NONE: there is none. */
static struct span note_place(const struct diag *d, str note) {
    if (str_eq(d->note, note)) {
        return d->note_span;
    }
    for (const struct diag_more *m = d->more; m != NULL; m = m->next) {
        if (str_eq(m->note, note)) {
            return m->span;
        }
    }
    return SPAN_NONE;
}

/* In a rendered text, where it was written. */
static struct span written_at(const struct diag *d) {
    struct span template = note_place(d, S(CHECK_TEMPLATE_NOTE));
    return span_is_set(template) ? template : d->span;
}

/* A value that is wrong wherever it is used is one mistake. */
static bool same_value(const struct sources *s, const struct diag *a, const struct diag *b) {
    struct span value = note_place(a, S(RECIPE_VALUE_NOTE));
    return span_is_set(value) && same_place(s, value, note_place(b, S(RECIPE_VALUE_NOTE)));
}

static bool is_known(const struct diag_sink *sink, const struct diag *d) {
    for (size_t i = 0; i < sink->len; i++) {
        const struct diag *known = &sink->items[i];
        if (known->code == d->code && str_eq(known->message, d->message) &&
            (same_place(sink->sources, written_at(known), written_at(d)) ||
             same_value(sink->sources, known, d))) {
            return true;
        }
    }
    return false;
}

/* What a recipe reads besides its template is below the artifacts. */
static void report_unreadable(struct diag_sink *sink, const char *artifacts_dir,
                              const struct err *err) {
    AUTO_BUF why = BUF_INIT(16 * 1024);
    err_text(err, &why);
    struct span span = { .source = sources_add_path(sink->sources, str_from_c(artifacts_dir)) };
    diag_report(sink, "E302", span, "the artifacts cannot be read: %.*s", STR_FMT(buf_str(&why)));
}

void check_recipe(struct arena *a, const struct check_request *check,
                  const struct config_architecture *arch, enum recipe_kind kind,
                  struct sources *sources, struct diag_sink *sink) {
    const char *artifacts_dir = check->config->artifacts_dir;
    struct diag_sink own;
    struct err err = ERR_INIT;
    struct recipe recipe;
    diag_sink_init(&own, a, sources);
    struct recipe_request request = {
        .config = check->config,
        .arch = arch,
        .kind = kind,
        .kernel_version = check->kernel_version,
        .templates_dir = check->templates_dir,
        .binaries_dir = ".",
        .templates = check->templates,
        .names_only = true,
    };
    struct checking c = { .arena = a, .sources = sources, .sink = &own, .recipe = &recipe };
    if (recipe_render(a, &request, sources, &own, &recipe, &err) && check->sound) {
        check_text(&c, artifacts_dir != NULL, &err);
        if (check->runs_here) {
            check_machine(&c, arch);
        }
        check_add_notes(&own, &recipe, S(""));
        if (kind == RECIPE_KERNEL && check->templates_dir == NULL) {
            kernel_check(a, arch, &own);
        }
        if (kind == RECIPE_ROOTFS && check->templates_dir == NULL) {
            manager_check(a, check->config, arch, &own);
        }
        if (kind != RECIPE_AGENT && own.errors == 0) {
            artifact_check(a, check, &recipe, c.file, &own);
        }
    }
    if (err_is_set(&err)) {
        report_unreadable(&own, artifacts_dir != NULL ? artifacts_dir : check->config->guest_dir,
                          &err);
    }
    for (size_t i = 0; i < own.len; i++) {
        if (!is_known(sink, &own.items[i])) {
            diag_adopt(sink, &own.items[i]);
        }
    }
}

/* Of what an architecture must have, something is missing or not known: that was said. */
static bool is_whole(const struct config_architecture *arch) {
    return machine_of_triple(arch->rust_target.text) != NULL && arch->docker_platform.present &&
           arch->rust_target.present && arch->kernel_image.present && arch->defconfig.present;
}

/* The program's own template for guest binaries is sound, and needs no look at every start. */
static bool has_own_agent(const struct check_request *check) {
    return check->templates_dir != NULL && check->config->agent_dir != NULL &&
           check->config->build.guest_binaries.len > 0;
}

void check_recipes(struct arena *a, const struct check_request *check, struct sources *sources,
                   struct diag_sink *sink) {
    for (size_t i = 0; i < check->config->build.architectures.len; i++) {
        const struct config_architecture *arch = &check->config->build.architectures.items[i];
        if (is_whole(arch)) {
            check_recipe(a, check, arch, RECIPE_KERNEL, sources, sink);
            check_recipe(a, check, arch, RECIPE_ROOTFS, sources, sink);
            if (has_own_agent(check)) {
                check_recipe(a, check, arch, RECIPE_AGENT, sources, sink);
            }
        }
    }
}
