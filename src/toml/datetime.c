// SPDX-License-Identifier: Apache-2.0
/* The four date kinds (TOML 1.0, "Offset Date-Time" to "Local Time"; RFC 3339). */
#include <string.h>

#include "toml/internal.h"

struct cursor {
    str text;
    size_t at;
};

static bool all_digits(str s, size_t from, size_t count) {
    for (size_t i = from; i < from + count; i++) {
        if (i >= s.len || !char_is_digit(s.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool looks_like_datetime(str token) {
    return (all_digits(token, 0, 4) && token.len > 4 && token.ptr[4] == '-') ||
           (all_digits(token, 0, 2) && token.len > 2 && token.ptr[2] == ':');
}

static bool take_number(struct cursor *c, size_t count, int *ret) {
    if (!all_digits(c->text, c->at, count)) {
        return false;
    }
    *ret = 0;
    for (size_t i = 0; i < count; i++) {
        *ret = *ret * 10 + (c->text.ptr[c->at++] - '0');
    }
    return true;
}

static bool take_char(struct cursor *c, char wanted) {
    if (c->at >= c->text.len || char_lower(c->text.ptr[c->at]) != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static int days_in_month(int year, int month) {
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* What is wrong with a date or time; NULL: nothing. */
static const char *take_date(struct cursor *c) {
    int year;
    int month;
    int day;
    if (!take_number(c, 4, &year) || !take_char(c, '-') || !take_number(c, 2, &month) ||
        !take_char(c, '-') || !take_number(c, 2, &day)) {
        return "write a date as 1979-05-27";
    }
    if (month < 1 || month > 12) {
        return "the month must be from 01 to 12";
    }
    if (day < 1 || day > days_in_month(year, month)) {
        return "the month does not have this day";
    }
    return NULL;
}

static const char *take_time(struct cursor *c) {
    int hour;
    int minute;
    int second;
    if (!take_number(c, 2, &hour) || !take_char(c, ':') || !take_number(c, 2, &minute) ||
        !take_char(c, ':') || !take_number(c, 2, &second)) {
        return "write a time as 07:32:00";
    }
    if (hour > 23 || minute > 59 || second > 60) { /* 60: a leap second */
        return "the time of day is out of range";
    }
    if (take_char(c, '.')) {
        if (!all_digits(c->text, c->at, 1)) {
            return "the fraction of the second has no digits";
        }
        while (all_digits(c->text, c->at, 1)) {
            c->at++;
        }
    }
    return NULL;
}

static const char *take_offset(struct cursor *c, bool *ret_there) {
    *ret_there = true;
    if (take_char(c, 'z')) {
        return NULL;
    }
    if (!take_char(c, '+') && !take_char(c, '-')) {
        *ret_there = false;
        return NULL;
    }
    int hour;
    int minute;
    if (!take_number(c, 2, &hour) || !take_char(c, ':') || !take_number(c, 2, &minute)) {
        return "write an offset as +01:00";
    }
    return hour > 23 || minute > 59 ? "the offset is out of range" : NULL;
}

static const char *take_datetime(struct cursor *c, enum toml_kind *ret_kind) {
    if (c->text.ptr[2] == ':') {
        *ret_kind = TOML_LOCAL_TIME;
        return take_time(c);
    }
    *ret_kind = TOML_LOCAL_DATE;
    const char *wrong = take_date(c);
    if (wrong != NULL || (!take_char(c, 't') && !take_char(c, ' '))) {
        return wrong;
    }
    bool has_offset;
    wrong = take_time(c);
    wrong = wrong == NULL ? take_offset(c, &has_offset) : wrong;
    if (wrong == NULL) {
        *ret_kind = has_offset ? TOML_DATETIME : TOML_LOCAL_DATETIME;
    }
    return wrong;
}

/* 'T' between date and time, 'Z' in upper case; copies only when the text has it otherwise. */
static void set_text(struct parser *p, struct toml_node *node, str token) {
    if (str_find_char(token, ' ', 0) == STR_NONE && str_find_char(token, 't', 0) == STR_NONE &&
        str_find_char(token, 'z', 0) == STR_NONE) {
        node->text.start = offset_of(p, token.ptr);
        node->text.len = (uint32_t)token.len;
        return;
    }
    struct toml_text *text = arena_alloc(p->doc->arena, sizeof *text + token.len + 1);
    text->len = token.len;
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        text->bytes[i] = c == ' ' || c == 't' ? 'T' : c == 'z' ? 'Z' : c;
    }
    node->flags |= TOML_DECODED;
    node->in = text;
}

bool parse_datetime(struct parser *p, struct toml_node *node, str token) {
    struct cursor c = { .text = token };
    enum toml_kind kind;
    const char *wrong = take_datetime(&c, &kind);
    if (wrong == NULL && c.at != token.len) {
        wrong = "unexpected text after the date or time";
    }
    if (wrong != NULL) {
        report(p, token.ptr, token.ptr + token.len, "%s", wrong);
        return false;
    }
    node->kind = (uint8_t)kind;
    set_text(p, node, token);
    return true;
}
