#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Golden tests: what the program prints for a given input, byte for byte.

    run.py PROGRAM [--update] [--portable] [AREA[/CASE] ...]

A case is a folder AREA/CASE with
    cmd             the arguments, as a shell would split them (no shell runs)
    input/          optional: copied into an empty folder, which is the current one of the run
    remove          optional: paths taken out of that copy, a line each
    stdin           optional
    stdout, stderr  what must be printed; a file that is not there stands for nothing
    exit            the exit code; 0 when it is not there
    engine          optional, empty: it needs the embedded engine. With --portable PROGRAM has none, and must say so
AREA/_base/ is copied before the input of each of the area's cases. --update writes what is printed
now; read the difference before you commit it.
"""
import argparse
import concurrent.futures
import difflib
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 120


def find_cases(wanted):
    cases = sorted(p.parent for p in ROOT.glob("*/*/cmd"))
    if not wanted:
        return cases
    return [c for c in cases if any(
        str(c.relative_to(ROOT)) == w or c.parent.name == w for w in wanted)]


def prepare(case, folder):
    for source in (case.parent / "_base", case / "input"):
        if source.is_dir():
            shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)
    remove = case / "remove"
    for line in remove.read_text().split() if remove.is_file() else []:
        path = folder / line
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def run(program, case):
    """What the case gives now: file name to bytes."""
    with tempfile.TemporaryDirectory(prefix="golden-") as scratch:
        folder = pathlib.Path(scratch) / "work"
        folder.mkdir()
        prepare(case, folder)
        env = {"PATH": os.environ["PATH"], "HOME": scratch, "NO_COLOR": "1", "LC_ALL": "C.UTF-8",
               "CAPSEM_CACHE_DIR": os.path.join(scratch, "cache"), "SOURCE_DATE_EPOCH": "0"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        stdin = case / "stdin"
        done = subprocess.run([program, *shlex.split((case / "cmd").read_text())], cwd=folder,
                              env=env, input=stdin.read_bytes() if stdin.is_file() else b"",
                              capture_output=True, timeout=TIMEOUT_S)
        return {"stdout": done.stdout, "stderr": done.stderr,
                "exit": b"%d\n" % done.returncode if done.returncode else b""}


def expected(case, name):
    path = case / name
    return path.read_bytes() if path.is_file() else b""


def without_engine(case, got):
    """What a program without the engine must say, as the case's own output."""
    text = b"error: this program was built without the embedded engine\n"
    if got["stderr"].startswith(text) and got["exit"] == b"1\n" and got["stdout"] == b"":
        return {name: expected(case, name) for name in got}
    return got


def update(case, got):
    for name, content in got.items():
        path = case / name
        if content:
            path.write_bytes(content)
        elif path.exists():
            path.unlink()


def show(case, name, want, got):
    def lines(data):
        return data.decode("utf-8", "backslashreplace").splitlines()
    label = f"{case.relative_to(ROOT)}/{name}"
    for line in difflib.unified_diff(lines(want), lines(got), label, "now", lineterm=""):
        print(line)


def main():
    parser = argparse.ArgumentParser(description="golden tests")
    parser.add_argument("program")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--portable", action="store_true")
    parser.add_argument("cases", nargs="*")
    args = parser.parse_intermixed_args()
    program = os.path.abspath(args.program)
    cases = find_cases(args.cases)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for case, got in zip(cases, pool.map(lambda c: run(program, c), cases)):
            if args.portable and (case / "engine").exists():
                got = without_engine(case, got)
            differs = [n for n in got if got[n] != expected(case, n)]
            if differs and args.update:
                update(case, got)
                print("updated", case.relative_to(ROOT))
            elif differs:
                failed += 1
                for name in differs:
                    show(case, name, expected(case, name), got[name])
    print(f"{len(cases) - failed} of {len(cases)} cases as written")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
