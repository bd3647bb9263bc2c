// SPDX-License-Identifier: Apache-2.0
/* Dockerfile reference, "EXPOSE". */
#include "dockerfile/internal.h"

static bool parse_number(str text, uint32_t *ret) {
    uint64_t value;
    if (!str_to_u64(text, &value) || value > 65535) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

/* port: (host ":")* number ("-" number)? ("/" protocol)?; what a host maps means nothing here */
static bool parse_port(struct arena *a, str text, struct dockerfile_port *port) {
    str protocol = text;
    str ports = str_cut(&protocol, '/');
    size_t colon = str_find_last_char(ports, ':');
    if (colon != STR_NONE) {
        ports = str_slice(ports, colon + 1, ports.len);
    }
    port->protocol = protocol.ptr == NULL ? S("tcp") : str_lower(a, protocol);
    if (!str_eq(port->protocol, S("tcp")) && !str_eq(port->protocol, S("udp")) &&
        !str_eq(port->protocol, S("sctp"))) {
        return false;
    }
    str last = ports;
    str first = str_cut(&last, '-');
    return parse_number(first, &port->first) &&
           parse_number(last.ptr == NULL ? first : last, &port->last) && port->first <= port->last;
}

bool dockerfile_port_parse(struct arena *a, struct diag_sink *sink, struct dockerfile_word word,
                           struct dockerfile_port *ret) {
    struct dockerfile_port port;
    if (!parse_port(a, word.text, &port)) {
        struct diag *d =
            diag_report(sink, "E405", word.span, "'%.*s' is not a port", TEXT_FMT(word.text));
        diag_help(sink, d, "a port is a number up to 65535 or a range, then /tcp, /udp or /sctp");
        return false;
    }
    *ret = port;
    return true;
}
