// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "gate/internal.h"

/* A guest can make lines without end. */
#define LOG_BYTES_MAX ((uint64_t)64 << 20)
enum { LINE_BYTES_MAX = 4096 };

static const char *const event_names[] = {
    [GATE_ALLOWED] = "allowed",
    [GATE_REFUSED] = "refused",
    [GATE_FAILED] = "failed",
    [GATE_CLOSED] = "closed",
};

static const char *const protocol_names[] = {
    [GATE_UNKNOWN] = "unknown",
    [GATE_TLS] = "tls",
    [GATE_HTTP] = "http",
};

static void add_text(struct buf *line, const char *key, const char *value) {
    buf_addf(line, ", \"%s\": ", key);
    buf_add_json(line, str_from_c(value));
}

static void add_time(struct buf *line) {
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    buf_addf(line, "{\"time\": \"%s.%03ldZ\"", text, now.tv_nsec / 1000000);
}

static void add_note(struct buf *line, const struct gate_note *note) {
    const struct gate_head *head = note->head;
    buf_addf(line, ", \"event\": \"%s\", \"connection\": %llu", event_names[note->event],
             (unsigned long long)note->id);
    add_text(line, "process", note->process);
    add_text(line, "protocol", protocol_names[head->protocol]);
    if (head->name[0] != '\0') {
        add_text(line, "name", head->name);
        buf_addf(line, ", \"port\": %u", head->port);
    }
    if (head->method[0] != '\0') {
        add_text(line, "method", head->method);
    }
    if (note->why != NULL) {
        add_text(line, note->event == GATE_ALLOWED ? "rule" : "why", note->why);
    }
    if (note->address != NULL) {
        char address[64];
        gate_address_text(note->address, address);
        add_text(line, "address", address);
    }
    if (note->event == GATE_CLOSED) {
        buf_addf(line, ", \"sent\": %llu, \"received\": %llu", (unsigned long long)note->sent,
                 (unsigned long long)note->received);
    }
    buf_add(line, S("}\n"));
}

void gate_log_add(struct gate_log *log, const struct gate_note *note) {
    AUTO_BUF line = BUF_INIT(LINE_BYTES_MAX);
    if (log->fd < 0 || log->bytes >= LOG_BYTES_MAX) {
        return;
    }
    add_time(&line);
    add_note(&line, note);
    log->bytes += line.len;
    if (log->bytes >= LOG_BYTES_MAX) {
        buf_add(&line, S("{\"event\": \"full\", \"why\": \"the log ends at 64 MiB\"}\n"));
    }
    struct err ignored = ERR_INIT;
    if (line.full || !fs_write_all(log->fd, line.ptr, line.len, &ignored)) {
        log->fd = -1; /* a full disk: connections go on, and nobody is there to tell */
    }
}
