# SPDX-License-Identifier: Apache-2.0
"""The SARIF of every golden case of `validate` fits the standard, and says what the JSON format says."""
import json
import os
import pathlib
import shlex
import subprocess
import sys
import urllib.parse

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import run  # noqa: E402

jsonschema = pytest.importorskip("jsonschema", reason="the package python3-jsonschema is not installed")

PROGRAM = os.environ["CAPSEM_BUILDER"]
SCHEMA = json.loads((HERE / "sarif.schema.json").read_text())
# Those without diagnostics are about the command line.
CASES = [c for c in run.find_cases(["validate"]) if "usage" not in c.name and "]" in (run.expected(c, "stdout").decode())]


def validate(case, folder, style):
    words = shlex.split((case / "cmd").read_text())
    if "--format" in words:
        at = words.index("--format")
        del words[at:at + 2]
    done = subprocess.run([PROGRAM, *words, "--format", style], cwd=folder, capture_output=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "HOME": str(folder)})
    return done.stdout.decode()


def position(region):
    return [region[k] for k in ("startLine", "startColumn", "endLine", "endColumn")]


def check_same(result, diagnostic):
    """A SARIF result against the object of the JSON format."""
    assert (result["ruleId"], result["level"]) == (diagnostic["code"], diagnostic["severity"])
    text = diagnostic["message"] + ("\nhelp: " + diagnostic["help"] if diagnostic["help"] else "")
    assert result["message"]["text"] == text
    places = [(diagnostic, result["locations"])]
    notes = [n for n in [diagnostic.get("note"), *diagnostic.get("more_notes", [])] if n and n["file"]]
    related = result.get("relatedLocations", [])
    assert [r["id"] for r in related] == list(range(1, len(related) + 1))
    assert [r["message"]["text"] for r in related] == [n["message"] for n in notes]
    places += [(n, [r]) for n, r in zip(notes, related)]
    for said, locations in places:
        physical = locations[0]["physicalLocation"]
        wanted = [said[k] for k in ("line", "column", "end_line", "end_column")]
        assert (position(physical["region"]) if "region" in physical else [None] * 4) == wanted
        uri = urllib.parse.urlsplit(physical["artifactLocation"]["uri"])
        assert urllib.parse.unquote(uri.path) == said["file"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_it_fits_the_standard(case, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    run.prepare(case, folder)
    log = json.loads(validate(case, folder, "sarif"))
    jsonschema.Draft7Validator(SCHEMA).validate(log)
    diagnostics = [json.loads(line) for line in validate(case, folder, "json").splitlines()]
    [one] = log["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert one["columnKind"] == "unicodeCodePoints" and len(one["results"]) == len(diagnostics) > 0
    for result, diagnostic in zip(one["results"], diagnostics):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert rules[result["ruleIndex"]]["defaultConfiguration"]["level"] == result["level"]
        for location in result["locations"]:
            if "region" not in location["physicalLocation"]:
                continue  # of a file that is not there
            line, column, end_line, end_column = position(location["physicalLocation"]["region"])
            assert (line, column) <= (end_line, end_column)
        check_same(result, diagnostic)


def test_all_codes_are_rules_once(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    run.prepare(HERE / "validate/ok", folder)
    log = json.loads(validate(HERE / "validate/ok", folder, "sarif"))
    jsonschema.Draft7Validator(SCHEMA).validate(log)
    ids = [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
    assert log["runs"][0]["results"] == [] and ids == sorted(set(ids)) and len(ids) >= 30


def test_the_schema_refuses_what_is_wrong():
    good = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"message": {"text": "m"}}]}]}
    validator = jsonschema.Draft7Validator(SCHEMA)
    assert validator.is_valid(good)
    region = {"physicalLocation": {"artifactLocation": {"uri": "a b"}, "region": {"startLine": 1}}}
    for bad in ({**good, "version": "2.0"}, {"version": "2.1.0"}, {**good, "runs": [{"results": []}]},
                {**good, "runs": [{**good["runs"][0], "results": [{"ruleId": "x"}]}]},
                {**good, "runs": [{**good["runs"][0], "results": [{"message": {"text": "m"}, "locations": [region]}]}]}):
        assert not validator.is_valid(bad)
