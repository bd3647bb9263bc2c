// SPDX-License-Identifier: Apache-2.0
/* A filesystem that a docker command writes to its stdout as a tar, read on its way. */
#include <errno.h>
#include <string.h>

#include "docker/internal.h"

enum { TAR_END_BYTES = 1024 }; /* two blocks of zeros end an archive */

/* A stream on its way: a client that loses its engine may end as if all were well, so the end is
 * looked at. */
struct pump {
    const char *const *argv;
    int outfd;
    char end[TAR_END_BYTES];
    size_t end_len;
    struct err write_err;
    struct buf errors;
};

static void keep_end(struct pump *p, str piece) {
    if (piece.len >= TAR_END_BYTES) {
        memcpy(p->end, piece.ptr + piece.len - TAR_END_BYTES, TAR_END_BYTES);
        p->end_len = TAR_END_BYTES;
        return;
    }
    size_t keep = min_size(p->end_len, TAR_END_BYTES - piece.len);
    memmove(p->end, p->end + p->end_len - keep, keep);
    memcpy(p->end + keep, piece.ptr, piece.len);
    p->end_len = keep + piece.len;
}

static void pump_output(void *self, int stream, str piece) {
    struct pump *p = self;
    if (stream == 2) {
        buf_add(&p->errors, str_clip(piece, p->errors.max - p->errors.len));
    } else if (!err_is_set(&p->write_err)) {
        keep_end(p, piece);
        (void)!fs_write_all(p->outfd, piece.ptr, piece.len, &p->write_err);
    }
}

static bool is_whole(const struct pump *p) {
    size_t zeros = 0;
    while (zeros < p->end_len && p->end[zeros] == '\0') {
        zeros++;
    }
    return p->end_len == TAR_END_BYTES && zeros == TAR_END_BYTES;
}

static bool pump_command(void *self, int outfd, struct err *err) {
    struct pump *p = self;
    static const char *const env[] = { "DOCKER_BUILDKIT=1", "SOURCE_DATE_EPOCH=", NULL };
    struct proc_spec spec = { .argv = p->argv, .env = env, .on_output = pump_output, .self = p };
    struct proc_result result;
    p->outfd = outfd;
    if (!proc_run(&spec, &result, err)) {
        return false;
    }
    if (result.exit_code != 0) {
        return call_explain(buf_str(&p->errors), result.exit_code, err);
    }
    if (err_is_set(&p->write_err)) {
        *err = p->write_err;
        return false;
    }
    if (!is_whole(p)) {
        err_set(err, "the stream of the image's files ended early");
        return err_help(err, "the connection to the engine broke: is it still running?");
    }
    return true;
}

/* What is left in the pipe, so that the command ends by itself and can say what was wrong. */
static void drain(int fd) {
    char block[64 * 1024];
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR)) {
    }
}

bool stream_begin(const char *const *argv, struct worker *ret, struct err *err) {
    struct pump p = { .argv = argv, .write_err = ERR_INIT, .errors = BUF_INIT(DOCKER_TEXT_MAX) };
    return worker_start(pump_command, &p, ret, err);
}

bool stream_end(struct worker *w, const char *spool_folder, struct tree *t, struct err *err) {
    struct tree_tar_options options = { .spool_folder = spool_folder };
    struct err unread = ERR_INIT;
    bool ok = tree_add_tar(t, w->fd, "the image's files", &options, &unread);
    drain(w->fd);
    /* A command that failed knows better than the reader of half a stream. */
    if (!worker_finish(w, NULL, NULL, err)) {
        return false;
    }
    if (!ok) {
        *err = unread;
    }
    return ok;
}

bool stream_read(const char *const *argv, const char *spool_folder, struct tree *t,
                 struct err *err) {
    AUTO_WORKER w = WORKER_INIT;
    return stream_begin(argv, &w, err) && stream_end(&w, spool_folder, t, err);
}

/* ---- of a builder ---- */

const char *const *stream_argv(const struct docker_stream *s) {
    return s->argv;
}

bool stream_copy_out(struct arena *a, const struct docker_stream *s, const char *const *names,
                     size_t count, const char *to_folder, struct err *err) {
    AUTO_TREE t = tree_new();
    if (!stream_read(s->argv, to_folder, t, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct tree_entry *e = tree_find(t, str_from_c(names[i]), TREE_LITERAL);
        if (e == NULL || !S_ISREG(e->inode->mode)) {
            continue; /* the caller's to tell */
        }
        AUTO_FD to = open(path_join(a, to_folder, names[i]),
                          O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (to < 0) {
            return err_sys(err, errno, "create '%s'", names[i]);
        }
        if (!tree_copy_content(t, e->inode, to, err)) {
            return err_wrap(err, "copy '/%s' out of the image", names[i]);
        }
    }
    return true;
}

/* The command as a step of one more stage, its answer as a file of another. */
static str question(struct arena *a, const struct docker_stream *s, const char *const *argv,
                    const char *const *env) {
    AUTO_BUF script = BUF_INIT(DOCKER_TEXT_MAX);
    AUTO_BUF out = BUF_INIT(DOCKER_TEXT_MAX * 4);
    buf_add_c(&script, "{ env");
    for (size_t i = 0; env[i] != NULL; i++) {
        buf_add_char(&script, ' ');
        buf_add_shell_word(&script, str_from_c(env[i]));
    }
    for (size_t i = 0; argv[i] != NULL; i++) {
        buf_add_char(&script, ' ');
        buf_add_shell_word(&script, str_from_c(argv[i]));
    }
    buf_add_c(&script, "; } >/capsem-answer 2>&1; exit 0");
    buf_addf(&out, "%.*s\nFROM %.*s AS capsem-ask\nUSER 0:0\nRUN %s[\"/bin/sh\", \"-c\", ",
             STR_FMT(s->text), STR_FMT(s->last_stage),
             s->has_step_network ? "--network=none " : "");
    buf_add_json(&out, buf_str(&script));
    buf_add_c(&out, "]\nFROM scratch AS capsem-answer\n"
                    "COPY --from=capsem-ask /capsem-answer /answer\n");
    return str_dup(a, buf_str(&out));
}

bool stream_ask(struct arena *a, struct docker_stream *s, const char *const *argv,
                const char *const *env, struct buf *out, struct err *err) {
    struct argv v = { .arena = a };
    AUTO_TREE t = tree_new();
    str text;
    if (!fs_store(s->work.fd, "Dockerfile.ask", question(a, s, argv, env), 0644, err)) {
        return false;
    }
    /* The last word is the context. */
    size_t last = 0;
    for (; s->argv[last + 1] != NULL; last++) {
        argv_add(&v, s->argv[last]);
    }
    argv_addf(&v, "--file=%s", store_work_path(&s->work, a, "Dockerfile.ask"));
    argv_add(&v, "--target=capsem-answer");
    argv_add(&v, s->argv[last]);
    if (!stream_read(v.items, store_path(s->work.store), t, err)) {
        return false;
    }
    const struct tree_entry *e = tree_find(t, S("answer"), TREE_LITERAL);
    if (e == NULL || !S_ISREG(e->inode->mode)) {
        return err_set(err, "the builder did not answer");
    }
    if (!tree_load_content(t, e->inode, a, out->max, &text, err)) {
        return false;
    }
    buf_add(out, text);
    return true;
}

void stream_done(struct docker_stream *s) {
    bases_done(&s->bases);
    store_work_done(&s->work);
    store_work_done(&s->host_work);
}
