// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hash/hash.h"
#include "store/internal.h"

enum { RECORD_BYTES_MAX = 64 * 1024 * 1024 };

/*
 * On the disk a record is its sum on a line, then the text: one that a lost power has torn is not
 * there.
 */
static str with_sum(struct arena *a, str json) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_bytes(json, digest);
    hash_hex(digest, sizeof digest, hex);
    return str_fmt(a, "%s\n%.*s", hex, STR_FMT(json));
}

/* False: it is torn. */
static bool without_sum(str text, str *ret_json) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    uint8_t said[BLAKE3_OUT_BYTES];
    str json = text;
    str hex = str_cut(&json, '\n');
    blake3_bytes(json, digest);
    *ret_json = json;
    return hash_unhex(hex, said, sizeof said) && memcmp(said, digest, sizeof said) == 0;
}

/* Names are free text (image references): the file is named by their hash. */
static const char *record_path(struct arena *a, const char *kind, str name) {
    uint8_t digest[BLAKE3_OUT_BYTES];
    char hex[2 * BLAKE3_OUT_BYTES + 1];
    blake3_bytes(name, digest);
    hash_hex(digest, sizeof digest, hex);
    return str_fmt(a, "%s/%.40s.json", kind, hex).ptr;
}

bool record_read(const struct store *s, struct arena *a, const char *path, str *ret_json,
                 struct err *err) {
    struct err failure = ERR_INIT;
    str text;
    *ret_json = (str){ 0 };
    if (fs_load(a, s->fd, path, RECORD_BYTES_MAX, &text, &failure)) {
        if (!without_sum(text, ret_json)) {
            *ret_json = (str){ 0 };
        }
        return true;
    }
    if (failure.code == ENOENT) {
        return true;
    }
    if (err != NULL) {
        *err = failure;
    }
    return err_wrap(err, "read the store");
}

bool store_record_load(const struct store *s, struct arena *a, const char *kind, str name,
                       str *ret_json, struct err *err) {
    return record_read(s, a, record_path(a, kind, name), ret_json, err);
}

bool store_record_save(const struct store *s, const char *kind, str name, str json,
                       struct err *err) {
    AUTO_ARENA scratch = arena_new();
    return fs_store(s->fd, record_path(scratch, kind, name), with_sum(scratch, json), 0644, err) ||
           err_wrap(err, "write to the store '%s'", s->path);
}

bool store_record_remove(const struct store *s, const char *kind, str name) {
    AUTO_ARENA scratch = arena_new();
    return unlinkat(s->fd, record_path(scratch, kind, name), 0) == 0;
}

bool store_record_list(const struct store *s, struct arena *a, const char *kind, str **ret,
                       size_t *ret_count, struct err *err) {
    const char **names;
    size_t count;
    if (!fs_list(a, s->fd, kind, &names, &count, err)) {
        return false;
    }
    str *texts = ARENA_ARRAY(a, str, count);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (!str_ends(str_from_c(names[i]), S(".json"))) {
            continue;
        }
        if (!record_read(s, a, path_join(a, kind, names[i]), &texts[len], err)) {
            return false;
        }
        len += texts[len].len > 0 ? 1 : 0;
    }
    *ret = texts;
    *ret_count = len;
    return true;
}
