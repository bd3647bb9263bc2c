// SPDX-License-Identifier: Apache-2.0
#include "check/internal.h"

#include "oci/oci.h"

/* The branches of a release's packages, the newest last. Newer ones may be added later, so those
 * are left to the build, whose first step looks for the package. */
static const struct release {
    const char *repository;
    str suite;
    str version;
    const char *branches[4]; /* NULL-terminated */
} releases[] = {
    { "library/debian", S_INIT("bullseye"), S_INIT("11"), { "5.10", "6.1" } },
    { "library/debian", S_INIT("bookworm"), S_INIT("12"), { "6.1", "6.12" } },
    { "library/debian", S_INIT("trixie"), S_INIT("13"), { "6.12" } },
};

/* A tag is "bookworm", "12", "12.5-slim", "bookworm-20240513-slim". */
static bool is_tag_of(const struct release *r, str tag) {
    str rest = tag;
    str first = str_cut(&rest, '-');
    str number = str_cut(&first, '.');
    return str_eq(number, r->suite) || str_eq(number, r->version);
}

static const struct release *find_release(struct arena *a, str image) {
    struct oci_reference ref;
    if (!oci_reference_parse(a, image, &ref, NULL) || !str_eq(ref.domain, S("docker.io"))) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(releases); i++) {
        if (str_eq(ref.repository, str_from_c(releases[i].repository)) &&
            is_tag_of(&releases[i], ref.tag)) {
            return &releases[i];
        }
    }
    return NULL;
}

/* "6.12" as 6012; 0: it does not look so. */
static uint64_t branch_number(str branch) {
    uint64_t major;
    uint64_t minor;
    return str_to_version(branch, &major, &minor) && minor < 1000 ? major * 1000 + minor : 0;
}

void kernel_check(struct arena *a, const struct config_architecture *arch, struct diag_sink *sink) {
    const struct release *r = find_release(a, arch->base_image.text);
    uint64_t wanted = branch_number(arch->kernel_branch.text);
    if (arch->kernel_source.value == CONFIG_KERNEL_ORG || r == NULL || wanted == 0) {
        return;
    }
    AUTO_BUF names = BUF_INIT(1024);
    uint64_t newest = 0;
    for (size_t i = 0; r->branches[i] != NULL; i++) {
        newest = branch_number(str_from_c(r->branches[i]));
        if (newest == wanted) {
            return;
        }
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", r->branches[i]);
    }
    if (wanted > newest) {
        return;
    }
    bool written = span_is_set(arch->kernel_branch.span);
    struct diag *d = diag_report(
        sink, "E012", written ? arch->kernel_branch.span : arch->kernel_source.span,
        "'%.*s' has no kernel from branch %.*s%s", STR_FMT(arch->base_image.text),
        STR_FMT(arch->kernel_branch.text), written ? "" : ", the default of kernel_branch");
    if (span_is_set(arch->base_image.span)) {
        diag_note(sink, d, arch->base_image.span, "the base image");
    }
    diag_help(sink, d, "it has %s; kernel_source = \"kernel.org\" has others", names.ptr);
}
