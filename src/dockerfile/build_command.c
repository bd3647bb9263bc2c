// SPDX-License-Identifier: Apache-2.0
/* Instructions that hold a command: CMD, ENTRYPOINT, SHELL, RUN, HEALTHCHECK; and ONBUILD. */
#include "dockerfile/internal.h"

struct dockerfile_command command_from_args(struct arena *a, const struct node *n, size_t first) {
    struct dockerfile_command command = { .exec = n->json };
    size_t count = n->args.len - first;
    size_t start = first == 0 ? n->rest.start : n->args.items[first - 1].end;
    while (start < n->rest.end && char_is_space(n->line->text.ptr[start])) {
        start++;
    }
    command.span = line_span(n->line, start, n->rest.end);
    if (!n->json) {
        command.shell_text = count > 0 ? n->args.items[first].text : S("");
        return command;
    }
    str *argv = ARENA_ARRAY(a, str, count);
    for (size_t i = 0; i < count; i++) {
        argv[i] = n->args.items[first + i].text;
    }
    command.argv = argv;
    command.argc = count;
    return command;
}

static bool check_nul(struct builder *b, const struct dockerfile_command *command) {
    for (size_t i = 0; i < command->argc; i++) {
        if (str_find_char(command->argv[i], '\0', 0) != STR_NONE) {
            parser_error(b->parser, command->span, "an argument holds a NUL byte");
            return false;
        }
    }
    return true;
}

bool lower_command(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    ret->command = command_from_args(b->arena, n, 0);
    if (!n->json && n->args.len == 0) {
        struct diag *d =
            parser_error(b->parser, ret->keyword, "%s without a command", n->row->name);
        diag_help(b->parser->sink, d, "use '%s []' to clear the one from the base image",
                  n->row->name);
        return false;
    }
    if (ret->kind == DOCKERFILE_SHELL && !n->json) {
        struct diag *d =
            parser_error(b->parser, ret->command.span, "SHELL needs a JSON array of strings");
        diag_help(b->parser->sink, d, "for example SHELL [\"/bin/bash\", \"-c\"]");
        return false;
    }
    return check_nul(b, &ret->command);
}

/* ---- RUN ---- */

static bool is_lone_heredoc(struct arena *a, const struct node *n) {
    struct args words = { 0 };
    struct dockerfile_heredoc h;
    return n->heredoc_count == 1 &&
           raw_words_split(a, n->line, n->rest.start, n->rest.end, &words) && words.len == 1 &&
           heredoc_word_parse(a, words.items[0].text, &h);
}

/* A command and after it its heredocs, as a shell reads them. */
static str text_with_heredocs(struct arena *a, str head, const struct node *n) {
    size_t size = head.len;
    for (size_t i = 0; i < n->heredoc_count; i++) {
        size += n->heredocs[i].body.len + n->heredocs[i].name.len + 1;
    }
    AUTO_BUF text = BUF_INIT(size);
    buf_add(&text, head);
    for (size_t i = 0; i < n->heredoc_count; i++) {
        buf_add_char(&text, '\n');
        buf_add(&text, n->heredocs[i].body);
        buf_add(&text, n->heredocs[i].name);
    }
    return str_dup(a, buf_str(&text));
}

static void build_script(struct builder *b, const struct node *n, struct dockerfile_run *run) {
    if (n->json) {
        return;
    }
    if (is_lone_heredoc(b->arena, n)) {
        run->script = dockerfile_heredoc_content(b->arena, &n->heredocs[0]);
        run->is_script = str_starts(run->script, S("#!"));
    } else {
        run->script = text_with_heredocs(b->arena, n->rest.text, n);
    }
}

static bool check_choice(struct builder *b, const char *flag, struct dockerfile_word value,
                         const char *const *choices) {
    if (!dockerfile_word_is_set(value)) {
        return true;
    }
    AUTO_BUF list = BUF_INIT(256);
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (str_eq(value.text, str_from_c(choices[i]))) {
            return true;
        }
        buf_addf(&list, "%s%s", i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ", choices[i]);
    }
    parser_error(b->parser, value.span, "--%s must be %.*s, not '%.*s'", flag,
                 STR_FMT(buf_str(&list)), TEXT_FMT(value.text));
    return false;
}

/* What has no variables is checked now, so that `--mount=typ=cache` fails before the build. */
static bool check_mounts(struct builder *b, const struct dockerfile_run *run) {
    size_t bad = 0;
    for (size_t i = 0; i < run->mount_count && bad < MISTAKES_MAX; i++) {
        struct dockerfile_mount ignored;
        if (dockerfile_word_is_set(run->mounts[i]) && /* one without a value was reported */
            str_find_char(run->mounts[i].text, '$', 0) == STR_NONE &&
            !dockerfile_mount_parse(NULL, b->arena, b->parser->sink, run->mounts[i], &ignored)) {
            bad++;
        }
    }
    return bad == 0;
}

bool lower_run(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    static const char *const networks[] = { "default", "none", "host", NULL };
    static const char *const securities[] = { "sandbox", "insecure", NULL };
    struct dockerfile_run *run = &ret->run;
    run->command = command_from_args(b->arena, n, 0);
    run->mounts = node_flag_values(b->arena, n, "mount", &run->mount_count);
    run->devices = node_flag_values(b->arena, n, "device", &run->device_count);
    run->network = node_flag_value(n, "network");
    run->security = node_flag_value(n, "security");
    build_script(b, n, run);
    bool ok = check_choice(b, "network", run->network, networks);
    ok = check_choice(b, "security", run->security, securities) && ok;
    ok = check_mounts(b, run) && ok;
    return check_nul(b, &run->command) && ok;
}

/* ---- HEALTHCHECK ---- */

/* A duration of at least a millisecond; 0 leaves the default. */
static bool health_duration(struct builder *b, const struct node *n, const char *flag,
                            int64_t *ret_ns) {
    struct dockerfile_word value = node_flag_value(n, flag);
    if (!dockerfile_word_is_set(value)) {
        return true;
    }
    int64_t ns;
    if (!duration_parse(value.text, &ns)) {
        struct diag *d = parser_error(b->parser, value.span, "--%s: '%.*s' is not a duration", flag,
                                      TEXT_FMT(value.text));
        diag_help(b->parser->sink, d, "for example 30s, 1m30s or 500ms");
        return false;
    }
    if (ns != 0 && ns < 1000000) {
        parser_error(b->parser, value.span, "--%s cannot be less than 1ms", flag);
        return false;
    }
    *ret_ns = ns;
    return true;
}

static bool health_retries(struct builder *b, const struct node *n, int64_t *ret) {
    struct dockerfile_word value = node_flag_value(n, "retries");
    int64_t retries;
    if (!dockerfile_word_is_set(value)) {
        return true;
    }
    if (!str_to_i64(value.text, &retries) || retries < 0 || retries > INT32_MAX) {
        parser_error(b->parser, value.span, "--retries must be a number of at least 0, not '%.*s'",
                     TEXT_FMT(value.text));
        return false;
    }
    *ret = retries;
    return true;
}

bool lower_health(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    struct dockerfile_healthcheck *health = &ret->health;
    const struct arg *type = &n->args.items[0];
    health->none = str_eq_nocase(type->text, S("NONE"));
    if (!health->none && !str_eq_nocase(type->text, S("CMD"))) {
        struct diag *d =
            parser_error(b->parser, node_arg_span(n, type),
                         "HEALTHCHECK must be CMD or NONE, not '%.*s'", TEXT_FMT(type->text));
        diag_help(b->parser->sink, d, "write HEALTHCHECK CMD %.*s", TEXT_FMT(n->rest.text));
        return false;
    }
    if (health->none && n->rest.end > type->end) {
        parser_error(b->parser, line_span(n->line, type->end + 1, n->rest.end),
                     "HEALTHCHECK NONE takes no arguments");
        return false;
    }
    health->command = command_from_args(b->arena, n, 1);
    if (!health->none && n->args.len == 1) {
        parser_error(b->parser, node_arg_span(n, type), "HEALTHCHECK CMD without a command");
        return false;
    }
    bool ok = health_duration(b, n, "interval", &health->interval_ns);
    ok = health_duration(b, n, "timeout", &health->timeout_ns) && ok;
    ok = health_duration(b, n, "start-period", &health->start_period_ns) && ok;
    ok = health_duration(b, n, "start-interval", &health->start_interval_ns) && ok;
    ok = health_retries(b, n, &health->retries) && ok;
    return check_nul(b, &health->command) && ok;
}

/* ---- ONBUILD ---- */

bool lower_onbuild(struct builder *b, const struct node *n, struct dockerfile_instruction *ret) {
    if (n->inner == NULL) {
        parser_error(b->parser, ret->keyword, "ONBUILD without an instruction");
        return false;
    }
    const struct instruction_row *row = n->inner->row;
    if (row->kind == DOCKERFILE_ONBUILD || row->kind == DOCKERFILE_FROM ||
        row->kind == DOCKERFILE_MAINTAINER) {
        parser_error(b->parser, node_arg_span(n->inner, &n->inner->keyword),
                     "%s cannot be a trigger of ONBUILD", row->name);
        return false;
    }
    ret->onbuild.inner = instruction_build(b->parser, n->inner);
    ret->onbuild.trigger = text_with_heredocs(b->arena, n->rest.text, n->inner);
    return ret->onbuild.inner != NULL;
}
