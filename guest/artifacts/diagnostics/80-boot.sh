#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How long each stage of the boot took. The limit is wide: it holds under emulation, and catches a stage that waits.
. "${0%/*}/lib/tap.sh"

TIMING=/run/capsem/boot-timing.jsonl
LIMIT_MS=10000
KERNEL_S=2 # that an idle emulated machine takes before the init

# The machine may have been busy while it booted, and be idle now: how long its kernel took tells.
kernel_s=$(dmesg 2>/dev/null | sed -n 's/^\[ *\([0-9][0-9]*\)\.[0-9]*\] Run .* as init process.*/\1/p' | head -n 1)
limit_ms=$(seconds $LIMIT_MS)
while_booting_ms=$((${kernel_s:-0} * LIMIT_MS / KERNEL_S))
[ $while_booting_ms -le "$limit_ms" ] || limit_ms=$while_booting_ms

check "the init left its times in $TIMING" "the ramdisk's /init should be capsem-init" test -s $TIMING
total_ms=0
for stage in squashfs overlayfs workspace network net_proxy deploy venv agent_start; do
    duration_ms=$(sed -n "s/^{\"name\":\"$stage\",\"duration_ms\":\([0-9][0-9]*\)}\$/\1/p" $TIMING 2>/dev/null)
    if [ -z "$duration_ms" ]; then
        fail "the stage $stage ran" "look at the init's messages on the console: run with --console"
    elif [ "$duration_ms" -gt "$limit_ms" ]; then
        fail "the stage $stage took $duration_ms ms" "nothing in it should take more than $limit_ms ms: see capsem-init"
    else
        pass "the stage $stage took $duration_ms ms"
    fi
    total_ms=$((total_ms + ${duration_ms:-0}))
done
echo "# all stages: $total_ms ms"
plan
