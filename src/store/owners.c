// SPDX-License-Identifier: Apache-2.0
/*
 * The file "owners": the ids that files of the store are made with. A user namespace with other
 * ranges would show other owners, and what is packed would have them. What has no such file is of
 * a time when only root made stores.
 */
#include <errno.h>

#include "store/internal.h"

enum { OWNERS_BYTES_MAX = 64 * 1024 };

static bool has_layers(struct store *s) {
    AUTO_ARENA scratch = arena_new();
    const char **names;
    size_t count;
    return !fs_list(scratch, s->fd, "layers", &names, &count, NULL) || count > 0;
}

bool store_check_owners(struct store *s, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    AUTO_BUF ours = BUF_INIT(OWNERS_BYTES_MAX);
    struct idmaps maps;
    if (geteuid() != 0) { /* makes no layers */
        return true;
    }
    if (!idmaps_load(&maps, err)) {
        return false;
    }
    idmaps_describe(&maps, &ours);
    str theirs = S("all\n");
    bool known = fs_exists(s->fd, "owners");
    if (known && !fs_load(scratch, s->fd, "owners", OWNERS_BYTES_MAX, &theirs, err)) {
        return false;
    }
    if (!known && !has_layers(s)) {
        return fs_store_synced(s->fd, "owners", buf_str(&ours), 0644, err);
    }
    if (str_eq(theirs, buf_str(&ours))) {
        return true;
    }
    err_set(
        err,
        "the store '%s' was created with other user IDs, so its files would get the wrong owners",
        s->path);
    if (err != NULL) {
        err->code = STORE_OTHER_IDS;
    }
    return err_help(err,
                    "choose another store with --cache-dir, build as the user who created it, or "
                    "remove it: sudo rm -r '%s'",
                    s->path);
}
