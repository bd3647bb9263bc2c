#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Differential test: every case of jinja_cases.py through our renderer and through Jinja2.

usage: jinja_diff.py JINJA_CASES_PROGRAM [NAME-OR-NUMBER...]
Where Jinja2 gives text, ours must be the same; where it raises, ours must report an error with a
place inside the template.
"""
import copy
import json
import subprocess
import sys

import jinja2

import jinja_cases

OPTIONS = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "autoescape",
           "line_statement_prefix", "line_comment_prefix")


def reference(case):
    env = jinja2.Environment(
        undefined=jinja2.StrictUndefined if case["strict"] else jinja2.Undefined,
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        loader=jinja2.DictLoader(case.get("templates", {})),
        optimized=case.get("optimized", True),  # off: nothing is computed before it runs
        **{name: case[name] for name in OPTIONS if name in case},
    )
    try:
        return "output", env.from_string(case["template"]).render(copy.deepcopy(case["context"]))
    except Exception as error:  # any: the kind of exception is Python's business
        return "error", f"{type(error).__name__}: {error}"


def check(case, answer):
    kind, expected = reference(case)
    if kind == "error":
        if "error" not in answer:
            return f"jinja2 raises {expected}\n  ours:   {answer['output']!r}"
        return None if answer.get("line", 0) >= 1 else f"no place: {answer}"
    if "error" in answer:
        return f"jinja2: {expected!r}\n  ours raises: {answer}"
    if answer["output"] != expected:
        return f"jinja2: {expected!r}\n  ours:   {answer['output']!r}"
    return None


def main():
    program, wanted = sys.argv[1], sys.argv[2:]
    cases = jinja_cases.all_cases()
    if wanted:
        cases = [c for i, c in enumerate(cases) if str(i) in wanted or c["group"] in wanted]
    lines = "".join(json.dumps(c) + "\n" for c in cases)
    result = subprocess.run([program], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(answers) == len(cases), "an answer is missing"
    failed = 0
    for number, (case, answer) in enumerate(zip(cases, answers)):
        problem = check(case, answer)
        if problem:
            failed += 1
            print(f"FAIL {number} [{case['group']}] {case['template']!r}\n  {problem}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
