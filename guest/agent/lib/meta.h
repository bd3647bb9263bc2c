// SPDX-License-Identifier: Apache-2.0
// The first line of each connection to the host: NUL, "CAPSEM_META:", the name of the process that
// wants it, newline. docs/spec/guest.md, "Network".
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define META_PREFIX "\0CAPSEM_META:"
enum {
    META_PREFIX_LEN = sizeof META_PREFIX - 1,
    META_NAME_MAX = 64,
    META_LINE_MAX = META_PREFIX_LEN + META_NAME_MAX + 1,
};

// Writes the line for a process' name, cleaned of what would end or hide it. Returns its length.
size_t meta_line(const char *name, char line[META_LINE_MAX]);
// The name of a process (/proc/PID/comm), "unknown" when it cannot be told.
void meta_process_name(pid_t pid, char name[META_NAME_MAX]);
// The name of the process at the other end of a TCP connection over IPv4 that was made in this
// machine: from /proc/net/tcp the socket, from /proc/PID/fd its owner.
void meta_peer_name(uint32_t address_be, uint16_t port, char name[META_NAME_MAX]);
