#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A room includes only the doors of rooms above it that its meson.build lists.

The order is that of src/meson.build; what a room uses is `<room>_uses` in its own. A room's door is
<room>/<room>.h. Other doors: every header of base/, and those in DOORS.

A room may have folders, in the order of `<room>_folders` of its meson.build: a folder includes only headers of those above it.
"""
import re
import sys

import tree

# header -> why it is one
DOORS = {
    "store/blocks.h": "the cache of compressed blocks, which image/ uses without the rest of the store",
    "oci/registry.h": "the network's side of images, which most of those who name images do not need",
    "agent/lib/wire.h": "the wire format is written once, in guest/agent/lib",
    "agent/lib/queue.h": "the same",
    "agent/lib/guards.h": "the same for what the agent refuses",
    "agent/lib/mounts.h": "the same",
    "agent/lib/mux.h": "the same",
}


def words(name, variable):
    found = re.search(rf"{variable}\s*[=:]?\s*\[(.*?)\]", tree.text(name), re.S)
    return re.findall(r"'([^']+)'", found.group(1)) if found else None


def check_include(room, header, uses, order):
    """Why `room` may not include `header`; None when it may."""
    if "/" not in header:
        return "includes are written from src/"
    there = header.split("/")[0]
    if there == room or (header in DOORS and there not in order):
        return None
    if there not in order:
        return f"there is no room '{there}'"
    if order.index(there) > order.index(room):
        return f"{there}/ is below {room}/ in src/meson.build"
    if there not in uses:
        return f"'{there}' is not in {room}_uses of src/{room}/meson.build"
    if header != f"{there}/{there}.h" and there != "base" and header not in DOORS:
        return f"the door of {there}/ is {there}/{there}.h"
    return None


def check_folder(name, header, folders):
    """The same for a header of the room's own."""
    here, there = name.split("/")[2], header.split("/")[1]
    if there.endswith(".h") or here == there or here not in folders:
        return None
    if there not in folders:
        return f"there is no folder '{there}' in the room"
    if folders.index(there) > folders.index(here):
        return f"{there}/ is below {here}/ in the room's meson.build"
    return None


def check_room(room, order, names):
    uses = words(f"src/{room}/meson.build", f"{room}_uses")
    folders = words(f"src/{room}/meson.build", f"{room}_folders") or []
    if uses is None:
        return [f"src/{room}/meson.build: there is no {room}_uses"]
    problems, used = [], set()
    for name in (n for n in names if n.startswith(f"src/{room}/")):
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            used.add(found.group(1).split("/")[0])
            own = found.group(1).startswith(room + "/")
            why = (check_folder(name, found.group(1), folders) if own
                   else check_include(room, found.group(1), uses, order))
            if why:
                problems.append(f"{name}:{number}: includes \"{found.group(1)}\": {why}")
    problems += [f"src/{room}/meson.build: {room}_uses lists '{u}', which nothing includes"
                 for u in uses if u not in used]
    return problems


def main():
    order = words("src/meson.build", "foreach room ")
    names = tree.c_files()
    folders = {n.split("/")[1] for n in names if n.startswith("src/")}
    problems = [f"src/{f}: is not in the list of src/meson.build" for f in sorted(folders - set(order))]
    for room in (r for r in order if r in folders):
        problems += check_room(room, order, names)
    return tree.end(problems, f"{len(folders)} rooms, each includes what it lists")


if __name__ == "__main__":
    sys.exit(main())
