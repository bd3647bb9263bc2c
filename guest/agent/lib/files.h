// SPDX-License-Identifier: Apache-2.0
// Writes a file of the guest whole: missing folders are made (0755), the content goes beside the
// place and is renamed, so nobody reads half of it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Makes the folders above the last slash of `path`. False with errno.
bool file_make_parents(const char *path);

// `path` is absolute and has passed guard_path. `mode`: permission bits only. False with errno.
bool file_write(const char *path, const uint8_t *data, size_t len, mode_t mode);
