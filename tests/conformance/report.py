# SPDX-License-Identifier: Apache-2.0
"""Compares what the engines make of each case, as a table with the differences below their lines."""
import pathlib
import re

import cases
import compare
import recorded

FRONTEND = pathlib.Path(__file__).with_name("frontend.md")  # the page's second part, written by hand
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "conformance.md"
WIDTH = 46


HEAD = """# What differs from Docker and buildah

{cases} Dockerfiles, {failing} of which no engine may build, are built by `capsem-builder image build`, by Docker with BuildKit and by buildah
(last with {peers}). Paths, types, modes, owners, contents, links, hard links, extended attributes, set times and the image config must be
equal. `make conformance` compares and writes this page with `ARGS=--update`; `make test` compares with what was recorded then.

Where the engines disagree the Dockerfile reference decides. These are all the differences; the cases are in `tests/conformance/cases/`.
An ordinary user with subordinate ids builds the same with `capsem-builder`; the exceptions are in the list too. With buildah, times of folders and the mode of the root folder are not compared: they are its store's.

| who | does otherwise | cases |
|---|---|---|
"""


def verdict(case, peer, noise, ours, theirs):
    """(word, lines to show): how a peer's result stands to ours, and whether the case says so."""
    different = compare.difference(theirs, ours, noise)
    if case.fails is not None:
        agree = theirs is None
        different = [] if agree else ["-is built"]
    reason = case.differs.get(peer)
    if not different:
        return ("same", []) if reason is None else ("STALE", [f"it is said to differ: {reason}"])
    return ("differs", []) if reason is not None else ("DIFFERS", different)


def rows():
    """The table of docs/reference/conformance.md, from the cases' own words."""
    reasons = {}
    for case in cases.load():
        for peer, reason in case.differs.items():
            reasons.setdefault((peer, reason), []).append(case.id)
        if case.rootless_fails is not None:
            reasons.setdefault(("an ordinary user", f"cannot build it: `{case.rootless_fails}`"), []).append(case.id)
    return "".join(f"| {peer} | {reason} | {', '.join(ids)} |\n" for (peer, reason), ids in sorted(reasons.items()))


def page(versions):
    found = cases.load()
    failing = sum(case.fails is not None for case in found)
    return HEAD.format(cases=len(found), failing=failing, peers=" and ".join(versions)) + rows() + FRONTEND.read_text()


def page_is_old():
    return not PAGE.is_file() or not PAGE.read_text().endswith("|---|---|---|\n" + rows() + FRONTEND.read_text())


def proofs_missing():
    """What the last column of frontend.md names, and is not there: a case, a golden case, a file of tests."""
    tests = FRONTEND.parents[1]
    known = {case.id for case in cases.load()}
    known |= {path.name for pattern in ("tests/integration/test_*.py", "src/*/*_test.c") for path in tests.parent.glob(pattern)}
    named = re.findall(r"`([^`]+)`", " ".join(line.split(" | ")[-1] for line in FRONTEND.read_text().splitlines() if line.count("|") >= 5))
    return sorted(set(named) - known)


def compare_peers(wanted, engines, shower, scratch, update):
    names = [engine.name for engine in engines]
    print("peers: " + ", ".join(peer.version() for peer in engines[1:]))
    print(f"{'case':{WIDTH}}" + "".join(f"{name:9}" for name in names), flush=True)
    bad, results, counts = 0, {}, {}
    for case in wanted:
        found = compare.run_case(case, engines, shower, scratch)
        ours, words = found["ours"]
        problem = compare.judge_ours(case, ours, words)
        row, below = ["ok" if problem is None else "WRONG"], [problem] if problem else []
        for peer, noise in [(engine.name, engine.NOISE) for engine in engines[1:]]:
            theirs, said = found[peer]
            word, lines = verdict(case, peer, noise, ours, theirs)
            row.append(word)
            counts[peer, word] = counts.get((peer, word), 0) + 1
            if lines:
                below.append(f"{peer} (-) and ours (+):")
                below += ["  " + line for line in lines]
                if theirs is None and word == "DIFFERS":
                    below += ["  | " + line for line in said.strip().splitlines()[-6:]]
        results[case] = ours if ours is not None else ["fails"]
        bad += problem is not None or any(word.isupper() for word in row)
        print(f"{case.id:{WIDTH}}" + "".join(f"{word:9}" for word in row), flush=True)
        for line in "\n".join(below).splitlines():
            print("    " + line)
    print()
    for peer in names[1:]:
        print(f"{peer}: " + ", ".join(f"{n} {word}" for (p, word), n in sorted(counts.items()) if p == peer))
    print(f"{len(wanted) - bad} passed, {bad} failed")
    if update and not bad:
        recorded.write(results)
        PAGE.write_text(page([peer.version() for peer in engines[1:]]))
    return 1 if bad else 0
