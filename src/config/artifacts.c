// SPDX-License-Identifier: Apache-2.0
/* What the configuration needs beside its TOML files: E300 to E304. */
#include "config/internal.h"

static struct span path_span(struct loader *l, const char *path) {
    str shown = path_clean(l->arena, str_from_c(path));
    return (struct span){ .source = sources_add_path(l->sources, shown) };
}

static bool is_file(const char *path) {
    struct stat st;
    return fstatat(AT_FDCWD, path, &st, 0) == 0 && S_ISREG(st.st_mode);
}

void check_kernel_configs(struct loader *l) {
    const struct config_build *build = &l->config->build;
    for (size_t i = 0; i < build->architectures.len; i++) {
        const struct config_text *defconfig = &build->architectures.items[i].defconfig;
        struct err err = ERR_INIT;
        const char *name;
        if (!span_is_set(defconfig->span) || !is_path_inside(l->arena, defconfig->text) ||
            !str_to_path(l->arena, defconfig->text, &name, &err)) {
            continue; /* reported as E003 */
        }
        const char *path = path_join(l->arena, l->config->config_dir, name);
        if (is_file(path)) {
            continue;
        }
        str shown = path_clean(l->arena, str_from_c(path));
        struct diag *d = diag_report(
            l->sink, "E300", defconfig->span, "the kernel configuration '%.*s' %s", STR_FMT(shown),
            fs_exists(AT_FDCWD, path) ? "is not a file" : "does not exist");
        str base = path_base(defconfig->text);
        str before = str_slice(defconfig->text, 0, defconfig->text.len - base.len);
        const char *folder = str_to_c(l->arena, path_dir(str_from_c(path)));
        suggest_file(l, d, folder, S(""), base, before);
    }
}

static void check_certificate(struct loader *l) {
    struct err err = ERR_INIT;
    const char *path = l->config->certificate;
    str text;
    if (!fs_load(l->arena, AT_FDCWD, path, CONFIG_CERTIFICATE_BYTES_MAX, &text, &err)) {
        AUTO_BUF why = BUF_INIT(4096);
        err_text(&err, &why);
        diag_report(l->sink, "E304", path_span(l, path), "the CA certificate cannot be read: %.*s",
                    STR_FMT(buf_str(&why)));
    } else if (!holds_certificate(text)) {
        struct diag *d = diag_report(l->sink, "E304", path_span(l, path),
                                     "the CA certificate is not a PEM certificate");
        diag_help(l->sink, d,
                  "a PEM certificate begins with '-----BEGIN CERTIFICATE-----' and ends with "
                  "'-----END CERTIFICATE-----'");
    }
}

/* Without a certificate an image can be built (W018), unless artifacts were asked for. */
static void report_no_certificate(struct loader *l) {
    const char *path = path_join(l->arena, l->config->artifacts_dir, "capsem-ca.crt");
    struct diag *d =
        diag_report(l->sink, "E301", path_span(l, path), "the CA certificate is missing");
    diag_help(l->sink, d,
              "put the host proxy's certificate there, or in config/ next to the guest folder, in "
              "PEM form");
}

static void report_missing_artifact(struct loader *l, const char *name, bool folder) {
    const char *path = path_join(l->arena, l->config->artifacts_dir, name);
    struct diag *d = diag_report(l->sink, "E302", path_span(l, path), "the %s '%s' is missing",
                                 folder ? "folder" : "artifact", name);
    diag_help(l->sink, d, "'capsem-builder init DIR' writes a folder that has one: %s", name);
}

/* What build.artifacts names must be there. */
static void check_placed(struct loader *l) {
    const struct config_pairs *artifacts = &l->config->build.artifacts;
    for (size_t i = 0; i < artifacts->len; i++) {
        const struct config_pair *pair = &artifacts->items[i];
        struct err err = ERR_INIT;
        const char *name;
        if (!is_clean_path(l, pair->key, false) || !str_to_path(l->arena, pair->key, &name, &err)) {
            continue; /* reported as E003 */
        }
        const char *path = path_join(l->arena, l->config->artifacts_dir, name);
        if (!fs_exists(AT_FDCWD, path)) {
            struct diag *d = diag_report(l->sink, "E302", pair->key_span,
                                         "the artifact '%s' does not exist", path);
            suggest_file(l, d, str_to_c(l->arena, path_dir(str_from_c(path))), S(""),
                         path_base(pair->key), S(""));
        }
    }
}

void check_artifacts(struct loader *l) {
    static const struct {
        const char *name;
        bool folder;
    } needed[] = {
        { "capsem-init", false },
        { "capsem-bashrc", false },
        { "diagnostics", true },
    };
    if (l->config->certificate != NULL) {
        check_certificate(l);
    } else if (l->opts->artifacts_dir != NULL) {
        report_no_certificate(l);
    }
    if (l->config->artifacts_dir == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        const char *path = path_join(l->arena, l->config->artifacts_dir, needed[i].name);
        if (needed[i].folder ? !fs_is_dir(AT_FDCWD, path) : !is_file(path)) {
            report_missing_artifact(l, needed[i].name, needed[i].folder);
        }
    }
    check_placed(l);
}

/* The sources of NAME are AGENT/NAME.c (and AGENT/lib, which all share); which package of a Cargo
 * workspace has it is for cargo to say. A guest folder without agent sources is fine as long as its
 * configuration asks for no binary by name: who builds it is told (W019). */
void check_agent(struct loader *l) {
    const struct config_list *binaries = &l->config->build.guest_binaries;
    const struct config_text *source = &l->config->build.guest_source;
    const char *folder = l->config->agent_dir;
    if (folder == NULL && span_is_set(source->span)) {
        diag_report(l->sink, "E303", source->span,
                    "the folder '%.*s' for guest binary sources is missing", STR_FMT(source->text));
        return;
    }
    if (folder == NULL) {
        if (!span_is_set(binaries->span)) {
            return;
        }
        folder = path_join(l->arena, l->config->guest_dir, "agent");
    }
    if (is_file(path_join(l->arena, folder, "Cargo.toml"))) {
        return;
    }
    for (size_t i = 0; i < binaries->len; i++) {
        str name = binaries->items[i].text;
        if (!is_file_name(name)) {
            continue; /* reported as E003 */
        }
        str file = str_fmt(l->arena, "%.*s.c", STR_FMT(name));
        const char *path = path_join(l->arena, folder, file.ptr);
        if (!is_file(path)) {
            struct diag *d =
                diag_report(l->sink, "E303", path_span(l, path),
                            "the sources of the guest binary '%.*s' are missing", STR_FMT(name));
            if (span_is_set(binaries->items[i].span)) {
                diag_note(l->sink, d, binaries->items[i].span, "it is listed here");
            }
            suggest_file(l, d, folder, S(".c"), name, S(""));
        }
    }
}
