// SPDX-License-Identifier: Apache-2.0
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

extern char *program_invocation_short_name;

void log_line(const char *format, ...) {
    char line[512];
    int saved = errno;
    int len = snprintf(line, sizeof line, "%s: ", program_invocation_short_name);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + len, sizeof line - (size_t)len, format, args);
    va_end(args);
    size_t end = (size_t)len + (more > 0 ? (size_t)more : 0);
    if (end > sizeof line - 1) {
        end = sizeof line - 1;
    }
    for (size_t i = 0; i < end; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[end] = '\n';
    // A console that does not take the line has no better place to complain to.
    ssize_t written = write(STDERR_FILENO, line, end + 1);
    (void)written;
    errno = saved;
}
