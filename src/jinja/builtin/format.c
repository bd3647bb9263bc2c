// SPDX-License-Identifier: Apache-2.0
/* "%..." % args, as Python's printf-style formatting. */
#include <math.h>
#include <stdio.h>

#include "jinja/builtin/builtin.h"

struct format_spec {
    bool left;
    bool plus;
    bool space;
    bool zero;
    bool alternative;
    int64_t width;
    int64_t precision; /* -1: none */
    char kind;
};

struct formatter {
    struct jinja_runtime *rt;
    struct span span;
    str text;
    size_t pos;
    struct jinja_value args;
    size_t next; /* positional argument */
    struct buf *out;
    bool markup; /* the format is: what is filled in is escaped */
};

enum { WIDTH_MAX = 100000, PRECISION_MAX = 400 };

static bool next_arg(struct formatter *f, struct jinja_value *ret) {
    bool tuple = f->args.kind == JINJA_TUPLE;
    size_t count = tuple ? f->args.list->len : 1;
    if (f->next >= count) {
        return rt_fail(f->rt, f->span, "not enough arguments for the format");
    }
    *ret = tuple ? f->args.list->items[f->next] : f->args;
    f->next++;
    return true;
}

/* (name) */
static bool named_arg(struct formatter *f, struct jinja_value *ret) {
    size_t close = str_find_char(f->text, ')', f->pos);
    if (close == STR_NONE || f->args.kind != JINJA_DICT) {
        return rt_fail(f->rt, f->span, "the format needs a dict of names");
    }
    str name = str_slice(f->text, f->pos + 1, close);
    const struct dict_entry *e = dict_find(f->args.dict, jinja_string(name));
    if (e == NULL) {
        return rt_fail(f->rt, f->span, "the format's '%.*s' is missing", STR_FMT(name));
    }
    f->pos = close + 1;
    f->next = 1;
    *ret = e->value;
    return true;
}

static char peek(const struct formatter *f) {
    return f->pos < f->text.len ? f->text.ptr[f->pos] : '\0';
}

static void read_flags(struct formatter *f, struct format_spec *spec) {
    for (;; f->pos++) {
        switch (peek(f)) {
        case '-':
            spec->left = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '0':
            spec->zero = true;
            break;
        case '#':
            spec->alternative = true;
            break;
        default: /* no flag */
            return;
        }
    }
}

/* Digits or "*". */
static bool read_number(struct formatter *f, int64_t limit, int64_t *ret) {
    *ret = 0;
    if (peek(f) == '*') {
        struct jinja_value v;
        f->pos++;
        if (!next_arg(f, &v)) {
            return false;
        }
        if (!value_is_integer(v, ret)) {
            return rt_fail(f->rt, f->span, "'*' in a format needs an integer");
        }
    }
    while (char_is_digit(peek(f)) && *ret <= limit) {
        *ret = *ret * 10 + (f->text.ptr[f->pos++] - '0');
    }
    return (*ret <= limit && *ret >= -limit) ||
           rt_fail(f->rt, f->span, "a width or precision in the format is too large");
}

static bool read_spec(struct formatter *f, struct format_spec *spec) {
    spec->precision = -1;
    read_flags(f, spec);
    if (!read_number(f, WIDTH_MAX, &spec->width)) {
        return false;
    }
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (peek(f) == '.') {
        f->pos++;
        if (!read_number(f, PRECISION_MAX, &spec->precision)) {
            return false;
        }
        spec->precision = spec->precision < 0 ? 0 : spec->precision;
    }
    while (peek(f) == 'l' || peek(f) == 'h' || peek(f) == 'L') {
        f->pos++;
    }
    spec->kind = peek(f);
    if (f->pos >= f->text.len) {
        return rt_fail(f->rt, f->span, "the format ends inside of a '%%'");
    }
    f->pos++;
    return true;
}

/* Sign or prefix, then digits; zeros go between them. */
static void add_padded(struct formatter *f, const struct format_spec *spec, str prefix, str body) {
    size_t len = text_length(prefix) + text_length(body);
    size_t pad = (size_t)spec->width > len ? (size_t)spec->width - len : 0;
    bool zero = spec->zero && !spec->left;
    buf_add_repeat(f->out, ' ', spec->left || zero ? 0 : pad);
    buf_add(f->out, prefix);
    buf_add_repeat(f->out, '0', zero ? pad : 0);
    buf_add(f->out, body);
    buf_add_repeat(f->out, ' ', spec->left ? pad : 0);
}

static str sign_text(const struct format_spec *spec, bool negative) {
    return negative ? S("-") : spec->plus ? S("+") : spec->space ? S(" ") : (str){ 0 };
}

static bool add_integer(struct formatter *f, const struct format_spec *spec, struct jinja_value v) {
    int64_t i;
    bool decimal = spec->kind == 'd' || spec->kind == 'i' || spec->kind == 'u';
    if (decimal && v.kind == JINJA_FLOAT && fabs(v.real) < 0x1p63) {
        v = jinja_int((int64_t)v.real);
    }
    if (!value_is_integer(v, &i)) {
        return rt_fail(f->rt, f->span, "'%%%c' needs an integer, not '%s'", spec->kind,
                       value_type_name(v));
    }
    uint64_t size = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    uint64_t base_number = spec->kind == 'o' ? 8 : decimal ? 10 : 16;
    const char *names = spec->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[32];
    size_t at = sizeof digits;
    do {
        digits[--at] = names[size % base_number];
        size /= base_number;
    } while (size > 0);
    AUTO_BUF body = BUF_INIT(1024);
    str number = { digits + at, sizeof digits - at };
    if (spec->precision > (int64_t)number.len) {
        buf_add_repeat(&body, '0', (size_t)spec->precision - number.len);
        buf_add(&body, number);
        number = buf_str(&body);
    }
    AUTO_BUF base = BUF_INIT(8);
    str prefix = sign_text(spec, i < 0);
    if (spec->alternative && !decimal) {
        buf_addf(&base, "%.*s0%c", STR_FMT(prefix), spec->kind);
        prefix = buf_str(&base);
    }
    add_padded(f, spec, prefix, number);
    return true;
}

static bool add_float(struct formatter *f, const struct format_spec *spec, struct jinja_value v) {
    double d;
    if (!value_is_number(v, &d)) {
        return rt_fail(f->rt, f->span, "'%%%c' needs a number, not '%s'", spec->kind,
                       value_type_name(v));
    }
    bool upper = spec->kind < 'a';
    AUTO_BUF body = BUF_INIT(2048);
    if (isnan(d) || isinf(d)) {
        buf_add_c(&body, isnan(d) ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf");
    } else {
        char form[8];
        snprintf(form, sizeof form, spec->alternative ? "%%#.*%c" : "%%.*%c", spec->kind);
        int precision = spec->precision < 0 ? 6 : (int)spec->precision;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_addf(&body, form, precision, fabs(d)); /* the form is one of a dozen */
#pragma GCC diagnostic pop
    }
    add_padded(f, spec, sign_text(spec, signbit(d) && !isnan(d)), buf_str(&body));
    return true;
}

static bool add_text(struct formatter *f, struct format_spec *spec, struct jinja_value v) {
    str s;
    AUTO_BUF quoted = rt_buf(f->rt);
    if (spec->kind == 's') {
        if (!rt_text(f->rt, f->span, v, &s)) {
            return false;
        }
    } else if (!value_add_repr(v, &quoted, 0)) {
        return rt_fail(f->rt, f->span, "a value is too large to be printed");
    } else {
        s = buf_str(&quoted);
        v.markup = false;
    }
    AUTO_BUF escaped = rt_buf(f->rt);
    if (f->markup && !value_is_markup(v)) {
        text_add_escaped(&escaped, s);
        s = buf_str(&escaped);
    }
    if (spec->precision >= 0) {
        s = str_slice(s, 0, text_offset(s, (size_t)spec->precision));
    }
    spec->zero = false;
    add_padded(f, spec, (str){ 0 }, s);
    return true;
}

static bool add_char(struct formatter *f, struct format_spec *spec, struct jinja_value v) {
    int64_t i;
    char utf8[4];
    str s = v.kind == JINJA_STRING ? v.string : (str){ 0 };
    if (value_is_integer(v, &i) && i >= 0 && i <= 0x10FFFF) {
        s = (str){ utf8, utf8_encode((uint32_t)i, utf8) };
    }
    if (text_length(s) != 1) {
        return rt_fail(f->rt, f->span, "'%%c' needs an integer or one character");
    }
    spec->zero = false;
    add_padded(f, spec, (str){ 0 }, s);
    return true;
}

static bool add_conversion(struct formatter *f) {
    struct format_spec spec = { 0 };
    struct jinja_value v = { 0 };
    bool named = peek(f) == '(';
    if ((named && !named_arg(f, &v)) || !read_spec(f, &spec)) {
        return false;
    }
    if (spec.kind == '%') {
        buf_add_char(f->out, '%');
        return true;
    }
    if (!named && !next_arg(f, &v)) {
        return false;
    }
    switch (spec.kind) {
    case 'd':
    case 'i':
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        return add_integer(f, &spec, v);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        return add_float(f, &spec, v);
    case 's':
    case 'r':
        return add_text(f, &spec, v);
    case 'c':
        return add_char(f, &spec, v);
    default: /* nothing else is a conversion */
        return rt_fail(f->rt, f->span, "the format has no conversion '%%%c'", spec.kind);
    }
}

bool text_format(struct jinja_runtime *rt, struct span span, struct jinja_value format,
                 struct jinja_value args, struct jinja_value *ret) {
    AUTO_BUF out = rt_buf(rt);
    struct formatter f = {
        .rt = rt, .span = span, .text = format.string, .args = args, .markup = format.markup
    };
    f.out = &out;
    while (f.pos < f.text.len && !out.full) {
        size_t percent = str_find_char(f.text, '%', f.pos);
        buf_add(&out, str_slice(f.text, f.pos, percent));
        if (percent == STR_NONE) {
            break;
        }
        f.pos = percent + 1;
        if (!rt_step(rt, span, 1) || !add_conversion(&f)) {
            return false;
        }
    }
    /* What has items by a key could have been used by names, so it need not be used up. */
    bool mapping = args.kind == JINJA_DICT || args.kind == JINJA_RANGE ||
                   args.kind == JINJA_UNDEFINED ||
                   (args.kind == JINJA_LIST && args.view == JINJA_VIEW_NONE);
    size_t count = args.kind == JINJA_TUPLE ? args.list->len : mapping ? 0 : 1;
    if (f.next < count && !out.full) {
        return rt_fail(rt, span, "the format does not use all of its arguments");
    }
    *ret = format;
    return rt_take_text(rt, span, &out, &ret->string);
}
