// SPDX-License-Identifier: Apache-2.0
/* subuid(5), subgid(5): lines of "USER:FIRST:COUNT", where USER is a name or a number. */
#include <pwd.h>

#include "sandbox/internal.h"

enum { SUBIDS_BYTES_MAX = 16 * 1024 * 1024 };

/* getpwuid knows users that are in no /etc/passwd too. */
static bool is_us(str user) {
    uint64_t number;
    const struct passwd *entry = getpwuid(getuid());
    return (str_to_u64(user, &number) && number == getuid()) ||
           (entry != NULL && user.len > 0 && str_eq(user, str_from_c(entry->pw_name)));
}

static void add_line(struct idmap *m, str line) {
    uint64_t first;
    uint64_t count;
    uint64_t end;
    const struct idmap_range *last = &m->ranges[m->len - 1];
    uint32_t inside = last->inside + last->count;
    if (!is_us(str_cut(&line, ':')) || !str_to_u64(str_cut(&line, ':'), &first) ||
        !str_to_u64(str_trim(line), &count) || !add_u64(first, count, &end) || count == 0 ||
        end > UINT32_MAX || count > UINT32_MAX - inside || m->len == IDMAP_RANGES_MAX) {
        return;
    }
    m->ranges[m->len++] = (struct idmap_range){ inside, (uint32_t)first, (uint32_t)count };
}

static void load(const char *path, uint32_t own, struct idmap *ret) {
    AUTO_ARENA scratch = arena_new();
    str text;
    ret->ranges[0] = (struct idmap_range){ 0, own, 1 };
    ret->len = 1;
    if (!fs_load(scratch, AT_FDCWD, path, SUBIDS_BYTES_MAX, &text, NULL)) {
        return;
    }
    while (text.len > 0) {
        add_line(ret, str_cut(&text, '\n'));
    }
}

void subids_load(struct idmaps *ret) {
    load("/etc/subuid", getuid(), &ret->uids);
    load("/etc/subgid", getgid(), &ret->gids);
}
