// SPDX-License-Identifier: Apache-2.0
/* What builders print, as events. */
#include "base/testing.h"

#include "docker/internal.h"

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct build_request request;
    const struct dockerfile *file;
    struct build_result result;
    struct watched *watched;
    str told; /* a word for each event */
};

static void tell(struct fixture *f, const char *what, const struct build_step *step, str text) {
    f->told = str_fmt(f->arena, "%.*s%s %.*s%zu/%zu%.*s;", STR_FMT(f->told), what,
                      STR_FMT(step->stage), step->number, step->count, STR_FMT(text));
}

static void on_begin(void *self, const struct build_step *step) {
    tell(self, "begin", step, S(""));
}

static void on_output(void *self, const struct build_step *step, str piece) {
    struct fixture *f = self;
    tell(f, "out", step, str_fmt(f->arena, "=%.*s", STR_FMT(str_trim(piece))));
}

static void on_end(void *self, const struct build_step *step, enum build_step_end how,
                   uint64_t duration_ms) {
    static const char *const words[] = { "done", "cached", "failed" };
    (void)duration_ms;
    tell(self, words[how], step, S(""));
}

static void on_tick(void *self, const struct build_step *step) {
    (void)self;
    (void)step;
}

static void on_notice(void *self, str text) {
    (void)self;
    (void)text;
}

static const struct build_events events = { on_begin, on_output, on_end, on_tick, on_notice };

static void begin(struct fixture *f, const char *text) {
    *f = (struct fixture){ .arena = arena_new(), .told = S("") };
    sources_init(&f->sources, f->arena);
    diag_sink_init(&f->sink, f->arena, &f->sources);
    uint32_t source = sources_add(&f->sources, S("Dockerfile"), str_from_c(text));
    assert_true(dockerfile_parse(f->arena, &f->sink, source, &f->file));
    f->request = (struct build_request){ .sources = &f->sources, .events = &events, .self = f };
    f->watched = watched_new(f->arena, &f->request, f->file, &f->result);
}

static void done(struct fixture *f) {
    watched_free(f->watched);
    arena_free(f->arena);
}

static const char *feed(struct fixture *f, const char *text) {
    f->told = S("");
    watched_output(f->watched, 2, str_from_c(text));
    return str_to_c(f->arena, f->told);
}

static void a_step_begins_prints_and_ends(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "FROM base\nRUN one\nCOPY a b\nRUN two\n");
    assert_string_equal(feed(&f, "#5 [2/4] RUN one\n#5 0.197 hello\n#5 0.2 \n"),
                        "begin 1/3;out 1/3=hello;out 1/3=;");
    assert_string_equal(feed(&f, "#5 DONE 1.2s\n"), "done 1/3;");
    assert_string_equal(feed(&f, "#6 [3/4] COPY a b\n#6 CACHED\n"), "begin 2/3;cached 2/3;");
    assert_string_equal(feed(&f, "#7 [4/4] RUN two\n#7 ERROR: process \"x\" did not complete "
                                 "successfully: exit code: 3\n"),
                        "begin 3/3;failed 3/3;");
    assert_int_equal(f.result.record_count, 3);
    assert_true(f.result.records[1].cached && !f.result.records[0].cached);
    done(&f);
}

/* Lines come in any pieces. */
static void a_line_may_come_in_pieces(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "FROM base\nRUN one\n");
    assert_string_equal(feed(&f, "#5 [2/2] RUN"), "");
    assert_string_equal(feed(&f, " one\n#5 0."), "");
    assert_string_equal(feed(&f, "1 a b\n#5"), "begin 1/1;out 1/1=a b;");
    assert_string_equal(feed(&f, " DONE 1s\n"), "done 1/1;");
    done(&f);
}

/* One is shown running; what another prints is kept until then. */
static void two_at_once_are_told_one_after_the_other(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "FROM base AS a\nRUN one\nFROM base AS b\nRUN two\n");
    assert_string_equal(feed(&f, "#5 [a 2/2] RUN one\n#6 [b 2/2] RUN two\n#5 0.1 x\n#5 0.1 y\n"
                                 "#6 0.1 z\n"),
                        "begin a1/1;out a1/1=x;out a1/1=y;");
    assert_string_equal(feed(&f, "#5 DONE 1s\n"), "done a1/1;begin b1/1;out b1/1=z;");
    assert_string_equal(feed(&f, "#6 DONE 1s\n"), "done b1/1;");
    done(&f);
}

static void what_is_not_a_step_is_not_told(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "ARG A=1\nFROM base\nENV B=2\nRUN one\n");
    assert_string_equal(feed(&f, "#1 [internal] load build definition\n#1 DONE 0.1s\n"
                                 "#4 [1/2] FROM base\n#4 DONE 0.0s\n#8 exporting to image\n"),
                        "");
    assert_string_equal(feed(&f, "#99999999999 [2/2] RUN one\n#x [2/2] RUN one\nplain\n"), "");
    assert_string_equal(feed(&f, "#5 [linux/arm64 stage-0 2/2] RUN one\n#5 DONE 1s\n"),
                        "begin 1/1;done 1/1;");
    done(&f);
}

static void the_classic_builder_has_steps_too(void **state) {
    struct fixture f;
    (void)state;
    begin(&f, "ARG A=1\nFROM base\nENV B=2\nRUN one\nRUN two\n");
    assert_string_equal(feed(&f, "Step 1/5 : ARG A=1\nStep 2/5 : FROM base\n ---> 123\n"
                                 "Step 3/5 : ENV B=2\nStep 4/5 : RUN one\n ---> Using cache\n"
                                 " ---> 456\nStep 5/5 : RUN two\n ---> Running in 789\nhello\n"),
                        "begin 1/2;cached 1/2;begin 2/2;out 2/2=hello;");
    assert_string_equal(feed(&f, "Successfully built abc\n"), "done 2/2;");
    done(&f);
}

static void a_failed_step_is_reported_where_it_stands(void **state) {
    const struct docker_engine engine = { .memory_bytes = 2UL << 30 };
    struct fixture f;
    (void)state;
    begin(&f, "FROM base\nRUN one\n");
    feed(&f, "#5 [2/2] RUN one\n#5 0.1 E: Unable to locate package jk\n#5 ERROR: process \"x\" did "
             "not complete successfully: exit code: 100\n");
    assert_true(watched_report(f.watched, &engine, 0, &f.sink));
    assert_int_equal(f.sink.len, 1);
    assert_string_equal(f.sink.items[0].code->name, "E404");
    assert_int_equal(f.sink.items[0].span.start, 10);
    assert_int_equal(f.result.failed_exit_code, 100);
    assert_non_null(strstr(str_to_c(f.arena, f.sink.items[0].message), "status 100: "));
    done(&f);
    begin(&f, "FROM base\nRUN one\n");
    feed(&f, "#5 [2/2] RUN one\n#5 ERROR: exit code: 137\n");
    assert_true(watched_report(f.watched, &engine, 0, &f.sink));
    assert_non_null(strstr(str_to_c(f.arena, f.sink.items[0].message), "memory ran out"));
    done(&f);
    begin(&f, "FROM base\nRUN one\n");
    feed(&f, "#1 [internal] x\n#1 ERROR: no route to host\n");
    assert_false(watched_report(f.watched, &engine, 0, &f.sink));
    done(&f);
}

/* ---- buildx ---- */

static void a_node_is_chosen_by_what_it_says(void **state) {
    struct docker_node nodes[] = {
        { .name = S("a"), .platforms = S("linux/amd64, linux/arm64, linux/riscv64") },
        { .name = S("b"), .platforms = S("linux/arm64, linux/amd64") },
        { .name = S("c"), .platforms = S("linux/amd64, linux/riscv64*") },
    };
    const struct docker_builder b = { .nodes = nodes, .node_count = ARRAY_LEN(nodes) };
    const struct oci_platform amd64 = { S("linux"), S("amd64"), S("") };
    const struct oci_platform arm64 = { S("linux"), S("arm64"), S("") };
    const struct oci_platform riscv64 = { S("linux"), S("riscv64"), S("") };
    const struct oci_platform s390x = { S("linux"), S("s390x"), S("") };
    (void)state;
    assert_ptr_equal(docker_builder_node(&b, &amd64), &nodes[0]);
    assert_ptr_equal(docker_builder_node(&b, &arm64), &nodes[1]);   /* its own */
    assert_ptr_equal(docker_builder_node(&b, &riscv64), &nodes[2]); /* its user's word */
    assert_null(docker_builder_node(&b, &s390x));
}

static void a_failure_has_its_telling_line(void **state) {
    static const struct {
        const char *printed;
        const char *said;
        bool helps;
    } cases[] = {
        { "ERROR: Cannot connect to the Docker daemon at unix:///x.\n\nSee 'docker run --help'.\n",
          "Cannot connect to the Docker daemon at unix:///x", true },
        { "one\nError response from daemon: no such image\n", "no such image", false },
        { "write: no space left on device\n", "no space left on device", true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        print_message("%s", cases[i].printed);
        assert_false(call_explain(str_from_c(cases[i].printed), 1, &err));
        assert_non_null(strstr(err.frames[0], cases[i].said));
        assert_int_equal(err.help[0] != '\0', cases[i].helps);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_begins_prints_and_ends),
        cmocka_unit_test(a_line_may_come_in_pieces),
        cmocka_unit_test(two_at_once_are_told_one_after_the_other),
        cmocka_unit_test(what_is_not_a_step_is_not_told),
        cmocka_unit_test(the_classic_builder_has_steps_too),
        cmocka_unit_test(a_failed_step_is_reported_where_it_stands),
        cmocka_unit_test(a_node_is_chosen_by_what_it_says),
        cmocka_unit_test(a_failure_has_its_telling_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
