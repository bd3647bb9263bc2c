// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch.h"

static const struct {
    const char *name;
    size_t offset; /* of a pointer in struct fetch_curl */
} symbols[] = {
    { "curl_easy_init", offsetof(struct fetch_curl, easy_init) },
    { "curl_easy_setopt", offsetof(struct fetch_curl, easy_setopt) },
    { "curl_easy_getinfo", offsetof(struct fetch_curl, easy_getinfo) },
    { "curl_easy_perform", offsetof(struct fetch_curl, easy_perform) },
    { "curl_easy_pause", offsetof(struct fetch_curl, easy_pause) },
    { "curl_easy_reset", offsetof(struct fetch_curl, easy_reset) },
    { "curl_easy_cleanup", offsetof(struct fetch_curl, easy_cleanup) },
    { "curl_easy_strerror", offsetof(struct fetch_curl, easy_strerror) },
    { "curl_slist_append", offsetof(struct fetch_curl, slist_append) },
    { "curl_slist_free_all", offsetof(struct fetch_curl, slist_free_all) },
    { "curl_multi_init", offsetof(struct fetch_curl, multi_init) },
    { "curl_multi_add_handle", offsetof(struct fetch_curl, multi_add_handle) },
    { "curl_multi_remove_handle", offsetof(struct fetch_curl, multi_remove_handle) },
    { "curl_multi_perform", offsetof(struct fetch_curl, multi_perform) },
    { "curl_multi_poll", offsetof(struct fetch_curl, multi_poll) },
    { "curl_multi_info_read", offsetof(struct fetch_curl, multi_info_read) },
    { "curl_multi_cleanup", offsetof(struct fetch_curl, multi_cleanup) },
    { "curl_multi_strerror", offsetof(struct fetch_curl, multi_strerror) },
};

bool fetch_load(struct fetch_curl *ret, struct err *err) {
    ret->library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; ret->library != NULL && i < ARRAY_LEN(symbols); i++) {
        void *symbol = dlsym(ret->library, symbols[i].name);
        if (symbol == NULL) {
            break;
        }
        memcpy((char *)ret + symbols[i].offset, &symbol,
               sizeof symbol); /* ISO C has no such cast */
        if (i + 1 == ARRAY_LEN(symbols)) {
            return true;
        }
    }
    err_set(err, "load libcurl: %s", dlerror());
    return err_help(err, "apt-get install --no-install-recommends libcurl4");
}

void fetch_prepare(const struct fetch_curl *api, CURL *curl, char why[CURL_ERROR_SIZE]) {
    api->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    api->easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    /* Companies that look into TLS hand out their own bundle by this variable. */
    if (getenv("SSL_CERT_FILE") != NULL) {
        api->easy_setopt(curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    }
}

/* curl's own words do not name the proxy: "CONNECT tunnel failed, response 403". */
void fetch_set_failure(const struct fetch_curl *api, CURL *curl, CURLcode code, const char *why,
                       struct err *err) {
    long connect = 0;
    api->easy_getinfo(curl, CURLINFO_HTTP_CONNECTCODE, &connect);
    bool refused = connect >= 300;
    if (refused) {
        err_set(err, "the proxy refused the request with status %ld", connect);
    } else {
        err_set(err, "%s", why[0] != '\0' ? why : api->easy_strerror(code));
    }
    if (refused || code == CURLE_COULDNT_RESOLVE_PROXY) {
        (void)err_help(err, "http_proxy and https_proxy set the proxy, no_proxy sets exceptions; "
                            "the proxy's log may say why it refused");
    }
}
