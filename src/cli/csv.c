// SPDX-License-Identifier: Apache-2.0
#include "cli/csv.h"

/* After a field: the rest after its comma, or no rest. */
static void skip_comma(str *rest, size_t at) {
    *rest = at < rest->len ? str_slice(*rest, at + 1, rest->len) : (str){ 0 };
}

static const char *cut_quoted(struct arena *a, str *rest, str *ret) {
    char *out = arena_alloc(a, rest->len);
    size_t len = 0;
    size_t at = 1;
    while (at < rest->len) {
        bool is_quote = rest->ptr[at] == '"';
        if (is_quote && (at + 1 == rest->len || rest->ptr[at + 1] != '"')) {
            break;
        }
        out[len++] = rest->ptr[at];
        at += is_quote ? 2 : 1;
    }
    if (at == rest->len) {
        return "has a quote that is not closed";
    }
    at++;
    if (at < rest->len && rest->ptr[at] != ',') {
        return "continues after a closing quote: quote the whole of 'name=value'";
    }
    *ret = (str){ out, len };
    skip_comma(rest, at);
    return NULL;
}

const char *csv_cut(struct arena *a, str *rest, str *ret) {
    if (str_starts(*rest, S("\""))) {
        return cut_quoted(a, rest, ret);
    }
    size_t end = min_size(str_find_char(*rest, ',', 0), rest->len);
    *ret = str_slice(*rest, 0, end);
    if (str_find_char(*ret, '"', 0) != STR_NONE) {
        return "contains a quote: quote the whole of 'name=value'";
    }
    skip_comma(rest, end);
    return NULL;
}

const char *csv_cut_pair(struct arena *a, str *rest, str *ret_key, str *ret_value) {
    str field;
    const char *wrong = csv_cut(a, rest, &field);
    if (wrong == NULL) {
        *ret_value = field;
        *ret_key = str_lower(a, str_cut(ret_value, '='));
    }
    return wrong;
}
