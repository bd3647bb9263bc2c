# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# Included by each group of checks:  . "${0%/*}/lib/tap.sh"
#
# A group prints TAP (https://testanything.org): one "ok" or "not ok" a check, after a failure the lines "# fix: ..." and
# "# got: ...", and the plan at the end. A check is skipped only when the image, by its own configuration, lacks the thing.
#
#   check "what is true" "what to do when it is not" command [argument...]
#   limited SECONDS command...  as a check's command: how long it may take on an idle machine; a slow one has more
#   seconds SECONDS      this many on an idle machine, more on a slow one
#   pass, fail, skip     the three outcomes, for checks that one command cannot express
#   config FILTER        a jq filter over the image's policy, /etc/capsem/image.json
#   has_package NAME     whether a package set of the image lists it
#   plan                 at the end of every group

IMAGE_JSON=${CAPSEM_IMAGE_JSON:-/etc/capsem/image.json}
tap_number=0
tap_busy="the machine is slow or busy, which says nothing about the image: end what else runs on its host, then run capsem-doctor again"

# How slow it is, in percent: capsem-doctor measures it once for all groups.
[ -n "${CAPSEM_SLOW:-}" ] || CAPSEM_SLOW=$(sh "${0%/*}/lib/speed.sh" 2>/dev/null)
case $CAPSEM_SLOW in '' | *[!0-9]*) CAPSEM_SLOW=100 ;; esac

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
    tap_got=$("$@" 2>&1)
    case $? in
    0) pass "$tap_what" ;;
    124) fail "$tap_what" "$tap_busy" "$tap_got" ;; # of limited
    *) fail "$tap_what" "$tap_fix" "$tap_got" ;;
    esac
}

seconds() { # SECONDS
    echo $(($1 * CAPSEM_SLOW / 100))
}

# Sets tap_now.
uptime_s() {
    read -r tap_now _ </proc/uptime
    tap_now=${tap_now%.*}
}

# By the clock: what code a timeout(1) gives is not the same for all of them.
is_late() { # START LIMIT
    uptime_s
    [ $((tap_now - $1)) -ge "$2" ]
}

out_of_time() { # SECONDS: that a limit had
    echo "it ran out of time: it had $1 s"
}

limited() { # SECONDS COMMAND...: 124 when the time was over
    tap_limit=$(seconds "$1")
    shift
    uptime_s
    tap_start=$tap_now
    timeout -k 10 "$tap_limit" "$@"
    tap_code=$?
    [ $tap_code -eq 0 ] || ! is_late "$tap_start" "$tap_limit" || tap_code=124
    [ $tap_code -ne 124 ] || out_of_time "$tap_limit"
    return $tap_code
}

same() { # WHAT FIX EXPECTED GOT
    if [ "$3" = "$4" ]; then
        pass "$1"
    else
        fail "$1" "$2" "expected '$3', not '$4'"
    fi
}

config() {
    jq -r "$1" "$IMAGE_JSON" 2>/dev/null
}

# Read once; without jq every quoted word of the file counts, which is right but for a package called "name".
tap_packages=$(config '[.packages[]?.packages[]?] | join(" ")') ||
    tap_packages=$(grep -o '"[^"]*"' "$IMAGE_JSON" 2>/dev/null | tr -d '"' | tr '\n' ' ')

has_package() {
    case " $tap_packages " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

plan() {
    echo "1..$tap_number"
}
