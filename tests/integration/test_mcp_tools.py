# SPDX-License-Identifier: Apache-2.0
"""The tools of `mcp` that take time: build and run, with what reads their results. Others are answered meanwhile, a call is
cancelled cleanly, and nothing is left behind."""
import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time

import pytest

from engine import base_tar, engine, needs_engine  # noqa: F401 (fixtures)
from test_engine_grow import ARCH, Guest
from test_run import Place

BUILDER = os.environ.get("CAPSEM_BUILDER", "")
TEMPLATE = "FROM {{ arch.base_image }}\nRUN mkdir /opt && dd if=/dev/zero of=/opt/zeros bs=1000 count=7 2>/dev/null\n"
SLOW = TEMPLATE + "RUN echo it begins && sleep 300\n"


class Server:
    """A client's side of one server."""

    def __init__(self, cwd, env):
        ours, theirs = socket.socketpair()
        self.output = ours
        self.process = subprocess.Popen([BUILDER, "mcp"], stdin=subprocess.PIPE, stdout=theirs, cwd=cwd, env=env)
        theirs.close()
        self.messages, self.seen, self.count = queue.Queue(), [], 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        with self.output.makefile("rb") as lines:
            for line in lines:
                self.messages.put(json.loads(line))
        self.messages.put(None)

    def close_output(self):
        self.output.shutdown(socket.SHUT_RDWR)

    def send(self, **message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def begin(self, name, token=None, **arguments):
        self.count += 1
        meta = {} if token is None else {"_meta": {"progressToken": token}}
        self.send(id=self.count, method="tools/call", params={"name": name, "arguments": arguments, **meta})
        return self.count

    def until(self, wanted):
        """The next message that is wanted; all up to it are in `seen`."""
        while True:
            message = self.messages.get(timeout=100)
            assert message is not None, self.seen
            self.seen.append(message)
            if wanted(message):
                return message

    def answer(self, id):
        return self.until(lambda m: m.get("id") == id)["result"]

    def call(self, name, **arguments):
        result = self.answer(self.begin(name, **arguments))
        assert not result["isError"], result
        return result["structuredContent"]

    def ping(self):
        self.send(id="ping", method="ping")
        assert self.answer("ping") == {}

    def progress(self, token):
        return [m["params"] for m in self.seen if m.get("method") == "notifications/progress" and m["params"]["progressToken"] == token]

    def until_progress(self, words):
        return self.until(lambda m: words in m.get("params", {}).get("message", ""))

    def end(self):
        self.process.stdin.close()
        return self.process.wait(60)


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(env=os.environ):
        started.append(Server(tmp_path, env))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def guest(tmp_path, engine):  # noqa: F811
    guest = Guest(tmp_path, engine.store).template(TEMPLATE)
    guest.env = {**os.environ, "CAPSEM_CACHE_DIR": str(engine.store)}
    guest.arguments = {"guest": "guest", "arch": ARCH, "template": "rootfs", "templates": "templates"}
    return guest


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def work_left(guest):
    return sorted(p.name for p in (guest.store / "tmp").glob("*")) if (guest.store / "tmp").exists() else []


pytestmark = needs_engine


def test_from_why_to_size(guest, serve):
    server = serve(guest.env)
    [step] = server.call("why", **guest.arguments)["steps"]
    assert step == {"template": "rootfs", "arch": ARCH, "cached": False, "reason": "this store has no earlier build of the guest folder"}
    built = server.answer(server.begin("build", "t", **guest.arguments))
    assert not built["isError"] and json.loads(built["content"][0]["text"]) == built["structuredContent"]
    [rootfs] = [a for a in built["structuredContent"]["assets"] if a["name"] == "rootfs.squashfs"]
    image = guest.folder / rootfs["path"]
    assert rootfs["updated"] and rootfs["steps_run"] == 1 and rootfs["bytes"] == image.stat().st_size
    told = server.progress("t")
    assert [p["progress"] for p in told] == list(range(1, len(told) + 1))
    assert any("RUN mkdir /opt" in p["message"] for p in told)
    assert [(s["cached"], s["step"], s["steps"]) for s in server.call("why", **guest.arguments)["steps"]] == [(True, 1, 1)]
    sizes = server.call("size")
    assert sizes["arch"] == ARCH and {"name": "rootfs.squashfs", "bytes": rootfs["bytes"]} in sizes["assets"]
    folders = {f["path"]: (f["bytes"], f["files"]) for f in sizes["folders"]}
    assert folders["/opt"] == (7000, 1) and folders["/bin"][0] > 100000
    assert [s["bytes"] for s in sizes["steps"] if s["text"].startswith("RUN mkdir /opt")] == [7000]
    again = server.call("build", **guest.arguments)["assets"]
    assert [a["updated"] for a in again if a["name"] == "rootfs.squashfs"] == [False]
    assert server.end() == 0


def test_a_build_that_fails_is_a_result(guest, serve):
    guest.template("FROM {{ arch.base_image }}\nRUN echo why it fails; exit 3\n")
    server = serve(guest.env)
    result = server.answer(server.begin("build", **guest.arguments))
    assert result["isError"] and "structuredContent" not in result
    text = result["content"][0]["text"]
    assert "why it fails" in text and "[E404]" in text and "Dockerfile.rootfs.j2" in text
    server.ping()


def test_others_are_answered_and_a_build_is_cancelled(guest, serve):
    guest.template(SLOW)
    server = serve(guest.env)
    id = server.begin("build", "t", **guest.arguments)
    server.until_progress("sleep 300")
    server.ping()
    assert "E003" in server.answer(server.begin("explain", code="e003"))["content"][0]["text"]
    [worker] = children_of(server.process.pid)
    server.send(method="notifications/cancelled", params={"requestId": "of no call"})
    server.send(method="notifications/cancelled", params={"requestId": id, "reason": "enough"})
    while os.path.exists(f"/proc/{worker}"):
        server.ping()
    assert server.end() == 0
    assert server.messages.get(timeout=10) is None and id not in [m.get("id") for m in server.seen]
    assert work_left(guest) == []
    guest.template(TEMPLATE)
    [rootfs] = [a for a in serve(guest.env).call("build", **guest.arguments)["assets"] if a["name"] == "rootfs.squashfs"]
    assert rootfs["steps_cached"] == 1  # the step that had finished


@pytest.mark.parametrize("way", ["signal", "kill", "input", "output"])
def test_the_server_ends_its_calls(guest, serve, way):
    guest.template(SLOW)
    server = serve(guest.env)
    server.begin("build", "t", **guest.arguments)
    server.until_progress("sleep 300")
    [worker] = children_of(server.process.pid)
    if way == "signal":
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 128 + signal.SIGTERM
    elif way == "kill":
        server.process.kill()
        server.process.wait(60)
    elif way == "input":  # it would finish the build; the call is ended by itself
        server.process.stdin.close()
        os.kill(worker, signal.SIGTERM)
        assert server.process.wait(60) == 0
    else:
        server.close_output()
        assert server.process.wait(60) == 1
    while os.path.exists(f"/proc/{worker}"):
        time.sleep(0.01)
    assert way == "kill" or work_left(guest) == []
    guest.template(TEMPLATE)
    assert not serve(guest.env).call("build", **guest.arguments)["assets"] == []


def test_several_calls_in_a_batch(guest, serve):
    server = serve(guest.env)
    calls = [{"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": "inspect", "arguments": {}}} for i in range(12)]
    server.process.stdin.write(json.dumps(calls + [{"jsonrpc": "2.0", "id": "p", "method": "ping"}]).encode() + b"\n")
    server.process.stdin.flush()
    server.until(lambda m: isinstance(m, list))
    assert sorted(str(m["id"]) for m in server.seen[-1]) == sorted([str(i) for i in range(12)] + ["p"])
    assert all(m["result"] == {} or m["result"]["structuredContent"]["build"] for m in server.seen[-1])


# ---- run: QEMU is played (fake_qemu.py) ----

@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def env_of(place, play="guest"):
    return {**place.env, "FAKE_QEMU": play, "CAPSEM_CACHE_DIR": str(place.cache)}


def test_a_command_in_a_guest(place, serve):
    server = serve(env_of(place))
    (place.path / "in").write_text("brought\n")
    # the agent that plays the guest is a process of this machine
    out = server.call("run", command=f"cat {place.path}/there; echo loud >&2; exit 3", accel="tcg",
                      copy_in=[f"in:{place.path}/there"], env=["A=b"])
    assert (out["outcome"], out["exit_code"], out["stdout"], out["stderr"]) == ("exited", 3, "brought\n", "loud\n")
    assert not out["stdout_cut"] and out["problems"] == []
    out = server.call("run", argv=["printf", "%s|", "a b", "c"], accel="tcg")
    assert out["stdout"] == "a b|c|" and out["exit_code"] == 0
    out = server.call("run", command="yes | head -c 2000000", accel="tcg")
    assert len(out["stdout"]) == 1 << 20 and out["stdout_cut"]
    place.nothing_is_left()


@pytest.mark.parametrize("arguments, words", [
    ({}, "either 'command' or 'argv'"), ({"command": "a", "argv": ["b"]}, "either 'command' or 'argv'"),
    ({"command": "a", "accel": "fast"}, "the argument 'accel' cannot be 'fast'; it is auto, kvm or tcg"),
    ({"command": "a", "cpus": 0}, "the argument 'cpus' is not an integer from 1 to 255"),
    ({"command": "a", "env": "A=b"}, "the argument 'env' is not an array"),
    ({"command": "a", "env": ["="]}, "--env"), ({"command": "a", "assets": "nothing"}, "help: build the assets first"),
    ({"command": "a", "copy_in": ["nothing"]}, "does not have the form HOST:GUEST")])
def test_what_cannot_be_run(place, serve, arguments, words):
    server = serve(env_of(place))
    result = server.answer(server.begin("run", **arguments))
    assert result["isError"] and words in result["content"][0]["text"]


def test_a_boot_that_fails_shows_the_console(place, serve):
    server = serve(env_of(place, "panic"))
    result = server.answer(server.begin("run", command="true", accel="tcg"))
    assert result["isError"] and "Kernel panic" in result["content"][0]["text"]
    place.nothing_is_left()


def test_a_run_is_cancelled_or_its_time_is_over(place, serve):
    server = serve(env_of(place))
    id = server.begin("run", 7, command="echo it runs; sleep 300", accel="tcg")
    server.until_progress("the guest is ready")
    server.ping()
    [worker] = children_of(server.process.pid)
    server.send(method="notifications/cancelled", params={"requestId": id})
    while os.path.exists(f"/proc/{worker}"):
        server.ping()
    place.nothing_is_left()
    out = server.call("run", command="echo begun; sleep 300", accel="tcg", timeout_s=2)
    assert out["outcome"] == "timed_out" and out["stdout"] == "begun\n" and "exit_code" not in out
    assert id not in [m.get("id") for m in server.seen]
    assert server.end() == 0
    place.nothing_is_left()
