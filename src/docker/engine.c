// SPDX-License-Identifier: Apache-2.0
/* What `docker` talks to: Docker or something else, its age, its machine. */
#include <jansson.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/clock.h"
#include "docker/internal.h"

enum {
    OLDEST_MAJOR = 20, /* 20.10: RUN --mount and COPY --chmod without a frontend from a registry */
    OLDEST_MINOR = 10,
    PLUGIN_MAJOR = 23, /* from here on clients build through their plugin; BuildKit is 0.10 */
};

/* ---- answers in JSON ---- */

static const json_t *at(const json_t *o, const char *path) {
    AUTO_ARENA scratch = arena_new();
    str rest = str_from_c(path);
    while (rest.len > 0 && o != NULL) {
        o = json_object_get(o, str_to_c(scratch, str_cut(&rest, '.')));
    }
    return o;
}

str json_text_at(struct arena *a, const json_t *o, const char *path) {
    return str_dup(a, str_from_c(json_string_value(at(o, path))));
}

uint64_t json_number_at(const json_t *o, const char *path) {
    json_int_t number = json_integer_value(at(o, path));
    return number > 0 ? (uint64_t)number : 0;
}

/* ---- versions ---- */

static bool check_age(const struct docker_engine *e, struct err *err) {
    uint64_t major;
    uint64_t minor;
    if (!str_to_version(e->version, &major, &minor)) {
        return err_set(err, "the engine version is not a number: '%.*s'", STR_FMT(e->version));
    }
    if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR)) {
        return true;
    }
    err_set(err, "the Docker engine %.*s is older than %d.%d", STR_FMT(e->version), OLDEST_MAJOR,
            OLDEST_MINOR);
    return err_help(err, "update it, or use --engine embedded");
}

/* podman answers most of docker's commands, but builds, exports and labels in its own way. */
static bool check_is_docker(struct arena *a, struct err *err) {
    static const char *const argv[] = { "docker", "--version", NULL };
    str text;
    if (!call_ask(a, argv, DOCKER_ASK_MS, NULL, &text, err)) {
        return false;
    }
    if (str_find(str_lower(a, text), S("podman"), 0) == STR_NONE) {
        return true;
    }
    size_t end = str_find_last_char(text, '\n');
    str shown = end == STR_NONE ? text : str_slice(text, end + 1, text.len);
    err_set(err, "the program 'docker' is not Docker: it is %.*s", STR_FMT(shown));
    return err_help(err, "put Docker's client first in PATH, or use --engine embedded");
}

/* ---- buildx ---- */

static bool has_buildx(struct arena *a) {
    static const char *const argv[] = { "docker", "buildx", "version", NULL };
    str ignored;
    return call_ask(a, argv, DOCKER_ASK_MS, NULL, &ignored, NULL);
}

static void find_buildkit(struct arena *a, struct docker_engine *e) {
    uint64_t major = 0;
    uint64_t minor = 0;
    e->has_step_network = str_to_version(e->version, &major, &minor) && major >= PLUGIN_MAJOR;
    e->has_buildx = has_buildx(a);
    /* Clients before 23 speak to the engine's BuildKit themselves. */
    e->has_buildkit = e->has_buildx ||
                      (str_to_version(e->client_version, &major, &minor) && major < PLUGIN_MAJOR);
}

/* ---- the machine ---- */

/* "2026-11-25T16:51:44.02Z"; 0: it cannot be read. */
static int64_t parse_time(str text) {
    AUTO_ARENA scratch = arena_new();
    struct tm tm = { 0 };
    const char *rest = strptime(str_to_c(scratch, text), "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL) {
        return 0;
    }
    while (*rest == '.' || char_is_digit(*rest)) {
        rest++;
    }
    int64_t offset_s = 0;
    if ((*rest == '+' || *rest == '-') && strlen(rest) == strlen("+hh:mm")) {
        int64_t hours = (rest[1] - '0') * 10 + (rest[2] - '0');
        int64_t minutes = (rest[4] - '0') * 10 + (rest[5] - '0');
        offset_s = (hours * 60 + minutes) * 60 * (*rest == '-' ? -1 : 1);
    }
    return (int64_t)timegm(&tm) - offset_s;
}

static bool read_info(struct arena *a, struct docker_engine *e, str text, int64_t asked_s,
                      struct err *err) {
    json_t *info = json_loadb(text.ptr, text.len, 0, NULL);
    const json_t *first = json_array_get(at(info, "ServerErrors"), 0);
    str problem = str_dup(a, str_from_c(json_string_value(first)));
    e->root_dir = json_text_at(a, info, "DockerRootDir");
    e->client_version = json_text_at(a, info, "ClientInfo.Version");
    e->context = json_text_at(a, info, "ClientInfo.Context");
    e->version = json_text_at(a, info, "ServerVersion");
    e->id = json_text_at(a, info, "ID");
    e->name = json_text_at(a, info, "Name");
    e->architecture = json_text_at(a, info, "Architecture");
    e->memory_bytes = json_number_at(info, "MemTotal");
    e->cpus = json_number_at(info, "NCPU");
    str os = json_text_at(a, info, "OSType");
    int64_t there_s = parse_time(json_text_at(a, info, "SystemTime"));
    json_decref(info);
    if (problem.len > 0) {
        return call_explain(problem, 1, err);
    }
    if (e->version.len == 0) {
        return err_set(err, "'docker info' did not report an engine");
    }
    if (os.len > 0 && !str_eq(os, S("linux"))) {
        err_set(err, "the engine runs %.*s containers, not Linux ones", STR_FMT(os));
        return err_help(err, "switch Docker Desktop to Linux containers");
    }
    e->clock_ahead_s = there_s == 0 ? 0 : there_s - asked_s;
    str platform = str_fmt(a, "linux/%.*s", STR_FMT(e->architecture));
    return oci_platform_parse(a, platform, &e->platform, err);
}

bool docker_engine_find(struct arena *a, struct docker_engine *ret, struct err *err) {
    static const char *const argv[] = { "docker", "info", "--format", "{{json .}}", NULL };
    static const char *const client[] = { "docker", "version", "--format", "{{.Client.Version}}",
                                          NULL };
    struct docker_engine e = { 0 };
    str text;
    if (!check_is_docker(a, err) || !call_ask(a, argv, DOCKER_ASK_MS, NULL, &text, err)) {
        return false;
    }
    if (!read_info(a, &e, text, time_now_epoch_s(), err) || !check_age(&e, err)) {
        return false;
    }
    if (e.client_version.len == 0 &&
        !call_ask(a, client, DOCKER_ASK_MS, NULL, &e.client_version, err)) {
        return false;
    }
    find_buildkit(a, &e);
    *ret = e;
    return true;
}

const char *docker_memory_help(const struct docker_engine *engine) {
    struct utsname u;
    AUTO_ARENA scratch = arena_new();
    bool mac = uname(&u) == 0 && strcmp(u.sysname, "Darwin") == 0;
    if (mac || str_find(str_lower(scratch, engine->context), S("colima"), 0) != STR_NONE) {
        return "colima stop && colima start --memory 12 --cpu 4";
    }
    return "give the engine's machine more memory or run fewer builds in parallel";
}
