// SPDX-License-Identifier: Apache-2.0
/*
 * What builds that were killed have left in an engine. A build claims its label in the store before
 * it makes anything; a claim whose process is gone is a label whose things are nobody's.
 */
#include <string.h>

#include "docker/internal.h"

static str claim_text(struct arena *a, const struct docker_engine *engine) {
    /* Old engines have no id; two of one name are taken for one. */
    str which = engine->id.len > 0 ? engine->id : engine->name;
    return str_fmt(a, "docker %.*s", STR_FMT(which));
}

bool leftovers_claim(struct arena *a, struct store *store, const struct docker_engine *engine,
                     const char *label, struct store_claim *ret, struct err *err) {
    return store_claim_begin(store, label, claim_text(a, engine), ret, err);
}

/* Runs `docker LIST... --filter label=...`, and the other command with the words it prints. */
static bool remove_listed(struct arena *a, const char *label, const char *const *list,
                          const char *const *remove) {
    struct argv asks = { .arena = a };
    struct argv removes = { .arena = a };
    str found;
    for (size_t i = 0; list[i] != NULL; i++) {
        argv_add(&asks, list[i]);
    }
    argv_addf(&asks, "--filter=label=" DOCKER_LABEL "=%s", label);
    if (!call_ask(a, asks.items, DOCKER_ASK_MS, NULL, &found, NULL)) {
        return false;
    }
    if (found.len == 0) {
        return true;
    }
    for (size_t i = 0; remove[i] != NULL; i++) {
        argv_add(&removes, remove[i]);
    }
    while (found.len > 0) {
        argv_add(&removes, str_to_c(a, str_trim(str_cut(&found, '\n'))));
    }
    return call_ask(a, removes.items, DOCKER_ASK_MS, NULL, &found, NULL);
}

/* Names that others gave to an image of this program stay, as the image then does: only our own are
 * removed, and what has none. */
static bool remove_all(struct arena *a, const char *label) {
    /* A container that someone made from our image has its labels, but not our name. */
    static const char *const containers[] = { "docker",
                                              "container",
                                              "ls",
                                              "--all",
                                              "--quiet",
                                              "--no-trunc",
                                              "--filter=name=^/?capsem-builder-",
                                              NULL };
    static const char *const rm[] = { "docker", "rm", "--force", "--volumes", NULL };
    static const char *const repositories[] = { DOCKER_IMAGE_NAME, DOCKER_BASE_NAME };
    static const char *const rmi[] = { "docker", "image", "rm", "--force", NULL };
    if (!remove_listed(a, label, containers, rm)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(repositories); i++) {
        const char *const images[] = {
            "docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}", repositories[i], NULL
        };
        if (!remove_listed(a, label, images, rmi)) {
            return false;
        }
    }
    const char *filter = str_fmt(a, "label=" DOCKER_LABEL "=%s", label).ptr;
    const char *const prune[] = { "docker", "image", "prune", "--force", "--filter", filter, NULL };
    str ignored;
    return call_ask(a, prune, DOCKER_ASK_MS, NULL, &ignored, NULL);
}

size_t docker_leftovers(struct arena *a, struct store *store, const struct docker_engine *engine,
                        bool remove) {
    struct store_claim *claims;
    size_t found = 0;
    size_t count = store_claims_orphaned(store, a, &claims);
    for (size_t i = 0; i < count; i++) {
        bool is_here = str_eq(claims[i].text, claim_text(a, engine));
        found += is_here;
        if (claims[i].text.len == 0 || (is_here && remove && remove_all(a, claims[i].name))) {
            store_claim_done(&claims[i]);
        } else {
            store_claim_leave(&claims[i]);
        }
    }
    return found;
}
