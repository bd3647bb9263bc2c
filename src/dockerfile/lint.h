// SPDX-License-Identifier: Apache-2.0
/*
 * The checks of a Dockerfile that parses: what works, and is yet probably not meant. Names and
 * meaning of the rules are those of Docker's reference, "Build checks". For the room:
 *
 *   lint.c                what is checked at all, and the walk
 *   lint_stages.c         FROM
 *   lint_instructions.c   one instruction, or those of one stage
 *   lint_vars.c           variables
 */
#pragma once

#include "dockerfile/internal.h"

/* In the order of the codes. */
enum lint_rule {
    LINT_STAGE_NAME_CASING,
    LINT_FROM_AS_CASING,
    LINT_NO_EMPTY_CONTINUATION,
    LINT_CONSISTENT_INSTRUCTION_CASING,
    LINT_DUPLICATE_STAGE_NAME,
    LINT_RESERVED_STAGE_NAME,
    LINT_JSON_ARGS_RECOMMENDED,
    LINT_MAINTAINER_DEPRECATED,
    LINT_UNDEFINED_ARG_IN_FROM,
    LINT_WORKDIR_RELATIVE_PATH,
    LINT_UNDEFINED_VAR,
    LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED,
    LINT_LEGACY_KEY_VALUE_FORMAT,
    LINT_REDUNDANT_TARGET_PLATFORM,
    LINT_SECRETS_USED_IN_ARG_OR_ENV,
    LINT_INVALID_DEFAULT_ARG_IN_FROM,
    LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED,
    LINT_COPY_IGNORED_FILE,
    LINT_INVALID_DEFINITION_DESCRIPTION,
    LINT_EXPOSE_PROTO_CASING,
    LINT_EXPOSE_INVALID_FORMAT,
    LINT_RULES,
};

/* What is known at an instruction of its stage. */
struct lint_stage {
    bool has_shell;
    bool has_workdir; /* an absolute one */
    struct map names; /* ARG and ENV so far */
    struct map env;   /* ENV alone: what a stage on top of this one has too */
    str image;        /* that it begins with, through other stages; empty: not known */
};

struct lint {
    struct arena *arena;
    const struct dockerfile *file;
    const struct dockerfile_lint *options;
    struct diag_sink *sink;
    bool off[LINT_RULES];
    bool skip[LINT_RULES];  /* off for the instruction that is looked at */
    bool lower;             /* most keywords are in lower case */
    struct map global_args; /* name -> struct dockerfile_pair */
    struct lint_stage *stages;
};

/* Reports unless the rule is off; the rule's name is put after the message. NULL: it is off. */
struct diag *lint_report(struct lint *l, enum lint_rule rule, struct span span, const char *fmt,
                         ...) __attribute__((format(printf, 4, 5)));
/* The text as it is written. */
str lint_raw(const struct lint *l, struct span span);
bool lint_is_platform_arg(str name);

/* Reads the "# check=skip=..." comments right above `in`: what is reported next is about it. */
void lint_begin(struct lint *l, const struct dockerfile_instruction *in);
/* The setting of such a comment line, without what follows "//"; ptr NULL: it is not one. */
str lint_check_comment(str line);
/* Cuts the line that ends before *at off the text; *at becomes its start. */
str lint_line_above(str text, size_t *at);

void lint_from(struct lint *l, size_t stage);
void lint_description(struct lint *l, const struct dockerfile_instruction *in, const str *names,
                      size_t count);
void lint_instruction(struct lint *l, size_t stage, const struct dockerfile_instruction *in);
/* Of CMD, ENTRYPOINT and HEALTHCHECK only the last one of a stage counts. */
void lint_repeated(struct lint *l, size_t stage);
void lint_variables(struct lint *l, size_t stage, const struct dockerfile_instruction *in);
/* Expands a word without a report. False: it is malformed, which others say. */
typedef bool lint_find(void *self, str name, str *ret_value);
MUST_CHECK bool lint_expand(struct lint *l, struct dockerfile_word word, lint_find *find,
                            void *self, str *ret);
/* Names that a word looks up, in order; those with a default of their own are not in it. */
void lint_lookups(struct lint *l, struct dockerfile_word word, str **ret, size_t *ret_count);
