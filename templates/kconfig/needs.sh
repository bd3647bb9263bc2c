#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Compares a kernel's configuration with needs.txt, in the kernel's source: what is missing there would be a machine that hangs, or
# a guest in which apt and iptables fail.
#
#   needs.sh NAME CONFIG ARCH CODEC SRCARCH
#
# NAME: of the fragment, for words. CODEC: of the root filesystem.

folder=${0%/*}
name=$1
config=$2
arch=$3
codec=$4
srcarch=$5

missing=
lines=
while read -r symbol where reason; do
    case $symbol in '' | '#'*) continue ;; esac
    case $where in all | "$arch" | "$codec") ;; *) continue ;; esac
    if ! grep -qx "CONFIG_$symbol=y" "$config"; then
        missing="$missing CONFIG_$symbol"
        lines="${lines}CONFIG_$symbol=y
# ^ to $reason
"
    fi
done <"$folder/needs.txt"
[ -n "$missing" ] || exit 0
{
    echo "$name lacks what the guest needs of its kernel:$missing"
    awk -f "$folder/depends.awk" -v arch="$srcarch" -v symbols="$(echo "$missing" | sed 's/CONFIG_//g')" "$config" | grep -v ': it has'
    echo "add to it:"
    printf %s "$lines"
} >&2
exit 1
