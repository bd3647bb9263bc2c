// SPDX-License-Identifier: Apache-2.0
/* Values that are checked after expansion: mounts, ports, durations; and stages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dockerfile/internal.h"

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    const struct dockerfile *file;
};

static bool find(void *self, str name, str *ret) {
    *ret = S("/value,b");
    return str_eq(name, S("V"));
}

static int setup(void **state) {
    static struct fixture f;
    f.arena = arena_new();
    sources_init(&f.sources, f.arena);
    diag_sink_init(&f.sink, f.arena, &f.sources);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    arena_free(f->arena);
    return 0;
}

static void check_str(str got, const char *wanted) {
    if (!str_eq(got, str_from_c(wanted))) {
        fail_msg("got '%.*s', wanted '%s'", STR_FMT(got), wanted);
    }
}

static struct dockerfile_word word_of(struct fixture *f, const char *text) {
    uint32_t source = sources_add(&f->sources, S("Dockerfile"), str_from_c(text));
    return (struct dockerfile_word){ str_from_c(text), { source, 0, (uint32_t)strlen(text) } };
}

static bool parse_mount(struct fixture *f, const char *text, struct dockerfile_mount *ret) {
    struct dockerfile_expander e = {
        .arena = f->arena, .sink = &f->sink, .escape = '\\', .find = find
    };
    return dockerfile_mount_parse(&e, f->arena, &f->sink, word_of(f, text), ret);
}

static void mounts_have_defaults(void **state) {
    struct fixture *f = *state;
    struct dockerfile_mount m;
    assert_true(parse_mount(f, "target=/x", &m));
    assert_int_equal(m.type, DOCKERFILE_MOUNT_BIND);
    assert_true(m.readonly);
    assert_true(parse_mount(f, "type=bind,rw,from=build,src=/a,dst=b", &m));
    assert_false(m.readonly);
    check_str(m.from, "build");
    check_str(m.source, "/a");
    check_str(m.target, "b");
    assert_true(parse_mount(f, "target=/x,sharing=LOCKED,mode=01777,uid=5,gid=6,type=cache", &m));
    assert_int_equal(m.type, DOCKERFILE_MOUNT_CACHE);
    assert_int_equal(m.sharing, DOCKERFILE_LOCKED);
    assert_false(m.readonly);
    assert_true(m.has_mode && m.has_uid && m.has_gid);
    assert_int_equal(m.mode, 01777);
    assert_int_equal(m.gid, 6);
    assert_true(parse_mount(f, "type=tmpfs,target=/t,size=64m", &m));
    assert_int_equal(m.size_bytes, 64 * 1024 * 1024);
    assert_true(parse_mount(f, "type=secret,target=/run/key,required", &m));
    check_str(m.id, "key");
    assert_true(m.required);
    assert_true(parse_mount(f, "type=secret,id=a,env=TOKEN", &m));
    check_str(m.env, "TOKEN");
    assert_true(parse_mount(f, "type=ssh", &m));
    check_str(m.id, "default");
    static const char *const without_target[] = { "type=bind", "from=build,src=/a", "type=cache",
                                                  "type=tmpfs" };
    for (size_t i = 0; i < ARRAY_LEN(without_target); i++) {
        assert_true(parse_mount(f, without_target[i], &m)); /* at WORKDIR */
        assert_int_equal(m.target.len, 0);
    }
}

static void mounts_replace_variables_after_splitting(void **state) {
    struct fixture *f = *state;
    struct dockerfile_mount m;
    assert_true(parse_mount(f, "type=cache,target=$V/x,id=${UNSET:-c}", &m));
    check_str(m.target, "/value,b/x");
    check_str(m.id, "c");
    assert_true(parse_mount(f, "\"target=/a,b\\\"\"c\",type=tmpfs", &m));
    check_str(m.target, "/a,b\"c");
}

static void bad_mounts_are_reported_at_the_field(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        const char *message;
        uint32_t start;
        uint32_t end;
    } cases[] = {
        { "type=disk,target=/x", "type must be bind, cache, tmpfs, secret or ssh, not 'disk'", 0,
          9 },
        { "target=/x,tyep=cache", "--mount has no field 'tyep'", 10, 20 },
        { "type=tmpfs,target=/x,from=a", "a mount of type tmpfs has no 'from'", 21, 27 },
        { "target=/", "the target of a mount cannot be '/'", 0, 8 },
        { "type=cache,target", "'target' needs a value", 11, 17 },
        { "type=cache,target=/x,sharing=all",
          "sharing must be shared, private or locked, not 'all'", 21, 32 },
        { "type=cache,target=/x,mode=9", "mode must be an octal mode such as 0755, not '9'", 21,
          27 },
        { "type=cache,target=/x,uid=me", "uid must be a number, not 'me'", 21, 27 },
        { "type=tmpfs,target=/x,size=1q", "size must be a size such as 64m or 1g, not '1q'", 21,
          28 },
        { "type=tmpfs,target=/x,size=99999999999g",
          "size must be a size such as 64m or 1g, not '99999999999g'", 21, 38 },
        { "target=/x,ro=perhaps", "ro must be true or false, not 'perhaps'", 10, 20 },
        { "type=secret", "a secret needs an id or a target", 0, 11 },
        { "target=/x,from=$V", "variables are not expanded in from", 10, 17 },
        { "target=/x,,", "--mount has no field ''", 10, 10 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dockerfile_mount m;
        f->sink.len = 0;
        assert_false(parse_mount(f, cases[i].text, &m));
        assert_int_equal(f->sink.len, 1);
        assert_string_equal(f->sink.items[0].code->name, "E405");
        check_str(f->sink.items[0].message, cases[i].message);
        assert_int_equal(f->sink.items[0].span.start, cases[i].start);
        assert_int_equal(f->sink.items[0].span.end, cases[i].end);
    }
}

static void ports(void **state) {
    struct fixture *f = *state;
    struct dockerfile_port p;
    assert_true(dockerfile_port_parse(f->arena, &f->sink, word_of(f, "80"), &p));
    assert_int_equal(p.first, 80);
    assert_int_equal(p.last, 80);
    check_str(p.protocol, "tcp");
    assert_true(dockerfile_port_parse(f->arena, &f->sink, word_of(f, "8000-8010/UDP"), &p));
    assert_int_equal(p.last, 8010);
    check_str(p.protocol, "udp");
    assert_true(dockerfile_port_parse(f->arena, &f->sink, word_of(f, "127.0.0.1:80:90"), &p));
    assert_int_equal(p.first, 90);
    static const char *const bad[] = { "",    "x",       "65536", "-1",  "80/",
                                       "2-1", "80/http", "80-",   "1-x", "80 81" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(dockerfile_port_parse(f->arena, &f->sink, word_of(f, bad[i]), &p));
    }
}

static void durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {
        { "0", 0 },
        { "5s", 5000000000 },
        { "1h2m3s", 3723000000000 },
        { "1.5h", 5400000000000 },
        { ".5s", 500000000 },
        { "1.s", 1000000000 },
        { "-1m", -60000000000 },
        { "+3ms", 3000000 },
        { "2us", 2000 },
        { "2\xC2\xB5s", 2000 },
        { "1.0000000019s", 1000000001 },
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t ns;
        assert_true(duration_parse(str_from_c(good[i].text), &ns));
        assert_int_equal(ns, good[i].ns);
    }
    static const char *const bad[] = { "",  "5",   "s",   ".s",          "1x",
                                       "-", "1s2", "1 s", "9999999999h", "9223372036s9223372036s" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ns;
        assert_false(duration_parse(str_from_c(bad[i]), &ns));
    }
}

/* ---- stages ---- */

static void parse(struct fixture *f, const char *text) {
    uint32_t source = sources_add(&f->sources, S("Dockerfile"), str_from_c(text));
    f->sink.len = 0;
    assert_true(dockerfile_parse(f->arena, &f->sink, source, &f->file));
}

static void names_mean_earlier_stages(void **state) {
    struct fixture *f = *state;
    parse(f, "FROM a AS one\nFROM b\nFROM one AS two\n");
    assert_int_equal(dockerfile_find_stage(f->file, S("ONE")), 0);
    assert_int_equal(dockerfile_find_stage(f->file, S("1")), 1);
    assert_int_equal(dockerfile_find_stage(f->file, S("3")), DOCKERFILE_NO_STAGE);
    assert_int_equal(dockerfile_find_stage(f->file, S("")), DOCKERFILE_NO_STAGE);
    assert_int_equal(dockerfile_resolve_stage(f->file, 2, S("one"), false), 0);
    assert_int_equal(dockerfile_resolve_stage(f->file, 0, S("one"), false), DOCKERFILE_NO_STAGE);
    assert_int_equal(dockerfile_resolve_stage(f->file, 2, S("1"), false), DOCKERFILE_NO_STAGE);
    assert_int_equal(dockerfile_resolve_stage(f->file, 2, S("1"), true), 1);
    assert_int_equal(dockerfile_resolve_stage(f->file, 1, S("1"), true), DOCKERFILE_NO_STAGE);
}

static void stages_that_can_be_built_pass(void **state) {
    struct fixture *f = *state;
    static const char *const good[] = {
        "FROM alpine AS alpine\n",
        "FROM alpine AS base\nFROM alpine AS alpine\n",
        "FROM a AS b\nFROM b\nCOPY --from=b x y\nCOPY --from=0 x y\nCOPY --from=nginx x y\n",
        "FROM a AS b\nFROM c\nRUN --mount=from=b,target=/x ls\n",
        "ARG B=later\nFROM $B\nFROM x AS later\n", /* not known without the ARGs */
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        parse(f, good[i]);
        assert_true(dockerfile_check_stages(f->file, NULL, &f->sink));
        assert_int_equal(f->sink.len, 0);
    }
}

static bool find_later(void *self, str name, str *ret) {
    *ret = S("later");
    return str_eq(name, S("B"));
}

static void stages_that_cannot_are_reported(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        const char *place;
        const char *message;
    } bad[] = {
        { "FROM a AS x\nFROM b AS X\n", "X", "two stages are named 'x'" },
        { "FROM b\nFROM a AS b\n", "b", "stage 'b' is used before it is defined" },
        { "FROM a AS s\nCOPY --from=s x y\n", "s", "stage 's' uses itself" },
        { "FROM a\nCOPY --from=0 x y\n", "0", "stage 0 uses itself" },
        { "FROM a\nCOPY --from=5 x y\n", "5", "there is no stage 5" },
        { "FROM a\nRUN --mount=from=z,target=/x y\nFROM b AS z\n", "from=z,target=/x",
          "stage 'z' is used before it is defined" },
        { "FROM a AS p\nCOPY --from=q x y\nFROM p AS q\n", "q",
          "stage 'p' and stage 'q' need each other" },
        { "FROM a AS p\nCOPY --from=r x y\nFROM p AS q\nFROM q AS r\n", "r",
          "stage 'p' and stage 'r' need each other" },
        { "ARG B\nFROM $B\nFROM a AS later\n", "$B", "stage 'later' is used before it is defined" },
    };
    struct dockerfile_expander e = {
        .arena = f->arena, .sink = &f->sink, .escape = '\\', .find = find_later
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        parse(f, bad[i].text);
        assert_false(dockerfile_check_stages(f->file, &e, &f->sink));
        assert_int_equal(f->sink.len, 1);
        const struct diag *d = &f->sink.items[0];
        assert_string_equal(d->code->name, "E403");
        check_str(d->message, bad[i].message);
        check_str(str_slice(str_from_c(bad[i].text), d->span.start, d->span.end), bad[i].place);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(mounts_have_defaults),
        CASE(mounts_replace_variables_after_splitting),
        CASE(bad_mounts_are_reported_at_the_field),
        CASE(ports),
        cmocka_unit_test(durations),
        CASE(names_mean_earlier_stages),
        CASE(stages_that_can_be_built_pass),
        CASE(stages_that_cannot_are_reported),
    };
    return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
