// SPDX-License-Identifier: Apache-2.0
#include "cli/recipe_run.h"

#include <errno.h>

#include "oci/oci.h"

bool recipe_prepare(struct cli *cli, const struct recipe_run *run, const struct recipe *recipe,
                    struct progress *p, struct store_work *work, struct build_request *ret,
                    struct err *err) {
    if (!store_work_begin(run->store, work, err)) {
        return false;
    }
    const char *context = store_work_path(work, cli->arena, "context");
    if (mkdir(context, 0755) < 0) {
        return err_sys(err, errno, "create '%s'", context);
    }
    *ret = (struct build_request){
        .store = run->store,
        .sources = run->sources,
        .dockerfile = recipe->source,
        .context = context,
        .no_cache = run->no_cache,
        .emulate = run->emulate,
        .pull = run->pull,
        .offline = run->offline,
        .source_date_epoch = run->epoch_s,
        .events = &progress_events,
        .self = p,
        .cancelled = &interrupted,
    };
    return recipe_write_context(recipe, context, run->epoch_s, err) &&
           oci_platform_parse(cli->arena, run->arch->docker_platform.text, &ret->platform, err);
}

bool recipe_report(struct cli *cli, struct progress *p, struct diag_sink *sink, str failed_output,
                   const struct err *err) {
    progress_done(p);
    if (interrupted) {
        print_error(cli, "stopped; the steps that were finished are kept");
        return false;
    }
    if (!progress_showed_end(p) && failed_output.len > 0) {
        fwrite(failed_output.ptr, 1, failed_output.len, stderr);
        if (!str_ends(failed_output, S("\n"))) {
            fputc('\n', stderr);
        }
    }
    if (sink->len > 0) {
        print_diags(cli, sink, stderr);
    }
    if (err_is_set(err)) {
        print_err(cli, err);
    }
    return false;
}

int recipe_open_built(struct arena *a, const struct build_result *result, const char *name) {
    for (size_t i = result->layer_count; i > 0; i--) {
        int fd = open(path_join(a, result->layers[i - 1], name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) {
            return fd;
        }
    }
    return -1;
}
