#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every kind of shell finds the agents, and has the config's variables and aliases: also one that starts anew, as tmux's do.
. "${0%/*}/lib/tap.sh"

PROFILE="the recipe writes /etc/profile.d/capsem.sh and /etc/capsem/shrc: build the image again; or a start-up file in $HOME overrules them"
CAPSEM_GREETED=1
export CAPSEM_GREETED

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# What is asked, as a script that every shell reads: it prints what is wrong, and "end".
quoted() {
    printf '%s' "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"
}
path=$(config '.environment.path // empty')
{
    echo "want=$(quoted "${path:-$PATH}")"
    # shellcheck disable=SC2016
    echo 'case :$PATH: in *:"$want":*) ;; *) echo "PATH is $PATH" ;; esac'
    for name in $(config '.providers[]? | select(.enabled and .cli) | .cli.key'); do
        echo "command -v $(quoted "$name") >/dev/null 2>&1 || echo $(quoted "$name is not found")"
    done
    while IFS='=' read -r name value; do
        case $name in PATH | TERM | HOME | '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;; esac
        echo "[ -n \"\${$name:-}\" ] || echo $(quoted "$name is not set, and should be $value")"
    done </etc/capsem/environment
    # shellcheck disable=SC2016
    echo 'case $- in *i*)'
    for file in /etc/capsem-bashrc "$HOME/.bashrc"; do
        [ -r "$file" ] || continue
        while IFS= read -r line; do
            name=${line#alias }
            name=${name%%=*}
            case $line in 'alias '*=*) ;; *) continue ;; esac
            case $name in *[!A-Za-z0-9_.-]*) continue ;; esac
            # one of several lines, or in words of bash's, is bash's
            (eval "$line") >/dev/null 2>&1 || echo "[ -z \"\${BASH_VERSION:-}\" ] ||"
            echo "alias $name >/dev/null 2>&1 || echo 'the alias $name is not there'"
        done <"$file"
    done
    echo ';; esac'
    echo 'echo end'
} >"$work/questions"

right() { # COMMAND...: the shell, up to the words that it shall read
    # Without a terminal: an interactive shell would want to have the one that there is.
    limited 60 setsid "$@" ". $work/questions" </dev/null >"$work/answers" 2>"$work/errors"
    code=$?
    [ "$(cat "$work/answers")" != end ] || return 0
    cat "$work/answers" "$work/errors"
    [ $code -eq 124 ] && return 124
    return 1
}

kind() { # WHAT COMMAND...
    what=$1
    shift
    check "$what has the image's PATH, variables and aliases" "$PROFILE" right "$@"
}

kind "sh -c" sh -c
kind "sh, as a login shell" sh -lc
kind "sh, interactive" sh -ic
kind "sh, as a login shell that starts from nothing" env -i HOME="$HOME" sh -lc
if [ -x /bin/bash ]; then
    kind "bash -c" bash -c
    kind "bash, interactive" bash -ic
    kind "bash, as a login shell" bash -lc
    kind "bash, as an interactive login shell" bash -lic
    kind "bash, as an interactive login shell that starts from nothing" env -i HOME="$HOME" CAPSEM_GREETED=1 bash -lic
else
    skip "bash has the image's PATH, variables and aliases" "the image has no bash"
fi

in_tmux() {
    mkfifo "$work/pane"
    tmux -L doctor-shells new-session -d -x 80 -y 24 2>&1 || return 1
    tmux -L doctor-shells send-keys ". $work/questions >$work/pane 2>&1" Enter
    # shellcheck disable=SC2094
    limited 60 cat "$work/pane" >"$work/answers"
    code=$?
    tmux -L doctor-shells kill-server
    [ "$(cat "$work/answers")" != end ] || return 0
    cat "$work/answers"
    [ $code -eq 124 ] && return 124
    return 1
}
if has_package tmux; then
    check "a pane of tmux has the image's PATH, variables and aliases" "$PROFILE" in_tmux
else
    skip "a pane of tmux has the image's PATH, variables and aliases" "the image does not list tmux"
fi
plan
