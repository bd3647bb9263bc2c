#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The coding agents: installed, on the PATH, and they start. Each is started once, all at the same time: some take seconds.
. "${0%/*}/lib/tap.sh"

if ! command -v jq >/dev/null; then
    skip "the coding agents start" "the image has no jq to read which it has"
    plan
    exit 0
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tab=$(printf '\t')

# key, command, version command, files: one provider a line
config '.providers[]? | select(.enabled and .cli) | [.key, .cli.key, .cli.version_command // ""] | @tsv' >"$work/clis"
if ! [ -s "$work/clis" ]; then
    skip "the coding agents start" "the image has no provider with a command"
fi

while IFS=$tab read -r _ cli version_command; do
    [ -n "$version_command" ] || continue
    (limited 240 sh -c "$version_command" </dev/null >"$work/$cli.out" 2>&1 || echo $? >"$work/$cli.failed") &
done <"$work/clis"
wait

while IFS=$tab read -r provider cli version_command; do
    again="see guest/config/ai/ for '$provider', and build the image again"
    check "$cli is on the PATH" "$again" sh -c "command -v '$cli'"
    if [ -z "$version_command" ]; then
        skip "$cli prints its version" "its provider has no version_command"
    elif [ -s "$work/$cli.out" ] && ! [ -e "$work/$cli.failed" ]; then
        pass "$cli prints its version: $(head -n 1 "$work/$cli.out")"
    elif grep -qsx 124 "$work/$cli.failed"; then
        fail "$cli prints its version" "$tap_busy" "$(tail -n 1 "$work/$cli.out")"
    else
        fail "$cli prints its version" "$again" "exit code $(cat "$work/$cli.failed" 2>/dev/null), output: $(cat "$work/$cli.out")"
    fi
done <"$work/clis"

# Settings that providers put into the home folder: JSON that does not parse makes an agent ask, or stop.
find /etc/capsem/skel -type f -name '*.json' 2>/dev/null >"$work/settings"
while read -r file; do
    file=${file#/etc/capsem/skel/}
    check "$HOME/$file is JSON" "correct it, or its text in guest/config/ai/" jq -e . "$HOME/$file"
done <"$work/settings"
plan
