// SPDX-License-Identifier: Apache-2.0
/* One HTTP exchange through libcurl. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oci/internal.h"

enum {
    REDIRECTS_MAX = 5,
    ERROR_BODY_BYTES_MAX = 64 * 1024,
    HEADERS_BYTES_MAX = 256 * 1024, /* of one exchange, redirects included */
    HEADER_BYTES_MAX = 16 * 1024,
    SLOW_BYTES_S = 512,   /* less than that, over idle_ms, is as good as nothing */
    UPLOAD_PATIENCE = 15, /* a registry may think long about what it got */
};

/* State of one exchange. */
struct exchange {
    struct session *s;
    const struct request *request;
    struct response *r;
    struct buf body;
    size_t header_bytes;
    uint64_t sent; /* of the request's body */
    bool refused;  /* by the receiver */
    bool too_long;
    uint64_t window_ms;    /* start of the time in which speed is looked at */
    uint64_t window_bytes; /* that came before it */
    uint64_t busy_ms;      /* of it, spent by our receiver */
};

/* ---- what comes ---- */

static bool is_success(const struct exchange *x) {
    return x->r->status >= 200 && x->r->status < 300;
}

static bool take_bytes(struct exchange *x, const char *data, size_t len) {
    uint64_t before = time_now_ms();
    x->refused = !x->request->on_bytes(x->request->self, data, len);
    x->busy_ms += time_now_ms() - before;
    return !x->refused;
}

static size_t on_body(char *data, size_t size, size_t count, void *self) {
    struct exchange *x = self;
    size_t len = size * count;
    long status = 0;
    x->s->api.easy_getinfo(x->s->curl, CURLINFO_RESPONSE_CODE, &status);
    x->r->status = status;
    if (!is_success(x)) {
        buf_add_bytes(&x->body, data,
                      min_size(len, x->body.max - min_size(x->body.max, x->body.len + 1)));
        return len;
    }
    if (x->request->on_bytes != NULL) {
        return take_bytes(x, data, len) ? len : 0;
    }
    if (x->body.len + len > x->request->max_bytes) {
        x->too_long = true;
        return 0;
    }
    buf_add_bytes(&x->body, data, len);
    return len;
}

static void keep(struct exchange *x, str *to, str value) {
    *to = str_dup(x->s->arena, value);
}

/* "bytes 100-199/200" */
static void take_range(struct response *r, str value) {
    str rest = value;
    str unit = str_cut(&rest, ' ');
    if (str_eq_nocase(unit, S("bytes")) && !str_to_u64(str_cut(&rest, '-'), &r->range_from)) {
        r->range_from = 0;
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *self) {
    struct exchange *x = self;
    size_t len = size * count;
    str value = str_trim((str){ data, len });
    x->header_bytes += len;
    if (x->header_bytes > HEADERS_BYTES_MAX || len > HEADER_BYTES_MAX) {
        x->too_long = true;
        return 0;
    }
    if (str_starts(value, S("HTTP/"))) {
        *x->r = (struct response){ 0 }; /* of a redirect's target */
        return len;
    }
    str name = str_cut(&value, ':');
    value = str_trim(value);
    if (str_eq_nocase(name, S("Content-Type"))) {
        keep(x, &x->r->content_type, value);
    } else if (str_eq_nocase(name, S("Docker-Content-Digest"))) {
        keep(x, &x->r->digest, value);
    } else if (str_eq_nocase(name, S("Location"))) {
        keep(x, &x->r->location, value);
    } else if (str_eq_nocase(name, S("Content-Range"))) {
        take_range(x->r, value);
    } else if (str_eq_nocase(name, S("WWW-Authenticate"))) {
        x->r->challenge = str_fmt(x->s->arena, "%.*s%s%.*s", STR_FMT(x->r->challenge),
                                  x->r->challenge.len > 0 ? ", " : "", STR_FMT(value));
    }
    return len;
}

/* Stops what is too slow. Time in which we were busy ourselves does not count. */
static int on_progress(void *self, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
    struct exchange *x = self;
    (void)down_total;
    (void)up_total;
    uint64_t bytes = (uint64_t)down + (uint64_t)up;
    uint64_t now = time_now_ms();
    uint64_t passed = now - x->window_ms;
    uint64_t active = passed > x->busy_ms ? passed - x->busy_ms : 0;
    uint64_t patience = x->s->idle_ms * (x->request->bodyfd > 0 ? UPLOAD_PATIENCE : 1);
    if (active < patience) {
        return 0;
    }
    uint64_t came = bytes > x->window_bytes ? bytes - x->window_bytes : 0;
    if (came * 1000 < SLOW_BYTES_S * active) {
        x->r->slow = true;
        return 1;
    }
    x->window_ms = now;
    x->window_bytes = bytes;
    x->busy_ms = 0;
    return 0;
}

/* ---- what is sent ---- */

static size_t on_read(char *to, size_t size, size_t count, void *self) {
    struct exchange *x = self;
    const struct request *q = x->request;
    size_t len = size * count;
    if (q->bodyfd > 0) {
        ssize_t n = pread(q->bodyfd, to, len, (off_t)x->sent);
        if (n < 0) {
            return CURL_READFUNC_ABORT;
        }
        x->sent += (uint64_t)n;
        return (size_t)n;
    }
    len = min_size(len, q->body.len - (size_t)x->sent);
    if (len > 0) {
        memcpy(to, q->body.ptr + x->sent, len);
    }
    x->sent += len;
    return len;
}

static int on_seek(void *self, curl_off_t offset, int origin) {
    struct exchange *x = self;
    if (origin != SEEK_SET || offset < 0) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    x->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static const char *url_of(const struct exchange *x) {
    str path = x->request->path;
    bool whole = str_starts(path, S("http://")) || str_starts(path, S("https://"));
    return whole ? str_to_c(x->s->arena, path)
                 : str_to_c(x->s->arena, str_concat(x->s->arena, x->s->base, path));
}

static bool is_of_registry(const struct exchange *x, const char *url) {
    return str_starts(str_from_c(url), str_concat(x->s->arena, x->s->base, S("/")));
}

/* Authorization is for the registry alone; libcurl itself drops it at a redirect elsewhere. */
static str authorization_for(const struct exchange *x, const char *url) {
    if (x->request->is_for_token) {
        return x->request->authorization;
    }
    return is_of_registry(x, url) ? x->s->authorization : S("");
}

static struct curl_slist *add_header(struct exchange *x, struct curl_slist *list, const char *name,
                                     str value) {
    if (value.len == 0) {
        return list;
    }
    return x->s->api.slist_append(list, str_fmt(x->s->arena, "%s: %.*s", name, STR_FMT(value)).ptr);
}

static void set_method(struct exchange *x) {
    const struct fetch_curl *api = &x->s->api;
    CURL *curl = x->s->curl;
    const char *method = x->request->method;
    if (strcmp(method, "HEAD") == 0) {
        api->easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "POST") == 0) {
        api->easy_setopt(curl, CURLOPT_POST, 1L);
        api->easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request->body.len);
    } else if (strcmp(method, "PUT") == 0) {
        uint64_t bytes =
            x->request->bodyfd > 0 ? x->request->body_bytes : (uint64_t)x->request->body.len;
        api->easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        api->easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes);
    } else {
        api->easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
}

static void set_options(struct exchange *x, const char *url) {
    const struct fetch_curl *api = &x->s->api;
    CURL *curl = x->s->curl;
    api->easy_reset(curl);
    x->s->why[0] = '\0';
    fetch_prepare(api, curl, x->s->why);
    api->easy_setopt(curl, CURLOPT_URL, url);
    api->easy_setopt(curl, CURLOPT_USERAGENT, "capsem-builder/" CAPSEM_VERSION);
    api->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    api->easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, x->s->plain ? "http,https" : "https");
    api->easy_setopt(curl, CURLOPT_FOLLOWLOCATION, x->request->bodyfd > 0 ? 0L : 1L);
    api->easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    api->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)x->s->connect_ms);
    api->easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    api->easy_setopt(curl, CURLOPT_WRITEDATA, x);
    api->easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    api->easy_setopt(curl, CURLOPT_HEADERDATA, x);
    api->easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    api->easy_setopt(curl, CURLOPT_READDATA, x);
    api->easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    api->easy_setopt(curl, CURLOPT_SEEKDATA, x);
    api->easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    api->easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    api->easy_setopt(curl, CURLOPT_XFERINFODATA, x);
    /* The process ends soon: a name server that does not answer is not waited for. */
    api->easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    api->easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L * 1024);
    if (x->s->may_be_plain && is_of_registry(x, url)) {
        /* as Docker does with registries that are named insecure: any certificate */
        api->easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        api->easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (x->request->range_from > 0) {
        api->easy_setopt(
            curl, CURLOPT_RANGE,
            str_fmt(x->s->arena, "%llu-", (unsigned long long)x->request->range_from).ptr);
    }
    set_method(x);
}

/* ---- how it went ---- */

static bool is_worth_another(CURLcode code) {
    switch ((int)code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_ABORTED_BY_CALLBACK: /* too slow */
    case CURLE_COULDNT_CONNECT:
        return true;
    default:
        return false;
    }
}

static bool exchange_failed(struct exchange *x, CURLcode code, const char *url, struct err *err) {
    if (x->refused) {
        return err_set(err, "the received data cannot be processed");
    }
    if (x->too_long) {
        return err_set(err, "the answer of '%s' is too long", url);
    }
    x->r->cut = is_worth_another(code);
    if (x->r->slow) {
        return err_set(err, "'%s' has sent almost no data for %llu s", url,
                       (unsigned long long)x->s->idle_ms / 1000);
    }
    fetch_set_failure(&x->s->api, x->s->curl, code, x->s->why, err);
    return err_wrap(err, "'%s'", url);
}

bool session_exchange(struct session *s, const struct request *request, struct response *ret,
                      struct err *err) {
    size_t max = max_size(request->max_bytes, ERROR_BODY_BYTES_MAX) + 1;
    struct exchange x = { .s = s, .request = request, .r = ret, .window_ms = time_now_ms() };
    x.body = BUF_INIT(max);
    *ret = (struct response){ 0 };
    const char *url = url_of(&x);
    set_options(&x, url);
    struct curl_slist *headers = s->api.slist_append(NULL, "Expect:");
    headers = add_header(&x, headers, "Accept", request->accept);
    headers = add_header(&x, headers, "Content-Type", request->content_type);
    headers = add_header(&x, headers, "Authorization", authorization_for(&x, url));
    s->api.easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = s->api.easy_perform(s->curl);
    s->api.easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_off_t wait_s = 0;
    s->api.easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &wait_s);
    ret->retry_after_s = wait_s > 0 ? (uint64_t)wait_s : 0;
    ret->body = str_dup(s->arena, buf_str(&x.body));
    bool ok = code == CURLE_OK || exchange_failed(&x, code, url, err);
    s->api.slist_free_all(headers);
    buf_done(&x.body);
    return ok;
}
