#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The MCP servers that the image offers to agents: a local one must answer the protocol's first message.
. "${0%/*}/lib/tap.sh"

case " $(config '.guest_binaries // [] | join(" ")') " in
*" capsem-mcp-server "*)
    check "capsem-mcp-server starts" "build the guest binaries again: capsem-builder agent guest" \
        limited 60 sh -c 'capsem-mcp-server </dev/null'
    ;;
*) skip "capsem-mcp-server starts" "the image does not list it among its guest binaries" ;;
esac

if ! command -v jq >/dev/null; then
    skip "MCP servers answer" "the image has no jq to read which it has"
    plan
    exit 0
fi

hello='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"capsem-doctor","version":"1"}}}'

# Server $1, by its key, as a line for the shell: jq quotes its arguments and variables, which may hold any character.
command_line() {
    config '.mcp_servers[] | select(.key == "'"$1"'")
        | ["exec", "env"] + ([.env // {} | to_entries[] | "\(.key)=\(.value)"] + [.command] + (.args // []) | map(@sh))
        | join(" ")'
}

# Over two named pipes, because its input must stay open until the answer is there.
answers() { # KEY
    trap '' PIPE
    mkfifo "$work/in" "$work/out"
    limit=$(seconds 240)
    uptime_s
    start=$tap_now
    timeout "$limit" sh -c "$(command_line "$1")" <"$work/in" >"$work/out" 2>"$work/errors" &
    server=$!
    exec 3>"$work/in" 4<"$work/out"
    echo "$hello" >&3
    code=1
    while [ $code -ne 0 ] && read -r line <&4; do
        case $line in *'"result"'*) code=0 ;; esac
    done
    exec 3>&- 4<&-
    kill $server 2>/dev/null
    wait $server 2>/dev/null
    rm -f "$work/in" "$work/out"
    if [ $code -ne 0 ] && is_late "$start" "$limit"; then
        out_of_time "$limit"
        code=124
    fi
    [ $code -eq 0 ] || cat "$work/errors"
    return $code
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tab=$(printf '\t')
config '.mcp_servers[]? | select(.enabled != false) | [.key, .transport, .command // "", .url // ""] | @tsv' >"$work/servers"
[ -s "$work/servers" ] || skip "MCP servers answer" "the image has none"
while IFS=$tab read -r key transport command url; do
    fix="see guest/config/mcp/ for '$key'"
    if [ "$transport" = stdio ]; then
        check "$key: its command $command is there" "$fix" sh -c "command -v '$command'"
        check "$key answers the protocol's first message" "$fix" answers "$key"
    else
        check "$key has an address" "$fix" test -n "$url"
    fi
done <"$work/servers"
plan
