// SPDX-License-Identifier: Apache-2.0
#include "meta.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { INODE_MAX = 24 };

static const char unknown[] = "unknown";

size_t meta_line(const char *name, char line[META_LINE_MAX]) {
    size_t len = strnlen(name, META_NAME_MAX);
    memcpy(line, META_PREFIX, META_PREFIX_LEN);
    for (size_t i = 0; i < len; i++) {
        bool plain = (unsigned char)name[i] >= 0x20 && name[i] != 0x7f;
        line[META_PREFIX_LEN + i] = plain ? name[i] : '?';
    }
    line[META_PREFIX_LEN + len] = '\n';
    return META_PREFIX_LEN + len + 1;
}

static void read_name(const char *pid, char name[META_NAME_MAX]) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%.16s/comm", pid);
    FILE *file = fopen(path, "re");
    snprintf(name, META_NAME_MAX, "%s", unknown);
    if (!file) {
        return;
    }
    if (!fgets(name, META_NAME_MAX, file)) {
        snprintf(name, META_NAME_MAX, "%s", unknown);
    }
    name[strcspn(name, "\n")] = '\0';
    fclose(file);
}

void meta_process_name(pid_t pid, char name[META_NAME_MAX]) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    read_name(text, name);
}

// The `index`th word of a line, in place; NULL when there are fewer.
static char *word_of(char *line, int index) {
    char *word = line;
    for (;; index--) {
        word += strspn(word, " ");
        size_t len = strcspn(word, " \n");
        if (len == 0) {
            return NULL;
        }
        if (index == 0) {
            word[len] = '\0';
            return word;
        }
        word += len;
    }
}

enum { INODE_WORD = 9, LOCAL_WORD = 1 };

// A line of /proc/net/tcp: "0: 0100007F:1F90 00000000:0000 0A ... INODE ...". The address is
// printed as the number that its bytes are on this machine.
static bool find_inode(uint32_t address_be, uint16_t port, char inode[INODE_MAX]) {
    char line[256], wanted[16];
    bool found = false;
    snprintf(wanted, sizeof wanted, "%08X:%04X", (unsigned)address_be, port);
    FILE *file = fopen("/proc/net/tcp", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *at = word_of(line, INODE_WORD);
        snprintf(inode, INODE_MAX, "%s", at ? at : "");
        const char *local = word_of(line, LOCAL_WORD);
        found = at && local && strcmp(local, wanted) == 0;
    }
    if (file) {
        fclose(file);
    }
    return found;
}

static bool holds(const char *pid, const char *wanted) {
    char path[320], target[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *fds = opendir(path);
    const struct dirent *entry;
    bool found = false;
    while (fds && !found && (entry = readdir(fds))) {
        snprintf(path, sizeof path, "/proc/%.16s/fd/%.16s", pid, entry->d_name);
        ssize_t len = readlink(path, target, sizeof target - 1);
        found =
            len > 0 && (size_t)len == strlen(wanted) && memcmp(target, wanted, (size_t)len) == 0;
    }
    if (fds) {
        closedir(fds);
    }
    return found;
}

void meta_peer_name(uint32_t address_be, uint16_t port, char name[META_NAME_MAX]) {
    char wanted[64], inode[INODE_MAX];
    bool known = find_inode(address_be, port, inode);
    snprintf(wanted, sizeof wanted, "socket:[%s]", inode);
    snprintf(name, META_NAME_MAX, "%s", unknown);
    DIR *processes = known ? opendir("/proc") : NULL;
    const struct dirent *entry;
    bool found = false;
    while (processes && !found && (entry = readdir(processes))) {
        found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && holds(entry->d_name, wanted);
        if (found) {
            read_name(entry->d_name, name);
        }
    }
    if (processes) {
        closedir(processes);
    }
}
