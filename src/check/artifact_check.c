// SPDX-License-Identifier: Apache-2.0
#include "check/internal.h"

struct checking {
    struct arena *arena;
    const struct guest_config *config;
    const struct dockerfile *file;
    struct diag_sink *sink;
    enum check_purpose purpose;
};

static struct span path_span(struct checking *c, const char *path) {
    return (struct span){ .source = sources_add_path(c->sink->sources, str_from_c(path)) };
}

/* ---- what the Dockerfile takes ---- */

/* Does a source word take the path, or a folder that it is in? What a variable will be is not known
 * here: then it may. */
static bool word_takes(struct checking *c, str word, str path) {
    if (str_find_char(word, '$', 0) != STR_NONE) {
        return true;
    }
    str pattern = path_clean(c->arena, str_concat(c->arena, S("/"), word));
    pattern = str_slice(pattern, 1, pattern.len);
    for (size_t end = 0; end != STR_NONE; end++) {
        end = str_find_char(path, '/', end);
        str part = str_slice(path, 0, end);
        if (pattern.len == 0 || dockerfile_glob_match(pattern, part)) {
            return true;
        }
        if (end == STR_NONE) {
            break;
        }
    }
    return false;
}

static bool copy_takes(struct checking *c, const struct dockerfile_copy *copy, str path) {
    for (size_t i = 0; i < copy->source_count && !dockerfile_word_is_set(copy->from); i++) {
        if (copy->sources[i].heredoc == NULL && word_takes(c, copy->sources[i].word.text, path)) {
            return true;
        }
    }
    return false;
}

/* A mount of the context may show anything in it. */
static bool run_takes_all(const struct dockerfile_run *run) {
    for (size_t i = 0; i < run->mount_count; i++) {
        str text = run->mounts[i].text;
        bool other = str_find(text, S("type="), 0) != STR_NONE &&
                     str_find(text, S("type=bind"), 0) == STR_NONE;
        if (!other && str_find(text, S("from="), 0) == STR_NONE) {
            return true;
        }
    }
    return false;
}

static bool is_taken(struct checking *c, str path) {
    for (size_t s = 0; s < c->file->stage_count; s++) {
        const struct dockerfile_stage *stage = &c->file->stages[s];
        for (size_t i = 0; i < stage->instruction_count; i++) {
            const struct dockerfile_instruction *in = stage->instructions[i];
            bool copies = in->kind == DOCKERFILE_COPY || in->kind == DOCKERFILE_ADD;
            if ((copies && copy_takes(c, &in->copy, path)) ||
                (in->kind == DOCKERFILE_RUN && run_takes_all(&in->run))) {
                return true;
            }
        }
    }
    return false;
}

/* ---- what it leaves ---- */

static str top_of(str path) {
    return str_slice(path, 0, str_find_char(path, '/', 0));
}

/* Below a folder of the config's table, all is said. */
static bool is_placed_below(struct checking *c, str top) {
    const struct config_pairs *pairs = &c->config->build.artifacts;
    for (size_t i = 0; i < pairs->len; i++) {
        if (str_eq(top_of(pairs->items[i].key), top)) {
            return true;
        }
    }
    return false;
}

static void report_left(struct checking *c, str name) {
    const char *path = path_join(c->arena, c->config->artifacts_dir, str_to_c(c->arena, name));
    struct diag *d = diag_report(
        c->sink, "W017", path_span(c, path),
        "the artifact '%.*s' is not part of the image: it has no destination", STR_FMT(name));
    AUTO_BUF key = BUF_INIT(4096);
    AUTO_BUF place = BUF_INIT(4096);
    buf_add_json(&key, name);
    buf_add_json(&place, str_fmt(c->arena, "/usr/local/lib/%.*s", STR_FMT(name)));
    diag_help(
        c->sink, d,
        "in [build.artifacts] of build.toml, %.*s = %.*s copies it and %.*s = \"\" leaves it out",
        STR_FMT(buf_str(&key)), STR_FMT(buf_str(&place)), STR_FMT(buf_str(&key)));
}

/* Files lie in the order of their paths: those of a folder together. */
static void check_left(struct checking *c, const struct recipe *recipe) {
    str folder = str_fmt(c->arena, "%s/", c->config->artifacts_dir);
    for (size_t i = 0; i < recipe->file_count;) {
        str top = top_of(str_from_c(recipe->files[i].path));
        bool is_artifact = false;
        bool taken = false;
        for (; i < recipe->file_count && str_eq(top_of(str_from_c(recipe->files[i].path)), top);
             i++) {
            const char *host = recipe->files[i].host_path;
            is_artifact = is_artifact || (host != NULL && str_starts(str_from_c(host), folder));
            taken = taken || is_taken(c, str_from_c(recipe->files[i].path));
        }
        if (is_artifact && !taken && !recipe_artifact_is_known(c->config, top) &&
            !is_placed_below(c, top)) {
            report_left(c, top);
        }
    }
}

/* What a build needs is its error, and a warning for who only looks at the configuration. */
static void report_no_folder(struct checking *c, const char *name, const char *code,
                             const char *what, const char *other) {
    const char *path = path_join(c->arena, c->config->guest_dir, name);
    bool builds = c->purpose == CHECK_FOR_BUILD;
    if (c->purpose == CHECK_FOR_DRY_RUN) {
        return;
    }
    struct diag *d =
        diag_report(c->sink, builds ? code : "W019", path_span(c, path),
                    "the folder with %s is missing%s", what, builds ? "" : ": a build needs it");
    diag_help(c->sink, d, "'capsem-builder init DIR' writes a folder that has one: %s%s", name,
              other);
}

static void report_no_certificate(struct checking *c) {
    const char *path = path_join(c->arena, c->config->artifacts_dir, "capsem-ca.crt");
    struct diag *d = diag_report(c->sink, "W018", path_span(c, path),
                                 "no CA certificate: the image is built without one");
    diag_help(c->sink, d,
              "put the host proxy's certificate there, or in config/ next to the guest folder, in "
              "PEM form");
}

void artifact_check(struct arena *a, const struct check_request *check, const struct recipe *recipe,
                    const struct dockerfile *file, struct diag_sink *sink) {
    const struct guest_config *config = check->config;
    struct checking c = { a, config, file, sink, check->purpose };
    bool own = check->templates_dir != NULL;
    if (config->artifacts_dir == NULL && !own) {
        report_no_folder(&c, "artifacts", "E302", "the guest's scripts", "");
    }
    if (recipe->kind != RECIPE_ROOTFS) {
        return;
    }
    if (config->agent_dir == NULL && config->build.guest_binaries.len > 0) {
        report_no_folder(&c, "agent", "E303", "the sources of the guest binaries",
                         "; guest_binaries = [] in [build] does without");
    }
    if (config->artifacts_dir != NULL && config->certificate == NULL && !own) {
        report_no_certificate(&c);
    }
    if (config->artifacts_dir != NULL) {
        check_left(&c, recipe);
    }
}
