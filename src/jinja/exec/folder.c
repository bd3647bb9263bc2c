// SPDX-License-Identifier: Apache-2.0
/* Templates from the files of one folder. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "jinja/exec/exec.h"

/* A ".." is refused, although it could not leave the folder: Jinja finds nothing there either. */
static bool has_parent_part(str name) {
    do {
        if (str_eq(str_cut(&name, '/'), S(".."))) {
            return true;
        }
    } while (name.ptr != NULL);
    return false;
}

static enum jinja_load load(void *self, struct arena *a, str name, str *ret_path, str *ret_text,
                            struct err *err) {
    const struct jinja_folder *folder = self;
    if (name.len == 0 || str_find_char(name, '\0', 0) != STR_NONE || has_parent_part(name)) {
        return JINJA_LOAD_MISSING;
    }
    const char *path = str_fmt(a, "%.*s", STR_FMT(name)).ptr;
    AUTO_FD fd = fs_open_in_root(folder->fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    struct stat st;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)) {
        return JINJA_LOAD_MISSING;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)err_sys(err, errno, "open '%s'", path);
        return JINJA_LOAD_FAILED;
    }
    if (!S_ISREG(st.st_mode)) {
        return JINJA_LOAD_MISSING;
    }
    *ret_path = folder->path.len == 0 ? str_from_c(path)
                                      : str_fmt(a, "%.*s/%s", STR_FMT(folder->path), path);
    return fs_load_fd(a, fd, path, JINJA_TEMPLATE_BYTES_MAX, ret_text, err) ? JINJA_LOAD_FOUND
                                                                            : JINJA_LOAD_FAILED;
}

struct jinja_loader jinja_folder_loader(struct jinja_folder *folder) {
    return (struct jinja_loader){ load, folder };
}
