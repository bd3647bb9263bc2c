// SPDX-License-Identifier: Apache-2.0
/*
 * What a lost power can tear. An entry has a stamp: in which session (one start of this machine,
 * one mount of the file system) and when it was complete. What is of this session is in the page
 * cache, as it was written. What is of another one was read back from the disk, and counts as it is
 * only after a syncfs(2) that began after it was complete: durable/SESSION says up to when.
 *
 * Stamps and marks are the targets of symbolic links, which file systems with a journal keep in the
 * inode: they are there as a whole or not at all.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/hash.h"
#include "store/internal.h"

enum { BOOT_HEX = 16, MARKS_MAX = 1024, STAMP_TRIES = 20 };

/* Beside the marks, which a process that outlives its builder replaces at any time. */
#define STAMP_TEMP ".new-"

void session_find(struct store *s) {
    char boot[128];
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    (void)!os_boot_id(boot, sizeof boot);
    blake3_bytes(str_from_c(boot), digest);
    hash_hex(digest, sizeof digest, hex);
    snprintf(s->session, sizeof s->session, "%.*s.%" PRIx64, BOOT_HEX, hex, os_mount_id(s->fd));
}

/* ---- stamps: "BOOT.MOUNT-TIME" ---- */

struct stamp {
    char session[SESSION_BYTES];
    uint64_t time_ns;
};

static bool parse(const char *text, struct stamp *ret) {
    const char *dash = strchr(text, '-');
    size_t len = dash == NULL ? 0 : (size_t)(dash - text);
    if (len == 0 || len >= sizeof ret->session || dash[1] == '\0' || strlen(dash + 1) > 16) {
        return false;
    }
    memcpy(ret->session, text, len);
    ret->session[len] = '\0';
    ret->time_ns = 0;
    for (const char *c = dash + 1; *c != '\0'; c++) {
        int digit = char_hex(*c);
        if (digit < 0) {
            return false;
        }
        ret->time_ns = ret->time_ns * 16 + (uint64_t)digit;
    }
    return true;
}

static bool read_stamp(const struct store *s, const char *path, struct stamp *ret) {
    char text[STAMP_BYTES];
    ssize_t n = readlinkat(s->fd, path, text, sizeof text - 1);
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    return parse(text, ret);
}

static void stamp_text(const struct store *s, uint64_t time_ns, char ret[STAMP_BYTES]) {
    snprintf(ret, STAMP_BYTES, "%s-%" PRIx64, s->session, time_ns);
}

/* A sweep may take the temporary away: then it is made again. */
static bool replace_stamp(struct store *s, const char *text, int dirfd, const char *path) {
    char name[64];
    char temp[128];
    for (int tries = 0; tries < STAMP_TRIES; tries++) {
        store_unique_name(s, name);
        snprintf(temp, sizeof temp, "durable/" STAMP_TEMP "%s", name);
        if (symlinkat(text, s->fd, temp) < 0) {
            return false;
        }
        if (renameat(s->fd, temp, dirfd, path) == 0) {
            return true;
        }
        if (errno != ENOENT) {
            int saved = errno;
            unlinkat(s->fd, temp, 0);
            errno = saved;
            return false;
        }
    }
    return false;
}

bool stamp_put(struct store *s, int dirfd, const char *path, uint64_t time_ns) {
    char text[STAMP_BYTES];
    stamp_text(s, time_ns, text);
    return symlinkat(text, dirfd, path) == 0 ||
           (errno == EEXIST && replace_stamp(s, text, dirfd, path));
}

void stamp_sweep(struct store *s, struct arena *scratch) {
    const char **names;
    size_t count;
    if (!fs_list(scratch, s->fd, "durable", &names, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_starts(str_from_c(names[i]), S(STAMP_TEMP))) {
            unlinkat(s->fd, path_join(scratch, "durable", names[i]), 0);
        }
    }
}

static uint64_t durable_until_ns(const struct store *s, const char *session) {
    struct stamp mark;
    char path[SESSION_BYTES + 16];
    snprintf(path, sizeof path, "durable/%s", session);
    return read_stamp(s, path, &mark) && strcmp(mark.session, session) == 0 ? mark.time_ns : 0;
}

enum stamp_state stamp_look(const struct store *s, const char *path) {
    struct stamp stamp;
    if (!read_stamp(s, path, &stamp)) {
        return STAMP_NONE;
    }
    if (strcmp(stamp.session, s->session) == 0) {
        return STAMP_OURS;
    }
    if (stamp.time_ns > durable_until_ns(s, stamp.session)) {
        return STAMP_VOLATILE;
    }
    return strncmp(stamp.session, s->session, BOOT_HEX) == 0 ? STAMP_OURS : STAMP_DURABLE;
}

/* ---- marks ---- */

struct mark {
    const char *path;
    int64_t made_s;
};

static int by_age(const void *x, const void *y) {
    const struct mark *a = x;
    const struct mark *b = y;
    return (a->made_s > b->made_s) - (a->made_s < b->made_s);
}

/* What only an older mark spoke for is checked or dropped at its next use. */
static void forget_old_marks(struct store *s) {
    AUTO_ARENA a = arena_new();
    const char **names;
    size_t count;
    if (!fs_list(a, s->fd, "durable", &names, &count, NULL) || count <= MARKS_MAX) {
        return;
    }
    struct mark *marks = ARENA_ARRAY(a, struct mark, count);
    for (size_t i = 0; i < count; i++) {
        struct stat st = { 0 };
        marks[i].path = path_join(a, "durable", names[i]);
        fstatat(s->fd, marks[i].path, &st, AT_SYMLINK_NOFOLLOW);
        marks[i].made_s = st.st_mtim.tv_sec;
    }
    qsort(marks, count, sizeof *marks, by_age);
    for (size_t i = 0; i < count - MARKS_MAX; i++) {
        unlinkat(s->fd, marks[i].path, 0);
    }
}

bool session_sync(struct store *s) {
    char path[SESSION_BYTES + 16];
    uint64_t began_ns = os_boot_time_ns();
    if (os_sync_filesystem(s->fd) < 0) {
        return false;
    }
    snprintf(path, sizeof path, "durable/%s", s->session);
    if (durable_until_ns(s, s->session) < began_ns && !stamp_put(s, s->fd, path, began_ns)) {
        return false;
    }
    forget_old_marks(s);
    return true;
}
