// SPDX-License-Identifier: Apache-2.0
#include "cli/secrets.h"

#include <stdlib.h>

#include "cli/csv.h"

enum { SECRET_BYTES_MAX = 500 * 1024 }; /* as BuildKit's */

struct secret_source {
    str id, file, env;
};

/* The words of one --secret, by the names that Docker gives them. */
static bool parse_secret(struct cli *cli, const char *text, struct secret_source *ret) {
    str rest = str_from_c(text);
    str type = { 0 };
    str src = { 0 };
    const struct {
        const char *name;
        str *to;
    } fields[] = { { "id", &ret->id },
                   { "src", &src },
                   { "source", &src },
                   { "env", &ret->env },
                   { "type", &type } };
    while (rest.ptr != NULL) {
        str value;
        str key;
        const char *wrong = csv_cut_pair(cli->arena, &rest, &key, &value);
        if (wrong != NULL) {
            print_error(cli, "image build: --secret '%s' %s", text, wrong);
            return false;
        }
        str *to = NULL;
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
            to = str_eq(key, str_from_c(fields[i].name)) ? fields[i].to : to;
        }
        if (to == NULL || value.len == 0) {
            print_error(
                cli, "image build: --secret takes id=ID with src=FILE or env=NAME, not '%s'", text);
            return false;
        }
        *to = value;
    }
    bool by_env = str_eq(type, S("env"));
    if (ret->id.len == 0 || (type.len > 0 && !by_env && !str_eq(type, S("file")))) {
        print_error(cli, "image build: --secret '%s' %s", text,
                    ret->id.len == 0 ? "has no id=ID" : "has a type that is neither file nor env");
        return false;
    }
    *(by_env ? &ret->env : &ret->file) = src.len > 0 ? src : *(by_env ? &ret->env : &ret->file);
    return true;
}

static bool load_secret(struct cli *cli, const struct secret_source *source, str *ret) {
    struct err err = ERR_INIT;
    str name = source->env.len > 0 ? source->env : source->id;
    if (source->file.len == 0) {
        const char *value = getenv(str_to_c(cli->arena, name));
        if (value != NULL) {
            *ret = str_from_c(value);
            return true;
        }
        if (source->env.len > 0) {
            print_error(cli, "the secret '%.*s': environment variable '%.*s' is not set",
                        STR_FMT(source->id), STR_FMT(name));
            return false;
        }
    }
    const char *path = str_to_c(cli->arena, source->file.len > 0 ? source->file : source->id);
    if (!fs_load(cli->arena, AT_FDCWD, path, SECRET_BYTES_MAX, ret, &err)) {
        err_wrap(&err, "the secret '%.*s'", STR_FMT(source->id));
        print_err(cli, &err);
        return false;
    }
    return true;
}

bool secrets_load(struct cli *cli, const struct option_list *list, struct build_request *request) {
    struct build_secret *secrets = ARENA_ARRAY(cli->arena, struct build_secret, list->len + 1);
    for (size_t i = 0; i < list->len; i++) {
        struct secret_source source = { 0 };
        if (!parse_secret(cli, list->items[i], &source) ||
            !load_secret(cli, &source, &secrets[i].content)) {
            return false;
        }
        secrets[i].id = source.id;
    }
    request->secrets = secrets;
    request->secret_count = list->len;
    return true;
}

static bool check_socket(struct cli *cli, const struct build_agent *agent) {
    struct stat st;
    if (agent->socket != NULL && stat(agent->socket, &st) == 0 && S_ISSOCK(st.st_mode)) {
        return true;
    }
    struct err err = ERR_INIT;
    if (agent->socket == NULL) {
        err_set(&err, "no agent for --ssh %.*s: SSH_AUTH_SOCK is not set", STR_FMT(agent->id));
    } else {
        err_set(&err, "'%s' for --ssh %.*s is not the socket of an ssh agent", agent->socket,
                STR_FMT(agent->id));
    }
    err_help(&err, "start an agent and add keys: eval $(ssh-agent); ssh-add");
    print_err(cli, &err);
    return false;
}

bool agents_find(struct cli *cli, const struct option_list *list, struct build_request *request) {
    struct build_agent *agents = ARENA_ARRAY(cli->arena, struct build_agent, list->len + 1);
    for (size_t i = 0; i < list->len; i++) {
        str path = str_from_c(list->items[i]);
        agents[i].id = str_cut(&path, '=');
        agents[i].socket = path.len > 0 ? path.ptr : getenv("SSH_AUTH_SOCK");
        if (!check_socket(cli, &agents[i])) {
            return false;
        }
    }
    request->agents = agents;
    request->agent_count = list->len;
    return true;
}
