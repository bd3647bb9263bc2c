// SPDX-License-Identifier: Apache-2.0
/*
 * SOURCE_DATE_EPOCH of a build: a --build-arg, the environment's, or the default of a global ARG.
 * Dockerfile reference, "BuildKit built-in build args"; a malformed one ends the build, as the
 * specification of reproducible-builds.org has it.
 */
#include <errno.h>
#include <string.h>

#include "embedded/internal.h"

enum { DEPTH_MAX = 256 };

/* ---- what a value is ---- */

struct epoch_value {
    str text;
    struct span span; /* of the global ARG's default; SPAN_NONE: it is given */
};

static struct dockerfile_word global_default(const struct dockerfile *f) {
    struct dockerfile_word found = { .span = SPAN_NONE };
    for (size_t i = 0; i < f->global_arg_count; i++) {
        const struct dockerfile_instruction *arg = f->global_args[i];
        for (size_t j = 0; j < arg->pairs.len; j++) {
            if (str_eq(arg->pairs.items[j].name.text, EPOCH_ARG)) {
                found = arg->pairs.items[j].value;
            }
        }
    }
    return found;
}

static struct epoch_value find_value(struct builder *b) {
    const str *given = oci_pairs_find(&b->request->build_args, EPOCH_ARG);
    if (given != NULL) {
        return (struct epoch_value){ *given, SPAN_NONE };
    }
    const str *value = oci_pairs_find(&b->global_args, EPOCH_ARG);
    return (struct epoch_value){ value == NULL ? S("") : *value, global_default(b->file).span };
}

static bool refuse(struct builder *b, const struct epoch_value *v) {
    static const char help[] = "use seconds since 1970, 'context', or a stage that contains only "
                               "one ADD of a URL or a git repository";
    if (span_is_set(v->span)) {
        struct diag *d =
            diag_report(b->sink, "E405", v->span, "SOURCE_DATE_EPOCH is not a time: '%.*s'",
                        STR_FMT(str_clip(v->text, 80)));
        diag_help(b->sink, d, "%s", help);
        return false;
    }
    err_set(b->err, "SOURCE_DATE_EPOCH %s is not a time: '%.*s'",
            b->request->policy.epoch_from_env ? "in the environment" : "of --build-arg",
            STR_FMT(str_clip(v->text, 80)));
    return err_help(b->err, "%s", help);
}

/* ---- the time of a stage ---- */

static bool refuse_stage(struct builder *b, struct span span, const char *what) {
    struct diag *d =
        diag_report(b->sink, "E405", span, "SOURCE_DATE_EPOCH names this stage, but %s", what);
    diag_help(
        b->sink, d,
        "such a stage contains only FROM scratch, ARGs, and one ADD of a URL or a git repository");
    return false;
}

static const struct dockerfile_instruction *find_add(struct builder *b,
                                                     const struct dockerfile_stage *s) {
    const struct dockerfile_instruction *add = NULL;
    for (size_t i = 0; i < s->instruction_count; i++) {
        const struct dockerfile_instruction *in = s->instructions[i];
        if (in->kind == DOCKERFILE_ARG) {
            continue;
        }
        if (in->kind != DOCKERFILE_ADD || add != NULL || in->copy.source_count != 1) {
            refuse_stage(b, in->keyword, "it has more than one ADD of a single source");
            return NULL;
        }
        add = in;
    }
    if (add == NULL) {
        refuse_stage(b, s->from->keyword, "it has no ADD");
    }
    return add;
}

/* Of what is below the folder, folders aside: an engine makes those. */
static bool newest_file(int dirfd, int depth, int64_t *newest, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    if (depth > DEPTH_MAX || !fs_list(scratch, dirfd, ".", &names, &count, err)) {
        return depth <= DEPTH_MAX ? false : err_set(err, "folders are nested too deeply");
    }
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        if (strcmp(names[i], ".git") == 0) {
            continue; /* --keep-git-dir: git has just made it */
        }
        if (fstatat(dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
            return err_sys(err, errno, "look at '%s'", names[i]);
        }
        if (!S_ISDIR(st.st_mode)) {
            *newest = st.st_mtim.tv_sec > *newest ? st.st_mtim.tv_sec : *newest;
            continue;
        }
        AUTO_FD below = openat(dirfd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0) {
            return err_sys(err, errno, "open '%s'", names[i]);
        }
        if (!newest_file(below, depth + 1, newest, err)) {
            return false;
        }
    }
    return true;
}

static bool newest_in_stage(struct builder *b, const struct stage *s, int64_t *ret) {
    size_t count;
    const char **paths = stack_paths(b, &s->stack, &count);
    for (size_t i = 0; i < count; i++) {
        AUTO_FD fd = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            return err_sys(b->err, errno, "open layer '%s'", paths[i]);
        }
        if (!newest_file(fd, 0, ret, b->err)) {
            return err_wrap(b->err, "find the newest file of layer '%s'", paths[i]);
        }
    }
    return true;
}

/* A commit's files have its time. A URL has Last-Modified, else an archive its entries' times. */
static bool stage_time(struct builder *b, const struct stage *s,
                       const struct dockerfile_instruction *add, int64_t *ret) {
    struct dockerfile_expander e = vars_expander(b, &b->stages[s->ast->index]);
    struct dockerfile_word word = add->copy.sources[0].word;
    struct err err = ERR_INIT;
    str text;
    if (!dockerfile_expand(&e, word, &text)) {
        return false;
    }
    if (remote_kind_of(text) == REMOTE_URL) {
        const struct remote_env env = remote_env_of(b);
        str url = str_slice(text, 0, str_find_char(text, '#', 0));
        if (!remote_url_modified(&env, str_to_c(b->arena, url), ret, &err)) {
            return fail_at(b, word.span, "E402", &err);
        }
        if (*ret >= 0) {
            return true;
        }
        if (!add->copy.unpack) {
            return refuse_stage(b, word.span, "the server does not send a modification time");
        }
    }
    return newest_in_stage(b, s, ret) &&
           (*ret >= 0 || refuse_stage(b, word.span, "it contains no files"));
}

static bool find_of_stage(struct builder *b, size_t index, int64_t *ret) {
    struct stage *s = &b->stages[index];
    const struct dockerfile_stage *ast = &b->file->stages[index];
    struct dockerfile_expander e = vars_global_expander(b);
    str base;
    if (!dockerfile_expand(&e, ast->from->from.base, &base)) {
        return false;
    }
    if (!str_eq(base, S("scratch"))) {
        return refuse_stage(b, ast->from->from.base.span, "it is not FROM scratch");
    }
    const struct dockerfile_instruction *add = find_add(b, ast);
    if (add == NULL) {
        return false;
    }
    str text = add->copy.sources[0].word.text;
    if (add->copy.sources[0].heredoc != NULL ||
        (remote_kind_of(text) == REMOTE_NONE && str_find_char(text, '$', 0) == STR_NONE)) {
        return refuse_stage(b, add->copy.sources[0].word.span, "this comes from the build context");
    }
    *ret = -1;
    return stage_build(b, index) && stage_time(b, s, add, ret);
}

/* ---- all of it ---- */

static bool is_context(const struct builder *b, str name) {
    bool found = str_eq(name, S("context"));
    for (size_t i = 0; i < b->request->context_count; i++) {
        found = found || str_eq_nocase(name, b->request->contexts[i].name);
    }
    return found;
}

static bool parse(struct builder *b, const struct epoch_value *v, int64_t *ret) {
    if (str_to_i64(v->text, ret)) {
        return (*ret >= 0 && *ret <= BUILD_EPOCH_MAX_S) || refuse(b, v);
    }
    size_t stage = dockerfile_find_stage(b->file, v->text);
    return stage == DOCKERFILE_NO_STAGE ? refuse(b, v) : find_of_stage(b, stage, ret);
}

bool epoch_find(struct builder *b) {
    b->epoch_s = b->request->policy.epoch_s;
    b->epoch_is_set = !b->request->policy.epoch_is_now;
    b->epoch_is_looked_at = true;
    if (b->epoch_is_set) {
        return true;
    }
    struct epoch_value v = find_value(b);
    if (v.text.len == 0) {
        return true; /* an empty one takes back the default */
    }
    if (is_context(b, v.text)) {
        b->request->events->notice(
            b->request->self,
            str_fmt(b->arena,
                    "SOURCE_DATE_EPOCH=%.*s: a folder has no time of its own, so no "
                    "epoch is set",
                    STR_FMT(v.text)));
        return true;
    }
    int64_t epoch_s;
    if (!parse(b, &v, &epoch_s)) {
        return false;
    }
    b->epoch_s = epoch_s;
    b->epoch_is_set = true;
    return true;
}
