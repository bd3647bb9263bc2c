// SPDX-License-Identifier: Apache-2.0
/*
 * RUN --device: devices that a specification of the Container Device Interface describes, in JSON
 * or YAML, in /etc/cdi or /var/run/cdi. Dockerfile reference, "RUN --device": NAME[,required],
 * where NAME is KIND=DEVICE, KIND=* for all of a kind, or KIND for its first.
 */
#include <jansson.h>
#include <string.h>

#include "embedded/devices.h"
#include "embedded/devices_yaml.h"

enum { SPEC_BYTES_MAX = 4 * 1024 * 1024, MOUNTS_MAX = 256 };

static const char *const folders[] = { "/etc/cdi", "/var/run/cdi" };

/* --- the flag -----------------------------------------------------------------------------------
 */

struct device_request {
    str kind;
    str device; /* empty: the first; "*": all */
    bool required;
};

static bool wrong(struct step *step, struct span span, const char *what, str text) {
    struct diag *d =
        diag_report(step->builder->sink, "E405", span, "%s '%.*s'", what, STR_FMT(text));
    diag_help(step->builder->sink, d, "--device takes VENDOR/CLASS[=NAME][,required]");
    return false;
}

static bool parse_request(struct step *step, struct dockerfile_word word,
                          struct device_request *ret) {
    str rest = word.text;
    str name = { 0 };
    *ret = (struct device_request){ 0 };
    while (rest.len > 0) {
        str field = str_cut(&rest, ',');
        if (str_eq(field, S("required")) || str_eq(field, S("required=true"))) {
            ret->required = true;
        } else if (str_eq(field, S("required=false"))) {
            ret->required = false;
        } else if (str_starts(field, S("name=")) && name.ptr == NULL) {
            name = str_slice(field, strlen("name="), field.len);
        } else if (str_find_char(field, '/', 0) != STR_NONE && name.ptr == NULL) {
            name = field;
        } else {
            return wrong(step, word.span, "a device request has no field", field);
        }
    }
    ret->device = name;
    ret->kind = str_cut(&ret->device, '=');
    size_t slash = str_find_char(ret->kind, '/', 0);
    return (slash != STR_NONE && slash > 0 && slash + 1 < ret->kind.len) ||
           wrong(step, word.span, "not the name of a device:", word.text);
}

/* --- specifications -----------------------------------------------------------------------------
 */

static const char *get_text(struct arena *a, const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? str_to_c(a, str_from_c(json_string_value(value))) : NULL;
}

static void add_mount(struct arena *a, struct devices *to, const char *source, const char *target,
                      bool is_device, bool readonly) {
    if (target == NULL || target[0] != '/' || to->len >= MOUNTS_MAX) {
        return;
    }
    struct sandbox_mount m = {
        .kind = SANDBOX_BIND,
        .source = source != NULL ? source : target,
        .target = target,
        .device = is_device,
        .readonly = readonly,
    };
    ARENA_PUSH(a, to->items, to->len, to->cap, m);
}

static bool is_readonly(const json_t *mount) {
    const json_t *options = json_object_get(mount, "options");
    for (size_t i = 0; i < json_array_size(options); i++) {
        const char *option = json_string_value(json_array_get(options, i));
        if (option != NULL && strcmp(option, "ro") == 0) {
            return true;
        }
    }
    return false;
}

static void add_edits(struct arena *a, const json_t *owner, struct devices *to) {
    const json_t *edits = json_object_get(owner, "containerEdits");
    const json_t *nodes = json_object_get(edits, "deviceNodes");
    const json_t *mounts = json_object_get(edits, "mounts");
    const json_t *env = json_object_get(edits, "env");
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        add_mount(a, to, get_text(a, node, "hostPath"), get_text(a, node, "path"), true, false);
    }
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        const json_t *mount = json_array_get(mounts, i);
        add_mount(a, to, get_text(a, mount, "hostPath"), get_text(a, mount, "containerPath"), false,
                  is_readonly(mount));
    }
    for (size_t i = 0; i < json_array_size(env); i++) {
        const char *pair = json_string_value(json_array_get(env, i));
        str value = pair == NULL ? S("") : str_dup(a, str_from_c(pair));
        str key = str_cut(&value, '=');
        if (key.len > 0 && value.ptr != NULL) {
            oci_pairs_set(a, &to->env, key, value);
        }
    }
}

/* Adds what the specification has of the request. */
static bool search_spec(struct arena *a, const json_t *spec, const struct device_request *request,
                        struct devices *to) {
    const char *kind = json_string_value(json_object_get(spec, "kind"));
    const json_t *devices = json_object_get(spec, "devices");
    bool found = false;
    if (kind == NULL || !str_eq(str_from_c(kind), request->kind)) {
        return false;
    }
    bool all = str_eq(request->device, S("*"));
    for (size_t i = 0; i < json_array_size(devices) && (all || !found); i++) {
        const json_t *device = json_array_get(devices, i);
        const char *name = json_string_value(json_object_get(device, "name"));
        if (name != NULL &&
            (all || request->device.len == 0 || str_eq(request->device, str_from_c(name)))) {
            add_edits(a, device, to);
            found = true;
        }
    }
    if (found) {
        add_edits(a, spec, to);
    }
    return found;
}

/* NULL: it is none; a damaged one is said to be so, and left out. */
static json_t *load_spec(struct builder *b, const char *folder, const char *name) {
    const char *path = path_join(b->arena, folder, name);
    struct err err = ERR_INIT;
    bool is_json = str_ends(str_from_c(name), S(".json"));
    str text;
    json_t *spec = NULL;
    if (!is_json && !str_ends(str_from_c(name), S(".yaml")) &&
        !str_ends(str_from_c(name), S(".yml"))) {
        return NULL;
    }
    if (fs_load(b->arena, AT_FDCWD, path, SPEC_BYTES_MAX, &text, &err)) {
        json_error_t where;
        spec = is_json ? json_loadb(text.ptr, text.len, 0, &where) : yaml_load(text, &err);
        if (spec == NULL && is_json) {
            err_set(&err, "line %d: %s", where.line, where.text);
        }
    }
    if (spec == NULL) {
        str notice = str_fmt(b->arena, "'%s' describes no devices: %s", path, err.frames[0]);
        b->request->events->notice(b->request->self, notice);
    }
    return spec;
}

static bool search(struct builder *b, const struct device_request *request, struct devices *to) {
    struct arena *a = b->arena;
    bool found = false;
    for (size_t f = 0; f < ARRAY_LEN(folders); f++) {
        const char **names;
        size_t count;
        if (!fs_list(a, AT_FDCWD, folders[f], &names, &count, NULL)) {
            continue;
        }
        for (size_t i = 0; i < count && (!found || str_eq(request->device, S("*"))); i++) {
            json_t *spec = load_spec(b, folders[f], names[i]);
            found = search_spec(a, spec, request, to) || found;
            json_decref(spec);
        }
    }
    return found;
}

/* --- planning -----------------------------------------------------------------------------------
 */

static bool plan_one(struct step *step, struct dockerfile_word word, struct devices *ret) {
    struct builder *b = step->builder;
    struct device_request request;
    if (!parse_request(step, word, &request)) {
        return false;
    }
    bool found = search(b, &request, ret);
    if (!found && request.required) {
        struct diag *d = diag_report(b->sink, "E405", word.span,
                                     "this machine has no device '%.*s'", STR_FMT(word.text));
        diag_help(b->sink, d, "a JSON or YAML file in %s or %s describes devices", folders[0],
                  folders[1]);
        return false;
    }
    if (!found) {
        str notice =
            str_fmt(b->arena, "this machine has no device '%.*s': the step runs without it",
                    STR_FMT(word.text));
        b->request->events->notice(b->request->self, notice);
        return true;
    }
    if (!b->request->allow_device) {
        struct diag *d = diag_report(b->sink, "E405", word.span,
                                     "this step requests the device '%.*s'", STR_FMT(word.text));
        diag_help(b->sink, d, "--allow device grants it");
        return false;
    }
    return true;
}

bool devices_plan(struct step *step, const struct dockerfile_run *run, struct devices *ret) {
    for (size_t i = 0; i < run->device_count; i++) {
        if (!plan_one(step, run->devices[i], ret)) {
            return false;
        }
    }
    return true;
}

void devices_key(const struct dockerfile_run *run, const struct devices *devices,
                 struct store_key_hash *k) {
    store_key_add_u64(k, devices->len);
    store_key_list(k);
    for (size_t i = 0; i < run->device_count; i++) {
        store_key_add(k, run->devices[i].text);
    }
    store_key_list_end(k);
}
