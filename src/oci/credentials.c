// SPDX-License-Identifier: Apache-2.0
/* Docker's config.json: "auths", "credHelpers", "credsStore" (docker login, "Credential stores").
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "oci/internal.h"

enum { SECRET_BYTES_MAX = 64 * 1024, HELPER_TIMEOUT_MS = 30000 };

static str text_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? (str){ json_string_value(value), json_string_length(value) }
                                 : S("");
}

static int sextet(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = c == '\0' ? STR_NONE : str_find_char(str_from_c(digits), c, 0);
    return at == STR_NONE ? -1 : (int)at;
}

/* RFC 4648, 4; blanks and what follows the padding count for nothing. */
static bool decode_base64(str text, struct buf *out) {
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++) {
        int value = sextet(text.ptr[i]);
        if (value < 0) {
            if (char_is_space(text.ptr[i])) {
                continue;
            }
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_char(out, (char)(bits >> count & 0xFF));
        }
    }
    return !out->full;
}

/* "https://index.docker.io/v1/" and "index.docker.io" name the same. */
static str host_of(str key) {
    if (str_starts(key, S("https://"))) {
        key = str_slice(key, 8, key.len);
    } else if (str_starts(key, S("http://"))) {
        key = str_slice(key, 7, key.len);
    }
    str host = str_cut(&key, '/');
    return str_eq(host, S("index.docker.io")) ? S("docker.io") : host;
}

static json_t *find_host(json_t *table, str domain) {
    const char *key;
    json_t *value;
    json_object_foreach(table, key, value) {
        if (str_eq_nocase(host_of(str_from_c(key)), domain)) {
            return value;
        }
    }
    return NULL;
}

static bool from_auth(struct arena *a, const json_t *auth, str domain,
                      struct oci_credentials *ret) {
    AUTO_BUF plain = BUF_INIT(SECRET_BYTES_MAX);
    str token = text_of(auth, "identitytoken");
    ret->user = str_dup(a, text_of(auth, "username"));
    ret->secret = str_dup(a, text_of(auth, "password"));
    if (!decode_base64(text_of(auth, "auth"), &plain)) {
        ret->why = str_fmt(a, "has an 'auth' of '%.*s' that is not base64", STR_FMT(domain));
    } else if (plain.len > 0) {
        str secret = buf_str(&plain);
        ret->user = str_dup(a, str_cut(&secret, ':'));
        ret->secret = str_dup(a, secret);
    }
    ret->is_token = token.len > 0;
    if (ret->is_token) {
        ret->secret = str_dup(a, token);
    }
    return ret->secret.len > 0;
}

/* A helper's name becomes part of a program's. */
static bool helper_ok(str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!char_is_alnum(c) && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return name.len > 0;
}

bool oci_credentials_find(struct arena *a, str config_json, str domain, struct oci_credentials *ret,
                          const char **ret_helper) {
    json_error_t why;
    json_t *root =
        json_loadb(config_json.ptr == NULL ? "" : config_json.ptr, config_json.len, 0, &why);
    const json_t *own = find_host(json_object_get(root, "credHelpers"), domain);
    str helper =
        json_is_string(own) ? str_from_c(json_string_value(own)) : text_of(root, "credsStore");
    *ret = (struct oci_credentials){ 0 };
    *ret_helper = helper_ok(helper) ? str_to_c(a, helper) : NULL;
    if (!json_is_object(root)) {
        ret->why = root != NULL ? S("is not a JSON object")
                                : str_fmt(a, "is not JSON, line %d: %s", why.line, why.text);
    }
    bool found = *ret_helper == NULL &&
                 from_auth(a, find_host(json_object_get(root, "auths"), domain), domain, ret);
    json_decref(root);
    return found;
}

/* ---- helper programs (docker-credential-helpers, "Development") ---- */

/* What a helper says when it works and has nothing for the server. */
static bool has_nothing(str answer) {
    return str_find(answer, S("credentials not found"), 0) != STR_NONE;
}

static bool ask_helper(struct arena *a, const char *helper, str domain, struct buf *out,
                       str *ret_why) {
    const char *program = str_fmt(a, "docker-credential-%s", helper).ptr;
    const char *const argv[] = { program, "get", NULL };
    AUTO_BUF errors = BUF_INIT(SECRET_BYTES_MAX);
    struct err err = ERR_INIT;
    struct proc_spec spec = {
        .argv = argv,
        .input = str_eq(domain, S("docker.io")) ? S("https://index.docker.io/v1/") : domain,
        .timeout_ms = HELPER_TIMEOUT_MS,
        .out = out,
        .errors = &errors,
    };
    struct proc_result result;
    if (proc_find(a, program) == NULL) {
        *ret_why = str_fmt(a, "names the helper '%s', which is not in PATH", program);
        return false;
    }
    if (!proc_run(&spec, &result, &err)) {
        *ret_why =
            str_fmt(a, "names the helper '%s', which cannot be run: %s", program, err.frames[0]);
        return false;
    }
    if (result.exit_code != 0 && !has_nothing(buf_str(out)) && !has_nothing(buf_str(&errors))) {
        str said = str_trim(errors.len > 0 ? buf_str(&errors) : buf_str(out));
        *ret_why = str_fmt(a, "names the helper '%s', which %s%s%.*s", program,
                           result.timed_out ? "gave no answer in 30 seconds" : "failed",
                           said.len > 0 ? ": " : "", STR_FMT(str_clip(said, 160)));
    }
    return result.exit_code == 0;
}

static struct oci_credentials from_helper(struct arena *a, const char *helper, str domain) {
    AUTO_BUF out = BUF_INIT(SECRET_BYTES_MAX);
    struct oci_credentials c = { 0 };
    if (!ask_helper(a, helper, domain, &out, &c.why)) {
        return c;
    }
    json_t *answer = json_loadb(out.ptr == NULL ? "" : out.ptr, out.len, 0, NULL);
    c.user = str_dup(a, text_of(answer, "Username"));
    c.secret = str_dup(a, text_of(answer, "Secret"));
    c.is_token = str_eq(c.user, S("<token>"));
    if (c.secret.len == 0) {
        c.why = str_fmt(a, "names the helper 'docker-credential-%s', whose answer has no secret",
                        helper);
    }
    json_decref(answer);
    return c;
}

struct oci_credentials credentials_of(struct arena *a, str domain) {
    const char *folder = getenv("DOCKER_CONFIG");
    const char *home = getenv("HOME");
    struct oci_credentials c = { 0 };
    const char *helper;
    str text;
    if (folder == NULL || folder[0] == '\0') {
        folder = home == NULL ? NULL : path_join(a, home, ".docker");
    }
    struct err err = ERR_INIT;
    const char *path = folder == NULL ? NULL : path_join(a, folder, "config.json");
    if (path == NULL || !fs_load(a, AT_FDCWD, path, SETTINGS_BYTES_MAX, &text, &err)) {
        bool is_there = path != NULL && err.code != ENOENT && err.code != ENOTDIR;
        c.why = is_there ? str_from_c(str_fmt(a, "cannot be read: %s", err.frames[0]).ptr) : S("");
    } else if (!oci_credentials_find(a, text, domain, &c, &helper) && helper != NULL) {
        c = from_helper(a, helper, domain);
    }
    if (c.why.len > 0) {
        c.why = str_fmt(a, "'%s' %.*s", path, STR_FMT(c.why));
    }
    return c;
}
