#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who owns a name: a function that a room's door declares begins with the room's name, and no two doors declare one struct.

A door is <room>/<room>.h. Rooms whose words everybody uses are in PREFIXES.
"""
import collections
import re
import sys

import tree

# room -> how its functions begin; empty: as they like
PREFIXES = {
    "base": (),  # the words of the language: str_, buf_, fs_, ...
    "cli": (),   # the last room: no other sees it
    "diag": ("diag_", "sources_", "secret_", "char_", "plain_", "add_plain", "add_foreign"),
    "hash": ("hash_", "blake3_", "sha256_"),
}
FUNCTION = re.compile(r"^(?:[A-Za-z_][\w ]*[ *]+)(\w+)\([^;{]*\)[^;{]*;", re.M)
TYPE = re.compile(r"^(?:struct|enum|union) (\w+) \{", re.M)


def line_of(code, found, group=1):
    return code.count("\n", 0, found.start(group)) + 1


def main():
    problems, owners, count = [], collections.defaultdict(list), 0
    doors = [n for n in tree.c_files() if re.fullmatch(r"src/(\w+)/\1\.h", n)]
    for door in doors:
        room = door.split("/")[1]
        code = tree.code(tree.text(door))
        prefixes = PREFIXES.get(room, (room + "_",))
        for found in FUNCTION.finditer(code):
            count += 1
            if prefixes and not found.group(1).startswith(prefixes):
                problems.append(f"{door}:{line_of(code, found)}: {found.group(1)}() does not begin with {prefixes[0]}")
        for found in TYPE.finditer(code):
            owners[found.group(1)].append(f"{door}:{line_of(code, found)}")
    for name, places in sorted(owners.items()):
        problems += [f"{place}: '{name}' is also in {places[0]}" for place in places[1:]]
    return tree.end(problems, f"{count} functions of {len(doors)} rooms are named after them")


if __name__ == "__main__":
    sys.exit(main())
