// SPDX-License-Identifier: Apache-2.0
#include "run/test_guest.h"

static bool read_one(struct fixture *f, const char *one, const char *two, struct run_volumes *ret,
                     struct err *err) {
    *ret = (struct run_volumes){ 0 };
    *err = ERR_INIT;
    return run_volumes_read(f->arena, list_of(f, one, two), ret, err);
}

static void volumes_are_read_and_ordered(void **state) {
    struct fixture *f = *state;
    struct run_volumes volumes;
    struct err err;
    put(f, "a/x", "");
    put(f, "b/x", "");
    assert_true(read_one(f, str_fmt(f->arena, "%s:/work/in//.:ro", in(f, "a")).ptr,
                         str_fmt(f->arena, "%s:/work", in(f, "b/../b")).ptr, &volumes, &err));
    assert_int_equal(volumes.count, 2);
    /* a folder before what is mounted in it */
    assert_string_equal(volumes.items[0].guest, "/work");
    assert_string_equal(volumes.items[0].host, in(f, "b"));
    assert_string_equal(volumes.items[0].tag, "volume0");
    assert_false(volumes.items[0].read_only);
    assert_string_equal(volumes.items[1].guest, "/work/in");
    assert_string_equal(volumes.items[1].tag, "volume1");
    assert_true(volumes.items[1].read_only);
}

static void what_cannot_be_a_volume_is_refused(void **state) {
    struct fixture *f = *state;
    struct run_volumes volumes;
    struct err err;
    put(f, "a/x", "");
    const char *a = str_fmt(f->arena, "%s:/a", in(f, "a")).ptr;
    const struct {
        const char *one, *two, *words;
    } cases[] = {
        { "a", NULL, "--volume: 'a' does not have the form HOST:GUEST" },
        { ":ro", NULL, "does not have the form" },
        { "not-there:/x", NULL, "--volume: open 'not-there'" },
        { str_fmt(f->arena, "%s:/x", in(f, "a/x")).ptr, NULL, "is not a folder" },
        { str_fmt(f->arena, "%s:/", in(f, "a")).ptr, NULL, "--volume" },
        { a, a, "have the same destination '/a' in the guest" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_false(read_one(f, cases[i].one, cases[i].two, &volumes, &err));
        assert_says(&err, cases[i].words);
    }
    const char *many[VM_VOLUMES_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = str_fmt(f->arena, "%s:/a%zu", in(f, "a"), i).ptr;
    }
    volumes = (struct run_volumes){ 0 };
    err = ERR_INIT;
    assert_false(
        run_volumes_read(f->arena, (struct run_list){ many, ARRAY_LEN(many) }, &volumes, &err));
    assert_says(&err, "more than 8");
}

/* A kernel that turned out to take none: the guest gets a copy, and so it does the next time. */
static void a_kernel_without_virtiofs_gets_copies(void **state) {
    struct fixture *f = *state;
    struct err err;
    AUTO_RUN_VOLUMES volumes = { 0 };
    put(f, "a/x", "text");
    put(f, "assets/vmlinuz", "k");
    put(f, "assets/initrd.img", "i");
    const struct vm_spec machine = { .kernel = in(f, "assets/vmlinuz"),
                                     .initrd = in(f, "assets/initrd.img") };
    f->request.volumes = list_of(f, str_fmt(f->arena, "%s:/a", in(f, "a")).ptr, NULL);
    assert_true(read_one(f, f->request.volumes.items[0], NULL, &volumes, &err));
    assert_true(run_volumes_copy(&f->work, &machine, &volumes, &err));
    assert_non_null(strstr(f->notices.ptr, "its kernel does not support virtiofs"));
    assert_true(volumes.items[0].read_only);
    char magic[4];
    assert_int_equal(pread(volumes.items[0].image_fd, magic, 4, 0), 4);
    assert_memory_equal(magic, "hsqs", 4); /* SquashFS 4.0, "superblock" */

    AUTO_RUN_VOLUMES again = { 0 };
    buf_reset(&f->notices);
    assert_true(run_volumes_prepare(&f->work, &machine, &again, &err));
    assert_non_null(strstr(f->notices.ptr, "its kernel does not support virtiofs"));
    assert_true(again.items[0].image_fd > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        UNIT_TEST(volumes_are_read_and_ordered),
        UNIT_TEST(what_cannot_be_a_volume_is_refused),
        UNIT_TEST(a_kernel_without_virtiofs_gets_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
