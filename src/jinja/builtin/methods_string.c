// SPDX-License-Identifier: Apache-2.0
/* Methods of strings that look at characters: case, stripping, padding, questions. */
#include "jinja/builtin/builtin.h"

static str self(const struct jinja_call *call) {
    return call->args[0].string;
}

static bool run_filter(struct jinja_call *call, str name, struct jinja_value *ret) {
    return rt_apply(call, name, false, call->args[0], NULL, ret);
}

static bool method_upper(struct jinja_call *call, struct jinja_value *ret) {
    return run_filter(call, S("upper"), ret);
}

static bool method_lower(struct jinja_call *call, struct jinja_value *ret) {
    return run_filter(call, S("lower"), ret);
}

static bool method_casefold(struct jinja_call *call, struct jinja_value *ret) {
    AUTO_BUF out = call_buf(call);
    str s = self(call);
    for (size_t i = 0; i < s.len;) {
        text_add_folded(&out, text_next(s, &i));
    }
    return call_take(call, &out, ret);
}

static bool method_capitalize(struct jinja_call *call, struct jinja_value *ret) {
    return run_filter(call, S("capitalize"), ret);
}

static bool cased(uint32_t code) {
    return text_is_upper(code) || text_is_lower(code) || text_is_title(code);
}

/* Unlike the filter: a word begins after anything that is no letter. */
static bool method_title(struct jinja_call *call, struct jinja_value *ret) {
    AUTO_BUF out = call_buf(call);
    str s = self(call);
    bool inside = false;
    for (size_t i = 0; i < s.len;) {
        uint32_t code = text_next(s, &i);
        inside ? text_add_lower(&out, code) : text_add_title(&out, code);
        inside = cased(code);
    }
    return call_take(call, &out, ret);
}

static bool method_swapcase(struct jinja_call *call, struct jinja_value *ret) {
    AUTO_BUF out = call_buf(call);
    str s = self(call);
    for (size_t i = 0; i < s.len;) {
        uint32_t code = text_next(s, &i);
        if (text_is_upper(code)) {
            text_add_lower(&out, code);
        } else if (text_is_lower(code)) {
            text_add_upper(&out, code);
        } else {
            text_add_code(&out, code);
        }
    }
    return call_take(call, &out, ret);
}

static bool strip(struct jinja_call *call, bool left, bool right, struct jinja_value *ret) {
    enum { SELF, CHARS };
    str set;
    bool has_set = jinja_call_has(call, CHARS) && call->args[CHARS].kind != JINJA_NONE;
    if (!call_str(call, CHARS, (str){ 0 }, &set) ||
        (has_set && !call_step_strip(call, self(call), set))) {
        return false;
    }
    *ret = jinja_string(text_strip(self(call), has_set ? &set : NULL, left, right));
    return true;
}

static bool method_strip(struct jinja_call *call, struct jinja_value *ret) {
    return strip(call, true, true, ret);
}

static bool method_lstrip(struct jinja_call *call, struct jinja_value *ret) {
    return strip(call, true, false, ret);
}

static bool method_rstrip(struct jinja_call *call, struct jinja_value *ret) {
    return strip(call, false, true, ret);
}

/* `left` and `right` share of the padding comes from the caller's choice of alignment. */
static bool pad(struct jinja_call *call, bool before, bool after, struct jinja_value *ret) {
    enum { SELF, WIDTH, FILL };
    int64_t width;
    str fill;
    AUTO_BUF out = call_buf(call);
    if (!call_int(call, WIDTH, 0, &width) || !call_str(call, FILL, S(" "), &fill)) {
        return false;
    }
    if (text_length(fill) != 1) {
        return jinja_call_fail(call, "the fill must be one character");
    }
    int64_t len = (int64_t)text_length(self(call));
    int64_t total = width > len ? width - len : 0;
    int64_t left = before && after ? total / 2 + (total & width & 1) : before ? total : 0;
    if (!call_step(call, (uint64_t)total)) {
        return false;
    }
    for (int64_t i = 0; i < left && !out.full; i++) {
        buf_add(&out, fill);
    }
    buf_add(&out, self(call));
    for (int64_t i = left; i < total && !out.full; i++) {
        buf_add(&out, fill);
    }
    return call_take(call, &out, ret);
}

static bool method_center(struct jinja_call *call, struct jinja_value *ret) {
    return pad(call, true, true, ret);
}

static bool method_ljust(struct jinja_call *call, struct jinja_value *ret) {
    return pad(call, false, true, ret);
}

static bool method_rjust(struct jinja_call *call, struct jinja_value *ret) {
    return pad(call, true, false, ret);
}

static bool method_zfill(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, WIDTH };
    int64_t width;
    AUTO_BUF out = call_buf(call);
    str s = self(call);
    if (!call_int(call, WIDTH, 0, &width)) {
        return false;
    }
    int64_t len = (int64_t)text_length(s);
    size_t sign = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    buf_add(&out, str_slice(s, 0, sign));
    buf_add_repeat(&out, '0', width > len ? (size_t)(width - len) : 0);
    buf_add(&out, str_slice(s, sign, s.len));
    return call_take(call, &out, ret);
}

typedef bool char_test(uint32_t code);

/* True for a text that is not empty and whose characters all pass. */
static bool all_chars(struct jinja_call *call, char_test *test, struct jinja_value *ret) {
    str s = self(call);
    bool all = s.len > 0;
    for (size_t i = 0; i < s.len && all;) {
        all = test(text_next(s, &i));
    }
    *ret = jinja_bool(all);
    return true;
}

static bool is_digit(uint32_t code) {
    return code >= '0' && code <= '9';
}

static bool is_space(uint32_t code) {
    char utf8[4];
    return text_space_len((str){ utf8, utf8_encode(code, utf8) }) > 0;
}

static bool is_letter(uint32_t code) {
    return text_is_alpha(code) && !is_digit(code);
}

static bool is_ascii(uint32_t code) {
    return code < 0x80;
}

static bool method_isalpha(struct jinja_call *call, struct jinja_value *ret) {
    return all_chars(call, is_letter, ret);
}

static bool method_isalnum(struct jinja_call *call, struct jinja_value *ret) {
    return all_chars(call, text_is_alnum, ret);
}

static bool method_isdigit(struct jinja_call *call, struct jinja_value *ret) {
    return all_chars(call, is_digit, ret);
}

static bool method_isspace(struct jinja_call *call, struct jinja_value *ret) {
    return all_chars(call, is_space, ret);
}

static bool method_isascii(struct jinja_call *call, struct jinja_value *ret) {
    all_chars(call, is_ascii, ret);
    ret->boolean = ret->boolean || self(call).len == 0;
    return true;
}

static bool method_isupper(struct jinja_call *call, struct jinja_value *ret) {
    return rt_apply(call, S("upper"), true, call->args[0], NULL, ret);
}

static bool method_islower(struct jinja_call *call, struct jinja_value *ret) {
    return rt_apply(call, S("lower"), true, call->args[0], NULL, ret);
}

static bool method_isprintable(struct jinja_call *call, struct jinja_value *ret) {
    all_chars(call, text_is_printable, ret);
    ret->boolean = ret->boolean || self(call).len == 0;
    return true;
}

static bool method_isidentifier(struct jinja_call *call, struct jinja_value *ret) {
    str s = self(call);
    bool ok = s.len > 0 && !char_is_digit(s.ptr[0]);
    for (size_t i = 0; i < s.len && ok;) {
        uint32_t code = text_next(s, &i);
        ok = code == '_' || text_is_alnum(code);
    }
    *ret = jinja_bool(ok);
    return true;
}

/* Upper case where a word begins, lower case inside of it, and at least one letter. */
static bool method_istitle(struct jinja_call *call, struct jinja_value *ret) {
    str s = self(call);
    bool inside = false;
    bool any = false;
    bool ok = true;
    for (size_t i = 0; i < s.len && ok;) {
        uint32_t code = text_next(s, &i);
        ok = inside ? !text_is_upper(code) && !text_is_title(code) : !text_is_lower(code);
        inside = cased(code);
        any = any || inside;
    }
    *ret = jinja_bool(ok && any);
    return true;
}

static bool method_expandtabs(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, TABSIZE };
    str s = self(call);
    int64_t size;
    int64_t column = 0;
    AUTO_BUF out = call_buf(call);
    if (!call_int(call, TABSIZE, 8, &size) || !call_step(call, s.len / 16)) {
        return false;
    }
    for (size_t i = 0; i < s.len && !out.full;) {
        uint32_t code = text_next(s, &i);
        if (code == '\t') {
            int64_t pad = size > 0 ? size - column % size : 0;
            buf_add_repeat(&out, ' ', (size_t)pad);
            column += pad;
        } else {
            text_add_code(&out, code);
            column = code == '\n' || code == '\r' ? 0 : column + 1;
        }
    }
    return call_take(call, &out, ret);
}

/* The whole text, or a slice of it, begins or ends with a text, or one of a tuple of texts. */
static bool affix(struct jinja_call *call, bool at_start, struct jinja_value *ret) {
    enum { SELF, PART, START };
    struct jinja_value v = call->args[PART];
    struct jinja_value bounds[3] = { JINJA_NONE_VALUE, JINJA_NONE_VALUE, JINJA_NONE_VALUE };
    struct jinja_value part;
    for (unsigned i = 0; i < 2; i++) {
        if (jinja_call_has(call, START + i)) {
            bounds[i] = call->args[START + i];
        }
    }
    if (!rt_slice(call->runtime, call->span, call->args[SELF], bounds, &part)) {
        return false;
    }
    size_t count = v.kind == JINJA_TUPLE ? v.list->len : 1;
    *ret = jinja_bool(false);
    for (size_t i = 0; i < count; i++) {
        struct jinja_value one = v.kind == JINJA_TUPLE ? v.list->items[i] : v;
        if (one.kind != JINJA_STRING) {
            return jinja_call_fail(call, "needs a string or a tuple of strings");
        }
        ret->boolean = ret->boolean || (at_start ? str_starts(part.string, one.string)
                                                 : str_ends(part.string, one.string));
    }
    return true;
}

static bool method_startswith(struct jinja_call *call, struct jinja_value *ret) {
    return affix(call, true, ret);
}

static bool method_endswith(struct jinja_call *call, struct jinja_value *ret) {
    return affix(call, false, ret);
}

static bool method_removeprefix(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, PREFIX };
    str s = self(call);
    str prefix;
    if (!call_str(call, PREFIX, (str){ 0 }, &prefix)) {
        return false;
    }
    *ret = jinja_string(str_starts(s, prefix) ? str_slice(s, prefix.len, s.len) : s);
    return true;
}

static bool method_removesuffix(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, SUFFIX };
    str s = self(call);
    str suffix;
    if (!call_str(call, SUFFIX, (str){ 0 }, &suffix)) {
        return false;
    }
    *ret = jinja_string(str_ends(s, suffix) ? str_slice(s, 0, s.len - suffix.len) : s);
    return true;
}

static const struct jinja_callable rows[] = {
    { S_INIT("upper"), "self", 1, method_upper, "Upper case." },
    { S_INIT("lower"), "self", 1, method_lower, "Lower case." },
    { S_INIT("casefold"), "self", 1, method_casefold, "Lower case, for comparing." },
    { S_INIT("capitalize"), "self", 1, method_capitalize, "First letter upper, rest lower." },
    { S_INIT("title"), "self", 1, method_title, "Each word's first letter upper." },
    { S_INIT("swapcase"), "self", 1, method_swapcase, "Upper to lower, lower to upper." },
    { S_INIT("strip"), "self chars", 1, method_strip, "Without white space (or chars) around." },
    { S_INIT("lstrip"), "self chars", 1, method_lstrip, "The same, at the start only." },
    { S_INIT("rstrip"), "self chars", 1, method_rstrip, "The same, at the end only." },
    { S_INIT("center"), "self width fill", 2, method_center, "In the middle of a width." },
    { S_INIT("ljust"), "self width fill", 2, method_ljust, "Padded at the end." },
    { S_INIT("rjust"), "self width fill", 2, method_rjust, "Padded at the start." },
    { S_INIT("zfill"), "self width", 2, method_zfill, "Padded with zeros at the start." },
    { S_INIT("isalpha"), "self", 1, method_isalpha, "Letters only." },
    { S_INIT("isalnum"), "self", 1, method_isalnum, "Letters and digits only." },
    { S_INIT("isdigit"), "self", 1, method_isdigit, "Digits only." },
    { S_INIT("isdecimal"), "self", 1, method_isdigit, "Digits only." },
    { S_INIT("isnumeric"), "self", 1, method_isdigit, "Digits only." },
    { S_INIT("isspace"), "self", 1, method_isspace, "White space only." },
    { S_INIT("isascii"), "self", 1, method_isascii, "ASCII only." },
    { S_INIT("isupper"), "self", 1, method_isupper, "All letters are upper case." },
    { S_INIT("islower"), "self", 1, method_islower, "All letters are lower case." },
    { S_INIT("istitle"), "self", 1, method_istitle, "Each word's first letter is upper case." },
    { S_INIT("isidentifier"), "self", 1, method_isidentifier, "Letters, digits and '_' only." },
    { S_INIT("isprintable"), "self", 1, method_isprintable, "Nothing that repr would escape." },
    { S_INIT("expandtabs"), "self tabsize", 1, method_expandtabs, "Spaces for tabs." },
    { S_INIT("startswith"), "self prefix start end", 2, method_startswith, "Begins with." },
    { S_INIT("endswith"), "self suffix start end", 2, method_endswith, "Ends with." },
    { S_INIT("removeprefix"), "self prefix", 2, method_removeprefix, "Without a beginning." },
    { S_INIT("removesuffix"), "self suffix", 2, method_removesuffix, "Without an end." },
};

const struct callable_table methods_string_table = { rows, ARRAY_LEN(rows) };
