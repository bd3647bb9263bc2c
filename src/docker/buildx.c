// SPDX-License-Identifier: Apache-2.0
/* Builders of buildx, and their nodes. */
#include <string.h>

#include "docker/internal.h"

/* "Name:      node0" */
static bool cut_field(str line, str name, str *ret) {
    if (!str_starts(line, name)) {
        return false;
    }
    *ret = str_trim(str_slice(line, name.len, line.len));
    return true;
}

static void read_builder(struct arena *a, str text, struct docker_builder *b) {
    size_t cap = 0;
    bool in_nodes = false;
    str value;
    while (text.len > 0) {
        str line = str_trim_right(str_cut(&text, '\n'));
        if (str_eq(line, S("Nodes:"))) {
            in_nodes = true;
        } else if (cut_field(line, S("Name:"), &value)) {
            if (in_nodes) {
                struct docker_node n = { .name = value };
                ARENA_PUSH(a, b->nodes, b->node_count, cap, n);
            } else {
                b->name = value;
            }
        } else if (cut_field(line, S("Driver:"), &value)) {
            b->driver = value;
        } else if (b->node_count > 0) {
            struct docker_node *n = &b->nodes[b->node_count - 1];
            (void)(cut_field(line, S("Endpoint:"), &n->endpoint) ||
                   cut_field(line, S("Status:"), &n->status) ||
                   cut_field(line, S("Platforms:"), &n->platforms));
        }
    }
}

bool docker_builder_find(struct arena *a, const char *name, struct docker_builder *ret,
                         struct err *err) {
    const char *const argv[] = { "docker", "buildx", "inspect", "--bootstrap", name, NULL };
    struct docker_builder b = { 0 };
    str text;
    if (!call_ask(a, argv, 0, NULL, &text, err)) {
        return err_wrap(err, "look at the builder%s%s%s", name == NULL ? "" : " '",
                        name == NULL ? "" : name, name == NULL ? "" : "'");
    }
    read_builder(a, text, &b);
    if (b.node_count == 0) {
        return err_set(err, "the builder '%.*s' has no nodes", STR_FMT(b.name));
    }
    *ret = b;
    return true;
}

/* Platforms that the user gave to a node are marked with '*'. */
static bool has_platform(const struct docker_node *n, str platform, bool marked) {
    str rest = n->platforms;
    while (rest.len > 0) {
        str word = str_trim(str_cut(&rest, ','));
        bool star = str_ends(word, S("*"));
        word = star ? str_slice(word, 0, word.len - 1) : word;
        if (str_eq(word, platform) && (star || !marked)) {
            return true;
        }
    }
    return false;
}

const struct docker_node *docker_builder_node(const struct docker_builder *b,
                                              const struct oci_platform *platform) {
    AUTO_ARENA scratch = arena_new();
    str text = oci_platform_text(scratch, platform);
    for (int marked = 1; marked >= 0; marked--) {
        for (size_t i = 0; i < b->node_count; i++) {
            const struct docker_node *n = &b->nodes[i];
            /* The first platform of a node is its own; others run in an emulator. */
            str rest = n->platforms;
            str first = str_trim(str_cut(&rest, ','));
            first = str_ends(first, S("*")) ? str_slice(first, 0, first.len - 1) : first;
            if (has_platform(n, text, marked == 1) || (marked == 1 && str_eq(first, text))) {
                return n;
            }
        }
    }
    return NULL;
}

/* The platform that its first node runs itself is what $BUILDPLATFORM will be, as far as we need
 * to know. */
bool docker_builder_engine(struct arena *a, const struct docker_builder *b,
                           struct docker_engine *ret, struct err *err) {
    str rest = b->nodes[0].platforms;
    str first = str_trim(str_cut(&rest, ','));
    first = str_ends(first, S("*")) ? str_slice(first, 0, first.len - 1) : first;
    *ret = (struct docker_engine){
        .id = str_fmt(a, "builder %.*s", STR_FMT(b->name)),
        .name = b->name,
        .has_buildkit = true,
        .has_buildx = true,
        .has_step_network = true,
    };
    return oci_platform_parse(a, first.len > 0 ? first : S("linux/amd64"), &ret->platform, err) ||
           err_wrap(err, "look at the builder '%.*s'", STR_FMT(b->name));
}
