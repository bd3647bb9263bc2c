// SPDX-License-Identifier: Apache-2.0
/* Values: what they are, their text, and the characters in it. None of it knows a render. */
#pragma once

#include "jinja/jinja.h"

/* ---- text.c: characters as Python sees them ---- */

/* Bytes of the white-space character at the start of s, 0 when there is none. */
size_t text_space_len(str s);
str text_trim_left(str s);
str text_trim_right(str s);
bool text_is_alpha(uint32_t code);
bool text_is_title(uint32_t code);
bool text_is_upper(uint32_t code);
bool text_is_lower(uint32_t code);
bool text_is_alnum(uint32_t code);
bool text_is_printable(uint32_t code);
void text_add_upper(struct buf *out, uint32_t code);
/* As the first letter of a word. */
void text_add_title(struct buf *out, uint32_t code);
/* For comparing without case. */
void text_add_folded(struct buf *out, uint32_t code);
void text_add_lower(struct buf *out, uint32_t code);
void text_add_code(struct buf *out, uint32_t code);
size_t text_length(str s); /* in code points */
/* Byte offset of the code point with this index; the length when there are fewer. */
size_t text_offset(str s, size_t index);
/* Takes the code point at *pos; pos < s.len, and s is UTF-8. */
uint32_t text_next_wide(str s, size_t *pos);
static inline uint32_t text_next(str s, size_t *pos) {
    unsigned char c = (unsigned char)s.ptr[*pos];
    if (c >= 0x80) {
        return text_next_wide(s, pos);
    }
    ++*pos;
    return c;
}
bool text_is_ascii(str s);

/* ---- values: value.c, dict.c ---- */

/* Why a value is undefined: decides the message. */
enum undefined_reason {
    UNDEFINED_NAME,     /* a name */
    UNDEFINED_PARAM,    /* a macro's parameter that was not passed */
    UNDEFINED_EMPTY,    /* first item of nothing: `string` is the whole message */
    UNDEFINED_COND,     /* `a if b` without else: lenient even in strict mode; message as above */
    UNDEFINED_OF_FIRST, /* UNDEFINED_OF_FIRST + kind: an attribute or item of that kind of value */
};

struct jinja_range {
    int64_t start;
    int64_t stop;
    int64_t step;
    size_t len;
};

struct jinja_iterator {
    struct jinja_list *items;
    size_t pos;
};

struct dict_entry {
    struct jinja_value key;
    struct jinja_value value;
    uint64_t hash;
    bool removed;
};

struct jinja_dict {
    struct arena *arena;
    struct dict_entry *entries;
    size_t used; /* entries, with removed ones */
    size_t cap;
    size_t len;
    uint32_t *slots;
    size_t slot_count;
};

/* A callable with its parameter names split. */
struct callable {
    const struct jinja_callable *row;
    str params[JINJA_PARAMS_MAX];
    uint8_t count;
    bool rest;
    bool keywords;
};

struct jinja_function {
    const struct callable *callable;
    struct jinja_value self; /* UNDEFINED for a global function */
};

struct jinja_runtime;
struct call_values;

/* Things with behaviour: loop, macro, namespace, cycler, joiner. */
struct object_ops {
    const char *type_name;
    /* Leaves *ret alone and returns true when there is no such attribute. */
    bool (*attr)(struct jinja_runtime *rt, struct jinja_object *o, str name,
                 struct jinja_value *ret);
    bool (*set)(struct jinja_runtime *rt, struct jinja_object *o, struct span span, str name,
                struct jinja_value value);
    bool (*call)(struct jinja_runtime *rt, struct jinja_object *o, struct span span,
                 const struct call_values *args, struct jinja_value *ret);
    /* What shows it inside of a list; NULL: its type's name. */
    void (*repr)(const struct jinja_object *o, struct buf *out);
    /* What it prints, which is escaped text; NULL: its type's name. */
    str (*html)(const struct jinja_object *o);
};

struct jinja_object {
    const struct object_ops *ops;
};

/* Evaluated arguments. */
struct call_values {
    struct jinja_value *positional;
    size_t count;
    size_t cap;
    struct jinja_keyword *keywords;
    size_t keyword_count;
    size_t keyword_cap;
};

/* What is made of a value comes from where that came from, unless it is known already. */
static inline void value_take_origin(struct jinja_value *made, struct jinja_value from) {
    if (from.origin != 0 && made->origin == 0) {
        made->origin = from.origin;
    }
}

/* Written in place, for hot paths: a value that is made and then copied is read in larger pieces
 * than it was written, for which a processor waits until all of it is in the cache. */
static inline void value_put(struct jinja_value *v, enum jinja_kind kind, uint32_t origin) {
    v->kind = (uint8_t)kind;
    v->view = 0;
    v->markup = false;
    v->reason = 0;
    v->origin = origin;
}
static inline void value_put_int(struct jinja_value *v, int64_t integer, uint32_t origin) {
    value_put(v, JINJA_INT, origin);
    v->integer = integer;
}
static inline void value_put_string(struct jinja_value *v, str text) {
    value_put(v, JINJA_STRING, 0);
    v->string.ptr = text.ptr;
    v->string.len = text.len;
}
static inline void value_put_bool(struct jinja_value *v, bool truth) {
    value_put(v, JINJA_BOOL, 0);
    v->boolean = truth;
}
const char *value_type_name(struct jinja_value v); /* as Python calls it: "int", "str" */
struct jinja_value value_undefined(str name, uint8_t reason);
void value_undefined_message(struct jinja_value v, struct buf *out);
struct jinja_value value_tuple(struct arena *a);
struct jinja_value value_iterator(struct jinja_value list);
static inline struct jinja_value value_view(struct jinja_value list, enum jinja_view view) {
    list.view = (uint8_t)view;
    return list;
}
/* Reads a bool as the integer it is in Python. */
bool value_is_integer(struct jinja_value v, int64_t *ret);
bool value_is_number(struct jinja_value v, double *ret);
bool value_is_sized(struct jinja_value v); /* has a length */
size_t value_length(struct jinja_value v); /* of a sized value */
/* Shared parts can make a small value huge to walk, so walks have a budget of items: when it is
 * used up, *budget is 0 and the values count as unequal. */
bool value_equal_within(struct jinja_value a, struct jinja_value b, uint64_t *budget);
enum { VALUE_ITEMS_MAX = 100000 };
bool value_equal(struct jinja_value a, struct jinja_value b);
bool value_same(struct jinja_value a, struct jinja_value b); /* identity */
bool value_hashable(struct jinja_value v);                   /* within VALUE_ITEMS_MAX items */
uint64_t value_hash(struct jinja_value v);

/* NULL when not there. `key` is hashable. */
struct dict_entry *dict_find(const struct jinja_dict *d, struct jinja_value key);
/* The same for a text whose str_hash() is known. Dicts of one list are most often laid out alike:
 * it is where the hint says, which is made to say where it was found. */
struct dict_entry *dict_find_text(const struct jinja_dict *d, str key, uint64_t hash,
                                  uint32_t *hint);
/* Room for so many keys of a dict without any, and items of such a list. */
void dict_reserve(struct jinja_dict *d, size_t count);
void list_reserve(struct jinja_list *l, size_t count);
void dict_put(struct jinja_dict *d, struct jinja_value key, struct jinja_value value);
bool dict_remove(struct jinja_dict *d, struct jinja_value key);
/* Adds a key that is not there yet; false: it is. */
bool dict_add(struct jinja_dict *d, struct jinja_value key, struct jinja_value value);
struct jinja_dict *dict_copy(struct arena *a, const struct jinja_dict *d);

/* ---- text of values: repr.c ---- */

enum { VALUE_DEPTH_MAX = 100 };
/* str(v) and repr(v); false when nested too deeply. */
bool value_add_text(struct jinja_value v, struct buf *out);
bool value_add_repr(struct jinja_value v, struct buf *out, size_t depth);
void text_add_integer(struct buf *out, int64_t value);
void text_add_float(struct buf *out, double d);
void text_add_quoted(struct buf *out, str s);  /* repr of a string */
void text_add_escaped(struct buf *out, str s); /* HTML */
