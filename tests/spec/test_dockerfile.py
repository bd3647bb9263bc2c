#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile conformance suite against src/dockerfile.

usage: test_dockerfile.py DOCKERFILE-DUMP

Where it is looked for: suites.py. Without it the test is skipped (exit 77).
"""
import subprocess
import sys

import suites

DUMP = sys.argv[1]

# Where the negative cases must be refused: line and column.
NEGATIVE = {
    "empty_dockerfile": (1, 1),
    "env_no_value": (3, 5),
    "only_comments": (1, 1),
    "shykes-nested-json": (1, 15),
}
# Cases of the lower layer that no builder takes as a whole: no FROM, made-up flags, ...
NOT_WHOLE = {
    "flags": "made-up flags",
    "health": "HEALTHCHECK of unknown types",
    "jeztah-invalid-json-json-inside-string": "no FROM",
    "jeztah-invalid-json-json-inside-string-double": "no FROM",
    "jeztah-invalid-json-single-quotes": "no FROM",
    "jeztah-invalid-json-unterminated-bracket": "no FROM",
    "jeztah-invalid-json-unterminated-string": "no FROM",
    "json": "no FROM",
}
LINES = [(5, 5), (11, 12), (17, 31)]
VARIABLES = ["PWD=/home", "SHELL=bash", "KOREAN=한국어", "NULL="]

failures = []


def run(text, *args):
    done = subprocess.run([DUMP, *args], input=text, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def expect(name, got, wanted):
    if got != wanted:
        failures.append(f"{name}:\n  wanted {wanted!r}\n  got    {got!r}")


def positive(folder):
    count = 0
    for case in sorted(folder.iterdir()):
        text = (case / "Dockerfile").read_bytes()
        code, out, err = run(text)
        expect(case.name, out.rstrip("\n"), (case / "result").read_text().rstrip("\n"))
        expect(f"{case.name}: exit", (code, err), (0, ""))
        code, _, err = run(text, "--check")
        expect(f"{case.name}: whole", code, 1 if case.name in NOT_WHOLE else 0)
        count += 1
    return count


def negative(folder):
    names = sorted(case.name for case in folder.iterdir())
    expect("negative cases", names, sorted(NEGATIVE))
    for name in names:
        code, _, err = run((folder / name / "Dockerfile").read_bytes())
        line, column = NEGATIVE[name]
        expect(f"{name}: exit", code, 1)
        expect(f"{name}: place", err[:err.find("]") + 1], f"Dockerfile:{line}:{column}: error: [E401]")
    return len(names)


def lines(folder):
    _, out, _ = run((folder / "Dockerfile").read_bytes(), "--lines")
    got = [tuple(int(word) for word in row.split()) for row in out.splitlines()]
    expect("line numbers", got[:3], LINES)
    return 1


def env_variables(path):
    cases = []
    for number, row in enumerate(path.read_text().splitlines(), 1):
        if not row.strip() or row.startswith("#"):
            continue
        platform, word, wanted = (part.strip() for part in row.split("|"))
        if platform in ("A", "U"):
            cases.append((number, word, wanted))
    requests = [f"set {v}" for v in VARIABLES] + [f"word {word}" for _, word, _ in cases]
    _, out, _ = run("\n".join(requests).encode(), "--expand")
    answers = out.splitlines()
    expect("number of answers", len(answers), len(cases))
    for (number, word, wanted), got in zip(cases, answers):
        expect(f"{path.name}:{number}: {word}", got, wanted)
    return len(cases)


def words(path):
    cases = []
    requests = []
    for number, row in enumerate(path.read_text().splitlines(), 1):
        if not row.strip() or row.startswith("#"):
            continue
        if row.startswith("ENV "):
            requests.append("set " + row[4:].lstrip(" "))
            continue
        word, wanted = row.split("|")
        requests.append("words " + word.strip())
        cases.append((number, word, wanted.lstrip(" ").split(",")))
    _, out, _ = run("\n".join(requests).encode(), "--expand")
    answers = out.split("\n")[:-1]
    expect("number of answers", len(answers), len(cases))
    for (number, word, wanted), got in zip(cases, answers):
        expect(f"{path.name}:{number}: {word}", got.split("\x1f"), wanted)
    return len(cases)


def main():
    suite = suites.find("dockerfile-parser")
    if suite is None:
        return suites.skip("dockerfile-parser", "the suite of BuildKit's Dockerfile parser")
    counts = [
        positive(suite / "testfiles"),
        negative(suite / "testfiles-negative"),
        lines(suite / "testfile-line"),
        env_variables(suite / "shell-envVarTest"),
        words(suite / "shell-wordsTest"),
    ]
    for failure in failures:
        print(failure)
    print(f"{sum(counts)} cases, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
