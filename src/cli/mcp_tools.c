// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "cli/mcp.h"

enum { PARAMS_MAX = 6, ARGV_MAX = 32, RESULT_BYTES_MAX = 32 * 1024 * 1024, TIMEOUT_MS = 120000 };

/* Where an argument goes on the command line. */
enum place {
    PLACE_NONE, /* ends the list */
    PLACE_ARGUMENT,
    PLACE_OPTION, /* --NAME=VALUE */
    PLACE_FLAG,   /* --NAME, when true */
    PLACE_STDIN,
};

struct param {
    const char *name;
    enum place place;
    const char *option; /* without the dashes */
    bool required;
    const char *help;
};

#define GUEST_PARAM                                                                                \
    { "guest", PLACE_ARGUMENT, NULL, false, "Path of the guest folder; 'guest' when left out." }

/* One row a tool. */
static const struct tool {
    const char *name;
    const char *title;
    const char *description;
    const char *command[4]; /* NULL-terminated */
    bool finds;             /* exit code 1 with output is a finding, not a failure */
    struct param params[PARAMS_MAX];
} tools[] = {
    { "validate",
      "Validate a guest folder",
      "Checks all TOML files of a guest folder; prints every mistake with its code, file, line and "
      "column, then a count.",
      { "validate" },
      true,
      { GUEST_PARAM,
        { "artifacts", PLACE_OPTION, "artifacts", false, "Path of the artifacts folder." },
        { "templates", PLACE_OPTION, "templates", false, "Path of a folder with own templates." },
        { "format", PLACE_OPTION, "format", false, "text, short, json or sarif; text by default." },
        { "deny_warnings", PLACE_FLAG, "deny-warnings", false, "A warning is a failure too." } } },
    { "build_dry_run",
      "Render the Dockerfiles",
      "Renders the Dockerfiles of a guest folder without building anything; gives JSON.",
      { "build", "--dry-run", "--json" },
      false,
      { GUEST_PARAM,
        { "arch", PLACE_OPTION, "arch", false, "One architecture of the config; all by default." },
        { "template", PLACE_OPTION, "template", false, "rootfs, kernel or all; all by default." },
        { "kernel_version", PLACE_OPTION, "kernel-version", false, "Version of the kernel." } } },
    { "inspect",
      "Show a configuration",
      "The whole configuration of a guest folder as JSON, with defaults filled in.",
      { "inspect", "--json" },
      false,
      { GUEST_PARAM } },
    { "audit_parse",
      "Read a scanner's report",
      "Reads the JSON of a vulnerability scanner; gives a JSON list of findings, the worst first.",
      { "audit", "--json" },
      true,
      { { "report", PLACE_STDIN, NULL, true, "The scanner's JSON, as text." },
        { "scanner", PLACE_OPTION, "scanner", false, "trivy or grype; trivy by default." } } },
    { "explain",
      "Explain a diagnostic",
      "What a diagnostic's code means, an example of it, and how to fix it.",
      { "explain" },
      false,
      { { "code", PLACE_ARGUMENT, NULL, true, "The code, as E003." } } },
};

static const struct tool *find_tool(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        if (strcmp(tools[i].name, name) == 0) {
            return &tools[i];
        }
    }
    return NULL;
}

bool mcp_tool_known(const char *name) {
    return find_tool(name) != NULL;
}

static const struct param *find_param(const struct tool *t, const char *name) {
    for (size_t i = 0; i < PARAMS_MAX && t->params[i].place != PLACE_NONE; i++) {
        if (strcmp(t->params[i].name, name) == 0) {
            return &t->params[i];
        }
    }
    return NULL;
}

json_t *mcp_tools_list(void) {
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
        const struct tool *t = &tools[i];
        json_t *properties = json_object();
        json_t *required = json_array();
        for (size_t n = 0; n < PARAMS_MAX && t->params[n].place != PLACE_NONE; n++) {
            const struct param *p = &t->params[n];
            const char *type = p->place == PLACE_FLAG ? "boolean" : "string";
            json_object_set_new(properties, p->name,
                                json_pack("{s:s, s:s}", "type", type, "description", p->help));
            if (p->required) {
                json_array_append_new(required, json_string(p->name));
            }
        }
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:{s:s, s:o, s:o, s:b}}", "name", t->name,
                                        "title", t->title, "description", t->description,
                                        "inputSchema", "type", "object", "properties", properties,
                                        "required", required, "additionalProperties", 0));
    }
    return list;
}

/* ---- a call ---- */

struct call {
    struct arena *arena;
    const struct tool *tool;
    const char *argv[ARGV_MAX];
    size_t argc;
    str input;
};

static bool add_value(struct call *c, const struct param *p, const json_t *value,
                      const char **ret_argument, struct err *err) {
    if (p->place == PLACE_FLAG) {
        if (!json_is_boolean(value)) {
            return err_set(err, "the argument '%s' is not a boolean", p->name);
        }
        if (json_is_true(value)) {
            c->argv[c->argc++] = str_fmt(c->arena, "--%s", p->option).ptr;
        }
        return true;
    }
    if (!json_is_string(value)) {
        return err_set(err, "the argument '%s' is not a string", p->name);
    }
    str text = str_dup(c->arena, (str){ json_string_value(value), json_string_length(value) });
    if (p->place == PLACE_STDIN) {
        c->input = text;
        return true;
    }
    if (str_find_char(text, '\0', 0) != STR_NONE) {
        return err_set(err, "the argument '%s' holds a NUL character", p->name);
    }
    if (p->place == PLACE_ARGUMENT) {
        *ret_argument = text.ptr;
    } else {
        c->argv[c->argc++] = str_fmt(c->arena, "--%s=%.*s", p->option, STR_FMT(text)).ptr;
    }
    return true;
}

static bool make_argv(struct call *c, const json_t *arguments, struct err *err) {
    const char *argument = NULL;
    const char *key;
    json_t *value;
    /* the single file has a loader of its own, which is what the system would name */
    const char *file = getenv("CAPSEM_PROGRAM");
    c->argv[c->argc++] = file != NULL && file[0] != '\0' ? file : os_own_program();
    for (size_t i = 0; c->tool->command[i] != NULL; i++) {
        c->argv[c->argc++] = c->tool->command[i];
    }
    json_object_foreach((json_t *)(uintptr_t)arguments, key, value) {
        const struct param *p = find_param(c->tool, key);
        if (p == NULL) {
            return err_set(err, "unknown argument '%s'", key);
        }
        if (!json_is_null(value) && !add_value(c, p, value, &argument, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < PARAMS_MAX && c->tool->params[i].place != PLACE_NONE; i++) {
        const struct param *p = &c->tool->params[i];
        const json_t *given = json_object_get(arguments, p->name);
        if (p->required && (given == NULL || json_is_null(given))) {
            return err_set(err, "the argument '%s' is missing", p->name);
        }
    }
    if (argument != NULL) {
        c->argv[c->argc++] = "--"; /* what follows is no option, whatever it looks like */
        c->argv[c->argc++] = argument;
    }
    return true;
}

static void add_result(struct buf *out, str text, bool failed) {
    buf_add_c(out, "{\"content\":[{\"type\":\"text\",\"text\":");
    buf_add_json(out, text);
    buf_addf(out, "}],\"isError\":%s}", failed ? "true" : "false");
}

static bool run_tool(struct call *c, struct buf *text, bool *ret_failed, struct err *err) {
    AUTO_BUF errors = BUF_INIT(RESULT_BYTES_MAX);
    static const char *const env[] = { "NO_COLOR=1", NULL };
    struct proc_spec spec = {
        .argv = c->argv,
        .env = env,
        .input = c->input,
        .timeout_ms = TIMEOUT_MS,
        .out = text,
        .errors = &errors,
    };
    struct proc_result result;
    if (!proc_run(&spec, &result, err)) {
        return false;
    }
    if (result.timed_out) {
        return err_set(err, "it took longer than %d seconds", TIMEOUT_MS / 1000);
    }
    if (result.signal != 0) {
        return err_set(err, "signal %d ended it", result.signal);
    }
    if (text->full || errors.full) {
        return err_set(err, "its output is larger than %d bytes", RESULT_BYTES_MAX);
    }
    bool found = c->tool->finds && result.exit_code == 1 && text->len > 0;
    *ret_failed = result.exit_code != 0 && !found;
    buf_add(text, buf_str(&errors));
    return true;
}

void mcp_tool_call(struct arena *a, const char *name, const json_t *arguments, struct buf *out) {
    struct call c = { .arena = a, .tool = find_tool(name) };
    struct err err = ERR_INIT;
    AUTO_BUF text = BUF_INIT((size_t)2 * RESULT_BYTES_MAX);
    bool failed = false;
    if (!make_argv(&c, arguments, &err) || !run_tool(&c, &text, &failed, &err)) {
        err_wrap(&err, "%s", name);
        buf_reset(&text);
        err_text(&err, &text);
        failed = true;
    }
    add_result(out, buf_str(&text), failed);
}
