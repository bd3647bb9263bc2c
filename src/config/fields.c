// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration, a row for each field: docs/reference/config.md. The order of the rows is that
 * of `inspect --json`. To add a field: a member in config.h and a row here.
 */
#include "config/internal.h"

#define AT(type, member) .name = #member, .offset = offsetof(struct type, member)
#define RECORD_OF(name, rows, noun_text, type, rule)                                               \
    static const struct record name##_record = {                                                   \
        .noun = noun_text,                                                                         \
        .fields = rows,                                                                            \
        .field_count = ARRAY_LEN(rows),                                                            \
        .size = sizeof(struct type),                                                               \
        .check = rule,                                                                             \
    }
#define RECORD(name, noun_text, type, rule) RECORD_OF(name, name##_fields, noun_text, type, rule)

#define TEXT(type, member, default_text, help_text)                                                \
    { AT(type, member), .kind = FIELD_TEXT, .text = default_text, .help = help_text }
#define TEXT_REQUIRED(type, member, help_text)                                                     \
    { AT(type, member), .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .help = help_text }
#define TEXT_OPTIONAL(type, member, help_text)                                                     \
    { AT(type, member), .kind = FIELD_TEXT, .flags = FIELD_OPTIONAL, .help = help_text }
/* What a Dockerfile, a URL or a command takes as it is. */
#define WORD(type, member, flag_bits, default_text, help_text)                                     \
    {                                                                                              \
        AT(type, member), .kind = FIELD_TEXT, .flags = flag_bits, .text = default_text,            \
                          .check = check_word, .pattern = "^[^\\u0000-\\u0020\\u007f]+$",          \
                          .help = help_text                                                        \
    }
#define INT(type, member, default_number, from, to, help_text)                                     \
    {                                                                                              \
        AT(type, member), .kind = FIELD_INT, .number = default_number, .min = from, .max = to,     \
                          .help = help_text                                                        \
    }
#define BOOL(type, member, default_number, help_text)                                              \
    { AT(type, member), .kind = FIELD_BOOL, .number = default_number, .help = help_text }
#define LIST(type, member, help_text)                                                              \
    { AT(type, member), .kind = FIELD_LIST, .help = help_text }
#define DOMAINS(type, member, flag_bits, help_text)                                                \
    {                                                                                              \
        AT(type, member), .kind = FIELD_LIST, .flags = flag_bits, .check = check_domains,          \
                          .pattern = "^[^\\s./:][^\\s/:]*$", .help = help_text                     \
    }
#define PAIRS(type, member, help_text)                                                             \
    { AT(type, member), .kind = FIELD_PAIRS, .help = help_text }
#define SUB(type, member, flag_bits, record_row, help_text)                                        \
    {                                                                                              \
        AT(type, member), .kind = FIELD_RECORD, .flags = flag_bits, .record = &record_row,         \
                          .help = help_text                                                        \
    }
#define SUBS(type, member, of_kind, flag_bits, record_row, help_text)                              \
    {                                                                                              \
        .name = #member, .offset = offsetof(struct type, member.items),                            \
        .len_offset = offsetof(struct type, member.len), .kind = of_kind, .flags = flag_bits,      \
        .record = &record_row, .help = help_text                                                   \
    }

/* In the order of the enums in config.h. */
static const char *const compression_words[] = { "zstd", "gzip", "lzo", "xz", "lz4", NULL };
static const char *const kernel_source_words[] = { "kernel.org", "debian", "debian-image", NULL };
static const char *const kernel_base_words[] = { "auto", "defaults", "nothing", NULL };
static const char *const transport_words[] = { "stdio", "sse", NULL };

static const char *const default_binaries[] = { "capsem-pty-agent", "capsem-net-proxy",
                                                "capsem-mcp-server", NULL };

/* ---- build.toml ---- */

static const struct field architecture_fields[] = {
    WORD(config_architecture, base_image, 0, "debian:bookworm-slim",
         "Base image of the root filesystem."),
    WORD(config_architecture, docker_platform, FIELD_REQUIRED, NULL,
         "Platform of the image, such as linux/amd64."),
    WORD(config_architecture, rust_target, FIELD_REQUIRED, NULL,
         "Target triple of the guest binaries."),
    WORD(config_architecture, kernel_branch, 0, "6.6",
         "Kernel branch, such as 6.12; with kernel.org also auto, the newest longterm branch."),
    { AT(config_architecture, kernel_source), .kind = FIELD_CHOICE, .words = kernel_source_words,
      .text = "kernel.org",
      .help = "Source of the kernel: kernel.org (a tarball), debian (the package "
              "linux-source-BRANCH) or debian-image (Debian's prebuilt cloud kernel)." },
    WORD(config_architecture, kernel_image, FIELD_REQUIRED, NULL,
         "Path of the image in the kernel tree, such as arch/x86_64/boot/bzImage."),
    { AT(config_architecture, defconfig), .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
      .check = check_relative_path, .pattern = "^[^/]",
      .help = "Kernel configuration; its path relative to the config folder." },
    { AT(config_architecture, kernel_base), .kind = FIELD_CHOICE, .words = kernel_base_words,
      .text = "auto",
      .help =
          "Value of symbols that the kernel configuration does not name: defaults (the kernel's) "
          "or nothing (all off). auto follows a line in the configuration (# kernel_base = "
          "\"nothing\"), or else chooses the base that keeps more of the named symbols." },
    INT(config_architecture, node_major, 24, 0, 999,
        "Major version of Node; 0: the image has none."),
};
RECORD(architecture, "architecture", config_architecture, check_architecture);

static const struct field build_fields[] = {
    { AT(config_build, compression), .kind = FIELD_CHOICE, .words = compression_words,
      .text = "zstd", .help = "Codec of the root filesystem." },
    INT(config_build, compression_level, 15, 1, 22,
        "Level of the codec; capped at the codec's highest level."),
    { AT(config_build, guest_binaries), .kind = FIELD_LIST, .items = default_binaries,
      .check = check_names, .pattern = "^[^/]+$",
      .help = "Programs compiled from guest_source into the image." },
    WORD(config_build, guest_source, 0, "agent",
         "Folder with their sources, relative to the guest folder: C, or a Cargo workspace."),
    { AT(config_build, artifacts), .kind = FIELD_PAIRS, .check = check_artifact_places,
      .help = "Destination of additional files and folders in artifacts/, by name; \"\" keeps one "
              "out of the image." },
    SUBS(config_build, architectures, FIELD_RECORDS, FIELD_REQUIRED | FIELD_NOT_EMPTY,
         architecture_record, "Architectures to build."),
    PAIRS(config_build, version_commands,
          "Commands whose output is written to tool-versions.txt, by name."),
    { AT(config_build, host_credentials), .kind = FIELD_LIST, .check = check_credentials,
      .pattern = "^(npm|pip|apt|proxy|go)$",
      .help = "Host credentials that steps may see: npm, pip, apt, proxy, go." },
    { AT(config_build, step_memory), .kind = FIELD_TEXT, .flags = FIELD_OPTIONAL,
      .check = check_bytes, .pattern = "^[0-9]+[KMGTkmgt]?$",
      .help =
          "Memory limit of a step, such as \"8G\"; default: nine tenths of the machine's memory." },
};
RECORD(build, "build", config_build, NULL);

/* ---- manifest.toml ---- */

static const struct field change_fields[] = {
    TEXT_REQUIRED(config_change, version, "Version that introduced the changes."),
    TEXT_REQUIRED(config_change, date, "Release date, as a string."),
    { AT(config_change, changes), .kind = FIELD_LIST, .flags = FIELD_REQUIRED,
      .help = "Changes, one line each." },
};
RECORD(change, "changelog entry", config_change, NULL);

static const struct field image_fields[] = {
    TEXT_REQUIRED(config_image, name, "Name of the image."),
    TEXT(config_image, version, "0.1.0", "Version of the image."),
    TEXT(config_image, description, "", "Purpose of the image."),
    SUBS(config_image, changelog, FIELD_ARRAY, 0, change_record, "Changes, the newest first."),
};
RECORD(image, "image", config_image, NULL);

/* ---- ai/ ---- */

static const struct field cli_fields[] = {
    TEXT_REQUIRED(config_provider_cli, key, "Name of the program."),
    TEXT_REQUIRED(config_provider_cli, name, "Display name."),
    TEXT(config_provider_cli, description, "", "Purpose of the program."),
    TEXT_OPTIONAL(config_provider_cli, version_command,
                  "Command that prints the program's version."),
};
RECORD(cli, "cli", config_provider_cli, NULL);

static const struct field api_key_fields[] = {
    TEXT_REQUIRED(config_api_key, name, "Display name."),
    { AT(config_api_key, env_vars), .kind = FIELD_LIST, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
      .help = "Environment variables that carry the key." },
    TEXT(config_api_key, prefix, "", "Prefix of a key."),
    TEXT_OPTIONAL(config_api_key, docs_url, "URL where users get a key."),
};
RECORD(api_key, "api_key", config_api_key, NULL);

static const struct field provider_network_fields[] = {
    DOMAINS(config_provider_network, domains, FIELD_REQUIRED | FIELD_NOT_EMPTY,
            "Domains of the provider."),
    BOOL(config_provider_network, allow_get, false, "Reading from them is allowed."),
    BOOL(config_provider_network, allow_post, false, "Writing to them is allowed."),
};
RECORD(provider_network, "network", config_provider_network, NULL);

#define MANAGER(type)                                                                              \
    {                                                                                              \
        AT(type, manager), .kind = FIELD_CHOICE, .flags = FIELD_REQUIRED,                          \
                           .words = config_manager_words, .word_code = "E005",                     \
                           .help = "Install manager."                                              \
    }

static const struct field install_fields[] = {
    MANAGER(config_install),
    TEXT(config_install, prefix, "", "Installation folder of the manager."),
    { AT(config_install, packages), .kind = FIELD_LIST, .flags = FIELD_REQUIRED,
      .help = "Packages, or URLs for curl." },
};
RECORD(install, "install", config_install, check_install);

static const struct field file_fields[] = {
    TEXT_REQUIRED(config_file, path, "Absolute path in the guest."),
    TEXT_REQUIRED(config_file, content, "Content; must be JSON if the path ends with .json."),
};
RECORD_OF(provider_file, file_fields, "file", config_file, check_provider_file);
RECORD_OF(shell_file, file_fields, "file", config_file, NULL);

static const struct field provider_fields[] = {
    TEXT_REQUIRED(config_provider, name, "Display name."),
    TEXT(config_provider, description, "", "Description of the provider."),
    BOOL(config_provider, enabled, true, "Whether the image includes it."),
    SUB(config_provider, cli, FIELD_OPTIONAL, cli_record, "Command-line program of the provider."),
    SUB(config_provider, api_key, FIELD_REQUIRED, api_key_record, "Its API key."),
    SUB(config_provider, network, FIELD_REQUIRED, provider_network_record,
        "Network access of the provider."),
    SUB(config_provider, install, FIELD_OPTIONAL, install_record, "Installation of the program."),
    SUBS(config_provider, files, FIELD_RECORDS, 0, provider_file_record,
         "Files written into the guest."),
};
RECORD(provider, "provider", config_provider, NULL);

/* ---- packages/ ---- */

static const struct field set_network_fields[] = {
    TEXT_REQUIRED(config_set_network, name, "Display name."),
    DOMAINS(config_set_network, domains, FIELD_REQUIRED, "Domains of the package registry."),
    BOOL(config_set_network, allow_get, true, "Reading from them is allowed."),
};
RECORD(set_network, "network", config_set_network, NULL);

static const struct field package_set_fields[] = {
    TEXT_REQUIRED(config_package_set, name, "Display name."),
    MANAGER(config_package_set),
    { AT(config_package_set, install_cmd), .kind = FIELD_TEXT,
      .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
      .help = "Install command; the package names are appended to it." },
    { AT(config_package_set, packages), .kind = FIELD_LIST,
      .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .empty_code = "E004", .help = "The packages." },
    PAIRS(config_package_set, version_commands,
          "Commands whose output is written to tool-versions.txt, by package."),
    SUB(config_package_set, network, FIELD_OPTIONAL, set_network_record,
        "Package registry to use at run time."),
};
RECORD(package_set, "package set", config_package_set, check_package_set);

/* ---- mcp/ ---- */

static const struct field mcp_server_fields[] = {
    TEXT_REQUIRED(config_mcp_server, name, "Display name."),
    { AT(config_mcp_server, transport), .kind = FIELD_CHOICE, .flags = FIELD_REQUIRED,
      .words = transport_words, .help = "stdio runs a command, sse connects to a URL." },
    TEXT(config_mcp_server, description, "", "Description of the server."),
    TEXT_OPTIONAL(config_mcp_server, command, "Program of a stdio server."),
    TEXT_OPTIONAL(config_mcp_server, url, "Address of an sse server."),
    LIST(config_mcp_server, args, "Arguments of the command."),
    PAIRS(config_mcp_server, env, "Environment of the command."),
    PAIRS(config_mcp_server, headers, "HTTP headers for the URL."),
    BOOL(config_mcp_server, builtin, false, "Whether the server is part of the image."),
    BOOL(config_mcp_server, enabled, true, "Whether the image includes it."),
};
static const struct need mcp_server_needs[] = {
    { "transport", "stdio", "command" },
    { "transport", "sse", "url" },
};
static const struct record mcp_server_record = {
    .noun = "MCP server",
    .fields = mcp_server_fields,
    .field_count = ARRAY_LEN(mcp_server_fields),
    .size = sizeof(struct config_mcp_server),
    .needs = mcp_server_needs,
    .need_count = ARRAY_LEN(mcp_server_needs),
};

/* ---- security/web.toml ---- */

static const struct field web_service_fields[] = {
    TEXT_REQUIRED(config_web_service, name, "Display name."),
    DOMAINS(config_web_service, domains, FIELD_REQUIRED, "Domains of the service."),
    BOOL(config_web_service, enabled, true, "The service can be reached."),
    BOOL(config_web_service, allow_get, false, "Reading from it is allowed."),
    BOOL(config_web_service, allow_post, false, "Writing to it is allowed."),
};
RECORD(web_service, "service", config_web_service, NULL);

static const struct field web_fields[] = {
    BOOL(config_web, allow_read, false, "Reading from any site is allowed."),
    BOOL(config_web, allow_write, false, "Writing to any site is allowed."),
    DOMAINS(config_web, custom_allow, 0, "Domains allowed besides those of the services."),
    DOMAINS(config_web, custom_block, 0, "Domains to block in every case."),
    SUBS(config_web, search, FIELD_RECORDS, 0, web_service_record, "Search engines."),
    SUBS(config_web, registry, FIELD_RECORDS, 0, web_service_record, "Package registries."),
    SUBS(config_web, repository, FIELD_RECORDS, 0, web_service_record, "Source repositories."),
};
RECORD(web, "web", config_web, NULL);

/* ---- vm/ ---- */

static const struct field resources_fields[] = {
    INT(config_resources, cpu_count, 4, 1, 8, "Virtual CPUs."),
    INT(config_resources, ram_gb, 4, 1, 16, "Memory, in GB."),
    INT(config_resources, scratch_disk_size_gb, 16, 1, 128, "Scratch disk, in GB."),
    BOOL(config_resources, log_bodies, false, "Bodies of requests are logged."),
    INT(config_resources, max_body_capture, 4096, 0, 1048576,
        "Maximum number of body bytes to log."),
    INT(config_resources, retention_days, 30, 1, 365, "Days to keep a session."),
    INT(config_resources, max_sessions, 100, 1, 10000, "Maximum number of sessions to keep."),
    INT(config_resources, min_content_sessions, 25, 0, 1000,
        "Minimum number of sessions whose content is kept."),
    INT(config_resources, max_disk_gb, 100, 1, 1000, "Disk space of all sessions, in GB."),
    INT(config_resources, terminated_retention_days, 365, 30, 3650,
        "Days to keep the record of a terminated session."),
};
RECORD(resources, "resources", config_resources, NULL);

static const struct field shell_fields[] = {
    TEXT(config_shell, term, "xterm-256color", "TERM of the shell."),
    TEXT(config_shell, home, "/root", "HOME of the shell."),
    TEXT(config_shell, path,
         "/opt/ai-clis/bin:/root/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
         "/sbin:/bin",
         "PATH of the shell."),
    TEXT(config_shell, lang, "C", "LANG of the shell."),
    SUB(config_shell, bashrc, FIELD_OPTIONAL, shell_file_record, "The shell's start-up file."),
    SUB(config_shell, tmux_conf, FIELD_OPTIONAL, shell_file_record, "Configuration of tmux."),
};
RECORD(shell, "shell", config_shell, NULL);

static const struct field tls_fields[] = {
    TEXT(config_tls, ca_bundle, "/etc/ssl/certs/ca-certificates.crt",
         "CA certificates trusted by programs in the guest."),
};
RECORD(tls, "tls", config_tls, NULL);

static const struct field environment_fields[] = {
    SUB(config_environment, shell, 0, shell_record, "The shell."),
    SUB(config_environment, tls, 0, tls_record, "Certificates."),
};
RECORD(environment, "environment", config_environment, NULL);

/* ---- the files ---- */

const struct file_kind file_kinds[] = {
    { .path = "build.toml",
      .table = "build",
      .json = "build",
      .field = SUB(guest_config, build, 0, build_record, "Image build settings.") },
    { .path = "manifest.toml",
      .table = "image",
      .json = "manifest",
      .field = SUB(guest_config, image, FIELD_OPTIONAL, image_record,
                   "Image name, version and changelog.") },
    { .path = "ai/",
      .json = "ai_providers",
      .field = SUBS(guest_config, providers, FIELD_RECORDS, 0, provider_record, "AI providers."),
      .lint = lint_provider },
    { .path = "packages/",
      .json = "package_sets",
      .field =
          SUBS(guest_config, package_sets, FIELD_RECORDS, 0, package_set_record, "Package sets."),
      .lint = lint_package_set },
    { .path = "mcp/",
      .json = "mcp_servers",
      .field = SUBS(guest_config, mcp_servers, FIELD_RECORDS, 0, mcp_server_record, "MCP servers."),
      .lint = lint_mcp_server },
    { .path = "security/web.toml",
      .table = "web",
      .json = "web_security",
      .field = SUB(guest_config, web, 0, web_record, "Network access of the guest.") },
    { .path = "vm/resources.toml",
      .table = "resources",
      .json = "vm_resources",
      .field = SUB(guest_config, resources, 0, resources_record, "Resources of the machine.") },
    { .path = "vm/environment.toml",
      .table = "environment",
      .json = "vm_environment",
      .field = SUB(guest_config, environment, 0, environment_record, "Shell environment.") },
};
const size_t file_kind_count = ARRAY_LEN(file_kinds);
