// SPDX-License-Identifier: Apache-2.0
/* format(value, spec): the format specification mini-language of Python. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jinja/builtin/builtin.h"

enum { SPEC_WIDTH_MAX = 100000, SPEC_PRECISION_MAX = 400 };

/* [[fill]align][sign][z][#][0][width][grouping][.precision][type] */
struct spec {
    str fill;
    char align; /* '<', '>', '=', '^'; 0: the default of the value */
    char sign;  /* '+', '-', ' '; 0: none */
    bool no_negative_zero;
    bool alternative;
    int64_t width;     /* -1: none */
    char grouping;     /* ',', '_'; 0: none */
    int64_t precision; /* -1: none */
    char type;         /* 0: none */
};

/* What fills the width: the parts of a number, or all in `digits`. */
struct parts {
    str sign;
    str prefix;
    str digits; /* before the point */
    str rest;
};

struct field {
    struct jinja_runtime *rt;
    struct span span;
    struct jinja_value value;
    struct spec spec;
    struct buf *out;
};

static bool is_align(char c) {
    return c == '<' || c == '>' || c == '=' || c == '^';
}

static bool take(str *rest, char c) {
    bool there = rest->len > 0 && rest->ptr[0] == c;
    *rest = there ? str_slice(*rest, 1, rest->len) : *rest;
    return there;
}

/* Digits, -1 when there are none; false: more than the limit. */
static bool take_number(str *rest, int64_t limit, int64_t *ret) {
    *ret = -1;
    while (rest->len > 0 && char_is_digit(rest->ptr[0])) {
        *ret = (*ret < 0 ? 0 : *ret) * 10 + (rest->ptr[0] - '0');
        *rest = str_slice(*rest, 1, rest->len);
        if (*ret > limit) {
            return false;
        }
    }
    return true;
}

static void take_align(struct spec *s, str *rest) {
    size_t fill = rest->len > 0 ? str_utf8_next(*rest, NULL) : 0;
    if (fill > 0 && fill < rest->len && is_align(rest->ptr[fill])) {
        s->fill = str_slice(*rest, 0, fill);
        s->align = rest->ptr[fill];
        *rest = str_slice(*rest, fill + 1, rest->len);
    } else if (rest->len > 0 && is_align(rest->ptr[0])) {
        s->align = rest->ptr[0];
        *rest = str_slice(*rest, 1, rest->len);
    }
}

static bool parse_spec(struct field *f, str rest, bool number) {
    struct spec *s = &f->spec;
    take_align(s, &rest);
    s->sign = take(&rest, '+') ? '+' : take(&rest, '-') ? '-' : take(&rest, ' ') ? ' ' : 0;
    s->no_negative_zero = take(&rest, 'z');
    s->alternative = take(&rest, '#');
    if (s->fill.len == 0 && take(&rest, '0')) {
        s->fill = S("0");
        s->align = s->align == 0 && number ? '=' : s->align;
    }
    if (!take_number(&rest, SPEC_WIDTH_MAX, &s->width)) {
        return rt_fail(f->rt, f->span, "a width in the format is too large");
    }
    s->grouping = take(&rest, ',') ? ',' : take(&rest, '_') ? '_' : 0;
    s->precision = -1;
    if (take(&rest, '.')) {
        if (!take_number(&rest, SPEC_PRECISION_MAX, &s->precision)) {
            return rt_fail(f->rt, f->span, "a precision in the format is too large");
        }
        if (s->precision < 0) {
            return rt_fail(f->rt, f->span, "a precision is missing in the format");
        }
    }
    if (rest.len > 1) {
        return rt_fail(f->rt, f->span, "the format specification is not valid");
    }
    s->type = rest.len == 1 ? rest.ptr[0] : '\0';
    s->fill = s->fill.len == 0 ? S(" ") : s->fill;
    return true;
}

static bool refuse(const struct field *f, const char *what) {
    return rt_fail(f->rt, f->span, "a value of '%s' is not formatted with %s",
                   value_type_name(f->value), what);
}

/* ---- layout ---- */

static void add_fill(const struct field *f, size_t count) {
    for (size_t i = 0; i < count && !f->out->full; i++) {
        buf_add(f->out, f->spec.fill);
    }
}

/* Groups from the right; zeros in front count as digits up to `width`. */
static void group_digits(const struct spec *s, str digits, int64_t width, struct buf *out) {
    size_t group = s->type == 'b' || s->type == 'o' || s->type == 'x' || s->type == 'X' ? 4 : 3;
    int64_t rest = (int64_t)digits.len;
    AUTO_BUF back = BUF_INIT(4 * SPEC_WIDTH_MAX); /* reversed */
    for (;;) {
        int64_t count = rest > width ? rest : width;
        count = count > (int64_t)group ? (int64_t)group : count < 1 ? 1 : count;
        for (int64_t i = 0; i < count; i++, rest--) {
            buf_add_char(&back, rest > 0 ? digits.ptr[rest - 1] : '0');
        }
        width -= count;
        if (rest <= 0 && width <= 0) {
            break;
        }
        buf_add_char(&back, s->grouping);
        width--;
    }
    for (size_t i = back.len; i > 0; i--) {
        buf_add_char(out, back.ptr[i - 1]);
    }
}

static void add_parts(const struct field *f, struct parts p, char default_align) {
    const struct spec *s = &f->spec;
    char align = s->align != 0 ? s->align : default_align;
    size_t around = p.sign.len + p.prefix.len + p.rest.len;
    AUTO_BUF grouped = BUF_INIT(4 * SPEC_WIDTH_MAX);
    if (s->grouping != 0 && p.digits.len > 0) {
        bool zeros = align == '=' && str_eq(s->fill, S("0"));
        group_digits(s, p.digits, zeros ? s->width - (int64_t)around : 0, &grouped);
        p.digits = buf_str(&grouped);
    }
    size_t len = text_length(p.digits) + around;
    size_t pad = s->width > (int64_t)len ? (size_t)s->width - len : 0;
    size_t before = align == '>' ? pad : align == '^' ? pad / 2 : 0;
    size_t inside = align == '=' ? pad : 0;
    add_fill(f, before);
    buf_add(f->out, p.sign);
    buf_add(f->out, p.prefix);
    add_fill(f, inside);
    buf_add(f->out, p.digits);
    buf_add(f->out, p.rest);
    add_fill(f, pad - before - inside);
}

static str sign_of(const struct spec *s, bool negative) {
    return negative ? S("-") : s->sign == '+' ? S("+") : s->sign == ' ' ? S(" ") : (str){ 0 };
}

/* ---- kinds of values ---- */

static bool add_string(const struct field *f) {
    const struct spec *s = &f->spec;
    str text = f->value.string;
    if (s->type != 0 && s->type != 's') {
        return refuse(f, "this type");
    }
    if (s->sign != 0 || s->no_negative_zero || s->alternative || s->grouping != 0 ||
        s->align == '=') {
        return refuse(f, "signs, '#', groups or '='");
    }
    if (s->precision >= 0) {
        text = str_slice(text, 0, text_offset(text, (size_t)s->precision));
    }
    add_parts(f, (struct parts){ .digits = text }, '<');
    return true;
}

static bool add_character(const struct field *f, int64_t value) {
    char utf8[4];
    const struct spec *s = &f->spec;
    if (s->sign != 0 || s->alternative || s->grouping != 0) {
        return refuse(f, "signs, '#' or groups");
    }
    size_t len = value >= 0 && value <= 0x10FFFF ? utf8_encode((uint32_t)value, utf8) : 0;
    if (len == 0) {
        return rt_fail(f->rt, f->span, "there is no such character");
    }
    add_parts(f, (struct parts){ .digits = { utf8, len } }, '>');
    return true;
}

static bool add_integer(const struct field *f, int64_t value) {
    const struct spec *s = &f->spec;
    bool decimal = s->type == 0 || s->type == 'd' || s->type == 'n';
    if (s->precision >= 0 || s->no_negative_zero) {
        return refuse(f, "a precision or 'z'");
    }
    if (s->type == 'c') {
        return add_character(f, value);
    }
    if (s->grouping != 0 && (s->type == 'n' || (s->grouping == ',' && !decimal))) {
        return refuse(f, "these groups");
    }
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    unsigned base = s->type == 'b' ? 2 : s->type == 'o' ? 8 : decimal ? 10 : 16;
    char digits[72];
    size_t at = sizeof digits;
    do {
        digits[--at] = (s->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base];
        rest /= base;
    } while (rest > 0);
    char prefix[2] = { '0', s->type };
    add_parts(f,
              (struct parts){ .sign = sign_of(s, value < 0),
                              .prefix = { prefix, s->alternative && !decimal ? 2 : 0 },
                              .digits = { digits + at, sizeof digits - at } },
              '>');
    return true;
}

/* The digits of a number without a sign, by printf. */
static void print_float(struct buf *out, double d, char type, int precision, bool alternative) {
    char form[8];
    snprintf(form, sizeof form, alternative ? "%%#.*%c" : "%%.*%c", type);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    buf_addf(out, form, precision, d); /* the form is one of a dozen */
#pragma GCC diagnostic pop
}

/* No type, but a precision: as 'g', with an exponent one digit earlier and a point always. */
static void print_general(struct buf *out, double d, int precision, bool alternative) {
    AUTO_BUF probe = BUF_INIT(1024);
    precision = precision == 0 ? 1 : precision;
    print_float(&probe, d, 'e', precision - 1, false);
    size_t e = str_find_char(buf_str(&probe), 'e', 0);
    int64_t exponent = 0;
    bool negative = probe.ptr[e + 1] == '-';
    bool ok = str_to_i64(str_slice(buf_str(&probe), e + 2, probe.len), &exponent);
    ASSERT(ok);
    if (!negative && exponent == precision - 1) {
        str mantissa = str_slice(buf_str(&probe), 0, e);
        while (!alternative && str_find_char(mantissa, '.', 0) != STR_NONE &&
               (str_ends(mantissa, S("0")) || str_ends(mantissa, S(".")))) {
            mantissa.len--;
        }
        buf_add(out, mantissa);
        buf_add(out, alternative && precision == 1 ? S(".") : S(""));
        buf_add(out, str_slice(buf_str(&probe), e, probe.len));
        return;
    }
    print_float(out, d, 'g', precision, alternative);
    if (str_find_char(buf_str(out), '.', 0) == STR_NONE &&
        str_find_char(buf_str(out), 'e', 0) == STR_NONE) {
        buf_add(out, S(".0"));
    }
}

static bool is_zero_text(str s) {
    for (size_t i = 0; i < s.len && s.ptr[i] != 'e'; i++) {
        if (s.ptr[i] >= '1' && s.ptr[i] <= '9') {
            return false;
        }
    }
    return true;
}

static bool add_float(const struct field *f, double d) {
    const struct spec *s = &f->spec;
    AUTO_BUF text = BUF_INIT(4096);
    bool negative = signbit(d) && !isnan(d);
    bool upper = s->type >= 'A' && s->type <= 'Z';
    if (s->grouping != 0 && s->type == 'n') {
        return refuse(f, "these groups");
    }
    d = fabs(d) * (s->type == '%' ? 100 : 1);
    char type = s->type == '%' ? 'f' : s->type == 'n' ? 'g' : s->type;
    if (isnan(d) || isinf(d)) {
        buf_add_c(&text, isnan(d) ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf");
    } else if (type == 0 && s->precision < 0) {
        text_add_float(&text, d);
    } else if (type == 0) {
        print_general(&text, d, (int)s->precision, s->alternative);
    } else {
        print_float(&text, d, type, s->precision < 0 ? 6 : (int)s->precision, s->alternative);
    }
    negative = negative && !(s->no_negative_zero && is_zero_text(buf_str(&text)));
    size_t digits = 0;
    while (digits < text.len && char_is_digit(text.ptr[digits])) {
        digits++;
    }
    if (s->type == '%') {
        buf_add_char(&text, '%');
    }
    add_parts(f,
              (struct parts){ .sign = sign_of(s, negative),
                              .digits = str_slice(buf_str(&text), 0, digits),
                              .rest = str_slice(buf_str(&text), digits, text.len) },
              '>');
    return true;
}

bool text_format_value(struct jinja_runtime *rt, struct span span, struct jinja_value v, str spec,
                       struct buf *out) {
    struct field f = { .rt = rt, .span = span, .value = v, .out = out };
    int64_t i;
    double d;
    bool integer = value_is_integer(v, &i);
    bool number = value_is_number(v, &d);
    if (spec.len == 0) {
        str text;
        if (!rt_text(rt, span, v, &text)) {
            return false;
        }
        buf_add(out, text);
        return true;
    }
    if (!number && v.kind != JINJA_STRING) {
        return v.kind == JINJA_UNDEFINED && rt->env->options.strict
                   ? rt_undefined(rt, span, v)
                   : refuse(&f, "a format specification");
    }
    if (!parse_spec(&f, spec, number) ||
        !rt_step(rt, span, f.spec.width > 0 ? (uint64_t)f.spec.width / 16 : 0)) {
        return false;
    }
    if (!number) {
        return add_string(&f);
    }
    char type = f.spec.type;
    if (integer && (type == 0 || strchr("bcdoxXn", type) != NULL)) {
        return add_integer(&f, i);
    }
    if ((type == 0 || strchr("eEfFgGn%", type) != NULL)) {
        return add_float(&f, d);
    }
    return refuse(&f, "this type");
}
