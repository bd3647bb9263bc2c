// SPDX-License-Identifier: Apache-2.0
/*
 * pax archives (POSIX.1-2017, pax, "pax Interchange Format"). Written here and not by libarchive,
 * which marks a name that is not UTF-8 with a keyword that other readers complain about; as with
 * GNU tar and Go, names are the bytes they are.
 */
#include <stdio.h>
#include <string.h>

#include "image/internal.h"
#include "image/sink.h"

enum { TAR_BLOCK_BYTES = 512, RECORDS_BYTES_MAX = 64 << 20 };

/* ustar header: offset and size of a field. */
struct tar_field {
    size_t offset;
    size_t bytes;
};
static const struct tar_field field_name = { 0, 100 };
static const struct tar_field field_mode = { 100, 8 };
static const struct tar_field field_uid = { 108, 8 };
static const struct tar_field field_gid = { 116, 8 };
static const struct tar_field field_size = { 124, 12 };
static const struct tar_field field_mtime = { 136, 12 };
static const struct tar_field field_checksum = { 148, 8 };
static const struct tar_field field_type = { 156, 1 };
static const struct tar_field field_link = { 157, 100 };
static const struct tar_field field_magic = { 257, 8 };
static const struct tar_field field_major = { 329, 8 };
static const struct tar_field field_minor = { 337, 8 };

struct tar {
    const struct tree *tree;
    const struct image_tar_options *options;
    struct sink *sink;
    struct buf name;    /* of the entry */
    struct buf link;    /* target of a link */
    struct buf records; /* pax records for what the header cannot hold */
    char header[TAR_BLOCK_BYTES];
    uint64_t done_bytes;
    struct err *err;
};

/* --- header fields and pax records ------------------------------------------------------------ */

static void set_text(struct tar *t, struct tar_field f, str text) {
    memcpy(t->header + f.offset, text.ptr, min_size(text.len, f.bytes));
}

/* Octal digits and a NUL. */
static void set_number(struct tar *t, struct tar_field f, uint64_t n) {
    char *p = t->header + f.offset + f.bytes - 1;
    *p = '\0';
    while (p > t->header + f.offset) {
        *--p = (char)('0' + (n & 7));
        n >>= 3;
    }
}

static bool number_fits(struct tar_field f, uint64_t n) {
    return n >> (3 * (f.bytes - 1)) == 0;
}

/* "LEN KEY=VALUE\n", where LEN counts itself. */
static void add_record(struct tar *t, str key, str value) {
    size_t rest = key.len + value.len + 3;
    size_t len = rest + 1;
    for (size_t digits = 1;; digits++) {
        char text[24];
        len = rest + digits;
        if ((size_t)snprintf(text, sizeof text, "%zu", len) == digits) {
            break;
        }
    }
    buf_addf(&t->records, "%zu %.*s=", len, STR_FMT(key));
    buf_add(&t->records, value);
    buf_add_char(&t->records, '\n');
}

static bool is_ascii(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static void put_text(struct tar *t, struct tar_field f, const char *key, str text) {
    set_text(t, f, text);
    if (text.len > f.bytes || !is_ascii(text)) {
        add_record(t, str_from_c(key), text);
    }
}

static void put_number(struct tar *t, struct tar_field f, const char *key, uint64_t n) {
    if (number_fits(f, n)) {
        set_number(t, f, n);
        return;
    }
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    set_number(t, f, 0);
    add_record(t, str_from_c(key), str_from_c(text));
}

static void put_time(struct tar *t, const struct tree_inode *inode) {
    int64_t time_s = clamp_time(inode->mtime_s, t->options->epoch_s);
    uint32_t ns = inode->mtime_s >= t->options->epoch_s ? 0 : inode->mtime_ns;
    bool fits = time_s >= 0 && number_fits(field_mtime, (uint64_t)time_s);
    set_number(t, field_mtime, fits ? (uint64_t)time_s : 0);
    if (fits && ns == 0) {
        return;
    }
    /* A time before 1970 counts its fraction downwards. */
    bool negative = time_s < 0;
    uint64_t seconds = negative ? 0 - (uint64_t)time_s : (uint64_t)time_s;
    if (negative && ns > 0) {
        seconds--;
        ns = 1000000000 - ns;
    }
    char text[48];
    int len = snprintf(text, sizeof text, "%s%llu.%09u", negative ? "-" : "",
                       (unsigned long long)seconds, ns);
    while (text[len - 1] == '0') {
        len--;
    }
    len -= text[len - 1] == '.';
    add_record(t, S("mtime"), (str){ text, (size_t)len });
}

/* GNU tar's way to keep "=" out of a key. */
static void put_xattr(struct tar *t, const struct tree_xattr *x) {
    AUTO_BUF key = BUF_INIT(4096);
    buf_add_c(&key, "SCHILY.xattr.");
    for (size_t i = 0; i < x->name.len; i++) {
        char c = x->name.ptr[i];
        if (c == '=' || c == '%') {
            buf_addf(&key, "%%%02X", (unsigned char)c);
        } else {
            buf_add_char(&key, c);
        }
    }
    add_record(t, buf_str(&key), x->value);
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void begin_header(struct tar *t) {
    memset(t->header, 0, sizeof t->header);
    set_text(t, field_magic, S("ustar\00000"));
}

static bool write_padding(struct tar *t) {
    static const char zeros[TAR_BLOCK_BYTES];
    size_t over = (size_t)(sink_written(t->sink) % TAR_BLOCK_BYTES);
    return over == 0 || sink_write(t->sink, zeros, TAR_BLOCK_BYTES - over, t->err);
}

/* The checksum is taken with blanks in its place. */
static bool write_header(struct tar *t) {
    memset(t->header + field_checksum.offset, ' ', field_checksum.bytes);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof t->header; i++) {
        sum += (unsigned char)t->header[i];
    }
    set_number(t, (struct tar_field){ field_checksum.offset, field_checksum.bytes - 1 }, sum);
    return sink_write(t->sink, t->header, sizeof t->header, t->err);
}

static bool write_records(struct tar *t) {
    if (t->records.len == 0 && !t->records.full) {
        return true;
    }
    if (t->records.full) {
        return err_set(t->err, "extended attributes of more than %d bytes", RECORDS_BYTES_MAX);
    }
    char kept[TAR_BLOCK_BYTES];
    memcpy(kept, t->header, sizeof kept);
    begin_header(t);
    set_text(t, field_name, S("././@PaxHeader"));
    set_number(t, field_mode, 0644);
    set_number(t, field_uid, 0);
    set_number(t, field_gid, 0);
    set_number(t, field_size, t->records.len);
    set_number(t, field_mtime, 0);
    t->header[field_type.offset] = 'x';
    bool ok = write_header(t) && sink_write(t->sink, t->records.ptr, t->records.len, t->err) &&
              write_padding(t);
    memcpy(t->header, kept, sizeof kept);
    return ok;
}

static bool write_content(struct tar *t, const struct tree_inode *inode) {
    char block[64 * 1024];
    AUTO_TREE_CONTENT content = TREE_CONTENT_INIT;
    if (!tree_open_content(t->tree, inode, &content, t->err)) {
        return false;
    }
    for (uint64_t at = 0; at < inode->size; at += sizeof block) {
        size_t len = min_size(sizeof block, (size_t)(inode->size - at));
        if (!tree_read_content(&content, at, block, len, t->err) ||
            !sink_write(t->sink, block, len, t->err) ||
            !check_cancelled(t->options->cancelled, t->err)) {
            return false;
        }
    }
    t->done_bytes += inode->size;
    if (t->options->progress != NULL) {
        t->options->progress->update(t->options->progress->self, t->done_bytes,
                                     tree_content_bytes(t->tree));
    }
    return write_padding(t);
}

/* --- entries ---------------------------------------------------------------------------------- */

static char type_char(const struct tree_inode *inode) {
    switch (inode->mode & S_IFMT) {
    case S_IFDIR:
        return '5';
    case S_IFLNK:
        return '2';
    case S_IFCHR:
        return '3';
    case S_IFBLK:
        return '4';
    case S_IFIFO:
        return '6';
    default:
        return '0';
    }
}

/* Folders end in a slash; the root is "./". */
static void entry_name(const struct tree_entry *e, struct buf *ret) {
    tree_path_relative(ret, e);
    if (e->parent == NULL) {
        buf_add_c(ret, "./");
    } else if (tree_is_dir(e)) {
        buf_add_char(ret, '/');
    }
}

static void fill_header(struct tar *t, const struct tree_entry *e, bool hard_link) {
    const struct tree_inode *inode = e->inode;
    buf_reset(&t->records);
    begin_header(t);
    entry_name(e, &t->name);
    put_text(t, field_name, "path", buf_str(&t->name));
    set_number(t, field_mode, inode->mode & 07777);
    put_number(t, field_uid, "uid", inode->uid);
    put_number(t, field_gid, "gid", inode->gid);
    put_number(t, field_size, "size", S_ISREG(inode->mode) && !hard_link ? inode->size : 0);
    put_time(t, inode);
    t->header[field_type.offset] = hard_link ? '1' : type_char(inode);
    if (hard_link) {
        entry_name(inode->user, &t->link);
        put_text(t, field_link, "linkpath", buf_str(&t->link));
        return;
    }
    if (S_ISLNK(inode->mode)) {
        put_text(t, field_link, "linkpath", (str){ inode->target, (size_t)inode->size });
    }
    if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) {
        set_number(t, field_major, inode->device.major);
        set_number(t, field_minor, inode->device.minor);
    }
    for (size_t i = 0; inode->xattrs != NULL && i < inode->xattrs->count; i++) {
        put_xattr(t, &inode->xattrs->items[i]);
    }
}

/* tar has no sockets: nothing that is unpacked could use one. */
static bool write_entry(struct tar *t, struct tree_entry *e) {
    struct tree_inode *inode = e->inode;
    if (S_ISSOCK(inode->mode)) {
        return true;
    }
    bool hard_link = inode->user != NULL;
    fill_header(t, e, hard_link);
    if (!hard_link) {
        inode->user = e;
    }
    if (!write_records(t) || !write_header(t)) {
        return false;
    }
    return hard_link || !S_ISREG(inode->mode) || inode->size == 0 || write_content(t, inode);
}

static bool write_all(struct tar *t) {
    struct tree_entry *root = tree_root(t->tree);
    for (const struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        e->inode->user = NULL;
    }
    for (struct tree_entry *e = root; e != NULL; e = tree_next(root, e)) {
        if (!write_entry(t, e)) {
            AUTO_ARENA scratch = arena_new();
            return err_wrap(t->err, "'%s'", str_to_c(scratch, tree_path(scratch, e)));
        }
    }
    static const char end[2 * TAR_BLOCK_BYTES];
    return sink_write(t->sink, end, sizeof end, t->err) && sink_finish(t->sink, t->err);
}

bool image_write_tar(const struct tree *t, const struct image_tar_options *options, int fd,
                     struct err *err) {
    struct tar tar = {
        .tree = t,
        .options = options,
        .name = BUF_INIT(SIZE_MAX),
        .link = BUF_INIT(SIZE_MAX),
        .records = BUF_INIT(RECORDS_BYTES_MAX),
        .err = err,
    };
    bool ok = sink_open(fd, options->compression, options->level, &tar.sink, err);
    if (ok) {
        sink_set_hash(tar.sink, options->hash);
        ok = write_all(&tar);
    }
    sink_close(tar.sink);
    buf_done(&tar.name);
    buf_done(&tar.link);
    buf_done(&tar.records);
    return ok || err_wrap(err, "write the tar archive");
}
