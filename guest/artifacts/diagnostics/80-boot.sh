#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How long each stage of the boot took. The limits are wide: they hold under emulation, and catch a stage that waits.
. "${0%/*}/lib/tap.sh"

TIMING=/run/capsem/boot-timing.jsonl
LIMIT_MS=10000

check "the init left its times in $TIMING" "the ramdisk's /init should be capsem-init" test -s $TIMING
total_ms=0
for stage in squashfs overlayfs workspace network net_proxy deploy venv agent_start; do
    duration_ms=$(sed -n "s/^{\"name\":\"$stage\",\"duration_ms\":\([0-9][0-9]*\)}\$/\1/p" $TIMING 2>/dev/null)
    if [ -z "$duration_ms" ]; then
        fail "the stage $stage ran" "look at the init's messages on the console: run with --console"
    elif [ "$duration_ms" -gt $LIMIT_MS ]; then
        fail "the stage $stage took $duration_ms ms" "nothing in it should take more than $LIMIT_MS ms: see capsem-init"
    else
        pass "the stage $stage took $duration_ms ms"
    fi
    total_ms=$((total_ms + ${duration_ms:-0}))
done
echo "# all stages: $total_ms ms"
plan
