// SPDX-License-Identifier: Apache-2.0
/* Where a destination leads: its links are followed to the end, over what is not there yet. In a
 * process whose "/" is the merged root, which ".." does not leave. */
#include <errno.h>
#include <limits.h>

#include "embedded/internal.h"

enum { LINKS_MAX = 40 }; /* as the kernel has it */

/* The target of the link, or empty when the path is no link. */
static str link_target(struct arena *a, const char *path) {
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target);
    return n <= 0 ? S("") : str_dup(a, (str){ target, (size_t)n });
}

bool copy_place(struct arena *a, const char *path, const char **ret, struct err *err) {
    str rest = str_from_c(path);
    const char *done = "/";
    int links = 0;
    while (rest.len > 0) {
        str name = str_cut(&rest, '/');
        if (name.len == 0 || str_eq(name, S("."))) {
            continue;
        }
        if (str_eq(name, S(".."))) {
            done = str_to_c(a, path_dir(str_from_c(done)));
            continue;
        }
        const char *next = path_join(a, done, str_to_c(a, name));
        str target = link_target(a, next);
        if (target.len == 0) {
            done = next;
            continue;
        }
        if (++links > LINKS_MAX) {
            return err_sys(err, ELOOP, "follow the links of '%s'", path);
        }
        rest = str_fmt(a, "%.*s/%.*s", STR_FMT(target), STR_FMT(rest));
        done = target.ptr[0] == '/' ? "/" : done;
    }
    *ret = done;
    return true;
}
