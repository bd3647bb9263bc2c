// SPDX-License-Identifier: Apache-2.0
/*
 * config/: the TOML files of GUEST/config as one typed value, or diagnostics.
 *
 * Takes a guest folder, gives a `struct guest_config` in an arena. Every field is one row of a
 * static table (fields.h) that loads it, checks it, suggests it on a typo, and dumps it. Follows
 * docs/spec/config.md.
 *
 * Values carry the span of the TOML they came from, so that later rooms can point at them; a value
 * that was not written (a default) has SPAN_NONE. Order is that of the files everywhere. Strings
 * are UTF-8 and may hold NUL bytes; they live in the arena or in the source text, as long as both.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "diag/diag.h"

/* ---- values ---- */

struct config_text {
    str text;
    bool present;     /* written, or has a default; an absent text is empty */
    struct span span; /* of the TOML value with its quotes: see toml_string_offset() */
};

struct config_int {
    int64_t value;
    struct span span;
};

struct config_bool {
    bool value;
    struct span span;
};

/* One of an enum's words; `value` is a constant of the enum that the field names. */
struct config_choice {
    int value;
    str text;
    struct span span;
};

struct config_list {
    struct config_text *items;
    size_t len;
    struct span span; /* of the whole list */
};

struct config_pair {
    str key;
    struct span key_span;
    struct config_text value;
};

/* A table of strings. */
struct config_pairs {
    struct config_pair *items;
    size_t len;
    struct span span; /* of the table's header or its inline form */
};

/* What every record (a TOML table with fixed fields) starts with. */
struct config_head {
    bool present; /* false: an optional record that is not there; its fields hold defaults */
    str key;      /* of a record in a table of records; else empty */
    struct span key_span;
    struct span span; /* of the table's header, or of an inline table */
};

/* ---- build.toml [build] ---- */

enum config_compression {
    CONFIG_COMPRESSION_ZSTD,
    CONFIG_COMPRESSION_GZIP,
    CONFIG_COMPRESSION_LZO,
    CONFIG_COMPRESSION_XZ,
    CONFIG_COMPRESSION_LZ4,
};

enum config_kernel_source {
    CONFIG_KERNEL_ORG,          /* "kernel.org" */
    CONFIG_KERNEL_DEBIAN,       /* "debian": the package linux-source-BRANCH */
    CONFIG_KERNEL_DEBIAN_IMAGE, /* "debian-image": the ready kernel for cloud machines */
};

struct config_architecture {
    struct config_head head; /* key: the architecture's name */
    struct config_text base_image;
    struct config_text docker_platform;
    struct config_text rust_target;
    struct config_text kernel_branch;
    struct config_choice kernel_source; /* enum config_kernel_source */
    struct config_text kernel_image;
    struct config_text defconfig;     /* relative to config_dir */
    struct config_choice kernel_base; /* "auto", "defaults", "nothing" */
    struct config_int node_major;
};

struct config_build {
    struct config_head head;
    struct config_choice compression;    /* enum config_compression */
    struct config_int compression_level; /* as written: see config_codec_level() */
    struct config_list guest_binaries;
    struct config_text guest_source; /* relative to guest_dir */
    struct config_pairs artifacts;   /* a name below artifacts_dir to its path in the image */
    struct {
        struct config_architecture *items;
        size_t len;
    } architectures;
    struct config_pairs version_commands;
    struct config_list host_credentials; /* kinds that steps may see: "npm" */
    struct config_text step_memory;      /* "8G"; empty: by the machine */
};
/* The least that step_memory and --memory take: what a step is set up with comes to some of it. */
enum { CONFIG_STEP_MEMORY_MIN = 64 * 1024 * 1024 };

/* ---- manifest.toml [image] ---- */

struct config_change {
    struct config_head head;
    struct config_text version;
    struct config_text date;
    struct config_list changes;
};

struct config_image {
    struct config_head head; /* present: manifest.toml is there */
    struct config_text name;
    struct config_text version;
    struct config_text description;
    struct {
        struct config_change *items;
        size_t len;
    } changelog;
};

/* ---- ai/, each file ---- */

enum config_manager {
    CONFIG_MANAGER_APT,
    CONFIG_MANAGER_UV,
    CONFIG_MANAGER_PIP,
    CONFIG_MANAGER_NPM,
    CONFIG_MANAGER_CURL,
    CONFIG_MANAGER_COUNT,
};

/* What an install manager is called, how it installs when a set does not say, and what a new set of
 * it starts with: managers.c. */
struct config_manager_row {
    const char *word;
    const char *install_cmd; /* packages are put after it */
    const char *package;     /* an example; NULL: the set's own name */
    const char *network;     /* where its packages come from, and the domains, as TOML */
    const char *domains;
};
extern const struct config_manager_row config_managers[CONFIG_MANAGER_COUNT];
extern const char *const config_manager_words[CONFIG_MANAGER_COUNT + 1]; /* NULL-terminated */

struct config_provider_cli {
    struct config_head head;
    struct config_text key;
    struct config_text name;
    struct config_text description;
    struct config_text version_command;
};

struct config_api_key {
    struct config_head head;
    struct config_text name;
    struct config_list env_vars;
    struct config_text prefix;
    struct config_text docs_url;
};

struct config_provider_network {
    struct config_head head;
    struct config_list domains;
    struct config_bool allow_get;
    struct config_bool allow_post;
};

struct config_install {
    struct config_head head;
    struct config_choice manager; /* enum config_manager */
    struct config_text prefix;
    struct config_list packages;
};

struct config_file {
    struct config_head head;
    struct config_text path;
    struct config_text content;
};

struct config_provider {
    struct config_head head; /* key: the provider's */
    struct config_text name;
    struct config_text description;
    struct config_bool enabled;
    struct config_provider_cli cli; /* optional */
    struct config_api_key api_key;
    struct config_provider_network network;
    struct config_install install; /* optional */
    struct {
        struct config_file *items;
        size_t len;
    } files;
};

/* ---- packages/, each file ---- */

struct config_set_network {
    struct config_head head;
    struct config_text name;
    struct config_list domains;
    struct config_bool allow_get;
};

struct config_package_set {
    struct config_head head; /* key: the set's */
    struct config_text name;
    struct config_choice manager; /* enum config_manager */
    struct config_text install_cmd;
    struct config_list packages;
    struct config_pairs version_commands;
    struct config_set_network network; /* optional */
};

/* ---- mcp/, each file ---- */

enum config_transport {
    CONFIG_TRANSPORT_STDIO,
    CONFIG_TRANSPORT_SSE,
};

struct config_mcp_server {
    struct config_head head; /* key: the server's */
    struct config_text name;
    struct config_choice transport; /* enum config_transport */
    struct config_text description;
    struct config_text command;
    struct config_text url;
    struct config_list args;
    struct config_pairs env;
    struct config_pairs headers;
    struct config_bool builtin;
    struct config_bool enabled;
};

/* ---- security/web.toml [web] ---- */

struct config_web_service {
    struct config_head head;
    struct config_text name;
    struct config_list domains;
    struct config_bool enabled;
    struct config_bool allow_get;
    struct config_bool allow_post;
};

struct config_web_services {
    struct config_web_service *items;
    size_t len;
};

struct config_web {
    struct config_head head;
    struct config_bool allow_read;
    struct config_bool allow_write;
    struct config_list custom_allow;
    struct config_list custom_block;
    struct config_web_services search;
    struct config_web_services registry;
    struct config_web_services repository;
};

/* ---- vm/resources.toml [resources] ---- */

struct config_resources {
    struct config_head head;
    struct config_int cpu_count;
    struct config_int ram_gb;
    struct config_int scratch_disk_size_gb;
    struct config_bool log_bodies;
    struct config_int max_body_capture; /* bytes */
    struct config_int retention_days;
    struct config_int max_sessions;
    struct config_int min_content_sessions;
    struct config_int max_disk_gb;
    struct config_int terminated_retention_days;
};

/* ---- vm/environment.toml [environment] ---- */

struct config_shell {
    struct config_head head;
    struct config_text term;
    struct config_text home;
    struct config_text path;
    struct config_text lang;
    struct config_file bashrc;    /* optional */
    struct config_file tmux_conf; /* optional */
};

struct config_tls {
    struct config_head head;
    struct config_text ca_bundle;
};

struct config_environment {
    struct config_head head;
    struct config_shell shell;
    struct config_tls tls;
};

/* ---- the whole ---- */

struct guest_config {
    struct config_build build;
    struct config_image image;
    struct {
        struct config_provider *items;
        size_t len;
    } providers;
    struct {
        struct config_package_set *items;
        size_t len;
    } package_sets;
    struct {
        struct config_mcp_server *items;
        size_t len;
    } mcp_servers;
    struct config_web web;
    struct config_resources resources;
    struct config_environment environment;

    /* Folders as reachable from the current one; in the arena, NUL-terminated. */
    const char *guest_dir;
    const char *config_dir;    /* GUEST/config */
    const char *artifacts_dir; /* NULL when not known */
    const char *certificate;   /* capsem-ca.crt of artifacts_dir, else of config/ beside the guest
                                  folder; NULL: there is none */
    const char *agent_dir; /* where build.guest_source leads, else crates/capsem-agent beside the
                              guest folder; NULL when not known */

    /* The newest modification time (Unix seconds) of the files below config_dir: the default of
     * SOURCE_DATE_EPOCH. */
    int64_t newest_change_s;
};

/* A text in the place of a TOML file, which need not be on the disk: what an editor has not saved.
 */
struct config_overlay {
    const char *path; /* below the config folder: "ai/claude.toml" */
    str text;         /* must live as long as the sources */
};

struct config_options {
    const char *artifacts_dir; /* NULL: GUEST/artifacts when it is there */
    const char *agent_dir;     /* NULL: what build.guest_source says, when it is there */
    bool config_only;          /* only what the TOML files say: no E300 to E304 */
    bool overlays_only;        /* no file of the disk is read */
    const struct config_overlay *overlays;
    size_t overlay_count;
};

/*
 * Reads and checks all files of a guest folder and reports every diagnostic to `sink`; the texts
 * are added to `sources`. Everything lives in `a`. `opts` may be NULL.
 *
 * False when this call reported an error. *ret is
 * always filled as far as it loaded: a field that failed has its default, a record in which a
 * required field failed is still in its list.
 */
bool config_load(struct arena *a, struct sources *sources, struct diag_sink *sink,
                 const char *guest_dir, const struct config_options *opts,
                 struct guest_config *ret);

/* The texts of a loaded config as one file, which config_load_kept() reads. */
str config_keep(struct arena *a, const struct sources *sources, const struct guest_config *config);
/* What config_keep() wrote, `name` for messages; of the TOML files only. False: reported to `sink`,
 * or err is set. */
MUST_CHECK bool config_load_kept(struct arena *a, struct sources *sources, struct diag_sink *sink,
                                 const char *name, str json, struct guest_config *ret,
                                 struct err *err);

/* The level that the codec gets: compression_level, at most the codec's highest (W015). */
int64_t config_codec_level(const struct config_build *build);
int64_t config_codec_level_max(enum config_compression codec);

/* NULL when there is none of this name. */
const struct config_architecture *config_find_architecture(const struct guest_config *config,
                                                           str name);
/* By its name in the config or a name of its machine ("amd64"), NULL: this machine's. False: err
 * has the names there are. */
MUST_CHECK bool config_choose_architecture(const struct guest_config *config, const char *name,
                                           const struct config_architecture **ret, struct err *err);
struct config_names {
    const char *const *items;
    size_t len;
};
/* Those that are named, each once, in the order given; "all" is every one. Without names: this
 * machine's, or the only one that there is. */
MUST_CHECK bool config_choose_architectures(struct arena *a, const struct guest_config *config,
                                            struct config_names names,
                                            const struct config_architecture ***ret,
                                            size_t *ret_count, struct err *err);
const struct config_package_set *config_find_package_set(const struct guest_config *config,
                                                         str key);

/* Whole configuration as JSON, two-space indent, a line end after it (`inspect --json`). */
void config_dump_json(const struct guest_config *config, struct buf *out);

/* ---- what the tables say ---- */

/* The kinds of TOML files by their short names: build, manifest, ai, ...; empty after the last. */
str config_file_kind(size_t index);
/* JSON Schema of a kind of file, or of any file when `kind` is empty. False: no such kind. */
bool config_schema(str kind, struct buf *out);
/* docs/reference/config.md: every file and key. */
void config_reference(struct buf *out);

/* ---- keys and what may stand after them: for editors ---- */

/* A key of a table. The texts live as long as the program, or in the caller's arena. */
struct config_key {
    str name;
    const char *help;         /* a sentence */
    const char *type;         /* "integer" */
    str range;                /* "1 to 22"; empty: none */
    str default_value;        /* as TOML; empty: none */
    const char *const *words; /* all the values there are, NULL-terminated; NULL: any */
    bool is_text;             /* the words are strings, which stand in quotes */
    bool is_table;            /* or an array of tables: opened by a header */
    bool is_array;            /* by [[...]] */
    bool has_names;           /* of a table: its keys may be chosen freely */
    bool required;
};

/* What `path` (keys, from the outermost table) leads to in the TOML file `file`, a path below the
 * config folder. False: nothing reads it. */
bool config_key_at(struct arena *a, const char *file, const str *path, size_t len,
                   struct config_key *ret);
/* The keys that the table there may have, in the order of the documentation; none when it is no
 * table, or its keys may be chosen freely. An empty path is the file. */
size_t config_keys_below(struct arena *a, const char *file, const str *path, size_t len,
                         struct config_key **ret);
