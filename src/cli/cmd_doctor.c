// SPDX-License-Identifier: Apache-2.0
/* doctor: checks what a build needs, each check with a fix. */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/wrap.h"

enum { OUTPUT_BYTES_MAX = 1024 * 1024 };

struct doctor_options {
    bool json;
};

static const struct option options[] = {
    { .name = "json",
      .kind = OPTION_FLAG,
      .offset = offsetof(struct doctor_options, json),
      .help = "the findings as JSON" },
};

/* In the order in which they run and are shown. */
static const struct check {
    const char *group;
    const char *name;
    void (*run)(struct doctor *d);
} checks[] = {
    { "Engine", "rights", doctor_check_rights },
    { "Engine", "kernel", doctor_check_kernel },
    { "Engine", "overlayfs", doctor_check_overlayfs },
    { "Engine", "seccomp", doctor_check_seccomp },
    { "Engine", "cgroups", doctor_check_cgroups },
    { "Engine", "store", doctor_check_store },
    { "Engine", "disk space", doctor_check_space },
    { "Engine", "sandbox", doctor_check_step },
    { "Docker", "docker", doctor_check_docker },
    { "Docker", "memory", doctor_check_docker_memory },
    { "Docker", "clock", doctor_check_docker_clock },
    { "Docker", "docker's disk", doctor_check_docker_space },
    { "Docker", "platform", doctor_check_docker_platforms },
    { "Docker", "leftovers", doctor_check_docker_leftovers },
    { "Toolchain", "musl", doctor_check_musl },
    { "Tools", "mmdebstrap", doctor_check_mmdebstrap },
    { "Tools", "qemu", doctor_check_qemu },
    { "Tools", "kvm", doctor_check_kvm },
    { "Tools", "qemu-user", doctor_check_foreign },
    { "Guest config", "config", doctor_check_config },
    { "Source files", "kernel configurations", doctor_check_kernel_configs },
    { "Source files", "artifacts", doctor_check_artifacts },
    { "Source files", "agent", doctor_check_agent_sources },
};

/* --- what the checks report with -------------------------------------------------------------- */

static str format(struct arena *a, const char *fmt, va_list args) {
    AUTO_BUF text = BUF_INIT(16 * 1024);
    buf_vaddf(&text, fmt, args);
    return str_dup(a, buf_str(&text));
}

struct finding *doctor_report(struct doctor *d, enum finding_status status, const char *about,
                              const char *fmt, ...) {
    struct arena *a = d->cli->arena;
    va_list args;
    va_start(args, fmt);
    struct finding f = {
        .group = d->group,
        .name = about == NULL ? d->check : str_fmt(a, "%s %s", d->check, about).ptr,
        .status = status,
        .detail = format(a, fmt, args),
    };
    va_end(args);
    ARENA_PUSH(a, d->items, d->len, d->cap, f);
    d->counts[status]++;
    return &d->items[d->len - 1];
}

void doctor_fix(struct doctor *d, struct finding *f, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    f->fix = format(d->cli->arena, fmt, args);
    va_end(args);
}

/* What macOS's package manager calls Debian's packages. */
static const struct {
    const char *debian;
    const char *brew;
} brewed[] = {
    { "docker.io", "docker docker-buildx colima && colima start --cpu 4 --memory 8" },
    { "qemu-system-x86", "qemu" },
    { "qemu-system-arm", "qemu" },
};

static bool is_mac(void) {
    struct utsname host;
    return uname(&host) == 0 && strcmp(host.sysname, "Darwin") == 0;
}

void doctor_fix_packages(struct doctor *d, struct finding *f, const char *packages) {
    for (size_t i = 0; i < ARRAY_LEN(brewed) && is_mac(); i++) {
        if (strcmp(packages, brewed[i].debian) == 0) {
            doctor_fix(d, f, "brew install %s", brewed[i].brew);
            return;
        }
    }
    doctor_fix(d, f, "%sapt-get install -y --no-install-recommends %s", d->is_root ? "" : "sudo ",
               packages);
}

str doctor_host_machine(struct doctor *d) {
    struct utsname host;
    return uname(&host) == 0 ? str_dup(d->cli->arena, str_from_c(host.machine)) : S("");
}

str doctor_machine_of(const struct config_architecture *arch) {
    str rest = arch->rust_target.text;
    return str_cut(&rest, '-');
}

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

static void write_finding(const struct doctor *d, const struct finding *f, struct buf *out) {
    const char *word = statuses[f->status].word;
    if (d->cli->color_out) {
        buf_addf(out, "  [\033[1;%sm%s\033[0m]", statuses[f->status].sgr, word);
    } else {
        buf_addf(out, "  [%s]", word);
    }
    buf_add_char(out, ' ');
    AUTO_BUF text = BUF_INIT(16 * 1024);
    buf_addf(&text, "%s: ", f->name);
    add_plain(&text, f->detail);
    add_wrapped(out, buf_str(&text), strlen("  [PASS] "), d->cli->width_out);
    if (f->fix.len > 0) {
        buf_addf(out, "         fix: %.*s\n", STR_FMT(f->fix));
    }
}

static void write_text(const struct doctor *d, struct buf *out) {
    const char *group = NULL;
    for (size_t i = 0; i < d->len; i++) {
        if (group != d->items[i].group) {
            buf_addf(out, "%s%s\n", group == NULL ? "" : "\n", d->items[i].group);
            group = d->items[i].group;
        }
        write_finding(d, &d->items[i], out);
    }
    buf_addf(out, "\n%zu passed, %zu warning%s, %zu failed\n", d->counts[FINDING_PASS],
             d->counts[FINDING_WARN], d->counts[FINDING_WARN] == 1 ? "" : "s",
             d->counts[FINDING_FAIL]);
}

static json_t *text_json(str text) {
    return json_stringn_nocheck(text.ptr == NULL ? "" : text.ptr, text.len);
}

static void write_json(const struct doctor *d, struct buf *out) {
    json_t *list = json_array();
    for (size_t i = 0; i < d->len; i++) {
        const struct finding *f = &d->items[i];
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

static void load_config(struct doctor *d, struct sources *sources) {
    struct arena *a = d->cli->arena;
    sources_init(sources, a);
    diag_sink_init(&d->sink, a, sources);
    (void)config_load(a, sources, &d->sink, d->guest_dir, NULL, &d->config);
    diag_sort(&d->sink);
}

static void find_rights(struct doctor *d) {
    (void)sandbox_foresee_rights(&d->lacks);
    if (sandbox_exists(NULL) && sandbox_become_root(&d->rights_err)) {
        d->rights = sandbox_rights();
    }
}

static int run(struct cli *cli, const void *given) {
    const struct doctor_options *o = given;
    struct sources sources;
    struct doctor d = {
        .cli = cli,
        .guest_dir = cli_guest_dir(cli),
        .is_root = geteuid() == 0,
        .rights_err = ERR_INIT,
        .store_err = ERR_INIT,
    };
    if (d.guest_dir == NULL) {
        return EXIT_FAILED;
    }
    load_config(&d, &sources);
    AUTO_STORE store = NULL;
    find_rights(&d);
    if (!err_is_set(&d.rights_err) && store_open(cli->cache_dir, &store, &d.store_err)) {
        d.store = store;
    }
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        d.group = checks[i].group;
        d.check = checks[i].name;
        checks[i].run(&d);
    }
    AUTO_BUF out = BUF_INIT(OUTPUT_BYTES_MAX);
    o->json ? write_json(&d, &out) : write_text(&d, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    return d.counts[FINDING_FAIL] > 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "[GUEST]",
    .summary = "check what this machine lacks for a build",
    .details = "Every finding is [PASS], [WARN] or [FAIL], the last two with a command that\n"
               "mends it. Uses no network. The exit code is 1 when a check failed.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .options_size = sizeof(struct doctor_options),
    .args_max = 1,
    .run = run,
};
