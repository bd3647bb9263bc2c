// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.h"

#include "base/arith.h"

enum { WORD_MAX = 64 }; /* longer words are not compared: no key or option is that long */

static size_t min3(size_t a, size_t b, size_t c) {
    return min_size(a, min_size(b, c));
}

/* Optimal string alignment: insert, delete, replace, swap of neighbours, each costs 1. */
static size_t distance(str a, str b) {
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b.len; j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = char_lower(a.ptr[i - 1]);
            char y = char_lower(b.ptr[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == char_lower(b.ptr[j - 2]) && y == char_lower(a.ptr[i - 2])) {
                row[j] = min_size(row[j], before[j - 2] + 1);
            }
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b.len];
}

str nearest_word(str word, const str *words, size_t count) {
    str best = { 0 };
    if (word.len == 0 || word.len > WORD_MAX) {
        return best;
    }
    size_t limit = max_size(word.len / 3, 1);
    for (size_t i = 0; i < count; i++) {
        if (words[i].len == 0 || words[i].len > WORD_MAX) {
            continue;
        }
        size_t d = distance(word, words[i]);
        if (d <= limit) {
            best = words[i];
            if (d == 0) {
                break;
            }
            limit = d - 1;
        }
    }
    return best;
}
