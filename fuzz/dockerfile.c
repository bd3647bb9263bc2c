// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a Dockerfile: the parser ends, its spans lie in the text, every word expands or is
 * reported, diagnostics render. The same bytes are a .dockerignore, a trigger, and (line by line)
 * patterns with paths.
 */
#include <string.h>

#include "dockerfile/dockerfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    str text;
};

static bool find(void *self, str name, str *ret) {
    struct run *r = self;
    ASSERT(name.len > 0);
    *ret = str_slice(r->text, 0, 40); /* a value with all that the input is made of */
    return name.len % 2 == 1;
}

static struct dockerfile_expander expander(struct run *r, char escape) {
    return (struct dockerfile_expander){
        .arena = r->arena, .sink = &r->sink, .escape = escape, .find = find, .self = r
    };
}

static void check_span(const struct run *r, struct span span) {
    if (span_is_set(span)) {
        ASSERT(span.start <= span.end && span.end <= r->text.len);
    }
}

static void check_word(struct run *r, struct dockerfile_word word, char escape) {
    if (!dockerfile_word_is_set(word)) {
        return;
    }
    struct dockerfile_expander e = expander(r, escape);
    check_span(r, word.span);
    str one;
    str *words;
    size_t count;
    bool ok = dockerfile_expand(&e, word, &one);
    ASSERT(ok == dockerfile_expand_words(&e, word, &words, &count));
    for (size_t i = 0; ok && i < count; i++) {
        ASSERT(words[i].len > 0);
    }
}

static void check_command(struct run *r, const struct dockerfile_command *c) {
    check_span(r, c->span);
    ASSERT(c->exec || c->argc == 0);
    for (size_t i = 0; i < c->argc; i++) {
        ASSERT(strlen(str_to_c(r->arena, c->argv[i])) == c->argv[i].len);
    }
}

static void check_copy(struct run *r, const struct dockerfile_copy *c, char escape) {
    ASSERT(c->source_count > 0);
    for (size_t i = 0; i < c->source_count; i++) {
        check_word(r, c->sources[i].word, escape);
        if (c->sources[i].heredoc != NULL) {
            struct dockerfile_expander e = expander(r, escape);
            str content;
            bool ok = dockerfile_expand_heredoc(&e, c->sources[i].heredoc, &content);
            ASSERT(ok || r->sink.errors > 0);
        }
    }
    check_word(r, c->destination, escape);
    check_word(r, c->chown, escape);
    const struct dockerfile_ignore *ignore;
    if (dockerfile_ignore_from_words(r->arena, &r->sink, c->excludes, c->exclude_count, &ignore)) {
        dockerfile_ignore_match(ignore, c->destination.text);
    }
}

static void check_run(struct run *r, const struct dockerfile_run *run, char escape) {
    struct dockerfile_expander e = expander(r, escape);
    check_command(r, &run->command);
    ASSERT(run->command.exec == (run->script.ptr == NULL));
    for (size_t i = 0; i < run->mount_count; i++) {
        struct dockerfile_mount mount;
        if (dockerfile_mount_parse(&e, r->arena, &r->sink, run->mounts[i], &mount)) {
            check_span(r, mount.span);
            ASSERT(mount.mode <= 07777);
        }
    }
}

static void check_words(struct run *r, const struct dockerfile_words *words, char escape) {
    for (size_t i = 0; i < words->len; i++) {
        struct dockerfile_port port;
        check_word(r, words->items[i], escape);
        if (dockerfile_port_parse(r->arena, &r->sink, words->items[i], &port)) {
            ASSERT(port.first <= port.last && port.last <= 65535);
        }
    }
}

static void check_places(struct run *r, const struct dockerfile_instruction *in) {
    check_span(r, in->span);
    check_span(r, in->keyword);
    ASSERT(in->keyword.start == in->span.start && in->span.end >= in->keyword.end);
    ASSERT(str_starts(in->text, str_from_c(dockerfile_kind_name(in->kind))));
    for (size_t i = 0; i < in->heredoc_count; i++) {
        check_span(r, in->heredocs[i].body_span);
        ASSERT(in->heredocs[i].body_span.end - in->heredocs[i].body_span.start ==
               in->heredocs[i].body.len);
    }
}

static void check_instruction(struct run *r, const struct dockerfile_instruction *in, char escape) {
    check_places(r, in);
    switch (in->kind) {
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY:
        check_copy(r, &in->copy, escape);
        return;
    case DOCKERFILE_ARG:
    case DOCKERFILE_ENV:
    case DOCKERFILE_LABEL:
        for (size_t i = 0; i < in->pairs.len; i++) {
            check_word(r, in->pairs.items[i].name, escape);
            check_word(r, in->pairs.items[i].value, escape);
        }
        return;
    case DOCKERFILE_CMD:
    case DOCKERFILE_ENTRYPOINT:
    case DOCKERFILE_SHELL:
        check_command(r, &in->command);
        return;
    case DOCKERFILE_EXPOSE:
    case DOCKERFILE_VOLUME:
        check_words(r, &in->words, escape);
        return;
    case DOCKERFILE_FROM:
        check_word(r, in->from.base, escape);
        check_word(r, in->from.platform, escape);
        return;
    case DOCKERFILE_HEALTHCHECK:
        ASSERT(in->health.interval_ns >= 0 && in->health.retries >= 0);
        check_command(r, &in->health.command);
        return;
    case DOCKERFILE_ONBUILD:
        ASSERT(in->onbuild.inner->kind != DOCKERFILE_ONBUILD);
        check_instruction(r, in->onbuild.inner, escape);
        return;
    case DOCKERFILE_RUN:
        check_run(r, &in->run, escape);
        return;
    case DOCKERFILE_MAINTAINER:
    case DOCKERFILE_STOPSIGNAL:
    case DOCKERFILE_USER:
    case DOCKERFILE_WORKDIR:
        check_word(r, in->word, escape);
        return;
    }
}

static void check_file(struct run *r, const struct dockerfile *f) {
    ASSERT(f->stage_count > 0);
    for (size_t i = 0; i < f->global_arg_count; i++) {
        check_instruction(r, f->global_args[i], f->escape);
    }
    for (size_t i = 0; i < f->stage_count; i++) {
        const struct dockerfile_stage *stage = &f->stages[i];
        ASSERT(stage->index == i);
        check_instruction(r, stage->from, f->escape);
        for (size_t n = 0; n < stage->instruction_count; n++) {
            check_instruction(r, stage->instructions[n], f->escape);
        }
        str name = stage->from->from.name.text;
        if (name.len > 0) {
            ASSERT(dockerfile_find_stage(f, name) != DOCKERFILE_NO_STAGE);
        }
    }
    struct dockerfile_expander e = expander(r, f->escape);
    const struct dockerfile_lint options = { 0 };
    dockerfile_lint(r->arena, &r->sink, f, &options);
    (void)dockerfile_lint_is_error(f, &options);
    bool plain = dockerfile_check_stages(f, NULL, &r->sink);
    bool expanded = dockerfile_check_stages(f, &e, &r->sink);
    ASSERT((plain && expanded) || r->sink.errors > 0);
}

static void check_patterns(struct run *r, uint32_t source) {
    const struct dockerfile_ignore *ignore = NULL;
    if (!dockerfile_ignore_parse(r->arena, &r->sink, source, &ignore)) {
        ASSERT(r->sink.errors > 0);
        return;
    }
    str rest = r->text;
    for (int lines = 0; rest.len > 0 && lines < 16; lines++) {
        str path = str_cut(&rest, '\n');
        dockerfile_ignore_match(ignore, path);
        dockerfile_ignore_may_reinclude(ignore, path);
        str pattern = path;
        if (!dockerfile_glob_has_wildcard(pattern) && str_find_char(pattern, '\\', 0) == STR_NONE &&
            pattern.len <= 4096) {
            ASSERT(dockerfile_glob_match(pattern, path)); /* a plain name matches itself */
        }
        dockerfile_glob_match(pattern, rest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    struct run r = { .arena = a, .text = { (const char *)data, size } };
    sources_init(&r.sources, a);
    diag_sink_init(&r.sink, a, &r.sources);
    uint32_t source = sources_add(&r.sources, S("Dockerfile"), r.text);
    const struct dockerfile *file;
    if (dockerfile_parse(a, &r.sink, source, &file)) {
        ASSERT(r.sink.errors == 0);
        check_file(&r, file);
    } else {
        ASSERT(r.sink.errors > 0);
    }
    const struct dockerfile_instruction *trigger;
    if (dockerfile_parse_trigger(a, &r.sink, source, &trigger)) {
        check_instruction(&r, trigger, '\\');
    }
    check_patterns(&r, source);
    static const enum diag_format formats[] = { DIAG_TEXT, DIAG_SHORT, DIAG_JSON };
    AUTO_BUF out = BUF_INIT(16 * 1024 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct diag_style style = { .format = formats[i], .width = 20 + size % 100 };
        diag_render(&r.sink, &style, &out);
        ASSERT(out.full || str_is_utf8(buf_str(&out), NULL));
        buf_reset(&out);
    }
    return 0;
}
