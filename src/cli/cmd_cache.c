// SPDX-License-Identifier: Apache-2.0
/* cache ls, du, prune, verify: looks after the store. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "docker/docker.h"
#include "store/store.h"

struct prune_options {
    int64_t keep_gigabytes; /* -1: no limit */
    int64_t keep_days;      /* -1: no limit */
};

static const struct option prune_options[] = {
    { "keep-size", 0, OPTION_INT, offsetof(struct prune_options, keep_gigabytes), "GB",
      "keep the newest so many gigabytes", NULL, 0, 1000000 },
    { "keep-days", 0, OPTION_INT, offsetof(struct prune_options, keep_days), "DAYS",
      "keep what was used in so many days", NULL, 0, 36500 },
};

static const struct prune_options prune_defaults = { -1, -1 };

static bool load(struct cli *cli, struct store **ret_store, struct store_item **ret,
                 size_t *ret_count) {
    struct err err = ERR_INIT;
    if (!open_store(cli, ret_store, &err) ||
        !store_items(*ret_store, cli->arena, ret, ret_count, &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

static const char *age(int64_t used_s, struct arena *a) {
    int64_t seconds = time_now_epoch_s() - used_s;
    if (seconds < 3600) {
        return str_fmt(a, "%lld min", (long long)(seconds < 0 ? 0 : seconds / 60)).ptr;
    }
    if (seconds < 48 * 3600) {
        return str_fmt(a, "%lld h", (long long)(seconds / 3600)).ptr;
    }
    return str_fmt(a, "%lld days", (long long)(seconds / 86400)).ptr;
}

static int run_ls(struct cli *cli, const void *options) {
    (void)options;
    AUTO_STORE store = NULL;
    struct store_item *items;
    size_t count;
    if (!load(cli, &store, &items, &count)) {
        return EXIT_FAILED;
    }
    size_t columns = cli->width_out == 0 ? SIZE_MAX : max_size(cli->width_out, 60) - 31;
    printf("%-6s  %9s  %9s  %s\n", "KIND", "SIZE", "LAST USED", "WHAT");
    for (size_t i = 0; i < count; i++) {
        str what = items[i].what.len > 0 ? items[i].what : str_from_c(items[i].name);
        printf("%-6s  %9s  %9s  %.*s\n", items[i].kind, format_bytes(items[i].bytes),
               age(items[i].used_s, cli->arena), STR_FMT(str_clip(what, columns)));
    }
    return EXIT_OK;
}

static int run_du(struct cli *cli, const void *options) {
    (void)options;
    AUTO_STORE store = NULL;
    struct store_item *items;
    size_t count;
    static const char *const kinds[] = { "layer", "mount", "blocks", "image", "trash" };
    uint64_t total = 0;
    if (!load(cli, &store, &items, &count)) {
        return EXIT_FAILED;
    }
    printf("%-6s  %5s  %9s\n", "KIND", "ITEMS", "SIZE");
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        uint64_t bytes = 0;
        size_t number = 0;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(items[i].kind, kinds[k]) == 0) {
                bytes += items[i].bytes;
                number++;
            }
        }
        total += bytes;
        printf("%-6s  %5zu  %9s\n", kinds[k], number, format_bytes(bytes));
    }
    printf("%-6s  %5s  %9s  %s\n", "all", "", format_bytes(total), store_path(store));
    return EXIT_OK;
}

static bool is_kept(const struct prune_options *o, const struct store_item *item,
                    uint64_t kept_bytes) {
    if (strcmp(item->kind, "trash") == 0) {
        return false;
    }
    bool by_size = o->keep_gigabytes >= 0 &&
                   kept_bytes + item->bytes <= (uint64_t)o->keep_gigabytes * 1000000000U;
    bool by_age = o->keep_days >= 0 && item->used_s > time_now_epoch_s() - o->keep_days * 86400;
    return by_size || by_age;
}

/* What killed builds left in a Docker engine, where the store knows of some and there is one. */
static void prune_engine(struct cli *cli, struct store *store) {
    struct store_claim *claims;
    struct docker_engine engine;
    size_t count = store_claims_orphaned(store, cli->arena, &claims);
    for (size_t i = 0; i < count; i++) {
        store_claim_leave(&claims[i]);
    }
    if (count > 0 && docker_engine_find(cli->arena, &engine, NULL)) {
        (void)docker_leftovers(cli->arena, store, &engine, true);
    }
}

/* From the most recently used to the oldest: what is within a limit stays. */
static int run_prune(struct cli *cli, const void *given) {
    const struct prune_options *o = given;
    AUTO_STORE store = NULL;
    struct store_item *items;
    size_t count;
    uint64_t kept = 0;
    uint64_t removed = 0;
    struct err err = ERR_INIT;
    if (!load(cli, &store, &items, &count)) {
        return EXIT_FAILED;
    }
    if (!store_lock_alone(store, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    prune_engine(cli, store);
    for (size_t i = count; i > 0; i--) {
        const struct store_item *item = &items[i - 1];
        if (is_kept(o, item, kept)) {
            kept += item->bytes;
        } else if (store_item_remove(store, item, &err)) {
            removed += item->bytes;
        } else {
            print_err(cli, &err);
            return EXIT_FAILED;
        }
    }
    if (!store_trash_empty(store, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    printf("removed %s, kept %s\n", format_bytes(removed), format_bytes(kept));
    return EXIT_OK;
}

static int run_verify(struct cli *cli, const void *options) {
    (void)options;
    AUTO_STORE store = NULL;
    struct err err = ERR_INIT;
    struct store_finding *findings;
    size_t count;
    if (!open_store(cli, &store, &err) || !store_lock_alone(store, &err) ||
        !store_verify(store, cli->arena, &findings, &count, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s: %s\n", findings[i].name, findings[i].what);
    }
    if (count == 0) {
        puts("nothing is damaged");
    } else {
        printf("%zu damaged, removed\n", count);
    }
    return count > 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_cache_ls = {
    .name = "cache ls",
    .arguments = "",
    .summary = "list what is in the store",
    .run = run_ls,
};

const struct command command_cache_du = {
    .name = "cache du",
    .arguments = "",
    .summary = "how much the store takes",
    .run = run_du,
};

const struct command command_cache_prune = {
    .name = "cache prune",
    .arguments = "",
    .summary = "remove what the limits do not keep",
    .details = "Without a limit everything goes.",
    .options = prune_options,
    .option_count = ARRAY_LEN(prune_options),
    .options_size = sizeof(struct prune_options),
    .defaults = &prune_defaults,
    .run = run_prune,
};

const struct command command_cache_verify = {
    .name = "cache verify",
    .arguments = "",
    .summary = "check the store, remove what is damaged",
    .run = run_verify,
};
