// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/base.h"
#include "store/store.h"

struct digest_cache;

struct store {
    struct arena *arena;
    const char *path; /* absolute */
    int fd;
    int lockfd; /* shared while the store is open; exclusive for prune and verify */
    uint64_t opened_ms;
    unsigned counter;             /* makes names unique within the process */
    struct digest_cache *digests; /* loaded at first use */
};

/* digests.c */
void digest_cache_close(struct store *s);

/* owners.c: that files get the owners that they were made with. */
MUST_CHECK bool store_check_owners(struct store *s, struct err *err);

/* trash.c: removes what dead processes left in tmp/; called at open. */
void store_sweep(struct store *s);
/* Removes trash until the time is over. */
void store_trash_some(struct store *s, uint64_t budget_ms);

/* A name for a new entry: pid and counter. */
void store_unique_name(struct store *s, char ret[64]);
