// SPDX-License-Identifier: Apache-2.0
/* Names to numbers by the root's own /etc/passwd and /etc/group: passwd(5), group(5). */
#include <errno.h>

#include "sandbox/internal.h"

enum { PASSWD_BYTES_MAX = 16 * 1024 * 1024 };

static str load_in_root(struct arena *a, int rootfd, const char *path) {
    AUTO_FD fd = fs_open_in_root(rootfd, path, O_RDONLY | O_NONBLOCK, 0);
    str text = { 0 };
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        (void)!fs_load_fd(a, fd, path, PASSWD_BYTES_MAX, &text, NULL);
    }
    return text;
}

static bool to_id(str s, uint32_t *ret) {
    uint64_t number;
    if (!str_to_u64(s, &number) || number >= UINT32_MAX) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

/* Fields of the first line whose name is `name` or, when that is a number, whose id is. */
static bool find_line(str text, str name, str fields[7]) {
    uint32_t wanted = 0;
    bool by_number = to_id(name, &wanted);
    for (int pass = 0; pass < (by_number ? 2 : 1); pass++) {
        str rest = text;
        while (rest.len > 0) {
            str line = str_cut(&rest, '\n');
            for (size_t i = 0; i < 7; i++) {
                fields[i] = str_cut(&line, ':');
            }
            uint32_t id;
            if (pass == 0 ? str_eq(fields[0], name) && name.len > 0
                          : to_id(fields[2], &id) && id == wanted) {
                return true;
            }
        }
    }
    return false;
}

/* Does the last field of a line of /etc/group, names with commas between, hold the user? */
static bool lists_user(str members, str user) {
    while (members.len > 0) {
        if (str_eq(str_cut(&members, ','), user)) {
            return true;
        }
    }
    return false;
}

static void find_groups(str text, str user, struct sandbox_ids *ids) {
    ids->groups[ids->group_count++] = ids->gid;
    while (text.len > 0 && ids->group_count < SANDBOX_GROUPS_MAX) {
        str members = str_cut(&text, '\n');
        str_cut(&members, ':');
        str_cut(&members, ':');
        uint32_t gid;
        if (to_id(str_cut(&members, ':'), &gid) && gid != ids->gid && lists_user(members, user)) {
            ids->groups[ids->group_count++] = gid;
        }
    }
}

bool sandbox_find_ids(struct arena *a, int rootfd, const char *user, struct sandbox_ids *ret,
                      struct err *err) {
    str group = str_from_c(user == NULL || user[0] == '\0' ? "root" : user);
    str name = str_cut(&group, ':');
    name = name.len == 0 ? S("root") : name; /* ":group" */
    struct sandbox_ids ids = { .home = "/" };
    str fields[7];
    if (find_line(load_in_root(a, rootfd, "/etc/passwd"), name, fields) &&
        to_id(fields[2], &ids.uid) && to_id(fields[3], &ids.gid)) {
        ids.home = fields[5].len > 0 ? str_to_c(a, fields[5]) : "/";
        name = fields[0]; /* /etc/group lists users by name */
    } else if (str_eq(name, S("root"))) {
        ids.home = "/root"; /* an image without passwd has a root all the same */
    } else if (!to_id(name, &ids.uid)) {
        return err_set(err, "user '%.*s' is not in the image's /etc/passwd", STR_FMT(name));
    }
    str groups = load_in_root(a, rootfd, "/etc/group");
    bool own_group = group.len > 0;
    if (own_group && !to_id(group, &ids.gid)) {
        if (!find_line(groups, group, fields) || !to_id(fields[2], &ids.gid)) {
            return err_set(err, "group '%.*s' is not in the image's /etc/group", STR_FMT(group));
        }
    }
    find_groups(own_group ? (str){ 0 } : groups, name, &ids);
    *ret = ids;
    return true;
}
