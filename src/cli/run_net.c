// SPDX-License-Identifier: Apache-2.0
#include "cli/run_net.h"

#include <errno.h>
#include <sys/socket.h>

static bool parse_overrides(struct cli *cli, const struct option_list *list,
                            struct gate_override **ret, struct err *err) {
    *ret = ARENA_ARRAY(cli->arena, struct gate_override, list->len);
    for (size_t i = 0; i < list->len; i++) {
        if (!gate_override_parse(str_from_c(list->items[i]), &(*ret)[i], err)) {
            return err_wrap(err, "--resolve");
        }
    }
    return true;
}

static struct gate_policy make_policy(struct cli *cli, const struct run_net_options *options,
                                      const struct guest_config *config) {
    struct gate_policy policy = { 0 };
    if (options->closed) {
        policy.closed = "--net none";
    } else if (config == NULL) {
        policy.closed = "no guest folder with a policy: --guest GUEST";
    } else {
        gate_policy_make(cli->arena, config, &policy);
    }
    return policy;
}

/* What the guest's machine gets, and the end that stays here. */
static bool make_link(int *ret_ours, int *ret_machines, struct err *err) {
    int pair[2];
    if (os_socket_pair(AF_UNIX, SOCK_STREAM, pair) != 0) {
        return err_sys(err, errno, "create a socket pair");
    }
    *ret_ours = pair[0];
    *ret_machines = pair[1];
    return true;
}

static bool start(struct cli *cli, const struct run_net_options *options,
                  const struct guest_config *config, struct run_net *ret, struct err *err) {
    struct gate_override *overrides;
    AUTO_FD log = -1;
    if (!parse_overrides(cli, options->resolve, &overrides, err)) {
        return false;
    }
    if (options->log != NULL) {
        log = open(options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log < 0) {
            return err_sys(err, errno, "open the log of the network '%s'", options->log);
        }
    }
    AUTO_FD ours = -1;
    if (!make_link(&ours, &ret->fd, err)) {
        return false;
    }
    const struct gate_spec spec = {
        .policy = make_policy(cli, options, config),
        .overrides = overrides,
        .override_count = options->resolve->len,
        .link_fd = ours,
        .log_fd = log,
        .stays = options->stays,
    };
    return gate_start(&spec, &ret->pid, err);
}

bool run_net_start(struct cli *cli, const struct run_net_options *options,
                   const struct guest_config *config, struct run_net *ret) {
    struct err err = ERR_INIT;
    *ret = RUN_NET_INIT;
    if (!start(cli, options, config, ret, &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

bool run_mcp_start(struct cli *cli, const char *command, bool shows, bool stays,
                   struct run_net *ret) {
    struct err err = ERR_INIT;
    AUTO_FD ours = -1;
    *ret = RUN_NET_INIT;
    bool linked = make_link(&ours, &ret->fd, &err);
    const struct gate_mcp_spec spec = {
        .command = command,
        .link_fd = ours,
        .errors_fd = shows ? STDERR_FILENO : -1,
        .stays = stays,
    };
    if (!linked || !gate_mcp_start(&spec, &ret->pid, &err)) {
        print_err(cli, &err);
        return false;
    }
    return true;
}

void run_net_done(struct run_net *net) {
    fd_close_auto(&net->fd);
    net->fd = -1;
    if (net->pid > 0) {
        gate_stop(net->pid);
        net->pid = 0;
    }
}
