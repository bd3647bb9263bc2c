#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/ that come from tables are what the program prints, and their links lead somewhere.

    docs.py PROGRAM [--update]
"""
import difflib
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PAGES = {"config.md": "config", "diagnostics.md": "diagnostics"}


def printed(program, page):
    done = subprocess.run([program, "reference", page], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def anchors(text):
    """What a heading is called in a link to it."""
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-")
            for head in re.findall(r"^#+ (.*)$", text, re.M)}


def broken_links(name):
    text = (DOCS / name).read_text()
    for path, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", text):
        target = (DOCS / path) if path else DOCS / name
        if not target.exists():
            yield f"docs/{name}: a link to {path}, which is not there"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"docs/{name}: a link to {path}#{anchor}, which is no heading"


def main():
    program, update = sys.argv[1], "--update" in sys.argv[2:]
    problems = []
    for name, page in PAGES.items():
        now = printed(program, page)
        path = DOCS / name
        if update:
            path.write_text(now)
        was = path.read_text() if path.exists() else ""
        if was != now:
            problems += difflib.unified_diff(was.splitlines(), now.splitlines(), f"docs/{name}", "printed", lineterm="")
            problems.append(f"docs/{name} is not what 'reference {page}' prints: docs.py PROGRAM --update")
    for path in sorted(DOCS.glob("*.md")):
        problems += broken_links(path.name)
    print("\n".join(problems) or f"{len(PAGES)} pages as printed, no broken link in docs/")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
