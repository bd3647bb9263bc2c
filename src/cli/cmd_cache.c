// SPDX-License-Identifier: Apache-2.0
/* cache ls, du, prune, verify: looks after the store. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "docker/docker.h"
#include "engine/engine.h"
#include "images/images.h"
#include "store/store.h"

struct prune_options {
    int64_t keep_gigabytes; /* -1: no limit */
    int64_t keep_days;      /* -1: no limit */
    bool images;
    bool yes;
    bool dry_run;
};

static const struct option prune_options[] = {
    { "keep-size", 0, OPTION_INT, offsetof(struct prune_options, keep_gigabytes), "GB",
      "keep the most recently used gigabytes", NULL, 0, 1000000 },
    { "keep-days", 0, OPTION_INT, offsetof(struct prune_options, keep_days), "DAYS",
      "keep entries used within this number of days", NULL, 0, 36500 },
    { "images", 0, OPTION_FLAG, offsetof(struct prune_options, images), NULL,
      "also remove named images", NULL, 0, 0 },
    { "yes", 'y', OPTION_FLAG, offsetof(struct prune_options, yes), NULL,
      "do not ask for confirmation", NULL, 0, 0 },
    { "dry-run", 0, OPTION_FLAG, offsetof(struct prune_options, dry_run), NULL,
      "show what would be removed without removing it", NULL, 0, 0 },
};

static const struct prune_options prune_defaults = { .keep_gigabytes = -1, .keep_days = -1 };
static const char *const item_kinds[] = { "layer", "mount", "blocks", "blob", "image", "trash" };

static bool load(struct cli *cli, struct store **ret_store, struct store_item **ret,
                 size_t *ret_count) {
    struct err err = ERR_INIT;
    if (!engine_open_store_as_root(cli->arena, cli->cache_dir, ret_store, &err) ||
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
        str what = plain_line(cli->arena,
                              items[i].what.len > 0 ? items[i].what : str_from_c(items[i].name));
        printf("%-6s  %9s  %9s  %.*s\n", items[i].kind, unit_bytes(items[i].bytes).text,
               age(items[i].used_s, cli->arena), STR_FMT(str_clip(what, columns)));
    }
    return EXIT_OK;
}

static int run_du(struct cli *cli, const void *options) {
    (void)options;
    AUTO_STORE store = NULL;
    struct store_item *items;
    size_t count;
    uint64_t total = 0;
    if (!load(cli, &store, &items, &count)) {
        return EXIT_FAILED;
    }
    printf("%-6s  %5s  %9s\n", "KIND", "ITEMS", "SIZE");
    for (size_t k = 0; k < ARRAY_LEN(item_kinds); k++) {
        uint64_t bytes = 0;
        size_t number = 0;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(items[i].kind, item_kinds[k]) == 0) {
                bytes += items[i].bytes;
                number++;
            }
        }
        total += bytes;
        printf("%-6s  %5zu  %9s\n", item_kinds[k], number, unit_bytes(bytes).text);
    }
    printf("%-6s  %5s  %9s  %s\n", "all", "", unit_bytes(total).text, store_path(store));
    return EXIT_OK;
}

/* ---- prune ---- */

/* What goes, and what stays. */
struct prune_plan {
    const struct prune_options *options;
    struct arena *arena;
    struct store_item *items; /* those that go, least recently used first */
    size_t count;
    uint64_t removed_bytes;
    uint64_t kept_bytes;
    struct map image_layers; /* of images that stay: keys, and digests of blobs, in hex */
    size_t image_count;
};

/* Images are what nothing makes again: they were imported, pulled, or built with a name. */
static bool find_images(struct store *store, struct prune_plan *p, struct err *err) {
    struct stored_image *images;
    map_init(&p->image_layers, p->arena);
    if (p->options->images) {
        return true;
    }
    if (!images_list(store, p->arena, &images, &p->image_count, err)) {
        return false;
    }
    for (size_t i = 0; i < p->image_count; i++) {
        for (size_t n = 0; n < images[i].layer_count; n++) {
            map_put(&p->image_layers, str_from_c(images[i].layers[n].hex), p);
        }
        const struct oci_base *base = &images[i].from.base;
        for (size_t n = 0; n < base->layer_count; n++) {
            str hex = base->layers[n].digest;
            map_put(&p->image_layers, str_slice(hex, S("sha256:").len, hex.len), p);
        }
    }
    return true;
}

static bool is_kept(const struct prune_plan *p, const struct store_item *item) {
    const struct prune_options *o = p->options;
    if (strcmp(item->kind, "trash") == 0) {
        return false;
    }
    bool of_image = (strcmp(item->kind, "image") == 0 && !o->images) ||
                    ((strcmp(item->kind, "layer") == 0 || strcmp(item->kind, "blob") == 0) &&
                     map_has(&p->image_layers, str_from_c(item->name)));
    bool by_size = o->keep_gigabytes >= 0 &&
                   p->kept_bytes + item->bytes <= (uint64_t)o->keep_gigabytes * 1000000000U;
    bool by_age = o->keep_days >= 0 && item->used_s > time_now_epoch_s() - o->keep_days * 86400;
    return of_image || by_size || by_age;
}

/* From the most recently used to the oldest: what is within a limit stays. */
static bool make_prune_plan(struct store *store, struct prune_plan *p, struct err *err) {
    struct store_item *items;
    size_t count;
    if (!store_items(store, p->arena, &items, &count, err) || !find_images(store, p, err)) {
        return false;
    }
    p->items = ARENA_ARRAY(p->arena, struct store_item, count);
    for (size_t i = count; i > 0; i--) {
        if (is_kept(p, &items[i - 1])) {
            p->kept_bytes += items[i - 1].bytes;
        } else {
            p->removed_bytes += items[i - 1].bytes;
            p->items[p->count++] = items[i - 1];
        }
    }
    return true;
}

static void print_prune_plan(const struct prune_plan *p, FILE *to) {
    fprintf(to, "to be removed:\n");
    for (size_t k = 0; k < ARRAY_LEN(item_kinds); k++) {
        uint64_t bytes = 0;
        size_t number = 0;
        for (size_t i = 0; i < p->count; i++) {
            bool same = strcmp(p->items[i].kind, item_kinds[k]) == 0;
            bytes += same ? p->items[i].bytes : 0;
            number += same ? 1 : 0;
        }
        if (number > 0) {
            fprintf(to, "  %-6s  %5zu  %9s\n", item_kinds[k], number, unit_bytes(bytes).text);
        }
    }
    fprintf(to, "  %-6s  %5zu  %9s\n", "all", p->count, unit_bytes(p->removed_bytes).text);
    fprintf(to, "kept: %s", unit_bytes(p->kept_bytes).text);
    if (p->image_count > 0) {
        fprintf(to, ", in it %zu image%s with a name (--images removes them too)", p->image_count,
                p->image_count == 1 ? "" : "s");
    }
    fputc('\n', to);
}

/* Without a limit nearly everything goes: that is asked for. */
static int confirm_prune(struct cli *cli, const struct prune_plan *p) {
    const struct prune_options *o = p->options;
    bool yes = false;
    if (o->yes || p->count == 0 || o->keep_gigabytes >= 0 || o->keep_days >= 0) {
        return EXIT_OK;
    }
    print_prune_plan(p, stderr);
    interrupt_catch();
    if (!ask_yes(cli, "Remove it?", &yes)) {
        struct err err = ERR_INIT;
        if (interrupted != 0) {
            return interrupt_exit_code();
        }
        err_set(&err, "cache prune: the input ended before an answer; nothing was removed");
        err_help(&err, "--yes skips the question; --keep-size and --keep-days set a limit");
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    if (!yes) {
        puts("nothing was removed");
    }
    return yes ? EXIT_OK : EXIT_FAILED;
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

static bool remove_planned(struct store *store, const struct prune_plan *p, struct err *err) {
    for (size_t i = 0; i < p->count; i++) {
        if (!store_item_remove(store, &p->items[i], err)) {
            return false;
        }
    }
    return store_trash_empty(store, err);
}

static int run_prune(struct cli *cli, const void *given) {
    AUTO_STORE store = NULL;
    struct prune_plan shown = { .options = given, .arena = cli->arena };
    struct prune_plan plan = shown;
    struct err err = ERR_INIT;
    if (!engine_open_store_as_root(cli->arena, cli->cache_dir, &store, &err) ||
        !make_prune_plan(store, &shown, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    if (shown.options->dry_run) {
        print_prune_plan(&shown, stdout);
        return EXIT_OK;
    }
    int code = confirm_prune(cli, &shown);
    if (code != EXIT_OK) {
        return code;
    }
    /* Once more, alone: a build may have used something while the question stood. */
    if (!store_lock_alone(store, &err) || !make_prune_plan(store, &plan, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    prune_engine(cli, store);
    if (!remove_planned(store, &plan, &err)) {
        print_err(cli, &err);
        return EXIT_FAILED;
    }
    printf("removed %s, kept %s\n", unit_bytes(plan.removed_bytes).text,
           unit_bytes(plan.kept_bytes).text);
    return EXIT_OK;
}

static int run_verify(struct cli *cli, const void *options) {
    (void)options;
    AUTO_STORE store = NULL;
    struct err err = ERR_INIT;
    struct store_finding *findings;
    size_t count;
    if (!engine_open_store_as_root(cli->arena, cli->cache_dir, &store, &err) ||
        !store_lock_alone(store, &err) ||
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
    .summary = "list the contents of the store",
    .run = run_ls,
};

const struct command command_cache_du = {
    .name = "cache du",
    .arguments = "",
    .summary = "show how much disk space the store uses",
    .run = run_du,
};

const struct command command_cache_prune = {
    .name = "cache prune",
    .arguments = "",
    .summary = "remove entries that exceed the limits",
    .details = "Keeps named images and their layers unless --images is given. Without a "
               "limit,\nremoves everything else after listing it and asking for confirmation.",
    .options = prune_options,
    .option_count = ARRAY_LEN(prune_options),
    .options_size = sizeof(struct prune_options),
    .defaults = &prune_defaults,
    .run = run_prune,
};

const struct command command_cache_verify = {
    .name = "cache verify",
    .arguments = "",
    .summary = "check the store and remove damaged entries",
    .run = run_verify,
};
