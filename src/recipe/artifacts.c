// SPDX-License-Identifier: Apache-2.0
/* Where the files of artifacts/ go in the image: known ones by this table, others by the config's
 * build.artifacts. */
#include <string.h>

#include "recipe/internal.h"

/* A folder has a slash after its name. */
static const struct artifact_place known[] = {
    { S_INIT("capsem-bashrc"), S_INIT("/etc/capsem-bashrc"), "644", NULL },
    { S_INIT("banner.txt"), S_INIT("/etc/capsem-banner.txt"), "644", NULL },
    { S_INIT("tips.txt"), S_INIT("/etc/capsem-tips.txt"), "644", NULL },
    { S_INIT("diagnostics/"), S_INIT("/usr/local/lib/capsem-tests/"), "755", NULL },
    { S_INIT("capsem-doctor"), S_INIT("/usr/local/bin/capsem-doctor"), "755", NULL },
    { S_INIT("capsem-bench"), S_INIT("/usr/local/bin/capsem-bench"), "755", NULL },
    { S_INIT("capsem_bench/"), S_INIT("/usr/local/lib/capsem_bench/"), NULL, NULL },
    { S_INIT("snapshots"), S_INIT("/usr/local/bin/snapshots"), "755", NULL },
};

/* What a recipe takes for something else than a copy into the image. */
static const str taken[] = { S_INIT("capsem-ca.crt"), S_INIT("capsem-init"),
                             S_INIT(".dockerignore") };

static str without_slash(str name) {
    return str_ends(name, S("/")) ? str_slice(name, 0, name.len - 1) : name;
}

/* The config's place of an artifact; NULL: it says nothing. */
static const struct config_pair *find_placed(const struct guest_config *c, str name) {
    const struct config_pairs *pairs = &c->build.artifacts;
    for (size_t i = 0; i < pairs->len; i++) {
        if (str_eq(without_slash(pairs->items[i].key), without_slash(name))) {
            return &pairs->items[i];
        }
    }
    return NULL;
}

bool recipe_artifact_is_known(const struct guest_config *config, str name) {
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        if (str_eq(name, taken[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(name, without_slash(known[i].name))) {
            return true;
        }
    }
    return find_placed(config, name) != NULL;
}

/* Is there a file of the context with this name, or a folder? */
static bool is_there(const struct recipe_file *files, size_t count, str name, bool folder) {
    for (size_t i = 0; i < count; i++) {
        str path = str_from_c(files[i].path);
        bool below = str_starts(path, name) && path.len > name.len && path.ptr[name.len] == '/';
        if (folder ? below : str_eq(path, name)) {
            return true;
        }
    }
    return false;
}

/* Is the path this name, or below it? */
static bool is_at(str path, str name, str *ret_below) {
    str base = without_slash(name);
    bool below = str_starts(path, base) && path.len > base.len && path.ptr[base.len] == '/';
    *ret_below = below ? str_slice(path, base.len, path.len) : S("");
    return below || str_eq(path, base);
}

bool recipe_artifact_goes(struct arena *a, const struct guest_config *config, str path,
                          str *ret_path, uint32_t *ret_mode) {
    const struct config_pairs *pairs = &config->build.artifacts;
    str below;
    for (size_t i = 0; i < pairs->len; i++) {
        str to = without_slash(pairs->items[i].value.text);
        if (to.len > 0 && is_at(path, pairs->items[i].key, &below)) {
            *ret_path = str_concat(a, to, below);
            *ret_mode = 0;
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (is_at(path, known[i].name, &below) && find_placed(config, known[i].name) == NULL) {
            *ret_path = str_concat(a, without_slash(known[i].path), below);
            *ret_mode = known[i].mode == NULL ? 0 : strcmp(known[i].mode, "644") == 0 ? 0644 : 0755;
            return true;
        }
    }
    return false;
}

static void push(struct arena *a, struct artifact_places *to, struct artifact_place place) {
    ARENA_PUSH(a, to->items, to->len, to->cap, place);
}

void artifact_places_make(struct arena *a, const struct guest_config *c,
                          const struct recipe_file *files, size_t count,
                          struct artifact_places *ret) {
    *ret = (struct artifact_places){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        str name = without_slash(known[i].name);
        if (find_placed(c, name) == NULL &&
            is_there(files, count, name, name.len < known[i].name.len)) {
            push(a, ret, known[i]);
        }
    }
    for (size_t i = 0; i < c->build.artifacts.len; i++) {
        const struct config_pair *pair = &c->build.artifacts.items[i];
        str name = without_slash(pair->key);
        bool folder = is_there(files, count, name, true);
        if (pair->value.text.len > 0 && (folder || is_there(files, count, name, false))) {
            push(a, ret,
                 (struct artifact_place){ folder ? str_concat(a, name, S("/")) : name,
                                          pair->value.text, NULL, &pair->value });
        }
    }
}
