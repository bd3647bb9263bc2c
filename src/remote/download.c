// SPDX-License-Identifier: Apache-2.0
/* One URL to one file: what of it is too large, too slow or leads elsewhere is refused. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "fetch/fetch.h"
#include "remote/internal.h"

enum {
    REDIRECTS_MAX = 10,
    CONNECT_SECONDS = 30,
    SILENT_SECONDS = 60, /* with less than a byte a second */
};
#define DOWNLOAD_BYTES_MAX ((uint64_t)16 * 1024 * 1024 * 1024)

struct transfer {
    const struct download *job;
    struct sha256 sha256;
    uint64_t bytes;
    struct err *err;
};

static size_t on_body(char *data, size_t size, size_t count, void *self) {
    struct transfer *t = self;
    size_t len = size * count;
    t->bytes += len;
    if (t->bytes > DOWNLOAD_BYTES_MAX) {
        err_set(t->err, "larger than %llu bytes", (unsigned long long)DOWNLOAD_BYTES_MAX);
        return 0;
    }
    sha256_update(&t->sha256, data, len);
    return fs_write_all(t->job->fd, data, len, t->err) ? len : 0;
}

/* Of the last answer: each one of a chain of redirects begins with its status line. */
static size_t on_header(char *data, size_t size, size_t count, void *self) {
    struct transfer *t = self;
    struct download_answer *answer = t->job->answer;
    str value = { data, size * count };
    if (str_starts(value, S("HTTP/"))) {
        answer->etag[0] = '\0';
        return size * count;
    }
    str name = str_trim(str_cut(&value, ':'));
    value = str_trim(value);
    if (str_eq_nocase(name, S("etag")) && value.len < sizeof answer->etag &&
        memchr(value.ptr, '\0', value.len) == NULL) {
        memcpy(answer->etag, value.ptr, value.len);
        answer->etag[value.len] = '\0';
    }
    return size * count;
}

static void set_limits(const struct fetch_curl *api, CURL *curl, const char *url) {
    bool is_tls = str_eq_nocase(str_slice(str_from_c(url), 0, 6), S("https:"));
    api->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    api->easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, is_tls ? "https" : "http,https");
    api->easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    api->easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    api->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    api->easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    api->easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENT_SECONDS);
    api->easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)DOWNLOAD_BYTES_MAX);
}

/* What is known already need not be sent again: RFC 9110, section 13.1. */
static struct curl_slist *conditions(const struct fetch_curl *api, CURL *curl,
                                     const struct download *job, struct arena *a) {
    if (job->etag != NULL && job->etag[0] != '\0') {
        return api->slist_append(NULL, str_fmt(a, "If-None-Match: %s", job->etag).ptr);
    }
    if (job->modified_s >= 0) {
        api->easy_setopt(curl, CURLOPT_TIMECONDITION, (long)CURL_TIMECOND_IFMODSINCE);
        api->easy_setopt(curl, CURLOPT_TIMEVALUE_LARGE, (curl_off_t)job->modified_s);
    }
    return NULL;
}

static bool judge(const struct fetch_curl *api, CURL *curl, CURLcode code, const char *why,
                  struct transfer *t) {
    const struct download *job = t->job;
    long status = 0;
    long unmet = 0;
    curl_off_t modified = -1;
    api->easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    api->easy_getinfo(curl, CURLINFO_CONDITION_UNMET, &unmet);
    api->easy_getinfo(curl, CURLINFO_FILETIME_T, &modified);
    if (err_is_set(t->err)) {
        return err_wrap(t->err, "fetch '%s'", job->shown);
    }
    if (code != CURLE_OK) {
        fetch_set_failure(api, curl, code, why, t->err);
        return err_wrap(t->err, "fetch '%s'", job->shown);
    }
    bool asked = (job->etag != NULL && job->etag[0] != '\0') || job->modified_s >= 0;
    job->answer->not_modified = asked && (status == 304 || unmet != 0);
    job->answer->modified_s = modified;
    if (status != 200 && !job->answer->not_modified) {
        err_set(t->err, "fetch '%s': the server answers %ld", job->shown, status);
        return status == 401 && err_help(t->err, "provide a token for the server HOST with "
                                                 "--secret id=HTTP_AUTH_TOKEN_HOST,src=FILE");
    }
    return true;
}

static bool transfer(const struct fetch_curl *api, CURL *curl, struct arena *a,
                     struct transfer *t) {
    char why[CURL_ERROR_SIZE] = "";
    fetch_prepare(api, curl, why);
    set_limits(api, curl, t->job->url);
    api->easy_setopt(curl, CURLOPT_URL, t->job->url);
    api->easy_setopt(curl, CURLOPT_USERAGENT, "capsem-builder");
    api->easy_setopt(curl, CURLOPT_FILETIME, 1L);
    api->easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    api->easy_setopt(curl, CURLOPT_WRITEDATA, t);
    api->easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    api->easy_setopt(curl, CURLOPT_HEADERDATA, t);
    struct curl_slist *headers = conditions(api, curl, t->job, a);
    if (t->job->authorization != NULL) { /* libcurl sends it to no other server */
        headers = api->slist_append(headers, t->job->authorization);
    }
    api->easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    bool ok = judge(api, curl, api->easy_perform(curl), why, t);
    api->slist_free_all(headers);
    return ok;
}

bool download_in_child(void *self, int rootfd, const int *roots, struct err *err) {
    const struct download *job = self;
    (void)rootfd;
    (void)roots;
    struct fetch_curl api;
    if (!fetch_load(&api, err)) {
        return err_wrap(err, "fetch '%s'", job->shown);
    }
    CURL *curl = api.easy_init();
    if (curl == NULL) {
        return err_set(err, "fetch '%s': out of memory", job->shown);
    }
    AUTO_ARENA scratch = arena_new();
    struct transfer t = { .job = job, .err = err };
    uint8_t digest[SHA256_BYTES];
    sha256_init(&t.sha256);
    bool ok = transfer(&api, curl, scratch, &t);
    api.easy_cleanup(curl);
    if (ok) {
        sha256_final(&t.sha256, digest);
        hash_hex(digest, sizeof digest, job->answer->sha256);
    }
    sha256_done(&t.sha256);
    return ok;
}
