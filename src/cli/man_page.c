// SPDX-License-Identifier: Apache-2.0
/* The commands' tables as a page of man(7): capsem-builder.1. */
#include "cli/reference.h"

#include "cli/cli.h"

struct entry {
    const char *name;
    const char *text;
};

static const struct entry environment[] = {
    { "CAPSEM_CACHE_DIR", "Path of the store; --cache-dir overrides it." },
    { "XDG_CACHE_HOME",
      "If CAPSEM_CACHE_DIR is not set, the store is the folder capsem-builder in it." },
    { "SOURCE_DATE_EPOCH",
      "Latest time in an asset, in seconds since 1970. Default: the newest change in config/. "
      "Other values are errors; image build also accepts the values that --build-arg accepts." },
    { "CAPSEM_HEARTBEAT_MS",
      "Milliseconds after which a log shows the elapsed time of a silent step. Default: 30000." },
    { "NO_COLOR", "If set and not empty, disables colour. Colour is used only on terminals." },
    { "http_proxy, https_proxy, no_proxy",
      "Passed to build steps, in upper and lower case, and never stored in an image." },
};

static const struct entry files[] = {
    { "guest/", "Default guest folder." },
    { "assets/", "Assets written by build and booted by run." },
    { "~/.cache/capsem-builder/", "The store: layers, base images, compressed blocks." },
};

static const struct entry exits[] = {
    { "0", "Done." },
    { "1", "An operation failed, or the config has an error." },
    { "2", "The command line is wrong." },
    { "124", "run: the time limit of --timeout was reached." },
    { "other", "run: exit code of the guest's command, or 128 plus the signal number if a signal "
               "killed it." },
};

static const struct entry examples[] = {
    { "capsem-builder init mine && capsem-builder build mine",
      "Create a guest folder and build its assets." },
    { "capsem-builder run 'python3 --version'", "Boot the assets and run one command." },
    { "capsem-builder build --dry-run --template rootfs", "Show the Dockerfile that is executed." },
    { "capsem-builder validate --format sarif > config.sarif",
      "Write diagnostics for a code review." },
};

/* Text of the page: nothing in it is a request or an escape. */
static void add_text(struct buf *out, str text) {
    static const struct {
        char c;
        const char *roff;
    } escapes[] = {
        { '\\', "\\e" },  { '-', "\\-" },   { '\'', "\\(aq" },
        { '`', "\\(ga" }, { '^', "\\(ha" }, { '~', "\\(ti" },
    };
    if (str_starts(text, S("."))) {
        buf_add_c(out, "\\&");
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *roff = NULL;
        for (size_t e = 0; e < ARRAY_LEN(escapes) && roff == NULL; e++) {
            roff = escapes[e].c == text.ptr[i] ? escapes[e].roff : NULL;
        }
        if (roff != NULL) {
            buf_add_c(out, roff);
        } else {
            buf_add_char(out, text.ptr[i]);
        }
    }
}

static void add_line(struct buf *out, const char *text) {
    add_text(out, str_from_c(text));
    buf_add_char(out, '\n');
}

static void add_entries(struct buf *out, const char *title, const struct entry *entries,
                        size_t count) {
    buf_addf(out, ".SH %s\n", title);
    for (size_t i = 0; i < count; i++) {
        buf_add_c(out, ".TP\n.B ");
        add_line(out, entries[i].name);
        add_line(out, entries[i].text);
    }
}

/* Paragraphs; lines that are indented are an example. */
static void add_details(struct buf *out, const char *details) {
    str rest = str_from_c(details);
    bool example = false;
    bool paragraph = true; /* the next line begins one */
    while (rest.ptr != NULL) {
        str line = str_cut(&rest, '\n');
        bool indented = str_starts(line, S("    "));
        if (example && !indented) {
            buf_add_c(out, ".fi\n.RE\n");
            paragraph = true;
        }
        if (!example && indented) {
            buf_add_c(out, ".PP\n.RS 4\n.nf\n");
        } else if (line.len > 0 && !indented && paragraph) {
            buf_add_c(out, ".PP\n");
        }
        example = indented;
        paragraph = line.len == 0;
        add_text(out, indented ? str_slice(line, 4, line.len) : line);
        buf_add_c(out, line.len > 0 ? "\n" : "");
    }
    buf_add_c(out, example ? ".fi\n.RE\n" : "");
}

static void add_option(struct buf *out, const struct command *c, const struct option *o) {
    AUTO_BUF text = BUF_INIT(4096);
    option_help(c, o, &text);
    buf_add_c(out, ".TP\n");
    if (o->letter != 0) {
        buf_addf(out, "\\fB\\-%c\\fR, ", o->letter);
    }
    buf_add_c(out, "\\fB\\-\\-");
    add_text(out, str_from_c(o->name));
    buf_add_c(out, "\\fR");
    if (o->value != NULL) {
        buf_add_c(out, " \\fI");
        add_text(out, str_from_c(o->value));
        buf_add_c(out, "\\fR");
    }
    buf_add_char(out, '\n');
    add_text(out, buf_str(&text));
    buf_add_char(out, '\n');
}

static void add_command(struct buf *out, const struct command *c) {
    buf_addf(out, ".SS \"%s\"\n.B capsem\\-builder %s\n", c->name, c->name);
    if (c->option_count > 0) {
        buf_add_c(out, "[\\fIOPTIONS\\fR]\n");
    }
    if (c->arguments[0] != '\0') {
        buf_add_c(out, "\\fI");
        add_text(out, str_from_c(c->arguments));
        buf_add_c(out, "\\fR\n");
    }
    buf_add_c(out, ".PP\n");
    str summary = str_from_c(c->summary);
    buf_add_char(out, (char)(summary.ptr[0] & ~0x20)); /* the first letter, as a capital */
    add_text(out, str_slice(summary, 1, summary.len));
    buf_add_c(out, ".\n");
    if (c->details != NULL) {
        add_details(out, c->details);
    }
    for (size_t i = 0; i < c->option_count; i++) {
        add_option(out, c, &c->options[i]);
    }
}

void man_page(struct buf *out) {
    buf_add_c(out, ".TH CAPSEM\\-BUILDER 1 \"\" \"capsem\\-builder " CAPSEM_VERSION "\" "
                   "\"User Commands\"\n"
                   ".ad l\n.nh\n"
                   ".SH NAME\n"
                   "capsem\\-builder \\- build virtual machine images from a folder of TOML\n"
                   ".SH SYNOPSIS\n"
                   ".B capsem\\-builder\n"
                   ".I COMMAND\n"
                   "[\\fIOPTIONS\\fR]\n"
                   "[\\fIARGUMENTS\\fR]\n"
                   ".SH DESCRIPTION\n");
    add_line(out, "Turns a guest folder into assets that boot: a kernel, an initial ramdisk and a "
                  "compressed read-only root filesystem for each architecture, with checksums and "
                  "a manifest. Results go to standard output, progress and errors to standard "
                  "error.");
    buf_add_c(out, ".SH OPTIONS\nEvery command has these:\n");
    for (size_t i = 0; i < common_option_count; i++) {
        add_option(out, NULL, &common_options[i]);
    }
    buf_add_c(
        out,
        ".PP\nWithout a command:\n.TP\n\\fB\\-V\\fR, \\fB\\-\\-version\\fR\nshow the version\n");
    buf_add_c(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++) {
        add_command(out, commands[i]);
    }
    add_entries(out, "EXIT STATUS", exits, ARRAY_LEN(exits));
    add_entries(out, "ENVIRONMENT", environment, ARRAY_LEN(environment));
    add_entries(out, "FILES", files, ARRAY_LEN(files));
    add_entries(out, "EXAMPLES", examples, ARRAY_LEN(examples));
}
