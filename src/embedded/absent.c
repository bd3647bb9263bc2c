// SPDX-License-Identifier: Apache-2.0
/* What needs a sandbox, where there is none: compiled in place of the embedded engine. */
#include "embedded/embedded.h"

bool embedded_run(struct arena *a, const struct build_request *request, struct diag_sink *sink,
                  struct build_result *ret, struct err *err) {
    (void)a;
    (void)request;
    (void)sink;
    *ret = (struct build_result){ 0 };
    return sandbox_exists(err) ||
           err_help(err,
                    "'build --engine docker' builds a guest folder, 'docker build' any Dockerfile");
}

/* embedded_run() will say what is wrong. */
bool embedded_check_platforms(struct arena *a, const struct build_request *request,
                              struct diag_sink *sink) {
    (void)a;
    (void)request;
    (void)sink;
    return true;
}

bool embedded_probe(struct arena *a, const struct embedded_probe *probe, struct sandbox_result *ret,
                    struct err *err) {
    (void)a;
    (void)probe;
    (void)ret;
    return sandbox_exists(err);
}
