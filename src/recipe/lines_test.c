// SPDX-License-Identifier: Apache-2.0
/* Sets that grow: each case has the lines of the last build, a config, and the lines of the next.
 */
#include "recipe/fixture.h"

#define APT(apt)                                                                                   \
    "[apt]\nname = \"System\"\nmanager = \"apt\"\ninstall_cmd = \"i\"\npackages = [" apt "]\n"
#define SETS(apt, tools)                                                                           \
    "[apt]\nname = \"System\"\nmanager = \"apt\"\ninstall_cmd = \"i\"\npackages = [" apt "]\n"     \
    "[tools]\nname = \"Tools\"\nmanager = \"pip\"\ninstall_cmd = \"i\"\npackages = [" tools "]\n"

struct lines_case {
    const char *name;
    const char *last;
    const char *sets;
    const char *expected;
};

static const struct lines_case cases[] = {
    { "no build before", "", SETS("\"a\", \"b\"", "\"t\""),
      "{\"first\":[[\"apt\",\"a\",\"b\"],[\"set tools\",\"t\"]],\"added\":[]}" },
    { "nothing changed", "{\"first\":[[\"apt\",\"a\",\"b\"],[\"set tools\",\"t\"]],\"added\":[]}",
      SETS("\"a\", \"b\"", "\"t\""),
      "{\"first\":[[\"apt\",\"a\",\"b\"],[\"set tools\",\"t\"]],\"added\":[]}" },
    { "members are added anywhere",
      "{\"first\":[[\"apt\",\"a\",\"b\"],[\"set tools\",\"t\"]],\"added\":[]}",
      SETS("\"x\", \"a\", \"y\", \"b\", \"z\"", "\"t\""),
      "{\"first\":[[\"apt\",\"a\",\"b\"],[\"set "
      "tools\",\"t\"]],\"added\":[[\"apt\",\"x\",\"y\",\"z\"]]}" },
    { "and again, in the order in which they were",
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"set "
      "tools\",\"u\"],[\"apt\",\"x\"]]}",
      SETS("\"a\", \"new\", \"x\"", "\"t\", \"u\", \"v\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"set "
      "tools\",\"u\"],[\"apt\",\"x\"],"
      "[\"apt\",\"new\"],[\"set tools\",\"v\"]]}" },
    { "one is removed: from there on, each set is one line",
      "{\"first\":[[\"apt\",\"a\",\"b\"],[\"set tools\",\"t\"]],\"added\":[[\"apt\",\"x\"],[\"set "
      "tools\",\"u\"]]}",
      SETS("\"a\", \"x\"", "\"t\", \"u\""),
      "{\"first\":[[\"apt\",\"a\",\"x\"],[\"set tools\",\"t\",\"u\"]],\"added\":[]}" },
    { "another order is one line",
      "{\"first\":[[\"apt\",\"a\",\"b\"],[\"set tools\",\"t\"]],\"added\":[]}",
      SETS("\"b\", \"a\", \"x\"", "\"t\""),
      "{\"first\":[[\"apt\",\"b\",\"a\",\"x\"],[\"set tools\",\"t\"]],\"added\":[]}" },
    { "what was added is removed again",
      "{\"first\":[[\"apt\",\"a\"],[\"set "
      "tools\",\"t\"]],\"added\":[[\"apt\",\"x\",\"y\"],[\"apt\",\"z\"]]}",
      SETS("\"a\", \"y\"", "\"t\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"apt\",\"y\"]]}" },
    { "a set that is new", "{\"first\":[[\"apt\",\"a\"]],\"added\":[]}",
      SETS("\"a\"", "\"t\", \"u\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\"]],\"added\":[[\"set tools\",\"t\",\"u\"]]}" },
    { "and grows",
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\"]],\"added\":[[\"set tools\",\"t\"]]}",
      SETS("\"a\"", "\"s\", \"t\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\"]],\"added\":[[\"set tools\",\"t\"],[\"set "
      "tools\",\"s\"]]}" },
    { "a set that is gone",
      "{\"first\":[[\"apt\",\"a\"],[\"set gone\",\"g\"]],\"added\":[[\"set gone\",\"h\"]]}",
      APT("\"a\""), "{\"first\":[[\"apt\",\"a\"]],\"added\":[]}" },
    { "a package twice stays one twice", "{\"first\":[[\"apt\",\"a\",\"a\"]],\"added\":[]}",
      APT("\"a\", \"b\", \"a\", \"b\""),
      "{\"first\":[[\"apt\",\"a\",\"a\"]],\"added\":[[\"apt\",\"b\",\"b\"]]}" },
    { "nine additions become one a set",
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"apt\",\"1\"],[\"set "
      "tools\",\"2\"],[\"apt\",\"3\"],"
      "[\"apt\",\"4\"],[\"apt\",\"5\"],[\"apt\",\"6\"],[\"apt\",\"7\"],[\"apt\",\"8\"]]}",
      SETS("\"a\", \"9\", \"8\", \"7\", \"6\", \"5\", \"4\", \"3\", \"1\"", "\"t\", \"2\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set "
      "tools\",\"t\"]],\"added\":[[\"apt\",\"1\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"],"
      "[\"set tools\",\"2\"]]}" },
    { "a set that changes comes after what those before it gained",
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[]}",
      SETS("\"a\", \"x\"", "\"other\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\"]],\"added\":[[\"apt\",\"x\"],[\"set "
      "tools\",\"other\"]]}" },
    { "or gained in an earlier build",
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"apt\",\"x\"]]}",
      SETS("\"a\", \"x\"", "\"other\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\"]],\"added\":[[\"apt\",\"x\"],[\"set "
      "tools\",\"other\"]]}" },
    { "an addition that changes, too",
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"set "
      "tools\",\"u\",\"v\"],[\"apt\",\"x\"]]}",
      SETS("\"a\", \"x\"", "\"t\", \"u\", \"w\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"apt\",\"x\"],[\"set "
      "tools\",\"u\",\"w\"]]}" },
    { "and the set after one that is gone",
      "{\"first\":[[\"apt\",\"a\"],[\"set gone\",\"g\"],[\"set tools\",\"t\"]],\"added\":[]}",
      SETS("\"a\", \"x\"", "\"t\""),
      "{\"first\":[[\"apt\",\"a\"],[\"set tools\"]],\"added\":[[\"apt\",\"x\"],[\"set "
      "tools\",\"t\"]]}" },
    { "what was added out of order stands in order when it runs again",
      "{\"first\":[[\"set tools\",\"t\"]],\"added\":[[\"apt\",\"x\"]]}", SETS("\"x\"", "\"other\""),
      "{\"first\":[[\"apt\",\"x\"],[\"set tools\",\"other\"]],\"added\":[]}" },
    { "the last set is gone: so is what its additions stood on",
      "{\"first\":[[\"apt\",\"a\"],[\"set "
      "gone\",\"g\"]],\"added\":[[\"apt\",\"x\"],[\"apt\",\"y\"]]}",
      APT("\"a\", \"x\", \"y\", \"z\""),
      "{\"first\":[[\"apt\",\"a\"]],\"added\":[[\"apt\",\"x\",\"y\",\"z\"]]}" },
    { "no text of ours", "[1, {\"first\": 3", APT("\"a\""),
      "{\"first\":[[\"apt\",\"a\"]],\"added\":[]}" },
    { "a wrong member", "{\"first\":[[\"apt\",7]],\"added\":[]}", APT("\"a\""),
      "{\"first\":[[\"apt\",\"a\"]],\"added\":[]}" },
    { "a line of nothing", "{\"first\":[[]],\"added\":[]}", APT("\"a\""),
      "{\"first\":[[\"apt\",\"a\"]],\"added\":[]}" },
};

static void next_lines(void **state) {
    const struct lines_case *c = *state;
    const struct guest_file files[] = { { "config/packages/a.toml", c->sets }, { 0 } };
    struct recipe_lines last = { 0 };
    struct recipe_lines lines;
    struct fixture f;
    fixture_init(&f, files);
    (void)recipe_lines_decode(f.arena, str_from_c(c->last), &last);
    recipe_lines_make(f.arena, &f.config, &last, &lines);
    assert_string_equal(str_to_c(f.arena, recipe_lines_encode(f.arena, &lines)), c->expected);
    fixture_done(&f);
}

/* A line that the store has lost is made anew, with all of its set. */
static void a_stale_line(void **state) {
    (void)state;
    const struct guest_file files[] = { { "config/packages/a.toml", SETS("\"a\", \"x\"", "\"t\"") },
                                        { 0 } };
    struct recipe_lines last;
    struct recipe_lines lines;
    struct fixture f;
    fixture_init(&f, files);
    assert_true(recipe_lines_decode(
        f.arena,
        S("{\"first\":[[\"apt\",\"a\"],[\"set tools\"]],\"added\":[[\"set tools\",\"t\"]]}"),
        &last));
    recipe_lines_first(&last, S("apt"))->stale = true;
    recipe_lines_first(&last, S("set tools"))->stale = true;
    recipe_lines_make(f.arena, &f.config, &last, &lines);
    assert_string_equal(str_to_c(f.arena, recipe_lines_encode(f.arena, &lines)),
                        "{\"first\":[[\"apt\",\"a\",\"x\"],[\"set tools\",\"t\"]],\"added\":[]}");
    fixture_done(&f);
}

/* So is an addition. */
static void a_stale_addition(void **state) {
    (void)state;
    const struct guest_file files[] = {
        { "config/packages/a.toml", SETS("\"a\", \"x\", \"y\"", "\"t\"") }, { 0 }
    };
    struct recipe_lines last;
    struct recipe_lines lines;
    struct fixture f;
    fixture_init(&f, files);
    assert_true(recipe_lines_decode(
        f.arena,
        S("{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":[[\"apt\",\"x\"]]}"),
        &last));
    last.added[0].stale = true;
    recipe_lines_make(f.arena, &f.config, &last, &lines);
    assert_string_equal(str_to_c(f.arena, recipe_lines_encode(f.arena, &lines)),
                        "{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":"
                        "[[\"apt\",\"x\",\"y\"]]}");
    fixture_done(&f);
}

/* What templates see, and which bytes of the text install what. */
static void lines_in_a_template(void **state) {
    (void)state;
    const struct guest_file files[] = {
        { "config/packages/a.toml", SETS("\"a\", \"x\"", "\"t\", \"u\", \"v\"") }, { 0 }
    };
    struct recipe_lines lines;
    struct recipe recipe;
    struct fixture f;
    fixture_init(&f, files);
    assert_true(
        recipe_lines_decode(f.arena,
                            S("{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"t\"]],\"added\":"
                              "[[\"set tools\",\"u\"],[\"apt\",\"x\"],[\"set tools\",\"v\"]]}"),
                            &lines));
    struct recipe_request request = fixture_request(&f, RECIPE_ROOTFS);
    request.templates_dir = f.dir;
    request.lines = &lines;
    fixture_put(&f, "Dockerfile.rootfs.j2",
                "{{ apt_packages }} {{ apt_first }}\n"
                "{% for s in package_sets %}{{ s.packages }} {{ s.first }}{% endfor %}\n\n"
                "{% for s in additions %}\n"
                "{{ s.id }}: {{ s.packages | join }} on {{ s.before | join }}\n{% endfor %}");
    assert_true(recipe_render(f.arena, &request, &f.sources, &f.sink, &recipe, &f.err));
    assert_string_equal(str_to_c(f.arena, recipe.text),
                        "['a', 'x'] ['a']\n['t', 'u', 'v'] ['t']\n"
                        "set tools: u on t\napt: x on a\nset tools: v on tu\n");
    assert_true(str_eq(recipe_set_name(f.arena, &f.config, S("set tools")), S("Tools")));
    fixture_done(&f);
}

static void bytes_that_install(void **state) {
    (void)state;
    const struct guest_file files[] = { { "config/packages/a.toml", SETS("\"a\", \"x\"", "\"a\"") },
                                        { 0 } };
    struct recipe_lines lines;
    struct recipe recipe;
    struct fixture f;
    fixture_init(&f, files);
    assert_true(recipe_lines_decode(
        f.arena,
        S("{\"first\":[[\"apt\",\"a\"],[\"set tools\",\"a\"]],\"added\":[[\"apt\",\"x\"]]}"),
        &lines));
    struct recipe_request request = fixture_request(&f, RECIPE_ROOTFS);
    request.templates_dir = f.dir;
    request.lines = &lines;
    fixture_put(&f, "Dockerfile.rootfs.j2", "{{ apt_first[0] }}\n{{ additions[0].packages[0] }}\n");
    assert_true(recipe_render(f.arena, &request, &f.sources, &f.sink, &recipe, &f.err));
    assert_string_equal(str_to_c(f.arena, recipe.text), "a\nx\n");
    assert_true(recipe_installs(&recipe, &f.config, &lines.first[0], 0, 1));
    assert_false(recipe_installs(&recipe, &f.config, &lines.first[1], 0, 4)); /* another set's a */
    assert_false(recipe_installs(&recipe, &f.config, &lines.added[0], 0, 1));
    assert_true(recipe_installs(&recipe, &f.config, &lines.added[0], 2, 3));
    fixture_done(&f);
}

int main(void) {
    struct CMUnitTest tests[ARRAY_LEN(cases) + 4] = {
        cmocka_unit_test(a_stale_line),
        cmocka_unit_test(a_stale_addition),
        cmocka_unit_test(lines_in_a_template),
        cmocka_unit_test(bytes_that_install),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        tests[i + 4] =
            (struct CMUnitTest){ cases[i].name, next_lines, NULL, NULL, (void *)&cases[i] };
    }
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
