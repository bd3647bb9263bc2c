// SPDX-License-Identifier: Apache-2.0
#include "run/internal.h"

#include <errno.h>
#include <sys/socket.h>

static bool parse_overrides(const struct run_work *w, struct gate_override **ret, struct err *err) {
    const struct run_list *list = &w->request->resolve;
    *ret = ARENA_ARRAY(w->arena, struct gate_override, list->len);
    for (size_t i = 0; i < list->len; i++) {
        if (!gate_override_parse(str_from_c(list->items[i]), &(*ret)[i], err)) {
            return err_wrap(err, "--resolve");
        }
    }
    return true;
}

struct gate_policy run_net_policy(const struct run_work *w) {
    struct gate_policy policy = { 0 };
    if (w->request->net_closed) {
        policy.closed = "--net none";
    } else if (w->config == NULL) {
        policy.closed = "the assets have no policy; use --guest GUEST";
    } else {
        gate_policy_make(w->arena, w->config, &policy);
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

bool run_net_start(const struct run_work *w, struct run_port *ret, struct err *err) {
    struct gate_override *overrides;
    AUTO_FD log = -1;
    if (!parse_overrides(w, &overrides, err)) {
        return false;
    }
    if (w->request->net_log != NULL) {
        log = open(w->request->net_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log < 0) {
            return err_sys(err, errno, "open the log of the network '%s'", w->request->net_log);
        }
    }
    AUTO_FD ours = -1;
    if (!make_link(&ours, &ret->fd, err)) {
        return false;
    }
    const struct gate_spec spec = {
        .policy = run_net_policy(w),
        .overrides = overrides,
        .override_count = w->request->resolve.len,
        .link_fd = ours,
        .log_fd = log,
        .stays = w->request->keep != NULL,
    };
    return gate_start(&spec, &ret->pid, err);
}

bool run_mcp_start(const struct run_work *w, struct run_port *ret, struct err *err) {
    AUTO_FD ours = -1;
    if (!make_link(&ours, &ret->fd, err)) {
        return false;
    }
    const struct gate_mcp_spec spec = {
        .command = w->request->mcp,
        .link_fd = ours,
        .errors_fd = w->request->mcp_errors_fd,
        .stays = w->request->keep != NULL,
    };
    return gate_mcp_start(&spec, &ret->pid, err);
}

void run_port_done(struct run_port *port) {
    fd_close_auto(&port->fd);
    port->fd = -1;
    if (port->pid > 0) {
        gate_stop(port->pid);
        port->pid = 0;
    }
}
