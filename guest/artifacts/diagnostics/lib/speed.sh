#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Prints how slow this machine is now, in percent of an idle emulated one: 100 for that one and for all that are faster.
# Time limits are multiplied by it (capsem-doctor, lib/tap.sh): a machine that is busy, or has a small part of a
# processor, is not broken.

REFERENCE_CS=${CAPSEM_REFERENCE_CS:-25} # hundredths of a second that the loop takes there
MOST=10000

# Sets now_cs.
clock() {
    read -r now_cs _ </proc/uptime
    now_cs=${now_cs%.*}${now_cs#*.}
    now_cs=${now_cs#0}
}

clock
start_cs=$now_cs
i=0
while [ $i -lt 20000 ]; do
    i=$((i + 1))
done
clock
slow=$(((now_cs - start_cs) * 100 / REFERENCE_CS))
[ $slow -ge 100 ] || slow=100
[ $slow -le $MOST ] || slow=$MOST
echo $slow
