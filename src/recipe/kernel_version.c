// SPDX-License-Identifier: Apache-2.0
/* docs/spec/recipes.md, "The kernel's version". */
#include <jansson.h>
#include <string.h>

#include "fetch/fetch.h"
#include "recipe/internal.h"

enum { RELEASES_BYTES_MAX = 4 * 1024 * 1024, FETCH_SECONDS = 15 };

static const char releases_url[] = "https://www.kernel.org/releases.json";

/* Used when nobody answers: the newest of each branch when this list was last looked at. */
static const struct {
    str branch;
    str version;
} known[] = {
    { S_INIT("5.15"), S_INIT("5.15.190") },
    { S_INIT("6.1"), S_INIT("6.1.150") },
    { S_INIT("6.6"), S_INIT("6.6.104") },
    { S_INIT("6.12"), S_INIT("6.12.45") },
};

str recipe_kernel_version_known(str branch) {
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(known[i].branch, branch)) {
            return known[i].version;
        }
    }
    return str_eq(branch, S("auto")) ? known[ARRAY_LEN(known) - 1].version : branch;
}

/* --- kernel.org ----------------------------------------------------------------------------------
 */

struct download {
    struct buf body;
};

static size_t on_body(char *data, size_t size, size_t count, void *self) {
    struct download *d = self;
    buf_add_bytes(&d->body, data, size * count);
    return d->body.full ? 0 : size * count;
}

static CURLcode perform(const struct fetch_curl *api, CURL *curl, const char *url,
                        struct download *d, char why[CURL_ERROR_SIZE]) {
    fetch_prepare(api, curl, why);
    api->easy_setopt(curl, CURLOPT_URL, url);
    api->easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    api->easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    api->easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    api->easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_SECONDS);
    api->easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    api->easy_setopt(curl, CURLOPT_WRITEDATA, d);
    return api->easy_perform(curl);
}

static bool fetch_with_curl(void *self, struct arena *a, const char *url, str *ret,
                            struct err *err) {
    (void)self;
    struct download d = { BUF_INIT(RELEASES_BYTES_MAX) };
    struct fetch_curl api;
    char why[CURL_ERROR_SIZE] = "";
    if (!fetch_load(&api, err)) {
        return err_wrap(err, "fetch '%s'", url);
    }
    CURL *curl = api.easy_init();
    if (curl == NULL) {
        return err_set(err, "fetch '%s': out of memory", url);
    }
    CURLcode code = perform(&api, curl, url, &d, why);
    if (code == CURLE_OK) {
        *ret = str_dup(a, buf_str(&d.body));
    } else {
        fetch_set_failure(&api, curl, code, why, err);
        (void)err_wrap(err, "fetch '%s'", url);
    }
    api.easy_cleanup(curl);
    buf_done(&d.body);
    return code == CURLE_OK;
}

const struct recipe_fetch_ops recipe_fetch_curl = { fetch_with_curl };

/* "auto" is the newest branch: every version belongs to it, and the highest is the newest. */
static bool any_level(str version, uint64_t *ret) {
    uint64_t major;
    uint64_t minor;
    uint64_t patch = 0;
    str rest = str_slice(version, str_find_last_char(version, '.') + 1, version.len);
    if (!str_to_version(version, &major, &minor) || !str_to_u64(rest, &patch) || patch >= 100000 ||
        minor >= 100000 || major >= 100000) {
        return false;
    }
    *ret = (major * 100000 + minor) * 100000 + patch;
    return true;
}

/* BRANCH.N with N a number: its N. */
static bool patch_level(str version, str branch, uint64_t *ret) {
    if (str_eq(branch, S("auto"))) {
        return any_level(version, ret);
    }
    return str_starts(version, branch) && version.len > branch.len + 1 &&
           version.ptr[branch.len] == '.' &&
           str_to_u64(str_slice(version, branch.len + 1, version.len), ret);
}

bool recipe_kernel_parse_releases(struct arena *a, str json, str branch, str *ret,
                                  struct err *err) {
    json_error_t why;
    json_t *root = json_loadb(json.ptr == NULL ? "" : json.ptr, json.len, 0, &why);
    const json_t *releases = json_object_get(root, "releases");
    if (!json_is_array(releases)) {
        json_decref(root);
        return err_set(err, "kernel.org's release list has an unexpected format");
    }
    uint64_t newest = 0;
    *ret = (str){ 0 };
    for (size_t i = 0; i < json_array_size(releases); i++) {
        const json_t *r = json_array_get(releases, i);
        str moniker = str_from_c(json_string_value(json_object_get(r, "moniker")));
        str version = str_from_c(json_string_value(json_object_get(r, "version")));
        uint64_t level;
        if (str_eq(moniker, S("longterm")) && !json_is_true(json_object_get(r, "iseol")) &&
            patch_level(version, branch, &level) && (ret->len == 0 || level > newest)) {
            newest = level;
            *ret = str_dup(a, version);
        }
    }
    json_decref(root);
    return true;
}

static bool from_kernel_org(struct arena *a, str branch, const struct recipe_fetch_ops *ops,
                            void *self, str *ret, struct err *why) {
    str json;
    if (!ops->fetch(self, a, releases_url, &json, why) ||
        !recipe_kernel_parse_releases(a, json, branch, ret, why)) {
        return false;
    }
    return ret->len > 0 ||
           err_set(why, "kernel.org has no longterm release of %.*s", STR_FMT(branch));
}

/* ---- the distribution ---- */

/* "Candidate: 6.12.57-1~deb12u1" of the host's own package lists, without the packaging's part. */
static bool from_distribution(struct arena *a, str branch, str *ret, struct err *why) {
    const char *package = str_fmt(a, "linux-source-%.*s", STR_FMT(branch)).ptr;
    const char *const argv[] = { "apt-cache", "policy", package, NULL };
    const char *const env[] = { "LC_ALL=C", NULL };
    AUTO_BUF out = BUF_INIT(RELEASES_BYTES_MAX);
    struct proc_spec spec = { .argv = argv, .env = env, .out = &out, .timeout_ms = 15000 };
    if (proc_find(a, "apt-cache") == NULL) {
        return err_set(why, "cannot determine the version of %s: apt is not available", package);
    }
    if (!proc_check(&spec, why)) {
        return false;
    }
    size_t at = str_find(buf_str(&out), S("Candidate: "), 0);
    str rest = str_slice(buf_str(&out), at == STR_NONE ? out.len : at + 11, out.len);
    str version = str_cut(&rest, '\n');
    version = str_slice(version, 0, str_find_char(version, '-', 0));
    if (version.len == 0 || !char_is_digit(version.ptr[0])) {
        return err_set(why, "the package lists do not contain %s", package);
    }
    *ret = str_dup(a, version);
    return true;
}

bool recipe_kernel_version(struct arena *a, const struct config_architecture *arch,
                           const struct recipe_fetch_ops *ops, void *self, str *ret_version,
                           enum recipe_kernel_origin *ret_origin, struct err *why) {
    str branch = arch->kernel_branch.text;
    bool from_org = arch->kernel_source.value == CONFIG_KERNEL_ORG;
    bool ok = from_org ? from_kernel_org(a, branch, ops, self, ret_version, why)
                       : from_distribution(a, branch, ret_version, why);
    *ret_origin = RECIPE_KERNEL_NEWEST;
    if (ok) {
        return true;
    }
    *ret_origin = RECIPE_KERNEL_KNOWN;
    *ret_version = recipe_kernel_version_known(branch);
    /* The distribution's version is for people only; kernel.org's tarball is named by it. */
    return !from_org || !str_eq(*ret_version, branch);
}
