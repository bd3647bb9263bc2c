// SPDX-License-Identifier: Apache-2.0
/*
 * jinja/: template text + values -> text. Follows the Jinja template designer documentation
 * (version 3.1), and gives the same output as Jinja does, but for what needs Python itself.
 *
 *     struct jinja_env *env = jinja_env_new(arena, &jinja_options_default);
 *     struct jinja_template *t = jinja_parse(env, sources, source, sink);
 *     if (t != NULL && jinja_render(t, context, arena, sink, &output)) ...
 *
 * All that goes wrong is the template's (or its values') fault: a diagnostic E400 with a span in
 * the template. Templates are not trusted: depth, steps, memory and output have limits, each an
 * E400 as well. Integers have 64 bits; what would not fit is an error, where Python has more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "diag/diag.h"

/* ---- values ---- */

enum jinja_kind {
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_DICT,
    JINJA_RANGE,
    JINJA_ITERATOR, /* what Python has a generator for: truthy, without a length, read once */
    JINJA_FUNCTION, /* a global function, or a method with its object */
    JINJA_OBJECT,   /* loop, macro, namespace, ... */
};

/* What a list or tuple is besides: dict views print differently and have no items by index, a
 * group's tuple has the attributes `grouper` and `list`. */
enum jinja_view {
    JINJA_VIEW_NONE,
    JINJA_VIEW_KEYS,
    JINJA_VIEW_VALUES,
    JINJA_VIEW_ITEMS,
    JINJA_VIEW_GROUP,
};

struct jinja_list;
struct jinja_dict;
struct jinja_range;
struct jinja_iterator;
struct jinja_function;
struct jinja_object;

/* Passed by value; what it points to lives in an arena. */
struct jinja_value {
    uint8_t kind;   /* enum jinja_kind */
    uint8_t view;   /* JINJA_LIST, JINJA_TUPLE: enum jinja_view */
    bool markup;    /* JINJA_STRING: already escaped */
    uint8_t reason; /* JINJA_UNDEFINED: see value.c */
    /* Where the value comes from: a number of the caller's, below 2^31, 0: unknown. It goes with
     * the value, and to what filters, methods and operators make of it. */
    uint32_t origin;
    union {
        bool boolean;
        int64_t integer;
        double real;
        str string;              /* UTF-8; JINJA_UNDEFINED: the name that is not there */
        struct jinja_list *list; /* JINJA_LIST and JINJA_TUPLE */
        struct jinja_dict *dict;
        struct jinja_range *range;
        struct jinja_iterator *iterator;
        struct jinja_function *function;
        struct jinja_object *object;
    };
};

struct jinja_list {
    struct arena *arena;
    struct jinja_value *items;
    size_t len;
    size_t cap;
};

#define JINJA_NONE_VALUE ((struct jinja_value){ .kind = JINJA_NONE })

static inline struct jinja_value jinja_bool(bool b) {
    return (struct jinja_value){ .kind = JINJA_BOOL, .boolean = b };
}
static inline struct jinja_value jinja_int(int64_t i) {
    return (struct jinja_value){ .kind = JINJA_INT, .integer = i };
}
static inline struct jinja_value jinja_float(double d) {
    return (struct jinja_value){ .kind = JINJA_FLOAT, .real = d };
}
/* Borrowed: the text must live as long as the value. */
static inline struct jinja_value jinja_string(str s) {
    return (struct jinja_value){ .kind = JINJA_STRING, .string = s };
}

struct jinja_value jinja_list_new(struct arena *a);
static inline void jinja_list_add(struct jinja_value list, struct jinja_value item) {
    ARENA_PUSH(list.list->arena, list.list->items, list.list->len, list.list->cap, item);
}
struct jinja_value jinja_dict_new(struct arena *a);
/* `key` is borrowed; an existing key keeps its position. */
void jinja_dict_put(struct jinja_value dict, str key, struct jinja_value value);

/*
 * Values from a JSON text; key order is kept. An integer that does not fit 64 bits, a broken text
 * and a nesting over the limit are errors with line and column.
 */
MUST_CHECK bool jinja_value_from_json(struct arena *a, str text, const char *name,
                                      struct jinja_value *ret, struct err *err);

/* ---- environment ---- */

struct jinja_limits {
    size_t depth;        /* nesting of the template, and of calls while it runs */
    uint64_t steps;      /* evaluated operations, loop passes, items handled by filters */
    size_t output_bytes; /* of the rendered text, and of each captured text */
    size_t memory_bytes; /* of all values made by one render */
};

struct jinja_options {
    bool trim_blocks;
    bool lstrip_blocks;
    bool keep_trailing_newline;
    bool strict;               /* using what is undefined is an error (else it is empty) */
    bool autoescape;           /* values are escaped for HTML when they are printed */
    bool mapped;               /* the output says where its parts came from */
    str line_statement_prefix; /* a line that begins with it is a statement; empty: none */
    str line_comment_prefix;   /* from it to the line's end is a comment; empty: none */
    struct jinja_limits limits;
};

/* Everything off and lenient, as Jinja's own defaults are; limits that fit Dockerfiles. */
extern const struct jinja_options jinja_options_default;
/* How the builder renders: trim_blocks, lstrip_blocks, keep_trailing_newline, strict, mapped. */
extern const struct jinja_options jinja_options_builder;

enum {
    JINJA_PARAMS_MAX = 8,
    JINJA_TEMPLATE_BYTES_MAX = 16 * 1024 * 1024, /* also of all that one environment loads */
    JINJA_LOADED_MAX = 1000,                     /* templates that one environment loads */
};

enum jinja_load {
    JINJA_LOAD_FOUND,
    JINJA_LOAD_MISSING, /* `ignore missing` passes over it */
    JINJA_LOAD_FAILED,  /* the reason is in err */
};

/* Where include, import and extends find templates. The name is the template's own word, so it is
 * the loader that keeps it inside of a folder. Path (for messages) and text live in `a`. */
struct jinja_loader {
    enum jinja_load (*load)(void *self, struct arena *a, str name, str *ret_path, str *ret_text,
                            struct err *err);
    void *self;
};

/* The files below one folder, by relative names; nothing outside of it is read. */
struct jinja_folder {
    int fd;   /* of the folder; stays the caller's */
    str path; /* in front of the names in messages; may be empty */
};

/* The folder must outlive the environment. */
struct jinja_loader jinja_folder_loader(struct jinja_folder *folder);

struct jinja_runtime;

struct jinja_keyword {
    str name;
    struct jinja_value value;
};

/* One call of a filter, test, function or method, with its arguments in their places. */
struct jinja_call {
    struct jinja_runtime *runtime;
    struct arena *arena; /* for what the call makes */
    struct span span;    /* of the call in the template */
    str name;
    struct jinja_value args[JINJA_PARAMS_MAX]; /* a filter's and test's [0] is its value */
    uint32_t given;                            /* bit i: args[i] was passed */
    struct jinja_value *rest;                  /* positional arguments after the params */
    size_t rest_count;
    struct jinja_keyword *keywords; /* those without a param */
    size_t keyword_count;
};

/*
 * A filter, test, function or method: one row of a table, and its documentation. `params` are the
 * names of the parameters, separated by spaces, the first `required` of which must be passed; a
 * last "*" takes further positional arguments, a last "**" further keywords.
 */
struct jinja_callable {
    str name;
    const char *params;
    uint8_t required;
    bool (*run)(struct jinja_call *call, struct jinja_value *ret);
    const char *help;
};

static inline bool jinja_call_has(const struct jinja_call *call, unsigned param) {
    return (call->given >> param & 1) != 0;
}
/* Reports E400 at the call; returns false. */
bool jinja_call_fail(struct jinja_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), cold));
/* The text of a value, as `{{ value }}` prints it, in the call's arena. */
bool jinja_call_text(struct jinja_call *call, struct jinja_value value, str *ret);

struct jinja_env;

/* Lives in the arena. The options are copied. */
struct jinja_env *jinja_env_new(struct arena *a, const struct jinja_options *options);
/* Without a loader no other template is found. */
void jinja_env_set_loader(struct jinja_env *env, const struct jinja_loader *loader);
/* Adds or replaces a filter; the row must outlive the environment. */
void jinja_env_add_filter(struct jinja_env *env, const struct jinja_callable *row);

/* ---- templates ---- */

struct jinja_template;

/* Parses a source of the set. NULL: reported. Lives in the environment's arena. */
struct jinja_template *jinja_parse(struct jinja_env *env, struct sources *sources, uint32_t source,
                                   struct diag_sink *sink);

/* From `start` up to the next run's start, the output comes from `span` of a template. */
struct jinja_run {
    size_t start; /* byte offset in the output */
    struct span span;
    uint32_t origin; /* of the value that was printed; 0: text of the template, or unknown */
};

struct jinja_output {
    str text;
    /* Ascending; the first starts at 0 unless text is empty. None unless the options ask. */
    const struct jinja_run *runs;
    size_t run_count;
    uint32_t failed_origin; /* after a failure, and then only this: of the value it was about */
};

/* `context` is a dict with the variables. False: reported. The output lives in `a`. */
MUST_CHECK bool jinja_render(const struct jinja_template *t, struct jinja_value context,
                             struct arena *a, struct diag_sink *sink, struct jinja_output *ret);

/* The place in the template that an output byte came from. */
struct span jinja_output_span(const struct jinja_output *output, size_t offset);
