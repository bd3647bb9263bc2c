// SPDX-License-Identifier: Apache-2.0
/* Attributes, items, slices and iteration. */
#include <string.h>

#include "jinja/exec/exec.h"

static struct jinja_value missing(struct jinja_value owner, str name) {
    return value_undefined(name, (uint8_t)(UNDEFINED_OF_FIRST + owner.kind));
}

static void note_missed(struct jinja_runtime *rt, struct jinja_value owner,
                        struct jinja_value found) {
    if (found.kind == JINJA_UNDEFINED && owner.kind == JINJA_DICT) {
        rt->missed.dict = owner.dict;
        rt->missed.name = found.string;
    }
}

/* What getattr() finds: methods, and the attributes of objects. */
static bool find_attr(struct jinja_runtime *rt, struct jinja_value v, str name,
                      struct jinja_value *ret) {
    if (v.kind == JINJA_OBJECT && v.object->ops->attr != NULL) {
        return v.object->ops->attr(rt, v.object, name, ret);
    }
    if (v.kind == JINJA_TUPLE && v.view == JINJA_VIEW_GROUP) {
        size_t at = str_eq(name, S("grouper")) ? 0 : str_eq(name, S("list")) ? 1 : 2;
        if (at < 2) {
            *ret = v.list->items[at];
            return true;
        }
    }
    rt_method(rt, v, name, ret);
    return true;
}

bool rt_attr(struct jinja_runtime *rt, struct span span, struct jinja_value v, str name,
             struct jinja_value *ret) {
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(rt, span, v);
    }
    struct jinja_value found = missing(v, name);
    if (!find_attr(rt, v, name, &found)) {
        return false;
    }
    if (found.kind == JINJA_UNDEFINED && v.kind == JINJA_DICT) {
        const struct dict_entry *e = dict_find(v.dict, jinja_string(name));
        found = e == NULL ? found : e->value;
    }
    note_missed(rt, v, found);
    *ret = found;
    return true;
}

/* -1 counts from the end; false when out of range. */
static bool place(int64_t index, size_t len, size_t *ret) {
    if (index < 0) {
        index += (int64_t)len;
    }
    if (index < 0 || index >= (int64_t)len) {
        return false;
    }
    *ret = (size_t)index;
    return true;
}

static struct jinja_value char_at(struct jinja_value v, size_t index) {
    size_t start = text_offset(v.string, index);
    size_t end = start;
    text_next(v.string, &end);
    v.string = str_slice(v.string, start, end);
    return v;
}

static struct jinja_value range_at(const struct jinja_range *r, size_t index) {
    return jinja_int((int64_t)((uint64_t)r->start + (uint64_t)index * (uint64_t)r->step));
}

static bool is_indexed(struct jinja_value v) {
    return value_is_sized(v) && v.kind != JINJA_DICT &&
           (v.kind != JINJA_LIST || v.view == JINJA_VIEW_NONE);
}

static bool index_value(struct jinja_value v, int64_t index, struct jinja_value *ret) {
    size_t at;
    if (!is_indexed(v) || !place(index, value_length(v), &at)) {
        return false;
    }
    if (v.kind == JINJA_STRING) {
        *ret = char_at(v, at);
    } else if (v.kind == JINJA_RANGE) {
        *ret = range_at(v.range, at);
    } else {
        *ret = v.list->items[at];
    }
    return true;
}

bool rt_item(struct jinja_runtime *rt, struct span span, struct jinja_value v,
             struct jinja_value key, struct jinja_value *ret) {
    int64_t index;
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(rt, span, v);
    }
    if (!rt_step_text(rt, span, v.kind == JINJA_DICT ? key : v)) {
        return false;
    }
    if (v.kind == JINJA_DICT && value_hashable(key)) {
        const struct dict_entry *e = dict_find(v.dict, key);
        if (e != NULL) {
            *ret = e->value;
            return true;
        }
    }
    if (value_is_integer(key, &index) && index_value(v, index, ret)) {
        return true;
    }
    struct jinja_value found = value_undefined((str){ 0 }, UNDEFINED_EMPTY);
    if (key.kind == JINJA_STRING && !find_attr(rt, v, key.string, &found)) {
        return false;
    }
    if (found.kind == JINJA_UNDEFINED) {
        AUTO_BUF name = rt_buf(rt);
        value_add_text(key, &name);
        found = missing(v, str_dup(rt->arena, str_slice(buf_str(&name), 0, 200)));
        note_missed(rt, v, found);
    }
    *ret = found;
    return true;
}

/* Clamped bounds of a slice, as Python's slice.indices(). */
struct bounds {
    int64_t start;
    int64_t stop;
    int64_t step;
};

static int64_t clamp_bound(struct jinja_value v, int64_t len, int64_t step, int64_t otherwise) {
    int64_t i;
    if (!value_is_integer(v, &i)) {
        return otherwise;
    }
    if (i < 0) {
        i = i < -len ? -1 : i + len;
        return i < 0 ? (step < 0 ? -1 : 0) : i;
    }
    return i >= len ? (step < 0 ? len - 1 : len) : i;
}

static bool slice_bounds(struct jinja_runtime *rt, struct span span,
                         const struct jinja_value parts[3], size_t length, struct bounds *ret) {
    int64_t len = (int64_t)length;
    int64_t ignored;
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].kind != JINJA_NONE && !value_is_integer(parts[i], &ignored)) {
            return rt_fail(rt, span, "the bounds of a slice are integers, not '%s'",
                           value_type_name(parts[i]));
        }
    }
    ret->step = 1;
    value_is_integer(parts[2], &ret->step);
    if (ret->step == 0) {
        return rt_fail(rt, span, "the step of a slice cannot be zero");
    }
    bool back = ret->step < 0;
    ret->start = clamp_bound(parts[0], len, ret->step, back ? len - 1 : 0);
    ret->stop = clamp_bound(parts[1], len, ret->step, back ? -1 : len);
    return true;
}

static size_t bounds_count(const struct bounds *b) {
    if (b->step > 0 ? b->start >= b->stop : b->start <= b->stop) {
        return 0;
    }
    uint64_t distance =
        b->step > 0 ? (uint64_t)(b->stop - b->start) : (uint64_t)(b->start - b->stop);
    uint64_t step = b->step > 0 ? (uint64_t)b->step : 0 - (uint64_t)b->step;
    return (size_t)((distance - 1) / step + 1);
}

static bool slice_string(struct jinja_runtime *rt, struct span span, struct jinja_value v,
                         const struct bounds *b, struct jinja_value *ret) {
    size_t count = bounds_count(b);
    if (b->step == 1) {
        size_t start = text_offset(v.string, (size_t)b->start);
        str rest = str_slice(v.string, start, v.string.len);
        v.string = str_slice(rest, 0, text_offset(rest, count));
        *ret = v;
        return true;
    }
    /* Other steps are rare: an index of the characters makes them linear. */
    size_t length = text_length(v.string);
    if (!rt_reserve(rt, span, (length + 1) * sizeof(size_t))) {
        return false;
    }
    size_t *offsets = ARENA_ARRAY(rt->arena, size_t, length + 1);
    size_t pos = 0;
    for (size_t i = 0; i < length; i++) {
        offsets[i] = pos;
        text_next(v.string, &pos);
    }
    offsets[length] = v.string.len;
    AUTO_BUF out = rt_buf(rt);
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)(b->start + (int64_t)i * b->step);
        buf_add(&out, str_slice(v.string, offsets[at], offsets[at + 1]));
    }
    *ret = v;
    return rt_take_text(rt, span, &out, &ret->string);
}

bool rt_slice(struct jinja_runtime *rt, struct span span, struct jinja_value v,
              const struct jinja_value parts[3], struct jinja_value *ret) {
    struct bounds b;
    if (v.kind == JINJA_UNDEFINED) {
        return rt_undefined(rt, span, v);
    }
    if (!is_indexed(v)) {
        return rt_fail(rt, span, "a '%s' value cannot be sliced", value_type_name(v));
    }
    if (!rt_step_text(rt, span, v) || !slice_bounds(rt, span, parts, value_length(v), &b)) {
        return false;
    }
    if (v.kind == JINJA_STRING) {
        return slice_string(rt, span, v, &b, ret);
    }
    size_t count = bounds_count(&b);
    if (v.kind == JINJA_RANGE) {
        struct jinja_range *r = ARENA_NEW(rt->arena, struct jinja_range);
        r->step = (int64_t)((uint64_t)v.range->step * (uint64_t)b.step);
        r->start = range_at(v.range, (size_t)b.start).integer;
        r->stop = range_at(v.range, (size_t)b.stop).integer;
        r->len = count;
        *ret = (struct jinja_value){ .kind = JINJA_RANGE, .range = r };
        return true;
    }
    if (!rt_step(rt, span, count) || !rt_reserve(rt, span, count * 2 * sizeof v)) {
        return false;
    }
    *ret = jinja_list_new(rt->arena);
    ret->kind = v.kind;
    for (size_t i = 0; i < count; i++) {
        jinja_list_add(*ret, v.list->items[b.start + (int64_t)i * b.step]);
    }
    return true;
}

bool iter_init(struct jinja_runtime *rt, struct span span, struct jinja_value v, struct iter *ret) {
    *ret = (struct iter){ .source = v };
    if (v.kind == JINJA_UNDEFINED) {
        return rt_use(rt, span, v);
    }
    if (value_is_sized(v) || v.kind == JINJA_ITERATOR) {
        return true;
    }
    return rt_fail(rt, span, "a '%s' value cannot be looped over", value_type_name(v));
}

bool iter_next_other(struct iter *it, struct jinja_value *ret) {
    const struct jinja_value *v = &it->source;
    switch ((enum jinja_kind)v->kind) {
    case JINJA_STRING: {
        if (it->pos >= v->string.len) {
            return false;
        }
        size_t start = it->pos;
        text_next(v->string, &it->pos);
        *ret = jinja_string(str_slice(v->string, start, it->pos)); /* plain, of markup too */
        return true;
    }
    case JINJA_DICT:
        while (it->pos < v->dict->used && v->dict->entries[it->pos].removed) {
            it->pos++;
        }
        if (it->pos >= v->dict->used) {
            return false;
        }
        *ret = v->dict->entries[it->pos++].key;
        return true;
    case JINJA_RANGE:
        if (it->pos >= v->range->len) {
            return false;
        }
        *ret = range_at(v->range, it->pos++);
        return true;
    case JINJA_ITERATOR:
        if (v->iterator->pos >= v->iterator->items->len) {
            return false;
        }
        *ret = v->iterator->items->items[v->iterator->pos++];
        return true;
    case JINJA_LIST: /* iter_next() */
    case JINJA_TUPLE:
    case JINJA_UNDEFINED:
    case JINJA_NONE:
    case JINJA_BOOL:
    case JINJA_INT:
    case JINJA_FLOAT:
    case JINJA_FUNCTION:
    case JINJA_OBJECT:
        break;
    }
    return false;
}

static bool copy_list(struct jinja_runtime *rt, struct span span, const struct jinja_list *from,
                      struct jinja_value *ret) {
    size_t len = from->len;
    if (!rt_step(rt, span, len) || !rt_reserve(rt, span, len * sizeof *from->items)) {
        return false;
    }
    *ret = jinja_list_new(rt->arena);
    list_reserve(ret->list, len);
    if (len > 0) {
        memcpy(ret->list->items, from->items, len * sizeof *from->items);
    }
    ret->list->len = len;
    return true;
}

bool rt_list(struct jinja_runtime *rt, struct span span, struct jinja_value v,
             struct jinja_value *ret) {
    struct iter it;
    struct jinja_value item;
    if (v.kind == JINJA_LIST || v.kind == JINJA_TUPLE) {
        return copy_list(rt, span, v.list, ret);
    }
    if (!iter_init(rt, span, v, &it)) {
        return false;
    }
    struct jinja_value list = jinja_list_new(rt->arena);
    while (iter_next(&it, &item)) {
        if (!rt_step(rt, span, 1)) {
            return false;
        }
        jinja_list_add(list, item);
    }
    *ret = list;
    return true;
}
