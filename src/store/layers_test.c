// SPDX-License-Identifier: Apache-2.0
/* What becomes of a store that a lost power, a bad disk or a user has damaged. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hash/hash.h"
#include "store/internal.h"

struct fixture {
    char path[64];
    struct store *store;
    struct arena *arena;
};

static void open_again(struct fixture *f) {
    struct err err = ERR_INIT;
    assert_true(store_open(f->path, &f->store, &err));
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/layers-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    f->arena = arena_new();
    open_again(f);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    store_close(f->store);
    arena_free(f->arena);
    assert_true(fs_remove_tree(AT_FDCWD, f->path, &err));
    free(f);
    return 0;
}

/* As after a restart of the machine. */
static void restart(struct fixture *f) {
    store_close(f->store);
    open_again(f);
    snprintf(f->store->session, sizeof f->store->session, "0123456789abcdef.5");
}

/* A process of the same session, which has looked at nothing so far. */
static void another_process(struct fixture *f) {
    store_close(f->store);
    open_again(f);
}

static struct store_key key_of(char letter) {
    struct store_key key = { 0 };
    memset(key.hex, letter, STORE_KEY_HEX);
    return key;
}

/* A layer with some files; `on` names the layer that it was made from, or is 0. */
static void make_layer_of(struct fixture *f, char letter, char on, size_t files) {
    struct err err = ERR_INIT;
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    struct store_key key = key_of(letter);
    assert_true(store_work_begin(f->store, &work, &err));
    assert_true(fs_mkdir_p(work.fd, "step/fs/etc", 0755, &err));
    for (size_t i = 0; i < files; i++) {
        str text = str_fmt(f->arena, "%c, file %zu\n", letter, i);
        assert_true(
            fs_store(work.fd, str_fmt(f->arena, "step/fs/etc/f%zu", i).ptr, text, 0644, &err));
    }
    assert_int_equal(symlinkat("f0", work.fd, "step/fs/etc/link"), 0);
    str meta = on == 0 ? S("{\"text\":\"RUN it\"}")
                       : str_fmt(f->arena, "{\"text\":\"RUN it\",\"on\":[\"%s\"]}", key_of(on).hex);
    assert_true(store_layer_commit(&work, "step", &key, false, meta, &err));
}

static void make_layer(struct fixture *f, char letter, char on) {
    make_layer_of(f, letter, on, 3);
}

static bool has(struct fixture *f, char letter) {
    struct store_key key = key_of(letter);
    return store_layer_has(f->store, &key);
}

static bool is_whole(struct fixture *f, char letter) {
    struct store_key key = key_of(letter);
    return store_layers_check(f->store, &key, 1);
}

/* Of a file of a layer, below the store. */
static const char *place(struct fixture *f, char letter, const char *name) {
    return str_fmt(f->arena, "layers/%s/%s", key_of(letter).hex, name).ptr;
}

static void overwrite(struct fixture *f, const char *path, str text) {
    AUTO_FD fd = openat(f->store->fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(fs_write_all(fd, text.ptr, text.len, NULL));
}

/* ---- another session ---- */

static void a_layer_is_there_after_a_restart(void **state) {
    struct fixture *f = *state;
    make_layer(f, 'a', 0);
    restart(f);
    assert_true(has(f, 'a'));
    /* It was read, and belongs to this session now. */
    assert_int_equal(stamp_look(f->store, place(f, 'a', "stamp")), STAMP_OURS);
}

static void what_was_torn_is_gone_with_what_stands_on_it(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_damage d;
    str text;
    make_layer(f, 'a', 0);
    make_layer(f, 'b', 'a');
    make_layer(f, 'c', 'b');
    make_layer(f, 'd', 0);
    str image = str_fmt(f->arena, "{\"layers\":[\"%s\"]}", key_of('c').hex);
    assert_true(store_record_save(f->store, "images", S("i"), image, &err));
    assert_true(store_record_save(f->store, "results", S("r"), S("\"other\""), &err));
    restart(f);
    overwrite(f, place(f, 'a', "fs/etc/f1"), S(""));
    assert_false(has(f, 'a'));
    assert_false(has(f, 'b'));
    assert_false(has(f, 'c'));
    assert_true(has(f, 'd'));
    assert_true(store_record_load(f->store, f->arena, "images", S("i"), &text, &err));
    assert_int_equal(text.len, 0);
    assert_true(store_record_load(f->store, f->arena, "results", S("r"), &text, &err));
    assert_true(str_eq(text, S("\"other\"")));
    assert_true(store_damage_next(f->store, &d));
    assert_string_equal(d.what.ptr, "'etc/f1' has a different size");
    assert_string_equal(d.text.ptr, "RUN it");
    assert_int_equal(d.more, 2);
    assert_false(store_damage_next(f->store, &d));
}

static void a_layer_whose_listing_was_torn_is_gone(void **state) {
    struct fixture *f = *state;
    static const char *const files[] = { "listing", "meta.json" };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        make_layer(f, 'a', 0);
        restart(f);
        overwrite(f, place(f, 'a', files[i]), S(""));
        assert_false(has(f, 'a'));
        store_close(f->store);
        open_again(f);
    }
}

static void a_layer_without_a_stamp_was_never_complete(void **state) {
    struct fixture *f = *state;
    make_layer(f, 'a', 0);
    assert_int_equal(unlinkat(f->store->fd, place(f, 'a', "stamp"), 0), 0);
    assert_false(has(f, 'a'));
    assert_false(fs_exists(f->store->fd, place(f, 'a', ".")));
}

/* ---- damage that a look or a read finds ---- */

static void cut(struct fixture *f, const char *path) {
    overwrite(f, path, S("a, "));
}

/* The same size and times: only the time of the last change of the inode tells. */
static void flip(struct fixture *f, const char *path) {
    struct stat st;
    assert_int_equal(fstatat(f->store->fd, path, &st, 0), 0);
    AUTO_FD fd = openat(f->store->fd, path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "X", 1, 0), 1);
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    assert_int_equal(futimens(fd, times), 0);
}

static void take_away(struct fixture *f, const char *path) {
    assert_int_equal(unlinkat(f->store->fd, path, 0), 0);
}

static void put_another(struct fixture *f, const char *path) {
    assert_true(fs_store(f->store->fd, path, S("a, file 1X"), 0644, NULL));
}

static void add_one(struct fixture *f, const char *path) {
    assert_true(fs_store(f->store->fd, str_fmt(f->arena, "%s-more", path).ptr, S(""), 0644, NULL));
}

static void change_mode(struct fixture *f, const char *path) {
    assert_int_equal(fchmodat(f->store->fd, path, 04755, 0), 0);
}

static void redirect(struct fixture *f, const char *path) {
    const char *link = str_fmt(f->arena, "%.*s/link", STR_FMT(path_dir(str_from_c(path)))).ptr;
    assert_int_equal(unlinkat(f->store->fd, link, 0), 0);
    assert_int_equal(symlinkat("f1", f->store->fd, link), 0);
}

static void damage_is_found(void **state) {
    struct fixture *f = *state;
    static void (*const damages[])(struct fixture * f, const char *path) = {
        cut, flip, take_away, put_another, add_one, change_mode, redirect,
    };
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        make_layer(f, 'a', 0);
        another_process(f);
        assert_true(is_whole(f, 'a'));
        another_process(f);
        damages[i](f, place(f, 'a', "fs/etc/f1"));
        assert_false(is_whole(f, 'a'));
        assert_false(has(f, 'a'));
    }
}

static void damage_below_is_found(void **state) {
    struct fixture *f = *state;
    make_layer(f, 'a', 0);
    make_layer(f, 'b', 'a');
    make_layer(f, 'c', 'b');
    another_process(f);
    flip(f, place(f, 'a', "fs/etc/f1"));
    assert_false(is_whole(f, 'c'));
    assert_false(has(f, 'b'));
}

static void a_pruned_basis_is_no_damage(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    make_layer(f, 'a', 0);
    make_layer(f, 'b', 'a');
    another_process(f);
    assert_true(store_trash(f->store, str_fmt(f->arena, "layers/%s", key_of('a').hex).ptr, &err));
    assert_true(is_whole(f, 'b'));
    assert_false(is_whole(f, 'a'));
}

/* What was packed from b, which was made from a; b is pruned, then a is found damaged. */
static void a_record_knows_what_is_below_a_pruned_layer(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    str text;
    make_layer(f, 'a', 0);
    make_layer(f, 'b', 'a');
    struct store_key top = key_of('b');
    str basis = store_layers_basis(f->store, f->arena, &top, 1);
    assert_true(str_find(basis, str_from_c(key_of('a').hex), 0) != STR_NONE);
    assert_true(store_record_save(f->store, "results", S("asset"), basis, &err));
    another_process(f);
    assert_true(store_trash(f->store, str_fmt(f->arena, "layers/%s", top.hex).ptr, &err));
    flip(f, place(f, 'a', "fs/etc/f1"));
    assert_false(is_whole(f, 'a'));
    assert_true(store_record_load(f->store, f->arena, "results", S("asset"), &text, &err));
    assert_int_equal(text.len, 0);
}

/* Other inodes, the same content: a store that was copied. */
static void a_copy_is_whole(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    make_layer(f, 'a', 0);
    another_process(f);
    const char *path = place(f, 'a', "fs/etc/f1");
    struct stat st;
    struct stat dir;
    assert_int_equal(fstatat(f->store->fd, path, &st, 0), 0);
    assert_int_equal(fstatat(f->store->fd, place(f, 'a', "fs/etc"), &dir, 0), 0);
    assert_true(fs_store(f->store->fd, path, S("a, file 1\n"), 0644, &err));
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    const struct timespec dir_times[2] = { dir.st_atim, dir.st_mtim };
    assert_int_equal(utimensat(f->store->fd, path, times, 0), 0);
    assert_int_equal(utimensat(f->store->fd, place(f, 'a', "fs/etc"), dir_times, 0), 0);
    assert_true(is_whole(f, 'a'));
    assert_true(has(f, 'a'));
}

/* Two processes: while one runs a step on a layer, the other finds that damaged and makes it again.
 */
static void what_was_made_from_a_dropped_layer_is_refused(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_key a = key_of('a');
    struct store_key b = key_of('b');
    make_layer(f, 'a', 0);
    another_process(f);
    struct store *other;
    assert_true(store_open(f->path, &other, &err));
    assert_true(store_layer_has(other, &a));
    AUTO_STORE_WORK work = STORE_WORK_INIT;
    assert_true(store_work_begin(other, &work, &err));
    assert_true(fs_mkdir_p(work.fd, "step/fs", 0755, &err));
    flip(f, place(f, 'a', "fs/etc/f1"));
    assert_false(is_whole(f, 'a'));
    make_layer(f, 'a', 0);
    str meta = str_fmt(f->arena, "{\"on\":[\"%s\"]}", a.hex);
    assert_false(store_layer_commit(&work, "step", &b, false, meta, &err));
    assert_false(has(f, 'b'));
    /* The build is told, and tries again. */
    assert_false(store_layers_check(other, &a, 1));
    assert_true(store_layer_has(other, &a));
    assert_true(store_layers_check(other, &a, 1));
    store_work_done(&work);
    store_close(other);
}

/* ---- listings ---- */

/* Nobody waits long for that: it is there some time. */
static void many_files_are_listed_beside(void **state) {
    struct fixture *f = *state;
    make_layer_of(f, 'a', 0, 300);
    another_process(f);
    while (!fs_exists(f->store->fd, place(f, 'a', "listing"))) {
        poll(NULL, 0, 5);
    }
    flip(f, place(f, 'a', "fs/etc/f299"));
    assert_false(is_whole(f, 'a'));
}

static void a_listing_that_was_not_made_is_made_later(void **state) {
    struct fixture *f = *state;
    make_layer(f, 'a', 0);
    another_process(f);
    assert_int_equal(unlinkat(f->store->fd, place(f, 'a', "listing"), 0), 0);
    assert_true(is_whole(f, 'a'));
    assert_true(fs_exists(f->store->fd, place(f, 'a', "listing")));
}

/* ---- verify ---- */

static void verify_reads_everything(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_finding *findings;
    size_t count;
    make_layer(f, 'a', 0);
    make_layer(f, 'b', 'a');
    make_layer(f, 'c', 0);
    assert_true(store_verify(f->store, f->arena, &findings, &count, &err));
    assert_int_equal(count, 0);
    flip(f, place(f, 'a', "fs/etc/f1"));
    assert_true(store_verify(f->store, f->arena, &findings, &count, &err));
    assert_int_equal(count, 1);
    assert_non_null(strstr(findings[0].what, "'etc/f1' has different content"));
    assert_false(has(f, 'b'));
    assert_true(has(f, 'c'));
}

/* ---- records ---- */

static void a_torn_record_is_not_there(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    static const str torn[] = { S_INIT(""), S_INIT("{"), S_INIT("\0\0\0\0\0\0\0\0") };
    str text;
    assert_true(store_record_save(f->store, "results", S("r"), S("{\"a\":1}"), &err));
    const char **names;
    size_t count;
    assert_true(fs_list(f->arena, f->store->fd, "results", &names, &count, &err));
    assert_int_equal(count, 1);
    const char *path = path_join(f->arena, "results", names[0]);
    assert_true(fs_load(f->arena, f->store->fd, path, 4096, &text, &err));
    str half = str_slice(text, 0, text.len - 2);
    for (size_t i = 0; i <= ARRAY_LEN(torn); i++) {
        str *texts;
        overwrite(f, path, i < ARRAY_LEN(torn) ? torn[i] : half);
        assert_true(store_record_load(f->store, f->arena, "results", S("r"), &text, &err));
        assert_int_equal(text.len, 0);
        assert_true(store_record_list(f->store, f->arena, "results", &texts, &count, &err));
        assert_int_equal(count, 0);
    }
    assert_true(store_record_save(f->store, "results", S("r"), S("{\"a\":2}"), &err));
    assert_true(store_record_load(f->store, f->arena, "results", S("r"), &text, &err));
    assert_true(str_eq(text, S("{\"a\":2}")));
}

/* ---- digests of files ---- */

/* The digest of the first row becomes another one. */
static void falsify_digests(struct fixture *f) {
    enum { HEAD = 16 + SESSION_BYTES, ROW = 5 * 8 + 32 };
    str text;
    assert_true(fs_load(f->arena, f->store->fd, "digests", 1 << 20, &text, NULL));
    assert_int_equal(text.len, HEAD + ROW);
    memset((char *)text.ptr + HEAD + ROW - 32, 7, 32);
    overwrite(f, "digests", text);
}

static uint8_t first_digest_byte(struct fixture *f) {
    uint8_t digest[STORE_DIGEST_BYTES];
    AUTO_FD fd = open("/bin/sh", O_RDONLY | O_CLOEXEC); /* not changed a moment ago */
    assert_true(store_file_digest(f->store, fd, digest, NULL));
    return digest[0];
}

/* A file that was written a moment ago may be written again in the same tick of the clock: its
 * digest is not kept. */
static void digests_of_young_files_are_not_kept(void **state) {
    struct fixture *f = *state;
    uint8_t digest[STORE_DIGEST_BYTES];
    struct stat st;
    do { /* where we are stopped meanwhile, it is not young any more */
        unlinkat(f->store->fd, "digests", 0);
        AUTO_FD fd = os_open_unnamed("/tmp");
        assert_true(fs_write_all(fd, "text", 4, NULL));
        assert_true(store_file_digest(f->store, fd, digest, NULL));
        assert_int_equal(fstat(fd, &st), 0);
        another_process(f);
    } while (time_now_epoch_s() - st.st_ctim.tv_sec > 1);
    assert_false(fs_exists(f->store->fd, "digests"));
}

static void digests_of_another_session_are_forgotten(void **state) {
    struct fixture *f = *state;
    uint8_t right = first_digest_byte(f);
    assert_int_not_equal(right, 7);
    another_process(f);
    falsify_digests(f);
    assert_int_equal(first_digest_byte(f), 7); /* remembered */
    restart(f);
    assert_int_equal(first_digest_byte(f), right);
}

/* ---- cache mounts ---- */

static bool mount_is_fresh(struct fixture *f, bool leave) {
    struct err err = ERR_INIT;
    struct store_mount m = STORE_MOUNT_INIT;
    assert_true(store_mount_open(f->store, f->arena, S("/cache"), STORE_SHARED, &m, &err));
    bool fresh = m.is_fresh;
    if (leave) {
        store_mount_close(f->store, &m);
    } else { /* as a process that is killed */
        close(m.usersfd);
    }
    return fresh;
}

static void a_mount_that_may_be_torn_is_dropped(void **state) {
    struct fixture *f = *state;
    if (!session_sync(f->store)) {
        skip(); /* elsewhere than on Linux nothing is known to be on the disk */
    }
    assert_true(mount_is_fresh(f, true));
    assert_false(mount_is_fresh(f, true));
    /* On the disk: kept. */
    assert_true(session_sync(f->store));
    restart(f);
    assert_false(mount_is_fresh(f, false));
    /* Was being changed when the power went: dropped, synced or not. */
    assert_true(session_sync(f->store));
    snprintf(f->store->session, sizeof f->store->session, "fedcba9876543210.5");
    assert_true(mount_is_fresh(f, true));
    /* Changed since the last sync. */
    snprintf(f->store->session, sizeof f->store->session, "aaaaaaaaaaaaaaaa.5");
    assert_true(mount_is_fresh(f, true));
}

static void a_mount_in_use_is_not_dropped(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_mount m = STORE_MOUNT_INIT;
    assert_true(store_mount_open(f->store, f->arena, S("/cache"), STORE_SHARED, &m, &err));
    snprintf(f->store->session, sizeof f->store->session, "0123456789abcdef.5");
    assert_false(mount_is_fresh(f, true));
    store_mount_close(f->store, &m);
}

static size_t names_in_mounts(struct fixture *f) {
    const char **names;
    size_t count;
    assert_true(fs_list(f->arena, f->store->fd, "mounts", &names, &count, NULL));
    return count;
}

static void of_a_mount_that_was_pruned_nothing_stays(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_mount m = STORE_MOUNT_INIT;
    assert_true(store_mount_open(f->store, f->arena, S("/cache"), STORE_LOCKED, &m, &err));
    const char *path = path_join(f->arena, "mounts", m.name);
    store_mount_close(f->store, &m);
    another_process(f);
    assert_int_equal(names_in_mounts(f), 4); /* the folder, two locks and the stamp */
    assert_true(store_trash(f->store, path, &err));
    another_process(f);
    assert_int_equal(names_in_mounts(f), 0);
}

/* ---- stamps ---- */

/* The same start of the machine, another mount. */
static void mount_again(struct fixture *f) {
    char *dot = strchr(f->store->session, '.');
    memcpy(dot, ".77", sizeof ".77");
}

static void stamps_say_what_can_be_believed(void **state) {
    struct fixture *f = *state;
    if (!session_sync(f->store)) {
        skip(); /* elsewhere than on Linux nothing is known to be on the disk */
    }
    uint64_t now_ns = os_boot_time_ns();
    assert_int_equal(stamp_look(f->store, "s"), STAMP_NONE);
    assert_true(stamp_put(f->store, f->store->fd, "s", now_ns));
    assert_int_equal(stamp_look(f->store, "s"), STAMP_OURS);
    char ours[SESSION_BYTES];
    memcpy(ours, f->store->session, sizeof ours);
    mount_again(f);
    assert_int_equal(stamp_look(f->store, "s"), STAMP_VOLATILE);
    memcpy(f->store->session, ours, sizeof ours);
    assert_true(session_sync(f->store));
    mount_again(f);
    assert_int_equal(stamp_look(f->store, "s"), STAMP_OURS);
    snprintf(f->store->session, sizeof f->store->session, "0123456789abcdef.5");
    assert_int_equal(stamp_look(f->store, "s"), STAMP_DURABLE);
    assert_true(stamp_put(f->store, f->store->fd, "s", STAMP_CHANGING));
    assert_int_equal(stamp_look(f->store, "s"), STAMP_OURS);
}

static void a_damaged_stamp_is_none(void **state) {
    struct fixture *f = *state;
    static const char *const texts[] = { "-",
                                         "x",
                                         "-1",
                                         "x-",
                                         "x-g",
                                         "x-11111111111111111",
                                         "0123456789012345678901234567890123456789-1" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(symlinkat(texts[i], f->store->fd, "s"), 0);
        assert_int_equal(stamp_look(f->store, "s"), STAMP_NONE);
        assert_int_equal(unlinkat(f->store->fd, "s", 0), 0);
    }
}

/* ---- the folder ---- */

static void the_folder_is_closed_to_others(void **state) {
    struct fixture *f = *state;
    struct stat st;
    store_close(f->store);
    assert_int_equal(chmod(f->path, 0755), 0);
    open_again(f);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_folder_of_others_is_not_made_a_store(void **state) {
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store *store;
    struct stat st;
    const char *path = path_join(f->arena, f->path, "foreign");
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(mkdir(path_join(f->arena, path, "home"), 0755), 0);
    assert_false(store_open(path, &store, &err));
    assert_non_null(strstr(err.frames[0], "is not a store"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_false(fs_exists(AT_FDCWD, path_join(f->arena, path, "layers")));
}

/* A killed process may leave the temporary of a stamp; one that is alive makes its own again. */
static void stamps_of_dead_processes_go(void **state) {
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(0, symlinkat("x-1", f->store->fd, "durable/.new-1-1-aaaaaa"));
    another_process(f);
    assert_int_equal(-1,
                     fstatat(f->store->fd, "durable/.new-1-1-aaaaaa", &st, AT_SYMLINK_NOFOLLOW));
    assert_int_equal(0, symlinkat("x-1", f->store->fd, "stamp"));
    assert_true(stamp_put(f->store, f->store->fd, "stamp", 5));
    assert_int_equal(STAMP_OURS, stamp_look(f->store, "stamp"));
    assert_int_equal(0, unlinkat(f->store->fd, "stamp", 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_layer_is_there_after_a_restart),
        TEST(what_was_torn_is_gone_with_what_stands_on_it),
        TEST(a_layer_whose_listing_was_torn_is_gone),
        TEST(a_layer_without_a_stamp_was_never_complete),
        TEST(damage_is_found),
        TEST(damage_below_is_found),
        TEST(a_pruned_basis_is_no_damage),
        TEST(a_record_knows_what_is_below_a_pruned_layer),
        TEST(a_copy_is_whole),
        TEST(what_was_made_from_a_dropped_layer_is_refused),
        TEST(many_files_are_listed_beside),
        TEST(a_listing_that_was_not_made_is_made_later),
        TEST(verify_reads_everything),
        TEST(a_torn_record_is_not_there),
        TEST(digests_of_young_files_are_not_kept),
        TEST(digests_of_another_session_are_forgotten),
        TEST(a_mount_that_may_be_torn_is_dropped),
        TEST(a_mount_in_use_is_not_dropped),
        TEST(of_a_mount_that_was_pruned_nothing_stays),
        TEST(stamps_say_what_can_be_believed),
        TEST(a_damaged_stamp_is_none),
        TEST(stamps_of_dead_processes_go),
        TEST(the_folder_is_closed_to_others),
        TEST(a_folder_of_others_is_not_made_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
