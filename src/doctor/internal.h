// SPDX-License-Identifier: Apache-2.0
/* A check is a row of a table (doctor.c) and a function that reports findings: one, or one an
 * architecture. */
#pragma once

#include "config/config.h"
#include "doctor/doctor.h"
#include "sandbox/sandbox.h"
#include "store/store.h"

struct doctor {
    struct arena *arena;
    const struct doctor_request *request;
    bool has_guest; /* false: there is no such folder, and the config is empty */
    struct guest_config config;
    struct diag_sink sink; /* what the config's check said */
    struct store *store;   /* NULL: could not be opened, store_err says why */
    struct err store_err;
    const struct docker_engine *docker; /* NULL: none answers */

    enum sandbox_rights rights; /* that steps have */
    const char *lacks;          /* why an ordinary user has one id; NULL */
    struct err rights_err;      /* set: the user cannot have them */
    bool is_root;               /* who called us */

    const char *group; /* of the check that runs */
    const char *check;
    struct doctor_findings *found;
};

/* A finding of the running check. `about` tells its findings apart ("arm64"), NULL when there is
 * one. */
struct doctor_finding *doctor_report(struct doctor *d, enum doctor_status status, const char *about,
                                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The command that fixes it. */
void doctor_fix(struct doctor *d, struct doctor_finding *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for packages to install; asks for the rights that it needs. */
void doctor_fix_packages(struct doctor *d, struct doctor_finding *f, const char *packages);

/* This machine's architecture, by its name in target triples ("x86_64"). */
str doctor_host_machine(struct doctor *d);
/* The first part of the architecture's target triple. */
str doctor_machine_of(const struct config_architecture *arch);

/* engine.c, or absent.c */
void doctor_check_rights(struct doctor *d);
void doctor_check_kernel(struct doctor *d);
void doctor_check_overlayfs(struct doctor *d);
void doctor_check_seccomp(struct doctor *d);
void doctor_check_cgroups(struct doctor *d);
void doctor_check_step(struct doctor *d);

/* store.c */
void doctor_check_store(struct doctor *d);
void doctor_check_space(struct doctor *d);

/* docker.c; those after the first look at what it found */
void doctor_check_docker(struct doctor *d);
void doctor_check_docker_memory(struct doctor *d);
void doctor_check_docker_clock(struct doctor *d);
void doctor_check_docker_space(struct doctor *d);
void doctor_check_docker_platforms(struct doctor *d);
void doctor_check_docker_leftovers(struct doctor *d);

/* tools.c */
void doctor_check_musl(struct doctor *d);
void doctor_check_mmdebstrap(struct doctor *d);
void doctor_check_qemu(struct doctor *d);
void doctor_check_kvm(struct doctor *d);
void doctor_check_foreign(struct doctor *d);

/* guest.c */
void doctor_check_config(struct doctor *d);
void doctor_check_kernel_configs(struct doctor *d);
void doctor_check_artifacts(struct doctor *d);
void doctor_check_agent_sources(struct doctor *d);
