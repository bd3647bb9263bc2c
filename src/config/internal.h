// SPDX-License-Identifier: Apache-2.0
/*
 * The room's own: the field tables (fields.c), the loader that they drive (load.c, files.c), the
 * rules that a row alone cannot say (rules.c), what lies outside the TOML files (artifacts.c),
 * warnings (lint.c).
 */
#pragma once

#include "config/config.h"
#include "toml/toml.h"

enum {
    CONFIG_FILE_BYTES_MAX = 8 * 1024 * 1024, /* of one TOML file */
    CONFIG_FILES_MAX = 10000,                /* below the config folder */
    CONFIG_FOLDERS_DEEP = 8,
    CONFIG_CERTIFICATE_BYTES_MAX = 1024 * 1024,
};

struct loader;
struct field;
struct record;

/* What a field holds, and the member's type in the record. */
enum field_kind {
    FIELD_TEXT,    /* config_text */
    FIELD_INT,     /* config_int, from min to max */
    FIELD_BOOL,    /* config_bool */
    FIELD_CHOICE,  /* config_choice, one of `words` */
    FIELD_LIST,    /* config_list */
    FIELD_PAIRS,   /* config_pairs */
    FIELD_RECORD,  /* a struct of `record` */
    FIELD_RECORDS, /* table KEY -> `record`: items and len */
    FIELD_ARRAY,   /* array of tables: items and len */
};

enum field_flags {
    FIELD_REQUIRED = 1,
    FIELD_OPTIONAL = 2,  /* absent is null; of a record: it may be missing as a whole */
    FIELD_NOT_EMPTY = 4, /* text and lists */
};

/* One row: loads the field, checks it, suggests it on a typo, dumps it. */
struct field {
    const char *name;
    const char *help;
    enum field_kind kind;
    unsigned flags;    /* enum field_flags */
    size_t offset;     /* in the record's struct */
    size_t len_offset; /* FIELD_RECORDS, FIELD_ARRAY: of the number of items */

    const char *text; /* default of text and choice; NULL: none */
    int64_t number;   /* default of int and bool */
    int64_t min, max;
    const char *const *words;    /* FIELD_CHOICE: NULL-terminated, in the order of its enum */
    const char *const *items;    /* default of a list; NULL-terminated; NULL: empty */
    const struct record *record; /* of the three record kinds */
    const char *word_code;       /* for an unknown word, instead of E003 */
    const char *empty_code;      /* for an empty list, instead of E003 */
    const char *pattern; /* for the schema: what `check` lets through, as a regular expression */
    void (*check)(struct loader *l, const struct field *f, const void *value); /* when loaded */
};

/* A word of a choice for which another field must be there. */
struct need {
    const char *choice; /* name of the FIELD_CHOICE */
    const char *word;
    const char *field; /* name of a FIELD_TEXT */
};

struct record {
    const char *noun; /* "package set": for messages */
    const struct field *fields;
    size_t field_count; /* at most 64 */
    size_t size;
    const struct need *needs;
    size_t need_count;
    /* A rule over several fields; `table` is the record's. */
    void (*check)(struct loader *l, const struct toml_node *table, void *value);
};

/* One file, or one folder of files, and where it goes. */
struct file_kind {
    const char *path;  /* below the config folder; a folder ends with a slash */
    const char *table; /* the one top-level table; NULL for folders: each table is a record */
    const char *json;  /* key in `inspect --json` */
    struct field field;
    /* Warnings about one record of a folder; also of one that another file's takes the place of. */
    void (*lint)(struct loader *l, const void *record);
};

extern const struct file_kind file_kinds[];
extern const size_t file_kind_count;

/* A TOML file that was read. */
struct config_file_text {
    const char *path; /* below the config folder */
    uint32_t source;
    struct toml *doc; /* NULL: could not be read */
    bool failed;      /* something in it was wrong */
};

/* The place of a table, innermost first: "build.architectures.x86_64". */
struct table_path {
    const struct table_path *up;
    str key;
};

struct loader {
    struct arena *arena;
    struct sources *sources;
    struct diag_sink *sink;
    struct guest_config *config;
    const struct config_options *opts;
    const struct toml *doc;         /* being loaded */
    const struct table_path *path;  /* of the table being loaded */
    struct config_file_text *files; /* every *.toml below the config folder, by path */
    size_t file_count;
    size_t file_cap;
    size_t entries; /* seen by the walk */
};

/* ---- files.c ---- */

/* Reads all TOML files below the config folder. False: E001 was reported. */
bool files_read(struct loader *l);

/* ---- schema.c ---- */

/* "build" for build.toml, "ai" for ai/, "web" for security/web.toml. */
str file_kind_name(const struct file_kind *kind);

/* ---- defaults.c ---- */

void *field_member(const struct field *f, void *record);
/* Items and length of FIELD_RECORDS and FIELD_ARRAY. */
void *field_items(const struct field *f, const void *record, size_t *ret_len);
void field_set_items(const struct field *f, void *record, void *items, size_t len);
int field_word_index(const struct field *f, str word); /* -1: not one of its words */
void field_default(struct arena *a, const struct field *f, void *record);
void record_defaults(struct arena *a, const struct record *record, void *out);

/* ---- record.c ---- */

/* A growing array of records of one type. */
struct records {
    char *items;
    size_t len;
    size_t cap;
};

/* "build.architectures.x86_64" */
str table_path_text(struct arena *a, const struct table_path *path);
/* A table that becomes a record, under one more step of the path. */
void load_table(struct loader *l, const struct record *record, const struct toml_node *table,
                str key, void *out);
/* KEY = table, as one more record of the list. False: it is no table, and was reported. */
bool load_keyed(struct loader *l, const struct record *record, const struct toml_node *node,
                struct records *list);

/* ---- suggest.c ---- */

/* Always false, after "NAME must be WANTED, not ..." unless the value was reported already. */
bool wrong_type(struct loader *l, const struct toml_node *node, str name, const char *wanted);
/* The help of an unknown word: the nearest, or all of them after `what`. */
void suggest_word(struct loader *l, struct diag *d, const str *words, size_t count, str wrong,
                  const char *what);

/* The nearest word, if one is near, with `before` in front of it. */
void suggest_near(struct loader *l, struct diag *d, const str *words, size_t count, str wrong,
                  str before);
/* The same of the names in a folder that end in `suffix`, without it. */
void suggest_file(struct loader *l, struct diag *d, const char *folder, str suffix, str wrong,
                  str before);

/* ---- load.c ---- */

/* The files that were read, to the typed configuration. */
void load_files(struct loader *l);
/* The file by its path below the config folder; NULL: not there. */
struct config_file_text *find_file(const struct loader *l, const char *path);

/* ---- rules.c ---- */

bool is_file_name(str name);                    /* no slash, not "." or ".." */
bool is_path_inside(struct arena *a, str path); /* relative, and does not leave its folder */
/* In its shortest form, but that a folder may end with a slash; absolute, or inside its folder. */
bool is_clean_path(struct loader *l, str path, bool absolute);
void check_domains(struct loader *l, const struct field *f, const void *value);
void check_names(struct loader *l, const struct field *f, const void *value);
void check_credentials(struct loader *l, const struct field *f, const void *value);
void check_bytes(struct loader *l, const struct field *f, const void *value);
void check_word(struct loader *l, const struct field *f, const void *value);
void check_artifact_places(struct loader *l, const struct field *f, const void *value);
void check_relative_path(struct loader *l, const struct field *f, const void *value);
void check_architecture(struct loader *l, const struct toml_node *table, void *value);
void check_provider_file(struct loader *l, const struct toml_node *table, void *value);
void check_package_set(struct loader *l, const struct toml_node *table, void *value);
void check_needs(struct loader *l, const struct record *record, const struct toml_node *table,
                 const void *value);

/* ---- machine.c ---- */

/* Is it one that images can be made for, and the same in every key? */
void check_machine(struct loader *l, const struct config_architecture *arch);

/* ---- packages.c ---- */

/* E013: does the manager take these names? */
void check_package_names(struct loader *l, const struct config_choice *manager,
                         const struct config_list *packages);
void check_install(struct loader *l, const struct toml_node *table, void *value);
/* W020: the same name twice. */
void lint_package_names(struct loader *l, const struct config_list *packages);

/* ---- certificate.c ---- */

bool holds_certificate(str text); /* in PEM form */

/* ---- artifacts.c: E300 to E304 ---- */

void check_kernel_configs(struct loader *l);
void check_artifacts(struct loader *l);
void check_agent(struct loader *l);

/* ---- lint.c: W001 to W020 but W014 ---- */

void lint(struct loader *l);
void lint_provider(struct loader *l, const void *record);
void lint_package_set(struct loader *l, const void *record);
void lint_mcp_server(struct loader *l, const void *record);
