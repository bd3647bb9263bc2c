// SPDX-License-Identifier: Apache-2.0
/* A Docker engine, where there is one: what a build with --engine docker needs of it. */
#include <string.h>
#include <sys/statvfs.h>

#include "docker/docker.h"
#include "doctor/internal.h"

enum { TEXT_BYTES_MAX = 16 * 1024 };

/* A first build of the default guest: bases, layers, the build cache. */
#define ENGINE_SPACE_WARN_BYTES (UINT64_C(12) * 1000 * 1000 * 1000)
#define ENGINE_SPACE_FAIL_BYTES (UINT64_C(5) * 1000 * 1000 * 1000)

void doctor_check_docker(struct doctor *d) {
    struct err err = ERR_INIT;
    bool is_needed = !sandbox_exists(NULL);
    if (proc_find(d->arena, "docker") == NULL && is_needed) {
        struct doctor_finding *f =
            doctor_report(d, FINDING_FAIL, NULL, "no client: Docker builds here");
        doctor_fix_packages(d, f, "docker.io");
        return;
    }
    if (proc_find(d->arena, "docker") == NULL) {
        doctor_report(d, FINDING_PASS, NULL, "no client; --engine embedded does not need one");
        return;
    }
    struct docker_engine *e = ARENA_NEW(d->arena, struct docker_engine);
    if (docker_engine_find(d->arena, e, &err)) {
        d->docker = e;
        doctor_report(d, FINDING_PASS, NULL, "Docker %.*s answers, client %.*s, %s",
                      STR_FMT(e->version), STR_FMT(e->client_version),
                      e->has_buildkit ? "with BuildKit"
                                      : "without BuildKit: install docker-buildx");
        return;
    }
    AUTO_BUF text = BUF_INIT(TEXT_BYTES_MAX);
    err_text(&err, &text);
    struct doctor_finding *f =
        doctor_report(d, is_needed ? FINDING_FAIL : FINDING_WARN, NULL, "%s", text.ptr);
    doctor_fix(d, f, "docker info%s%s", err.help[0] != '\0' ? " # " : "", err.help);
}

void doctor_check_docker_memory(struct doctor *d) {
    const struct docker_engine *e = d->docker;
    if (e == NULL || e->memory_bytes == 0) {
        return;
    }
    unsigned long long mb = e->memory_bytes / (1024 * 1024);
    if (mb >= DOCKER_RECOMMENDED_MEMORY_MB) {
        doctor_report(d, FINDING_PASS, NULL, "the engine has %llu MB and %llu processors", mb,
                      (unsigned long long)e->cpus);
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, mb < DOCKER_MIN_MEMORY_MB ? FINDING_FAIL : FINDING_WARN, NULL,
                      "the engine has %llu MB: at least %d MB are required and %d MB recommended; "
                      "a step that runs out of memory exits with status 137",
                      mb, DOCKER_MIN_MEMORY_MB, DOCKER_RECOMMENDED_MEMORY_MB);
    const char *help = docker_memory_help(e);
    bool is_command = strncmp(help, "colima ", strlen("colima ")) == 0;
    doctor_fix(d, f, "%s%s", is_command ? "" : "docker info --format '{{.MemTotal}}' # ", help);
}

/* apt refuses lists from the future; so do certificates. */
void doctor_check_docker_clock(struct doctor *d) {
    const struct docker_engine *e = d->docker;
    if (e == NULL) {
        return;
    }
    int64_t ahead = e->clock_ahead_s;
    long long off = ahead < 0 ? -ahead : ahead;
    if (off <= DOCKER_CLOCK_SKEW_MAX_S) {
        doctor_report(d, FINDING_PASS, NULL,
                      "the engine's clock is within %lld s of this machine's", off);
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, FINDING_FAIL, NULL, "the engine's clock is %lld s %s this machine's", off,
                      ahead < 0 ? "behind" : "ahead of");
    doctor_fix(d, f,
               "docker run --rm --privileged --pid=host debian:bookworm-slim nsenter -t 1 -m "
               "date -s \"$(date -uIseconds)\" # or restart its machine");
}

/* Only of an engine on this machine can the disk be seen. */
void doctor_check_docker_space(struct doctor *d) {
    const struct docker_engine *e = d->docker;
    struct statvfs st;
    if (e == NULL || e->root_dir.len == 0 || statvfs(str_to_c(d->arena, e->root_dir), &st) != 0) {
        return;
    }
    uint64_t bytes = (uint64_t)st.f_bavail * st.f_frsize;
    if (bytes >= ENGINE_SPACE_WARN_BYTES) {
        doctor_report(d, FINDING_PASS, NULL, "%s free in %.*s", unit_bytes(bytes).text,
                      STR_FMT(e->root_dir));
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, bytes < ENGINE_SPACE_FAIL_BYTES ? FINDING_FAIL : FINDING_WARN, NULL,
                      "%s free in %.*s; a first build needs up to %s", unit_bytes(bytes).text,
                      STR_FMT(e->root_dir), unit_bytes(ENGINE_SPACE_WARN_BYTES).text);
    doctor_fix(d, f, "docker builder prune # or a larger disk");
}

/* Is it the engine's own, or does a builder say that it has an emulator? */
void doctor_check_docker_platforms(struct doctor *d) {
    const struct docker_engine *e = d->docker;
    struct docker_builder builder = { 0 };
    if (e == NULL) {
        return;
    }
    bool has_builder = e->has_buildx && docker_builder_find(d->arena, NULL, &builder, NULL);
    for (size_t i = 0; i < d->config.build.architectures.len; i++) {
        const struct config_architecture *arch = &d->config.build.architectures.items[i];
        struct oci_platform platform;
        str text = arch->docker_platform.text;
        const char *name = str_to_c(d->arena, arch->head.key);
        if (!oci_platform_parse(d->arena, text, &platform, NULL)) {
            continue; /* the config's check has said it */
        }
        if (oci_platform_eq(&platform, &e->platform)) {
            doctor_report(d, FINDING_PASS, name, "the engine is %.*s", STR_FMT(text));
        } else if (has_builder && docker_builder_node(&builder, &platform) != NULL) {
            doctor_report(d, FINDING_PASS, name, "a node of the builder '%.*s' executes %.*s",
                          STR_FMT(builder.name), STR_FMT(text));
        } else {
            struct doctor_finding *f = doctor_report(
                d, FINDING_WARN, name, "cannot confirm that the engine (%.*s) executes %.*s",
                STR_FMT(oci_platform_text(d->arena, &e->platform)), STR_FMT(text));
            doctor_fix_packages(d, f, "qemu-user-static binfmt-support # on the engine's machine");
        }
    }
}

void doctor_check_docker_leftovers(struct doctor *d) {
    if (d->docker == NULL || d->store == NULL) {
        return;
    }
    size_t count = docker_leftovers(d->arena, d->store, d->docker, false);
    if (count == 0) {
        doctor_report(d, FINDING_PASS, NULL, "no interrupted builds");
        return;
    }
    struct doctor_finding *f =
        doctor_report(d, FINDING_WARN, NULL,
                      "%zu build%s interrupted and may have left containers and "
                      "images in the engine: the next build removes them",
                      count, count == 1 ? " was" : "s were");
    doctor_fix(d, f, "capsem-builder cache prune --keep-days 36500 # keeps all of the store");
}
