#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The machine has no network card. Everything looks connected all the same: names resolve, HTTPS goes to the host.
. "${0%/*}/lib/tap.sh"

boot="look at 'network' among the init's messages on the console: run with --console"
GATEWAY=10.0.0.1

only_ours() {
    for interface in /sys/class/net/*; do
        case ${interface##*/} in lo | dummy0) ;; *) echo "${interface##*/}" && return 1 ;; esac
    done
}

up() { # INTERFACE
    flags=$(cat "/sys/class/net/$1/flags") && [ $((flags & 1)) -eq 1 ]
}

resolves() { # NAME ADDRESS
    address=$(getent ahostsv4 "$1" | { read -r first _ && echo "$first"; })
    [ "$address" = "$2" ] || { echo "$1 is '$address'" && return 1; }
}

check "loopback is up" "$boot" up lo
check "the dummy interface is up" "$boot" up dummy0
check "no other interface: nothing leaves but through the host" "start the machine without a network card" only_ours
if has_package iproute2; then
    check "its address is $GATEWAY/24" "$boot" sh -c "ip -4 -o addr show dev dummy0 | grep -qF ' $GATEWAY/24 '"
    check "the default route goes there" "$boot" sh -c 'ip -4 route show default | grep -q "dev dummy0"'
else
    skip "its address is $GATEWAY/24, and the default route goes there" "the image does not list iproute2"
fi

check "the resolver is the local one" "$boot" grep -qx 'nameserver 127.0.0.1' /etc/resolv.conf
check "localhost is this machine" "/etc/hosts should have the line '127.0.0.1 localhost'" resolves localhost 127.0.0.1
if has_package dnsmasq-base || has_package dnsmasq; then
    check "every name resolves to $GATEWAY" "dnsmasq should run: $boot" resolves example.org $GATEWAY
    check "an unused name resolves too, so that only the policy decides" "dnsmasq should run: $boot" \
        resolves does-not-exist.invalid $GATEWAY
else
    skip "every name resolves to $GATEWAY" "the image lists neither dnsmasq-base nor dnsmasq"
fi

# A connection to port 443 of any address arrives at 10443. Where nothing listens there, a listener of our own does.
redirected() {
    python3 - "$(seconds 5)" <<'PYTHON'
import socket
import sys

limit_s = int(sys.argv[1])
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    server.bind(("127.0.0.1", 10443))
    server.listen()
except OSError:
    server = None  # the proxy is there
socket.create_connection(("192.0.2.1", 443), timeout=limit_s).close()
if server:
    server.settimeout(limit_s)
    server.accept()[0].close()
PYTHON
}
if ! has_package iptables; then
    skip "TCP port 443 goes to the proxy" "the image does not list iptables"
elif has_package python3; then
    check "TCP port 443 goes to the proxy" "iptables should have the rule: $boot" redirected
else
    check "TCP port 443 goes to the proxy" "iptables should have the rule: $boot" \
        sh -c 'iptables-legacy -t nat -S OUTPUT | grep -q -- "--dport 443 -j REDIRECT"'
fi
if [ -x /bin/bash ]; then
    check "other ports lead nowhere" "start the machine without a network card" \
        sh -c '! timeout 1 bash -c "exec 3<>/dev/tcp/192.0.2.1/80" 2>/dev/null'
fi

case " $(config '.guest_binaries // [] | join(" ")') " in
*" capsem-net-proxy "*)
    check "capsem-net-proxy runs" "look at /run/capsem/net-proxy.log" sh -c 'cat /proc/[0-9]*/comm | grep -qx capsem-net-prox'
    if has_package curl; then
        check "plain HTTP reaches the host, which answers by its policy" \
            "the host must serve capsem.net: capsem-builder run does; look at /run/capsem/net-proxy.log" \
            curl -sS -o /dev/null --max-time "$(seconds 20)" http://capsem-doctor.invalid/
    fi
    ;;
*) skip "capsem-net-proxy runs" "the image does not list it among its guest binaries" ;;
esac
if has_package jq; then
    check "the image has a web policy" "guest/config/security/web.toml; the recipe writes it to $IMAGE_JSON" \
        jq -e '.web | has("allow_read") and has("allow_write")' "$IMAGE_JSON"
fi

# -- the authority that signs what the host intercepts ----------------------------------------------------------------------

authority=/usr/local/share/ca-certificates/capsem-ca.crt
in_bundle() { # BUNDLE
    line=$(sed -n 2p $authority) && [ -n "$line" ] && grep -qF -- "$line" "$1"
}
if grep -qsF '"certificate": false' "$IMAGE_JSON"; then
    skip "programs trust the image's certificate authority" "the image was built without one (capsem-ca.crt)"
elif has_package ca-certificates; then
    check "the image has its certificate authority" "the recipe installs capsem-ca.crt" test -s $authority
    check "programs trust it" "update-ca-certificates should run in the recipe" in_bundle /etc/ssl/certs/ca-certificates.crt
    if [ -f /usr/lib/python3/dist-packages/certifi/__init__.py ]; then
        check "Python's certifi trusts it" "the recipe should add it to certifi's bundle" \
            in_bundle "$(python3 -c 'import certifi; print(certifi.where())')"
    else
        skip "Python's certifi trusts it" "the image has no certifi"
    fi
else
    skip "programs trust the image's certificate authority" "the image does not list ca-certificates"
fi
plan
