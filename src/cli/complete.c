// SPDX-License-Identifier: Apache-2.0
#include "cli/complete.h"

#include "config/config.h"

enum { KINDS_MAX = 32 };

static void offer_codes(struct arena *a, struct offer *offer) {
    str *words = ARENA_ARRAY(a, str, diag_codes_count);
    for (size_t i = 0; i < diag_codes_count; i++) {
        words[i] = str_from_c(diag_codes[i].name);
    }
    offer->words = words;
    offer->word_count = diag_codes_count;
}

static void offer_file_kinds(struct arena *a, struct offer *offer) {
    str *words = ARENA_ARRAY(a, str, KINDS_MAX);
    while (offer->word_count < KINDS_MAX && config_file_kind(offer->word_count).len > 0) {
        words[offer->word_count] = config_file_kind(offer->word_count);
        offer->word_count++;
    }
    offer->words = words;
}

/* What the names in usage lines stand for; any other offers nothing. */
static const struct {
    const char *name;
    enum offer_kind kind;
    void (*words)(struct arena *a, struct offer *offer);
} names[] = {
    { "GUEST", OFFER_FOLDERS },
    { "TARGET", OFFER_FOLDERS },
    { "CONTEXT", OFFER_FOLDERS },
    { "DIR", OFFER_FOLDERS },
    { "FILE", OFFER_FILES },
    { "FILE.json", OFFER_FILES },
    { "FILE.tar", OFFER_FILES },
    { "TEMPLATE", OFFER_FILES },
    { "CODE", OFFER_WORDS, offer_codes },
    { "FILE-KIND", OFFER_WORDS, offer_file_kinds },
};

static void offer_by_name(struct arena *a, struct offer *offer) {
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(offer->name, str_from_c(names[i].name))) {
            offer->kind = names[i].kind;
            if (names[i].words != NULL) {
                names[i].words(a, offer);
            }
        }
    }
}

struct offer offer_of_value(struct arena *a, const struct option *o) {
    struct offer offer = { .name = str_from_c(o->value) };
    if (o->kind != OPTION_WORD) {
        offer_by_name(a, &offer);
        return offer;
    }
    str *words = NULL;
    size_t cap = 0;
    for (size_t i = 0; o->words[i] != NULL; i++) {
        ARENA_PUSH(a, words, offer.word_count, cap, str_from_c(o->words[i]));
    }
    offer.kind = OFFER_WORDS;
    offer.words = words;
    return offer;
}

/* "ai-provider|packages|mcp" */
static void offer_alternatives(struct arena *a, struct offer *offer) {
    str *words = NULL;
    size_t cap = 0;
    str rest = offer->name;
    while (rest.ptr != NULL) {
        ARENA_PUSH(a, words, offer->word_count, cap, str_cut(&rest, '|'));
    }
    offer->kind = OFFER_WORDS;
    offer->words = words;
}

size_t offers_of_arguments(struct arena *a, const struct command *c, struct offer ret[OFFERS_MAX]) {
    size_t count = 0;
    str rest = str_from_c(c->arguments);
    while (rest.len > 0 && count < OFFERS_MAX) {
        struct offer offer = { .name = str_cut(&rest, ' ') };
        if (str_starts(offer.name, S("[")) && str_ends(offer.name, S("]"))) {
            offer.name = str_slice(offer.name, 1, offer.name.len - 1);
            offer.optional = true;
        }
        if (str_find_char(offer.name, '|', 0) != STR_NONE) {
            offer_alternatives(a, &offer);
        } else {
            offer_by_name(a, &offer);
        }
        ret[count++] = offer;
    }
    return count;
}

bool command_group(const struct command *c, str *ret_group, str *ret_rest) {
    *ret_rest = str_from_c(c->name);
    *ret_group = str_cut(ret_rest, ' ');
    return ret_rest->ptr != NULL;
}

size_t first_words(str *ret) {
    size_t count = 0;
    for (size_t i = 0; i < command_count; i++) {
        str first;
        str rest;
        command_group(commands[i], &first, &rest);
        if (count == 0 || !str_eq(ret[count - 1], first)) { /* a group stands together */
            ret[count++] = first;
        }
    }
    return count;
}
