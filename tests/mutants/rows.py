# SPDX-License-Identifier: Apache-2.0
"""The table of mutants: tests/mutants/ROOM.toml, a row each.

    [[mutant]]
    name = "key-without-lengths"        # of its own
    file = "src/store/key.c"
    before = '''a text that occurs once'''
    after = '''the text that makes the program wrong'''
    test = "store/key"                  # meson's name of the test that must notice
    args = "-k lengths"                 # optional: to the test, so that it runs no more than it must

Before and after are lines or parts of lines. Blanks at the start of lines count.
"""
import pathlib
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FIELDS = {"name", "file", "before", "after", "test"}
OPTIONAL = {"args"}
FOLDERS = ("src", "guest", "templates")


def load(folder=HERE):
    """Every row, with the name of its table as "room"."""
    rows = []
    for table in sorted(folder.glob("*.toml")):
        rows += [row | {"room": table.stem} for row in tomllib.loads(table.read_text("utf-8"))["mutant"]]
    return rows


def occurrences(row, path):
    return path.read_text("utf-8").count(row["before"])


def place_of(row, root=ROOT):
    """The row's file, relative to the root; after a move the one file of its name that has the text once. None: there is not one."""
    named = root / row["file"]
    if named.is_file():
        return row["file"]
    found = [p for folder in FOLDERS for p in (root / folder).rglob(named.name) if occurrences(row, p) == 1]
    return str(found[0].relative_to(root)) if len(found) == 1 else None


def problem_of(row, root=ROOT):
    """Why the row cannot be applied; None: it can."""
    missing = FIELDS - row.keys()
    unknown = row.keys() - FIELDS - OPTIONAL - {"room"}
    if missing or unknown:
        return f"{'missing' if missing else 'unknown'}: {', '.join(sorted(missing or unknown))}"
    place = place_of(row, root)
    if place is None:
        return f"{row['file']} is not there"
    count = occurrences(row, root / place)
    if count != 1:
        return f"{place}: the text before occurs {count} times"
    return "the text after is the text before" if row["before"] == row["after"] else None


def problems(rows, root=ROOT):
    """Of the whole table: rows that do not apply, names that occur twice."""
    found, seen = [], set()
    for row in rows:
        where = f"tests/mutants/{row['room']}.toml: {row.get('name', '?')}"
        why = problem_of(row, root)
        if why:
            found.append(f"{where}: {why}")
        if row.get("name") in seen:
            found.append(f"{where}: another row has the name")
        seen.add(row.get("name"))
    return found


def mutated(row, text):
    return text.replace(row["before"], row["after"], 1)
