// SPDX-License-Identifier: Apache-2.0
/* Does something bring the program that a set is installed with? Known of plain Debian and Ubuntu
 * bases only: another image may have anything. */
#include "check/internal.h"

#include "oci/oci.h"

static const struct {
    enum config_manager manager;
    str package; /* Debian's, that has its program */
    const char *help;
} rows[] = {
    { CONFIG_MANAGER_NPM, S_INIT("npm"),
      "set node_major, as in node_major = 24, which brings Node and npm" },
    { CONFIG_MANAGER_PIP, S_INIT("python3-pip"),
      "add \"python3-pip\" to the packages of an apt set, or write manager = \"uv\"" },
    { CONFIG_MANAGER_CURL, S_INIT("curl"), "add \"curl\" to the packages of an apt set" },
};

static bool is_plain(struct arena *a, const struct config_architecture *arch) {
    struct oci_reference ref;
    return oci_reference_parse(a, arch->base_image.text, &ref, NULL) &&
           str_eq(ref.domain, S("docker.io")) &&
           (str_eq(ref.repository, S("library/debian")) ||
            str_eq(ref.repository, S("library/ubuntu")));
}

/* "git=1:2.39", "git/bookworm-backports" and "git:arm64" are git. */
static bool is_package(str text, str name) {
    if (!str_starts(text, name)) {
        return false;
    }
    return text.len == name.len || str_find_char(S("=/:"), text.ptr[name.len], 0) != STR_NONE;
}

static bool has_package(const struct guest_config *config, str name) {
    for (size_t i = 0; i < config->package_sets.len; i++) {
        const struct config_package_set *set = &config->package_sets.items[i];
        for (size_t k = 0; set->manager.value == CONFIG_MANAGER_APT && k < set->packages.len; k++) {
            if (is_package(set->packages.items[k].text, name)) {
                return true;
            }
        }
    }
    return false;
}

/* The recipe installs pip for uv, where it is missing. */
static bool has_uv(const struct guest_config *config) {
    for (size_t i = 0; i < config->package_sets.len; i++) {
        if (config->package_sets.items[i].manager.value == CONFIG_MANAGER_UV) {
            return true;
        }
    }
    return false;
}

static bool brings(const struct guest_config *config, const struct config_architecture *arch,
                   enum config_manager manager) {
    return (manager == CONFIG_MANAGER_NPM && arch->node_major.value > 0) ||
           (manager == CONFIG_MANAGER_PIP && has_uv(config));
}

static void report(struct diag_sink *sink, const struct config_architecture *arch, size_t row,
                   const struct config_choice *manager) {
    struct diag *d = diag_report(sink, "E014", manager->span,
                                 "nothing brings '%.*s' into the image", STR_FMT(manager->text));
    if (rows[row].manager == CONFIG_MANAGER_NPM && span_is_set(arch->node_major.span)) {
        diag_note(sink, d, arch->node_major.span, "Node is left out here");
    }
    diag_help(sink, d, "%s", rows[row].help);
}

void manager_check(struct arena *a, const struct guest_config *config,
                   const struct config_architecture *arch, struct diag_sink *sink) {
    for (size_t r = 0; is_plain(a, arch) && r < ARRAY_LEN(rows); r++) {
        if (has_package(config, rows[r].package) || brings(config, arch, rows[r].manager)) {
            continue;
        }
        for (size_t i = 0; i < config->package_sets.len; i++) {
            const struct config_choice *manager = &config->package_sets.items[i].manager;
            if (manager->value == (int)rows[r].manager) {
                report(sink, arch, r, manager);
            }
        }
        for (size_t i = 0; i < config->providers.len; i++) {
            const struct config_provider *p = &config->providers.items[i];
            if (p->enabled.value && p->install.head.present &&
                p->install.manager.value == (int)rows[r].manager) {
                report(sink, arch, r, &p->install.manager);
            }
        }
    }
}
