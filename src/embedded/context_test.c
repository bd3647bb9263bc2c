// SPDX-License-Identifier: Apache-2.0
/*
 * The key of a COPY: two contexts that differ in anything that a copy would bring have two keys.
 * The contexts are generated: one, and each change of it.
 */
#include "base/testing.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "embedded/internal.h"

struct fixture {
    struct test_folder folder;
    struct arena *arena;
    struct store *store;
    struct sources sources;
    struct diag_sink sink;
    struct build_request request;
    struct build_context context;
    struct builder builder;
    struct err err;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    f->arena = arena_new();
    test_dir(&f->folder, "store");
    test_dir(&f->folder, "c");
    assert_true(store_open(test_path(&f->folder, "store"), &f->store, &f->err));
    sources_init(&f->sources, f->arena);
    diag_sink_init(&f->sink, f->arena, &f->sources);
    f->request = (struct build_request){ .store = f->store, .sources = &f->sources };
    f->context = (struct build_context){ .fd = openat(f->folder.fd, "c", O_RDONLY | O_DIRECTORY) };
    f->builder = (struct builder){ .request = &f->request,
                                   .arena = f->arena,
                                   .sink = &f->sink,
                                   .err = &f->err,
                                   .context = &f->context };
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    close(f->context.fd);
    store_close(f->store);
    arena_free(f->arena);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

static const struct dockerfile_ignore *patterns(struct fixture *f, const char *text) {
    const struct dockerfile_ignore *ignore;
    uint32_t source = sources_add(&f->sources, S(".dockerignore"), str_from_c(text));
    assert_true(dockerfile_ignore_parse(f->arena, &f->sink, source, &ignore));
    return ignore;
}

static str key_of(struct fixture *f, const char *path, const struct dockerfile_ignore *excludes) {
    struct store_key_hash k;
    store_key_begin(&k, "test");
    bool ok = context_digest(&f->builder, &f->context, path, excludes, &k, NULL, &f->err);
    if (!ok) {
        print_message("%s\n", f->err.frames[0]);
    }
    assert_true(ok);
    return str_dup(f->arena, str_from_c(store_key_end(&k).hex));
}

static str parents_key_of(struct fixture *f, const char *path, size_t kept,
                          const struct dockerfile_ignore *excludes) {
    struct store_key_hash k;
    store_key_begin(&k, "test");
    assert_true(context_digest_parents(&f->builder, path, kept, excludes, &k, &f->err));
    return str_dup(f->arena, str_from_c(store_key_end(&k).hex));
}

/* ---- the generator ---- */

static void make_context(const struct fixture *f) {
    assert_true(fs_remove_tree(f->folder.fd, "c/d", NULL));
    test_file(&f->folder, "c/d/a", "same\n");
    test_file(&f->folder, "c/d/b", "same\n");
    test_file(&f->folder, "c/d/sub/c", "");
    test_dir(&f->folder, "c/d/empty");
    assert_int_equal(symlinkat("a", f->folder.fd, "c/d/link"), 0);
    assert_int_equal(mkfifoat(f->folder.fd, "c/d/pipe", 0600), 0);
    const char *const exact[] = { "c/d", "c/d/sub", "c/d/empty" };
    for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
        assert_int_equal(fchmodat(f->folder.fd, exact[i], 0755, 0), 0);
    }
}

enum change {
    NOTHING,
    CONTENT,
    MODE,
    FOLDERS_MODE,
    TOPS_MODE,
    NAME,
    FOLDERS_NAME,
    MORE,
    LESS,
    EMPTY_FOLDER_GONE,
    LINKS_TARGET,
    LINK_TO_FILE,
    PIPE_TO_FILE,
    MOVED_DOWN,
    SWAPPED,
    ATTRIBUTE,
    ATTRIBUTES_VALUE,
    ATTRIBUTES_NAME,
    FOLDERS_ATTRIBUTE,
    TOPS_ATTRIBUTE,
    FILE_TO_FOLDER,
    SETUID,
    CHANGES,
};

static void set_attribute(const struct fixture *f, const char *name, const char *attribute,
                          const char *value) {
    const char *path = test_path(&f->folder, name);
    if (lsetxattr(path, attribute, value, strlen(value), 0) < 0) {
        print_message("no attributes here: %s\n", strerror(errno));
        skip();
    }
}

static void rename_to(const struct fixture *f, const char *from, const char *to) {
    assert_int_equal(renameat(f->folder.fd, from, f->folder.fd, to), 0);
}

static void change_mode(const struct fixture *f, const char *name, mode_t mode) {
    assert_int_equal(fchmodat(f->folder.fd, name, mode, 0), 0);
}

static void remove_name(const struct fixture *f, const char *name) {
    assert_true(fs_remove_tree(f->folder.fd, name, NULL));
}

static void make_change(const struct fixture *f, enum change change) {
    const struct test_folder *t = &f->folder;
    switch (change) {
    case NOTHING:
    case CHANGES:
        break;
    case CONTENT:
        test_file(t, "c/d/a", "sama\n");
        break;
    case MODE:
        change_mode(f, "c/d/a", 0755);
        break;
    case FOLDERS_MODE:
        change_mode(f, "c/d/sub", 0700);
        break;
    case TOPS_MODE:
        change_mode(f, "c/d", 0700);
        break;
    case NAME:
        rename_to(f, "c/d/a", "c/d/aa");
        break;
    case FOLDERS_NAME:
        rename_to(f, "c/d/sub", "c/d/suc");
        break;
    case MORE:
        test_file(t, "c/d/sub/d", "");
        break;
    case LESS:
        remove_name(f, "c/d/b");
        break;
    case EMPTY_FOLDER_GONE:
        remove_name(f, "c/d/empty");
        break;
    case LINKS_TARGET:
        remove_name(f, "c/d/link");
        assert_int_equal(symlinkat("b", t->fd, "c/d/link"), 0);
        break;
    case LINK_TO_FILE:
        remove_name(f, "c/d/link");
        test_file(t, "c/d/link", "a");
        break;
    case PIPE_TO_FILE:
        remove_name(f, "c/d/pipe");
        test_file(t, "c/d/pipe", "");
        break;
    case MOVED_DOWN:
        rename_to(f, "c/d/b", "c/d/empty/b");
        break;
    case SWAPPED:
        rename_to(f, "c/d/sub/c", "c/d/sub/b");
        rename_to(f, "c/d/b", "c/d/c");
        break;
    case ATTRIBUTE:
        set_attribute(f, "c/d/a", "user.x", "1");
        break;
    case ATTRIBUTES_VALUE:
        set_attribute(f, "c/d/a", "user.x", "2");
        break;
    case ATTRIBUTES_NAME:
        set_attribute(f, "c/d/a", "user.y", "1");
        break;
    case FOLDERS_ATTRIBUTE:
        set_attribute(f, "c/d/sub", "user.x", "1");
        break;
    case TOPS_ATTRIBUTE:
        set_attribute(f, "c/d", "user.x", "1");
        break;
    case FILE_TO_FOLDER:
        remove_name(f, "c/d/b");
        test_dir(t, "c/d/b");
        break;
    case SETUID:
        change_mode(f, "c/d/a", 04644);
        break;
    }
}

static void each_change_has_a_key_of_its_own(void **state) {
    struct fixture *f = *state;
    str keys[CHANGES];
    for (int c = 0; c < CHANGES; c++) {
        make_context(f);
        make_change(f, (enum change)c);
        keys[c] = key_of(f, "d", NULL);
        for (int before = 0; before < c; before++) {
            print_message("%d and %d\n", before, c);
            assert_false(str_eq(keys[before], keys[c]));
        }
    }
    make_context(f);
    assert_true(str_eq(key_of(f, "d", NULL), keys[NOTHING]));
}

/* A list of attributes has an end: their values are not taken for entries of the folder. Before,
 * these two had one key: the value's length is the mode of a pipe, the value the entries after it.
 */
static void a_value_is_not_taken_for_entries(void **state) {
    struct fixture *f = *state;
    struct store_key_hash k;
    str keys[2];
    for (int i = 0; i < 2; i++) {
        store_key_begin(&k, "test");
        store_key_list(&k);
        if (i == 0) {
            store_key_add(&k, S("user.x"));
            store_key_add(&k, S("value"));
            store_key_list_end(&k);
        } else {
            store_key_list_end(&k);
            store_key_add(&k, S("user.x"));
            store_key_add(&k, S("value"));
        }
        keys[i] = str_dup(f->arena, str_from_c(store_key_end(&k).hex));
    }
    assert_false(str_eq(keys[0], keys[1]));
}

/* ---- what is left out ---- */

static void what_is_left_out_does_not_count(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *excludes = patterns(f, "sub\n*.log\n");
    make_context(f);
    str whole = key_of(f, "d", NULL);
    str without = key_of(f, "d", excludes);
    assert_false(str_eq(whole, without));
    test_file(&f->folder, "c/d/sub/d", "");
    test_file(&f->folder, "c/d/x.log", "");
    assert_true(str_eq(key_of(f, "d", excludes), without));
    f->context.ignore = patterns(f, "d/sub\nd/*.log\n");
    assert_true(str_eq(key_of(f, "d", NULL), without));
    test_file(&f->folder, "c/d/x.txt", "");
    assert_false(str_eq(key_of(f, "d", NULL), without));
}

static void parents_count_and_what_is_excluded_does_not(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *excludes = patterns(f, "d/sub/x\n");
    make_context(f);
    test_file(&f->folder, "c/d/sub/x", "1");
    str with = parents_key_of(f, "d/sub", 0, NULL);
    str without = parents_key_of(f, "d/sub", 0, excludes);
    assert_false(str_eq(with, without));
    test_file(&f->folder, "c/d/sub/x", "2");
    assert_true(str_eq(parents_key_of(f, "d/sub", 0, excludes), without));
    assert_false(str_eq(parents_key_of(f, "d/sub", 0, NULL), with));
    change_mode(f, "c/d", 0700);
    assert_false(str_eq(parents_key_of(f, "d/sub", 0, excludes), without));
    str below = parents_key_of(f, "d/sub", 2, NULL);
    change_mode(f, "c/d", 0755); /* not kept: it is none of this copy's business */
    assert_true(str_eq(parents_key_of(f, "d/sub", 2, NULL), below));
}

static void a_part_is_taken_passed_or_left_out(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_ignore *ignore = patterns(f, "a\n!a/b\nc\n");
    assert_int_equal(context_part_of(ignore, NULL, "a", 0, true), CONTEXT_PASSAGE);
    assert_int_equal(context_part_of(ignore, NULL, "a", 0, false), CONTEXT_LEFT_OUT);
    assert_int_equal(context_part_of(ignore, NULL, "a/b", 0, false), CONTEXT_TAKEN);
    assert_int_equal(context_part_of(ignore, NULL, "a/c", 0, false), CONTEXT_LEFT_OUT);
    assert_int_equal(context_part_of(ignore, NULL, "c", 0, true), CONTEXT_LEFT_OUT);
    assert_int_equal(context_part_of(ignore, NULL, ".", 0, true), CONTEXT_TAKEN);
    assert_int_equal(context_part_of(NULL, ignore, "x/c", 2, true), CONTEXT_LEFT_OUT);
    assert_int_equal(context_part_of(NULL, ignore, "x/c", 0, true), CONTEXT_TAKEN);
    assert_int_equal(context_exclude_from("x", true), 2);
    assert_int_equal(context_exclude_from("x/c", false), 2);
    assert_int_equal(context_exclude_from(".", true), 0);
    assert_true(context_excludes(ignore, "x/c"));
    assert_false(context_excludes(ignore, "x/d"));
}

static void a_source_that_is_ignored_is_not_there(void **state) {
    struct fixture *f = *state;
    struct store_key_hash k;
    make_context(f);
    f->context.ignore = patterns(f, "d/a\n");
    store_key_begin(&k, "test");
    assert_false(context_digest(&f->builder, &f->context, "d/a", NULL, &k, NULL, &f->err));
    assert_int_equal(f->err.code, ENOENT);
    bool partly = false;
    assert_true(context_digest(&f->builder, &f->context, "d", NULL, &k, &partly, &f->err));
    assert_true(partly);
}

/* ---- names ---- */

static const char *find(struct fixture *f, const char *pattern) {
    const char **paths;
    size_t count;
    assert_true(
        context_glob(f->arena, f->context.fd, pattern, f->context.ignore, &paths, &count, &f->err));
    str all = S("");
    for (size_t i = 0; i < count; i++) {
        all = str_fmt(f->arena, "%.*s%s ", STR_FMT(all), paths[i]);
    }
    return str_to_c(f->arena, all);
}

static void a_pattern_names_paths_in_order(void **state) {
    struct fixture *f = *state;
    make_context(f);
    assert_string_equal(find(f, "d/?"), "d/a d/b ");
    assert_string_equal(find(f, "*/sub/*"), "d/sub/c ");
    assert_string_equal(find(f, "d/a"), "d/a ");
    assert_string_equal(find(f, "../../d/a"), "d/a ");
    assert_string_equal(find(f, "d/gone"), "");
    assert_string_equal(find(f, "/"), ". ");
    assert_string_equal(find(f, "d/a/*"), "");
    f->context.ignore = patterns(f, "d/a\n");
    assert_string_equal(find(f, "d/?"), "d/b ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_change_has_a_key_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_is_not_taken_for_entries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_out_does_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parents_count_and_what_is_excluded_does_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_part_is_taken_passed_or_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_that_is_ignored_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pattern_names_paths_in_order, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
