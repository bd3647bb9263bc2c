// SPDX-License-Identifier: Apache-2.0
/* Go's time.ParseDuration: what HEALTHCHECK takes. */
#include "dockerfile/internal.h"

static const struct {
    str name;
    int64_t ns;
} units[] = {
    { S_INIT("ns"), 1 },           { S_INIT("us"), 1000 },
    { S_INIT("\xC2\xB5s"), 1000 }, { S_INIT("\xCE\xBCs"), 1000 }, /* both letters mu */
    { S_INIT("ms"), 1000000 },     { S_INIT("s"), 1000000000 },
    { S_INIT("m"), 60000000000 },  { S_INIT("h"), 3600000000000 },
};

static int64_t take_unit(str *rest) {
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '.' && !char_is_digit(rest->ptr[len])) {
        len++;
    }
    str name = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_eq(units[i].name, name)) {
            return units[i].ns;
        }
    }
    return 0;
}

static size_t digits_at(str text) {
    size_t len = 0;
    while (len < text.len && char_is_digit(text.ptr[len])) {
        len++;
    }
    return len;
}

/* part: digits? ("." digits?)? unit, with at least one digit */
static bool take_part(str *rest, int64_t *total) {
    size_t whole_len = digits_at(*rest);
    str whole = str_slice(*rest, 0, whole_len);
    *rest = str_slice(*rest, whole_len, rest->len);
    str fraction = { 0 };
    if (str_starts(*rest, S("."))) {
        *rest = str_slice(*rest, 1, rest->len);
        size_t len = digits_at(*rest);
        fraction = str_slice(*rest, 0, len);
        *rest = str_slice(*rest, len, rest->len);
    }
    int64_t unit = take_unit(rest);
    int64_t value = 0;
    if (unit == 0 || whole.len + fraction.len == 0 ||
        (whole.len > 0 && !str_to_i64(whole, &value)) || !mul_i64(value, unit, &value)) {
        return false;
    }
    int64_t scale = unit;
    for (size_t i = 0; i < fraction.len && scale >= 10; i++) {
        scale /= 10;
        if (!add_i64(value, scale * (fraction.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    return add_i64(*total, value, total);
}

bool duration_parse(str text, int64_t *ret_ns) {
    bool negative = str_starts(text, S("-"));
    if (negative || str_starts(text, S("+"))) {
        text = str_slice(text, 1, text.len);
    }
    int64_t total = 0;
    if (text.len == 0) {
        return false;
    }
    if (str_eq(text, S("0"))) {
        *ret_ns = 0;
        return true;
    }
    while (text.len > 0) {
        if (!take_part(&text, &total)) {
            return false;
        }
    }
    *ret_ns = negative ? -total : total;
    return true;
}
