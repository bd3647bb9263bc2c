// SPDX-License-Identifier: Apache-2.0
#include "run/test_guest.h"

#include <sys/stat.h>

static void pairs_of_paths_are_split(void **state) {
    static const struct {
        const char *text, *host, *guest; /* host NULL: refused */
    } cases[] = {
        { "a:/b", "a", "/b" },       { "./a b:/c:d", "./a b", "/c:d" },
        { "a:/b:/c", "a:/b", "/c" }, { "C:x:/y", "C:x", "/y" },
        { "a:b", NULL, NULL },       { ":/b", NULL, NULL },
        { "a", NULL, NULL },         { "", NULL, NULL },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = ERR_INIT;
        const char *host, *guest;
        bool good = run_split_paths(f->arena, str_from_c(cases[i].text), &host, &guest, &err);
        assert_int_equal(good, cases[i].host != NULL);
        if (good) {
            assert_string_equal(host, cases[i].host);
            assert_string_equal(guest, cases[i].guest);
        }
    }
}

static void a_scratch_disk_has_its_size_and_no_name(void **state) {
    static const char *const bad[] = { "", "4", "15M", "17T", "4X", "-1G", "4G " };
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    AUTO_FD fd = -1;
    struct stat st;
    assert_true(run_scratch_open(in(f, "cache"), "16M", &fd, &err));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 16 << 20);
    assert_int_equal(st.st_nlink, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int unused = -1;
        assert_false(run_scratch_open(in(f, "cache"), bad[i], &unused, &err));
        assert_says(&err, "is not a size from 16M to 16T");
        assert_int_equal(unused, -1);
    }
}

/* What prepare fills, with its own tasks. */
static bool prepare(struct fixture *f, struct run_files *files, struct vm_request *request,
                    struct err *err) {
    *request =
        (struct vm_request){ .before = ARENA_ARRAY(f->arena, struct vm_task, RUN_COPIES_MAX),
                             .after = ARENA_ARRAY(f->arena, struct vm_task, RUN_COPIES_MAX) };
    *err = ERR_INIT;
    return run_files_prepare(&f->work, files, request, err);
}

static void files_and_folders_become_tasks(void **state) {
    struct fixture *f = *state;
    AUTO_RUN_FILES files = { 0 };
    struct vm_request request;
    struct err err;
    put(f, "src/a", "text");
    f->request.copy_in = list_of(f, str_fmt(f->arena, "%s:/root/", in(f, "src/a")).ptr,
                                 str_fmt(f->arena, "%s:/root/src", in(f, "src")).ptr);
    f->request.copy_out = list_of(f, str_fmt(f->arena, "/x:%s", in(f, "out")).ptr, NULL);
    assert_true(prepare(f, &files, &request, &err));
    assert_int_equal(request.before_count, 2);
    assert_string_equal(request.before[0].argv[4], "/root/");
    assert_string_equal(request.before[0].argv[5], "a");
    assert_string_equal(request.before[0].argv[6], "644");
    char block[512];
    assert_int_equal(read(request.before[0].in_fd, block, sizeof block), 4);
    assert_true(read(request.before[1].in_fd, block, sizeof block) == sizeof block);
    assert_memory_equal(block + 257, "ustar", 5); /* POSIX pax, "ustar Interchange Format" */
    assert_int_equal(request.after_count, 1);
    assert_string_equal(files.outs[0].guest, "/x");
}

static void what_cannot_be_copied_is_told_before_a_boot(void **state) {
    static const struct {
        bool out;
        const char *text, *words;
    } cases[] = {
        { false, "nothing", "--copy-in: 'nothing' does not have the form HOST:GUEST" },
        { false, "not/there:/x", "--copy-in: open 'not/there'" },
        { false, "/dev/null:/x", "is neither a file nor a folder" },
        { true, "x:y", "--copy-out: 'x:y' does not have the form GUEST:HOST" },
        { true, "/x:", "does not have the form" },
        { true, "/x:not/there/y", "the folder 'not/there' for" },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_RUN_FILES files = { 0 };
        struct vm_request request;
        struct err err;
        f->request.copy_in = list_of(f, cases[i].out ? NULL : cases[i].text, NULL);
        f->request.copy_out = list_of(f, cases[i].out ? cases[i].text : NULL, NULL);
        assert_false(prepare(f, &files, &request, &err));
        assert_says(&err, cases[i].words);
    }
    const char *many[RUN_COPIES_MAX + 1] = { NULL };
    AUTO_RUN_FILES files = { 0 };
    struct vm_request request;
    struct err err;
    f->request.copy_out = (struct run_list){ NULL, 0 };
    f->request.copy_in = (struct run_list){ many, ARRAY_LEN(many) };
    assert_false(prepare(f, &files, &request, &err));
    assert_says(&err, "more than 32 copies");
}

/* What a guest sends is put in its place, or told as a problem. */
static void what_came_out_is_stored(void **state) {
    static const struct {
        const char *sent, *text; /* text NULL: a problem */
        mode_t mode;
    } cases[] = {
        { "ftext", "text", 0644 }, { "x#!", "#!", 0755 }, { "f", "", 0644 },
        { "", NULL, 0 },           { "?", NULL, 0 },      { "dgarbage that is not a tar", NULL, 0 },
    };
    struct fixture *f = *state;
    put(f, "here", "");
    umask(022);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_RUN_FILES files = { 0 };
        struct vm_request request;
        struct err err;
        struct stat st;
        const char *host = in(f, str_fmt(f->arena, "out%zu", i).ptr);
        f->request.copy_out = list_of(f, str_fmt(f->arena, "/x:%s", host).ptr, NULL);
        assert_true(prepare(f, &files, &request, &err));
        assert_true(
            fs_write_all(request.after[0].out_fd, cases[i].sent, strlen(cases[i].sent), &err));
        assert_true(run_files_finish(&f->work, &files, &request)); /* it failed in the guest */
        assert_false(fs_exists(AT_FDCWD, host));
        request.after[0].done = true;
        assert_int_equal(run_files_finish(&f->work, &files, &request), cases[i].text != NULL);
        if (cases[i].text != NULL) {
            assert_int_equal(stat(host, &st), 0);
            assert_int_equal(st.st_mode & 07777, cases[i].mode);
            assert_int_equal(st.st_size, strlen(cases[i].text));
        }
    }
    assert_non_null(strstr(f->problems.ptr, "the guest sent nothing"));
    assert_non_null(strstr(f->problems.ptr, "malformed data from the guest"));
}

static void nothing_that_came_out_lends_a_right(void **state) {
    struct fixture *f = *state;
    AUTO_TREE tree = tree_new();
    struct err err = ERR_INIT;
    struct tree_entry *entry;
    struct tree_meta setuid = { .mode = 06755, .uid = 12345, .gid = 12345 };
    assert_true(tree_put_file(tree, S("s"), &setuid, S("x"), &entry, &err));
    assert_true(tree_put_file(tree, S("null"), &setuid, S(""), &entry, &err));
    entry->inode->mode = S_IFCHR | 0666;
    run_files_defuse(tree, f->arena);
    const struct tree_entry *s = tree_next(tree_root(tree), tree_root(tree));
    assert_non_null(s);
    assert_int_equal(s->inode->mode & 07777, 0755);
    assert_int_equal(s->inode->uid, geteuid());
    assert_int_equal(s->inode->gid, getegid());
    assert_null(tree_next(tree_root(tree), s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        UNIT_TEST(pairs_of_paths_are_split),
        UNIT_TEST(a_scratch_disk_has_its_size_and_no_name),
        UNIT_TEST(files_and_folders_become_tasks),
        UNIT_TEST(what_cannot_be_copied_is_told_before_a_boot),
        UNIT_TEST(what_came_out_is_stored),
        UNIT_TEST(nothing_that_came_out_lends_a_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
