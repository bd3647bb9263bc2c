// SPDX-License-Identifier: Apache-2.0
/* Text that looks like a secret: W003 (docs/spec/diagnostics.md, "Secrets"). */
#include <string.h>

#include "diag/diag.h"

enum alphabet {
    ALPHABET_ALNUM, /* [A-Za-z0-9] */
    ALPHABET_KEY,   /* and '_', '-' */
    ALPHABET_TOKEN, /* and '.' */
};

struct secret_form {
    str prefix;
    enum alphabet alphabet;
    size_t length_min;
    bool spaced; /* white space after the prefix */
};

static const struct secret_form forms[] = {
    { S_INIT("sk-ant-"), ALPHABET_KEY, 10, false }, { S_INIT("AIza"), ALPHABET_KEY, 10, false },
    { S_INIT("sk-"), ALPHABET_ALNUM, 20, false },   { S_INIT("ghp_"), ALPHABET_ALNUM, 20, false },
    { S_INIT("glpat-"), ALPHABET_KEY, 10, false },  { S_INIT("Bearer"), ALPHABET_TOKEN, 20, true },
};

static bool in_alphabet(char c, enum alphabet alphabet) {
    return char_is_alnum(c) || (alphabet != ALPHABET_ALNUM && (c == '_' || c == '-')) ||
           (alphabet == ALPHABET_TOKEN && c == '.');
}

/* Length of the secret of this form at the start of `text`, 0: none. */
static size_t match(const struct secret_form *form, str text) {
    if (!str_starts(text, form->prefix)) {
        return 0;
    }
    size_t at = form->prefix.len;
    if (form->spaced) {
        size_t from = at;
        while (at < text.len && char_is_space(text.ptr[at])) {
            at++;
        }
        if (at == from) {
            return 0;
        }
    }
    size_t from = at;
    while (at < text.len && in_alphabet(text.ptr[at], form->alphabet)) {
        at++;
    }
    return at - from >= form->length_min ? at : 0;
}

bool secret_find(str text, size_t from, size_t *ret_start, size_t *ret_end) {
    for (size_t at = from; at < text.len; at++) {
        char c = text.ptr[at];
        if (c != 's' && c != 'A' && c != 'g' && c != 'B') { /* how the forms start */
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
            size_t len = match(&forms[i], str_slice(text, at, text.len));
            if (len > 0) {
                *ret_start = at;
                *ret_end = at + len;
                return true;
            }
        }
    }
    return false;
}

str secret_mask(struct arena *a, str text) {
    size_t start;
    size_t end = 0;
    char *masked = NULL;
    while (secret_find(text, end, &start, &end)) {
        if (masked == NULL) {
            masked = arena_alloc(a, text.len + 1);
            memcpy(masked, text.ptr, text.len);
        }
        for (size_t i = start; i < end; i++) {
            masked[i] = char_is_space(masked[i]) ? masked[i] : '*';
        }
    }
    return masked == NULL ? text : (str){ masked, text.len };
}
