#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every form that the Dockerfile reference gives an instruction: what is made of it, and what is refused, with its place.

usage: dockerfile_forms.py DOCKERFILE-DUMP

dockerfile_rows.py has the rows. Each instruction of src/dockerfile/table.c, each of its flags and each kind of mount must occur in
one that is taken; each instruction in one that is refused.
"""
import pathlib
import re
import subprocess
import sys

import dockerfile_rows as rows

ROOT = pathlib.Path(__file__).resolve().parents[2]
DUMP = sys.argv[1]


def run(text, *args):
    done = subprocess.run([DUMP, *args], input=text.encode(), capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def whole(text):
    """A form alone, below a base; one that has a FROM stays as it is."""
    return text if not text or re.search(r"^\s*from\b", text, re.I | re.M) else f"FROM base\n{text}"


def check_taken(text, wanted):
    code, out, err = run(text)
    nodes = out.rstrip("\n").splitlines()
    if code != 0 or nodes != wanted:
        return f"{nodes!r} {err}"
    code, _, err = run(whole(text), "--check")
    return None if code == 0 else f"refused as a whole: {err}"


def check_refused(text, place, words):
    code, _, err = run(whole(text), "--check")
    first = err.splitlines()[0] if err else ""
    if code == 0:
        return "taken"
    found = re.fullmatch(r"error: \[E40[1-5]\] Dockerfile:(\d+:\d+): (.*)", first)
    return None if found and found.group(1) == place and words in found.group(2) else f"wanted {place} with '{words}': {first}"


def check_expanded(text, wanted):
    requests = "".join(f"set {name}={value}\n" for name, value in rows.VARIABLES.items())
    _, out, _ = run(f"{requests}word {text}\n", "--expand")
    return None if out == wanted + "\n" else f"wanted {wanted!r}: {out!r}"


def missing():
    """What the table of instructions has and no row uses."""
    table = (ROOT / "src/dockerfile/table.c").read_text()
    taken = "\n".join(text for text, _ in rows.TAKEN)
    refused = "\n".join(text for text, _, _ in rows.REFUSED)
    for name in re.findall(r'^    \{ "([A-Z]+)", DOCKERFILE_', table, re.M):
        for kind, texts in (("taken", taken), ("refused", refused)):
            if not re.search(rf"^\s*{name}\b", texts, re.I | re.M):
                yield f"{name}: no row in which it is {kind}"
    for flag in sorted(set(re.findall(r'\{ "([a-z-]+)", FLAG_', table))):
        if f"--{flag}" not in taken:
            yield f"--{flag}: no row has it"
    for kind in ("bind", "cache", "tmpfs", "secret", "ssh"):
        if f"type={kind}" not in taken:
            yield f"a mount of type {kind}: no row has it"


def main():
    problems, count = list(missing()), 0
    for check, cases in ((check_taken, rows.TAKEN), (check_refused, rows.REFUSED), (check_expanded, rows.EXPANDED)):
        for text, *wanted in cases:
            count += 1
            wrong = check(text, *wanted)
            if wrong:
                problems.append(f"{text!r}: {wrong}")
    print("\n".join([*problems, f"{count - len(problems)} passed, {len(problems)} failed"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
