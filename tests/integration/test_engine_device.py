# SPDX-License-Identifier: Apache-2.0
"""RUN --device: what a specification of the Container Device Interface on this machine describes."""
import json
import os

import pytest

from engine import base_tar, context, engine, needs_engine  # noqa: F401

pytestmark = needs_engine
KIND = "capsem.test/class"


@pytest.fixture
def spec(tmp_path):
    """Two devices: one that reads as zeros, and one with a folder, a variable and no node."""
    os.makedirs("/etc/cdi", exist_ok=True)
    path = f"/etc/cdi/capsem-test-{os.getpid()}.json"
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "file").write_text("shared")
    os.mknod(tmp_path / "share" / "node", 0o20666, os.makedev(1, 5))
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"cdiVersion": "0.6.0", "kind": KIND, "containerEdits": {"env": ["OF_ALL=yes"]}, "devices": [
            {"name": "zero", "containerEdits": {"deviceNodes": [{"path": "/dev/capsem0", "hostPath": "/dev/zero"}]}},
            {"name": "share", "containerEdits": {"env": ["SHARE=/share"], "mounts": [
                {"hostPath": str(tmp_path / "share"), "containerPath": "/share", "options": ["ro", "bind"]}]}}]}, file)
    yield path
    os.unlink(path)


def test_a_device_opens_for_its_step_alone(engine, spec):
    built = engine.build(f"FROM base\nRUN --device={KIND}=zero head -c 3 /dev/capsem0 | od -An -tx1; echo $OF_ALL $SHARE\n"
                         "RUN test ! -e /dev/capsem0 && echo gone $OF_ALL\n", None, "--allow", "device")
    assert built.lines() == [" 00 00 00", "yes", "gone"] and built.tree.under("dev") == []


def test_folders_and_variables(engine, spec):
    built = engine.build(f"FROM base\nRUN --device=name={KIND}=share,required cat $SHARE/file; echo; touch /share/x || head -c 1 /share/node || echo closed\n",
                         None, "--allow", "device")
    assert built.lines()[0] == "shared" and built.lines()[-1] == "closed", "a node in a folder does not open"
    assert "share" not in built.tree and "SHARE" not in built.env


def test_the_first_and_all_of_a_kind(engine, spec):
    first = engine.lines(f"FROM base\nRUN --device={KIND} ls -d /dev/capsem0 /share 2>/dev/null; true\n", None, "--allow", "device")
    every = engine.lines(f"FROM base\nRUN --device={KIND}=* ls -d /dev/capsem0 /share\n", None, "--allow", "device")
    assert first == ["/dev/capsem0"] and every == ["/dev/capsem0", "/share"]


def test_it_has_to_be_allowed(engine, spec):
    result = engine.fail(f"FROM base\nRUN --device={KIND}=zero true\n")
    assert f":2:14: this step requests the device '{KIND}=zero'" in result.stderr
    assert "help: --allow device grants it" in result.stderr and result.steps() == []
    assert "--allow takes security.insecure or device, not 'all'" in engine.run("image", "build", ".", "--allow", "all").stderr


def test_a_machine_without_the_device(engine):
    result = engine.try_build("FROM base\nRUN --device=nobody.test/none=1 echo runs\n").check()
    assert result.lines() == ["runs"] and "this machine has no device 'nobody.test/none=1': the step runs without it" in result.stderr
    result = engine.fail("FROM base\nRUN --device=nobody.test/none=1,required true\n")
    assert "E405" in result.stderr and ":2:" in result.stderr and "this machine has no device" in result.stderr and "/etc/cdi" in result.stderr


@pytest.mark.parametrize("value", ["plain", "/x", "x/", "a/b,often", "a/b,c/d", "required", "=x", "a/b,required=perhaps"])
def test_requests_that_are_none(engine, value):
    result = engine.fail(f"FROM base\nRUN --device={value} true\n")
    assert "E405" in result.stderr and "--device takes VENDOR/CLASS[=NAME][,required]" in result.stderr, result.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "{\"kind\": 3}", '{"kind": "capsem.test/bad", "devices": [1, {"name": 2}, {"name": "x", "containerEdits": '
                                  '{"deviceNodes": [3, {"path": "relative"}], "mounts": {}, "env": [4, "NOVALUE"]}}]}'])
def test_specifications_that_are_damaged(engine, spec, text):
    with open(spec, "w", encoding="utf-8") as file:
        file.write(text)
    assert engine.lines("FROM base\nRUN --device=capsem.test/bad=x echo runs\n", None, "--allow", "device") == ["runs"]


YAML = f"""# as vendors' tools write it
cdiVersion: "0.6.0"
kind: {KIND}-yaml
containerEdits:
  env: [&all "OF_ALL=yes"]
devices:
- name: 0
  containerEdits:
    deviceNodes:
    - path: /dev/capsem0
      hostPath: /dev/zero
- name: "second"
  containerEdits:
    env:
    - *all
    - SECOND=~
    additionalGids: [1, 2]
    hooks: ~
"""


@pytest.fixture
def yaml(spec):
    path = spec.replace(".json", ".yaml")

    def write(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path
    yield write
    if os.path.exists(path):
        os.unlink(path)


def test_yaml(engine, yaml):
    yaml(YAML)
    lines = engine.lines(f"FROM base\nRUN --device={KIND}-yaml=0,required head -c 3 /dev/capsem0 | od -An -tx1; echo $OF_ALL\n"
                         f"RUN --device={KIND}-yaml=second,required test ! -e /dev/capsem0; echo $OF_ALL $SECOND\n", None, "--allow", "device")
    assert lines == [" 00 00 00", "yes", "yes ~"]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [{','.join(9 * ['*' + chr(ord(c) - 1)])}]\n" for c in "bcdefghi")


@pytest.mark.parametrize("text,why", [
    ("kind: [", "line 2: did not find expected node content"),
    ("kind: x\n\t- y\n", "line 2: found a tab character"),
    ("? [a]\n: b\n", "line 1: a key that is not text"),
    ("a: &a [*a]\n", "line 1: nested too deeply"),
    ("[" * 3000 + "]" * 3000, "line 1: "),
    (BOMB, "too large; aliases"),
    ("kind: \"\\xff\xfe\"\n", ""),
])
def test_yaml_that_is_damaged(engine, yaml, text, why):
    path = yaml(text)
    result = engine.try_build(f"FROM base\nRUN --device={KIND}-yaml=0 echo runs\n", None, "--allow", "device").check()
    assert result.lines() == ["runs"]
    assert not why or f"'{path}' describes no devices: " in result.stderr.replace('\\"', '"') and why in result.stderr, result.stderr
