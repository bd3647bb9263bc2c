// SPDX-License-Identifier: Apache-2.0
/*
 * Characters as Python's str sees them. Classes and simple case mappings come from the C library's
 * C.UTF-8 tables; mappings of one character to several (as for sharp s) are listed here.
 */
#include <locale.h>
#include <wctype.h>

#include "jinja/value/value.h"

/* Made once and kept for the life of the process: NULL when the library has no C.UTF-8, then only
 * ASCII has case and class. */
static locale_t utf8_locale(void) {
    static _Thread_local locale_t locale;
    if (locale == (locale_t)0) {
        locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    return locale;
}

static bool has_class(uint32_t code, int (*classify)(wint_t, locale_t), int (*ascii)(wint_t)) {
    locale_t locale = code < 0x80 ? (locale_t)0 : utf8_locale();
    if (locale == (locale_t)0) {
        return code < 0x80 && ascii((wint_t)code) != 0;
    }
    return classify((wint_t)code, locale) != 0;
}

bool text_is_alpha(uint32_t code) {
    return has_class(code, iswalpha_l, iswalpha);
}

bool text_is_alnum(uint32_t code) {
    return has_class(code, iswalnum_l, iswalnum);
}

/* Two letters in one, the first of which is upper case, and Greek letters with a small iota. */
bool text_is_title(uint32_t code) {
    return code == 0x1C5 || code == 0x1C8 || code == 0x1CB || code == 0x1F2 ||
           (code >= 0x1F88 && code <= 0x1FAF && (code & 8) != 0) || code == 0x1FBC ||
           code == 0x1FCC || code == 0x1FFC;
}

bool text_is_upper(uint32_t code) {
    return !text_is_title(code) && has_class(code, iswupper_l, iswupper);
}

bool text_is_lower(uint32_t code) {
    return !text_is_title(code) && has_class(code, iswlower_l, iswlower);
}

/* Characters without a shape of their own (Unicode's Cf), and those for private use. */
static bool is_format(uint32_t code) {
    static const uint32_t ranges[][2] = {
        { 0xAD, 0xAD },       { 0x600, 0x605 },     { 0x61C, 0x61C },     { 0x6DD, 0x6DD },
        { 0x70F, 0x70F },     { 0x890, 0x891 },     { 0x8E2, 0x8E2 },     { 0x180E, 0x180E },
        { 0x200B, 0x200F },   { 0x202A, 0x202E },   { 0x2060, 0x206F },   { 0xE000, 0xF8FF },
        { 0xFEFF, 0xFEFF },   { 0xFFF9, 0xFFFB },   { 0x110BD, 0x110BD }, { 0x110CD, 0x110CD },
        { 0x1BCA0, 0x1BCA3 }, { 0x1D173, 0x1D17A }, { 0xE0001, 0xE007F }, { 0xF0000, 0x10FFFF },
    };
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

/* What repr() leaves as it is. */
bool text_is_printable(uint32_t code) {
    if (code < 0x80) {
        return code >= 0x20 && code < 0x7F;
    }
    char utf8[4];
    size_t len = utf8_encode(code, utf8);
    if (len == 0 || is_format(code) || text_space_len((str){ utf8, len }) > 0) {
        return false;
    }
    return has_class(code, iswprint_l, iswprint);
}

static bool is_space(uint32_t code) {
    switch (code) {
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
        return true;
    default: /* ranges */
        return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) ||
               (code >= 0x2000 && code <= 0x200A);
    }
}

size_t text_space_len(str s) {
    if (s.len == 0) {
        return 0;
    }
    unsigned char c = (unsigned char)s.ptr[0];
    if (c < 0x80) {
        return is_space(c) ? 1 : 0;
    }
    uint32_t code;
    size_t len = str_utf8_next(s, &code);
    return len > 0 && is_space(code) ? len : 0;
}

str text_trim_left(str s) {
    size_t len;
    while ((len = text_space_len(s)) > 0) {
        s = str_slice(s, len, s.len);
    }
    return s;
}

str text_trim_right(str s) {
    while (s.len > 0) {
        size_t start = s.len - 1;
        while (start > 0 && ((unsigned char)s.ptr[start] & 0xC0) == 0x80) {
            start--;
        }
        size_t len = text_space_len(str_slice(s, start, s.len));
        if (len == 0 || start + len != s.len) {
            break;
        }
        s.len = start;
    }
    return s;
}

void text_add_code(struct buf *out, uint32_t code) {
    char utf8[4];
    buf_add_bytes(out, utf8, utf8_encode(code, utf8));
}

/* The characters whose upper case is more than one. */
static bool add_long_upper(struct buf *out, uint32_t code) {
    static const struct {
        uint32_t code;
        const char *upper;
    } rows[] = {
        { 0xDF, "SS" },
        { 0x149, "\u02BCN" },
        { 0x1F0, "J\u030C" },
        { 0x390, "Ι\u0308\u0301" },
        { 0x3B0, "Υ\u0308\u0301" },
        { 0x587, "ԵՒ" },
        { 0x1E96, "H\u0331" },
        { 0x1E97, "T\u0308" },
        { 0x1E98, "W\u030A" },
        { 0x1E99, "Y\u030A" },
        { 0x1E9A, "A\u02BE" },
        { 0xFB00, "FF" },
        { 0xFB01, "FI" },
        { 0xFB02, "FL" },
        { 0xFB03, "FFI" },
        { 0xFB04, "FFL" },
        { 0xFB05, "ST" },
        { 0xFB06, "ST" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].code == code) {
            buf_add_c(out, rows[i].upper);
            return true;
        }
    }
    return false;
}

void text_add_upper(struct buf *out, uint32_t code) {
    if (code < 0x80) {
        buf_add_char(out, (char)(code >= 'a' && code <= 'z' ? code - 32 : code));
    } else if (!add_long_upper(out, code)) {
        locale_t locale = utf8_locale();
        text_add_code(out, locale == (locale_t)0 ? code : towupper_l((wint_t)code, locale));
    }
}

static void add_title_of(struct buf *out, uint32_t code) {
    AUTO_BUF upper = BUF_INIT(32);
    size_t first = 0;
    text_add_upper(&upper, code);
    text_next(buf_str(&upper), &first);
    buf_add(out, str_slice(buf_str(&upper), 0, first));
    for (size_t i = first; i < upper.len;) {
        uint32_t next = text_next(buf_str(&upper), &i);
        code == 0x149 ? text_add_code(out, next) : text_add_lower(out, next); /* 'n stays one */
    }
}

void text_add_title(struct buf *out, uint32_t code) {
    if (code < 0x80) {
        text_add_upper(out, code);
    } else if (code >= 0x1C4 && code <= 0x1CC) { /* three letters in three cases each */
        text_add_code(out, code - (code - 0x1C4) % 3 + 1);
    } else if (code >= 0x1F1 && code <= 0x1F3) {
        text_add_code(out, 0x1F2);
    } else if (code >= 0x10D0 && code <= 0x10FF) { /* Georgian has no capitals inside of text */
        text_add_code(out, code);
    } else {
        add_title_of(out, code);
    }
}

void text_add_folded(struct buf *out, uint32_t code) {
    if (code < 0x80 || code == 0x130) {
        text_add_lower(out, code);
    } else if (code == 0x1E9E) {
        buf_add(out, S("ss"));
    } else if (code == 0x131 || (code >= 0x13A0 && code <= 0x13F5)) {
        text_add_code(out, code);
    } else if ((code >= 0xAB70 && code <= 0xABBF) || (code >= 0x13F8 && code <= 0x13FD)) {
        text_add_upper(out, code);
    } else {
        AUTO_BUF upper = BUF_INIT(32);
        text_add_upper(&upper, code);
        for (size_t i = 0; i < upper.len;) {
            text_add_lower(out, text_next(buf_str(&upper), &i));
        }
    }
}

void text_add_lower(struct buf *out, uint32_t code) {
    if (code < 0x80) {
        buf_add_char(out, char_lower((char)code));
    } else if (code == 0x130) {
        buf_add(out, S("i\xCC\x87"));
    } else {
        locale_t locale = utf8_locale();
        text_add_code(out, locale == (locale_t)0 ? code : towlower_l((wint_t)code, locale));
    }
}

size_t text_length(str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += ((unsigned char)s.ptr[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return count;
}

size_t text_offset(str s, size_t index) {
    size_t i = 0;
    for (; i < s.len; i++) {
        if (((unsigned char)s.ptr[i] & 0xC0) != 0x80) {
            if (index == 0) {
                return i;
            }
            index--;
        }
    }
    return s.len;
}

uint32_t text_next_wide(str s, size_t *pos) {
    uint32_t code = (unsigned char)s.ptr[*pos];
    size_t len = str_utf8_next(str_slice(s, *pos, s.len), &code);
    *pos += len == 0 ? 1 : len;
    return code;
}

bool text_is_ascii(str s) {
    unsigned char any = 0;
    for (size_t i = 0; i < s.len; i++) {
        any |= (unsigned char)s.ptr[i];
    }
    return any < 0x80;
}
