// SPDX-License-Identifier: Apache-2.0
/* lsp: the language server of lsp/ over stdin and stdout. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "lsp/lsp.h"

enum {
    OUT_BYTES_MAX = 1024 * 1024 * 1024,
    OUT_BYTES_KEPT = 1024 * 1024, /* more is freed: an answer as large is rare */
    STALE_MS_MAX = 500, /* diagnostics are at most this old, also while messages keep coming */
};

struct session {
    struct lsp *server;
    struct buf out;
    uint64_t stale_since_ms; /* 0: it is not */
};

static bool flush(struct session *s) {
    if (s->out.len == 0 && !s->out.full) {
        return true;
    }
    bool ok = !s->out.full && fwrite(s->out.ptr, 1, s->out.len, stdout) == s->out.len &&
              fflush(stdout) == 0;
    if (s->out.cap > OUT_BYTES_KEPT) {
        buf_done(&s->out);
    }
    buf_reset(&s->out);
    return ok;
}

static bool input_waits(void) {
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    return poll(&in, 1, 0) > 0;
}

/* Diagnostics follow when the client pauses: each of its messages makes those before it old. */
static void publish(struct session *s) {
    if (!lsp_is_stale(s->server)) {
        s->stale_since_ms = 0;
        return;
    }
    uint64_t now = time_now_ms();
    s->stale_since_ms = s->stale_since_ms == 0 ? now : s->stale_since_ms;
    if (!input_waits() || now - s->stale_since_ms >= STALE_MS_MAX) {
        lsp_publish(s->server, &s->out);
        s->stale_since_ms = 0;
    }
}

static int serve(struct cli *cli, struct session *s) {
    char piece[64 * 1024];
    while (lsp_state(s->server) == LSP_GOES_ON) {
        ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            print_error(cli, "lsp: read from stdin: %s", strerror(errno));
            return EXIT_FAILED;
        }
        if (n == 0) {
            const char *missing = lsp_cut_short(s->server);
            if (missing != NULL) {
                print_error(cli, "lsp: %s", missing);
            }
            return missing == NULL ? EXIT_OK : EXIT_FAILED;
        }
        lsp_take(s->server, (str){ piece, (size_t)n }, &s->out);
        if (lsp_state(s->server) == LSP_GOES_ON) {
            publish(s);
        }
        if (!flush(s)) {
            return EXIT_FAILED; /* main says that stdout failed */
        }
    }
    return lsp_state(s->server) == LSP_ENDED ? EXIT_OK : EXIT_FAILED;
}

/* Many clients add it; there is no other way. */
struct lsp_options {
    bool stdio;
};

static const struct option options[] = {
    { "stdio", 0, OPTION_FLAG, offsetof(struct lsp_options, stdio), NULL,
      "speak over stdin and stdout, as always" },
};

static int run(struct cli *cli, const void *given) {
    (void)given;
    struct session s = { .server = lsp_new(), .out = BUF_INIT((size_t)OUT_BYTES_MAX) };
    int status = serve(cli, &s);
    lsp_free(s.server);
    buf_done(&s.out);
    return status;
}

const struct command command_lsp = {
    .name = "lsp",
    .arguments = "",
    .summary = "serve an editor: diagnostics, completion, help; stdio",
    .details = "Speaks the Language Server Protocol: diagnostics as you type, completion, hover,\n"
               "and the first definition of a duplicate key. docs/how-to/editor.md\n"
               "shows how to configure Neovim, Helix and VS Code.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct lsp_options),
    .run = run,
};
