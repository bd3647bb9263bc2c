// SPDX-License-Identifier: Apache-2.0
/* Completion scripts for shells, written from the commands' tables. */
#pragma once

#include "cli/cli.h"

enum offer_kind {
    OFFER_NOTHING,
    OFFER_FILES,
    OFFER_FOLDERS,
    OFFER_WORDS,
};

/* What a shell offers for an option's value or for an argument. */
struct offer {
    enum offer_kind kind;
    str name; /* as in the usage line, without brackets: "GUEST" */
    const str *words;
    size_t word_count;
    bool optional; /* of an argument */
};

/* From the value's name: DIR is a folder, FILE a file; or from its words. */
struct offer offer_of_value(struct arena *a, const struct option *o);
/* The arguments of the usage line; returns how many. */
enum { OFFERS_MAX = 8 };
size_t offers_of_arguments(struct arena *a, const struct command *c, struct offer ret[OFFERS_MAX]);

/* The distinct first words of the commands, in their order; `ret` has room for command_count. */
size_t first_words(str *ret);
/* "image" for "image build"; false when the command has one word. */
bool command_group(const struct command *c, str *ret_group, str *ret_rest);

void complete_bash(struct buf *out);
void complete_zsh(struct buf *out);
void complete_fish(struct buf *out);
