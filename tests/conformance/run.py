#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the Dockerfiles of cases/ and compares the trees and image configs, entry by entry.

    run.py BUILDER ATTR [--peers] [--update] [--rootless] [AREA[/CASE] ...]

With neither option our results are compared with the recorded ones. --peers compares with Docker and buildah (peers.py says where
they come from); --update writes recorded/AREA.txt, and with --peers docs/reference/conformance.md, when every case is as it should be.
--rootless runs ours as an ordinary user with subordinate ids: the results are the same ones.
cases.py describes the cases, trees.py the lines of a result.
"""
import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import sys
import tempfile

import cases
import compare
import images
import recorded
import report
from ours import Ours

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from ordinary_user import ordinary_user  # noqa: E402

WORKERS = 4
FAILS = ["fails"]  # recorded for what is not built


def problem_of(case, lines, words, known, rootless):
    """What is wrong with our result of a case, of which `known` is recorded; None when nothing is."""
    if rootless and case.rootless_fails is not None:
        return compare.judge_ours(dataclasses.replace(case, fails=case.rootless_fails), lines, words)
    problem = compare.judge_ours(case, lines, words)
    if problem is not None or lines == known or (lines is None and known == FAILS):
        return problem
    return "no result is recorded: run with --update" if known is None else "\n".join(
        ["not as recorded (-):", *compare.difference(known, lines)])


def compare_recorded(wanted, engine, shower, scratch, update):
    """Ours against what was recorded. Gives the number of failures."""
    bad, results, areas = 0, {}, {}
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        futures = [(case, pool.submit(compare.run_case, case, [engine], shower, scratch)) for case in wanted]
        for case, future in futures:
            lines, words = future.result()[engine.name]
            results[case] = lines if lines is not None else FAILS
            known = areas.setdefault(case.area, recorded.load(case.area)).get(case.name)
            problem = problem_of(case, lines, words, results[case] if update else known, engine.user is not None)
            if problem is not None:
                bad += 1
                print(f"{case.id}: {problem}")
    if report.page_is_old() and not update:
        bad += 1
        print("docs/reference/conformance.md: the table is not that of the cases: run with --peers --update")
    if report.proofs_missing():
        bad += 1
        print("tests/conformance/frontend.md names tests that are not there: " + ", ".join(report.proofs_missing()))
    if update and not bad:
        recorded.write(results)
    print(f"{len(wanted) + 2 - bad} passed, {bad} failed")
    return bad


def run_rootless(args, wanted, shower, scratch):
    """The same results, but for the cases that say what an ordinary user cannot do."""
    with ordinary_user(where=scratch) as user:
        scratch.chmod(0o711)
        for image in scratch.glob("*.tar"):
            image.rename(user.home / image.name)
        ours = Ours(user.take(args.builder), user.home, user)
        ours.start()
        return compare_recorded(wanted, ours, shower, user.home, False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("builder")
    parser.add_argument("attr")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--rootless", action="store_true", help="as an ordinary user with subordinate ids")
    parser.add_argument("cases", nargs="*", metavar="AREA[/CASE]")
    args = parser.parse_intermixed_args()
    if os.geteuid() != 0:
        print("the engines want root")
        return 77
    wanted = cases.load(args.cases)
    with tempfile.TemporaryDirectory(prefix="conformance-", dir=os.environ.get("TMPDIR", "/var/tmp")) as scratch:
        scratch = pathlib.Path(scratch)
        shower = compare.Shower(*images.make(scratch, args.attr))
        if args.rootless:
            return 1 if run_rootless(args, wanted, shower, scratch) else 0
        engines = [Ours(os.path.abspath(args.builder), scratch)]
        engines[0].start()
        if not args.peers:
            return 1 if compare_recorded(wanted, engines[0], shower, scratch, args.update) else 0
        import peers
        with peers.started(scratch) as others:
            return report.compare_peers(wanted, engines + others, shower, scratch, args.update)


if __name__ == "__main__":
    sys.exit(main())
