# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2163
#
# /etc/profile.d/capsem.sh: a login shell (a pane of tmux, bash -l, su -) has what every session of this machine has, after
# /etc/profile has given it a PATH of its own. The variables are those that the init started the agent with, else the
# image's; what is set already stays, but for PATH.

for capsem_file in /run/capsem/session /etc/capsem/environment; do
    [ ! -r "$capsem_file" ] || break
done
if [ -r "$capsem_file" ]; then
    while IFS= read -r capsem_line || [ -n "$capsem_line" ]; do
        capsem_name=${capsem_line%%=*}
        case $capsem_name in
        PATH)
            export "$capsem_line"
            ;;
        '' | [0-9]* | *[!A-Za-z0-9_]*) ;; # not a variable
        *)
            eval "capsem_set=\${$capsem_name+set}"
            # shellcheck disable=SC2154
            [ -n "$capsem_set" ] || export "$capsem_line"
            ;;
        esac
    done <"$capsem_file"
fi

# Aliases: bash reads this file by itself only where it is not a login shell. Which may read us again.
if [ -n "${BASH_VERSION:-}" ] && [ -z "${capsem_reading:-}" ] && [ -r "${HOME:-/root}/.bashrc" ]; then
    capsem_reading=1
    # shellcheck disable=SC1090,SC1091
    case $- in
    *i*) . "${HOME:-/root}/.bashrc" ;;
    esac
    unset capsem_reading
fi
unset capsem_file capsem_line capsem_name capsem_set
