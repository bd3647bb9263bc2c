// SPDX-License-Identifier: Apache-2.0
/* Layers of images from elsewhere: a stream becomes a layer of the store. And what the other files
 * of the room share. */
#pragma once

#include "images/images.h"
#include "unpack/unpack.h"

/* Of all files of one layer together. */
#define LAYER_FILES_BYTES_MAX (UINT64_C(64) << 30)

struct layer_source {
    str blob_digest; /* of the bytes as they come */
    str diff_id;     /* of the tar in them */
    uint64_t size_bytes;
    bool is_lowest; /* of its image: whiteouts have nothing to take away */
};

/* The name of a layer of the store with this content. */
struct store_key layer_key(str diff_id, bool is_lowest);
/* A layer whose root is opaque hides all below it, which a mount does not know: from there on. */
void layers_cut_hidden(struct store *s, struct arena *a, struct store_key **layers, size_t *count);
/* That of an image of these layers. */
struct store_key layers_key(const struct store_key *layers, size_t count);

/* ---- layer_stream.c: in the child that unpacks ---- */

struct layer_stream;
/* `keepfd` gets the bytes as they come. */
struct layer_stream *layer_stream_open(int fd, uint64_t size_bytes, int keepfd);
void layer_stream_close(struct layer_stream *s);
/* The next piece of the tar, valid until the next call; *ret_len 0 at its end. */
MUST_CHECK bool layer_stream_read(struct layer_stream *s, const void **ret, size_t *ret_len,
                                  struct err *err);
/* Reads the rest; false when the digests are not what they should be. */
MUST_CHECK bool layer_stream_finish(struct layer_stream *s, const struct layer_source *source,
                                    struct err *err);

/* ---- layer_unpack.c ---- */

/* Makes the layer of a blob that comes from an fd, and keeps the blob beside it. `work` has the
 * folders of images_work_begin(). */
MUST_CHECK bool layer_unpack(struct store_work *work, const struct layer_source *source, int fd,
                             struct err *err);
/* Keeps only the blob: the store has the layer. */
MUST_CHECK bool layer_keep_blob(struct store_work *work, const struct layer_source *source, int fd,
                                struct err *err);
/* What was unpacked becomes the layer of the store, with `text`; NULL: only its blob was kept. */
MUST_CHECK bool layer_work_commit(struct store_work *w, const struct layer_source *source,
                                  const char *text, struct err *err);

/* ---- bootstrap.c ---- */

/* Can the name be made from a distribution's packages? */
struct bootstrap {
    const char *distribution; /* "debian", "ubuntu" */
    const char *suite;        /* "bookworm" */
    bool slim;
};
bool bootstrap_recognise(const struct oci_reference *ref, struct bootstrap *ret);
struct bootstrap_request {
    struct store *store;
    const struct bootstrap *what;
    const struct oci_platform *platform;
    const struct oci_reference *ref;
    const struct images_tools *tools; /* NULL: none */
    const volatile sig_atomic_t *cancelled;
    void (*output)(void *self, str piece);
    void *self;
};
MUST_CHECK bool bootstrap_run(struct arena *a, const struct bootstrap_request *request,
                              struct stored_image *ret, struct err *err);

/* ---- layout.c: an OCI layout or a Docker archive ---- */

/* layout_look.c: is the archive one, by what is in it? */
bool layout_is_archive(int fd);
/* From a folder, or when folderfd is -1 from an archive. The image has its name and platform. */
MUST_CHECK bool layout_import(struct store *s, struct arena *a, int folderfd, int archivefd,
                              struct stored_image *image, struct err *err);
