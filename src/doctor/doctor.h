// SPDX-License-Identifier: Apache-2.0
/*
 * doctor/: what this machine lacks for a build, and for a guest folder when there is one. Each
 * finding that is not a pass has a command that puts it right. The checks look, and run one step
 * in a sandbox; none uses the network.
 */
#pragma once

#include "base/base.h"

enum doctor_status {
    FINDING_PASS,
    FINDING_WARN, /* a build works, but something is slow, or cannot be done */
    FINDING_FAIL, /* a build does not work */
    FINDING_STATUS_COUNT,
};

struct doctor_finding {
    const char *group;
    const char *name;
    enum doctor_status status;
    str detail;
    str fix; /* a command that can be pasted; empty for a pass */
};

struct doctor_request {
    const char *cache_dir; /* the store */
    const char *guest_dir; /* need not be there: then only the machine is checked, */
    bool guest_is_named;   /* and that is a failure when somebody named it */
};

struct doctor_findings {
    struct doctor_finding *items; /* in the order of the checks, those of a group together */
    size_t len;
    size_t cap;
    size_t counts[FINDING_STATUS_COUNT];
};

/* Runs every check; the findings live in the arena. May make the process root of a user
 * namespace. */
void doctor_run(struct arena *a, const struct doctor_request *request, struct doctor_findings *ret);
