// SPDX-License-Identifier: Apache-2.0
/* What instructions make of an image's config: none of these runs anything. Dockerfile reference.
 */
#include "base/testing.h"

#include <jansson.h>

#include "embedded/internal.h"

static void no_step(void *self, const struct build_step *step) {
    (void)self;
    (void)step;
}

static void no_output(void *self, const struct build_step *step, str piece) {
    (void)self;
    (void)step;
    (void)piece;
}

static void no_end(void *self, const struct build_step *step, enum build_step_end how,
                   uint64_t duration_ms) {
    (void)self;
    (void)step;
    (void)how;
    (void)duration_ms;
}

static void no_notice(void *self, str text) {
    (void)self;
    (void)text;
}

static const struct build_events no_events = { no_step, no_output, no_end, no_step, no_notice };

struct fixture {
    struct test_folder folder;
    struct store *store;
    struct sources sources;
    struct diag_sink sink;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    test_dir(&f->folder, "store");
    assert_true(store_open(test_path(&f->folder, "store"), &f->store, NULL));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    store_close(f->store);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

static bool try_build(struct fixture *f, const char *text, struct build_result *ret) {
    struct arena *a = f->folder.arena;
    struct err err = ERR_INIT;
    sources_init(&f->sources, a);
    diag_sink_init(&f->sink, a, &f->sources);
    struct build_request request = {
        .store = f->store,
        .sources = &f->sources,
        .dockerfile = sources_add(&f->sources, S("Dockerfile"), str_from_c(text)),
        .platform = { S("linux"), S("amd64"), S("") },
        .look = true,
        .policy.offline = true,
        .events = &no_events,
    };
    return embedded_run(a, &request, &f->sink, ret, &err);
}

/* "config" of the image config, as one line. */
static const char *config_of(struct fixture *f, const char *text) {
    struct build_result result = { 0 };
    if (!try_build(f, text, &result)) {
        fail_msg("%s: %s", text, test_text(&f->folder, f->sink.items[0].message));
    }
    str encoded = oci_config_encode(f->folder.arena, &result.config);
    json_t *root = json_loadb(encoded.ptr, encoded.len, 0, NULL);
    char *shown = json_dumps(json_object_get(root, "config"), JSON_SORT_KEYS | JSON_COMPACT);
    str copy = str_dup(f->folder.arena, str_from_c(shown == NULL ? "null" : shown));
    free(shown);
    json_decref(root);
    return test_text(&f->folder, copy);
}

static void instructions_are_in_the_config(void **state) {
    static const struct {
        const char *text; /* after FROM scratch */
        const char *has;
    } cases[] = {
        { "ENV A=1 B=\"x y\"\nENV A=2", "\"A=2\",\"B=x y\"]" },
        { "ENV A=1\nENV A=2 B=$A", "\"A=2\",\"B=1\"]" }, /* of the line before */
        { "ENV A 1 2", "\"A=1 2\"]" },
        { "ARG V=3\nLABEL a=$V b.c='$V'", "\"Labels\":{\"a\":\"3\",\"b.c\":\"$V\"}" },
        { "USER me:us", "\"User\":\"me:us\"" },
        { "EXPOSE 80 53/UDP", "\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}}" },
        { "EXPOSE 8000-8001", "\"ExposedPorts\":{\"8000/tcp\":{},\"8001/tcp\":{}}" },
        { "VOLUME /a /b", "\"Volumes\":{\"/a\":{},\"/b\":{}}" },
        { "VOLUME [\"/a b\"]", "\"Volumes\":{\"/a b\":{}}" },
        { "CMD echo x", "\"Cmd\":[\"/bin/sh\",\"-c\",\"echo x\"]" },
        { "CMD [\"echo\", \"x\"]", "\"Cmd\":[\"echo\",\"x\"]" },
        { "SHELL [\"/bin/bash\", \"-c\"]\nCMD x", "\"Cmd\":[\"/bin/bash\",\"-c\",\"x\"]" },
        { "ENTRYPOINT [\"a\"]\nCMD [\"b\"]", "\"Cmd\":[\"b\"],\"Entrypoint\":[\"a\"]" },
        { "CMD [\"b\"]\nENTRYPOINT [\"a\"]", "\"Cmd\":[\"b\"],\"Entrypoint\":[\"a\"]" },
        { "STOPSIGNAL SIGINT", "\"StopSignal\":\"SIGINT\"" },
        { "HEALTHCHECK --interval=5s --retries=3 CMD [\"x\"]",
          "\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":3,\"Test\":[\"CMD\",\"x\"]}" },
        { "HEALTHCHECK NONE", "\"Healthcheck\":{\"Test\":[\"NONE\"]}" },
        { "ONBUILD RUN make", "\"OnBuild\":[\"RUN make\"]" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *text = str_fmt(f->folder.arena, "FROM scratch\n%s\n", cases[i].text).ptr;
        const char *config = config_of(f, text);
        print_message("%s\n%s\n", cases[i].text, config);
        assert_non_null(strstr(config, cases[i].has));
    }
}

/* An ENTRYPOINT resets the CMD of the image it is on, not of its own stage. */
static void a_stage_inherits_and_its_entrypoint_resets(void **state) {
    struct fixture *f = *state;
    const char *config = config_of(f, "FROM scratch AS a\nENV A=1\nUSER me\nCMD [\"c\"]\n"
                                      "FROM a\nENV B=$A\nENTRYPOINT [\"e\"]\n");
    print_message("%s\n", config);
    assert_non_null(strstr(config, "\"A=1\",\"B=1\"]"));
    assert_non_null(strstr(config, "\"User\":\"me\""));
    assert_non_null(strstr(config, "\"Entrypoint\":[\"e\"]"));
    assert_null(strstr(config, "\"Cmd\":[\"c\"]"));
}

static void other_stages_are_not_looked_at(void **state) {
    struct fixture *f = *state;
    struct build_result result = { 0 };
    assert_true(
        try_build(f, "FROM no.such.host/image AS a\nRUN x\nFROM scratch\nENV A=1\n", &result));
    assert_int_equal(result.record_count, 0);
}

static void mistakes_are_reported_where_they_stand(void **state) {
    static const struct {
        const char *text;
        const char *code;
    } cases[] = {
        { "FROM scratch\nSTOPSIGNAL SIGNOPE\n", "E405" },
        { "FROM scratch\nEXPOSE 70000\n", "E405" },
        { "FROM scratch\nENV A=${B:?must be set}\n", "E401" },
        { "FROM scratch AS a\nFROM a AS a\n", "E403" },
        { "FROM scratch\nCOPY --from=5 / /\n", "E403" },
        { "FROM --platform=a/b/c/d scratch\n", "E405" },
        { "FROM scratch\nCOPY --chmod=9 a b\n", "E405" },
        { "FROM scratch\nCOPY a b c\n", "E405" },
        { "FROM scratch\nRUN --security=insecure x\n", "E405" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct build_result result = { 0 };
        print_message("%s", cases[i].text);
        assert_false(try_build(f, cases[i].text, &result));
        assert_int_not_equal(f->sink.len, 0);
        assert_string_equal(f->sink.items[0].code->name, cases[i].code);
        assert_true(span_is_set(f->sink.items[0].span));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(instructions_are_in_the_config),
        TEST(a_stage_inherits_and_its_entrypoint_resets),
        TEST(other_stages_are_not_looked_at),
        TEST(mistakes_are_reported_where_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
