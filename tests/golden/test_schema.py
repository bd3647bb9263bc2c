# SPDX-License-Identifier: Apache-2.0
"""The schemas that `schema` prints are schemas, take every file of ours, and refuse the mistakes of the
golden cases that a row of the field tables knows."""
import datetime
import functools
import json
import os
import pathlib
import re
import subprocess
import tomllib

import pytest

jsonschema = pytest.importorskip("jsonschema")

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")

FILES = {"build": "build.toml", "manifest": "manifest.toml", "ai": "ai/*.toml", "packages": "packages/*.toml",
         "mcp": "mcp/*.toml", "web": "security/web.toml", "resources": "vm/resources.toml",
         "environment": "vm/environment.toml"}
ANY = ""
CASES = REPO / "tests/golden/validate"
# What a diagnostic is about, in messages of rules that a schema can say too.
SUBJECTS = [r"^(?:an element of )?'?([\w.]+)'? must (?:be|contain file names)", r"^(\w+) must not be empty",
            r"^(\w+) cannot be", r"^(\w+) is missing in", r"^the table \[(\w+)\] is missing",
            r"^unknown key '(\w+)'", r"^unknown install (manager)"]
# Refused by `validate` alone: a pattern for them would be unreadable, and 4.0 is an integer to a schema.
BEYOND = ("and '..' is none", "has an empty part", "has a character that no domain has",
          "must be a path inside the config folder", "an integer, not a float")


def capsem(*args):
    return subprocess.run([BUILDER, *map(str, args)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


@functools.cache
def schema(kind):
    done = capsem("schema", *([kind] if kind else []))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return json.loads(done.stdout)


def checker(kind):
    return jsonschema.Draft7Validator(schema(kind))


def load(path):
    return tomllib.loads(path.read_text())


def kind_of(path):
    return next(kind for kind, pattern in FILES.items() if path.match("config/" + pattern))


def leaves(errors):
    """All errors, with those of each alternative."""
    for error in errors:
        yield error
        yield from leaves(error.context)


def about(error):
    """Every name that the error is about: of the keys on the way, and of what is missing or unknown."""
    return {str(step) for step in error.absolute_path} | set(re.findall(r"'([\w.]+)'", error.message))


@pytest.mark.parametrize("kind", [*FILES, ANY])
def test_is_a_schema(kind):
    text = schema(kind)
    assert text["$schema"] == "http://json-schema.org/draft-07/schema#"
    for draft in (jsonschema.Draft4Validator, jsonschema.Draft7Validator, jsonschema.Draft202012Validator):
        draft.check_schema(text)


def tables(node):
    """Every field's schema, at any depth."""
    for name, field in node.get("properties", {}).items():
        yield name, field
        yield from tables(field)
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            yield from tables(node[inner])


@pytest.mark.parametrize("kind", FILES)
def test_every_field_is_described_and_its_default_passes(kind):
    fields = list(tables(schema(kind)))
    assert fields
    for name, field in fields:
        assert field["description"].endswith("."), name
        if "default" in field:
            jsonschema.Draft7Validator(field).validate(field["default"])


def our_files():
    return sorted(p for folder in ("guest", "examples/minimal", "tests/golden/inspect/_base", "tests/golden/build/_base")
                  for p in (REPO / folder).glob("**/config/**/*.toml"))


@pytest.mark.parametrize("path", our_files(), ids=lambda p: str(p.relative_to(REPO)))
def test_our_files_pass(path):
    for kind in (kind_of(path), ANY):
        assert not list(leaves(checker(kind).iter_errors(load(path))))


def test_inspect_has_the_same_defaults():
    """What a field is when it is not written is in one row, which both print."""
    done = capsem("inspect", REPO / "examples/minimal", "--json")
    resources = json.loads(done.stdout)["vm_resources"]
    written = load(REPO / "examples/minimal/config/vm/resources.toml")["resources"]
    fields = schema("resources")["properties"]["resources"]["properties"]
    assert {n: written.get(n, f["default"]) for n, f in fields.items()} == resources


def content_of(path):
    try:
        return load(path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        return None


def subject(message):
    """The key that a message is about; None for a rule between fields."""
    return next((m.group(1).split(".")[0] for p in SUBJECTS if (m := re.search(p, message))), None)


def mistakes():
    """(path, message) of what `validate` says in the golden cases about values and keys."""
    for case in sorted(CASES.iterdir()):
        out = case / "stdout"
        if out.is_file():
            for code, name, message in re.findall(r"^\w+: \[(E00[3-6]|W014)\] (\S+?):\d+:\d+: (.*)$",
                                                  out.read_text(), re.M):
                path = case / "input" / name
                known = subject(message) or message.startswith("domain '")
                if known and not message.endswith(BEYOND) and content_of(path) is not None:
                    yield pytest.param(path, message, id=f"{case.name}-{name}-{message[:40]}")


@pytest.mark.parametrize("path, message", mistakes())
def test_mistakes_are_refused(path, message):
    content = content_of(path)
    errors = list(leaves(checker(kind_of(path)).iter_errors(content)))
    domain = re.match(r"domain '(.*)' ", message)
    if domain:
        assert any(e.instance == domain.group(1) and e.validator == "pattern" for e in errors)
    else:
        assert subject(message) in set().union(*map(about, errors)), [e.message for e in errors]
    if content:  # a file without any table can be of any kind
        assert list(checker(ANY).iter_errors(content))


def test_a_date_is_no_string():
    entry = {"version": "1", "date": datetime.date(2026, 1, 1), "changes": []}
    assert list(checker("manifest").iter_errors({"image": {"name": "x", "changelog": [entry]}}))


def test_output_writes_all_kinds(tmp_path):
    done = capsem("schema", "--output", tmp_path / "deep" / "schemas")
    assert done.returncode == 0, done.stderr
    names = [pathlib.Path(line).name for line in done.stdout.splitlines()]
    assert names == [f"{kind}.schema.json" for kind in FILES]
    for kind in FILES:
        assert json.loads((tmp_path / "deep/schemas" / f"{kind}.schema.json").read_text()) == schema(kind)


def test_what_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = capsem("schema", "--output", tmp_path / "file")
    assert done.returncode == 1 and done.stdout == "" and "error: write the schemas into" in done.stderr


@pytest.mark.parametrize("args, message", [
    (["buid"], "schema: unknown kind of file 'buid', did you mean 'build'?"),
    (["kernel"], "schema: unknown kind of file 'kernel'; valid kinds are " + ", ".join(FILES)),
    (["ai", "--output", "x"], "schema: --output writes every kind; remove 'ai'"),
    (["ai", "mcp"], "schema: unexpected argument 'mcp'"),
])
def test_wrong_arguments(args, message):
    done = capsem("schema", *args)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {message}\n")
