// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scaffold/scaffold.h"
#include "toml/toml.h"

/* ---- new_copy.c ---- */

/* The files of `from` that are taken as they are. */
MUST_CHECK bool new_copy_files(const struct scaffold_guest *g, const struct scaffold *s,
                               struct err *err);

/* ---- toml_edit.c: changes to a TOML text that leave the rest of it as it is ---- */

struct toml_edit {
    size_t start; /* bytes [start, end) are replaced */
    size_t end;
    str text;
};

struct toml_edits {
    struct toml_edit *items;
    size_t len;
    size_t cap;
};

/* Takes out the tables `drop` and what is in them, with the comments right above. False when one of
 * them does not stand under [headers] of its own. */
MUST_CHECK bool toml_edit_drop(struct toml_edits *edits, const struct toml *doc,
                               const struct toml_node *const *drop, size_t drop_count);
void toml_edit_replace(struct toml_edits *edits, struct arena *a, size_t start, size_t end,
                       str text);
/* The text with the edits, none of which overlaps another. */
str toml_edit_apply(struct toml_edits *edits, struct arena *a, str text);

/* As a basic string, in double quotes. */
str toml_quote(struct arena *a, str text);
