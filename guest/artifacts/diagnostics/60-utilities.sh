#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command-line tools do a small piece of real work each: a program that is there but lacks a library counts as missing.
. "${0%/*}/lib/tap.sh"

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
seq 1 1000 >numbers
echo 1 >one

again="the package is in guest/config/packages/ but does not work: build the image again"

tool() { # PACKAGE WHAT SHELL-COMMAND
    if has_package "$1"; then
        check "$1: $2" "$again" limited 60 sh -c "$3"
    else
        skip "$1: $2" "the image does not list it"
    fi
}

round_trip() { # PACKAGE PACK UNPACK: files survive
    tool "$1" "packs and unpacks" "$2 <numbers >numbers.$1 && $3 <numbers.$1 | cmp - numbers"
}

tool coreutils "sorts and counts" '[ "$(sort -rn numbers | head -n 1)" = 1000 ] && [ "$(wc -l <numbers)" -eq 1000 ]'
tool util-linux "takes a lock" 'flock lock true && lscpu >/dev/null'
tool procps "lists processes" 'ps -p $$ -o pid= | grep -q $$ && free >/dev/null'
tool psmisc "finds processes by name" 'pstree >/dev/null && killall --version 2>&1 | grep -qi psmisc'
tool findutils "finds files and runs commands on them" '[ "$(find . -name numbers | xargs cat | head -n 1)" = 1 ]'
tool diffutils "compares" '! diff -q one numbers >/dev/null && cmp one one'
tool lsof "lists open files" 'exec 3<numbers; lsof -p $$ | grep -q numbers'
tool strace "traces a program" 'strace -o trace true && grep -q execve trace'
tool file "tells what a file is" 'file numbers | grep -q text'
tool less "pages" 'less one </dev/null | cmp - one'
tool tmux "starts a session" 'tmux -L doctor -f /dev/null new-session -d "sleep 30" && tmux -L doctor kill-server'
tool grep "searches" '[ "$(grep -c 99 numbers)" -eq 19 ]'
tool sed "edits" '[ "$(sed -n 7p numbers)" = 7 ]'
tool gawk "computes" '[ "$(gawk "{ sum += \$1 } END { print sum }" numbers)" = 500500 ]'
tool jq "reads JSON" '[ "$(echo "{\"a\": [1, 2]}" | jq ".a | add")" = 3 ]'
tool ripgrep "searches trees" 'rg --no-ignore -q 777 numbers'
tool vim-tiny "starts" 'vim.tiny --version | grep -q VIM'
round_trip gzip "gzip" "gzip -d"
round_trip bzip2 "bzip2" "bzip2 -d"
round_trip xz-utils "xz -1" "xz -d"
round_trip zstd "zstd -q" "zstd -q -d"
tool tar "packs and unpacks" 'tar cf numbers.tar numbers && mkdir out && tar xf numbers.tar -C out && cmp out/numbers numbers'
tool unzip "starts" 'unzip -v | grep -qi unzip'
tool git "makes a commit" 'git init -q repo && cd repo && cp ../one . && git add one &&
    git -c user.name=doctor -c user.email=doctor@localhost commit -q -m one && git log --oneline | grep -q one'
tool curl "speaks TLS" 'curl --version | grep -qi https'
tool iproute2 "shows interfaces" 'ip -o link | grep -q lo:'
tool e2fsprogs "formats a disk" 'truncate -s 4M disk && mkfs.ext4 -q -F disk && e2fsck -fn disk >/dev/null 2>&1'
plan
