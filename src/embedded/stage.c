// SPDX-License-Identifier: Apache-2.0
/* One stage: from its base through its instructions. Metadata changes the config only. */
#include "embedded/internal.h"

static const str shell_default[] = { S_INIT("/bin/sh"), S_INIT("-c") };

/* --- bases -------------------------------------------------------------------------------------
 */

static void take_image(struct builder *b, struct stage *s, const struct stored_image *image) {
    for (size_t i = 0; i < image->layer_count; i++) {
        images_stack_push(b->arena, &s->stack, &image->layers[i]);
    }
    s->stack.base_len = s->stack.len;
    s->stack.key = image->key;
    s->base = image->ref;
    s->origin = image->from;
    s->inherited = image->layer_count;
    s->config = oci_config_copy(b->arena, &image->config);
}

static void take_stage(struct builder *b, struct stage *s, const struct stage *from) {
    for (size_t i = 0; i < from->stack.len; i++) {
        images_stack_push(b->arena, &s->stack, &from->stack.layers[i]);
    }
    s->stack.base_len = from->stack.base_len;
    s->stack.key = from->stack.key;
    s->base = from->base;
    s->origin = from->origin;
    s->inherited = from->inherited;
    s->config = oci_config_copy(b->arena, &from->config);
    /* Dockerfile reference, "Scope": stages based on this one inherit its variables. */
    for (size_t i = 0; i < from->args.len; i++) {
        oci_pairs_set(b->arena, &s->args, from->args.items[i].key, from->args.items[i].value);
    }
}

static bool run_triggers(struct builder *b, struct stage *s);

static bool begin_stage(struct builder *b, struct stage *s) {
    const struct dockerfile_from *from = &s->ast->from->from;
    struct dockerfile_expander e = vars_global_expander(b);
    str base;
    if (!dockerfile_expand(&e, from->base, &base)) {
        return false;
    }
    struct oci_platform platform = b->request->platform;
    if (dockerfile_word_is_set(from->platform)) {
        str text;
        struct err err = ERR_INIT;
        if (!dockerfile_expand(&e, from->platform, &text)) {
            return false;
        }
        if (!oci_platform_parse(b->arena, text, &platform, &err)) {
            return fail_at(b, from->platform.span, "E405", &err);
        }
    }
    s->config.platform = platform;
    struct dockerfile_word word = { base, from->base.span };
    struct stored_image image;
    bool is_named;
    if (!named_find(b, s, word, &platform, &image, &is_named)) {
        return false;
    }
    size_t index = dockerfile_resolve_stage(b->file, s->ast->index, base, false);
    if (is_named) {
        take_image(b, s, &image);
    } else if (index != DOCKERFILE_NO_STAGE) {
        if (!stage_build(b, index)) {
            return false;
        }
        take_stage(b, s, &b->stages[index]);
        s->missed = b->stages[index].missed;
    } else if (str_eq(base, S("scratch"))) {
        struct store_key_hash k;
        store_key_begin(&k, "scratch");
        s->stack.key = store_key_end(&k);
        s->config.working_dir = S("/");
    } else {
        if (!images_get(&b->finder, word.text, word.span, &platform, &image)) {
            return false;
        }
        take_image(b, s, &image);
    }
    return run_triggers(b, s);
}

bool stage_find_root(struct builder *b, struct stage *s, struct dockerfile_word from,
                     const struct images_stack **ret) {
    struct stored_image image;
    bool is_named;
    if (!named_find(b, s, from, &b->request->platform, &image, &is_named)) {
        return false;
    }
    size_t index = dockerfile_resolve_stage(b->file, s->ast->index, from.text, true);
    if (!is_named && index != DOCKERFILE_NO_STAGE) {
        if (!stage_build(b, index)) {
            return false;
        }
        if (b->stages[index].missed) {
            s->missed = true;
            return false;
        }
        *ret = &b->stages[index].stack;
        return true;
    }
    struct images_stack *stack = ARENA_NEW(b->arena, struct images_stack);
    if (!is_named && str_eq(from.text, S("scratch"))) {
        *ret = stack;
        return true;
    }
    if (!is_named && !images_get(&b->finder, from.text, from.span, &b->request->platform, &image)) {
        return false;
    }
    for (size_t i = 0; i < image.layer_count; i++) {
        images_stack_push(b->arena, stack, &image.layers[i]);
    }
    stack->base_len = stack->len;
    stack->key = image.key;
    *ret = stack;
    return true;
}

/* ---- instructions that change the config ---- */

static bool do_arg(struct builder *b, struct stage *s, const struct dockerfile_instruction *i) {
    for (size_t n = 0; n < i->pairs.len; n++) {
        if (!vars_declare_arg(b, s, &i->pairs.items[n])) {
            return false;
        }
    }
    return true;
}

/* All words of one ENV see the environment from before it. */
static bool set_pairs(struct builder *b, struct stage *s, const struct dockerfile_instruction *i,
                      struct oci_pairs *to) {
    struct dockerfile_expander e = vars_expander(b, s);
    str *expanded = ARENA_ARRAY(b->arena, str, i->pairs.len * 2);
    for (size_t n = 0; n < i->pairs.len; n++) {
        if (!dockerfile_expand(&e, i->pairs.items[n].name, &expanded[2 * n]) ||
            !dockerfile_expand(&e, i->pairs.items[n].value, &expanded[2 * n + 1])) {
            return false;
        }
    }
    for (size_t n = 0; n < i->pairs.len; n++) {
        oci_pairs_set(b->arena, to, expanded[2 * n], expanded[2 * n + 1]);
    }
    return true;
}

static struct oci_strings command_strings(struct builder *b, const struct stage *s,
                                          const struct dockerfile_command *c) {
    if (c->exec) {
        /* CMD [] is set, and empty */
        static const str none = { 0 };
        return (struct oci_strings){ c->argc == 0 ? &none : c->argv, c->argc };
    }
    struct oci_strings shell = s->config.shell;
    if (shell.items == NULL) {
        shell = (struct oci_strings){ shell_default, ARRAY_LEN(shell_default) };
    }
    str *argv = ARENA_ARRAY(b->arena, str, shell.len + 1);
    for (size_t i = 0; i < shell.len; i++) {
        argv[i] = shell.items[i];
    }
    argv[shell.len] = c->shell_text;
    return (struct oci_strings){ argv, shell.len + 1 };
}

static bool do_expose(struct builder *b, struct stage *s, const struct dockerfile_instruction *i) {
    struct dockerfile_expander e = vars_expander(b, s);
    for (size_t n = 0; n < i->words.len; n++) {
        str *words;
        size_t count;
        if (!dockerfile_expand_words(&e, i->words.items[n], &words, &count)) {
            return false;
        }
        for (size_t w = 0; w < count; w++) {
            struct dockerfile_port port;
            struct dockerfile_word word = { words[w], i->words.items[n].span };
            if (!dockerfile_port_parse(b->arena, b->sink, word, &port)) {
                return false;
            }
            for (uint32_t p = port.first; p <= port.last; p++) {
                oci_pairs_set(b->arena, &s->config.exposed,
                              str_fmt(b->arena, "%u/%.*s", p, STR_FMT(port.protocol)), S(""));
            }
        }
    }
    return true;
}

static bool do_volume(struct builder *b, struct stage *s, const struct dockerfile_instruction *i) {
    struct dockerfile_expander e = vars_expander(b, s);
    for (size_t n = 0; n < i->words.len; n++) {
        str path;
        if (!dockerfile_expand(&e, i->words.items[n], &path)) {
            return false;
        }
        oci_pairs_set(b->arena, &s->config.volumes, path, S(""));
    }
    return true;
}

static void do_healthcheck(struct builder *b, struct stage *s,
                           const struct dockerfile_healthcheck *h) {
    static const str none[] = { S_INIT("NONE") };
    struct oci_healthcheck *to = &s->config.healthcheck;
    if (h->none) {
        *to = (struct oci_healthcheck){ .test = { none, 1 } };
        return;
    }
    size_t argc = h->command.exec ? h->command.argc : 1;
    str *test = ARENA_ARRAY(b->arena, str, argc + 1);
    test[0] = h->command.exec ? S("CMD") : S("CMD-SHELL");
    for (size_t i = 0; i < argc; i++) {
        test[i + 1] = h->command.exec ? h->command.argv[i] : h->command.shell_text;
    }
    *to = (struct oci_healthcheck){
        .test = { test, argc + 1 },
        .interval_ns = (uint64_t)h->interval_ns,
        .timeout_ns = (uint64_t)h->timeout_ns,
        .start_period_ns = (uint64_t)h->start_period_ns,
        .start_interval_ns = (uint64_t)h->start_interval_ns,
        .retries = (uint64_t)h->retries,
    };
}

static void do_onbuild(struct builder *b, struct stage *s, const struct dockerfile_onbuild *o) {
    struct oci_strings *list = &s->config.onbuild;
    str *items = ARENA_ARRAY(b->arena, str, list->len + 1);
    for (size_t i = 0; i < list->len; i++) {
        items[i] = list->items[i];
    }
    items[list->len] = o->trigger;
    *list = (struct oci_strings){ items, list->len + 1 };
}

static bool do_word(struct builder *b, struct stage *s, const struct dockerfile_instruction *i,
                    str *to) {
    struct dockerfile_expander e = vars_expander(b, s);
    return dockerfile_expand(&e, i->word, to);
}

static bool do_stop_signal(struct builder *b, struct stage *s,
                           const struct dockerfile_instruction *i) {
    str signal;
    if (!do_word(b, s, i, &signal)) {
        return false;
    }
    if (!signal_is_known(signal)) {
        diag_report(b->sink, "E405", i->word.span, "'%.*s' is not a signal name", STR_FMT(signal));
        return false;
    }
    s->config.stop_signal = signal;
    return true;
}

/* ---- one instruction ---- */

static bool is_step(enum dockerfile_kind kind) {
    return kind == DOCKERFILE_RUN || kind == DOCKERFILE_COPY || kind == DOCKERFILE_ADD ||
           kind == DOCKERFILE_WORKDIR;
}

static struct step make_step(struct builder *b, struct stage *s,
                             const struct dockerfile_instruction *i) {
    s->step_number++;
    return (struct step){
        .builder = b,
        .stage = s,
        .instruction = i,
        .shown = { s->name, s->step_number, s->step_count, shown_text(b->arena, i), i->span },
    };
}

static bool do_workdir(struct step *step) {
    struct stage *s = step->stage;
    struct builder *b = step->builder;
    str path;
    if (!do_word(b, s, step->instruction, &path)) {
        return false;
    }
    if (path.len == 0 || path.ptr[0] != '/') {
        path = str_fmt(b->arena, "%.*s/%.*s", STR_FMT(s->config.working_dir), STR_FMT(path));
    }
    path = path_clean(b->arena, str_concat(b->arena, S("/"), path));
    s->config.working_dir = path;
    return step_workdir(step, path);
}

static bool do_step(struct step *step) {
    switch (step->instruction->kind) {
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY:
        return step_copy(step);
    case DOCKERFILE_RUN:
        return step_run(step);
    default:
        return do_workdir(step);
    }
}

/* In a look, what builds on something that is not there would run, whatever else it is. */
static bool do_or_miss_step(struct builder *b, struct stage *s,
                            const struct dockerfile_instruction *i) {
    struct step step = make_step(b, s, i);
    if (!s->missed && do_step(&step)) {
        return true;
    }
    if (s->missed) {
        step_missed(&step);
    }
    return s->missed;
}

static bool do_instruction(struct builder *b, struct stage *s,
                           const struct dockerfile_instruction *i) {
    switch (i->kind) {
    case DOCKERFILE_ADD:
    case DOCKERFILE_COPY:
        return do_or_miss_step(b, s, i);
    case DOCKERFILE_ARG:
        return do_arg(b, s, i);
    case DOCKERFILE_CMD:
        s->config.cmd = command_strings(b, s, &i->command);
        s->has_cmd = true;
        return true;
    case DOCKERFILE_ENTRYPOINT:
        s->config.entrypoint = command_strings(b, s, &i->command);
        if (!s->has_cmd) {
            s->config.cmd = (struct oci_strings){ 0 }; /* the base's was for another program */
        }
        return true;
    case DOCKERFILE_ENV:
        return set_pairs(b, s, i, &s->config.env);
    case DOCKERFILE_EXPOSE:
        return do_expose(b, s, i);
    case DOCKERFILE_FROM:
        return true; /* begins the stage: begin_stage() */
    case DOCKERFILE_HEALTHCHECK:
        do_healthcheck(b, s, &i->health);
        return true;
    case DOCKERFILE_LABEL:
        return set_pairs(b, s, i, &s->config.labels);
    case DOCKERFILE_MAINTAINER:
        s->config.author = i->word.text;
        return true;
    case DOCKERFILE_ONBUILD:
        do_onbuild(b, s, &i->onbuild);
        return true;
    case DOCKERFILE_RUN:
        return do_or_miss_step(b, s, i);
    case DOCKERFILE_SHELL:
        s->config.shell = (struct oci_strings){ i->command.argv, i->command.argc };
        return true;
    case DOCKERFILE_STOPSIGNAL:
        return do_stop_signal(b, s, i);
    case DOCKERFILE_USER:
        return do_word(b, s, i, &s->config.user);
    case DOCKERFILE_VOLUME:
        return do_volume(b, s, i);
    case DOCKERFILE_WORKDIR:
        return do_or_miss_step(b, s, i);
    }
    ASSERT(false);
    return false;
}

/* The triggers that the base carries run first, as if they stood after the FROM. */
static bool run_triggers(struct builder *b, struct stage *s) {
    struct oci_strings triggers = s->config.onbuild;
    s->config.onbuild = (struct oci_strings){ 0 };
    for (size_t i = 0; i < triggers.len; i++) {
        uint32_t source =
            sources_add(b->request->sources,
                        str_fmt(b->arena, "ONBUILD of %.*s", STR_FMT(s->ast->from->from.base.text)),
                        triggers.items[i]);
        const struct dockerfile_instruction *instruction;
        if (!dockerfile_parse_trigger(b->arena, b->sink, source, &instruction)) {
            return false;
        }
        s->step_count += is_step(instruction->kind) ? 1 : 0;
        if (!do_instruction(b, s, instruction)) {
            return false;
        }
    }
    return true;
}

static str stage_name(struct builder *b, const struct dockerfile_stage *ast) {
    str name = ast->from->from.name.text;
    if (name.ptr != NULL) {
        return name;
    }
    return b->file->stage_count == 1 ? S("") : str_fmt(b->arena, "stage-%zu", ast->index);
}

bool stage_build(struct builder *b, size_t index) {
    struct stage *s = &b->stages[index];
    if (s->phase == STAGE_DONE) {
        return true;
    }
    ASSERT(s->phase == STAGE_NEW); /* loops were refused before */
    s->phase = STAGE_BUILDING;
    s->ast = &b->file->stages[index];
    s->name = stage_name(b, s->ast);
    for (size_t i = 0; i < s->ast->instruction_count; i++) {
        s->step_count += is_step(s->ast->instructions[i]->kind) ? 1 : 0;
    }
    if (!begin_stage(b, s)) {
        return false;
    }
    if (oci_pairs_find(&s->config.env, S("PATH")) == NULL) {
        oci_pairs_set(b->arena, &s->config.env, S("PATH"),
                      S("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    }
    for (size_t i = 0; i < s->ast->instruction_count; i++) {
        if (!do_instruction(b, s, s->ast->instructions[i])) {
            return false;
        }
    }
    s->phase = STAGE_DONE;
    return true;
}
