// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "recipe/recipe.h"

/* --- variables.c: what the templates see ---------------------------------------------------------
 */

/* Places in the config; a value's origin is the index of its place + 1. */
struct origins {
    struct arena *arena;
    struct recipe_origin *items;
    size_t len;
    size_t cap;
};

struct jinja_value variables_make(struct origins *o, const struct recipe_request *request,
                                  const struct recipe_file *files, size_t file_count);

/* --- sets.c: what of a config is installed together ----------------------------------------------
 */

struct package_set {
    str id;                    /* as recipe_line has it */
    struct config_text name;   /* for people */
    struct config_text prefix; /* of npm */
    struct config_choice manager;
    struct config_text command; /* empty: the manager's usual one */
    const struct config_text **members;
    size_t count;
    size_t cap;
};
struct package_sets {
    struct package_set *items;
    size_t len;
    size_t cap;
};

/* In the order in which Dockerfile.rootfs.j2 installs them; sets and providers without packages are
 * left out. */
void sets_make(struct arena *a, const struct guest_config *config, struct package_sets *ret);
/* NULL: there is none. */
const struct package_set *sets_find(const struct package_sets *sets, str id);
/* The member with a text, and where the config has it; NULL: there is none. */
const struct config_text *set_find_member(const struct package_set *set, str text);

/* ---- artifacts.c: where artifacts go in the image ---- */

struct artifact_place {
    str name;                         /* in the context; a folder ends with a slash */
    str path;                         /* in the image */
    const char *mode;                 /* octal; NULL: that of the file */
    const struct config_text *config; /* where the config has the path; NULL: it is a known one */
};
struct artifact_places {
    struct artifact_place *items;
    size_t len;
    size_t cap;
};

/* Those that are in the build context, known ones first. */
void artifact_places_make(struct arena *a, const struct guest_config *c,
                          const struct recipe_file *files, size_t count,
                          struct artifact_places *ret);

/* ---- files.c ---- */

MUST_CHECK bool files_make(struct arena *a, const struct recipe_request *request,
                           const struct recipe_file **ret, size_t *ret_count, struct err *err);

/* ---- image_json.c: what the guest knows about itself ---- */

str image_json_make(struct arena *a, const struct guest_config *config,
                    const struct config_architecture *arch);

/* ---- templates.c ---- */

/* The template's text and the name that diagnostics show. False: reported. */
MUST_CHECK bool template_load(struct arena *a, const struct recipe_request *request,
                              struct sources *sources, struct diag_sink *sink, str *ret_name,
                              str *ret_text);
