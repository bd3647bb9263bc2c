// SPDX-License-Identifier: Apache-2.0
/*
 * A Dockerfile for engines other than ours. Heredocs are as old as Dockerfile 1.4 and need a
 * frontend from a registry in older engines; the exec form of RUN says the same everywhere. What
 * the embedded engine mounts from the host comes in as BuildKit secrets: they are part of no layer,
 * no image and no cache key.
 */
#include <errno.h>
#include <string.h>

#include "docker/internal.h"

enum { SECRET_BYTES_MAX = 500 * 1000 }; /* BuildKit takes no larger one */

/* ---- the host ---- */

/* Every build has these without ARG, and no image keeps them (Dockerfile reference, "Predefined
 * ARGs"). */
static bool is_predefined(str name) {
    static const str names[] = { S_INIT("http_proxy"), S_INIT("https_proxy"), S_INIT("ftp_proxy"),
                                 S_INIT("no_proxy"), S_INIT("all_proxy") };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool names_file_of_ours(str value) {
    return str_starts(value, S(BUILD_HOST_FOLDER "/"));
}

/* A file that cannot be a secret is not passed on, nor is what names it. */
static bool take_file(struct arena *a, const struct build_request *request, struct host_files *h,
                      int folder, const char *name, struct err *err) {
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return err_sys(err, errno, "look at '%s'", name);
    }
    if (st.st_size > SECRET_BYTES_MAX) {
        request->events->notice(
            request->self,
            str_fmt(a, "this machine's '%s' is not passed on: BuildKit limits secrets to %d bytes",
                    name, SECRET_BYTES_MAX));
        return true;
    }
    h->names[h->count++] = name;
    return true;
}

static bool is_passed(const struct host_files *h, str value) {
    str name = str_slice(value, S(BUILD_HOST_FOLDER "/").len, value.len);
    for (size_t i = 0; i < h->count; i++) {
        if (str_eq(name, str_from_c(h->names[i]))) {
            return true;
        }
    }
    return false;
}

bool host_files_make(struct arena *a, const struct build_request *request, struct host_files *ret,
                     struct err *err) {
    const char **names;
    size_t count;
    struct oci_pairs env = { 0 };
    struct build_host host;
    if (!build_host_make(a, request->store, &request->policy.share, S(""), &host, err)) {
        return false;
    }
    ret->work = host.work;
    ret->env = host.env;
    ret->withheld = host.withheld;
    AUTO_FD folder = openat(ret->work.fd, "capsem", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || !fs_list(a, folder, ".", &names, &count, err)) {
        return folder < 0 ? err_sys(err, errno, "open a work folder") : false;
    }
    ret->names = ARENA_ARRAY(a, const char *, count);
    for (size_t i = 0; i < count; i++) {
        if (!take_file(a, request, ret, folder, names[i], err)) {
            return false;
        }
    }
    for (size_t i = 0; i < ret->env.len; i++) {
        const struct oci_pair *p = &ret->env.items[i];
        if (!names_file_of_ours(p->value) || is_passed(ret, p->value)) {
            oci_pairs_set(a, &env, p->key, p->value);
        }
    }
    ret->env = env;
    return true;
}

/* ---- pieces ---- */

static void add_args(const struct host_files *host, struct buf *out) {
    for (size_t i = 0; i < host->env.len; i++) {
        const struct oci_pair *p = &host->env.items[i];
        if (names_file_of_ours(p->value)) {
            buf_addf(out, "\nARG %.*s=%.*s", STR_FMT(p->key), STR_FMT(p->value));
        } else if (!is_predefined(p->key)) {
            buf_addf(out, "\nARG %.*s", STR_FMT(p->key)); /* its value is a --build-arg */
        }
    }
}

static void add_secrets(const struct host_files *host, struct buf *out) {
    for (size_t i = 0; i < host->count; i++) {
        buf_addf(out, "--mount=type=secret,id=capsem-%s,target=" BUILD_HOST_FOLDER "/%s,mode=0444 ",
                 host->names[i], host->names[i]);
    }
}

static str slice(str text, struct span span) {
    return str_slice(text, span.start, span.end);
}

/* The shell of the instruction: the nearest SHELL before it in its stage. */
static const struct dockerfile_command *find_shell(const struct dockerfile_stage *s, size_t index) {
    for (size_t i = index; i > 0; i--) {
        if (s->instructions[i - 1]->kind == DOCKERFILE_SHELL) {
            return &s->instructions[i - 1]->command;
        }
    }
    return NULL;
}

static void add_exec(const struct dockerfile_command *shell, str script, struct buf *out) {
    buf_add_char(out, '[');
    for (size_t i = 0; shell != NULL && i < shell->argc; i++) {
        buf_add_json(out, shell->argv[i]);
        buf_add_c(out, ", ");
    }
    if (shell == NULL) {
        buf_add_c(out, "\"/bin/sh\", \"-c\", ");
    }
    buf_add_json(out, script);
    buf_add_char(out, ']');
}

/* The word of a heredoc as older frontends know it: no blanks before its name. */
static void add_heredoc_word(str word, struct buf *out) {
    size_t name = str_find(word, S("<<"), 0) + 2;
    name += str_starts(str_slice(word, name, word.len), S("-")) ? 1 : 0;
    buf_add(out, str_slice(word, 0, name));
    buf_add(out, str_trim_left(str_slice(word, name, word.len)));
}

/* A script, without the tabs that keep older frontends from seeing its first line. */
static void add_script(struct arena *a, str text, const struct dockerfile_heredoc *h,
                       struct buf *out) {
    str word = slice(text, h->word_span);
    buf_add_c(out, "<<");
    buf_add(out, str_trim_left(str_slice(word, h->chomp ? 3 : 2, word.len)));
    buf_add_char(out, '\n');
    buf_add(out, dockerfile_heredoc_content(a, h));
    buf_add(out, h->name);
}

static void add_run(struct arena *a, const struct dockerfile_stage *s, size_t index, str text,
                    const struct host_files *host, struct buf *out) {
    const struct dockerfile_instruction *i = s->instructions[index];
    buf_add_c(out, "RUN ");
    for (size_t f = 0; f < i->flag_count; f++) {
        buf_add(out, slice(text, i->flags[f].span));
        buf_add_char(out, ' ');
    }
    add_secrets(host, out);
    if (i->heredoc_count > 0 && !i->run.is_script && i->run.script.ptr != NULL) {
        add_exec(find_shell(s, index), i->run.script, out);
        return;
    }
    if (i->run.is_script) {
        add_script(a, text, &i->heredocs[0], out);
        return;
    }
    size_t after = i->flag_count > 0 ? i->flags[i->flag_count - 1].span.end : i->keyword.end;
    buf_add(out, str_trim_left(str_slice(text, after, i->span.end)));
}

static const char *find_base(const struct base_names *bases, size_t stage) {
    return stage < bases->len ? bases->items[stage].as : NULL;
}

/* ---- the file ---- */

/* Copies what lies before `span`, and goes after it. */
static void copy_until(str text, size_t *at, struct span span, struct buf *out) {
    buf_add(out, str_slice(text, *at, span.start));
    *at = span.end;
}

static void add_from(str text, const struct dockerfile_stage *s, const char *base, bool is_last,
                     size_t *at, const struct host_files *host, struct buf *out) {
    if (base != NULL) {
        copy_until(text, at, s->from->from.base.span, out);
        buf_add_c(out, base);
    }
    buf_add(out, str_slice(text, *at, s->from->span.end));
    *at = s->from->span.end;
    if (is_last && !dockerfile_word_is_set(s->from->from.name)) {
        buf_add_c(out, " AS " REWRITE_LAST_STAGE);
    }
    add_args(host, out);
}

str rewrite_last_stage(const struct dockerfile *file) {
    str name = file->stages[file->stage_count - 1].from->from.name.text;
    return name.ptr != NULL ? name : S(REWRITE_LAST_STAGE);
}

str rewrite(struct arena *a, const struct dockerfile *file, str text, const struct host_files *host,
            const struct base_names *bases) {
    AUTO_BUF out = BUF_INIT((size_t)DOCKERFILE_BYTES_MAX * 4);
    size_t at = 0;
    for (size_t s = 0; s < file->stage_count; s++) {
        const struct dockerfile_stage *stage = &file->stages[s];
        add_from(text, stage, find_base(bases, s), s + 1 == file->stage_count, &at, host, &out);
        for (size_t i = 0; i < stage->instruction_count; i++) {
            const struct dockerfile_instruction *in = stage->instructions[i];
            if (in->kind == DOCKERFILE_RUN) {
                copy_until(text, &at, in->span, &out);
                add_run(a, stage, i, text, host, &out);
                continue;
            }
            for (size_t h = 0; h < in->heredoc_count; h++) {
                copy_until(text, &at, in->heredocs[h].word_span, &out);
                add_heredoc_word(slice(text, in->heredocs[h].word_span), &out);
            }
        }
    }
    buf_add(&out, str_slice(text, at, text.len));
    return str_dup(a, buf_str(&out));
}

/* ---- the classic builder ---- */

/* What it would refuse, or worse, not see. NULL: nothing. */
static const char *missing_in_classic(const struct dockerfile_instruction *i) {
    if (i->heredoc_count > 0 && i->kind != DOCKERFILE_RUN) {
        return "a heredoc";
    }
    switch (i->kind) {
    case DOCKERFILE_RUN:
        return i->run.is_script ? "a heredoc" : i->flag_count > 0 ? "a flag of RUN" : NULL;
    case DOCKERFILE_COPY:
    case DOCKERFILE_ADD:
        return dockerfile_word_is_set(i->copy.chmod) ? "--chmod" : i->copy.link ? "--link" : NULL;
    case DOCKERFILE_ARG:
    case DOCKERFILE_CMD:
    case DOCKERFILE_ENTRYPOINT:
    case DOCKERFILE_ENV:
    case DOCKERFILE_EXPOSE:
    case DOCKERFILE_FROM:
    case DOCKERFILE_HEALTHCHECK:
    case DOCKERFILE_LABEL:
    case DOCKERFILE_MAINTAINER:
    case DOCKERFILE_ONBUILD:
    case DOCKERFILE_SHELL:
    case DOCKERFILE_STOPSIGNAL:
    case DOCKERFILE_USER:
    case DOCKERFILE_VOLUME:
    case DOCKERFILE_WORKDIR:
        return NULL;
    }
    return NULL;
}

bool rewrite_check_classic(const struct dockerfile *file, struct diag_sink *sink) {
    for (size_t s = 0; s < file->stage_count; s++) {
        for (size_t i = 0; i < file->stages[s].instruction_count; i++) {
            const struct dockerfile_instruction *in = file->stages[s].instructions[i];
            const char *what = missing_in_classic(in);
            if (what != NULL) {
                struct diag *d =
                    diag_report(sink, "E405", in->span,
                                "%s needs BuildKit, which this docker client lacks", what);
                diag_help(sink, d, "install the package docker-buildx (or docker-buildx-plugin)");
                return false; /* one is enough: the templates have many */
            }
        }
    }
    return true;
}

/* ---- FROM ---- */

struct global_vars {
    const struct dockerfile *file;
    struct dockerfile_expander expander;
    str build_platform;
    str target_platform;
    str target_arch;
    str build_arch;
    int depth;
};

static bool find_global(void *self, str name, str *ret) {
    struct global_vars *g = self;
    const struct {
        str name;
        str value;
    } known[] = {
        { S("BUILDPLATFORM"), g->build_platform },
        { S("TARGETPLATFORM"), g->target_platform },
        { S("BUILDARCH"), g->build_arch },
        { S("TARGETARCH"), g->target_arch },
        { S("BUILDOS"), S("linux") },
        { S("TARGETOS"), S("linux") },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(name, known[i].name)) {
            *ret = known[i].value;
            return true;
        }
    }
    if (g->depth > DOCKERFILE_NESTING_MAX) {
        return false;
    }
    for (size_t i = g->file->global_arg_count; i > 0; i--) {
        const struct dockerfile_instruction *arg = g->file->global_args[i - 1];
        for (size_t p = 0; p < arg->pairs.len; p++) {
            const struct dockerfile_pair *pair = &arg->pairs.items[p];
            if (str_eq(pair->name.text, name) && dockerfile_word_is_set(pair->value)) {
                g->depth++;
                bool ok = dockerfile_expand(&g->expander, pair->value, ret);
                g->depth--;
                return ok;
            }
        }
    }
    return false;
}

bool from_expand(struct arena *a, const struct dockerfile *file, const struct dockerfile_from *from,
                 const struct platforms *platforms, struct diag_sink *sink, str *ret_name,
                 struct oci_platform *ret_platform) {
    struct global_vars g = {
        .file = file,
        .build_platform = oci_platform_text(a, &platforms->build),
        .target_platform = oci_platform_text(a, &platforms->target),
        .build_arch = platforms->build.architecture,
        .target_arch = platforms->target.architecture,
    };
    g.expander = (struct dockerfile_expander){ a, sink, "E403", file->escape, find_global, &g };
    str platform;
    if (!dockerfile_expand(&g.expander, from->base, ret_name)) {
        return false;
    }
    *ret_platform = platforms->target;
    if (!dockerfile_word_is_set(from->platform)) {
        return true;
    }
    struct err err = ERR_INIT;
    if (!dockerfile_expand(&g.expander, from->platform, &platform)) {
        return false;
    }
    if (!oci_platform_parse(a, platform, ret_platform, &err)) {
        diag_report(sink, "E405", from->platform.span, "%s", err.frames[0]);
        return false;
    }
    return true;
}
