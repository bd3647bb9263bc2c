# SPDX-License-Identifier: Apache-2.0
"""docs/spec/ names what the program has: codes, commands, variables of templates, messages, guards, files."""
import json
import os
import pathlib
import re
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
SPEC = REPO / "docs/spec"
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
needs_program = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")


def page(name):
    return (SPEC / f"{name}.md").read_text()


def section(name, heading):
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page(name), re.S | re.M)
    assert found, f"docs/spec/{name}.md has no section '{heading}'"
    return found.group(1)


def first_cells(text):
    """The code spans of each row's first cell."""
    return [word for row in re.findall(r"^\|([^|]*)\|", text, re.M) for word in re.findall(r"`([^`]+)`", row)]


@needs_program
def test_every_code_is_there_once():
    listed = subprocess.run([BUILDER, "explain"], capture_output=True, text=True, check=True).stdout
    codes = set(re.findall(r"\b[EW]\d{3}\b", listed))
    rows = re.findall(r"^\| ([EW]\d{3}) \|", page("diagnostics"), re.M)
    checks = {c for c in codes if "W401" <= c <= "W421"}
    assert len(checks) == 21
    assert sorted(rows) == sorted(codes - checks)


@needs_program
def test_every_command_is_there():
    shown = subprocess.run([BUILDER, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z]+)(?: [a-z]+)?  ", shown.split("Commands:")[1].split("Options:")[0], re.M)
    reference = (REPO / "docs/reference/commands.md").read_text()
    assert len(set(commands)) > 15
    for command in set(commands):
        assert re.search(rf"`{command}\b", reference), command


def template_variables(template):
    """The variables that a template reads, by Jinja's own parser, without those that it sets."""
    meta = pytest.importorskip("jinja2.meta")
    jinja2 = pytest.importorskip("jinja2")
    env = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    env.filters["shell_quote"] = str
    tree = env.parse((REPO / "templates" / template).read_text())
    own = {n.name for n in tree.find_all(jinja2.nodes.Name) if n.ctx == "store"} | {m.name for m in tree.find_all(jinja2.nodes.Macro)}
    return meta.find_undeclared_variables(tree) - own


@pytest.mark.parametrize("template, heading", [
    ("Dockerfile.rootfs.j2", "Variables of the root filesystem"), ("Dockerfile.kernel.j2", "Variables of the kernel")])
def test_variables_of_templates(template, heading):
    named = set(first_cells(section("recipes", "Variables of every template")) + first_cells(section("recipes", heading)))
    used = template_variables(template)
    assert used <= named, used - named
    source = (REPO / "src/recipe/variables.c").read_text()
    for name in named:
        assert f'"{name}"' in source, f"docs/spec/recipes.md: '{name}' is not a variable"


def test_messages_of_the_control_channel():
    text = section("guest", "Control channel")
    to_guest = re.search(r"^To the guest: (.*)$", text, re.M).group(1)
    to_host = re.search(r"^To the host: (.*)$", text, re.M).group(1)
    agent = REPO / "guest/agent/lib"
    handled = re.findall(r'^    \{ "(\w+)", AGENT_', (agent / "agent.c").read_text(), re.M)
    assert re.findall(r"`(\w+)`", to_guest) == handled
    sources = "".join(p.read_text() for p in agent.glob("*.c") if not p.name.endswith("_test.c"))
    sent = set(re.findall(r'(?:reply_begin|wire_frame_begin)\([^";]*"(\w+)"', sources))
    assert set(re.findall(r"`(\w+)`", to_host)) == sent


def test_guards():
    text = section("guest", "Guards")
    source = (REPO / "guest/agent/lib/guards.c").read_text()
    blocked = {name + ("*" if prefix == "true" else "") for name, prefix in re.findall(r'\{ "(\w+)", (true|false) \}', source)}
    row = re.search(r"names that are refused \|(.*)\|", text).group(1)
    assert set(re.findall(r"`([^`]+)`", row)) == blocked
    header = (REPO / "guest/agent/lib/guards.h").read_text()
    for name in ("KEY", "VALUE", "PATH", "ENV_COUNT", "FILE_COUNT"):
        assert re.search(rf"GUARD_{name}_MAX = (\d+)", header).group(1) in text, name


def test_stages_of_the_boot():
    init = (REPO / "guest/artifacts/capsem-init").read_text()
    stages = set(re.findall(r"^stage_(\w+)\(\)", init, re.M)) - {"begin", "end"} | set(re.findall(r"stage_begin (\w+)$", init, re.M))
    assert set(first_cells(section("guest", "Boot"))) == stages


def test_ports():
    text = section("guest", "Transport")
    sources = "".join(p.read_text() for p in (REPO / "guest/agent").rglob("*.[ch]"))
    for port, name in re.findall(r"\| (\d+) \| `([\w.]+)`", text):
        assert re.search(rf"PORT = {port}\b", sources) and f'"{name}"' in sources, name


def test_groups_of_the_doctor_in_the_guest():
    groups = [p.name[3:-3] for p in sorted((REPO / "guest/artifacts/diagnostics").glob("[0-9]*.sh"))]
    assert ", ".join(groups) in section("guest", "Programs").replace("\n", " ")


def test_groups_of_the_doctor():
    groups = dict.fromkeys(re.findall(r'^    \{ "([^"]+)", "[^"]*", doctor_check_', (REPO / "src/doctor/doctor.c").read_text(), re.M))
    assert f"in groups: {', '.join(groups)}." in section("command-line", "Looking")


@needs_program
def test_inspect_has_the_keys_in_order():
    whole = json.loads(subprocess.run([BUILDER, "inspect", "--json", REPO / "guest"], capture_output=True, text=True, check=True).stdout)
    assert ", ".join(f"`{key}`" for key in whole) in section("command-line", "Looking").replace("\n", " ")


def test_secrets():
    source = (REPO / "src/diag/secret.c").read_text()
    forms = re.findall(r'S_INIT\("([^"]+)"\), ALPHABET_\w+, (\d+)', source)
    text = section("diagnostics", "Secrets")
    assert len(forms) == 6
    for prefix, least in forms:
        assert re.search(rf"^\|[^|]*`{prefix}`[^|]*\|[^|]*\| {least} \|$", text, re.M), prefix
