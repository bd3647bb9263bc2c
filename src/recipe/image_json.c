// SPDX-License-Identifier: Apache-2.0
/* /etc/capsem/image.json: what the image holds and what it may do, for the guest's own tools.
 * docs/spec/recipes.md. */
#include <jansson.h>
#include <stdlib.h>

#include "recipe/internal.h"

static json_t *text(str s) {
    json_t *value = json_stringn(s.ptr == NULL ? "" : s.ptr, s.len);
    return value != NULL ? value : json_null();
}

static void put(json_t *o, const char *key, json_t *value) {
    json_object_set_new(o, key, value);
}

static json_t *list(const struct config_list *l) {
    json_t *array = json_array();
    for (size_t i = 0; i < l->len; i++) {
        json_array_append_new(array, text(l->items[i].text));
    }
    return array;
}

static json_t *pairs(const struct config_pairs *p) {
    json_t *object = json_object();
    for (size_t i = 0; i < p->len; i++) {
        json_object_setn_new(object, p->items[i].key.ptr, p->items[i].key.len,
                             text(p->items[i].value.text));
    }
    return object;
}

static json_t *services(const struct config_web_services *s) {
    json_t *array = json_array();
    for (size_t i = 0; i < s->len; i++) {
        const struct config_web_service *w = &s->items[i];
        json_t *o = json_object();
        put(o, "key", text(w->head.key));
        put(o, "name", text(w->name.text));
        put(o, "enabled", json_boolean(w->enabled.value));
        put(o, "domains", list(&w->domains));
        put(o, "allow_get", json_boolean(w->allow_get.value));
        put(o, "allow_post", json_boolean(w->allow_post.value));
        json_array_append_new(array, o);
    }
    return array;
}

static json_t *web(const struct config_web *w) {
    json_t *o = json_object();
    put(o, "allow_read", json_boolean(w->allow_read.value));
    put(o, "allow_write", json_boolean(w->allow_write.value));
    put(o, "custom_allow", list(&w->custom_allow));
    put(o, "custom_block", list(&w->custom_block));
    put(o, "search", services(&w->search));
    put(o, "registry", services(&w->registry));
    put(o, "repository", services(&w->repository));
    return o;
}

static json_t *provider(const struct config_provider *p) {
    json_t *o = json_object();
    json_t *network = json_object();
    put(o, "key", text(p->head.key));
    put(o, "name", text(p->name.text));
    put(o, "enabled", json_boolean(p->enabled.value));
    if (p->cli.head.present) {
        json_t *cli = json_object();
        put(cli, "key", text(p->cli.key.text));
        put(cli, "version_command", text(p->cli.version_command.text));
        put(o, "cli", cli);
    } else {
        put(o, "cli", json_null());
    }
    put(o, "env_vars", list(&p->api_key.env_vars));
    put(network, "domains", list(&p->network.domains));
    put(network, "allow_get", json_boolean(p->network.allow_get.value));
    put(network, "allow_post", json_boolean(p->network.allow_post.value));
    put(o, "network", network);
    return o;
}

static json_t *mcp_server(const struct config_mcp_server *s) {
    json_t *o = json_object();
    put(o, "key", text(s->head.key));
    put(o, "name", text(s->name.text));
    put(o, "transport", text(s->transport.text));
    put(o, "enabled", json_boolean(s->enabled.value));
    put(o, "builtin", json_boolean(s->builtin.value));
    put(o, "command", s->command.present ? text(s->command.text) : json_null());
    put(o, "url", s->url.present ? text(s->url.text) : json_null());
    put(o, "args", list(&s->args));
    put(o, "env", pairs(&s->env));
    put(o, "headers", pairs(&s->headers));
    return o;
}

static json_t *resources(const struct config_resources *r) {
    return json_pack(
        "{s:I,s:I,s:I,s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "cpu_count", (json_int_t)r->cpu_count.value,
        "ram_gb", (json_int_t)r->ram_gb.value, "scratch_disk_size_gb",
        (json_int_t)r->scratch_disk_size_gb.value, "log_bodies", r->log_bodies.value,
        "max_body_capture", (json_int_t)r->max_body_capture.value, "retention_days",
        (json_int_t)r->retention_days.value, "max_sessions", (json_int_t)r->max_sessions.value,
        "min_content_sessions", (json_int_t)r->min_content_sessions.value, "max_disk_gb",
        (json_int_t)r->max_disk_gb.value, "terminated_retention_days",
        (json_int_t)r->terminated_retention_days.value);
}

static json_t *environment(const struct config_environment *e) {
    json_t *o = json_object();
    put(o, "term", text(e->shell.term.text));
    put(o, "home", text(e->shell.home.text));
    put(o, "path", text(e->shell.path.text));
    put(o, "lang", text(e->shell.lang.text));
    put(o, "ca_bundle", text(e->tls.ca_bundle.text));
    return o;
}

static json_t *package_sets(const struct guest_config *c) {
    json_t *sets = json_object();
    for (size_t i = 0; i < c->package_sets.len; i++) {
        const struct config_package_set *set = &c->package_sets.items[i];
        json_t *o = json_object();
        put(o, "manager", text(set->manager.text));
        put(o, "packages", list(&set->packages));
        json_object_setn_new(sets, set->head.key.ptr, set->head.key.len, o);
    }
    return sets;
}

str image_json_make(struct arena *a, const struct guest_config *c,
                    const struct config_architecture *arch) {
    json_t *root = json_object();
    json_t *providers = json_array();
    json_t *servers = json_array();
    for (size_t i = 0; i < c->providers.len; i++) {
        json_array_append_new(providers, provider(&c->providers.items[i]));
    }
    for (size_t i = 0; i < c->mcp_servers.len; i++) {
        json_array_append_new(servers, mcp_server(&c->mcp_servers.items[i]));
    }
    put(root, "name", text(c->image.name.text));
    put(root, "version", text(c->image.version.text));
    put(root, "web", web(&c->web));
    put(root, "providers", providers);
    put(root, "mcp_servers", servers);
    put(root, "resources", resources(&c->resources));
    put(root, "environment", environment(&c->environment));
    put(root, "packages", package_sets(c));
    put(root, "node_major", json_integer(arch->node_major.value));
    put(root, "kernel_source", text(arch->kernel_source.text));
    put(root, "certificate", json_boolean(c->certificate != NULL));
    put(root, "guest_binaries", list(&c->build.guest_binaries));
    char *dumped = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    ASSERT(dumped != NULL);
    str copy = str_fmt(a, "%s\n", dumped);
    free(dumped);
    return copy;
}
