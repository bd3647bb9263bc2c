// SPDX-License-Identifier: Apache-2.0
/* Every command's table, one row here and one in commands.c. */
#pragma once

#include "cli/cli.h"

extern const struct command command_add;
extern const struct command command_agent;
extern const struct command command_attach;
extern const struct command command_audit;
extern const struct command command_bake;
extern const struct command command_build;
extern const struct command command_cache_du;
extern const struct command command_cache_ls;
extern const struct command command_cache_prune;
extern const struct command command_cache_verify;
extern const struct command command_completions;
extern const struct command command_diff;
extern const struct command command_doctor;
extern const struct command command_explain;
extern const struct command command_image_build;
extern const struct command command_image_export;
extern const struct command command_image_import;
extern const struct command command_image_ls;
extern const struct command command_image_pull;
extern const struct command command_image_push;
extern const struct command command_image_rm;
extern const struct command command_init;
extern const struct command command_inspect;
extern const struct command command_lsp;
extern const struct command command_mcp;
extern const struct command command_new;
extern const struct command command_reference;
extern const struct command command_render;
extern const struct command command_run;
extern const struct command command_sbom;
extern const struct command command_schema;
extern const struct command command_size;
extern const struct command command_validate;
extern const struct command command_whence;
