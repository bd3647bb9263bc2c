// SPDX-License-Identifier: Apache-2.0
/* Packages of npm: folders of a node_modules that have a package.json. A file belongs to the
 * innermost of them. */
#include <jansson.h>

#include "contents/internal.h"

static const str modules = S_INIT("/node_modules/");

static size_t last_modules(str path) {
    size_t last = STR_NONE;
    for (size_t at = 0; (at = str_find(path, modules, at)) != STR_NONE; at++) {
        last = at;
    }
    return last;
}

/* Is "/x/node_modules/@scope/name/package.json" the description of a package? Its folder. */
static str package_folder(str path) {
    str folder = path_dir(path);
    size_t at = last_modules(folder);
    if (!str_ends(path, S("/package.json")) || at == STR_NONE) {
        return S("");
    }
    str name = str_slice(folder, at + modules.len, folder.len);
    size_t slash = str_find_char(name, '/', 0);
    bool scoped = str_starts(name, S("@"));
    bool whole = scoped ? slash != STR_NONE && str_find_char(name, '/', slash + 1) == STR_NONE
                        : slash == STR_NONE;
    return whole ? folder : S("");
}

static str text_of(struct arena *a, const json_t *root, const char *key) {
    const json_t *value = json_object_get(root, key);
    return json_is_string(value)
               ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
               : S("");
}

/* "license": "MIT", or in old ones { "type": "MIT" }, or a list of those. */
static str licence_of(struct arena *a, const json_t *root) {
    const json_t *value = json_object_get(root, "license");
    value = value != NULL ? value : json_array_get(json_object_get(root, "licenses"), 0);
    return json_is_object(value) ? text_of(a, value, "type")
           : json_is_string(value)
               ? str_dup(a, (str){ json_string_value(value), json_string_length(value) })
               : S("");
}

/* Names of what it needs, "a,b". */
static str needs_of(struct arena *a, json_t *root) {
    static const char *const tables[] = { "dependencies", "optionalDependencies" };
    AUTO_BUF out = BUF_INIT(1024 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        const char *name;
        json_t *ignored;
        json_object_foreach(json_object_get(root, tables[i]), name, ignored) {
            buf_addf(&out, "%s%s", out.len > 0 ? "," : "", name);
        }
    }
    return str_dup(a, buf_str(&out));
}

static void take_package(struct arena *a, struct contents *c, size_t node, str folder,
                         struct map *folders) {
    str text;
    if (c->owner[node] != CONTENTS_NONE || !contents_text(a, c, node, &text)) {
        return; /* a Debian package that brings modules has them */
    }
    json_t *root = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    struct contents_package p = {
        .kind = CONTENTS_NPM,
        .name = text_of(a, root, "name"),
        .version = text_of(a, root, "version"),
        .licence = licence_of(a, root),
        .place = folder,
        .needs = needs_of(a, root),
        .parent = CONTENTS_NONE,
        .line = CONTENTS_NONE,
        .needed_by = CONTENTS_NONE,
    };
    json_decref(root);
    if (p.name.len > 0 && p.version.len > 0) {
        size_t index = contents_add_package(a, c, &p);
        map_put(folders, folder, (void *)(uintptr_t)(index + 1));
    }
}

/* The package whose folder is the path or above it. */
static size_t innermost(const struct map *folders, str path) {
    while (path.len > 1) {
        uintptr_t index = (uintptr_t)map_find(folders, path);
        if (index != 0) {
            return (size_t)index - 1;
        }
        path = path_dir(path);
    }
    return CONTENTS_NONE;
}

void contents_find_npm(struct arena *a, struct contents *c) {
    struct map folders;
    map_init(&folders, a);
    size_t first = c->package_count;
    for (size_t i = 0; i < c->node_count; i++) {
        str folder = S_ISREG(c->nodes[i].mode) ? package_folder(c->nodes[i].path) : S("");
        if (folder.len > 0) {
            take_package(a, c, i, folder, &folders);
        }
    }
    for (size_t i = 0; folders.len > 0 && i < c->node_count; i++) {
        if (c->owner[i] == CONTENTS_NONE && !S_ISDIR(c->nodes[i].mode) &&
            str_find(c->nodes[i].path, modules, 0) != STR_NONE) {
            c->owner[i] = innermost(&folders, path_dir(c->nodes[i].path));
        }
    }
    for (size_t i = first; i < c->package_count; i++) {
        c->packages[i].parent = innermost(&folders, path_dir(c->packages[i].place));
    }
}
