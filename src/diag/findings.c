// SPDX-License-Identifier: Apache-2.0
/* All that was found, with a line that counts it; and what a code means. */
#include <string.h>

#include "base/nearest.h"
#include "diag/diag.h"

const char *const diag_format_words[] = { "text", "short", "json", "sarif", NULL };

enum diag_format diag_format_of(const char *word) {
    int i = 0;
    while (strcmp(diag_format_words[i], word) != 0) {
        i++;
    }
    return (enum diag_format)i;
}

static void add_count(struct buf *out, size_t count, const char *noun) {
    if (count == 0) {
        buf_addf(out, "no %ss", noun);
    } else {
        buf_addf(out, "%zu %s%s", count, noun, count == 1 ? "" : "s");
    }
}

void diag_render_findings(struct diag_sink *sink, const struct diag_style *style, const char *title,
                          struct buf *out) {
    diag_render(sink, style, out);
    if (style->format != DIAG_TEXT && style->format != DIAG_SHORT) {
        return;
    }
    if (style->format == DIAG_TEXT && sink->len > 0) {
        buf_add_char(out, '\n');
    }
    buf_addf(out, "%s: ", title);
    add_count(out, sink->errors, "error");
    buf_add_c(out, ", ");
    add_count(out, sink->warnings, "warning");
    buf_add_char(out, '\n');
}

/* The code of the same letter with the nearest number; NULL when it is not a letter and number. */
static const struct diag_code *nearest_number(str given) {
    const struct diag_code *best = NULL;
    uint64_t best_distance = UINT64_MAX;
    uint64_t wanted;
    if (given.len < 2 || !str_to_u64(str_slice(given, 1, given.len), &wanted)) {
        return NULL;
    }
    for (size_t i = 0; i < diag_codes_count; i++) {
        str name = str_from_c(diag_codes[i].name);
        uint64_t number;
        if (char_lower(name.ptr[0]) != char_lower(given.ptr[0]) ||
            !str_to_u64(str_slice(name, 1, name.len), &number)) {
            continue;
        }
        uint64_t distance = number > wanted ? number - wanted : wanted - number;
        if (distance < best_distance) {
            best_distance = distance;
            best = &diag_codes[i];
        }
    }
    return best;
}

static bool unknown(str given, struct err *err) {
    AUTO_ARENA a = arena_new();
    const struct diag_code *code = nearest_number(given);
    str *names = ARENA_ARRAY(a, str, diag_codes_count);
    for (size_t i = 0; i < diag_codes_count; i++) {
        names[i] = str_from_c(diag_codes[i].name);
    }
    str near = code != NULL ? str_from_c(code->name) : nearest_word(given, names, diag_codes_count);
    return near.ptr != NULL ? err_set(err, "unknown code '%.*s', did you mean '%.*s'?",
                                      STR_FMT(given), STR_FMT(near))
                            : err_set(err, "unknown code '%.*s'; codes have the form %s",
                                      STR_FMT(given), diag_codes[0].name);
}

bool diag_code_get(str name, const struct diag_code **ret, struct err *err) {
    *ret = diag_code_find(name);
    return *ret != NULL || unknown(name, err);
}
