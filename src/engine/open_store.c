// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "engine/engine.h"
#include "sandbox/sandbox.h"

static bool has_tools(struct arena *a) {
    return proc_find(a, "newuidmap") != NULL && proc_find(a, "newgidmap") != NULL;
}

/* The store is fine where what gave this user its ids is gone: nothing is to be removed. */
static bool explain_ids(struct arena *a, const char *cache_dir, const char *lacks,
                        struct err *err) {
    if (lacks == NULL || err->code != STORE_OTHER_IDS || has_tools(a)) {
        return false;
    }
    err_set(err, "%s, and the store '%s' was created with a range of user IDs", lacks, cache_dir);
    return err_help(err, "install them with the package 'uidmap': sudo apt-get install uidmap");
}

bool engine_open_store_as_root(struct arena *a, const char *cache_dir, struct store **ret,
                               struct err *err) {
    const char *lacks = NULL;
    if (sandbox_exists(NULL) && sandbox_rights() == SANDBOX_NOT_ROOT) {
        (void)sandbox_foresee_rights(&lacks);
    }
    return (!sandbox_exists(NULL) || sandbox_become_root(err)) &&
           (store_open(cache_dir, ret, err) || explain_ids(a, cache_dir, lacks, err));
}

bool engine_open_store(struct arena *a, const struct engine *e, const char *cache_dir,
                       struct store **ret, struct err *err) {
    return e->kind == ENGINE_EMBEDDED ? engine_open_store_as_root(a, cache_dir, ret, err)
                                      : store_open(cache_dir, ret, err);
}
