// SPDX-License-Identifier: Apache-2.0
/* wordwrap: lines are filled with the pieces that Python's textwrap cuts them into. */
#include "jinja/builtin/builtin.h"

/* A line's characters: pieces look behind and ahead. */
struct line {
    const uint32_t *codes;
    const size_t *offsets; /* one more than codes */
    size_t len;
    bool hyphens; /* cut after them */
};

/* textwrap knows the ASCII ones only. */
static bool is_space(uint32_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(uint32_t c) {
    return c == '_' || text_is_alnum(c);
}

static bool is_letter(uint32_t c) {
    return is_word(c) && !(c >= '0' && c <= '9');
}

static bool is_word_or_mark(uint32_t c) {
    return is_word(c) || c == '!' || c == '"' || c == '\'' || c == '&' || c == '.' || c == ',' ||
           c == '?';
}

static bool letter_at(const struct line *l, size_t i) {
    return i < l->len && is_letter(l->codes[i]);
}

/* Two dashes or more at i, with a word after them; how many. */
static size_t dashes(const struct line *l, size_t i) {
    if (i == 0 || l->codes[i] != '-' || !is_word_or_mark(l->codes[i - 1])) {
        return 0;
    }
    size_t end = i;
    while (end < l->len && l->codes[end] == '-') {
        end++;
    }
    bool between = end < l->len && is_word(l->codes[end]);
    return end - i >= 2 && between ? end - i : 0;
}

/* The hyphen at i ends a piece: letters around it. */
static bool is_hyphen(const struct line *l, size_t i) {
    if (l->codes[i] != '-') {
        return false;
    }
    bool behind = (i >= 2 && is_letter(l->codes[i - 1]) && is_letter(l->codes[i - 2])) ||
                  (i >= 3 && is_word_or_mark(l->codes[i - 1]) && l->codes[i - 2] == '-' &&
                   is_letter(l->codes[i - 3]));
    size_t second = i + 2 < l->len && l->codes[i + 2] == '-' ? i + 3 : i + 2;
    return behind && letter_at(l, i + 1) && letter_at(l, second);
}

/* End of the piece that begins at i. */
static size_t piece_end(const struct line *l, size_t i) {
    size_t end = i + 1;
    if (is_space(l->codes[i])) {
        while (end < l->len && is_space(l->codes[end])) {
            end++;
        }
        return end;
    }
    if (l->hyphens && dashes(l, i) > 0) {
        return i + dashes(l, i);
    }
    for (; end < l->len && !is_space(l->codes[end]); end++) {
        if (l->hyphens && is_hyphen(l, end)) {
            return end + 1;
        }
        if (l->hyphens && dashes(l, end) > 0) {
            return end;
        }
    }
    return end;
}

struct wrap {
    struct jinja_call *call;
    struct buf *out;
    str separator;
    str text;
    size_t width;
    bool break_long;
    bool any; /* a line of this text is out */
};

/* Characters [start, end), when they hold more than white space. White space at the end goes, but
 * not in front of a word that was cut where nothing of it fits: then textwrap takes away that. */
static void add_line(struct wrap *w, const struct line *l, size_t start, size_t end, bool whole) {
    while (!whole && end > start && is_space(l->codes[end - 1])) {
        end--;
    }
    if (end == start) {
        return;
    }
    if (w->any) {
        buf_add(w->out, w->separator);
    }
    w->any = true;
    buf_add(w->out, str_slice(w->text, l->offsets[start], l->offsets[end]));
}

/* A piece that is longer than a line: cut at the width, or after a hyphen before it. */
static size_t long_end(const struct wrap *w, const struct line *l, size_t start, size_t at,
                       size_t end) {
    if (!w->break_long) {
        return at == start ? end : at;
    }
    size_t cut = start + w->width;
    if (l->hyphens && end - at > cut - at) {
        size_t other = at; /* the first that is no hyphen */
        while (other < cut && l->codes[other] == '-') {
            other++;
        }
        for (size_t i = cut; i > other + 1; i--) {
            if (l->codes[i - 1] == '-') {
                return i;
            }
        }
    }
    return cut;
}

static bool wrap_line(struct wrap *w, const struct line *l) {
    size_t at = 0;
    size_t known = 0; /* end of the piece that is being cut */
    w->any = false;
    while (at < l->len) {
        if (w->any && is_space(l->codes[at])) {
            at = piece_end(l, at); /* none at the start of a line, but of the first */
            if (at >= l->len) {
                break;
            }
        }
        size_t start = at;
        bool whole = false;
        while (at < l->len) {
            size_t end = at < known ? known : piece_end(l, at);
            known = end;
            if (end - start > w->width) {
                size_t cut = end - at > w->width ? long_end(w, l, start, at, end) : at;
                whole = end - at > w->width && w->break_long && cut == at;
                at = cut;
                break;
            }
            at = end;
        }
        if (!call_step(w->call, at - start + 1)) {
            return false;
        }
        add_line(w, l, start, at, whole);
    }
    return true;
}

static bool wrap_text(struct wrap *w, str text, bool hyphens) {
    size_t len = text_length(text);
    if (!rt_reserve(w->call->runtime, w->call->span, (len + 1) * 12)) {
        return false;
    }
    uint32_t *codes = ARENA_ARRAY(w->call->arena, uint32_t, len + 1);
    size_t *offsets = ARENA_ARRAY(w->call->arena, size_t, len + 1);
    size_t pos = 0;
    for (size_t i = 0; i < len; i++) {
        offsets[i] = pos;
        codes[i] = text_next(text, &pos);
    }
    offsets[len] = text.len;
    w->text = text;
    return wrap_line(w, &(struct line){ codes, offsets, len, hyphens });
}

static bool filter_wordwrap(struct jinja_call *call, struct jinja_value *ret) {
    enum { VALUE, WIDTH, BREAK_LONG_WORDS, WRAPSTRING, BREAK_ON_HYPHENS };
    str rest;
    str text;
    size_t end;
    int64_t width;
    bool hyphens;
    AUTO_BUF out = call_buf(call);
    struct wrap w = { .call = call, .out = &out, .separator = S("\n") };
    bool separated = jinja_call_has(call, WRAPSTRING) && call->args[WRAPSTRING].kind != JINJA_NONE;
    if (!call_needs_string(call) || !jinja_call_text(call, call->args[VALUE], &rest) ||
        !call_int(call, WIDTH, 79, &width) ||
        !call_bool(call, BREAK_LONG_WORDS, true, &w.break_long) ||
        !call_bool(call, BREAK_ON_HYPHENS, true, &hyphens) ||
        (separated && !call_str(call, WRAPSTRING, (str){ 0 }, &w.separator))) {
        return false;
    }
    if (width <= 0 && rest.len > 0) {
        return jinja_call_fail(call, "the width must be above 0");
    }
    w.width = (size_t)width;
    for (bool first = true; text_cut_line(&rest, &text, &end); first = false) {
        buf_add(&out, first ? (str){ 0 } : w.separator);
        if (!wrap_text(&w, text, hyphens)) {
            return false;
        }
    }
    return call_take(call, &out, ret);
}

static const struct jinja_callable rows[] = {
    { S_INIT("wordwrap"), "value width break_long_words wrapstring break_on_hyphens", 1,
      filter_wordwrap, "Lines of at most a width." },
};

const struct callable_table filters_wrap_table = { rows, ARRAY_LEN(rows) };
