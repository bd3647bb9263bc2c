// SPDX-License-Identifier: Apache-2.0
/* Methods of strings that look for other strings: split, find, replace, join. */
#include "jinja/builtin/builtin.h"

static str self(const struct jinja_call *call) {
    return call->args[0].string;
}

static void add_text(struct jinja_value list, str s) {
    jinja_list_add(list, jinja_string(s));
}

/* Words between runs of white space; at most `limit` cuts, the rest stays whole. */
static struct jinja_value split_space(struct arena *a, str s, int64_t limit) {
    struct jinja_value list = jinja_list_new(a);
    s = text_trim_left(s);
    while (s.len > 0) {
        size_t end = 0;
        if (limit == 0) {
            add_text(list, text_trim_right(s));
            break;
        }
        limit--;
        while (end < s.len && text_space_len(str_slice(s, end, s.len)) == 0) {
            text_next(s, &end);
        }
        add_text(list, str_slice(s, 0, end));
        s = text_trim_left(str_slice(s, end, s.len));
    }
    return list;
}

static struct jinja_value split_by(struct arena *a, str s, str separator, int64_t limit) {
    struct jinja_value list = jinja_list_new(a);
    size_t at = 0;
    for (size_t hit; limit != 0 && (hit = str_find(s, separator, at)) != STR_NONE; limit--) {
        add_text(list, str_slice(s, at, hit));
        at = hit + separator.len;
    }
    add_text(list, str_slice(s, at, s.len));
    return list;
}

/* Long texts are turned around: the search forward takes time by their length alone. */
static size_t find_last_long(str s, str needle) {
    AUTO_ARENA a = arena_new();
    char *text = (char *)arena_alloc(a, s.len);
    char *word = (char *)arena_alloc(a, needle.len);
    for (size_t i = 0; i < s.len; i++) {
        text[i] = s.ptr[s.len - 1 - i];
    }
    for (size_t i = 0; i < needle.len; i++) {
        word[i] = needle.ptr[needle.len - 1 - i];
    }
    size_t hit = str_find((str){ text, s.len }, (str){ word, needle.len }, 0);
    return hit == STR_NONE ? STR_NONE : s.len - hit - needle.len;
}

static size_t find_last(str s, str needle) {
    if (needle.len > 32 && needle.len <= s.len) {
        return find_last_long(s, needle);
    }
    for (size_t i = s.len + 1; i > 0; i--) {
        if (str_starts(str_slice(s, i - 1, s.len), needle)) {
            return i - 1;
        }
    }
    return STR_NONE;
}

static void reverse(struct jinja_list *list) {
    for (size_t i = 0; i < list->len / 2; i++) {
        struct jinja_value item = list->items[i];
        list->items[i] = list->items[list->len - 1 - i];
        list->items[list->len - 1 - i] = item;
    }
}

/* From the end. */
static struct jinja_value rsplit_by(struct arena *a, str s, str separator, int64_t limit) {
    struct jinja_value list = jinja_list_new(a);
    for (size_t hit; limit != 0 && (hit = find_last(s, separator)) != STR_NONE; limit--) {
        add_text(list, str_slice(s, hit + separator.len, s.len));
        s = str_slice(s, 0, hit);
    }
    add_text(list, s);
    reverse(list.list);
    return list;
}

static struct jinja_value rsplit_space(struct arena *a, str s, int64_t limit) {
    struct jinja_value list = jinja_list_new(a);
    s = text_trim_right(s);
    while (s.len > 0) {
        if (limit == 0) {
            add_text(list, text_trim_left(s));
            break;
        }
        limit--;
        size_t start = s.len;
        while (start > 0 && text_trim_right(str_slice(s, 0, start)).len == start) {
            start--;
            while (start > 0 && ((unsigned char)s.ptr[start] & 0xC0) == 0x80) {
                start--;
            }
        }
        add_text(list, str_slice(s, start, s.len));
        s = text_trim_right(str_slice(s, 0, start));
    }
    reverse(list.list);
    return list;
}

static bool split(struct jinja_call *call, bool from_end, struct jinja_value *ret) {
    enum { SELF, SEP, MAXSPLIT };
    int64_t limit;
    bool space = !jinja_call_has(call, SEP) || call->args[SEP].kind == JINJA_NONE;
    str s = self(call);
    str separator = { 0 };
    if (!call_int(call, MAXSPLIT, -1, &limit) || !call_step(call, s.len)) {
        return false;
    }
    if (!space && !call_str(call, SEP, (str){ 0 }, &separator)) {
        return false;
    }
    if (!space && separator.len == 0) {
        return jinja_call_fail(call, "the separator is empty");
    }
    /* One piece for every byte is the worst there can be. */
    if (!rt_reserve(call->runtime, call->span, 3 * sizeof *ret * s.len)) {
        return false;
    }
    *ret = space ? (from_end ? rsplit_space : split_space)(call->arena, s, limit)
                 : (from_end ? rsplit_by : split_by)(call->arena, s, separator, limit);
    return true;
}

static bool method_split(struct jinja_call *call, struct jinja_value *ret) {
    return split(call, false, ret);
}

static bool method_rsplit(struct jinja_call *call, struct jinja_value *ret) {
    return split(call, true, ret);
}

static bool method_splitlines(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, KEEPENDS };
    bool keep;
    str rest = self(call);
    str line;
    size_t end;
    if (!call_bool(call, KEEPENDS, false, &keep) || !call_step(call, rest.len)) {
        return false;
    }
    *ret = jinja_list_new(call->arena);
    while (text_cut_line(&rest, &line, &end)) {
        line.len += keep ? end : 0;
        add_text(*ret, line);
    }
    return true;
}

static bool partition(struct jinja_call *call, bool from_end, struct jinja_value *ret) {
    enum { SELF, SEP };
    str separator;
    str s = self(call);
    if (!call_str(call, SEP, (str){ 0 }, &separator)) {
        return false;
    }
    if (separator.len == 0) {
        return jinja_call_fail(call, "the separator is empty");
    }
    size_t hit = from_end ? find_last(s, separator) : str_find(s, separator, 0);
    bool found = hit != STR_NONE;
    str empty = { "", 0 };
    *ret = value_tuple(call->arena);
    add_text(*ret, found ? str_slice(s, 0, hit) : from_end ? empty : s);
    add_text(*ret, found ? separator : empty);
    add_text(*ret, found ? str_slice(s, hit + separator.len, s.len) : from_end ? s : empty);
    return true;
}

static bool method_partition(struct jinja_call *call, struct jinja_value *ret) {
    return partition(call, false, ret);
}

static bool method_rpartition(struct jinja_call *call, struct jinja_value *ret) {
    return partition(call, true, ret);
}

static bool method_replace(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, OLD, NEW, COUNT };
    str old;
    str with;
    int64_t count;
    AUTO_BUF out = call_buf(call);
    if (!call_str(call, OLD, (str){ 0 }, &old) || !call_str(call, NEW, (str){ 0 }, &with) ||
        !call_int(call, COUNT, -1, &count) || !call_step(call, self(call).len / 64)) {
        return false;
    }
    text_replace(&out, self(call), old, with, count);
    return call_take(call, &out, ret);
}

static bool method_join(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, ITERABLE };
    struct iter it;
    struct jinja_value item;
    AUTO_BUF out = call_buf(call);
    if (!iter_init(call->runtime, call->span, call->args[ITERABLE], &it)) {
        return false;
    }
    for (bool first = true; iter_next(&it, &item); first = false) {
        if (item.kind != JINJA_STRING) {
            return jinja_call_fail(call, "needs strings, not a '%s' value", value_type_name(item));
        }
        buf_add(&out, first ? (str){ 0 } : self(call));
        str text = item.string;
        if (call->args[SELF].markup && !rt_escape(call->runtime, call->span, item, &text)) {
            return false;
        }
        buf_add(&out, text);
        if (!call_step(call, 1)) {
            return false;
        }
    }
    return call_take(call, &out, ret);
}

/* The part between the optional bounds, and the code points in front of it. */
static bool searched_part(struct jinja_call *call, str *ret, int64_t *ret_before) {
    enum { SELF, SUB, START };
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
    *ret = part.string;
    *ret_before = part.string.ptr == NULL
                      ? 0
                      : (int64_t)text_length(
                            (str){ self(call).ptr, (size_t)(part.string.ptr - self(call).ptr) });
    return true;
}

static bool find(struct jinja_call *call, bool last, bool must, struct jinja_value *ret) {
    enum { SELF, SUB };
    str needle;
    str part;
    int64_t before;
    if (!call_str(call, SUB, (str){ 0 }, &needle) || !searched_part(call, &part, &before) ||
        !call_step(call, part.len / 16)) {
        return false;
    }
    size_t hit = last ? find_last(part, needle) : str_find(part, needle, 0);
    if (hit == STR_NONE && must) {
        return jinja_call_fail(call, "the text is not there");
    }
    *ret = jinja_int(hit == STR_NONE ? -1 : before + (int64_t)text_length(str_slice(part, 0, hit)));
    return true;
}

static bool method_find(struct jinja_call *call, struct jinja_value *ret) {
    return find(call, false, false, ret);
}

static bool method_rfind(struct jinja_call *call, struct jinja_value *ret) {
    return find(call, true, false, ret);
}

static bool method_index(struct jinja_call *call, struct jinja_value *ret) {
    return find(call, false, true, ret);
}

static bool method_rindex(struct jinja_call *call, struct jinja_value *ret) {
    return find(call, true, true, ret);
}

static bool method_count(struct jinja_call *call, struct jinja_value *ret) {
    enum { SELF, SUB, START, END };
    str needle;
    str part;
    int64_t before;
    int64_t count = 0;
    if (!call_str(call, SUB, (str){ 0 }, &needle) || !searched_part(call, &part, &before)) {
        return false;
    }
    if (needle.len == 0) {
        *ret = jinja_int((int64_t)text_length(part) + 1);
        return true;
    }
    for (size_t at = 0; (at = str_find(part, needle, at)) != STR_NONE; at += needle.len) {
        count++;
    }
    *ret = jinja_int(count);
    return call_step(call, part.len / 16);
}

static const struct jinja_callable rows[] = {
    { S_INIT("split"), "self sep maxsplit", 1, method_split, "Pieces between separators." },
    { S_INIT("rsplit"), "self sep maxsplit", 1, method_rsplit, "The same, from the end." },
    { S_INIT("splitlines"), "self keepends", 1, method_splitlines, "The lines." },
    { S_INIT("partition"), "self sep", 2, method_partition, "Before, separator, after." },
    { S_INIT("rpartition"), "self sep", 2, method_rpartition, "The same, from the end." },
    { S_INIT("replace"), "self old new count", 3, method_replace, "Replaces old by new." },
    { S_INIT("join"), "self iterable", 2, method_join, "The items with this text between." },
    { S_INIT("find"), "self sub start end", 2, method_find, "Place of a text, or -1." },
    { S_INIT("rfind"), "self sub start end", 2, method_rfind, "Last place of a text, or -1." },
    { S_INIT("index"), "self sub start end", 2, method_index, "Place of a text." },
    { S_INIT("rindex"), "self sub start end", 2, method_rindex, "Last place of a text." },
    { S_INIT("count"), "self sub start end", 2, method_count, "How often a text occurs." },
};

const struct callable_table methods_text_table = { rows, ARRAY_LEN(rows) };
