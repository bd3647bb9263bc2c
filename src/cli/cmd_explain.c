// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "cli/commands.h"

/* The code of the same letter with the nearest number; NULL when it is no letter and number. */
static const struct diag_code *nearest_number(str given) {
    const struct diag_code *best = NULL;
    uint64_t best_distance = UINT64_MAX;
    uint64_t wanted;
    if (given.len < 2 || !str_to_u64(str_slice(given, 1, given.len), &wanted)) {
        return NULL;
    }
    for (size_t i = 0; i < diag_codes_count; i++) {
        str name = str_from_c(diag_codes[i].name);
        uint64_t number;
        if (char_lower(name.ptr[0]) != char_lower(given.ptr[0]) ||
            !str_to_u64(str_slice(name, 1, name.len), &number)) {
            continue;
        }
        uint64_t distance = number > wanted ? number - wanted : wanted - number;
        if (distance < best_distance) {
            best_distance = distance;
            best = &diag_codes[i];
        }
    }
    return best;
}

static int unknown(const struct cli *cli, const char *given) {
    const struct diag_code *code = nearest_number(str_from_c(given));
    str *names = ARENA_ARRAY(cli->arena, str, diag_codes_count);
    for (size_t i = 0; i < diag_codes_count; i++) {
        names[i] = str_from_c(diag_codes[i].name);
    }
    str near = code != NULL ? str_from_c(code->name)
                            : nearest_word(str_from_c(given), names, diag_codes_count);
    if (near.ptr != NULL) {
        print_error(cli, "unknown code '%s', did you mean '%.*s'?", given, STR_FMT(near));
    } else {
        print_error(cli, "unknown code '%s'; a code looks like %s", given, diag_codes[0].name);
    }
    return EXIT_FAILED;
}

static int run(struct cli *cli, const void *options) {
    const struct diag_code *code = diag_code_find(str_from_c(cli->args[0]));
    if (code == NULL) {
        return unknown(cli, cli->args[0]);
    }
    const char *bold = cli->color_out ? "\033[1m" : "";
    const char *plain = cli->color_out ? "\033[0m" : "";
    printf("%s%s %s: %s%s\n\n%s\n", bold, code->severity == DIAG_ERROR ? "error" : "warning",
           code->name, code->title, plain, code->explanation);
    return EXIT_OK;
}

const struct command command_explain = {
    .name = "explain",
    .arguments = "CODE",
    .summary = "tell what a diagnostic means and how to fix it",
    .details = "CODE is what stands in brackets in a diagnostic, as E003; its case is free.",
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
