#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a session finds: variables, files in the home folder, limits. Without them programs start, and then go wrong.
. "${0%/*}/lib/tap.sh"

rebuild="build the image again: the recipe writes this file"
environment="guest/config/vm/environment.toml and /etc/capsem/environment say what it should be"

value() { # FILTER DEFAULT: a value of the image's environment
    found=$(config ".environment.$1 // empty")
    echo "${found:-$2}"
}

check "the image describes itself in $IMAGE_JSON" "$rebuild" test -s "$IMAGE_JSON"
if has_package jq; then
    check "the description is valid and has a version" "$rebuild" \
        jq -e '(.name | type == "string") and (.version | length > 0)' "$IMAGE_JSON"
else
    skip "the description is valid and has a version" "the image has no jq to read it"
fi
check "the session's variables are in /etc/capsem/environment" "$rebuild" test -s /etc/capsem/environment

same "commands run as root, which is powerless outside this machine" "capsem-pty-agent should run as root" 0 "$(id -u)"
home=$(value home /root)
same "HOME is $home" "$environment" "$home" "${HOME:-}"
check "the home folder is writable" "look at 'workspace' among the init's messages on the console" \
    sh -c 'test -d "$HOME" && : >"$HOME/.doctor" && rm "$HOME/.doctor"'
check "TERM names a terminal" "$environment" test -n "${TERM:-}"
same "LANG is that of the image" "$environment" "$(value lang C)" "${LANG:-}"
same "IS_SANDBOX=1 tells agents where they are" "capsem-init sets it; the agent must pass it on" 1 "${IS_SANDBOX:-}"

path=$(value path /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
case :$PATH: in
*:"$path":*) pass "PATH has the image's folders, in order" ;;
*) fail "PATH has the image's folders, in order" "$environment" "PATH is '$PATH', and should end with '$path'" ;;
esac

bundle=$(value ca_bundle /etc/ssl/certs/ca-certificates.crt)
if has_package ca-certificates; then
    check "the certificate bundle $bundle is there" "the package ca-certificates makes it" test -s "$bundle"
    same "SSL_CERT_FILE names it, for OpenSSL and Python" "$environment" "$bundle" "${SSL_CERT_FILE:-}"
    same "NODE_EXTRA_CA_CERTS names it, for Node" "$environment" "$bundle" "${NODE_EXTRA_CA_CERTS:-}"
else
    skip "the certificate bundle $bundle is there" "the image does not list ca-certificates"
fi

for file in /etc/capsem-bashrc /etc/capsem-banner.txt /etc/capsem-tips.txt; do
    check "$file is there" "$rebuild" test -s $file
done
if [ -x /bin/bash ]; then
    check "the shell's start-up file has no syntax error" "correct guest/artifacts/capsem-bashrc" bash -n /etc/capsem-bashrc
fi

# shellcheck disable=SC2016 # expanded by the inner shell
check "the home folder has every file of /etc/capsem/skel" \
    "a scratch disk that was kept has an older home; start with a fresh one, or copy the files by hand" \
    sh -c 'cd /etc/capsem/skel 2>/dev/null || exit 0
           find . -type f | while read -r file; do test -e "$HOME/$file" || echo "$file"; done | grep . && exit 1 || exit 0'

for binary in $(config '.guest_binaries[]?'); do
    check "$binary is installed" "build the image again; its sources are in guest/agent/" test -x "/usr/local/bin/$binary"
done

same "files open at once: 65536" "capsem-init raises it with ulimit -n" 65536 "$(ulimit -n)"
same "no core dumps in the home folder" "capsem-init sets ulimit -c 0" 0 "$(ulimit -c)"
same "the host name is capsem" "capsem-init sets it" capsem "$(cat /proc/sys/kernel/hostname)"
check "the clock is set" "the host sends the time when the agent connects; certificates fail until then" \
    test "$(date +%Y)" -ge 2025
check "/tmp is there for everyone" "capsem-init makes it, with mode 1777" test -k /tmp -a -w /tmp
check "/dev/shm is there, for Python's multiprocessing and browsers" "capsem-init mounts it" test -w /dev/shm
check "/dev/fd, /dev/ptmx and /dev/null are there" "capsem-init fills /dev" test -e /dev/fd/0 -a -e /dev/ptmx -a -c /dev/null
plan
