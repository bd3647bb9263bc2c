// SPDX-License-Identifier: Apache-2.0
/* What the differential test cannot see: where errors point, where output came from, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "jinja/jinja.h"

struct render {
    struct sources sources;
    struct diag_sink sink;
    struct jinja_output output;
    bool ok;
};

static struct render *render(struct arena *a, const char *template,
                             const struct jinja_options *options) {
    struct render *r = ARENA_NEW(a, struct render);
    struct jinja_value context;
    struct err err = ERR_INIT;
    sources_init(&r->sources, a);
    diag_sink_init(&r->sink, a, &r->sources);
    assert_true(jinja_value_from_json(a, S("{\"list\": [1, 2], \"s\": \"text\", \"d\": {}}"), "c",
                                      &context, &err));
    uint32_t source = sources_add(&r->sources, S("t"), str_from_c(template));
    struct jinja_env *env = jinja_env_new(a, options);
    const struct jinja_template *t = jinja_parse(env, &r->sources, source, &r->sink);
    r->ok = t != NULL && jinja_render(t, context, a, &r->sink, &r->output);
    return r;
}

/* ---- errors point at what is wrong ---- */

static const struct error_case {
    const char *template;
    const char *at; /* the text that the span covers */
    const char *message;
} errors[] = {
    { "{{ nope }}", "nope", "'nope' is undefined" },
    { "a {{ s.x.y }}", "s.x.y", "'str' value has no attribute 'x'" },
    { "{{ 1 + s }}", "1 + s", "'+' does not work between 'int' and 'str' values" },
    { "{{ (1, 2) < 3 }}", "(1, 2) < 3", "'tuple' and 'int' values have no order" },
    { "{{ s|uppr }}", "uppr", "there is no filter 'uppr', did you mean 'upper'?" },
    { "{{ s is dfined }}", "dfined", "there is no test 'dfined', did you mean 'defined'?" },
    { "{{ s|join(sep=1) }}", "s|join(sep=1)", "join: no parameter 'sep'" },
    { "{{ s|replace('a') }}", "s|replace('a')", "replace: needs the argument 'new'" },
    { "{{ s() }}", "s()", "a 'str' value cannot be called" },
    { "{% for x in 5 %}{% endfor %}", "5", "a 'int' value cannot be looped over" },
    { "{% for a, b in [[1]] %}{% endfor %}", "a, b",
      "not enough values to unpack (expected 2, got 1)" },
    { "{% if s %}", "if", "'if' is never closed by 'endif'" },
    { "{% for x in list %}{% if x %}{% endfor %}", "endfor",
      "unknown tag 'endfor'; the innermost open tag waits for 'elif' or 'else' or 'endif'" },
    { "{{ s", "{{", "a tag is never closed by '}}'" },
    { "{# s", "{#", "a comment is never closed by '#}'" },
    { "{{ 'x }}", "'", "a string is never closed by '" },
    { "{{ (1] }}", "]", "unexpected ']', expected ')'" },
    { "{{ 1 $ 2 }}", "$", "unexpected character '$'" },
    { "{{ 99999999999999999999 }}", "99999999999999999999", "an integer does not fit 64 bits" },
    { "{{ 2 ** 64 }}", "2 ** 64", "the result of '**' does not fit 64 bits" },
    { "{{ 1 // 0 }}", "1 // 0", "division by zero" },
    { "{% break %}", "break", "'break' outside of a loop" },
    { "{% macro (a) %}{% endmacro %}", "(", "expected a name, got '('" },
    { "{% set true = 1 %}", "true", "'true' cannot be assigned to" },
    { "{{ s|round }}", "s|round", "round: needs a number, not 'str'" },
    { "{{ d[[]] }}{{ {[]: 1} }}", "d[[]]", "'dict' value has no attribute '[]'" },
};

static void errors_point_at_what_is_wrong(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        AUTO_ARENA a = arena_new();
        struct render *r = render(a, errors[i].template, &jinja_options_builder);
        assert_false(r->ok);
        assert_int_equal(r->sink.len, 1);
        const struct diag *d = &r->sink.items[0];
        assert_string_equal(d->code->name, "E400");
        assert_string_equal(str_to_c(a, d->message), errors[i].message);
        str at = str_slice(str_from_c(errors[i].template), d->span.start, d->span.end);
        assert_string_equal(str_to_c(a, at), errors[i].at);
    }
}

/* ---- the map from output to template ---- */

/* Line of the template that the first byte of an output line came from. */
static uint32_t template_line(struct render *r, size_t output_line) {
    size_t at = 0;
    for (size_t i = 1; i < output_line; i++) {
        at = str_find_char(r->output.text, '\n', at) + 1;
    }
    struct span span = jinja_output_span(&r->output, at);
    return sources_position(&r->sources, span.source, span.start).line;
}

static void output_lines_know_their_template_line(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct render *r = render(a,
                              "{# comment #}\n"
                              "{{ s }}\n"
                              "{% if s %}\n"
                              "inside\n"
                              "{% endif %}\n"
                              "{% for x in list %}\n"
                              "{{ x }} of\n"
                              "{% endfor %}\n"
                              "{% macro m() %}made{% endmacro %}\n"
                              "{{ m() }}\n",
                              &jinja_options_builder);
    assert_true(r->ok);
    assert_string_equal(str_to_c(a, r->output.text), "text\ninside\n1 of\n2 of\nmade\n");
    static const uint32_t lines[] = { 2, 4, 7, 7, 9 }; /* a macro: where it is written */
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(template_line(r, i + 1), lines[i]);
    }
    for (size_t i = 1; i < r->output.run_count; i++) {
        assert_true(r->output.runs[i - 1].start < r->output.runs[i].start);
    }
}

static void an_empty_output_came_from_nowhere(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    struct render *r = render(a, "{% set x = 1 %}", &jinja_options_builder);
    assert_true(r->ok);
    assert_int_equal(r->output.text.len, 0);
    assert_false(span_is_set(jinja_output_span(&r->output, 0)));
}

/* ---- the map from output to values ---- */

static const struct origin_case {
    const char *template;
    const char *output; /* with the origin of each letter below; '.': none */
    const char *origins;
} origin_cases[] = {
    { "a{{ x }}b{{ y }}", "a-x-b-y-", ".111.222" },
    { "{{ list[1] }}{{ list[0] | upper }}", "-y--X-", "222111" },
    { "{% for v in list %}<{{ v }}>{% endfor %}", "<-x-><-y->", ".111..222." },
    { "{{ 'p' ~ x }} {{ x + 'q' }} {{ d.v }}", "p-x- -x-q -x-", "1111.1111.111" },
    { "{{ list | join(',') }}", "-x-,-y-", "3333333" },
    { "{% for v in '1 2'.split() %}{{ v }}{% endfor %}{{ x.strip('-') }}", "12x", "..1" },
    { "{% for v in x.split('-') %}{{ v }}{% endfor %}", "x", "1" },
    { "{% macro m(l) %}{% for v in l %}<{{ v }}>{% endfor %}{% endmacro %}{{ m(list) }}",
      "<-x-><-y->", ".111..222." },
    { "{% macro m(v) %}<{{ v }}>{% endmacro %}{% macro n(v) %}({{ m(v) }}){% endmacro %}{{ n(y) }}",
      "(<-y->)", "..222.." },
    { "{% set t %}<{{ x }}>{% endset %}{{ t }}|{{ t | trim }}", "<-x->|<-x->", ".111...111." },
    { "{% set t %} {{ x }}{% endset %}{{ t | trim }}", "-x-", "111" },
    { "{% filter upper %}a{{ y }}{% endfilter %}", "A-Y-", "2222" },
    { "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}{{ x }}{% endcall %}", "[-x-]",
      ".111." },
    { "{% autoescape true %}{{ x }}<{% endautoescape %}", "-x-<", "111." },
    { "{{ x if y else 1 }}{{ nope | default(y) }}", "-x--y-", "111222" },
};

static struct jinja_value with_origin(struct jinja_value v, uint32_t origin) {
    v.origin = origin;
    return v;
}

static char origin_at(const struct jinja_output *o, size_t at) {
    uint32_t origin = 0;
    for (size_t i = 0; i < o->run_count && o->runs[i].start <= at; i++) {
        origin = o->runs[i].origin;
    }
    return origin == 0 ? '.' : (char)('0' + origin);
}

static void output_knows_the_values_it_came_from(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(origin_cases); i++) {
        const struct origin_case *c = &origin_cases[i];
        AUTO_ARENA a = arena_new();
        struct sources sources;
        struct diag_sink sink;
        struct jinja_output out;
        sources_init(&sources, a);
        diag_sink_init(&sink, a, &sources);
        struct jinja_value x = with_origin(jinja_string(S("-x-")), 1);
        struct jinja_value y = with_origin(jinja_string(S("-y-")), 2);
        struct jinja_value list = with_origin(jinja_list_new(a), 3);
        struct jinja_value d = jinja_dict_new(a);
        struct jinja_value context = jinja_dict_new(a);
        jinja_list_add(list, x);
        jinja_list_add(list, y);
        jinja_dict_put(d, S("v"), x);
        jinja_dict_put(context, S("x"), x);
        jinja_dict_put(context, S("y"), y);
        jinja_dict_put(context, S("list"), list);
        jinja_dict_put(context, S("d"), d);
        uint32_t source = sources_add(&sources, S("t"), str_from_c(c->template));
        struct jinja_options options = jinja_options_default;
        options.mapped = true;
        struct jinja_env *env = jinja_env_new(a, &options);
        const struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
        assert_true(t != NULL && jinja_render(t, context, a, &sink, &out));
        assert_string_equal(str_to_c(a, out.text), c->output);
        char origins[64] = { 0 };
        for (size_t n = 0; n < out.text.len; n++) {
            origins[n] = origin_at(&out, n);
        }
        assert_string_equal(origins, c->origins);
    }
}

/* ---- limits ---- */

static const struct limit_case {
    const char *template;
    const char *message; /* begins with */
} limits[] = {
    { "{% for x in range(10 ** 18) %}{% endfor %}", "rendering takes more than" },
    { "{% for x in range(10 ** 9) %}{{ x }}{% endfor %}", "rendering takes more than" },
    { "{{ range(10 ** 9) | list }}", "rendering" },
    { "{{ 'x' * 10 ** 12 }}", "rendering needs more than" },
    { "{{ [0] * 10 ** 12 }}", "rendering needs more than" },
    { "{{ 'x'.center(10 ** 12) }}", "rendering takes more than" },
    { "{{ 'x'|center(10 ** 12) }}", "a text is longer than" },
    { "{{ '%100001d' % 1 }}", "a width or precision" },
    { "{{ 'a\\n' * 1000000 | indent(100000) }}", "" },
    { "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}"
      "{% endfor %}",
      "a text is longer than" },
    { "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}"
      "{% endfor %}",
      "rendering" },
    { "{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}"
      "{% endfor %}{{ ns.l }}",
      "the output is larger than" },
    { "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(90) %}{% set ns.a = [ns.a, ns.a] %}"
      "{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
      "values are too large to be compared" },
    { "{% set ns = namespace(t=(1,)) %}{% for i in range(90) %}{% set ns.t = (ns.t, ns.t) %}"
      "{% endfor %}{{ {ns.t: 1} }}",
      "a 'tuple' value cannot be a key" },
    { "{% set ns = namespace(l=[]) %}{% for i in range(200) %}{% set ns.l = [ns.l] %}{% endfor %}"
      "{{ ns.l }}",
      "a value is nested too deeply" },
    { "{% set l = [] %}{% do l.append(l) %}{{ l }}", "a value is nested too deeply" },
    { "{% set l = [] %}{% do l.append(l) %}{{ l | tojson }}", "tojson: the value is nested" },
    { "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "evaluation is nested more than" },
    { "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "evaluation is nested" },
    { "{% set l = [1] %}{% for x in l %}{% do l.append(1) %}{% endfor %}", "rendering takes" },
    { "{{ list | batch(10 ** 9, 'x') | list }}", "rendering takes more than" },
    { "{{ '{:1000000000}'.format(1) }}", "a width in the format is too large" },
    { "{{ '{:.401f}'.format(1.0) }}", "a precision in the format is too large" },
    { "{{ ('{:90000}' * 20).format(*range(20)) }}", "a text is longer than" },
    { "{{ '\t'.expandtabs(10 ** 18) }}", "a text is longer than" },
    { "{{ lipsum(10 ** 9) }}", "" },
    { "{{ lipsum(1, max=10 ** 18) }}", "rendering takes more than" },
    { "{{ {}.fromkeys(range(10 ** 9)) }}", "rendering needs more than" },
    { "{{ ('( ' * 500000) | urlize }}", "rendering takes more than" },
    { "{{ ('a' * 1000000) | wordwrap(1) }}", "rendering takes more than" },
    { "{{ ('a' * 100000).strip('b' * 100000 ~ 'a') }}", "rendering takes more than" },
    { "{% set l = [] %}{% do l.append(l) %}{{ l | pprint }}", "pprint: a value is nested" },
    { "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}"
      "{% endfor %}{{ ns.l | pprint }}",
      "rendering needs more than" },
    { "{% set s = 'a' * 100000 %}{% for i in range(1000) %}{% set x = s.isalpha() %}{% endfor %}",
      "rendering takes more than" },
    { "{% set s = 'a' * 100000 %}{% for i in range(1000) %}{% set x = {s: 1} %}{% endfor %}",
      "rendering takes more than" },
    { "{% set l = range(10000) | list %}{% for i in l %}{% set x = l.index(9999) %}{% endfor %}",
      "rendering takes more than" },
    { "{{ list | slice(10 ** 9) | list }}", "rendering needs more than" },
};

static void limits_are_ordinary_errors(void **state) {
    (void)state;
    struct jinja_options options = jinja_options_builder;
    options.limits = (struct jinja_limits){
        .depth = 50, .steps = 200000, .output_bytes = 1024 * 1024, .memory_bytes = 16 * 1024 * 1024
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        AUTO_ARENA a = arena_new();
        struct render *r = render(a, limits[i].template, &options);
        if (r->ok || r->sink.len != 1 ||
            !str_starts(r->sink.items[0].message, str_from_c(limits[i].message))) {
            fail_msg("%s: %s", limits[i].template,
                     r->sink.len > 0 ? str_to_c(a, r->sink.items[0].message) : "no error");
        }
        /* Twice the limit: what is asked for ahead may be freed again in the same arena. */
        assert_true(arena_used(a) < 4 * options.limits.memory_bytes);
    }
}

/* Every name is a template of this text. */
static enum jinja_load load_same(void *self, struct arena *a, str name, str *ret_path,
                                 str *ret_text, struct err *err) {
    (void)a;
    (void)err;
    *ret_path = name;
    *ret_text = str_from_c(self);
    return JINJA_LOAD_FOUND;
}

static void templates_that_load_each_other_are_limited(void **state) {
    (void)state;
    static const char *const templates[][2] = {
        { "{% include 'x' %}", "evaluation is nested more than" },
        { "{% extends 'x' %}", "" },
        { "{% import 'x' as y %}", "" },
        { "{% from 'x' import y %}", "" },
        { "{% include 'x' %}{% include 'x' %}", "evaluation is nested more than" },
        { "{% block b %}{{ self.b() }}{% endblock %}", "evaluation is nested more than" },
        { "{% macro m() %}{% include 'x' %}{% endmacro %}{{ m() }}", "evaluation is nested" },
        { "{% for i in range(100000) %}{% import 'x' ~ i as y %}{% endfor %}", "" },
    };
    struct jinja_options options = jinja_options_builder;
    options.limits.steps = 200000;
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        AUTO_ARENA a = arena_new();
        struct sources sources;
        struct diag_sink sink;
        struct jinja_output output;
        struct jinja_loader loader = { load_same, (void *)(uintptr_t)templates[i][0] };
        struct jinja_env *env = jinja_env_new(a, &options);
        sources_init(&sources, a);
        diag_sink_init(&sink, a, &sources);
        jinja_env_set_loader(env, &loader);
        uint32_t source = sources_add(&sources, S("t"), str_from_c(templates[i][0]));
        const struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
        assert_non_null(t);
        assert_false(jinja_render(t, jinja_dict_new(a), a, &sink, &output));
        assert_int_equal(sink.len, 1);
        assert_true(span_is_set(sink.items[0].span));
        assert_true(str_starts(sink.items[0].message, str_from_c(templates[i][1])));
    }
}

static void nesting_of_the_template_is_limited(void **state) {
    (void)state;
    static const char *const nests[][3] = {
        { "{{ ", "(", " 1 }}" },   { "{{ ", "[", " }}" },    { "{{ ", "- ", "1 }}" },
        { "{{ ", "not ", "1 }}" }, { "", "{% if 1 %}", "" }, { "{{ x", "[x", " }}" },
        { "{{ ", "1 if ", " }}" }, { "{{ ", "{1:", " }}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(nests); i++) {
        AUTO_ARENA a = arena_new();
        AUTO_BUF text = BUF_INIT(1024 * 1024);
        buf_add_c(&text, nests[i][0]);
        for (size_t n = 0; n < 20000; n++) {
            buf_add_c(&text, nests[i][1]);
        }
        buf_add_c(&text, nests[i][2]);
        struct render *r = render(a, text.ptr, &jinja_options_builder);
        assert_false(r->ok);
        assert_int_equal(r->sink.len, 1);
    }
}

/* Long chains are no nesting for the parser, but they are for the evaluation. */
static void long_chains_do_not_exhaust_the_stack(void **state) {
    (void)state;
    static const char *const links[] = { "+1", "~1", " and 1", "|string", "[0]", ".x", "()" };
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        AUTO_ARENA a = arena_new();
        AUTO_BUF text = BUF_INIT(4 * 1024 * 1024);
        buf_add_c(&text, "{{ 1");
        for (size_t n = 0; n < 100000; n++) {
            buf_add_c(&text, links[i]);
        }
        buf_add_c(&text, " }}");
        struct render *r = render(a, text.ptr, &jinja_options_builder);
        assert_true(r->ok || r->sink.len == 1);
    }
}

/* ---- filters of others ---- */

static bool shout(struct jinja_call *call, struct jinja_value *ret) {
    str text;
    if (!jinja_call_text(call, call->args[0], &text)) {
        return false;
    }
    bool twice =
        jinja_call_has(call, 1) && call->args[1].kind == JINJA_BOOL && call->args[1].boolean;
    *ret = jinja_string(str_concat(call->arena, text, twice ? S("!!") : S("!")));
    return true;
}

static void filters_can_be_added(void **state) {
    (void)state;
    static const struct jinja_callable row = { S_INIT("shout"), "value twice", 1, shout, "!" };
    AUTO_ARENA a = arena_new();
    struct sources sources;
    struct diag_sink sink;
    struct jinja_output out;
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    struct jinja_env *env = jinja_env_new(a, &jinja_options_default);
    jinja_env_add_filter(env, &row);
    uint32_t source =
        sources_add(&sources, S("t"), S("{{ 'a'|shout }} {{ 'b'|shout(twice=true) }}"));
    struct jinja_template *t = jinja_parse(env, &sources, source, &sink);
    assert_non_null(t);
    assert_true(jinja_render(t, jinja_dict_new(a), a, &sink, &out));
    assert_string_equal(str_to_c(a, out.text), "a! b!!");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_point_at_what_is_wrong),
        cmocka_unit_test(output_lines_know_their_template_line),
        cmocka_unit_test(output_knows_the_values_it_came_from),
        cmocka_unit_test(an_empty_output_came_from_nowhere),
        cmocka_unit_test(limits_are_ordinary_errors),
        cmocka_unit_test(templates_that_load_each_other_are_limited),
        cmocka_unit_test(nesting_of_the_template_is_limited),
        cmocka_unit_test(long_chains_do_not_exhaust_the_stack),
        cmocka_unit_test(filters_can_be_added),
    };
    return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
