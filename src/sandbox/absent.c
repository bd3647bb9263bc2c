// SPDX-License-Identifier: Apache-2.0
/* The room where there are no namespaces: compiled in place of all others. */
#include <string.h>
#include <sys/utsname.h>

#include "sandbox/sandbox.h"

bool sandbox_exists(struct err *err) {
    struct utsname u;
    bool is_linux = uname(&u) == 0 && strcmp(u.sysname, "Linux") == 0;
    return err_set(err, is_linux ? "this program was built without the embedded engine"
                                 : "the embedded engine needs Linux");
}

enum sandbox_rights sandbox_rights(void) {
    return SANDBOX_NOT_ROOT;
}

bool sandbox_become_root(struct err *err) {
    return sandbox_exists(err);
}

enum sandbox_rights sandbox_foresee_rights(const char **ret_lacks) {
    *ret_lacks = NULL;
    return SANDBOX_NOT_ROOT;
}

bool sandbox_run(const struct sandbox_spec *spec, struct sandbox_result *ret, struct err *err) {
    (void)spec;
    (void)ret;
    return sandbox_exists(err);
}

bool sandbox_limits_steps(void) {
    return false;
}
