// SPDX-License-Identifier: Apache-2.0
/* One command of docker's command line. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "docker/internal.h"

void argv_add(struct argv *v, const char *word) {
    ARENA_PUSH(v->arena, v->items, v->len, v->cap, word);
    ARENA_PUSH(v->arena, v->items, v->len, v->cap, (const char *)NULL);
    v->len--;
}

void argv_addf(struct argv *v, const char *fmt, ...) {
    AUTO_BUF text = BUF_INIT(DOCKER_TEXT_MAX);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    argv_add(v, str_to_c(v->arena, buf_str(&text)));
}

/* ---- why it failed ---- */

const char docker_platform_help[] =
    "the engine cannot execute that architecture: install qemu-user-static on its machine, or "
    "build on a native node with --engine buildx:BUILDER";

/* What is in docker's text, in lower case, and what fixes it. */
static const struct {
    str sign;
    const char *help;
} helps[] = {
    { S_INIT("cannot connect to the docker daemon"),
      "start it ('systemctl start docker', 'colima start', Docker Desktop) or select it with "
      "'docker context use NAME' or DOCKER_HOST" },
    { S_INIT("permission denied while trying to connect"),
      "'sudo usermod -aG docker $USER', then log in again" },
    { S_INIT("error during connect"), "'docker context ls' shows where the client connects" },
    { S_INIT("no space left on device"), "the engine's disk is full: 'docker system df' shows disk "
                                         "usage, 'docker builder prune' clears the build cache" },
    { S_INIT("exec format error"), docker_platform_help },
    { S_INIT("buildx component is missing"),
      "install the package docker-buildx (or docker-buildx-plugin)" },
    { S_INIT("rpc error: code = unavailable"),
      "the builder's node cannot be reached: 'docker buildx inspect' shows its status" },
    { S_INIT("unexpected eof"), "the connection to the engine broke: is it still running?" },
    { S_INIT("connection reset by peer"),
      "the connection to the engine broke: is it still running?" },
    { S_INIT("failed to get layer"),
      "the engine's cache is damaged: 'docker builder prune --all' empties it" },
    { S_INIT("missing content"),
      "the engine's cache is damaged: 'docker builder prune --all' empties it" },
    { S_INIT("x509:"), "the engine does not trust the server's certificate: add the authority to "
                       "its machine and restart it" },
};

/* The last line that says something: docker puts usage hints and BuildKit traces around it. */
static str telling_line(str printed) {
    str last = S("");
    while (printed.len > 0) {
        str line = str_trim(str_cut(&printed, '\n'));
        if (line.len > 0 && !str_starts(line, S("See '")) && !str_starts(line, S("------")) &&
            !str_starts(line, S("View build details"))) {
            last = line;
        }
    }
    static const str prefixes[] = { S_INIT("ERROR: "), S_INIT("Error response from daemon: "),
                                    S_INIT("error: "), S_INIT("docker: ") };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (str_starts(last, prefixes[i])) {
            last = str_slice(last, prefixes[i].len, last.len);
        }
    }
    return str_ends(last, S(".")) ? str_slice(last, 0, last.len - 1) : last;
}

bool call_explain(str printed, int exit_code, struct err *err) {
    AUTO_ARENA scratch = arena_new();
    str line = telling_line(printed);
    if (line.len > 0) {
        err_set(err, "docker: %.*s", STR_FMT(line));
    } else {
        err_set(err, "'docker' exited with status %d", exit_code);
    }
    str lower = str_lower(scratch, printed);
    for (size_t i = 0; i < ARRAY_LEN(helps); i++) {
        if (str_find(lower, helps[i].sign, 0) != STR_NONE) {
            return err_help(err, "%s", helps[i].help);
        }
    }
    return false;
}

/* ---- running ---- */

bool call_ask(struct arena *a, const char *const *argv, uint64_t timeout_ms,
              const volatile sig_atomic_t *cancelled, str *ret, struct err *err) {
    AUTO_BUF out = BUF_INIT(DOCKER_TEXT_MAX);
    AUTO_BUF errors = BUF_INIT(DOCKER_TEXT_MAX);
    struct proc_spec spec = {
        .argv = argv,
        .timeout_ms = timeout_ms,
        .out = &out,
        .errors = &errors,
        .cancelled = cancelled,
    };
    struct proc_result result;
    if (!proc_run(&spec, &result, err)) {
        return err_help(err, "install Docker's client, or use --engine embedded");
    }
    if (cancelled != NULL && *cancelled) {
        return err_sys(err, EINTR, "stopped");
    }
    if (result.timed_out) {
        err_set(err, "'docker %s' did not answer within %llu s", argv[1],
                (unsigned long long)timeout_ms / 1000);
        return err_help(err, "check the engine with 'docker info'");
    }
    if (result.exit_code != 0) {
        return call_explain(errors.len > 0 ? buf_str(&errors) : buf_str(&out), result.exit_code,
                            err);
    }
    *ret = str_dup(a, str_trim(buf_str(&out)));
    return true;
}

bool call_quietly(const char *const *argv) {
    struct proc_spec spec = { .argv = argv, .timeout_ms = DOCKER_ASK_MS };
    return proc_check(&spec, NULL);
}
