# SPDX-License-Identifier: Apache-2.0
"""capsem-bench's history and comparison, on the host: no figure is looked at, only what is made of it."""
import json
import os
import subprocess

import pytest

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../guest/artifacts/capsem-bench")
SLOW = {"loopback round trip": 1e12, "loopback throughput": 0.001}
FAST = {"loopback round trip": 0.001, "loopback throughput": 1e12}


def bench(home, *args):
    return subprocess.run([BENCH, "--quick", *args, "network"], env=dict(os.environ, HOME=str(home)), capture_output=True, text=True,
                          timeout=120)


def results(path, values):
    path.write_text(json.dumps({"results": [{"group": "network", "name": n, "value": v} for n, v in values.items()]}) + "\n")
    return path


def test_results_are_kept_and_compared(tmp_path):
    history = tmp_path / ".local/state/capsem-bench.jsonl"
    first = bench(tmp_path, "--compare")
    assert first.returncode == 0 and "this is the first result" in first.stderr
    assert [json.loads(line) for line in history.read_text().splitlines()] == [json.loads(first.stdout)]
    better = bench(tmp_path, "--compare-with", str(results(tmp_path / "slow", SLOW)))
    assert better.returncode == 0 and better.stderr.count("better") == 2
    compared = {r["name"]: r for r in json.loads(better.stdout)["results"] if "before" in r}
    assert {n: r["before"] for n, r in compared.items()} == SLOW and all(r["change"] > 1 for r in compared.values())
    results(history, FAST)
    worse = bench(tmp_path, "--compare")
    assert worse.returncode == 1 and worse.stderr.count("WORSE") == 2
    assert len(history.read_text().splitlines()) == 2


def test_the_history_does_not_grow_for_ever(tmp_path):
    history = tmp_path / ".local/state/capsem-bench.jsonl"
    history.parent.mkdir(parents=True)
    history.write_text('{"results": []}\n' * 500)
    assert bench(tmp_path).returncode == 0
    assert len(history.read_text().splitlines()) == 50


@pytest.mark.parametrize("text,words", [(None, "there is no file"), ("", "no results"), ("{}", "no results"), ("[1]", "no results"),
                                        ('{"results": [{}]}', "no results")])
def test_files_that_hold_no_result(tmp_path, text, words):
    path = tmp_path / "file"
    if text is not None:
        path.write_text(text)
    done = bench(tmp_path, "--compare-with", str(path))
    assert done.returncode == 1 and words in done.stderr and done.stdout == ""
