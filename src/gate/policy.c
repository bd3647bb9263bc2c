// SPDX-License-Identifier: Apache-2.0
#include "gate/gate.h"

struct maker {
    struct arena *arena;
    struct gate_rule *rules;
    size_t len, cap;
};

struct access {
    bool get, post;
};

static void add(struct maker *m, str domain, struct access access, const char *source) {
    struct gate_rule rule = { .get = access.get, .post = access.post, .source = source };
    domain = str_lower(m->arena, str_trim(domain));
    rule.below = str_starts(domain, S("*."));
    rule.domain = rule.below ? str_slice(domain, 2, domain.len) : domain;
    /* "*" alone: the root, below which every name is */
    if (str_eq(domain, S("*"))) {
        rule.below = true;
        rule.domain = S("");
    }
    ARENA_PUSH(m->arena, m->rules, m->len, m->cap, rule);
}

static void add_list(struct maker *m, const struct config_list *list, struct access access,
                     const char *source) {
    for (size_t i = 0; i < list->len; i++) {
        add(m, list->items[i].text, access, source);
    }
}

static const char *source_of(struct maker *m, const char *table, str key) {
    return str_fmt(m->arena, "%s '%.*s'", table, STR_FMT(key)).ptr;
}

/* A table that is not enabled still mentions its names: they are refused. */
static void add_services(struct maker *m, const struct config_web_services *services,
                         const char *table) {
    for (size_t i = 0; i < services->len; i++) {
        const struct config_web_service *s = &services->items[i];
        struct access access = { s->enabled.value && s->allow_get.value,
                                 s->enabled.value && s->allow_post.value };
        add_list(m, &s->domains, access, source_of(m, table, s->head.key));
    }
}

void gate_policy_make(struct arena *a, const struct guest_config *config, struct gate_policy *ret) {
    struct maker m = { .arena = a };
    const struct config_web *web = &config->web;
    add_list(&m, &web->custom_block, (struct access){ false, false }, "web.custom_block");
    size_t blocks = m.len;
    add_list(&m, &web->custom_allow, (struct access){ true, true }, "web.custom_allow");
    add_services(&m, &web->search, "web.search");
    add_services(&m, &web->registry, "web.registry");
    add_services(&m, &web->repository, "web.repository");
    for (size_t i = 0; i < config->providers.len; i++) {
        const struct config_provider *p = &config->providers.items[i];
        struct access access = { p->enabled.value && p->network.allow_get.value,
                                 p->enabled.value && p->network.allow_post.value };
        add_list(&m, &p->network.domains, access, source_of(&m, "ai", p->head.key));
    }
    for (size_t i = 0; i < config->package_sets.len; i++) {
        const struct config_package_set *s = &config->package_sets.items[i];
        if (s->network.head.present) {
            struct access access = { s->network.allow_get.value, false };
            add_list(&m, &s->network.domains, access, source_of(&m, "packages", s->head.key));
        }
    }
    *ret = (struct gate_policy){
        .rules = m.rules,
        .count = m.len,
        .blocks = blocks,
        .other_get = web->allow_read.value,
        .other_post = web->allow_write.value,
    };
}

static bool matches(const struct gate_rule *rule, str name) {
    if (rule->domain.len == 0) {
        return rule->below;
    }
    if (!str_ends(name, rule->domain)) {
        return false;
    }
    size_t before = name.len - rule->domain.len;
    return before == 0 || (rule->below && name.ptr[before - 1] == '.');
}

static bool allows(bool get, bool post, enum gate_want want) {
    switch (want) {
    case GATE_GET:
        return get;
    case GATE_POST:
        return post;
    case GATE_BOTH:
        return get && post;
    case GATE_ANY:
        return get || post;
    }
    return false;
}

bool gate_policy_allows(const struct gate_policy *policy, str name, enum gate_want want,
                        const char **ret_why) {
    if (policy->closed != NULL) {
        *ret_why = policy->closed;
        return false;
    }
    bool known = false;
    for (size_t i = 0; i < policy->count; i++) {
        const struct gate_rule *rule = &policy->rules[i];
        if (!matches(rule, name)) {
            continue;
        }
        if (i < policy->blocks) {
            *ret_why = rule->source;
            return false;
        }
        if (allows(rule->get, rule->post, want)) {
            *ret_why = rule->source;
            return true;
        }
        *ret_why = known ? *ret_why : rule->source;
        known = true;
    }
    if (known) {
        return false;
    }
    *ret_why = want == GATE_POST || (want == GATE_BOTH && policy->other_get) ? "web.allow_write"
                                                                             : "web.allow_read";
    return allows(policy->other_get, policy->other_post, want);
}
