// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as an archive: is it one, is it an image, and all of it unpacked into an empty folder,
 * as ADD and as a layer do it. Nothing comes into being next to the folder, and all that did in it
 * can be removed. The checksums of tar's headers are made to fit in a second run.
 */
#include <archive.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "images/internal.h"
#include "unpack/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    BLOCK_BYTES = 512,
    CHECKSUM_AT = 148,
    SIZE_AT = 124,
    FILE_BYTES_MAX = 1 << 20, /* what a few bytes may become */
};

struct run {
    char dir[32];
    const char *into; /* in there */
    int fd;           /* of dir */
    int herefd;       /* the working folder, which unpacking changes */
    int archivefd;
};

/* ---- what is read only ---- */

static bool look(void *self, str path, struct archive *from, struct archive_entry *entry) {
    size_t *entries = self;
    (void)from;
    (void)entry;
    ASSERT(!str_starts(path, S("/")) && !str_eq(path, S("..")) && !str_starts(path, S("../")));
    ASSERT(str_find(path, S("/../"), 0) == STR_NONE);
    return ++*entries < 1000;
}

static void try_reading(const struct run *r) {
    size_t entries = 0;
    bool is_archive = unpack_is_archive(r->archivefd);
    unpack_scan(r->archivefd, look, &entries);
    ASSERT(is_archive == (entries > 0));
    ASSERT(!layout_is_archive(r->archivefd) || is_archive);
}

/* ---- unpacking ---- */

static void begin(struct run *r) {
    ASSERT(mkdirat(r->fd, "in", 0755) == 0);
}

static void end(const struct run *r) {
    AUTO_ARENA a = arena_new();
    struct err err = ERR_INIT;
    const char **names;
    size_t count;
    ASSERT(fchdir(r->herefd) == 0);
    ASSERT(fs_list(a, r->fd, ".", &names, &count, &err));
    ASSERT(count == 1 && strcmp(names[0], "in") == 0);
    ASSERT(fs_remove_tree(r->fd, "in", &err));
}

static void try_adding(struct run *r, bool has_owner) {
    struct err err = ERR_INIT;
    begin(r);
    const struct unpack_owner owner = { has_owner, geteuid(), getegid() };
    bool ok = unpack_added(r->archivefd, "a.tar", r->into, owner, &err);
    ASSERT(ok != err_is_set(&err));
    end(r);
}

static la_ssize_t on_read(struct archive *a, void *self, const void **ret) {
    struct err err = ERR_INIT;
    size_t len;
    if (!layer_stream_read(self, ret, &len, &err)) {
        archive_set_error(a, EIO, "%s", err.frames[0]);
        return ARCHIVE_FATAL;
    }
    return (la_ssize_t)len;
}

/* The rest of what layer_unpack() does needs a store and a child. */
static void try_layer(struct run *r, size_t size) {
    struct err err = ERR_INIT;
    AUTO_FD keep = memfd_create("kept", MFD_CLOEXEC);
    ASSERT(keep >= 0 && lseek(r->archivefd, 0, SEEK_SET) == 0);
    begin(r);
    struct layer_stream *stream = layer_stream_open(r->archivefd, size, keep);
    struct archive *from = archive_read_new();
    archive_read_support_format_tar(from);
    archive_read_support_format_empty(from);
    if (archive_read_open(from, stream, NULL, on_read, NULL) == ARCHIVE_OK) {
        bool ok = unpack_entries(from, "layer", r->into, NULL, NULL, &err);
        ASSERT(ok != err_is_set(&err));
    }
    archive_read_free(from);
    layer_stream_close(stream);
    end(r);
}

static void try_bytes(struct run *r, const uint8_t *data, size_t size) {
    AUTO_FD fd = memfd_create("archive", MFD_CLOEXEC);
    struct err err = ERR_INIT;
    ASSERT(fd >= 0 && fs_write_all(fd, data, size, &err));
    r->archivefd = fd;
    try_reading(r);
    try_adding(r, true);
    try_adding(r, false);
    try_layer(r, size);
}

/* ---- checksums ---- */

static size_t data_bytes(const uint8_t *block) {
    size_t bytes = 0;
    for (size_t i = 0; i < 11 && block[SIZE_AT + i] >= '0' && block[SIZE_AT + i] <= '7'; i++) {
        bytes = bytes * 8 + (block[SIZE_AT + i] - '0');
    }
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* POSIX, pax, "ustar Interchange Format": the sum of a header's bytes, its own being spaces. */
static bool fit_header(uint8_t *block) {
    uint8_t before[8];
    unsigned sum = 0;
    memcpy(before, block + CHECKSUM_AT, sizeof before);
    memset(block + CHECKSUM_AT, ' ', 8);
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        sum += block[i];
    }
    for (size_t i = 0; i < 6; i++) {
        block[CHECKSUM_AT + i] = (uint8_t)('0' + (sum >> (15 - 3 * i) & 7));
    }
    block[CHECKSUM_AT + 6] = '\0';
    return memcmp(before, block + CHECKSUM_AT, sizeof before) != 0;
}

static bool is_empty(const uint8_t *block) {
    static const uint8_t zeros[BLOCK_BYTES];
    return memcmp(block, zeros, BLOCK_BYTES) == 0;
}

/* False: they fitted. */
static bool fit_headers(uint8_t *bytes, size_t size) {
    bool changed = false;
    size_t at = 0;
    while (at <= size && size - at >= BLOCK_BYTES) {
        if (!is_empty(bytes + at)) {
            changed |= fit_header(bytes + at);
            at += data_bytes(bytes + at);
        }
        at += BLOCK_BYTES;
    }
    return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA a = arena_new();
    const struct rlimit limit = { FILE_BYTES_MAX, RLIM_INFINITY };
    struct run r = { .dir = "/tmp/fuzz-archive-XXXXXX" };
    signal(SIGXFSZ, SIG_IGN);
    ASSERT(setrlimit(RLIMIT_FSIZE, &limit) == 0 && mkdtemp(r.dir) != NULL);
    AUTO_FD fd = open(r.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT(fd >= 0 && here >= 0);
    r.fd = fd;
    r.herefd = here;
    r.into = path_join(a, r.dir, "in");
    str copy = str_dup(a, (str){ (const char *)data, size });
    try_bytes(&r, data, size);
    if (fit_headers((uint8_t *)copy.ptr, size)) {
        try_bytes(&r, (const uint8_t *)copy.ptr, size);
    }
    ASSERT(rmdir(r.dir) == 0);
    return 0;
}
