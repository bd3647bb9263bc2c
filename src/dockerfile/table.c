// SPDX-License-Identifier: Apache-2.0
/* The instructions: one row each. */
#include "dockerfile/internal.h"

static const struct flag_row no_flags[] = {
    { NULL, FLAG_NONE },
};

static const struct flag_row add_flags[] = {
    { "chown", FLAG_TEXT },    { "chmod", FLAG_TEXT },        { "checksum", FLAG_TEXT },
    { "exclude", FLAG_TEXTS }, { "keep-git-dir", FLAG_BOOL }, { "link", FLAG_BOOL },
    { "unpack", FLAG_BOOL },   { NULL, FLAG_NONE },
};

static const struct flag_row copy_flags[] = {
    { "from", FLAG_TEXT },     { "chown", FLAG_TEXT }, { "chmod", FLAG_TEXT },
    { "exclude", FLAG_TEXTS }, { "link", FLAG_BOOL },  { "parents", FLAG_BOOL },
    { NULL, FLAG_NONE },
};

static const struct flag_row from_flags[] = {
    { "platform", FLAG_TEXT },
    { NULL, FLAG_NONE },
};

static const struct flag_row health_flags[] = {
    { "interval", FLAG_TEXT },       { "timeout", FLAG_TEXT }, { "start-period", FLAG_TEXT },
    { "start-interval", FLAG_TEXT }, { "retries", FLAG_TEXT }, { NULL, FLAG_NONE },
};

static const struct flag_row run_flags[] = {
    { "mount", FLAG_TEXTS },  { "network", FLAG_TEXT }, { "security", FLAG_TEXT },
    { "device", FLAG_TEXTS }, { NULL, FLAG_NONE },
};

enum { MANY = 1000000 };

/*
 * Kind, flags, form, least and most arguments (as the form gives them; pairs count as one), whether
 * heredocs may follow, the function that builds it, and how it is written.
 */
const struct instruction_row instruction_rows[] = {
    { "ADD", DOCKERFILE_ADD, add_flags, FORM_JSON_OR_WORDS, 2, MANY, true, lower_add_copy,
      "<source>... <destination>" },
    { "ARG", DOCKERFILE_ARG, no_flags, FORM_NAMES, 1, MANY, false, lower_pairs,
      "<name>[=<default>]..." },
    { "CMD", DOCKERFILE_CMD, no_flags, FORM_JSON_OR_STRING, 0, MANY, false, lower_command,
      "<command>" },
    { "COPY", DOCKERFILE_COPY, copy_flags, FORM_JSON_OR_WORDS, 2, MANY, true, lower_add_copy,
      "<source>... <destination>" },
    { "ENTRYPOINT", DOCKERFILE_ENTRYPOINT, no_flags, FORM_JSON_OR_STRING, 0, MANY, false,
      lower_command, "<command>" },
    { "ENV", DOCKERFILE_ENV, no_flags, FORM_PAIRS, 1, MANY, false, lower_pairs,
      "<name>=<value>..." },
    { "EXPOSE", DOCKERFILE_EXPOSE, no_flags, FORM_WORDS, 1, MANY, false, lower_words,
      "<port>[/<protocol>]..." },
    { "FROM", DOCKERFILE_FROM, from_flags, FORM_WORDS, 1, 3, false, lower_from,
      "<image> [AS <name>]" },
    { "HEALTHCHECK", DOCKERFILE_HEALTHCHECK, health_flags, FORM_HEALTH, 1, MANY, false,
      lower_health, "CMD <command>, or HEALTHCHECK NONE" },
    { "LABEL", DOCKERFILE_LABEL, no_flags, FORM_PAIRS, 1, MANY, false, lower_pairs,
      "<key>=<value>..." },
    { "MAINTAINER", DOCKERFILE_MAINTAINER, no_flags, FORM_STRING, 1, 1, false, lower_word,
      "<name>" },
    { "ONBUILD", DOCKERFILE_ONBUILD, no_flags, FORM_INNER, 0, 0, false, lower_onbuild,
      "<instruction>" },
    { "RUN", DOCKERFILE_RUN, run_flags, FORM_JSON_OR_STRING, 1, MANY, true, lower_run,
      "<command>" },
    { "SHELL", DOCKERFILE_SHELL, no_flags, FORM_JSON_OR_STRING, 1, MANY, false, lower_command,
      "[\"<program>\", ...]" },
    { "STOPSIGNAL", DOCKERFILE_STOPSIGNAL, no_flags, FORM_STRING, 1, 1, false, lower_word,
      "<signal>" },
    { "USER", DOCKERFILE_USER, no_flags, FORM_STRING, 1, 1, false, lower_word, "<user>[:<group>]" },
    { "VOLUME", DOCKERFILE_VOLUME, no_flags, FORM_JSON_OR_WORDS, 1, MANY, false, lower_words,
      "<path>..." },
    { "WORKDIR", DOCKERFILE_WORKDIR, no_flags, FORM_STRING, 1, 1, false, lower_word, "<path>" },
};
const size_t instruction_row_count = ARRAY_LEN(instruction_rows);

const struct instruction_row *instruction_row_find(str name) {
    for (size_t i = 0; i < instruction_row_count; i++) {
        if (str_eq_nocase(str_from_c(instruction_rows[i].name), name)) {
            return &instruction_rows[i];
        }
    }
    return NULL;
}

const char *dockerfile_kind_name(enum dockerfile_kind kind) {
    for (size_t i = 0; i < instruction_row_count; i++) {
        if (instruction_rows[i].kind == kind) {
            return instruction_rows[i].name;
        }
    }
    ASSERT(false);
    return "";
}
