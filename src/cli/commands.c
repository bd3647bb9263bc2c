// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include "cli/commands.h"

/* In the order of --help. */
const struct command *const commands[] = {
    &command_doctor,
    &command_init,
    &command_new,
    &command_add,
    &command_validate,
    &command_explain,
    &command_inspect,
    &command_build,
    &command_bake,
    &command_agent,
    &command_render,
    &command_run,
    &command_attach,
    &command_size,
    &command_diff,
    &command_whence,
    &command_sbom,
    &command_audit,
    &command_mcp,
    &command_image_build,
    &command_image_import,
    &command_image_pull,
    &command_image_export,
    &command_image_push,
    &command_image_ls,
    &command_image_rm,
    &command_cache_ls,
    &command_cache_du,
    &command_cache_prune,
    &command_cache_verify,
    /* for editors and shells */
    &command_lsp,
    &command_schema,
    &command_completions,
    &command_reference,
};

const size_t command_count = ARRAY_LEN(commands);
