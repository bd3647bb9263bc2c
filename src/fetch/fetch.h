// SPDX-License-Identifier: Apache-2.0
/*
 * fetch/: libcurl, loaded when something is fetched: with all it depends on it would take longer to
 * load than validating a guest does. Proxies are those of the environment (curl(1)), the CA bundle
 * is the system's or the one that SSL_CERT_FILE names.
 *
 * libcurl looks names up in a thread: a process that will clone uses it in a child.
 */
#pragma once

#include <curl/curl.h>

#include "base/base.h"

/* libcurl's functions, by their names without "curl_". */
struct fetch_curl {
    void *library;
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *curl, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *curl, CURLINFO info, ...);
    CURLcode (*easy_perform)(CURL *curl);
    CURLcode (*easy_pause)(CURL *curl, int bitmask);
    void (*easy_reset)(CURL *curl);
    void (*easy_cleanup)(CURL *curl);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
    void (*slist_free_all)(struct curl_slist *list);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_add_handle)(CURLM *multi, CURL *curl);
    CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *curl);
    CURLMcode (*multi_perform)(CURLM *multi, int *running);
    CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd *extra, unsigned extra_count,
                            int timeout_ms, int *ret);
    CURLMsg *(*multi_info_read)(CURLM *multi, int *left);
    CURLMcode (*multi_cleanup)(CURLM *multi);
    const char *(*multi_strerror)(CURLMcode code);
};

MUST_CHECK bool fetch_load(struct fetch_curl *ret, struct err *err);
/* Why a transfer failed, before its handle is cleaned up; with a help line where there is one. */
void fetch_set_failure(const struct fetch_curl *api, CURL *curl, CURLcode code, const char *why,
                       struct err *err);
/* What every transfer has: no signals, the CA bundle, and `why` for curl's own words. */
void fetch_prepare(const struct fetch_curl *api, CURL *curl, char why[CURL_ERROR_SIZE]);
