// SPDX-License-Identifier: Apache-2.0
/* The tools: one row each. */
#include <string.h>

#include "mcp/internal.h"

static const char *const format_words[] = { "text", "short", "json", "sarif", NULL };
static const char *const template_words[] = { "all", "rootfs", "kernel", NULL };
static const char *const scanner_words[] = { "trivy", "grype", NULL };
static const char *const accel_words[] = { "auto", "kvm", "tcg", NULL };
static const char *const net_words[] = { "policy", "none", NULL };

#define GUEST                                                                                      \
    {                                                                                              \
        .name = "guest", .kind = MCP_TEXT, .alias = "guest_dir",                                   \
        .help = "Path of the guest folder; default: guest."                                        \
    }
#define ARCH                                                                                       \
    {                                                                                              \
        .name = "arch", .kind = MCP_TEXT,                                                          \
        .help = "One architecture of the config, or all; default: this machine's."                 \
    }
#define TEMPLATE                                                                                   \
    { .name = "template", .kind = MCP_WORD, .words = template_words, .help = "Template to take." }
#define KERNEL_VERSION                                                                             \
    { .name = "kernel_version", .kind = MCP_TEXT, .help = "Version of the kernel." }
#define TEMPLATES                                                                                  \
    { .name = "templates", .kind = MCP_TEXT, .help = "Path of a folder with custom templates." }
#define ASSETS                                                                                     \
    {                                                                                              \
        .name = "assets", .kind = MCP_TEXT,                                                        \
        .help = "Assets folder written by build; default: assets."                                 \
    }

const struct mcp_tool mcp_tools[] = {
    { .name = "validate",
      .title = "Validate a guest folder",
      .description = "Checks all TOML files of a guest folder; prints every mistake with its code, "
                     "file, line and column, then a count.",
      .run = mcp_validate,
      .read_only = true,
      .params = { GUEST,
                  { .name = "artifacts",
                    .kind = MCP_TEXT,
                    .help = "Path of the artifacts folder." },
                  TEMPLATES,
                  { .name = "format",
                    .kind = MCP_WORD,
                    .words = format_words,
                    .help = "Format of the text." },
                  { .name = "deny_warnings",
                    .kind = MCP_FLAG,
                    .help = "Treat warnings as errors." } } },
    { .name = "build_dry_run",
      .title = "Render the Dockerfiles",
      .description = "Renders the Dockerfiles of a guest folder without building; returns JSON.",
      .run = mcp_build_dry_run,
      .read_only = true,
      .params = { GUEST, ARCH, TEMPLATE, KERNEL_VERSION, TEMPLATES } },
    { .name = "inspect",
      .title = "Show a configuration",
      .description = "The whole configuration of a guest folder as JSON, with defaults filled in.",
      .run = mcp_inspect,
      .read_only = true,
      .params = { GUEST } },
    { .name = "audit_parse",
      .title = "Read a scanner's report",
      .description = "Reads the JSON of a vulnerability scanner; returns a JSON list of findings, "
                     "the most severe first.",
      .run = mcp_audit_parse,
      .read_only = true,
      .params = { { .name = "report",
                    .kind = MCP_TEXT,
                    .required = true,
                    .alias = "output",
                    .help = "The scanner's JSON, as text." },
                  { .name = "scanner",
                    .kind = MCP_WORD,
                    .words = scanner_words,
                    .help = "Scanner that wrote the report." } } },
    { .name = "explain",
      .title = "Explain a diagnostic",
      .description = "Explains a diagnostic code, with an example and a fix.",
      .run = mcp_explain,
      .read_only = true,
      .params = { { .name = "code",
                    .kind = MCP_TEXT,
                    .required = true,
                    .help = "The code, such as E003." } } },
    { .name = "why",
      .title = "Say what a build would run",
      .description = "For each step of a build: whether it would run or come from the cache, and "
                     "why. Builds nothing.",
      .run = mcp_why,
      .read_only = true,
      .params = { GUEST, ARCH, TEMPLATE, KERNEL_VERSION, TEMPLATES } },
    { .name = "build",
      .title = "Build the assets",
      .description = "Builds kernel, initial ramdisk and root filesystem of a guest folder into an "
                     "assets folder. Runs the commands of the config in a sandbox, and downloads "
                     "what they need. May take minutes.",
      .run = mcp_build,
      .is_long = true,
      .destroys = true,
      .idempotent = true,
      .open_world = true,
      .params = { GUEST,
                  ARCH,
                  TEMPLATE,
                  KERNEL_VERSION,
                  { .name = "output",
                    .kind = MCP_TEXT,
                    .help = "Path of the assets folder; default: assets." },
                  TEMPLATES,
                  { .name = "engine",
                    .kind = MCP_TEXT,
                    .help = "auto, embedded, docker, buildx or buildx:BUILDER; default: auto." },
                  { .name = "no_cache", .kind = MCP_FLAG, .help = "Run every step again." },
                  { .name = "fresh",
                    .kind = MCP_FLAG,
                    .help = "Reinstall a whole package set when packages are added." },
                  { .name = "pull",
                    .kind = MCP_FLAG,
                    .help = "Ask registries for newer base images." },
                  { .name = "offline",
                    .kind = MCP_FLAG,
                    .help = "Use only base images in the store." } } },
    { .name = "size",
      .title = "Show sizes",
      .description = "Sizes in bytes of what a build left: each asset, each top-level folder of "
                     "the root filesystem, and each step of the build.",
      .run = mcp_size,
      .read_only = true,
      .params = { ASSETS,
                  { .name = "arch",
                    .kind = MCP_TEXT,
                    .help = "Architecture; default: the last one built." } } },
    { .name = "run",
      .title = "Run a command in a guest",
      .description = "Boots the assets in a virtual machine, runs one command in it and returns "
                     "its output and exit code. Nothing the command changes is kept but what "
                     "copy_out and volumes bring out.",
      .run = mcp_run,
      .is_long = true,
      .destroys = true,
      .open_world = true,
      .params = { { .name = "command", .kind = MCP_TEXT, .help = "Command for the guest's shell." },
                  { .name = "argv",
                    .kind = MCP_LIST,
                    .help = "Words to run without a shell, in place of command." },
                  ASSETS,
                  { .name = "arch",
                    .kind = MCP_TEXT,
                    .help = "Architecture to boot; default: the last one built." },
                  { .name = "guest",
                    .kind = MCP_TEXT,
                    .help = "Guest folder whose policy and changed files count." },
                  { .name = "accel",
                    .kind = MCP_WORD,
                    .words = accel_words,
                    .help = "How guest instructions are executed." },
                  { .name = "timeout_s",
                    .kind = MCP_NUMBER,
                    .min = 0,
                    .max = 365 * 24 * 3600,
                    .help = "Stop the machine after this many seconds; default: never." },
                  { .name = "cpus",
                    .kind = MCP_NUMBER,
                    .min = 1,
                    .max = 255,
                    .help = "Processors." },
                  { .name = "memory_mb",
                    .kind = MCP_NUMBER,
                    .min = 64,
                    .max = 1024 * 1024,
                    .help = "Memory of the machine in MB." },
                  { .name = "env", .kind = MCP_LIST, .help = "Environment variables, NAME=VALUE." },
                  { .name = "net",
                    .kind = MCP_WORD,
                    .words = net_words,
                    .help = "Network access: as the config's policy allows, or none." },
                  { .name = "copy_in",
                    .kind = MCP_LIST,
                    .help = "Files and folders to copy in before the command, HOST:GUEST." },
                  { .name = "copy_out",
                    .kind = MCP_LIST,
                    .help = "Files and folders to copy out after the command, GUEST:HOST." },
                  { .name = "volumes",
                    .kind = MCP_LIST,
                    .help = "Folders to share, HOST:GUEST or HOST:GUEST:ro." },
                  { .name = "scratch",
                    .kind = MCP_TEXT,
                    .help = "Size of a disk for changes, such as 4G; default: they are in "
                            "memory." } } },
};
const size_t mcp_tool_count = ARRAY_LEN(mcp_tools);

const struct mcp_tool *mcp_tool_find(const char *name, bool read_only) {
    for (size_t i = 0; i < mcp_tool_count; i++) {
        const struct mcp_tool *t = &mcp_tools[i];
        if (strcmp(t->name, name) == 0 && (t->read_only || !read_only)) {
            return t;
        }
    }
    return NULL;
}

json_t *mcp_tools_list(bool read_only) {
    json_t *list = json_array();
    for (size_t i = 0; i < mcp_tool_count; i++) {
        const struct mcp_tool *t = &mcp_tools[i];
        if (read_only && !t->read_only) {
            continue;
        }
        json_t *annotations =
            json_pack("{s:s, s:b, s:b, s:b, s:b}", "title", t->title, "readOnlyHint", t->read_only,
                      "destructiveHint", t->destroys, "idempotentHint",
                      t->read_only || t->idempotent, "openWorldHint", t->open_world);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", t->name, "title",
                                        t->title, "description", t->description, "inputSchema",
                                        mcp_schema(t->params), "annotations", annotations));
    }
    return list;
}
