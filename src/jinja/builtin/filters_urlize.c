// SPDX-License-Identifier: Apache-2.0
/* urlize: addresses in a text become links. */
#include "jinja/builtin/builtin.h"

/* What the links look like. */
struct links {
    struct jinja_call *call;
    struct buf *out;
    bool trim;
    int64_t limit; /* characters of the shown address */
    str rel;       /* attributes, with the space in front; empty: none */
    str target;
    struct jinja_value schemes; /* list of strings */
};

static bool is_word(uint32_t code) {
    return code == '_' || text_is_alnum(code);
}

static str skip(str s, size_t n) {
    return str_slice(s, n, s.len);
}

static bool starts_nocase(str s, str prefix) {
    return str_eq_nocase(str_slice(s, 0, prefix.len), prefix);
}

/* ---- what is an address ---- */

/* Bytes of a host's characters at the start: letters, digits, "_%-.". */
static size_t host_len(str s) {
    size_t at = 0;
    while (at < s.len) {
        size_t next = at;
        uint32_t code = text_next(s, &next);
        if (!is_word(code) && code != '%' && code != '-' && code != '.') {
            break;
        }
        at = next;
    }
    return at;
}

/* Nothing, or a port, then nothing or a path. */
static bool is_rest(str s) {
    if (s.len > 0 && s.ptr[0] == ':') {
        size_t digits = 0;
        while (digits + 1 < s.len && char_is_digit(s.ptr[digits + 1])) {
            digits++;
        }
        if (digits < 1 || digits > 5) {
            return false;
        }
        s = skip(s, digits + 1);
    }
    return s.len == 0 || s.ptr[0] == '/' || s.ptr[0] == '?' || s.ptr[0] == '#';
}

static bool is_top_level(str s) {
    size_t len = text_length(s);
    if (starts_nocase(s, S("xn--"))) {
        bool word = len >= 6 && len <= 63;
        for (size_t i = 4; i < s.len && word;) {
            uint32_t code = text_next(s, &i);
            word = is_word(code) || code == '%';
        }
        if (word) {
            return true;
        }
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_alpha(s.ptr[i])) {
            return false;
        }
    }
    return len >= 2 && len <= 63;
}

/* Labels with dots between; each but the last has from min to max characters. */
static bool are_labels(str host, size_t min, size_t max, str *ret_last, size_t *ret_count) {
    *ret_count = 0;
    for (;;) {
        size_t dot = str_find_char(host, '.', 0);
        if (dot == STR_NONE) {
            *ret_last = host;
            return true;
        }
        size_t len = text_length(str_slice(host, 0, dot));
        if (len < min || len > max) {
            return false;
        }
        ++*ret_count;
        host = skip(host, dot + 1);
    }
}

static bool is_ipv4(str s) {
    for (size_t part = 0; part < 4; part++) {
        size_t digits = 0;
        while (digits < s.len && char_is_digit(s.ptr[digits])) {
            digits++;
        }
        if (digits < 1 || digits > 3) {
            return false;
        }
        s = skip(s, digits);
        if (part < 3 && (s.len == 0 || s.ptr[0] != '.')) {
            return false;
        }
        s = skip(s, part < 3);
    }
    return s.len == 0;
}

static size_t hex_len(str s) {
    size_t n = 0;
    while (n < 4 && n < s.len && char_hex(s.ptr[n]) >= 0) {
        n++;
    }
    return n;
}

/* "[", then two to eight groups of at most four digits, "]"; its length or 0. */
static size_t ipv6_len(str s) {
    str rest = skip(s, 1);
    if (s.len == 0 || s.ptr[0] != '[') {
        return 0;
    }
    for (size_t group = 0; group < 8; group++) {
        rest = skip(rest, hex_len(rest));
        bool colon = rest.len > 0 && rest.ptr[0] == ':';
        if (group < 2 && !colon) {
            return 0;
        }
        rest = skip(rest, colon);
    }
    return rest.len > 0 && rest.ptr[0] == ']' ? s.len - rest.len + 1 : 0;
}

static bool is_url(str s) {
    static const str domains[] = { S_INIT("com"), S_INIT("net"), S_INIT("int"),  S_INIT("edu"),
                                   S_INIT("gov"), S_INIT("org"), S_INIT("info"), S_INIT("mil") };
    size_t scheme = starts_nocase(s, S("http://")) ? 7 : starts_nocase(s, S("https://")) ? 8 : 0;
    size_t prefix = scheme > 0 ? scheme : starts_nocase(s, S("www.")) ? 4 : 0;
    str last;
    size_t count;
    if (prefix > 0) {
        str rest = skip(s, prefix);
        size_t len = host_len(rest);
        str host = str_slice(rest, 0, len);
        if (is_rest(skip(rest, len)) &&
            ((are_labels(host, 1, SIZE_MAX, &last, &count) && is_top_level(last)) ||
             (scheme > 0 && is_ipv4(host)))) {
            return true;
        }
        if (scheme > 0 && ipv6_len(rest) > 0 && is_rest(skip(rest, ipv6_len(rest)))) {
            return true;
        }
    }
    size_t len = host_len(s);
    if (!are_labels(str_slice(s, 0, len), 2, 63, &last, &count) || count == 0 ||
        !is_rest(skip(s, len))) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
        if (str_eq_nocase(domains[i], last)) {
            return true;
        }
    }
    return false;
}

/* Something, '@', then a host with a dot that begins and ends with a letter or digit. */
static bool is_email(str s) {
    size_t at = str_find_last_char(s, '@');
    if (at == STR_NONE || at == 0) {
        return false;
    }
    str host = skip(s, at + 1);
    size_t dot = str_find_last_char(host, '.');
    if (dot == STR_NONE || dot == 0 || dot + 1 == host.len) {
        return false;
    }
    for (size_t i = 0; i < host.len;) {
        size_t place = i;
        uint32_t code = text_next(host, &i);
        bool inner = place > 0 && place <= dot;
        if (!is_word(code) && !(inner && (code == '.' || code == '-'))) {
            return false;
        }
    }
    return true;
}

/* ---- the parts of a word ---- */

static size_t head_len(str s) {
    size_t at = 0;
    for (;;) {
        str rest = skip(s, at);
        if (str_starts(rest, S("(")) || str_starts(rest, S("<"))) {
            at++;
        } else if (str_starts(rest, S("&lt;"))) {
            at += 4;
        } else {
            return at;
        }
    }
}

static size_t tail_start(str s) {
    static const str ends[] = { S_INIT(")"), S_INIT(">"),  S_INIT("."),
                                S_INIT(","), S_INIT("\n"), S_INIT("&gt;") };
    for (size_t i = 0; i < ARRAY_LEN(ends);) {
        bool found = str_ends(s, ends[i]);
        s.len -= found ? ends[i].len : 0;
        i = found ? 0 : i + 1;
    }
    return s.len;
}

static size_t count_of(str s, str what) {
    size_t count = 0;
    for (size_t at = 0; (at = str_find(s, what, at)) != STR_NONE; at += what.len) {
        count++;
    }
    return count;
}

/* Where the address ends: what closes brackets that it opens belongs to it. */
static size_t balanced_end(str word, size_t start, size_t end) {
    static const str pairs[][2] = { { S_INIT("("), S_INIT(")") },
                                    { S_INIT("<"), S_INIT(">") },
                                    { S_INIT("&lt;"), S_INIT("&gt;") } };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        str middle = str_slice(word, start, end);
        str close = pairs[i][1];
        size_t opened = count_of(middle, pairs[i][0]);
        if (opened <= count_of(middle, close)) {
            continue;
        }
        size_t moves = min_size(opened, count_of(skip(word, end), close));
        for (; moves > 0; moves--) {
            end = str_find(word, close, end) + close.len;
        }
    }
    return end;
}

/* ---- output ---- */

static void add_shown(const struct links *l, str url) {
    int64_t len = (int64_t)text_length(url);
    if (!l->trim || len <= l->limit) {
        buf_add(l->out, url);
        return;
    }
    int64_t end = l->limit < 0 ? len + l->limit : l->limit;
    buf_add(l->out, str_slice(url, 0, end < 0 ? 0 : text_offset(url, (size_t)end)));
    buf_add(l->out, S("..."));
}

static void add_link(const struct links *l, const char *scheme, str url, bool attributes) {
    buf_addf(l->out, "<a href=\"%s", scheme);
    buf_add(l->out, url);
    buf_add_char(l->out, '"');
    buf_add(l->out, attributes ? l->rel : S(""));
    buf_add(l->out, attributes ? l->target : S(""));
    buf_add_char(l->out, '>');
}

static void add_middle(const struct links *l, str s) {
    bool mailto = str_starts(s, S("mailto:"));
    if (is_url(s)) {
        bool scheme = str_starts(s, S("https://")) || str_starts(s, S("http://"));
        add_link(l, scheme ? "" : "https://", s, true);
        add_shown(l, s);
    } else if (mailto && is_email(skip(s, 7))) {
        add_link(l, "", s, false);
        buf_add(l->out, skip(s, 7));
    } else if (!str_starts(s, S("www.")) && str_find_char(s, ':', 0) == STR_NONE && is_email(s)) {
        add_link(l, "mailto:", s, false);
        buf_add(l->out, s);
    } else {
        const struct jinja_list *schemes = l->schemes.list;
        for (size_t i = 0; i < schemes->len; i++) {
            str scheme = schemes->items[i].string;
            if (!str_eq(s, scheme) && str_starts(s, scheme)) {
                add_link(l, "", s, true);
                buf_add(l->out, s);
                buf_add(l->out, S("</a>"));
                return;
            }
        }
        buf_add(l->out, s);
        return;
    }
    buf_add(l->out, S("</a>"));
}

static bool add_words(const struct links *l, str text) {
    for (size_t at = 0; at < text.len && !l->out->full;) {
        size_t end = at;
        while (end < text.len && text_space_len(skip(text, end)) == 0) {
            text_next(text, &end);
        }
        str word = str_slice(text, at, end);
        if (!call_step(l->call, 1 + word.len / 8)) {
            return false;
        }
        size_t start = head_len(word);
        size_t stop = start + tail_start(skip(word, start));
        stop = balanced_end(word, start, stop);
        buf_add(l->out, str_slice(word, 0, start));
        add_middle(l, str_slice(word, start, stop));
        buf_add(l->out, skip(word, stop));
        for (size_t n; end < text.len && (n = text_space_len(skip(text, end))) > 0; end += n) {
            buf_add(l->out, str_slice(text, end, end + n));
        }
        at = end;
    }
    return true;
}

/* ---- arguments ---- */

/* ' NAME="VALUE"' */
static bool attribute(struct jinja_call *call, const char *name, struct jinja_value value,
                      str *ret) {
    str escaped;
    if (!rt_escape(call->runtime, call->span, value, &escaped)) {
        return false;
    }
    *ret = str_fmt(call->arena, " %s=\"%.*s\"", name, STR_FMT(escaped));
    return true;
}

/* The words of rel, nofollow and noopener: each once, in order. */
static bool rel_attribute(struct jinja_call *call, str *ret) {
    enum { VALUE, TRIM_URL_LIMIT, NOFOLLOW, TARGET, REL };
    str rest = { 0 };
    bool nofollow;
    struct jinja_value words = jinja_list_new(call->arena);
    bool given = jinja_call_has(call, REL) && call->args[REL].kind != JINJA_NONE;
    if ((given && !call_str(call, REL, (str){ 0 }, &rest)) ||
        !call_bool(call, NOFOLLOW, false, &nofollow)) {
        return false;
    }
    for (rest = text_trim_left(rest); rest.len > 0; rest = text_trim_left(rest)) {
        size_t end = 0;
        while (end < rest.len && text_space_len(skip(rest, end)) == 0) {
            text_next(rest, &end);
        }
        jinja_list_add(words, jinja_string(str_slice(rest, 0, end)));
        rest = skip(rest, end);
    }
    jinja_list_add(words, jinja_string(S("noopener")));
    if (nofollow) {
        jinja_list_add(words, jinja_string(S("nofollow")));
    }
    if (!call_sort(call, words.list, (struct jinja_value){ 0 }, true, false)) {
        return false;
    }
    AUTO_BUF text = call_buf(call);
    for (size_t i = 0; i < words.list->len; i++) {
        str word = words.list->items[i].string;
        if (i == 0 || !str_eq(word, words.list->items[i - 1].string)) {
            buf_add(&text, text.len > 0 ? S(" ") : S(""));
            buf_add(&text, word);
        }
    }
    struct jinja_value joined;
    return call_take(call, &text, &joined) && attribute(call, "rel", joined, ret);
}

/* At least two characters, a colon, at most two slashes. */
static bool is_scheme(str s) {
    size_t end = s.len;
    for (size_t slashes = 0; slashes < 2 && end > 0 && s.ptr[end - 1] == '/'; slashes++) {
        end--;
    }
    if (end == 0 || s.ptr[end - 1] != ':') {
        return false;
    }
    str name = str_slice(s, 0, end - 1);
    for (size_t i = 0; i < name.len;) {
        uint32_t code = text_next(name, &i);
        if (!is_word(code) && code != '.' && code != '+' && code != '-') {
            return false;
        }
    }
    return text_length(name) >= 2;
}

static bool read_schemes(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, TRIM_URL_LIMIT, NOFOLLOW, TARGET, REL, EXTRA_SCHEMES };
    *ret = jinja_list_new(call->arena);
    if (!jinja_call_has(call, EXTRA_SCHEMES) || call->args[EXTRA_SCHEMES].kind == JINJA_NONE) {
        return true;
    }
    if (!rt_list(call->runtime, call->span, call->args[EXTRA_SCHEMES], ret)) {
        return false;
    }
    for (size_t i = 0; i < ret->list->len; i++) {
        struct jinja_value v = ret->list->items[i];
        if (v.kind != JINJA_STRING || !is_scheme(v.string)) {
            return jinja_call_fail(call, "extra_schemes contains an invalid scheme");
        }
    }
    return true;
}

static bool filter_urlize(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, TRIM_URL_LIMIT, NOFOLLOW, TARGET, REL, EXTRA_SCHEMES };
    AUTO_BUF out = call_buf(call);
    struct links l = { .call = call, .out = &out };
    struct jinja_value target = call->args[TARGET];
    str text;
    bool truth = false;
    l.trim = jinja_call_has(call, TRIM_URL_LIMIT) && call->args[TRIM_URL_LIMIT].kind != JINJA_NONE;
    if ((l.trim && !call_int(call, TRIM_URL_LIMIT, 0, &l.limit)) || !rel_attribute(call, &l.rel) ||
        !read_schemes(call, &l.schemes) ||
        (jinja_call_has(call, TARGET) && !call_truth(call, target, &truth)) ||
        (truth && !attribute(call, "target", target, &l.target)) ||
        !rt_escape(call->runtime, call->span, call->args[VALUE], &text) || !add_words(&l, text) ||
        !call_take(call, &out, ret)) {
        return false;
    }
    ret->markup = *call->runtime->module->autoescape;
    return true;
}

static const struct jinja_callable rows[] = {
    { S_INIT("urlize"), "value trim_url_limit nofollow target rel extra_schemes", 1, filter_urlize,
      "Addresses become links." },
};

const struct callable_table filters_urlize_table = { rows, ARRAY_LEN(rows) };
