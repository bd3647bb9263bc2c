#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every shell script of the repository is clean under shellcheck. Exit 77 (skipped) where shellcheck is not installed.
#
# Left out everywhere: SC2016 (text for an inner shell is quoted on purpose), SC2015 (a && b || c, where b does not fail or
# its failure is meant), SC3045 (ulimit -n, which dash and busybox have).
cd "$(dirname "$0")/../.." || exit 1
command -v shellcheck >/dev/null || {
    echo "shellcheck is not installed"
    exit 77
}

is_shell() { # FILE
    case $1 in
    *.sh | */capsem-bashrc) return 0 ;;
    */*.*) return 1 ;;
    *) head -n 1 "$1" | grep -aEq '^#!.*[/ ](ba|da)?sh( |$)' ;;
    esac
}

scripts=$(mktemp) || exit 1
trap 'rm -f "$scripts"' EXIT
git ls-files | while IFS= read -r file; do
    # a fixture may be a broken script on purpose
    case $file in tests/golden/* | tests/spec/* | fuzz/*) continue ;; esac
    if [ -f "$file" ] && is_shell "$file"; then echo "$file"; fi
done >"$scripts"

[ -s "$scripts" ] || {
    echo "no shell script found in $PWD"
    exit 1
}
echo "$(wc -l <"$scripts") scripts"
tr '\n' '\0' <"$scripts" | xargs -0 shellcheck -x -P SCRIPTDIR -e SC2016,SC2015,SC3045
