// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hash/hash.h"
#include "store/blocks.h"

struct fixture {
    char path[64];
    int fd;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/blocks-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    assert_true(fs_remove_tree(AT_FDCWD, f->path, &err));
    close(f->fd);
    free(f);
    return 0;
}

static struct blocks *open_cache(const struct fixture *f) {
    struct err err = ERR_INIT;
    struct blocks *b = NULL;
    assert_true(blocks_open(f->fd, "blocks", &b, &err));
    return b;
}

static void commit(struct blocks *b) {
    struct err err = ERR_INIT;
    assert_true(blocks_commit(b, &err));
}

/* Block number n: its key, and bytes that only it has. */
static void make_key(unsigned n, uint8_t key[BLOCKS_KEY_BYTES]) {
    blake3_bytes((str){ (const char *)&n, sizeof n }, key);
}

static size_t make_data(unsigned n, char data[4096]) {
    size_t len = 1 + n * 37 % 4000;
    memset(data, (int)('a' + n % 26), len);
    memcpy(data, &n, min_size(len, sizeof n));
    return len;
}

static void add(struct blocks *b, unsigned n) {
    uint8_t key[BLOCKS_KEY_BYTES];
    char data[4096];
    make_key(n, key);
    blocks_add(b, key, data, make_data(n, data));
}

static bool has(struct blocks *b, unsigned n) {
    uint8_t key[BLOCKS_KEY_BYTES];
    char data[4096];
    struct block found;
    make_key(n, key);
    if (!blocks_find(b, key, &found)) {
        return false;
    }
    size_t len = make_data(n, data);
    assert_int_equal(found.len, len);
    assert_memory_equal(found.data, data, len);
    return true;
}

/* Names in the cache's folder that start so; *ret_name is the last of them. */
static size_t count_files(const struct fixture *f, const char *prefix, char ret_name[NAME_MAX]) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    const char **names;
    size_t count, found = 0;
    assert_true(fs_list(a, f->fd, "blocks", &names, &count, &err));
    for (size_t i = 0; i < count; i++) {
        if (strncmp(names[i], prefix, strlen(prefix)) == 0) {
            found++;
            if (ret_name != NULL) {
                snprintf(ret_name, NAME_MAX, "blocks/%s", names[i]);
            }
        }
    }
    return found;
}

static void a_block_comes_back_after_a_commit(void **state) {
    struct blocks *b = open_cache(*state);
    for (unsigned n = 0; n < 3000; n++) {
        assert_false(has(b, n));
        add(b, n);
        assert_true(has(b, n));
    }
    commit(b);
    assert_true(has(b, 7));
    blocks_close(b);

    b = open_cache(*state);
    for (unsigned n = 0; n < 3000; n++) {
        assert_true(has(b, n));
    }
    assert_false(has(b, 3000));
    struct blocks_stats stats = blocks_stats(b);
    assert_int_equal(stats.hits, 3000);
    assert_int_equal(stats.misses, 1);
    assert_int_equal(stats.segments, 1);
    blocks_close(b);
}

static void an_empty_answer_is_an_answer(void **state) {
    uint8_t key[BLOCKS_KEY_BYTES];
    struct block found = { .len = 99 };
    make_key(1, key);
    struct blocks *b = open_cache(*state);
    blocks_add(b, key, "", 0);
    commit(b);
    blocks_close(b);
    b = open_cache(*state);
    assert_true(blocks_find(b, key, &found));
    assert_int_equal(found.len, 0);
    blocks_close(b);
}

static void blocks_handed_out_outlive_the_commit(void **state) {
    uint8_t key[BLOCKS_KEY_BYTES];
    char data[4096];
    struct block early;
    struct blocks *b = open_cache(*state);
    add(b, 5);
    make_key(5, key);
    assert_true(blocks_find(b, key, &early));
    commit(b);
    add(b, 6);
    commit(b);
    assert_memory_equal(early.data, data, make_data(5, data));
    blocks_close(b);
}

static void without_a_commit_nothing_stays(void **state) {
    struct blocks *b = open_cache(*state);
    add(b, 1);
    assert_int_equal(count_files(*state, "tmp-", NULL), 1);
    blocks_close(b);
    assert_int_equal(count_files(*state, "tmp-", NULL), 0);
    b = open_cache(*state);
    assert_false(has(b, 1));
    commit(b);
    blocks_close(b);
    assert_int_equal(count_files(*state, "seg-", NULL), 0);
}

static void a_damaged_block_is_a_miss_and_may_be_added_again(void **state) {
    struct fixture *f = *state;
    char name[NAME_MAX];
    struct blocks *b = open_cache(f);
    add(b, 10); /* the first: its bytes are at offset 0 */
    add(b, 11);
    commit(b);
    blocks_close(b);
    assert_int_equal(count_files(f, "seg-", name), 1);
    AUTO_FD fd = openat(f->fd, name, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "X", 1, 0), 1);

    b = open_cache(f);
    assert_false(has(b, 10));
    assert_true(has(b, 11));
    add(b, 10);
    assert_true(has(b, 10));
    commit(b);
    blocks_close(b);
    b = open_cache(f);
    assert_true(has(b, 10));
    blocks_close(b);

    struct err err = ERR_INIT;
    size_t blocks, damaged;
    assert_true(blocks_verify(f->fd, "blocks", &blocks, &damaged, &err));
    assert_int_equal(blocks, 3);
    assert_int_equal(damaged, 1);
    assert_int_equal(count_files(f, "seg-", NULL), 1);
    assert_true(blocks_verify(f->fd, "blocks", &blocks, &damaged, &err));
    assert_int_equal(blocks, 1);
    assert_int_equal(damaged, 0);
}

/* Five blocks of a number each. */
static void check_answers(const struct fixture *f) {
    struct blocks *b = open_cache(f);
    for (unsigned n = 0; n < 5; n++) {
        uint8_t key[BLOCKS_KEY_BYTES];
        struct block found;
        make_key(n, key);
        if (blocks_find(b, key, &found)) {
            assert_int_equal(found.len, sizeof n);
            assert_memory_equal(found.data, &n, sizeof n);
        }
    }
    blocks_close(b);
}

/* Whatever byte is wrong or missing: right answers or none, and no crash. */
static void any_damage_gives_right_answers_or_none(void **state) {
    struct fixture *f = *state;
    char name[NAME_MAX];
    struct blocks *b = open_cache(f);
    for (unsigned n = 0; n < 5; n++) {
        uint8_t key[BLOCKS_KEY_BYTES];
        make_key(n, key);
        blocks_add(b, key, &n, sizeof n);
    }
    commit(b);
    blocks_close(b);
    assert_int_equal(count_files(f, "seg-", name), 1);

    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    str good;
    assert_true(fs_load(a, f->fd, name, 1 << 20, &good, &err));
    char *bad = (char *)str_dup(a, good).ptr;
    static const unsigned char flips[] = { 0x01, 0x80, 0xff, 0 /* cut off here instead */ };
    for (size_t at = 0; at < good.len; at++) {
        for (size_t k = 0; k < ARRAY_LEN(flips); k++) {
            bad[at] = (char)(good.ptr[at] ^ flips[k]);
            str text = { bad, flips[k] == 0 ? at : good.len };
            assert_true(fs_store(f->fd, name, text, 0644, &err));
            check_answers(f);
        }
        bad[at] = good.ptr[at];
    }
}

static void small_segments_are_joined(void **state) {
    for (unsigned n = 0; n < 40; n++) {
        struct blocks *b = open_cache(*state);
        add(b, n);
        commit(b);
        blocks_close(b);
        assert_true(count_files(*state, "seg-", NULL) <= 9);
    }
    struct blocks *b = open_cache(*state);
    for (unsigned n = 0; n < 40; n++) {
        assert_true(has(b, n));
    }
    blocks_close(b);
    assert_int_equal(count_files(*state, "tmp-", NULL), 0);
}

/* Pruning goes by the last use: the joined one has that of the newest that is in it, which here is
 * a time to come, so that it is not that of the joining. */
static void a_joined_segment_is_as_old_as_its_newest(void **state) {
    enum { NEWEST = 3 };
    const int64_t newest_s = 4102444800; /* 2100 */
    struct fixture *f = *state;
    char name[NAME_MAX];
    struct stat st;
    size_t count = 0;
    for (unsigned n = 0; n == 0 || count == n; n++) {
        struct blocks *b = open_cache(f);
        add(b, n);
        commit(b);
        blocks_close(b);
        count = count_files(f, "seg-", name);
        const int64_t second = n == NEWEST ? newest_s : 1000 * (n + 1);
        const struct timespec times[2] = { { .tv_sec = second }, { .tv_sec = second } };
        if (count == n + 1) { /* the last name is this one's */
            assert_int_equal(utimensat(f->fd, name, times, 0), 0);
        }
    }
    assert_int_equal(count, 1);
    assert_int_equal(fstatat(f->fd, name, &st, 0), 0);
    assert_int_equal(st.st_mtim.tv_sec, newest_s);
}

static void pruning_takes_what_was_used_least_recently(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct timespec times[2] = { 0 };
    char name[NAME_MAX];
    /* Three segments, used at 1000, 2000 and 3000; the next use of the first is now. */
    for (unsigned n = 0; n < 3; n++) {
        struct blocks *b = open_cache(f);
        add(b, n);
        commit(b);
        blocks_close(b);
        count_files(f, "seg-", name); /* names grow with time: the last is the newest */
        times[0].tv_sec = times[1].tv_sec = 1000 * (n + 1);
        assert_int_equal(utimensat(f->fd, name, times, 0), 0);
    }
    struct blocks *b = open_cache(f);
    assert_true(has(b, 0));
    commit(b);
    uint64_t all = blocks_stats(b).disk_bytes;
    blocks_close(b);

    uint64_t removed = 0;
    assert_true(blocks_prune(f->fd, "blocks", all - 1, 0, &removed, &err));
    assert_true(removed > 0 && removed < all);
    b = open_cache(f);
    assert_true(has(b, 0));
    assert_false(has(b, 1));
    assert_true(has(b, 2));
    blocks_close(b);

    assert_true(blocks_prune(f->fd, "blocks", UINT64_MAX, 3600, &removed, &err));
    b = open_cache(f);
    assert_true(has(b, 0));
    assert_false(has(b, 2));
    blocks_close(b);
    assert_true(blocks_prune(f->fd, "nothing", 0, 0, &removed, &err));
    assert_int_equal(removed, 0);
}

static void what_dead_processes_left_is_swept(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    struct blocks *living = open_cache(f);
    add(living, 1);
    char name[NAME_MAX];
    assert_int_equal(count_files(f, "tmp-", name), 1);
    assert_int_equal(utimensat(f->fd, name, old, 0), 0);
    assert_true(fs_store(f->fd, "blocks/tmp-dead", S("x"), 0644, &err));
    assert_int_equal(utimensat(f->fd, "blocks/tmp-dead", old, 0), 0);
    assert_true(fs_store(f->fd, "blocks/tmp-fresh", S("x"), 0644, &err));

    struct blocks *b = open_cache(f);
    add(b, 2);
    commit(b);
    blocks_close(b);
    assert_false(fs_exists(f->fd, "blocks/tmp-dead"));
    assert_true(fs_exists(f->fd, "blocks/tmp-fresh"));
    commit(living);
    assert_true(has(living, 1));
    blocks_close(living);
}

static void two_handles_share_a_folder(void **state) {
    struct blocks *x = open_cache(*state);
    struct blocks *y = open_cache(*state);
    add(x, 1);
    add(x, 2);
    add(y, 2);
    add(y, 3);
    commit(x);
    commit(y);
    assert_false(has(x, 3)); /* opened before it was there */
    blocks_close(x);
    blocks_close(y);
    x = open_cache(*state);
    for (unsigned n = 1; n <= 3; n++) {
        assert_true(has(x, n));
    }
    blocks_close(x);
}

struct worker {
    struct blocks *blocks;
    unsigned first;
};

static void *work(void *self) {
    struct worker *w = self;
    for (unsigned i = 0; i < 2000; i++) {
        unsigned n = w->first + i;
        uint8_t key[BLOCKS_KEY_BYTES];
        struct block found;
        make_key(n, key);
        if (!blocks_find(w->blocks, key, &found)) {
            char data[4096];
            blocks_add(w->blocks, key, data, make_data(n, data));
        }
    }
    return NULL;
}

static void threads_may_find_and_add(void **state) {
    struct blocks *b = open_cache(*state);
    struct worker workers[4];
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){ b, i * 1000 };
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    commit(b);
    blocks_close(b);
    b = open_cache(*state);
    for (unsigned n = 0; n < 5000; n++) {
        assert_true(has(b, n));
    }
    blocks_close(b);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct blocks *b = NULL;
    assert_true(fs_store(f->fd, "file", S("x"), 0644, &err));
    assert_false(blocks_open(f->fd, "file/blocks", &b, &err));
    assert_null(b);
    assert_true(err_is_set(&err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(a_block_comes_back_after_a_commit),
        CASE(an_empty_answer_is_an_answer),
        CASE(blocks_handed_out_outlive_the_commit),
        CASE(without_a_commit_nothing_stays),
        CASE(a_damaged_block_is_a_miss_and_may_be_added_again),
        CASE(any_damage_gives_right_answers_or_none),
        CASE(small_segments_are_joined),
        CASE(a_joined_segment_is_as_old_as_its_newest),
        CASE(pruning_takes_what_was_used_least_recently),
        CASE(what_dead_processes_left_is_swept),
        CASE(two_handles_share_a_folder),
        CASE(threads_may_find_and_add),
        CASE(a_folder_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
