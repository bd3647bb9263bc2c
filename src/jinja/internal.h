// SPDX-License-Identifier: Apache-2.0
/* jinja/ only: the environment, the state of a render, and what values can do. */
#pragma once

#include "jinja/ast.h"

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

/* ---- environment: env.c ---- */

/* A callable with its parameter names split. */
struct callable {
    const struct jinja_callable *row;
    str params[JINJA_PARAMS_MAX];
    uint8_t count;
    bool rest;
    bool keywords;
};

struct jinja_env {
    struct arena *arena;
    struct jinja_options options;
    struct map names; /* str -> id + 1 as a pointer */
    str *name_texts;  /* by id */
    size_t name_count;
    size_t name_cap;
    struct map filters; /* str -> struct callable */
    struct map tests;
    struct map globals;                   /* str -> struct callable */
    struct map methods[JINJA_OBJECT + 1]; /* by kind of value: str -> struct callable */
    struct jinja_loader loader;           /* `load` NULL: none */
    struct map loaded;                    /* str -> struct jinja_template */
    size_t loaded_bytes;
};

uint32_t env_intern(struct jinja_env *env, str name);
const struct callable *env_callable(const struct jinja_env *env, str name, bool test);
/* "there is no filter 'x', did you mean 'y'?" */
void env_unknown_callable(const struct jinja_env *env, str name, bool test, struct buf *out);

/* Rows of the built-in tables, one table a file. */
struct callable_table {
    const struct jinja_callable *rows;
    size_t count;
};
extern const struct callable_table filters_string_table;
extern const struct callable_table filters_html_table;
extern const struct callable_table filters_layout_table;
extern const struct callable_table filters_wrap_table;
extern const struct callable_table filters_urlize_table;
extern const struct callable_table filters_pprint_table;
extern const struct callable_table filters_random_table;
extern const struct callable_table filters_list_table;
extern const struct callable_table filters_select_table;
extern const struct callable_table filters_number_table;
extern const struct callable_table tests_table;
extern const struct callable_table globals_table;
extern const struct callable_table globals_random_table;
extern const struct callable_table methods_string_table;
extern const struct callable_table methods_text_table;
extern const struct callable_table methods_list_table;
extern const struct callable_table methods_tuple_table;
extern const struct callable_table methods_dict_table;
extern const struct callable_table methods_format_table;

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

/* ---- state of a render: runtime.c ---- */

struct binding {
    uint32_t name;
    struct jinja_value value;
};

/* Names of one block of statements; the outermost names are in the module. */
struct scope {
    struct scope *parent;
    struct binding *items; /* `first`, as long as that is enough */
    size_t len;
    size_t cap;
    struct binding first[3];
};

/* All blocks of one name, the child's first. */
struct block_stack {
    const struct block **items;
    size_t len;
    size_t cap;
};

/* Top-level names of one template and those it extends: the context, and what they set. */
struct module {
    struct jinja_value context; /* dict */
    struct module *base;        /* its names are seen from here: an including template, or NULL */
    struct scope *base_scope;   /* the same, inside of it */
    struct map *blocks;         /* str -> struct block_stack */
    bool *autoescape;           /* what filters and macros go by */
    struct module_name {
        enum { NAME_NOT_LOOKED, NAME_ABSENT, NAME_OUTSIDE, NAME_OWN } state;
        bool exported; /* what an import gives */
        struct jinja_value value;
    } * names; /* by interned name */
    size_t name_count;
};

enum flow {
    FLOW_NEXT,
    FLOW_BREAK,
    FLOW_CONTINUE,
};

/* Whether output is escaped is known where it is written, but for autoescape with a variable. */
enum escaping {
    ESCAPE_OFF,
    ESCAPE_ON,
    ESCAPE_ASK, /* the module */
};

/* The top level of a template while it runs. */
struct root {
    const struct jinja_template *template;
    const struct jinja_template *parent; /* extended: from here on nothing is printed */
};

/* Where the template that runs was asked for. */
struct load_site {
    struct span span;
    const struct load_site *outer;
};

/* Where the parts of an output come from. */
struct run_list {
    struct jinja_run *items;
    size_t len;
    size_t cap;
};

/* A text that was captured, so that where it is printed its runs are known. */
struct captured {
    str text;
    struct run_list runs;
    uint32_t origin; /* of what is made of the text */
};

struct jinja_runtime {
    struct jinja_env *env;
    struct sources *sources;
    struct arena *arena;
    struct diag_sink *sink;
    struct module *module;
    struct scope *scope;
    struct root *root; /* NULL: in a macro, block or captured text, whose output always counts */
    const struct load_site *site;
    struct map modules; /* imported without context: str -> struct jinja_object */
    uint32_t self_name;
    uint32_t loop_name;
    enum escaping escaping;
    struct buf *out;
    enum flow flow;
    bool failed;
    uint64_t captures; /* scopes kept by macros: those are not used again */
    size_t depth;
    size_t depth_max;
    uint64_t steps;
    uint64_t steps_free; /* below it a step needs no look at the limits */
    size_t arena_start;
    uint64_t random; /* state of what is chosen: the same in each render */
    uint32_t failed_origin;
    uint32_t attribute_hint; /* see dict_find_text(): of what filters look up in each item */
    struct {
        const struct jinja_dict *dict;
        str name;
    } missed;             /* the last key that was not in a dict: for "did you mean" */
    struct run_list runs; /* of what is in `out` */
    struct captured *captured;
    size_t captured_len;
    size_t captured_cap;
};

bool rt_fail(struct jinja_runtime *rt, struct span span, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
/* Counts work, and checks the limits of steps and memory. */
/* What it costs to go through a value when that is a string; other values are free. */
bool rt_step_text(struct jinja_runtime *rt, struct span span, struct jinja_value v);
bool rt_step_check(struct jinja_runtime *rt, struct span span, uint64_t steps);
/* One step at a span that need not be copied. */
static inline bool rt_tick(struct jinja_runtime *rt, const struct span *span) {
    if (rt->steps_free - rt->steps > 1) {
        rt->steps++;
        return true;
    }
    return rt_step_check(rt, *span, 1);
}
static inline bool rt_step(struct jinja_runtime *rt, struct span span, uint64_t steps) {
    if (steps < rt->steps_free - rt->steps) {
        rt->steps += steps;
        return true;
    }
    return rt_step_check(rt, span, steps);
}
/* Asks for memory about to be used; false: reported. */
bool rt_reserve(struct jinja_runtime *rt, struct span span, size_t bytes);
bool rt_fail_depth(struct jinja_runtime *rt, struct span span) __attribute__((cold));
static inline bool rt_enter(struct jinja_runtime *rt, struct span span) {
    if (rt->depth >= rt->depth_max) {
        return rt_fail_depth(rt, span);
    }
    rt->depth++;
    return true;
}
static inline void rt_leave(struct jinja_runtime *rt) {
    rt->depth--;
}
/* A buf for building text, with the output limit. */
struct buf rt_buf(const struct jinja_runtime *rt);
/* Its content in the render's arena; false: it was full, reported. */
bool rt_take_text(struct jinja_runtime *rt, struct span span, const struct buf *b, str *ret);

/* Whether what is printed here is escaped. */
static inline bool rt_escapes(const struct jinja_runtime *rt) {
    return rt->escaping == ESCAPE_ASK ? *rt->module->autoescape : rt->escaping == ESCAPE_ON;
}
/* A module with empty names; `base` NULL: it sees only the context. */
struct module *module_new(struct jinja_runtime *rt, struct module *base, struct scope *base_scope);
/* Copies what is seen from a scope of a module: later changes there are not seen. */
void module_copy_names(struct jinja_runtime *rt, struct module *to, struct module *from,
                       const struct scope *scope);
/* A top-level name that is set, but not exported. */
void module_set_private(struct jinja_runtime *rt, uint32_t name, struct jinja_value value);
struct scope *scope_push(struct jinja_runtime *rt);
void scope_pop(struct jinja_runtime *rt);
void scope_set(struct jinja_runtime *rt, uint32_t name, struct jinja_value value);
/* NULL: no scope has it. */
static inline const struct jinja_value *scope_find(const struct scope *s, uint32_t name) {
    for (; s != NULL; s = s->parent) {
        for (size_t i = 0; i < s->len; i++) {
            if (s->items[i].name == name) {
                return &s->items[i].value;
            }
        }
    }
    return NULL;
}
/* A top-level name, or one from outside of the template. */
const struct jinja_value *module_get(struct jinja_runtime *rt, uint32_t name, str text);
/* What a name stands for, undefined when for nothing; stays as it is until the name is set. */
static inline const struct jinja_value *scope_get(struct jinja_runtime *rt, uint32_t name,
                                                  str text) {
    const struct jinja_value *local = scope_find(rt->scope, name);
    return local != NULL ? local : module_get(rt, name, text);
}
bool rt_assign(struct jinja_runtime *rt, const struct target *target, struct jinja_value value);

/* Undefined in strict mode is reported: every use but `is defined` and `default` goes through. */
bool rt_use(struct jinja_runtime *rt, struct span span, struct jinja_value v);
/* Reports what is not there; returns false. */
bool rt_undefined(struct jinja_runtime *rt, struct span span, struct jinja_value v);
bool rt_truth(struct jinja_runtime *rt, struct span span, struct jinja_value v, bool *ret);
bool rt_text(struct jinja_runtime *rt, struct span span, struct jinja_value v, str *ret);
bool rt_equal(struct jinja_runtime *rt, struct span span, struct jinja_value a,
              struct jinja_value b, bool *ret);
/* -1, 0, 1, and 2 beside a NaN; false: the values have no order, reported. */
bool rt_compare(struct jinja_runtime *rt, struct span span, struct jinja_value a,
                struct jinja_value b, int *ret);
/* One comparison of an expression, `in` among them. */
bool rt_compare_by(struct jinja_runtime *rt, struct span span, enum compare_op op,
                   struct jinja_value a, struct jinja_value b, bool *ret);
bool rt_contains(struct jinja_runtime *rt, struct span span, struct jinja_value container,
                 struct jinja_value item, bool *ret);
bool rt_attr(struct jinja_runtime *rt, struct span span, struct jinja_value v, str name,
             struct jinja_value *ret);
bool rt_item(struct jinja_runtime *rt, struct span span, struct jinja_value v,
             struct jinja_value key, struct jinja_value *ret);
bool rt_slice(struct jinja_runtime *rt, struct span span, struct jinja_value v,
              const struct jinja_value bounds[3], struct jinja_value *ret);
bool rt_binary(struct jinja_runtime *rt, struct span span, enum token_kind op, struct jinja_value a,
               struct jinja_value b, struct jinja_value *ret);
bool rt_dict_key_other(struct jinja_runtime *rt, struct span span, const struct jinja_value *key);
/* Whether a value can be a key; false: reported. */
static inline bool rt_dict_key(struct jinja_runtime *rt, struct span span,
                               const struct jinja_value *key) {
    bool small = key->kind == JINJA_STRING ? key->string.len < 64 : key->kind == JINJA_INT;
    return small || rt_dict_key_other(rt, span, key);
}

/* Iteration over anything iterable. */
struct iter {
    struct jinja_value source;
    size_t pos;
};
bool iter_init(struct jinja_runtime *rt, struct span span, struct jinja_value v, struct iter *ret);
bool iter_next_other(struct iter *it, struct jinja_value *ret);
static inline bool iter_next(struct iter *it, struct jinja_value *ret) {
    if (it->source.kind != JINJA_LIST && it->source.kind != JINJA_TUPLE) {
        return iter_next_other(it, ret);
    }
    if (it->pos >= it->source.list->len) {
        return false;
    }
    *ret = it->source.list->items[it->pos++];
    return true;
}
/* All items as a list of their own. */
bool rt_list(struct jinja_runtime *rt, struct span span, struct jinja_value v,
             struct jinja_value *ret);

/* ---- calls: call.c ---- */

bool rt_run_callable(struct jinja_runtime *rt, const struct callable *c, struct span span,
                     const struct jinja_value *self, const struct call_values *args,
                     struct jinja_value *ret);
bool rt_call(struct jinja_runtime *rt, struct span span, struct jinja_value callee,
             const struct call_values *args, struct jinja_value *ret);
/* The method of a value as a function; false when there is none. */
bool rt_method(struct jinja_runtime *rt, struct jinja_value v, str name, struct jinja_value *ret);
/* A filter or test by name, for map, select and the like. NULL: there is none, reported. */
const struct callable *call_find(struct jinja_call *call, str name, bool test);
/* Finds and applies one. */
bool rt_apply(struct jinja_call *call, str name, bool test, struct jinja_value v,
              const struct call_values *args, struct jinja_value *ret);

/* ---- output.c: what is printed, and where it came from ---- */

/* Remembers that the output from here on comes from `span` and a value of this origin. */
void exec_mark(struct jinja_runtime *rt, struct span span, uint32_t origin);
bool exec_fail_full(struct jinja_runtime *rt, struct span span) __attribute__((cold));
/* Text that comes from `span`. */
static inline bool exec_print(struct jinja_runtime *rt, const struct span *span, str text) {
    if (rt->env->options.mapped) {
        exec_mark(rt, *span, 0);
    }
    buf_add(rt->out, text);
    return !rt->out->full || exec_fail_full(rt, *span);
}
/* The result of a filter or call block: a string, as it is. */
bool exec_print_value(struct jinja_runtime *rt, struct span span, struct jinja_value v);
/* What any value prints, by the statement at `span`. */
bool exec_print_any(struct jinja_runtime *rt, struct span span, struct span value_span,
                    const struct jinja_value *v);

/* While output is captured. */
struct capture {
    struct buf out;
    struct buf *outer;
    struct run_list outer_runs;
};
void capture_begin(struct jinja_runtime *rt, struct capture *c);
/* Must follow each begin, also of what failed (`ok` false). Gives a string value. */
bool capture_end(struct jinja_runtime *rt, struct span span, struct capture *c, bool ok,
                 struct jinja_value *ret);

/* ---- evaluation: eval.c, exec.c, macro.c, loop.c ---- */

bool eval(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_truth(struct jinja_runtime *rt, const struct expr *e, bool *ret);
/* Where the value is: most are in their place already, others are put into `room`. NULL: reported.
 * It stays as it is while the expression around it is evaluated. Names and literals are part of
 * the step of that expression, so this is not for lists of any length. */
static inline const struct jinja_value *eval_ref(struct jinja_runtime *rt, const struct expr *e,
                                                 struct jinja_value *room) {
    if (e->kind != EXPR_NAME && e->kind != EXPR_LITERAL) {
        return eval(rt, e, room) ? room : NULL;
    }
    return e->kind == EXPR_NAME ? scope_get(rt, e->name, e->text) : &e->literal;
}
/* An EXPR_ATTR of what is on its left. */
bool eval_attr_of(struct jinja_runtime *rt, const struct expr *e, const struct jinja_value *left,
                  struct jinja_value *ret);
/* eval_make.c */
bool eval_list(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_dict(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_sign(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_concat(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_slice(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
/* eval_call.c */
bool eval_call(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_filter(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
bool eval_test(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
/* Where a few arguments fit; it must live as long as they are used. */
struct arg_room {
    struct jinja_value positional[4];
    struct jinja_keyword keywords[2];
};
bool eval_args(struct jinja_runtime *rt, const struct call_args *args, struct arg_room *room,
               struct call_values *ret);
bool eval_compare(struct jinja_runtime *rt, const struct expr *e, struct jinja_value *ret);
/* A chain of filters whose innermost left is NULL, on `input`. */
bool eval_filter_chain(struct jinja_runtime *rt, const struct expr *e, struct jinja_value input,
                       struct jinja_value *ret);
bool exec_body(struct jinja_runtime *rt, const struct stmt_list *body);
/* exec_scoped.c */
bool exec_set_block(struct jinja_runtime *rt, const struct stmt *s);
bool exec_filter_block(struct jinja_runtime *rt, const struct stmt *s);
bool exec_with(struct jinja_runtime *rt, const struct stmt *s);
bool exec_autoescape(struct jinja_runtime *rt, const struct stmt *s);
extern const struct object_ops loop_ops;
/* An attribute of a loop object, by an EXPR_ATTR. */
void loop_get(struct jinja_runtime *rt, struct jinja_object *o, const struct expr *e,
              struct jinja_value *ret);
/* Its number for expr.attr. */
uint32_t loop_attr_number(str name);
/* Output of the body as text. */
bool exec_capture(struct jinja_runtime *rt, struct span span, const struct stmt_list *body,
                  struct jinja_value *ret);
bool exec_for(struct jinja_runtime *rt, const struct stmt *s);
struct jinja_value macro_new(struct jinja_runtime *rt, const struct macro *m);
bool exec_call_block(struct jinja_runtime *rt, const struct stmt *s);

/* ---- other templates: load.c, include.c, inherit.c ---- */

/* The template of this name; a name that is not found gives NULL and true. False: reported. */
bool template_find(struct jinja_runtime *rt, struct span span, struct jinja_value name,
                   const struct jinja_template **ret);
bool template_fail_missing(struct jinja_runtime *rt, struct span span, struct jinja_value name);
/* Runs a template and those it extends, in a module with its blocks, as asked for at `span`. */
bool exec_template(struct jinja_runtime *rt, struct span span, struct module *m,
                   const struct jinja_template *t);
bool exec_include(struct jinja_runtime *rt, const struct stmt *s);
bool exec_import(struct jinja_runtime *rt, const struct stmt *s);
bool exec_from(struct jinja_runtime *rt, const struct stmt *s);
bool exec_extends(struct jinja_runtime *rt, const struct stmt *s);
bool exec_block(struct jinja_runtime *rt, const struct stmt *s);

/* ---- markup.c: text that is escaped already ---- */

bool value_is_markup(struct jinja_value v);
/* The text of a value, escaped unless it is markup. */
bool rt_escape(struct jinja_runtime *rt, struct span span, struct jinja_value v, str *ret);
/* A method of a string that is markup: texts among its arguments are escaped, its result is
 * markup. */
bool markup_call(struct jinja_runtime *rt, const struct callable *c, struct span span,
                 const struct jinja_value *self, const struct call_values *args,
                 struct jinja_value *ret);

/* ---- filters ---- */

static inline bool call_step(struct jinja_call *call, uint64_t steps) {
    return rt_step(call->runtime, call->span, steps);
}
bool call_truth(struct jinja_call *call, struct jinja_value v, bool *ret);
/* The argument's value as what the filter needs; the default when not given. False: reported. */
bool call_int(struct jinja_call *call, unsigned param, int64_t otherwise, int64_t *ret);
/* The first argument is a string; what is undefined is none, also when it is lenient. */
bool call_needs_string(struct jinja_call *call);
bool call_bool(struct jinja_call *call, unsigned param, bool otherwise, bool *ret);
bool call_str(struct jinja_call *call, unsigned param, str otherwise, str *ret);
/* Looks up "a.b.0" in a value, as `attribute=` parameters do. */
bool call_attribute(struct jinja_call *call, struct jinja_value v, struct jinja_value path,
                    struct jinja_value *ret);
/* A number, or a string that is one. */
bool call_float(struct jinja_call *call, unsigned param, double *ret);
struct buf call_buf(const struct jinja_call *call);
/* Room in the arena for a text of a length that is known; NULL: reported. */
char *call_room(struct jinja_call *call, size_t len);
/* A string value with the buf's content. */
bool call_take(struct jinja_call *call, const struct buf *b, struct jinja_value *ret);
/* Sorts a list in place: stable; `by` as attribute path or UNDEFINED; false: reported. */
bool call_sort(struct jinja_call *call, struct jinja_list *list, struct jinja_value by,
               bool case_sensitive, bool reverse);
/* The same, but equal keys may be of a kind without an order. */
bool call_sort_equal(struct jinja_call *call, struct jinja_list *list, struct jinja_value by,
                     bool case_sensitive, bool reverse);
/* What is compared: lower case for strings unless case matters. */
bool call_fold_text(struct jinja_call *call, str text, struct jinja_value *ret);
static inline bool call_fold(struct jinja_call *call, const struct jinja_value *v,
                             bool case_sensitive, struct jinja_value *ret) {
    if (!case_sensitive && v->kind == JINJA_STRING) {
        return call_fold_text(call, v->string, ret);
    }
    *ret = *v;
    return true;
}
/* str.strip(): `set` NULL is white space. */
str text_strip(str s, const str *set, bool left, bool right);
bool call_step_strip(struct jinja_call *call, str s, str set);
/* str.replace(); count below 0: all. */
void text_replace(struct buf *out, str s, str old, str with, int64_t count);
/* Takes one line, as str.splitlines() does, and the length of its line end. */
bool text_cut_line(str *rest, str *ret_line, size_t *ret_end);
struct jinja_value dict_pairs(struct arena *a, const struct jinja_dict *d);
/* format.c: "%s" % args */
bool text_format(struct jinja_runtime *rt, struct span span, struct jinja_value format,
                 struct jinja_value args, struct jinja_value *ret);
/* format_spec.c: format(v, spec) */
bool text_format_value(struct jinja_runtime *rt, struct span span, struct jinja_value v, str spec,
                       struct buf *out);
/* to_json.c */
bool value_to_json(struct jinja_call *call, struct jinja_value v, int64_t indent, struct buf *out);
