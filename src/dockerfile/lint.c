// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "dockerfile/lint.h"

static const struct {
    str name;
    const char *code;
    bool experimental; /* only when it is asked for */
} rules[LINT_RULES] = {
    [LINT_STAGE_NAME_CASING] = { S_INIT("StageNameCasing"), "W401", false },
    [LINT_FROM_AS_CASING] = { S_INIT("FromAsCasing"), "W402", false },
    [LINT_NO_EMPTY_CONTINUATION] = { S_INIT("NoEmptyContinuation"), "W403", false },
    [LINT_CONSISTENT_INSTRUCTION_CASING] = { S_INIT("ConsistentInstructionCasing"), "W404", false },
    [LINT_DUPLICATE_STAGE_NAME] = { S_INIT("DuplicateStageName"), "W405", false },
    [LINT_RESERVED_STAGE_NAME] = { S_INIT("ReservedStageName"), "W406", false },
    [LINT_JSON_ARGS_RECOMMENDED] = { S_INIT("JSONArgsRecommended"), "W407", false },
    [LINT_MAINTAINER_DEPRECATED] = { S_INIT("MaintainerDeprecated"), "W408", false },
    [LINT_UNDEFINED_ARG_IN_FROM] = { S_INIT("UndefinedArgInFrom"), "W409", false },
    [LINT_WORKDIR_RELATIVE_PATH] = { S_INIT("WorkdirRelativePath"), "W410", false },
    [LINT_UNDEFINED_VAR] = { S_INIT("UndefinedVar"), "W411", false },
    [LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED] = { S_INIT("MultipleInstructionsDisallowed"), "W412",
                                                false },
    [LINT_LEGACY_KEY_VALUE_FORMAT] = { S_INIT("LegacyKeyValueFormat"), "W413", false },
    [LINT_REDUNDANT_TARGET_PLATFORM] = { S_INIT("RedundantTargetPlatform"), "W414", false },
    [LINT_SECRETS_USED_IN_ARG_OR_ENV] = { S_INIT("SecretsUsedInArgOrEnv"), "W415", false },
    [LINT_INVALID_DEFAULT_ARG_IN_FROM] = { S_INIT("InvalidDefaultArgInFrom"), "W416", false },
    [LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED] = { S_INIT("FromPlatformFlagConstDisallowed"),
                                                   "W417", false },
    [LINT_COPY_IGNORED_FILE] = { S_INIT("CopyIgnoredFile"), "W418", false },
    [LINT_INVALID_DEFINITION_DESCRIPTION] = { S_INIT("InvalidDefinitionDescription"), "W419",
                                              true },
    [LINT_EXPOSE_PROTO_CASING] = { S_INIT("ExposeProtoCasing"), "W420", false },
    [LINT_EXPOSE_INVALID_FORMAT] = { S_INIT("ExposeInvalidFormat"), "W421", false },
};

struct diag *lint_report(struct lint *l, enum lint_rule rule, struct span span, const char *fmt,
                         ...) {
    if (l->off[rule] || l->skip[rule]) {
        return NULL;
    }
    AUTO_BUF text = BUF_INIT(4096);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    return diag_report(l->sink, rules[rule].code, span, "%.*s (%.*s)", STR_FMT(buf_str(&text)),
                       STR_FMT(rules[rule].name));
}

str lint_raw(const struct lint *l, struct span span) {
    if (!span_is_set(span)) {
        return S("");
    }
    return str_slice(l->sink->sources->items[span.source]->text, span.start, span.end);
}

/* ---- what is checked: "skip=A,B;error=true;experimental=C" ---- */

static void switch_rules(bool *rules_off, str list, bool off) {
    while (list.len > 0) {
        str name = str_trim(str_cut(&list, ','));
        for (size_t i = 0; i < LINT_RULES; i++) {
            bool all = str_eq_nocase(name, S("all")) && (off || rules[i].experimental);
            if (all || str_eq_nocase(name, rules[i].name)) {
                rules_off[i] = off;
            }
        }
    }
}

/* A directive may end in a comment: "skip=A // why". */
static str without_comment(str text) {
    size_t comment = str_find(text, S("//"), 0);
    return comment == STR_NONE ? text : str_trim_right(str_slice(text, 0, comment));
}

static str check_text(const struct dockerfile *f, const struct dockerfile_lint *options) {
    return without_comment(options->check.ptr != NULL ? options->check : f->check.text);
}

static str next_setting(str *rest, str *ret_value) {
    *ret_value = str_cut(rest, ';');
    str name = str_trim(str_cut(ret_value, '='));
    *ret_value = str_trim(*ret_value);
    return name;
}

static void read_settings(struct lint *l) {
    str rest = check_text(l->file, l->options);
    for (size_t i = 0; i < LINT_RULES; i++) {
        l->off[i] = rules[i].experimental;
    }
    for (str again = rest; again.len > 0;) {
        str value;
        if (str_eq_nocase(next_setting(&again, &value), S("experimental"))) {
            switch_rules(l->off, value, false);
        }
    }
    while (rest.len > 0) {
        str value;
        if (str_eq_nocase(next_setting(&rest, &value), S("skip"))) {
            switch_rules(l->off, value, true);
        }
    }
}

bool dockerfile_lint_is_error(const struct dockerfile *f, const struct dockerfile_lint *options) {
    bool is_error = false;
    str rest = check_text(f, options);
    while (rest.len > 0) {
        str value;
        if (str_eq_nocase(next_setting(&rest, &value), S("error"))) {
            is_error = str_eq_nocase(value, S("true")) || str_eq(value, S("1"));
        }
    }
    return is_error;
}

/* ---- what one instruction leaves out: comments right above it ---- */

str lint_line_above(str text, size_t *at) {
    size_t end = *at == 0 ? 0 : *at - 1; /* its line end */
    size_t start = end;
    while (start > 0 && text.ptr[start - 1] != '\n') {
        start--;
    }
    *at = start;
    return str_slice(text, start, end);
}

str lint_check_comment(str line) {
    str rest = str_trim(line);
    if (!str_starts(rest, S("#"))) {
        return (str){ 0 };
    }
    rest = str_slice(rest, 1, rest.len);
    bool has_value = str_find_char(rest, '=', 0) != STR_NONE;
    str name = str_trim(str_cut(&rest, '='));
    return has_value && str_eq_nocase(name, S("check")) ? without_comment(str_trim(rest))
                                                        : (str){ 0 };
}

void lint_begin(struct lint *l, const struct dockerfile_instruction *in) {
    str text = l->sink->sources->items[in->keyword.source]->text;
    size_t at = in->keyword.start;
    while (at > 0 && text.ptr[at - 1] != '\n') {
        at--;
    }
    memset(l->skip, 0, sizeof(l->skip));
    while (at > 0) {
        str line = lint_line_above(text, &at);
        bool is_directive =
            dockerfile_word_is_set(l->file->check) && at <= l->file->check.span.start;
        if (is_directive || !str_starts(str_trim(line), S("#"))) {
            return; /* the directive is the file's, and --build-arg takes its place */
        }
        for (str rest = lint_check_comment(line); rest.len > 0;) {
            str value;
            if (str_eq_nocase(next_setting(&rest, &value), S("skip"))) {
                switch_rules(l->skip, value, true);
            }
        }
    }
}

/* ---- keywords ---- */

static bool is_all(str s, bool lower) {
    for (size_t i = 0; i < s.len; i++) {
        if ((s.ptr[i] == char_lower(s.ptr[i])) != lower && char_is_alpha(s.ptr[i])) {
            return false;
        }
    }
    return true;
}

static void count_keyword(const struct lint *l, const struct dockerfile_instruction *in,
                          size_t *lower, size_t *upper) {
    *lower += is_all(lint_raw(l, in->keyword), true) ? 1 : 0;
    *upper += is_all(lint_raw(l, in->keyword), false) ? 1 : 0;
}

static void check_keyword(struct lint *l, const struct dockerfile_instruction *in) {
    str keyword = lint_raw(l, in->keyword);
    if (!is_all(keyword, l->lower)) {
        lint_report(l, LINT_CONSISTENT_INSTRUCTION_CASING, in->keyword,
                    "'%.*s' is not in %s case as most instructions are", TEXT_FMT(keyword),
                    l->lower ? "lower" : "upper");
    }
    if (span_is_set(in->empty_continuation)) {
        lint_report(l, LINT_NO_EMPTY_CONTINUATION, in->empty_continuation,
                    "an empty line inside an instruction");
    }
}

static void find_majority(struct lint *l) {
    size_t lower = 0;
    size_t upper = 0;
    for (size_t i = 0; i < l->file->global_arg_count; i++) {
        count_keyword(l, l->file->global_args[i], &lower, &upper);
    }
    for (size_t i = 0; i < l->file->stage_count; i++) {
        const struct dockerfile_stage *s = &l->file->stages[i];
        count_keyword(l, s->from, &lower, &upper);
        for (size_t n = 0; n < s->instruction_count; n++) {
            count_keyword(l, s->instructions[n], &lower, &upper);
        }
    }
    l->lower = lower > upper;
}

/* ---- the walk ---- */

static void lint_global_args(struct lint *l) {
    for (size_t i = 0; i < l->file->global_arg_count; i++) {
        const struct dockerfile_instruction *in = l->file->global_args[i];
        lint_begin(l, in);
        check_keyword(l, in);
        lint_instruction(l, DOCKERFILE_NO_STAGE, in);
        for (size_t n = 0; n < in->pairs.len; n++) {
            map_put(&l->global_args, in->pairs.items[n].name.text, (void *)&in->pairs.items[n]);
        }
    }
}

static void lint_stage(struct lint *l, size_t index) {
    const struct dockerfile_stage *s = &l->file->stages[index];
    lint_begin(l, s->from);
    check_keyword(l, s->from);
    lint_from(l, index);
    for (size_t i = 0; i < s->instruction_count; i++) {
        lint_begin(l, s->instructions[i]);
        check_keyword(l, s->instructions[i]);
        lint_variables(l, index, s->instructions[i]);
        lint_instruction(l, index, s->instructions[i]);
    }
    lint_repeated(l, index);
}

void dockerfile_lint(struct arena *a, struct diag_sink *sink, const struct dockerfile *f,
                     const struct dockerfile_lint *options) {
    struct lint l = {
        .arena = a,
        .file = f,
        .options = options,
        .sink = sink,
        .stages = ARENA_ARRAY(a, struct lint_stage, f->stage_count),
    };
    map_init(&l.global_args, a);
    read_settings(&l);
    find_majority(&l);
    lint_global_args(&l);
    for (size_t i = 0; i < f->stage_count; i++) {
        map_init(&l.stages[i].names, a);
        map_init(&l.stages[i].env, a);
        lint_stage(&l, i);
    }
}
