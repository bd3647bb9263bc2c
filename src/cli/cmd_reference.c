// SPDX-License-Identifier: Apache-2.0
/* reference: pages of the manual that are written from tables. */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/reference.h"
#include "config/config.h"

enum { PAGE_BYTES_MAX = 4 * 1024 * 1024 };

struct page {
    const char *name;
    void (*write)(struct buf *out);
};

static const struct page pages[] = {
    { "man", man_page },
    { "config", config_reference },
    { "diagnostics", diag_reference },
};

/* The page of a diagnostic. False: the name is not a code. */
static bool write_code(const char *name) {
    for (size_t i = 0; i < diag_codes_count; i++) {
        if (str_eq_nocase(str_from_c(diag_codes[i].name), str_from_c(name))) {
            AUTO_BUF text = BUF_INIT(PAGE_BYTES_MAX);
            diag_reference_page(&diag_codes[i], &text);
            print_text(stdout, buf_str(&text));
            return true;
        }
    }
    return false;
}

static int run(struct cli *cli, const void *options) {
    if (write_code(cli->args[0])) {
        return EXIT_OK;
    }
    str names[ARRAY_LEN(pages)];
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (strcmp(pages[i].name, cli->args[0]) == 0) {
            AUTO_BUF text = BUF_INIT(PAGE_BYTES_MAX);
            pages[i].write(&text);
            print_text(stdout, buf_str(&text));
            return EXIT_OK;
        }
        names[i] = str_from_c(pages[i].name);
    }
    str near = nearest_word(str_from_c(cli->args[0]), names, ARRAY_LEN(names));
    if (near.ptr != NULL) {
        print_error(cli, "reference: unknown page '%s', did you mean '%.*s'?", cli->args[0],
                    STR_FMT(near));
    } else {
        print_error(cli, "reference: unknown page '%s'; see 'capsem-builder reference --help'",
                    cli->args[0]);
    }
    return EXIT_USAGE;
}

const struct command command_reference = {
    .name = "reference",
    .arguments = "man|config|diagnostics|CODE",
    .summary = "print a page of the reference manual",
    .details = "    man          this program's man page, for 'man -l'\n"
               "    config       every file and key of the configuration, as Markdown\n"
               "    diagnostics  the list of diagnostics, as Markdown\n"
               "    CODE         one diagnostic with an example, such as E003, as Markdown",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
