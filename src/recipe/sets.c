// SPDX-License-Identifier: Apache-2.0
/* What of a config is installed together, and goes by one name: each package set, all npm packages
 * of providers, all their curl installers, and each further provider. */
#include <string.h>

#include "recipe/internal.h"

static struct package_set *set_of(struct arena *a, struct package_sets *sets, str id) {
    for (size_t i = 0; i < sets->len; i++) {
        if (str_eq(sets->items[i].id, id)) {
            return &sets->items[i];
        }
    }
    struct package_set set = { .id = id };
    ARENA_PUSH(a, sets->items, sets->len, sets->cap, set);
    return &sets->items[sets->len - 1];
}

static void add_members(struct arena *a, struct package_set *set, const struct config_list *list) {
    for (size_t i = 0; i < list->len; i++) {
        ARENA_PUSH(a, set->members, set->count, set->cap, &list->items[i]);
    }
}

static void add_set(struct arena *a, struct package_sets *sets,
                    const struct config_package_set *from) {
    bool special = str_eq(from->head.key, S("apt")) || str_eq(from->head.key, S("python"));
    str id = special ? from->head.key : str_fmt(a, "set %.*s", STR_FMT(from->head.key));
    struct package_set *set = set_of(a, sets, id);
    set->name = from->name;
    set->manager = from->manager;
    set->command = from->install_cmd;
    add_members(a, set, &from->packages);
}

static void add_provider(struct arena *a, struct package_sets *sets,
                         const struct config_provider *from) {
    enum config_manager manager = (enum config_manager)from->install.manager.value;
    bool joined = manager == CONFIG_MANAGER_NPM || manager == CONFIG_MANAGER_CURL;
    str id = joined ? from->install.manager.text : str_fmt(a, "ai %.*s", STR_FMT(from->head.key));
    struct package_set *set = set_of(a, sets, id);
    set->name = joined ? (struct config_text){ .text = id } : from->name;
    set->manager = from->install.manager;
    if (from->install.prefix.text.len > 0) {
        set->prefix = from->install.prefix;
    }
    add_members(a, set, &from->install.packages);
}

/* The place of a set among the steps of Dockerfile.rootfs.j2. */
static int place_of(str id) {
    static const str special[] = { S_INIT("apt"), S_INIT("npm"), S_INIT("python") };
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        if (str_eq(id, special[i])) {
            return (int)i;
        }
    }
    return (int)ARRAY_LEN(special) + (str_eq(id, S("curl")) ? 1 : 0);
}

static void sort_by_place(struct package_sets *sets) {
    for (size_t i = 1; i < sets->len; i++) {
        struct package_set set = sets->items[i];
        size_t at = i;
        while (at > 0 && place_of(sets->items[at - 1].id) > place_of(set.id)) {
            at--;
        }
        memmove(&sets->items[at + 1], &sets->items[at], (i - at) * sizeof set);
        sets->items[at] = set;
    }
}

void sets_make(struct arena *a, const struct guest_config *config, struct package_sets *ret) {
    *ret = (struct package_sets){ 0 };
    for (size_t i = 0; i < config->package_sets.len; i++) {
        if (config->package_sets.items[i].packages.len > 0) {
            add_set(a, ret, &config->package_sets.items[i]);
        }
    }
    for (size_t i = 0; i < config->providers.len; i++) {
        const struct config_provider *p = &config->providers.items[i];
        if (p->enabled.value && p->install.head.present && p->install.packages.len > 0) {
            add_provider(a, ret, p);
        }
    }
    sort_by_place(ret);
}

const struct package_set *sets_find(const struct package_sets *sets, str id) {
    for (size_t i = 0; i < sets->len; i++) {
        if (str_eq(sets->items[i].id, id)) {
            return &sets->items[i];
        }
    }
    return NULL;
}

const struct config_text *set_find_member(const struct package_set *set, str text) {
    for (size_t i = 0; i < set->count; i++) {
        if (str_eq(set->members[i]->text, text)) {
            return set->members[i];
        }
    }
    return NULL;
}
