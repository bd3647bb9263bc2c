# SPDX-License-Identifier: Apache-2.0
"""capsem-builder mcp: real exchanges of messages, good ones and others."""
import json
import os
import pathlib
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")


def exchange(data, cwd=REPO):
    """All replies to what is sent, each a line of JSON; the server must end well."""
    done = subprocess.run([BUILDER, "mcp"], input=data, cwd=cwd, capture_output=True, timeout=120)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def request(method, params=None, id=1):
    message = {"jsonrpc": "2.0", "id": id, "method": method}
    return json.dumps(message if params is None else {**message, "params": params}).encode() + b"\n"


def ask(method, params=None):
    [reply] = exchange(request(method, params))
    assert reply["jsonrpc"] == "2.0" and reply["id"] == 1
    return reply


def call(name, **arguments):
    result = ask("tools/call", {"name": name, "arguments": arguments})["result"]
    [content] = result["content"]
    assert content["type"] == "text"
    return result["isError"], content["text"]


def test_a_session_as_a_client_has_it():
    server = subprocess.Popen([BUILDER, "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPO)
    try:
        def send(data):
            server.stdin.write(data)
            server.stdin.flush()
        send(request("initialize", {"protocolVersion": "2025-03-26", "capabilities": {},
                                    "clientInfo": {"name": "test", "version": "1"}}))
        reply = json.loads(server.stdout.readline())
        assert reply["result"]["protocolVersion"] == "2025-03-26"
        assert reply["result"]["capabilities"] == {"tools": {"listChanged": False}}
        assert reply["result"]["serverInfo"]["name"] == "capsem-builder"
        send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        send(request("tools/list", id="two"))
        reply = json.loads(server.stdout.readline())
        assert reply["id"] == "two"
        tools = {t["name"]: t for t in reply["result"]["tools"]}
        assert set(tools) == {"validate", "build_dry_run", "inspect", "audit_parse", "explain", "why", "build", "size", "run"}
        assert all(t["inputSchema"]["type"] == "object" for t in tools.values())
        assert tools["explain"]["inputSchema"]["required"] == ["code"]
        assert tools["audit_parse"]["inputSchema"]["properties"]["scanner"]["enum"] == ["trivy", "grype"]
        assert tools["validate"]["annotations"]["readOnlyHint"] and not tools["build"]["annotations"]["readOnlyHint"]
        assert tools["run"]["annotations"] == {"title": "Run a command in a guest", "readOnlyHint": False, "destructiveHint": True,
                                               "idempotentHint": False, "openWorldHint": True}
        send(request("ping", id=3))
        assert json.loads(server.stdout.readline()) == {"jsonrpc": "2.0", "id": 3, "result": {}}
    finally:
        server.stdin.close()
        assert server.wait(10) == 0


@pytest.mark.parametrize("options, env", [(["--read-only"], {}), ([], {"CAPSEM_MCP_CLIENT": "agent"})])
def test_a_client_that_is_not_trusted(options, env):
    """A guest that could build and run here would be out of its machine."""
    def ask_it(method, params):
        done = subprocess.run([BUILDER, "mcp", *options], input=request(method, params), capture_output=True, timeout=60, cwd=REPO,
                              env={**os.environ, **env})
        return json.loads(done.stdout)
    tools = {t["name"]: t["annotations"] for t in ask_it("tools/list", {})["result"]["tools"]}
    assert set(tools) == {"validate", "build_dry_run", "inspect", "audit_parse", "explain", "why", "size"}
    assert all(a["readOnlyHint"] and not a["destructiveHint"] for a in tools.values())
    for name in ("build", "run"):
        assert ask_it("tools/call", {"name": name, "arguments": {}})["error"]["message"] == f"unknown tool '{name}'"


def test_an_unknown_version_gets_ours():
    assert ask("initialize", {"protocolVersion": "1.0"})["result"]["protocolVersion"] == "2025-06-18"


def test_a_client_of_2024():
    """It may name no version, and calls the tools with the argument names of the first builder."""
    assert ask("initialize", {})["result"]["protocolVersion"] == "2024-11-05"
    assert ask("initialize", {"protocolVersion": "2024-11-05"})["result"]["protocolVersion"] == "2024-11-05"
    tools = {t["name"]: t["inputSchema"] for t in ask("tools/list")["result"]["tools"]}
    assert {"guest", "guest_dir"} <= set(tools["validate"]["properties"])
    assert {"report", "output"} <= set(tools["audit_parse"]["properties"]) and not tools["audit_parse"]["required"]
    failed, text = call("validate", guest_dir="guest")
    assert not failed and text.endswith("guest: no errors, no warnings\n")
    failed, text = call("inspect", guest_dir="guest")
    assert not failed and json.loads(text)["build"]["compression"] == "zstd"
    report = '{"matches": [{"vulnerability": {"id": "CVE-1", "severity": "High", "fix": {"state": "fixed", ' \
             '"versions": ["3.0.1", "3.1.0"]}}, "artifact": {"name": "a", "version": "1"}}]}'
    failed, text = call("audit_parse", output=report, scanner="grype")
    assert not failed and json.loads(text)[0]["fixed_version"] == "3.0.1, 3.1.0"
    assert call("audit_parse", output=report, report=report) == (True, "audit_parse: the arguments 'report' and 'output' set the same value")
    assert call("audit_parse", scanner="grype") == (True, "audit_parse: the argument 'report' is missing")


def test_tools():
    failed, text = call("validate", guest="guest", deny_warnings=True)
    assert not failed and text.endswith("guest: no errors, no warnings\n")
    failed, text = call("build_dry_run", guest="guest", arch="x86_64", template="rootfs")
    assert not failed and json.loads(text)["architectures"]["x86_64"]["platform"] == "linux/amd64"
    failed, text = call("inspect")
    assert not failed and json.loads(text)["manifest"]["name"] == "capsem-default"
    failed, text = call("explain", code="e003")
    assert not failed and "E003" in text
    report = {"Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "HIGH"}]}]}
    failed, text = call("audit_parse", report=json.dumps(report))
    assert not failed and json.loads(text)[0]["id"] == "CVE-1"


def structured(name, **arguments):
    return ask("tools/call", {"name": name, "arguments": arguments})["result"]["structuredContent"]


def test_results_as_objects(tmp_path):
    found = structured("validate", guest="guest")
    assert found == {"valid": True, "errors": 0, "warnings": 0, "diagnostics": []}
    (tmp_path / "config").mkdir()
    (tmp_path / "config/build.toml").write_text("[build]\ncompression = zstd\n")
    found = structured("validate", guest=str(tmp_path), format="sarif")
    assert not found["valid"] and found["errors"] == len(found["diagnostics"]) > 0 and found["diagnostics"][0]["code"] == "E002"
    assert structured("explain", code="e003")["severity"] == "error"
    assert structured("inspect")["manifest"]["name"] == "capsem-default"
    report = {"Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "HIGH"}]}]}
    audit = structured("audit_parse", report=json.dumps(report))
    assert audit["findings"][0]["id"] == "CVE-1" and audit["counts"]["HIGH"] == 1
    assert structured("build_dry_run", guest="guest", arch="x86_64")["architectures"]["x86_64"]["platform"] == "linux/amd64"


def test_mistakes_in_a_config_are_a_result(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/build.toml").write_text("[build]\ncompression = zstd\n")
    failed, text = call("validate", guest=str(tmp_path), format="short")
    assert not failed and "[E002]" in text


@pytest.mark.parametrize("name, arguments, words", [
    ("validate", {"guest": "not-there"}, "'not-there' is not a folder"),
    ("validate", {"guest": "--help"}, "'--help' is not a folder"),
    ("validate", {"guest": "a\0b"}, "NUL"),
    ("validate", {"guest": 7}, "'guest' is not a string"),
    ("validate", {"deny_warnings": "yes"}, "'deny_warnings' is not a boolean"),
    ("validate", {"gest": "x"}, "unknown argument 'gest'"),
    ("explain", {}, "'code' is missing"),
    ("explain", {"code": "E007"}, "unknown code"),
    ("audit_parse", {"report": ""}, "empty"),
    ("audit_parse", {"report": "{}", "scanner": "other"}, "'scanner' cannot be 'other'"),
    ("build_dry_run", {"guest": "guest", "arch": "riscv"}, "unknown architecture 'riscv'"),
])
def test_a_failure_is_a_result(name, arguments, words):
    failed, text = call(name, **arguments)
    assert failed and words in text


@pytest.mark.parametrize("line, code, id", [
    (b"garbage", -32700, None), (b'{"jsonrpc":"2.0","id":1,"meth', -32700, None), (b"\xff\xfe", -32700, None),
    (b"[" * 100000, -32700, None), (b"7", -32600, None), (b"{}", -32600, None), (b"[]", -32600, None),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, 1), (b'{"jsonrpc":"2.0","id":1}', -32600, 1),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600, 1), (b'{"jsonrpc":"2.0","id":[],"method":"ping"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":1,"method":"nothing"}', -32601, 1),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602, 1),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', -32602, 1),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}', -32602, 1),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"explain","arguments":[]}}', -32602, 1),
    (b"x" * (17 << 20), -32600, None),
], ids=range(17))
def test_errors_and_the_server_goes_on(line, code, id):
    replies = exchange(line + b"\n" + request("ping", id="after"))
    assert [r["id"] for r in replies] == [id, "after"]
    assert replies[0]["error"]["code"] == code and replies[1]["result"] == {}


def test_what_wants_no_answer_gets_none():
    assert exchange(b'\n \n{"jsonrpc":"2.0","method":"what"}\n{"jsonrpc":"2.0","id":1,"result":{}}\n') == []


def test_a_batch():
    one, two = json.loads(request("ping", id=1)), json.loads(request("ping", id=2))
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    [replies] = exchange(json.dumps([note, one, note, two, 5]).encode() + b"\n")
    assert [r["id"] for r in replies] == [1, 2, None]
    assert exchange(json.dumps([note, note]).encode() + b"\n") == []


def test_the_last_line_needs_no_line_end():
    assert exchange(request("ping").rstrip())[0]["result"] == {}


def test_a_million_messages():
    done = subprocess.run([BUILDER, "mcp"], input=request("ping") * 1_000_000, capture_output=True, timeout=170)
    assert done.returncode == 0
    assert done.stdout == b'{"jsonrpc":"2.0","id":1,"result":{}}\n' * 1_000_000
