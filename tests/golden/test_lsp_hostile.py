# SPDX-License-Identifier: Apache-2.0
"""capsem-builder lsp and clients that err: clear errors, and the server goes on or ends well."""
import itertools
import os
import pathlib
import re
import subprocess
import threading

import pytest

from lsp_client import BUILDER, END, INITIALIZE, REPO, exchange, frame, notification, read_messages, request

pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")
BUILD = (REPO / "guest/config/build.toml").as_uri()


def errors(messages):
    return [(m["id"], m["error"]["code"], m["error"]["message"]) for m in messages if "error" in m]


def opened(text, uri=BUILD):
    return notification("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "toml", "version": 1,
                                                                  "text": text}})


@pytest.mark.parametrize("data, code, message", [
    (b"garbage\r\n\r\n", -32700, "a header without a valid Content-Length"),
    (b"\0\xff\0\n\n", -32700, "a header without a valid Content-Length"),
    (b"Content-Length: 99999999999999999999999\r\n\r\n", -32700, "a header without a valid Content-Length"),
    (b"Content-Length: -5\r\n\r\n", -32700, "a header without a valid Content-Length"),
    (frame(b""), -32700, "the message is not JSON"),
    (frame(b"{"), -32700, "the message is not JSON"),
    (frame(b'{"id":1,"method":"\xff"}'), -32700, "the message is not JSON"),
    (frame(b"[" * 100000), -32700, "the message is not JSON"),
    (frame(b"[]"), -32600, "the message is not an object"),
    (frame(b"7"), -32600, "the message is not an object"),
    (frame(b"{}"), -32600, "'method' is not a string"),
    (frame(b'{"id":{},"method":"x"}'), -32600, "'id' is neither a string nor an integer"),
    (frame(b" " * (24 * 1024 * 1024 + 1)), -32600, "a message of more than 25165824 bytes"),
], ids=range(13))
def test_what_is_no_message(data, code, message):
    said, _ = exchange(data + INITIALIZE + END)
    assert errors(said) == [(None, code, message)]
    assert [m["id"] for m in said if "result" in m] == [0, 99]


@pytest.mark.parametrize("data", [b"Content-Len", b"Content-Length: 5\r\n", b"Content-Length: 5\r\n\r\n{}",
                                  b"Content-Length: 1000000000000\r\n\r\n{}", b"x" * 100000],
                         ids=range(5))
def test_half_a_message(data):
    said, printed = exchange(INITIALIZE + data, status=1)
    assert printed == "error: lsp: the input ends inside a message\n"
    assert [m["id"] for m in said] == [0]


def test_ends():
    assert exchange(b"", status=1)[1] == "error: lsp: the input ends before 'shutdown'\n"
    assert exchange(INITIALIZE + request("shutdown"))[1] == ""
    assert exchange(notification("exit"), status=1) == ([], "")
    assert exchange(INITIALIZE + END + b"more")[1] == ""
    said, _ = exchange(INITIALIZE + END + request("shutdown", id=5))
    assert [m["id"] for m in said] == [0, 99]


def test_the_order_of_a_session():
    said, _ = exchange(request("textDocument/hover", {}) + INITIALIZE + INITIALIZE + request("shutdown", id=2)
                       + request("textDocument/hover", {}, id=3) + notification("exit"))
    assert errors(said) == [(1, -32002, "'textDocument/hover' before 'initialize'"),
                            (0, -32600, "'initialize' after 'initialize'"),
                            (3, -32600, "'textDocument/hover' after 'shutdown'")]


def test_unknown_methods_and_parameters():
    data = INITIALIZE
    for number, (method, params) in enumerate([
            ("textDocument/formatting", {}), ("x" * 10000, None), ("\0", None), ("textDocument/hover", None),
            ("textDocument/hover", []), ("textDocument/hover", {"textDocument": 1, "position": 2}),
            ("textDocument/hover", {"textDocument": {"uri": BUILD}, "position": {"line": -1, "character": 0}}),
            ("textDocument/hover", {"textDocument": {"uri": BUILD}, "position": {"line": 0, "character": 0}})], 1):
        data += request(method, params, id=number)
    data += notification("$/cancelRequest", {"id": 1}) + notification("unknown", [1]) + notification("$/x")
    data += frame({"jsonrpc": "2.0", "id": 7, "result": None})
    said, _ = exchange(data + END)
    found = errors(said)
    assert [(i, c) for i, c, _ in found] == [(1, -32601), (2, -32601), (3, -32601)] + [(i, -32602) for i in range(4, 9)]
    assert found[0][2] == "unknown method 'textDocument/formatting'"
    assert found[-1][2].endswith("/guest/config/build.toml' is not open")
    assert len(said) == len(found) + 2


@pytest.mark.parametrize("method, params", [
    ("didOpen", None), ("didOpen", {"textDocument": {"uri": "untitled:1", "text": "x"}}),
    ("didOpen", {"textDocument": {"uri": "file:///" + "x" * 100000, "text": "x"}}),
    ("didOpen", {"textDocument": {"uri": 5, "text": 5}}), ("didChange", {"textDocument": {"uri": "file:///x"}}),
    ("didClose", {"textDocument": {"uri": "file:///x"}}), ("didSave", {}),
], ids=range(7))
def test_notifications_that_make_no_sense_are_logged(method, params):
    said, _ = exchange(INITIALIZE + notification(f"textDocument/{method}", params) + END)
    [log] = [m["params"]["message"] for m in said if m.get("method") == "window/logMessage"]
    assert log.endswith("is not the URI of a file") or log.endswith("is not open")


def change(*changes):
    return notification("textDocument/didChange", {"textDocument": {"uri": BUILD, "version": 2},
                                                   "contentChanges": list(changes)})


def at(line, character):
    return {"line": line, "character": character}


def test_changes_that_make_no_sense():
    data = INITIALIZE + opened("a\nb\n")
    data += change(5, {}, {"text": 7}, {"range": {"start": at(0, 0)}, "text": "x"},
                   {"range": {"start": at(-1, 0), "end": at(0, 0)}, "text": "x"})
    data += change({"range": {"start": at(99, 99), "end": at(2 ** 60, 2 ** 60)}, "text": "c"},  # behind the end
                   {"range": {"start": at(1, 1), "end": at(1, 0)}, "text": "B"})  # backwards
    said, _ = exchange(data + request("textDocument/hover", {"textDocument": {"uri": BUILD}, "position": at(0, 0)}, id=2)
                       + END)
    logs = [m["params"]["message"] for m in said if m.get("method") == "window/logMessage"]
    assert len(logs) == 5 and all(f"change {i} is not one" in line for i, line in enumerate(logs, 1))


def flood(message, count):
    """Messages that a server sends to `count` times the same bytes, and its peak memory in MB."""
    with subprocess.Popen([BUILDER, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPO) as server:
        def write():
            server.stdin.write(INITIALIZE)
            for _ in range(0, count, 1000):
                server.stdin.write(message * 1000)
            server.stdin.write(request("last", id="last"))
            server.stdin.flush()
        writer = threading.Thread(target=write)
        writer.start()
        messages = read_messages(server.stdout)
        seen = sum(1 for _ in itertools.takewhile(lambda m: m.get("id") != "last", messages)) - 1
        writer.join()
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        server.stdin.write(END)
        server.stdin.close()
        list(messages)
        assert server.wait(60) == 0
    return seen, int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) / 1024


# The sanitizers keep what was freed for a while.
PEAK_MB = 64 if b"__asan_init" not in pathlib.Path(BUILDER or os.devnull).read_bytes() else 1500


@pytest.mark.parametrize("message, answers", [
    (request("x"), 1),
    (notification("x"), 0),
    (frame(b"}"), 1),
    (b"\n\nx\n\n", 1),
    (frame({"jsonrpc": "2.0", "id": 1, "result": None}), 0),
], ids=["request", "notification", "no JSON", "no header", "reply"])
def test_a_million_messages(message, answers):
    seen, peak = flood(message, 1000000)
    assert seen == answers * 1000000 and peak < PEAK_MB, (seen, peak)


def test_documents_opened_changed_and_closed_many_times():
    close = notification("textDocument/didClose", {"textDocument": {"uri": BUILD}})
    once = opened("[build]\n" * 50) + change({"text": "x"}) + change(
        {"range": {"start": at(0, 0), "end": at(0, 1)}, "text": "y" * 100}) + close
    _, peak = flood(once, 20000)
    assert peak < PEAK_MB, peak


def test_a_text_that_is_too_large():
    big = "x" * (9 * 1024 * 1024)
    data = INITIALIZE + opened(big)
    data += change({"range": {"start": at(0, 0), "end": at(0, 0)}, "text": big})  # more than can be kept
    data += change({"range": {"start": at(0, 0), "end": at(0, 5)}, "text": ""})
    server = subprocess.Popen([BUILDER, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPO)
    server.stdin.write(data)
    server.stdin.flush()
    messages = read_messages(server.stdout)
    found = next(m["params"]["diagnostics"] for m in messages if m.get("params", {}).get("uri") == BUILD)
    assert found[0]["code"] == "E002" and "too large" in found[0]["message"]
    server.stdin.write(change({"text": "[build]\n"}))
    server.stdin.flush()
    found = next(m["params"]["diagnostics"] for m in messages if m.get("params", {}).get("uri") == BUILD)
    assert found[0]["code"] == "E003"
    server.stdin.write(END)
    server.stdin.close()
    list(messages)
    assert server.wait(30) == 0


def test_too_many_documents():
    data = b"".join(opened("", uri=f"file:///nowhere/{i}.toml") for i in range(1001))
    said, _ = exchange(INITIALIZE + data + END)
    ignored = [m for m in said if "documents are open" in m.get("params", {}).get("message", "")]
    assert len(ignored) == 1
