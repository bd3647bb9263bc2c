// SPDX-License-Identifier: Apache-2.0
/*
 * Keys of steps. Builds that may give different layers have different keys: all of a list of
 * Dockerfiles, each with every other. And what no layer has in it is in no key.
 */
#include "base/testing.h"

#include "embedded/internal.h"

struct fixture {
    struct test_folder folder;
    struct store *store;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    test_dir(&f->folder, "store");
    test_file(&f->folder, "context/a", "text");
    test_file(&f->folder, "context/b", "text");
    test_file(&f->folder, "context/d/c", "text");
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

/* ---- the key of the first step that would run ---- */

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

/* Empty: the build said what is wrong. */
static str try_key(struct fixture *f, const char *text, struct build_request request) {
    struct arena *a = f->folder.arena;
    struct sources sources;
    struct diag_sink sink;
    struct err err = ERR_INIT;
    struct build_result result = { 0 };
    sources_init(&sources, a);
    diag_sink_init(&sink, a, &sources);
    request.store = f->store;
    request.sources = &sources;
    request.dockerfile = sources_add(&sources, S("Dockerfile"), str_from_c(text));
    request.context = test_path(&f->folder, "context");
    request.platform = (struct oci_platform){ S("linux"), S("amd64"), S("") };
    request.look = true;
    request.policy.offline = true;
    request.events = &no_events;
    if (!embedded_run(a, &request, &sink, &result, &err)) {
        print_message("%s\n", sink.len > 0 ? str_to_c(a, sink.items[0].message) : err.frames[0]);
        return S("");
    }
    assert_int_not_equal(result.record_count, 0);
    assert_int_equal(strlen(result.records[0].key.hex), STORE_KEY_HEX);
    return str_dup(a, str_from_c(result.records[0].key.hex));
}

static str key_with(struct fixture *f, const char *text, struct build_request request) {
    str key = try_key(f, text, request);
    assert_int_not_equal(key.len, 0);
    return key;
}

static str key_of(struct fixture *f, const char *text) {
    return key_with(f, text, (struct build_request){ 0 });
}

/* ---- what differs ---- */

static const char *const different[] = {
    "RUN make",
    "RUN  make all",
    "RUN [\"make\", \"all\"]",
    "RUN [\"make\", \"al\", \"l\"]",
    "RUN [\"make\", \"all\", \"\"]",
    "RUN <<EOF\nmake\nEOF",
    "RUN <<EOF\n#!/bin/bash\nmake\nEOF",
    "RUN --network=none make",
    "RUN --mount=type=tmpfs,target=/x make",
    "RUN --mount=type=tmpfs,target=/y make",
    "RUN --mount=type=tmpfs,target=/x,size=1m make",
    "RUN --mount=type=cache,target=/x make",
    "RUN --mount=type=cache,target=/x,id=y make",
    "RUN --mount=type=cache,target=/x,ro make",
    "RUN --mount=type=cache,target=/x --mount=type=cache,target=/y make",
    "RUN --mount=target=/x make",
    "RUN --mount=target=/x,rw make",
    "RUN --mount=target=/x,source=d make",
    "RUN --mount=target=/x,from=other make",
    "ENV A=1\nRUN make",
    "ENV A=2\nRUN make",
    "ENV A=1 B=2\nRUN make",
    "ENV A=\"1 B=2\"\nRUN make",
    "ENV AA=1\nRUN make",
    "ARG A=3\nRUN make",
    "ARG B=1\nRUN make",
    "USER 1\nRUN make",
    "USER 1:1\nRUN make",
    "SHELL [\"/bin/bash\", \"-c\"]\nRUN make",
    "SHELL [\"/bin/sh\", \"-e\", \"-c\"]\nRUN make",
    "COPY a /x",
    "COPY b /x",
    "COPY a /y",
    "COPY a /x/",
    "COPY a b /x/",
    "COPY d /x",
    "COPY --chown=1 a /x",
    "COPY --chown=1:2 a /x",
    "COPY --chmod=600 a /x",
    "COPY --chmod=601 a /x",
    "COPY --parents a /x",
    "COPY --parents d/c /x/",
    "COPY --parents d/./c /x/",
    "COPY --exclude=c d /x",
    "COPY --from=other . /x",
    "COPY --from=other d /x",
    "COPY --from=other --exclude=c . /x",
    "COPY --from=other --exclude=d . /x",
    "COPY --from=other --exclude=c --exclude=d . /x",
    "COPY --from=other --chown=1 . /x",
    "COPY <<EOF /x\ntext\nEOF",
    "COPY <<EOF /x\ntex\nEOF",
    "COPY <<EOF /x/\ntext\nEOF",
    "COPY <<EOS /x/\ntext\nEOS",
    "ADD a /x",
    "ADD --unpack=false b /x",
    "WORKDIR /w",
    "WORKDIR /v",
    "USER 1\nWORKDIR /w",
};

static void steps_that_differ_have_keys_that_differ(void **state) {
    struct fixture *f = *state;
    str keys[ARRAY_LEN(different)];
    for (size_t i = 0; i < ARRAY_LEN(different); i++) {
        str text =
            str_fmt(f->folder.arena, "FROM scratch AS other\nFROM scratch\n%s\n", different[i]);
        keys[i] = key_of(f, text.ptr);
        for (size_t before = 0; before < i; before++) {
            if (str_eq(keys[before], keys[i])) {
                fail_msg("one key:\n%s\n%s", different[before], different[i]);
            }
        }
    }
}

/* The same instruction on another image, or after another one. */
static void a_base_and_a_request_count(void **state) {
    struct fixture *f = *state;
    static const char text[] = "FROM scratch\nARG A\nRUN make\n";
    str keys[5];
    struct build_request request = { 0 };
    keys[0] = key_with(f, text, request);
    request.network = BUILD_NETWORK_NONE;
    keys[1] = key_with(f, text, request);
    request.network = BUILD_NETWORK_HOST;
    oci_pairs_set(f->folder.arena, &request.build_args, S("A"), S("1"));
    keys[2] = key_with(f, text, request);
    request.build_args = (struct oci_pairs){ 0 };
    oci_pairs_set(f->folder.arena, &request.build_args, S("A"), S(""));
    keys[3] = key_with(f, text, request);
    request.build_args = (struct oci_pairs){ 0 };
    oci_pairs_set(f->folder.arena, &request.build_args, S("BUILDKIT_SANDBOX_HOSTNAME"), S("h"));
    keys[4] = key_with(f, text, request);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        for (size_t n = 0; n < i; n++) {
            print_message("%zu and %zu\n", n, i);
            assert_false(str_eq(keys[n], keys[i]));
        }
    }
}

/* ---- what does not ---- */

static void what_no_layer_has_in_it_is_in_no_key(void **state) {
    static const char *const same[][2] = {
        { "RUN make", "# why\nRUN   make" },
        { "RUN make", "LABEL a=b\nRUN make" },
        { "RUN make", "EXPOSE 80\nVOLUME /v\nRUN make" },
        { "COPY a /x", "COPY a /x\nCOPY b /x" },
        { "COPY a /x", "COPY ./a /x" },
        { "COPY a /x", "ENV A=1\nCOPY a /x" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        str texts[2];
        for (size_t n = 0; n < 2; n++) {
            texts[n] = str_fmt(f->folder.arena, "FROM scratch\n%s\n", same[i][n]);
        }
        print_message("%s\n%s\n", same[i][0], same[i][1]);
        assert_true(str_eq(key_of(f, texts[0].ptr), key_of(f, texts[1].ptr)));
    }
}

static void a_proxy_and_a_secrets_content_are_in_no_key(void **state) {
    static const char text[] = "FROM scratch\nRUN --mount=type=secret,id=s make\n";
    struct fixture *f = *state;
    struct build_secret secret = { S("s"), S("one") };
    struct build_request request = { .secrets = &secret, .secret_count = 1 };
    str key = key_with(f, text, request);
    secret.content = S("two");
    assert_true(str_eq(key_with(f, text, request), key));
    oci_pairs_set(f->folder.arena, &request.build_args, S("http_proxy"), S("http://p"));
    assert_true(str_eq(key_with(f, text, request), key));
    request.policy.share.memory_bytes = 1 << 30;
    assert_true(str_eq(key_with(f, text, request), key));
}

/* Of an epoch that is not a date the build says so, before any step. */
static void an_epoch_is_a_date(void **state) {
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "0", true },       { "253402300799", true }, { "253402300800", false },
        { "-1", false },     { "now", false },         { "", true },
        { "context", true },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct build_request request = { .policy.epoch_is_now = true };
        oci_pairs_set(f->folder.arena, &request.build_args, S("SOURCE_DATE_EPOCH"),
                      str_from_c(cases[i].text));
        print_message("%s\n", cases[i].text);
        assert_int_equal(try_key(f, "FROM scratch\nRUN make\n", request).len > 0, cases[i].good);
    }
}

static void a_file_that_is_not_copied_is_in_no_key(void **state) {
    static const char *const texts[] = {
        "FROM scratch\nCOPY --exclude=**/*.log . /x\n",
        "FROM scratch\nCOPY --parents --exclude=**/*.log d /x/\n",
        "FROM scratch\nCOPY --exclude=*.log d /x\n",
        "FROM scratch\nRUN --mount=target=/x,source=a make\n",
        "FROM scratch\nCOPY ? /x/\n",
    };
    struct fixture *f = *state;
    str keys[ARRAY_LEN(texts)];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        keys[i] = key_of(f, texts[i]);
    }
    test_file(&f->folder, "context/xx.log", "1");
    test_file(&f->folder, "context/d/x.log", "1");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        bool takes_d = i + 1 == ARRAY_LEN(texts); /* which has another file now */
        print_message("%s", texts[i]);
        assert_true(str_eq(key_of(f, texts[i]), keys[i]) != takes_d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_that_differ_have_keys_that_differ, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_and_a_request_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_layer_has_in_it_is_in_no_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_proxy_and_a_secrets_content_are_in_no_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_epoch_is_a_date, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_copied_is_in_no_key, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
