// SPDX-License-Identifier: Apache-2.0
/* Sources of ADD that are somewhere else: which they are, and who gets a secret. */
#include "base/testing.h"
#include "remote/internal.h"

/* ---- kinds ---- */

static void a_source_is_of_a_kind(void **state) {
    static const struct {
        const char *text;
        enum remote_kind kind;
    } cases[] = {
        { "http://a/b", REMOTE_URL },
        { "HTTPS://a/b", REMOTE_URL },
        { "https://a/b.git", REMOTE_GIT },
        { "https://a/b.git#main:sub", REMOTE_GIT },
        { "https://a/b.git?ref=x", REMOTE_GIT },
        { "https://a/b.git/", REMOTE_URL },
        { "https://a/b?x=.git", REMOTE_URL },
        { "git://a/b", REMOTE_GIT },
        { "ssh://git@a/b", REMOTE_GIT },
        { "git@a.example:b/c", REMOTE_GIT },
        { "git@a.example:b/c.git", REMOTE_GIT },
        { "-o@a:b", REMOTE_NONE }, /* ssh would take it for an option */
        { "@a:b", REMOTE_NONE },
        { "a b@c:d", REMOTE_NONE },
        { "file", REMOTE_NONE },
        { "ftp://a/b", REMOTE_NONE },
        { "a@b", REMOTE_NONE },
        { "git@:x", REMOTE_NONE },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].text);
        assert_int_equal(remote_kind_of(str_from_c(cases[i].text)), cases[i].kind);
    }
}

static void a_password_is_not_shown(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    assert_string_equal(remote_shown(a, "https://me:pass@h/x"), "https://me:xxxxx@h/x");
    assert_string_equal(remote_shown(a, "https://me:p@ss@h/x"), "https://me:xxxxx@h/x");
    assert_string_equal(remote_shown(a, "https://me@h/x"), "https://me@h/x");
    assert_string_equal(remote_shown(a, "https://h/x:y@z"), "https://h/x:y@z");
    assert_string_equal(remote_shown(a, "git@h:x"), "git@h:x");
}

static void bytes_are_decoded(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    assert_string_equal(str_to_c(a, percent_decode(a, S("a%2eb%2Fc%"))), "a.b/c%");
    assert_string_equal(str_to_c(a, percent_decode(a, S("%zz%41"))), "%zzA");
    assert_string_equal(str_to_c(a, percent_decode(a, S("%4"))), "%4");
}

/* ---- secrets ---- */

/* The header for the source, or "". */
static const char *header(struct arena *a, enum remote_kind kind, const char *url, const char *id,
                          const char *value) {
    const struct build_secret secret = { str_from_c(id), str_from_c(value) };
    const struct remote_env env = { .arena = a, .secrets = &secret, .secret_count = 1 };
    const struct remote r = { .kind = kind, .url = url };
    const char *found = NULL;
    struct err err = ERR_INIT;
    assert_true(remote_authorization(&env, &r, &found, &err));
    return found == NULL ? "" : found;
}

static void a_secret_is_for_its_server_alone(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    static const char bearer[] = "Authorization: Bearer t0k";
    const char *id = "HTTP_AUTH_TOKEN_one.example";
    assert_string_equal(header(a, REMOTE_URL, "https://one.example/x", id, " t0k\n"), bearer);
    assert_string_equal(header(a, REMOTE_URL, "https://me@ONE.example/x", id, "t0k"), bearer);
    assert_string_equal(header(a, REMOTE_URL, "https://one.example:8443/x", id, "t0k"), bearer);
    assert_string_equal(header(a, REMOTE_URL, "https://two.example/x", id, "t0k"), "");
    assert_string_equal(header(a, REMOTE_URL, "https://one.example.evil/x", id, "t0k"), "");
    assert_string_equal(header(a, REMOTE_URL, "https://evil/one.example", id, "t0k"), "");
    assert_string_equal(header(a, REMOTE_URL, "https://one.example@evil/", id, "t0k"), "");
    assert_string_equal(header(a, REMOTE_URL, "https://evil?@one.example", id, "t0k"), "");
    assert_string_equal(header(a, REMOTE_GIT, "https://one.example/x.git", id, "t0k"), "");
    id = "HTTP_AUTH_TOKEN_one.example:8443";
    assert_string_equal(header(a, REMOTE_URL, "https://one.example:8443/x", id, "t0k"), bearer);
    assert_string_equal(header(a, REMOTE_URL, "https://one.example/x", id, "t0k"), "");
    assert_string_equal(header(a, REMOTE_URL, "https://one.example:84/x", id, "t0k"), "");
}

static void git_has_secrets_of_its_own(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    const char *url = "https://g.example/x.git";
    assert_string_equal(header(a, REMOTE_GIT, url, "GIT_AUTH_TOKEN", "abc"),
                        "Authorization: Basic eC1hY2Nlc3MtdG9rZW46YWJj");
    assert_string_equal(header(a, REMOTE_GIT, url, "GIT_AUTH_TOKEN.g.example", "ab"),
                        "Authorization: Basic eC1hY2Nlc3MtdG9rZW46YWI=");
    assert_string_equal(header(a, REMOTE_GIT, url, "GIT_AUTH_TOKEN.h.example", "ab"), "");
    assert_string_equal(header(a, REMOTE_GIT, url, "GIT_AUTH_HEADER", "Basic x"),
                        "Authorization: Basic x");
    assert_string_equal(header(a, REMOTE_GIT, "git@g.example:x", "GIT_AUTH_TOKEN", "ab"), "");
    assert_string_equal(header(a, REMOTE_URL, "https://g.example/x", "GIT_AUTH_TOKEN", "ab"), "");
}

static void a_secret_of_two_lines_is_refused(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    const struct build_secret secret = { S("HTTP_AUTH_HEADER_h"), S("a\r\nHost: b") };
    const struct remote_env env = { .arena = a, .secrets = &secret, .secret_count = 1 };
    const struct remote r = { .kind = REMOTE_URL, .url = "http://h/" };
    const char *found;
    struct err err = ERR_INIT;
    assert_false(remote_authorization(&env, &r, &found, &err));
    assert_non_null(strstr(err.frames[0], "is not one line"));
}

static void an_origin_has_neither_user_nor_path(void **state) {
    (void)state;
    AUTO_ARENA a = arena_new();
    assert_string_equal(remote_origin(a, "https://me:pw@H.example:1/x?y"), "https://h.example:1/");
    assert_string_equal(remote_origin(a, "http://h"), "http://h/");
}

/* ---- git ---- */

struct parsing {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct remote_env env;
};

static bool parse(struct parsing *p, const char *text, struct remote *ret) {
    p->arena = arena_new();
    sources_init(&p->sources, p->arena);
    diag_sink_init(&p->sink, p->arena, &p->sources);
    uint32_t source = sources_add(&p->sources, S("Dockerfile"), S("ADD x y\n"));
    p->env = (struct remote_env){ .arena = p->arena, .sink = &p->sink };
    *ret = (struct remote){ .kind = REMOTE_GIT, .span = { source, 4, 5 } };
    return remote_parse_git(&p->env, ret, str_from_c(text));
}

static void a_git_source_says_what_is_wanted(void **state) {
    static const struct {
        const char *text;
        const char *url;
        const char *ref;
        const char *subdir;
    } cases[] = {
        { "https://a/b.git", "https://a/b.git", "", "" },
        { "https://a/b.git#main", "https://a/b.git", "main", "" },
        { "https://a/b.git#main:sub/dir", "https://a/b.git", "main", "sub/dir" },
        { "https://a/b.git#:/../sub", "https://a/b.git", "", "sub" },
        { "https://a/b.git?branch=x&subdir=y", "https://a/b.git", "refs/heads/x", "y" },
        { "https://a/b.git?tag=v%2e1", "https://a/b.git", "refs/tags/v.1", "" },
        { "git@a:b#c", "git@a:b", "c", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsing p;
        struct remote r;
        print_message("%s\n", cases[i].text);
        assert_true(parse(&p, cases[i].text, &r));
        assert_string_equal(r.url, cases[i].url);
        assert_string_equal(str_to_c(p.arena, r.ref), cases[i].ref);
        assert_string_equal(str_to_c(p.arena, r.subdir), cases[i].subdir);
        arena_free(p.arena);
    }
}

static void a_whole_commit_is_what_is_fetched(void **state) {
    static const char commit[] = "0123456789ABCDEF0123456789abcdef01234567";
    (void)state;
    struct parsing p;
    struct remote r;
    char text[200];
    snprintf(text, sizeof text, "https://a/b.git?commit=%s&keep-git-dir&submodules=false", commit);
    assert_true(parse(&p, text, &r));
    assert_string_equal(str_to_c(p.arena, r.ref), "0123456789abcdef0123456789abcdef01234567");
    assert_true(r.keep_git_dir && r.no_submodules);
    arena_free(p.arena);
    assert_true(parse(&p, "https://a/b.git?checksum=0123456#main", &r));
    assert_string_equal(str_to_c(p.arena, r.ref), "main");
    assert_false(r.keep_git_dir || r.no_submodules);
    arena_free(p.arena);
}

static void a_git_source_that_is_wrong_is_refused(void **state) {
    static const char *const texts[] = {
        "https://a/b.git#-x",
        "https://a/b.git?ref=-x",
        "https://a/b.git?ref=x#y",
        "https://a/b.git?subdir=x#:y",
        "https://a/b.git?what=x",
        "https://a/b.git?keep-git-dir=maybe",
        "https://a/b.git?commit=012345",
        "https://a/b.git?commit=main",
        "https://a/b.git?mtime=now",
        "https://a/b.git?tag=",
        "https://a/b.git?ref=a%00b",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct parsing p;
        struct remote r;
        print_message("%s\n", texts[i]);
        assert_false(parse(&p, texts[i], &r));
        assert_int_equal(p.sink.len, 1);
        assert_string_equal(p.sink.items[0].code->name, "E405");
        arena_free(p.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_of_a_kind),
        cmocka_unit_test(a_password_is_not_shown),
        cmocka_unit_test(bytes_are_decoded),
        cmocka_unit_test(a_secret_is_for_its_server_alone),
        cmocka_unit_test(git_has_secrets_of_its_own),
        cmocka_unit_test(a_secret_of_two_lines_is_refused),
        cmocka_unit_test(an_origin_has_neither_user_nor_path),
        cmocka_unit_test(a_git_source_says_what_is_wanted),
        cmocka_unit_test(a_whole_commit_is_what_is_fetched),
        cmocka_unit_test(a_git_source_that_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
