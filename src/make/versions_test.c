// SPDX-License-Identifier: Apache-2.0
/* What the programs of an image say about themselves: asked of an image in an engine whose `docker`
 * is a script of the test's. */
#include "base/testing.h"

#include "make/internal.h"

struct fixture {
    struct test_folder folder;
    struct store *store;
    struct engine engine;
    struct engine_built built;
    struct guest_config config;
    struct err err;
    char *path_before;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    test_dir(&f->folder, "store");
    assert_true(store_open(test_path(&f->folder, "store"), &f->store, &f->err));
    str script = str_fmt(f->folder.arena,
                         "#!/bin/sh\necho x >> %s/log\nfor last; do :; done\nexec /bin/sh -c "
                         "\"$last\"\n",
                         f->folder.path);
    test_file(&f->folder, "docker", script.ptr);
    assert_int_equal(fchmodat(f->folder.fd, "docker", 0755, 0), 0);
    f->path_before = strdup(getenv("PATH"));
    setenv("PATH", str_fmt(f->folder.arena, "%s:%s", f->folder.path, f->path_before).ptr, 1);
    f->engine.kind = ENGINE_DOCKER;
    f->built = (struct engine_built){ .engine = &f->engine, .store = f->store };
    f->built.image = (struct docker_image){ .tag = "x", .label = "x", .claim = STORE_CLAIM_INIT };
    memset(f->built.result.key.hex, 'a', STORE_KEY_HEX);
    f->config.environment.shell.path.text = S("/bin:/usr/bin");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    setenv("PATH", f->path_before, 1);
    free(f->path_before);
    store_close(f->store);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

static size_t times_asked(const struct fixture *f) {
    struct stat st;
    return fstatat(f->folder.fd, "log", &st, 0) == 0 ? (size_t)st.st_size / 2 : 0;
}

static const char *versions(struct fixture *f) {
    str text;
    if (!make_versions(f->folder.arena, f->store, &f->config, &f->built, &text, &f->err)) {
        AUTO_BUF why = BUF_INIT(4096);
        err_text(&f->err, &why);
        return test_text(&f->folder, buf_str(&why));
    }
    return test_text(&f->folder, text);
}

static struct config_pair pair(const char *key, const char *command) {
    return (struct config_pair){ .key = str_from_c(key), .value.text = str_from_c(command) };
}

static void each_program_says_one_line(void **state) {
    struct fixture *f = *state;
    struct config_pair system[] = { pair("one", "echo ' one 1.0 '; echo more"),
                                    pair("two", "echo 2.0 >&2"), pair("gone", "no-such-program"),
                                    pair("quotes", "echo \"it's\"") };
    struct config_pair python = pair("pip", "echo 3");
    struct config_package_set set = { .head.key = S("python-tools") };
    f->config.build.version_commands.items = system;
    f->config.build.version_commands.len = ARRAY_LEN(system);
    set.version_commands.items = &python;
    set.version_commands.len = 1;
    f->config.package_sets.items = &set;
    f->config.package_sets.len = 1;
    const char *text = versions(f);
    print_message("%s\n", text);
    assert_non_null(strstr(text, "one 1.0"));
    assert_null(strstr(text, "more"));
    assert_non_null(strstr(text, "2.0"));
    assert_true(strstr(text, "Python") > strstr(text, "System"));
    assert_int_equal(times_asked(f), 1);
}

/* What a program prints is its own answer, or a line that is not taken. */
static void no_answer_becomes_anothers(void **state) {
    struct fixture *f = *state;
    struct config_pair system[] = { pair("first", "echo right"),
                                    pair("second", "echo '=0'; echo '!0'; echo '=7'"),
                                    pair("third", "echo also right; echo '!0'") };
    f->config.build.version_commands.items = system;
    f->config.build.version_commands.len = ARRAY_LEN(system);
    const char *text = versions(f);
    assert_non_null(strstr(text, "first=right\n"));
    assert_non_null(strstr(text, "second==0\n"));
    assert_non_null(strstr(text, "third=also right\n"));
}

/* The same image and the same questions: nothing is asked. */
static void answers_are_remembered(void **state) {
    struct fixture *f = *state;
    struct config_pair system = pair("one", "echo 1.0");
    f->config.build.version_commands.items = &system;
    f->config.build.version_commands.len = 1;
    const char *first = versions(f);
    assert_string_equal(versions(f), first);
    assert_int_equal(times_asked(f), 1);
    system.value.text = S("echo 1.1");
    assert_non_null(strstr(versions(f), "1.1"));
    assert_int_equal(times_asked(f), 2);
    f->built.result.key.hex[0] = 'b';
    assert_non_null(strstr(versions(f), "1.1"));
    assert_int_equal(times_asked(f), 3);
    f->config.build.version_commands.len = 0;
    assert_string_equal(versions(f), "");
    assert_int_equal(times_asked(f), 3);
}

static void an_ai_cli_must_answer(void **state) {
    struct fixture *f = *state;
    struct config_provider p = { .enabled.value = true };
    p.cli.head.present = true;
    p.cli.key.text = S("claude");
    p.cli.version_command.text = S("exit 3");
    f->config.providers.items = &p;
    f->config.providers.len = 1;
    assert_non_null(strstr(versions(f), "the AI CLI 'claude' does not work in the image"));
    p.cli.version_command.text = S("echo 4.5");
    f->err = (struct err)ERR_INIT;
    assert_non_null(strstr(versions(f), "4.5"));
    p.enabled.value = false;
    assert_string_equal(versions(f), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_program_says_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_answer_becomes_anothers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_are_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ai_cli_must_answer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
