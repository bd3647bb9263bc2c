#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The example in each code's explanation gives a diagnostic of that code.

    examples.py PROGRAM [--portable]

An example is the indented part of what `explain CODE` prints: files, each behind a line `# PATH`, and
commands behind `$ `, run in a guest folder that is fine without them. `validate`, or the command of this program that is
among them, must then report the code; an example with a template is rendered, one with a Dockerfile is built, or for a warning checked.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

REPO = pathlib.Path(__file__).resolve().parents[2]
BASE = REPO / "tests/golden/build/_base/guest"
INDENT = "    "


def call(program, *args, cwd):
    env = {**os.environ, "NO_COLOR": "1", "CAPSEM_CACHE_DIR": str(pathlib.Path(cwd).parent / "cache")}
    done = subprocess.run([program, *args], cwd=cwd, env=env, capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def codes():
    text = (REPO / "src/diag/codes.c").read_text()
    return re.findall(r'^    \{ "([EW]\d{3})"', text, re.M)


def example(explanation):
    """(path or None for commands, lines) of each part of the indented text."""
    parts = []
    lines = explanation.splitlines()
    inside = [n for n, line in enumerate(lines) if line.startswith(INDENT)]
    for line in lines[inside[0]:inside[-1] + 1] if inside else []:
        text = line.removeprefix(INDENT)
        if re.match(r"# [\w./-]+$", text):
            parts.append((text[2:], []))
        elif text.startswith("$ "):
            parts.append((None, [text[2:]]))
        elif parts:
            parts[-1][1].append(text)
    return parts


def check(program, code, portable):
    """What is wrong with the example; None when it does what it says. A portable program has no engine, and says that."""
    status, text = call(program, "explain", code, cwd="/")
    if status != 0:
        return f"explain ends with {status}"
    parts = example(text)
    if not parts:
        return "the explanation has no example"
    with tempfile.TemporaryDirectory() as scratch:
        guest = pathlib.Path(scratch) / "guest"
        shutil.copytree(BASE, guest)
        before = call(program, "validate", ".", "--format", "short", cwd=guest)[1]
        for path, lines in parts:
            if path is None and lines[0].startswith("capsem-builder "):
                continue
            if path is None:
                subprocess.run(["sh", "-e", "-c", "\n".join(lines)], cwd=guest, check=True)
                continue
            (guest / path).parent.mkdir(parents=True, exist_ok=True)
            (guest / path).write_text("\n".join(lines) + "\n")
        args = ["validate", ".", "--format", "short"]
        if any(path == "Dockerfile" for path, _ in parts):
            args = ["image", "build", ".", *(["--check"] if code.startswith("W") else [])]
        elif any(path and path.startswith("templates/") for path, _ in parts):
            args = ["build", ".", "--dry-run", "--template", "rootfs", "--templates", "templates"]
        for path, lines in parts:
            if path is None and lines[0].startswith("capsem-builder "):
                args = lines[0].split()[1:]
        printed = call(program, *args, cwd=guest)[1]
    if f"[{code}]" in before:
        return "the guest folder has it without the example"
    if portable and args[0] == "image" and code.startswith("E"):
        return None if printed.startswith("error: this program was built without the embedded engine\n") else printed
    return None if f"[{code}]" in printed else "the example gives:\n" + printed


def main():
    program = os.path.abspath(sys.argv[1])
    portable = "--portable" in sys.argv[2:]
    problems = [f"{code}: {why}" for code in codes() if (why := check(program, code, portable))]
    print("\n".join(problems) or f"{len(codes())} codes, each with an example that triggers it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
