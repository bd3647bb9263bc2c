# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Included by each group of checks:  . "${0%/*}/lib/tap.sh"
#
# A group prints TAP (https://testanything.org): one "ok" or "not ok" a check, after a failure the lines "# fix: ..." and
# "# got: ...", and the plan at the end. A check is skipped only when the image, by its own configuration, lacks the thing.
#
#   check "what is true" "what to do when it is not" command [argument...]
#   pass, fail, skip     the three outcomes, for checks that one command cannot express
#   config FILTER        a jq filter over the image's policy, /etc/capsem/image.json
#   has_package NAME     whether a package set of the image lists it
#   plan                 at the end of every group

IMAGE_JSON=/etc/capsem/image.json
tap_number=0

pass() { # WHAT
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1"
}

fail() { # WHAT FIX [GOT]
    tap_number=$((tap_number + 1))
    echo "not ok $tap_number - $1"
    echo "# fix: $2"
    [ -z "${3:-}" ] || printf '%s\n' "$3" | head -n 5 | sed 's/^/# got: /'
}

skip() { # WHAT REASON
    tap_number=$((tap_number + 1))
    echo "ok $tap_number - $1 # SKIP $2"
}

check() { # WHAT FIX COMMAND...
    tap_what=$1
    tap_fix=$2
    shift 2
    if tap_got=$("$@" 2>&1); then
        pass "$tap_what"
    else
        fail "$tap_what" "$tap_fix" "$tap_got"
    fi
}

same() { # WHAT FIX EXPECTED GOT
    if [ "$3" = "$4" ]; then
        pass "$1"
    else
        fail "$1" "$2" "expected '$3', not '$4'"
    fi
}

config() {
    jq -r "$1" $IMAGE_JSON 2>/dev/null
}

# Read once; without jq every quoted word of the file counts, which is right but for a package called "name".
tap_packages=$(config '[.packages[]?.packages[]?] | join(" ")') ||
    tap_packages=$(grep -o '"[^"]*"' $IMAGE_JSON 2>/dev/null | tr -d '"' | tr '\n' ' ')

has_package() {
    case " $tap_packages " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

plan() {
    echo "1..$tap_number"
}
