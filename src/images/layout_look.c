// SPDX-License-Identifier: Apache-2.0
/*
 * Is an archive an image, or a root filesystem? Tools write the files of an image in any order and
 * under any name; what names them is in one of four files of the archive's root. A folder that only
 * a root filesystem has ends the search: that would else read all of it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <stdlib.h>

#include "images/internal.h"

/* Docker: "Image Tarball Checksum Specification" v1.2, a list of images */
static bool is_docker(const json_t *root) {
    for (size_t i = 0; i < json_array_size(root); i++) {
        if (!json_is_string(json_object_get(json_array_get(root, i), "Config"))) {
            return false;
        }
    }
    return json_is_array(root);
}

static bool is_index(const json_t *root) {
    return json_is_array(json_object_get(root, "manifests"));
}

static bool is_layout(const json_t *root) {
    return json_object_get(root, "imageLayoutVersion") != NULL;
}

/* Docker before 1.10 had no other. */
static bool is_repositories(const json_t *root) {
    return json_is_object(root);
}

static const struct sign {
    str name;
    bool (*fits)(const json_t *root);
} signs[] = {
    { S_INIT("manifest.json"), is_docker },
    { S_INIT("index.json"), is_index },
    { S_INIT("oci-layout"), is_layout },
    { S_INIT("repositories"), is_repositories },
};

static const str root_folders[] = {
    S_INIT("bin"),  S_INIT("boot"),  S_INIT("dev"),  S_INIT("etc"),  S_INIT("home"),
    S_INIT("lib"),  S_INIT("lib64"), S_INIT("proc"), S_INIT("root"), S_INIT("run"),
    S_INIT("sbin"), S_INIT("sys"),   S_INIT("tmp"),  S_INIT("usr"),  S_INIT("var"),
};

static bool is_root_folder(str name) {
    for (size_t i = 0; i < ARRAY_LEN(root_folders); i++) {
        if (str_eq(name, root_folders[i])) {
            return true;
        }
    }
    return false;
}

/* What is no JSON was meant to be: reading the image will say so. */
static bool content_fits(struct archive *from, struct archive_entry *entry,
                         const struct sign *sign) {
    int64_t size = archive_entry_size(entry);
    if (size <= 0 || size > OCI_MANIFEST_BYTES_MAX) {
        return false;
    }
    char *text = malloc((size_t)size);
    ASSERT(text != NULL);
    la_ssize_t len = archive_read_data(from, text, (size_t)size);
    json_t *root = len == size ? json_loadb(text, (size_t)len, 0, NULL) : NULL;
    bool fits = root == NULL || sign->fits(root);
    json_decref(root);
    free(text);
    return fits;
}

/* An unpack_look. */
static bool look(void *self, str path, struct archive *from, struct archive_entry *entry) {
    bool *found = self;
    str rest = path;
    str first = str_cut(&rest, '/');
    bool is_folder = rest.len > 0 || archive_entry_filetype(entry) == AE_IFDIR;
    if (is_folder || archive_entry_filetype(entry) != AE_IFREG) {
        return !(is_root_folder(first) && (is_folder || archive_entry_filetype(entry) == AE_IFLNK));
    }
    for (size_t i = 0; !*found && i < ARRAY_LEN(signs); i++) {
        *found = str_eq(first, signs[i].name) && content_fits(from, entry, &signs[i]);
    }
    return !*found;
}

bool layout_is_archive(int fd) {
    bool found = false;
    unpack_scan(fd, look, &found);
    return found;
}
