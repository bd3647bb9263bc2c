// SPDX-License-Identifier: Apache-2.0
#include "timing.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

// Where the value of `key` starts in the line, NULL when the key is not there.
static const char *value_of(const char *line, const char *end, const char *key) {
    size_t len = strlen(key);
    for (const char *at = line; (size_t)(end - at) > len + 2; at++) {
        if (at[0] != '"' || memcmp(at + 1, key, len) != 0 || at[len + 1] != '"') {
            continue;
        }
        at += len + 2;
        while (at < end && (*at == ' ' || *at == ':')) {
            at++;
        }
        return at;
    }
    return NULL;
}

static bool parse_name(const char *at, const char *end, char name[TIMING_NAME_MAX]) {
    if (!at || at == end || *at++ != '"') {
        return false;
    }
    const char *close_quote = memchr(at, '"', (size_t)(end - at));
    if (!close_quote || close_quote == at || (size_t)(close_quote - at) >= TIMING_NAME_MAX ||
        memchr(at, '\\', (size_t)(close_quote - at))) {
        return false;
    }
    memcpy(name, at, (size_t)(close_quote - at));
    name[close_quote - at] = '\0';
    return true;
}

static bool parse_number(const char *at, const char *end, uint64_t *ret_number) {
    uint64_t number = 0;
    const char *start = at;
    while (at && at < end && *at >= '0' && *at <= '9' && at - start < 15) {
        number = number * 10 + (uint64_t)(*at++ - '0');
    }
    if (at == start) {
        return false;
    }
    *ret_number = number;
    return true;
}

size_t timing_parse(const char *text, size_t len, struct timing_stage stages[TIMING_STAGES_MAX]) {
    const char *at = text, *end = text + len;
    size_t count = 0;
    while (at < end && count < TIMING_STAGES_MAX) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        struct timing_stage *stage = &stages[count];
        if (parse_name(value_of(at, line_end, "name"), line_end, stage->name) &&
            parse_number(value_of(at, line_end, "duration_ms"), line_end, &stage->duration_ms)) {
            count++;
        }
        at = newline ? newline + 1 : end;
    }
    return count;
}

size_t timing_load(const char *path, struct timing_stage stages[TIMING_STAGES_MAX]) {
    char text[TIMING_FILE_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    return n > 0 ? timing_parse(text, (size_t)n, stages) : 0;
}
