// SPDX-License-Identifier: Apache-2.0
/* What only reads texts: validate, inspect, explain, audit_parse. */
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "check/check.h"
#include "mcp/internal.h"

enum { DIAGS_BYTES_MAX = MCP_RESULT_BYTES_MAX };

const char *mcp_guest(struct mcp_call *call) {
    struct err err = ERR_INIT;
    const char *dir = mcp_text(call, "guest");
    dir = dir != NULL ? dir : "guest";
    if (dir[0] == '\0') {
        err_set(&err, "the name of the guest folder is empty");
    } else if (!fs_is_dir(AT_FDCWD, dir)) {
        err_set(&err,
                "'%s' is not a folder: give a guest folder, or make one with 'capsem-builder init "
                "%s'",
                dir, dir);
    } else {
        return dir;
    }
    mcp_fail(call, &err);
    return NULL;
}

/* ---- validate ---- */

/* Lines of JSON as a list. */
static json_t *diagnostics(struct diag_sink *sink) {
    AUTO_BUF text = BUF_INIT((size_t)DIAGS_BYTES_MAX);
    json_t *list = json_array();
    diag_render(sink, &(struct diag_style){ .format = DIAG_JSON }, &text);
    for (str rest = buf_str(&text); rest.len > 0;) {
        str line = str_cut(&rest, '\n');
        json_t *one = json_loadb(line.ptr, line.len, 0, NULL);
        if (one != NULL) {
            json_array_append_new(list, one);
        }
    }
    return list;
}

void mcp_validate(struct mcp_call *call) {
    struct sources sources;
    struct diag_sink sink;
    struct guest_config config;
    const char *guest = mcp_guest(call);
    if (guest == NULL) {
        return;
    }
    sources_init(&sources, call->arena);
    diag_sink_init(&sink, call->arena, &sources);
    const struct config_options options = { .artifacts_dir = mcp_text(call, "artifacts") };
    bool ok = config_load(call->arena, &sources, &sink, guest, &options, &config);
    struct recipe_templates templates = { 0 };
    const struct check_request check = {
        .templates = &templates,
        .config = &config,
        .templates_dir = mcp_text(call, "templates"),
        .sound = ok,
        .purpose = CHECK_FOR_VALIDATE,
    };
    check_recipes(call->arena, &check, &sources, &sink);
    const struct diag_style style = { .format = diag_format_of(mcp_word(call, "format")) };
    diag_render_findings(&sink, &style, guest, &call->text);
    bool valid = sink.errors == 0 && !(mcp_flag(call, "deny_warnings") && sink.warnings > 0);
    call->structured =
        json_pack("{s:b, s:I, s:I, s:o}", "valid", valid, "errors", (json_int_t)sink.errors,
                  "warnings", (json_int_t)sink.warnings, "diagnostics", diagnostics(&sink));
}

/* ---- inspect ---- */

void mcp_inspect(struct mcp_call *call) {
    struct make_failure failure = { .output = S(""), .err = ERR_INIT };
    struct sources sources;
    struct guest_config config;
    const char *guest = mcp_guest(call);
    if (guest == NULL) {
        return;
    }
    sources_init(&sources, call->arena);
    diag_sink_init(&failure.sink, call->arena, &sources);
    if (!config_load(call->arena, &sources, &failure.sink, guest, NULL, &config)) {
        mcp_fail_make(call, &failure);
        return;
    }
    config_dump_json(&config, &call->text);
    call->structured = json_loadb(call->text.ptr, call->text.len, 0, NULL);
}

/* ---- explain ---- */

void mcp_explain(struct mcp_call *call) {
    struct err err = ERR_INIT;
    const struct diag_code *code;
    if (!diag_code_get(str_from_c(mcp_text(call, "code")), &code, &err)) {
        mcp_fail(call, &err);
        return;
    }
    const char *severity = code->severity == DIAG_ERROR ? "error" : "warning";
    buf_addf(&call->text, "%s %s: %s\n\n%s\n", severity, code->name, code->title,
             code->explanation);
    call->structured = json_pack("{s:s, s:s, s:s, s:s}", "code", code->name, "severity", severity,
                                 "title", code->title, "explanation", code->explanation);
}

/* ---- audit_parse ---- */

void mcp_audit_parse(struct mcp_call *call) {
    struct audit_report report = { 0 };
    struct err err = ERR_INIT;
    const char *scanner = mcp_word(call, "scanner");
    if (!audit_parse(call->arena, str_from_c(mcp_text(call, "report")), scanner, &report, &err)) {
        err_wrap(&err, "audit");
        mcp_fail(call, &err);
        return;
    }
    audit_add_json(&report, scanner, &call->text);
    json_t *counts = json_object();
    for (size_t i = 0; i < AUDIT_SEVERITIES; i++) {
        json_object_set_new(counts, audit_severity_words[i],
                            json_integer((json_int_t)report.counts[i]));
    }
    json_t *findings = json_loadb(call->text.ptr, call->text.len, 0, NULL);
    call->structured = json_pack("{s:o, s:o}", "findings",
                                 findings != NULL ? findings : json_array(), "counts", counts);
}
