#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes /build/.config of a fragment, in the kernel's source.
#
#   config.sh NAME FRAGMENT BASE SRCARCH -- MAKE...
#
# BASE: "nothing" has every symbol off that the fragment does not name; "defaults" has the kernel's defaults for them; "auto"
# takes what a line of the fragment says (# kernel_base = "defaults"), else the one of the two that keeps more of what the fragment
# asks for. Over nothing, all of that must be kept; over the defaults what is not is said, as olddefconfig does not.
# MAKE: the make that knows O= and ARCH=.

set -e
folder=${0%/*}
build=${CAPSEM_KERNEL_BUILD:-/build}
name=$1
fragment=$2
base=$3
srcarch=$4
shift 5

# "$@" is the make, from here on.
configure() {
    rm -f "$build/.config"
    case $base in
    nothing) "$@" KCONFIG_ALLCONFIG="$fragment" allnoconfig ;;
    defaults) cp "$fragment" "$build/.config" ;;
    esac
    "$@" olddefconfig
}

# What the fragment asks for and the configuration has not: a dependency that is missing drops a symbol silently.
lost_symbols() {
    lost=
    while IFS= read -r line; do
        case $line in
        CONFIG_*=n | '# CONFIG_'*' is not set')
            symbol=${line#'# '}
            symbol=${symbol%%[= ]*}
            if grep -q "^$symbol=" "$build/.config"; then lost="$lost $symbol=n"; fi ;;
        CONFIG_*=*)
            symbol=${line%%=*}
            if ! grep -qxF -- "${line%%[ 	]#*}" "$build/.config" && ! has_new_name "$symbol"; then lost="$lost $symbol"; fi ;;
        esac
    done <"$fragment"
}

# Later kernels call it otherwise.
has_new_name() { # SYMBOL
    case $1 in
    CONFIG_RETPOLINE | CONFIG_PAGE_TABLE_ISOLATION | CONFIG_RETHUNK | CONFIG_SLS)
        grep -qx "CONFIG_MITIGATION_${1#CONFIG_}=y" "$build/.config" ;;
    *) return 1 ;;
    esac
}

if [ "$base" = auto ]; then
    base=$(sed -n 's/^# *kernel_base *= *"\{0,1\}\([a-z]*\).*/\1/p' "$fragment" | head -n 1)
fi
case $base in
nothing | defaults)
    configure "$@"
    lost_symbols
    ;;
'')
    base=nothing
    configure "$@"
    lost_symbols
    if [ -n "$lost" ]; then
        lost_of_nothing=$lost
        base=defaults
        configure "$@"
        lost_symbols
        if [ "$(echo "$lost" | wc -w)" -ge "$(echo "$lost_of_nothing" | wc -w)" ]; then
            base=nothing
            configure "$@"
            lost_symbols
        fi
    fi
    echo "$name: kernel_base = \"$base\" keeps more of what it asks for"
    ;;
*)
    echo "$name: kernel_base is '$base', and should be \"defaults\" or \"nothing\"" >&2
    exit 1
    ;;
esac

why() {
    symbols=
    for symbol in $lost; do
        case $symbol in
        *=n) echo "${symbol%=n}: another symbol has it on" ;;
        *) symbols="$symbols ${symbol#CONFIG_}" ;;
        esac
    done
    [ -z "$symbols" ] || awk -f "$folder/depends.awk" -v arch="$srcarch" -v symbols="$symbols" "$build/.config"
}

[ -n "$lost" ] || exit 0
if [ "$base" = defaults ]; then
    echo "$name: not in this kernel, although it asks for it:$lost" >&2
    why >&2
else
    {
        echo "$name asks for symbols that did not survive:$lost"
        why
        echo "what it does not name is off; kernel_base = \"defaults\" in build.toml, or such a line here after a #, has the kernel's defaults"
    } >&2
    exit 1
fi
