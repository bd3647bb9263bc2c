// SPDX-License-Identifier: Apache-2.0
/* doctor: checks what a build needs, each check with a fix. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/wrap.h"
#include "doctor/doctor.h"

enum { OUTPUT_BYTES_MAX = 1024 * 1024 };

struct doctor_options {
    bool json;
};

static const struct option options[] = {
    { .name = "json",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct doctor_options, json),
      .help = "print the findings as JSON" },
};

/* --- showing it ------------------------------------------------------------------------------- */

static const struct {
    const char *word; /* in the text */
    const char *json;
    const char *sgr; /* its colour */
} statuses[FINDING_STATUS_COUNT] = {
    [FINDING_PASS] = { "PASS", "pass", "32" },
    [FINDING_WARN] = { "WARN", "warn", "33" },
    [FINDING_FAIL] = { "FAIL", "fail", "31" },
};

static void write_finding(const struct cli *cli, const struct doctor_finding *f, struct buf *out) {
    const char *word = statuses[f->status].word;
    if (cli->color_out) {
        buf_addf(out, "  [\033[1;%sm%s\033[0m]", statuses[f->status].sgr, word);
    } else {
        buf_addf(out, "  [%s]", word);
    }
    buf_add_char(out, ' ');
    AUTO_BUF text = BUF_INIT(16 * 1024);
    buf_addf(&text, "%s: ", f->name);
    add_plain(&text, f->detail);
    add_wrapped(out, buf_str(&text), strlen("  [PASS] "), cli->width_out);
    if (f->fix.len > 0) {
        buf_addf(out, "         fix: %.*s\n", STR_FMT(f->fix));
    }
}

static void write_text(const struct cli *cli, const struct doctor_findings *d, struct buf *out) {
    const char *group = NULL;
    for (size_t i = 0; i < d->len; i++) {
        if (group != d->items[i].group) {
            buf_addf(out, "%s%s\n", group == NULL ? "" : "\n", d->items[i].group);
            group = d->items[i].group;
        }
        write_finding(cli, &d->items[i], out);
    }
    buf_addf(out, "\n%zu passed, %zu warning%s, %zu failed\n", d->counts[FINDING_PASS],
             d->counts[FINDING_WARN], d->counts[FINDING_WARN] == 1 ? "" : "s",
             d->counts[FINDING_FAIL]);
}

static json_t *text_json(str text) {
    return json_stringn_nocheck(text.ptr == NULL ? "" : text.ptr, text.len);
}

static void write_json(const struct doctor_findings *d, struct buf *out) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->len; i++) {
        const struct doctor_finding *f = &d->items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "group", f->group,
                                              "name", f->name, "status", statuses[f->status].json,
                                              "detail", text_json(f->detail), "fix",
                                              f->fix.len > 0 ? text_json(f->fix) : json_null()));
    }
    json_t *root = json_pack("{s:o, s:I, s:I, s:I}", "checks", list, "passed",
                             (json_int_t)d->counts[FINDING_PASS], "warnings",
                             (json_int_t)d->counts[FINDING_WARN], "failed",
                             (json_int_t)d->counts[FINDING_FAIL]);
    char *text = json_dumps(root, JSON_INDENT(2));
    ASSERT(text != NULL);
    buf_add_c(out, text);
    buf_add_char(out, '\n');
    free(text);
    json_decref(root);
}

/* --- the command ------------------------------------------------------------------------------ */

static int run(struct cli *cli, const void *given) {
    const struct doctor_options *o = given;
    const struct doctor_request request = {
        .cache_dir = cli->cache_dir,
        .guest_dir = cli->arg_count > 0 ? cli->args[0] : "guest",
        .guest_is_named = cli->arg_count > 0,
    };
    struct doctor_findings found;
    if (request.guest_dir[0] == '\0') {
        print_error(cli, "the name of the guest folder is empty");
        return EXIT_FAILED;
    }
    doctor_run(cli->arena, &request, &found);
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    o->json ? write_json(&found, &out) : write_text(cli, &found, &out);
    print_text(stdout, buf_str(&out));
    return found.counts[FINDING_FAIL] > 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "[GUEST]",
    .summary = "check that this machine can build",
    .details = "Each finding is [PASS], [WARN] or [FAIL]; the last two include a command "
               "that\nfixes it. Does not use the network. The exit code is 1 if a check failed.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct doctor_options),
    .args_max = 1,
    .run = run,
};
