#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the running kernel was made with, against lib/kernel-hardening.txt: a symbol that its build dropped shows here.
. "${0%/*}/lib/tap.sh"

LIST=${0%/*}/lib/kernel-hardening.txt
CONFIG=${CAPSEM_KERNEL_CONFIG:-/proc/config.gz}
IMAGE=${CAPSEM_IMAGE_JSON:-$IMAGE_JSON}
MACHINE=${CAPSEM_MACHINE:-$(uname -m)}

# GROUP SYMBOL=VALUE, but IS, of every line of the list that the kernel does not follow.
differences() {
    gzip -dc "$CONFIG" | awk -v machine="$MACHINE" '
    FNR == NR {
        if (match($0, /^CONFIG_[A-Za-z0-9_]+=/))
            is[substr($0, 8, RLENGTH - 8)] = substr($0, RLENGTH + 1)
        next
    }
    NF >= 3 && $1 !~ /^(#|not$)/ && ($2 == machine || $2 == "all") {
        name = substr($3, 1, index($3, "=") - 1)
        value = name in is ? is[name] : "n"
        if (name "=" value != $3)
            print $1, $3 ", not " value
    }' - "$LIST"
}

has_config() {
    [ -s "$CONFIG" ] || ! grep -qs '"kernel_source": "debian-image"' "$IMAGE"
}

group() { # GROUP WHAT
    if ! has_config; then
        skip "$2" "the distribution's kernel does not carry its configuration"
    elif wrong=$(printf '%s\n' "$found" | grep "^$1 "); then
        fail "$2" "set it in guest/config/kernel/*.defconfig and build the kernel" "$wrong"
    elif [ -z "$known" ]; then
        fail "$2" "CONFIG_IKCONFIG_PROC=y in guest/config/kernel/*.defconfig" "there is no $CONFIG"
    else
        pass "$2"
    fi
}

known=$(gzip -dc "$CONFIG" 2>/dev/null | grep -c '^CONFIG_' | grep -v '^0$')
found=$([ -z "$known" ] || differences) || known=

group memory "memory errors are detected or cannot be exploited"
group pages "no page of the kernel is both written and executed"
group stack "the stack and the way back from a call are guarded"
group addresses "addresses are random, and are not shown"
group speculation "what a CPU speculates about is not leaked"
group root "root of this machine is not the kernel"
group surface "unneeded kernel features are disabled"
plan
