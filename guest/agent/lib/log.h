// SPDX-License-Identifier: Apache-2.0
// One line on stderr, which in the guest is the console: what was refused, what failed.
#pragma once

// Prints "NAME: message". Untrusted bytes in the message come out with control characters replaced.
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
