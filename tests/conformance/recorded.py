# SPDX-License-Identifier: Apache-2.0
"""Our results as they were recorded: recorded/AREA.txt, lines below `=== CASE`."""
import pathlib

import cases

RECORDED = pathlib.Path(__file__).resolve().parent / "recorded"


def load(area):
    """Lines by case of recorded/AREA.txt."""
    path, found = RECORDED / f"{area}.txt", {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        if line.startswith("=== "):
            found[line[4:]] = []
        else:
            found[next(reversed(found))].append(line)
    return found


def write(results):
    """results: lines by case. An area is written whole, cases that were not run keep their lines."""
    order = {}
    for case in cases.load():
        order.setdefault(case.area, []).append(case.name)
    RECORDED.mkdir(exist_ok=True)
    for area, names in order.items():
        lines = load(area)
        lines.update({case.name: found for case, found in results.items() if case.area == area})
        text = "".join(f"=== {name}\n" + "".join(line + "\n" for line in lines[name]) for name in names if name in lines)
        (RECORDED / f"{area}.txt").write_text(text)
    for path in RECORDED.glob("*.txt"):
        if path.stem not in order:
            path.unlink()
