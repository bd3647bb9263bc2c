// SPDX-License-Identifier: Apache-2.0
/* Times of archives. "-1.5" is half a second before -1; libarchive before its 2025 releases gives
 * -1 and 500000000 ns for it, which is half a second after. Which one is linked is found out. */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>

#include "tree/tree.h"

enum { BLOCK = 512, SECOND_NS = 1000000000 };

/* One header of a tar (POSIX, "ustar Interchange Format"). */
static void write_header(char block[BLOCK], char type, unsigned size) {
    memset(block, 0, BLOCK);
    block[0] = 'x';
    snprintf(block + 100, 8, "%07o", 0644U);
    snprintf(block + 108, 8, "%07o", 0U);
    snprintf(block + 116, 8, "%07o", 0U);
    snprintf(block + 124, 12, "%011o", size);
    snprintf(block + 136, 12, "%011o", 0U);
    memset(block + 148, ' ', 8);
    block[156] = type;
    memcpy(block + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        sum += (unsigned char)block[i];
    }
    snprintf(block + 148, 8, "%06o", sum);
}

/* What libarchive makes of -1.5. */
static bool is_wrong_before_1970(void) {
    char tar[5 * BLOCK] = { 0 };
    static const char record[] = "14 mtime=-1.5\n";
    struct archive_entry *entry;
    write_header(tar, 'x', sizeof record - 1);
    memcpy(tar + BLOCK, record, sizeof record - 1);
    write_header(tar + 2 * BLOCK, '0', 0);
    struct archive *a = archive_read_new();
    ASSERT(a != NULL);
    archive_read_support_format_tar(a);
    bool ok = archive_read_open_memory(a, tar, sizeof tar) == ARCHIVE_OK &&
              archive_read_next_header(a, &entry) == ARCHIVE_OK;
    bool wrong = ok && archive_entry_mtime(entry) == -1;
    archive_read_free(a);
    return wrong;
}

void tree_archive_time(struct archive_entry *entry, struct timespec *ret) {
    int64_t seconds = archive_entry_mtime(entry);
    long ns = archive_entry_mtime_nsec(entry) % SECOND_NS;
    if (seconds < 0 && seconds > INT64_MIN && ns > 0 && is_wrong_before_1970()) {
        seconds--;
        ns = SECOND_NS - ns;
    }
    *ret = (struct timespec){ .tv_sec = seconds, .tv_nsec = ns };
}
