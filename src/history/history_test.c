// SPDX-License-Identifier: Apache-2.0
/* Records of a store, and the reasons why a step runs. */
#include "base/testing.h"

#include "history/history.h"

struct fixture {
    struct test_folder folder;
    struct store *store;
    struct sources sources;
    struct recipe recipe;
    struct guest_config config;
    struct config_architecture arch;
    struct history_why why;
    struct err err;
};

#define TEXT "FROM scratch\nRUN one\nCOPY a/x /\nRUN two\n"

static void begin(struct fixture *f) {
    f->why = (struct history_why){
        .arena = f->folder.arena,
        .store = f->store,
        .sources = &f->sources,
        .config = &f->config,
        .recipe = &f->recipe,
    };
    history_why_begin(&f->why, &f->arch);
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    test_dir(&f->folder, "store");
    test_dir(&f->folder, "guest");
    assert_true(store_open(test_path(&f->folder, "store"), &f->store, &f->err));
    sources_init(&f->sources, f->folder.arena);
    f->recipe.kind = RECIPE_KERNEL;
    f->recipe.text = S(TEXT);
    f->recipe.source = sources_add(&f->sources, S("Dockerfile"), S(TEXT));
    f->config.guest_dir = test_path(&f->folder, "guest");
    f->arch.head.key = S("x86_64");
    begin(f);
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

/* The instruction of a line, as a step with these keys. */
static struct build_step make_step(struct fixture *f, const char *line, size_t number,
                                   const char *key, const char *own) {
    size_t at = str_find(S(TEXT), str_from_c(line), 0);
    struct build_step step = {
        .stage = S("0"),
        .number = number,
        .text = str_from_c(line),
        .span = { f->recipe.source, (uint32_t)at, (uint32_t)(at + strlen(line)) },
    };
    snprintf(step.key.hex, sizeof step.key.hex, "%s", key);
    snprintf(step.own.hex, sizeof step.own.hex, "%s", own);
    return step;
}

static void save(struct fixture *f, const struct build_step *steps, size_t count,
                 const struct assets_input *files, size_t file_count) {
    struct build_record records[4];
    for (size_t i = 0; i < count; i++) {
        records[i] = (struct build_record){
            .stage = steps[i].stage, .span = steps[i].span, .key = steps[i].key, .own = steps[i].own
        };
    }
    const struct build_result result = { .records = records, .record_count = count };
    assert_true(history_why_save(&f->why, &result, files, file_count, &f->err));
    begin(f);
}

static void expect(struct fixture *f, const struct build_step *step, bool cached,
                   const char *wanted) {
    assert_string_equal(test_text(&f->folder, history_why_reason(&f->why, step, cached)), wanted);
}

static void a_first_build_says_so(void **state) {
    struct fixture *f = *state;
    struct build_step step = make_step(f, "RUN one", 1, "k1", "o1");
    expect(f, &step, false, "runs: this store has no earlier build of the guest folder");
    f->why.no_cache = true;
    expect(f, &step, false, "runs: --no-cache");
}

static void each_reason_has_its_words(void **state) {
    struct fixture *f = *state;
    struct build_step last[] = { make_step(f, "RUN one", 1, "k1", "o1"),
                                 make_step(f, "RUN two", 3, "k3", "o3") };
    save(f, last, ARRAY_LEN(last), NULL, 0);
    struct build_step same = make_step(f, "RUN one", 1, "k1", "o1");
    struct build_step based = make_step(f, "RUN one", 1, "kX", "o1");
    struct build_step other = make_step(f, "RUN one", 1, "kX", "oX");
    struct build_step fresh = make_step(f, "COPY a/x /", 2, "kY", "oY");
    expect(f, &same, true, "cached: its inputs are unchanged");
    expect(f, &same, false, "runs: unchanged, but its layer is no longer in the store");
    begin(f);
    expect(f, &based, false, "runs: its base image changed");
    begin(f);
    expect(f, &other, false, "runs: its files, mounts or arguments changed");
    begin(f);
    expect(f, &fresh, false, "runs: the instruction is new, or its text changed");
    struct build_step after = make_step(f, "RUN two", 3, "kZ", "o3");
    expect(f, &after, false, "runs: it builds on step 2, which ran");
}

static void a_copy_names_its_files(void **state) {
    struct fixture *f = *state;
    struct recipe_file files[] = { { .path = "a/x", .content = S("new") },
                                   { .path = "b", .content = S("new") } };
    const struct assets_input before[] = { { S("config"), S("a/x"), S("another digest") },
                                           { S("config"), S("b"), S("another digest") } };
    struct build_step last = make_step(f, "COPY a/x /", 2, "k2", "o2");
    f->recipe.files = files;
    f->recipe.file_count = ARRAY_LEN(files);
    save(f, &last, 1, before, ARRAY_LEN(before));
    struct build_step now = make_step(f, "COPY a/x /", 2, "kX", "oX");
    expect(f, &now, false, "runs: 'a/x' changed");
}

static void inputs_are_known_by_their_digests(void **state) {
    struct fixture *f = *state;
    struct assets_input *inputs;
    size_t count;
    test_file(&f->folder, "host", "text");
    struct recipe_file files[] = { { .path = "made", .content = S("text") },
                                   { .path = "copied",
                                     .host_path = test_path(&f->folder, "host") } };
    f->recipe.files = files;
    f->recipe.file_count = ARRAY_LEN(files);
    assert_true(history_inputs(f->folder.arena, &f->recipe, &inputs, &count, &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(test_text(&f->folder, inputs[0].name), "Dockerfile.kernel");
    assert_true(str_eq(inputs[1].digest, inputs[2].digest));
    assert_false(str_eq(inputs[0].digest, inputs[1].digest));
    test_file(&f->folder, "host", "another text");
    assert_true(history_inputs(f->folder.arena, &f->recipe, &inputs, &count, &f->err));
    assert_false(str_eq(inputs[1].digest, inputs[2].digest));
    files[1].host_path = test_path(&f->folder, "gone");
    assert_false(history_inputs(f->folder.arena, &f->recipe, &inputs, &count, &f->err));
}

/* ---- records ---- */

static void a_record_is_of_a_folder_and_an_architecture(void **state) {
    struct fixture *f = *state;
    struct arena *a = f->folder.arena;
    struct config_architecture arm = { .head.key = S("arm64") };
    struct guest_config same = { .guest_dir = test_path(&f->folder, "store/../guest") };
    struct guest_config other = { .guest_dir = test_path(&f->folder, "store") };
    str name = history_grow_record_name(a, "packages", &f->config, &f->arch);
    assert_true(str_eq(name, history_grow_record_name(a, "packages", &same, &f->arch)));
    assert_false(str_eq(name, history_grow_record_name(a, "packages", &other, &f->arch)));
    assert_false(str_eq(name, history_grow_record_name(a, "packages", &f->config, &arm)));
    assert_false(str_eq(name, history_grow_record_name(a, "engine", &f->config, &f->arch)));
    assert_int_equal(history_grow_record_load(a, f->store, name).len, 0);
    assert_true(history_grow_record_save(f->store, name, S("\"one\""), &f->err));
    assert_string_equal(test_text(&f->folder, history_grow_record_load(a, f->store, name)),
                        "\"one\"");
    assert_int_equal(history_grow_record_load(a, NULL, name).len, 0);
}

/* Another engine has not built the lines: they are made anew. */
static void lines_are_of_the_engine_that_built_them(void **state) {
    struct fixture *f = *state;
    struct history_grow g;
    struct recipe_line added = { .set = S("apt") };
    history_grow_begin(&g, f->folder.arena, f->store, &f->config, &f->arch, false);
    assert_false(history_grow_adds(&g));
    assert_true(history_grow_save(&g, S("buildx one"), &f->err));
    static const struct {
        const char *engine;
        bool made_again;
    } cases[] = { { "buildx one", false }, { "buildx ", false }, { "buildx two", true },
                  { "docker one", true },  { "docker ", true },  { "buildx on", true } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        history_grow_begin(&g, f->folder.arena, f->store, &f->config, &f->arch, false);
        g.lines.added = &added;
        g.lines.added_count = 1;
        print_message("%s\n", cases[i].engine);
        assert_int_equal(history_grow_trust(&g, str_from_c(cases[i].engine)), cases[i].made_again);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_first_build_says_so),
        TEST(each_reason_has_its_words),
        TEST(a_copy_names_its_files),
        TEST(inputs_are_known_by_their_digests),
        TEST(a_record_is_of_a_folder_and_an_architecture),
        TEST(lines_are_of_the_engine_that_built_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
