// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/arena.h"
#include "base/fs.h"

const char *path_join(struct arena *a, const char *dir, const char *name) {
    if (name[0] == '/' || dir[0] == '\0' || strcmp(dir, ".") == 0) {
        return str_to_c(a, str_from_c(name));
    }
    size_t len = strlen(dir);
    size_t start = len + (dir[len - 1] == '/' ? 0 : 1);
    size_t name_len = strlen(name);
    char *path = arena_alloc_raw(a, start + name_len + 1);
    memcpy(path, dir, len);
    path[start - 1] = '/';
    memcpy(path + start, name, name_len);
    path[start + name_len] = '\0';
    return path;
}

str path_clean(struct arena *a, str path) {
    char *out = arena_alloc(a, path.len + 2);
    bool absolute = path.len > 0 && path.ptr[0] == '/';
    size_t len = 0;
    size_t floor = 0; /* ".." cannot take away what is before this */
    if (absolute) {
        out[len++] = '/';
        floor = 1;
    }
    str rest = path;
    while (rest.len > 0) {
        str part = str_cut(&rest, '/');
        if (part.len == 0 || str_eq(part, S("."))) {
            continue;
        }
        bool up = str_eq(part, S(".."));
        if (up && len > floor) {
            while (len > floor && out[len - 1] != '/') {
                len--;
            }
            if (len > floor) {
                len--; /* the slash before it */
            }
            continue;
        }
        if (up && absolute) {
            continue;
        }
        if (len > 0 && out[len - 1] != '/') {
            out[len++] = '/';
        }
        memcpy(out + len, part.ptr, part.len);
        len += part.len;
        if (up) {
            floor = len;
        }
    }
    if (len == 0) {
        out[len++] = '.';
    }
    out[len] = '\0';
    return (str){ out, len };
}

str path_base(str path) {
    size_t at = str_find_last_char(path, '/');
    return at == STR_NONE ? path : str_slice(path, at + 1, path.len);
}

str path_dir(str path) {
    size_t at = str_find_last_char(path, '/');
    if (at == STR_NONE) {
        return S(".");
    }
    return at == 0 ? S("/") : str_slice(path, 0, at);
}
