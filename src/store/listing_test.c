// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/listing.h"

struct fixture {
    char dir[64];
    int fd;
    struct arena *arena;
    struct err err;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/listing-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->arena = arena_new();
    assert_true(fs_mkdir_p(f->fd, "t/d", 0755, &f->err));
    assert_true(fs_store(f->fd, "t/a", S("first"), 0644, &f->err));
    assert_true(fs_store(f->fd, "t/d/b", S("second"), 0600, &f->err));
    assert_int_equal(linkat(f->fd, "t/a", f->fd, "t/d/hard", 0), 0);
    assert_int_equal(symlinkat("a", f->fd, "t/link"), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    close(f->fd);
    arena_free(f->arena);
    assert_true(fs_remove_tree(AT_FDCWD, f->dir, &f->err));
    free(f);
    return 0;
}

static struct listing make(struct fixture *f) {
    struct listing l = { 0 };
    assert_int_equal(listing_make(f->arena, f->fd, "t", NULL, &l, &f->err), LISTING_MADE);
    return l;
}

static const struct listing_entry *find(const struct listing *l, const char *path) {
    for (size_t i = 0; i < l->count; i++) {
        if (str_eq(l->entries[i].path, str_from_c(path))) {
            return &l->entries[i];
        }
    }
    fail_msg("no entry '%s'", path);
    return NULL;
}

static void every_entry_is_listed(void **state) {
    struct fixture *f = *state;
    struct listing l = make(f);
    uint8_t digest[BLAKE3_OUT_BYTES];
    assert_int_equal(l.count, 6); /* ".", a, d, d/b, d/hard, link */
    blake3_bytes(S("first"), digest);
    assert_memory_equal(find(&l, "a")->digest, digest, sizeof digest);
    assert_int_equal(find(&l, "a")->link, 0);
    assert_int_equal(find(&l, "d/hard")->link, 2); /* 1 + the number of "a" */
    assert_int_equal(find(&l, "d/b")->size_bytes, 6);
    assert_int_equal(find(&l, "d/b")->mode & 07777, 0600);
}

static void what_is_written_is_read_back(void **state) {
    struct fixture *f = *state;
    struct listing l = make(f);
    struct listing back = { 0 };
    AUTO_BUF out = BUF_INIT(1 << 20);
    str what;
    memset(l.meta, 9, sizeof l.meta);
    listing_encode(&l, &out);
    assert_true(listing_decode(f->arena, buf_str(&out), &back));
    assert_int_equal(back.count, l.count);
    assert_memory_equal(back.meta, l.meta, sizeof l.meta);
    assert_int_equal(listing_compare(&l, &back, f->arena, &what), LISTING_FITS);
    assert_int_equal(listing_look(&back, f->arena, f->fd, "t", &what), LISTING_FITS);
    assert_int_equal(listing_sample(&back, f->arena, f->fd, "t", &what), LISTING_FITS);
}

/* One byte changed, or some missing, anywhere. */
static void a_damaged_listing_is_refused(void **state) {
    struct fixture *f = *state;
    struct listing l = make(f);
    struct listing back = { 0 };
    AUTO_BUF out = BUF_INIT(1 << 20);
    listing_encode(&l, &out);
    for (size_t i = 0; i < out.len; i++) {
        out.ptr[i] = (char)(out.ptr[i] ^ 1);
        assert_false(listing_decode(f->arena, buf_str(&out), &back));
        out.ptr[i] = (char)(out.ptr[i] ^ 1);
        assert_false(listing_decode(f->arena, str_slice(buf_str(&out), 0, i), &back));
    }
    assert_true(listing_decode(f->arena, buf_str(&out), &back));
}

/* Somebody wrote a sum that fits. */
static void a_listing_made_on_purpose_is_refused(void **state) {
    struct fixture *f = *state;
    struct listing l = make(f);
    struct listing back = { 0 };
    AUTO_BUF out = BUF_INIT(1 << 20);
    listing_encode(&l, &out);
    size_t body = out.len - BLAKE3_OUT_BYTES;
    static const size_t places[] = { 16 + 32, 16 + 32 + 7, 16 + 32 + 8 + 4 * 4 + 5 * 8 + 32 };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) { /* the count, and the length of a path */
        char was = out.ptr[places[i]];
        out.ptr[places[i]] = (char)0xff;
        blake3_bytes((str){ out.ptr, body }, (uint8_t *)out.ptr + body);
        assert_false(listing_decode(f->arena, buf_str(&out), &back));
        out.ptr[places[i]] = was;
    }
}

static void holes_are_not_read(void **state) {
    struct fixture *f = *state;
    struct listing one = { 0 };
    struct listing two = { 0 };
    str what;
    AUTO_FD fd = openat(f->fd, "t/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (ftruncate(fd, (off_t)1 << 43) < 0) { /* 8 TiB */
        skip();
    }
    assert_int_equal(pwrite(fd, "end", 3, (off_t)1 << 42), 3);
    one = make(f);
    assert_int_equal(pwrite(fd, "End", 3, (off_t)1 << 42), 3);
    two = make(f);
    assert_int_equal(listing_compare(&one, &two, f->arena, &what), LISTING_DIFFERS);
}

static void attributes_count(void **state) {
    struct fixture *f = *state;
    struct listing without = make(f);
    str what;
    AUTO_FD fd = openat(f->fd, "t/a", O_RDONLY | O_CLOEXEC);
    if (os_set_xattr(NULL, fd, "user.one", "1", 1) < 0) {
        skip(); /* not on this file system */
    }
    struct listing with = make(f);
    assert_int_equal(listing_compare(&without, &with, f->arena, &what), LISTING_DIFFERS);
    assert_string_equal(what.ptr, "'a' has different content");
    assert_int_equal(os_set_xattr(NULL, fd, "user.one", "2", 1), 0);
    struct listing other = make(f);
    assert_int_equal(listing_compare(&with, &other, f->arena, &what), LISTING_DIFFERS);
}

/* In place, with its time set back: the inode and the size are the same. */
static void a_rewritten_file_is_noticed(void **state) {
    struct fixture *f = *state;
    struct listing l = make(f);
    struct stat st;
    str what;
    assert_int_equal(fstatat(f->fd, "t/d/b", &st, 0), 0);
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    do { /* the kernel's clock has ticks */
        AUTO_FD fd = openat(f->fd, "t/d/b", O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "Second", 6, 0), 6);
        assert_int_equal(futimens(fd, times), 0);
        assert_int_equal(fstat(fd, &st), 0);
    } while ((int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec ==
             find(&l, "d/b")->ctime_ns);
    assert_int_equal(listing_look(&l, f->arena, f->fd, "t", &what), LISTING_DIFFERS);
    assert_string_equal(what.ptr, "'d/b' was rewritten");
}

static void owners_show_and_a_folders_size_does_not(void **state) {
    struct fixture *f = *state;
    struct listing l = make(f);
    struct listing other = make(f);
    str what;
    assert_int_equal(find(&l, ".")->size_bytes, 0);
    assert_int_equal(find(&l, "d")->size_bytes, 0);
    other.entries[1].gid++;
    assert_int_equal(listing_compare(&l, &other, f->arena, &what), LISTING_DIFFERS);
    assert_string_equal(what.ptr, "'a' has a different owner");
    other.entries[1].gid--;
    other.entries[1].uid++;
    assert_int_equal(listing_compare(&l, &other, f->arena, &what), LISTING_DIFFERS);
}

static void a_limit_ends_it(void **state) {
    struct fixture *f = *state;
    struct listing l = { 0 };
    const struct listing_limit few = { .entries = 3 };
    const struct listing_limit small = { .bytes = 1 };
    const struct listing_limit enough = { .entries = 6, .bytes = 1 << 20 };
    assert_int_equal(listing_make(f->arena, f->fd, "t", &few, &l, &f->err), LISTING_OVER);
    assert_int_equal(listing_make(f->arena, f->fd, "t", &small, &l, &f->err), LISTING_OVER);
    assert_int_equal(listing_make(f->arena, f->fd, "t", &enough, &l, &f->err), LISTING_MADE);
}

static void what_is_not_there_is_empty(void **state) {
    struct fixture *f = *state;
    struct listing l = { 0 };
    str what;
    assert_int_equal(listing_make(f->arena, f->fd, "none", NULL, &l, &f->err), LISTING_MADE);
    assert_int_equal(l.count, 0);
    assert_int_equal(listing_look(&l, f->arena, f->fd, "none", &what), LISTING_FITS);
    assert_int_equal(listing_look(&l, f->arena, f->fd, "t", &what), LISTING_DIFFERS);
    l = make(f);
    assert_int_equal(listing_look(&l, f->arena, f->fd, "none", &what), LISTING_DIFFERS);
}

/* A look does not read, a sample does: of few files it takes each, sooner or later. */
static void a_sample_finds_what_a_look_does_not(void **state) {
    struct fixture *f = *state;
    struct listing l = make(f);
    str what;
    memset(l.entries[1].digest, 0, sizeof l.entries[1].digest); /* "a" */
    assert_int_equal(listing_look(&l, f->arena, f->fd, "t", &what), LISTING_FITS);
    enum listing_fit fit = LISTING_FITS;
    for (int i = 0; i < 1000 && fit == LISTING_FITS; i++) {
        fit = listing_sample(&l, f->arena, f->fd, "t", &what);
    }
    assert_int_equal(fit, LISTING_DIFFERS);
    assert_string_equal(what.ptr, "'a' has different content");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_entry_is_listed),
        TEST(what_is_written_is_read_back),
        TEST(a_damaged_listing_is_refused),
        TEST(a_listing_made_on_purpose_is_refused),
        TEST(holes_are_not_read),
        TEST(attributes_count),
        TEST(a_rewritten_file_is_noticed),
        TEST(owners_show_and_a_folders_size_does_not),
        TEST(a_limit_ends_it),
        TEST(what_is_not_there_is_empty),
        TEST(a_sample_finds_what_a_look_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
