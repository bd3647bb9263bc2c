// SPDX-License-Identifier: Apache-2.0
/*
 * scaffold/: new guest folders. The files of the default guest and the templates of new ones are
 * compiled in; a folder appears in its place as a whole.
 */
#pragma once

#include <signal.h>

#include "base/base.h"
#include "config/config.h"
#include "diag/diag.h"

/* A file of the default guest, compiled into the program; made by embed_guest.py. */
struct scaffold_file {
    const char *path; /* below the guest folder */
    bool executable;
    size_t len;
    const char *content;
};
extern const struct scaffold_file starter_files[];
extern const size_t starter_file_count;

/*
 * A guest folder being made in a hidden folder of its target: open, write below `stage`, then
 * commit, which puts its folders in their place; done() removes what was not committed.
 */
struct scaffold {
    const char *target;
    const char *stage; /* a folder in the target; NULL when not open */
    bool fresh;        /* the target was not there */
};
MUST_CHECK bool scaffold_open(struct arena *a, const char *target, struct scaffold *ret,
                              struct err *err);
MUST_CHECK bool scaffold_write(struct arena *a, const struct scaffold *s, const char *path,
                               str text, bool executable, struct err *err);
/* Each folder that was made replaces the one in the target; config/ comes last. */
MUST_CHECK bool scaffold_commit(struct arena *a, struct scaffold *s, struct err *err);
/* The first of the folders that is in the target already; NULL: none. */
const char *scaffold_find_existing(struct arena *a, const char *target);
void scaffold_done(struct scaffold *s);
#define AUTO_STARTER __attribute__((cleanup(scaffold_done))) struct scaffold

/* ---- templates of single files, for Jinja ---- */

#define SCAFFOLD_TEXT(name)                                                                        \
    extern const char name[];                                                                      \
    extern const size_t name##_len
SCAFFOLD_TEXT(template_add_provider);
SCAFFOLD_TEXT(template_add_packages);
SCAFFOLD_TEXT(template_add_mcp);
SCAFFOLD_TEXT(template_init_build);
SCAFFOLD_TEXT(template_init_apt);
SCAFFOLD_TEXT(template_init_web);

/* ---- a new guest folder from parts of another ---- */

enum scaffold_kind {
    NEW_ARCHITECTURES,
    NEW_PROVIDERS,
    NEW_PACKAGES,
    NEW_MCP_SERVERS,
    NEW_PARTS, /* single files: new_parts */
    NEW_KINDS, /* how many */
};

/* What there is of a kind, and which of it was chosen. */
struct scaffold_item {
    str key;
    str label;
    bool chosen;
};

struct scaffold_menu {
    const char *title;  /* "Architectures" */
    const char *option; /* "arch": answers it without a question */
    bool needed;        /* at least one must be chosen */
    struct scaffold_item *items;
    size_t len;
};

/* Everything that was chosen. */
struct scaffold_guest {
    struct arena *arena;
    const volatile sig_atomic_t *interrupted; /* not 0: it is to stop */
    const char *target;
    struct sources *sources; /* the texts of the other folder */
    struct guest_config from;
    bool has_epoch; /* SOURCE_DATE_EPOCH: the changelog's day */
    int64_t epoch_s;
    str name;
    str version;
    str description;
    str base;                              /* for every architecture; empty: as they are */
    struct scaffold_menu menus[NEW_KINDS]; /* items in the order of `from` */
};

/* A file of the config that may be left out; what it says then has its default. */
struct scaffold_part {
    const char *name;
    const char *path; /* below the guest folder */
    const char *label;
};
extern const struct scaffold_part new_parts[];
extern const size_t new_part_count;

/* What all records of one kind start with, and their number. Not of NEW_PARTS. */
size_t scaffold_guest_count(const struct guest_config *config, enum scaffold_kind kind);
const struct config_head *scaffold_guest_head(const struct guest_config *config,
                                              enum scaffold_kind kind, size_t index);

/* Writes it beside its place, checks it as `validate` does, and puts it there. False: reported in
 * `err`, and what is wrong with it in the sink; then nothing is left behind. */
MUST_CHECK bool scaffold_guest_make(const struct scaffold_guest *g, struct diag_sink *sink,
                                    struct err *err);
