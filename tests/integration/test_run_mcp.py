# SPDX-License-Identifier: Apache-2.0
"""`run --mcp`: the host's end of the guest's capsem-mcp-server. QEMU is played (fake_qemu.py) and lends its end of the port to
the test, which talks as programs in the guest do. With a real guest: test_boot.py."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from test_run import AGENT, PROGRAM, Place

pytestmark = pytest.mark.skipif(not (os.access(PROGRAM, os.X_OK) and os.access(AGENT, os.X_OK)),
                                reason="CAPSEM_BUILDER or CAPSEM_AGENT names no program")
META = b"\0CAPSEM_META:"


class Port:
    """`run` with a server, and what the guest sees of it."""

    def __init__(self, path, command):
        self.place, listener = Place(path), socket.socket(socket.AF_UNIX)
        listener.bind(str(path / "test"))
        listener.listen(1)
        listener.settimeout(10)
        options = ["--accel", "tcg", "--mcp", command]
        env = dict(self.place.env, FAKE_QEMU="lend_mcp", FAKE_MCP=str(path / "test"))
        self.errors = open(path / "errors", "w+b")
        self.process = subprocess.Popen(self.place.command("true", options=options), env=env, cwd=path, stdin=subprocess.DEVNULL,
                                        stderr=self.errors)
        with listener, listener.accept()[0] as qemu:
            _, fds, _, _ = socket.recv_fds(qemu, 1, 1)
        self.sock = socket.socket(fileno=fds[0])
        self.sock.settimeout(10)
        self.seen = b""

    def begin(self, name=b"agent"):
        self.sock.sendall(META + name + b"\n")

    def line(self):
        while b"\n" not in self.seen:
            piece = self.sock.recv(65536)
            assert piece, self.seen
            self.seen += piece
        line, self.seen = self.seen.split(b"\n", 1)
        return line

    def ask(self, text):
        self.sock.sendall(text + b"\n")
        return self.line()

    def stop(self, number=signal.SIGTERM):
        self.sock.close()  # QEMU's end, which its process has not any more
        self.process.send_signal(number)
        code = self.process.wait(120)
        self.errors.seek(0)
        assert b"Sanitizer" not in self.errors.read()
        self.place.nothing_is_left()
        return code


@pytest.fixture
def port(tmp_path):
    started = []

    def start(command):
        started.append(Port(tmp_path, command))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


def is_gone(path, timeout=5):
    """The process whose pid stands in a file."""
    pid, deadline = int(path.read_text()), time.monotonic() + timeout
    while os.path.exists(f"/proc/{pid}"):
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rsplit(") ", 1)[1].startswith("Z"):
                return True
        assert time.monotonic() < deadline, f"the server {pid} is left behind"
        time.sleep(0.02)
    return True


def test_a_server_of_its_own_for_each_program(port, tmp_path):
    one = port("echo $$ >pid-$CAPSEM_MCP_CLIENT; echo hello $CAPSEM_MCP_CLIENT; exec cat")
    one.begin(b"claude")
    assert one.line() == b"hello claude" and one.ask(b'{"id":1}') == b'{"id":1}'
    one.begin(b"other")
    assert one.line() == b"hello other" and one.ask(b"second") == b"second"
    assert is_gone(tmp_path / "pid-claude")
    assert one.stop() == 143 and is_gone(tmp_path / "pid-other")


def test_long_lines_both_ways(port):
    one = port("exec cat")
    one.begin()
    one.sock.settimeout(30)
    sent, got = os.urandom(1 << 20).hex().encode() + b"\n", b""
    process = os.fork()
    if process == 0:
        one.sock.sendall(sent)
        os._exit(0)
    while len(got) < len(sent):
        got += one.sock.recv(65536)
    assert got == sent and os.waitpid(process, 0)[1] == 0


def test_a_cut_line_runs_into_no_other(port):
    """The first server's line is not whole when the next program begins, and the first program's is not either."""
    one = port('if [ $CAPSEM_MCP_CLIENT = first ]; then printf half; cat >/dev/null; else exec cat; fi')
    one.begin(b"first")
    one.sock.sendall(b"half a question")
    while len(one.seen) < 4:
        one.seen += one.sock.recv(100)
    one.begin(b"second")
    assert one.line() == b"half" and one.ask(b"whole") == b"whole"


@pytest.mark.parametrize("noise", [b"left by a former program\n", b"\0", b"\0CAPSEM_META" + b"x" * 200 + b"\n", b"\0\0\0\n",
                                   META + b"n" * 5000, b"x" * 300000])
def test_noise_in_front(port, noise):
    one = port("exec cat")
    one.sock.sendall(noise + b"\n")
    one.begin()
    assert one.ask(b"fine") == b"fine"


def test_a_server_that_cannot_start_or_ends(port, tmp_path):
    """A program that asks is told; what wants no answer gets none."""
    one = port("[ -e there ] || exec no-such-server; head -n 1")
    one.begin()
    time.sleep(0.2)
    answer = json.loads(one.ask(b'{"jsonrpc":"2.0","id":"a\\u0000","method":"initialize","params":{}}'))
    assert answer["id"] == "a\0" and answer["error"]["code"] == -32001 and "has ended" in answer["error"]["message"]
    one.sock.sendall(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\nno json\n{"id":1,"result":{}}\n[]\n' + b"[" * 70000 + b"\n")
    assert json.loads(one.ask(b'{"id":3,"method":"tools/list"}'))["id"] == 3
    (tmp_path / "there").write_text("")
    one.begin()
    assert one.ask(b"one line") == b"one line"
    time.sleep(0.2)
    assert json.loads(one.ask(b'{"id":4,"method":"ping"}'))["error"]["code"] == -32001
    one.stop()
    one.errors.seek(0)
    assert b"no-such-server: not found" in one.errors.read()


def test_what_a_server_had_taken_is_answered_when_it_ends(port):
    """Each request once, in order, whatever its id; notifications, answers of ours and what was answered already are not."""
    one = port("""read a; read b; read c; read d; printf '%s\\n' '{"jsonrpc":"2.0","id":2,"result":{"id":"x"}}' '{"method":"ping","id":1}'; """
               """printf half; read e; exit 3""")
    one.begin()
    asked = [b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', b'{"jsonrpc":"2.0","id":2,"method":"tools/call"}',
             b'{"jsonrpc":"2.0","method":"notifications/initialized"}', b'{"method":"ping","id":"a\\u0000\\"b"}', b'{"id":7,"result":{}}']
    one.sock.sendall(b"\n".join(asked) + b'\n{"id":null,"method":"x"}\n{"id":[1.5],"met')
    assert [json.loads(one.line())["id"] for _ in range(2)] == [2, 1] and one.line() == b"half"
    answers = [json.loads(one.line()) for _ in range(3)]
    assert [answer["id"] for answer in answers] == [1, "a\0\"b", None]
    assert {(answer["error"]["code"], answer["error"]["message"]) for answer in answers} == {(-32001, "the MCP server on the host has ended: exit status 3")}
    one.sock.sendall(b'hod":"y"}\n')
    assert json.loads(one.line())["id"] == [1.5]
    assert json.loads(one.ask(b'{"id":8,"method":"z"}'))["id"] == 8


@pytest.mark.parametrize("command,how", [
    ("read a; kill -9 $$", ": signal 9"), ("read a", ": exit status 0"), ("no-such-server", ": exit status 127"), ("exec >&-; exec sleep 60", "")])
def test_an_answer_says_of_what_a_server_died(port, command, how):
    """One that only closes its output is ended, and nothing is made up of it."""
    one = port(command)
    one.begin()
    assert json.loads(one.ask(b'{"id":1,"method":"a"}'))["error"]["message"] == "the MCP server on the host has ended" + how


def test_answers_too_long_to_be_known(port):
    """An answer of 3 MB might be anybody's: nobody is answered twice."""
    one = port("""read a; read b; printf '{"id":1,"result":"'; head -c 3000000 /dev/zero | tr '\\0' x; echo '"}'; read c; exit""")
    one.begin()
    one.sock.settimeout(30)
    one.sock.sendall(b'{"id":1,"method":"a"}\n{"id":2,"method":"b"}\n')
    assert len(one.line()) == 3000000 + 20
    one.sock.sendall(b'{"id":3,"method":"c"}\n')
    assert json.loads(one.line())["id"] == 3


def test_more_requests_than_are_remembered(port):
    one = port("head -n 300 >/dev/null")
    one.begin()
    one.sock.sendall(b"".join(b'{"id":%d,"method":"a"}\n' % i for i in range(300)))
    assert [json.loads(one.line())["id"] for _ in range(256)] == list(range(256))
    assert json.loads(one.ask(b'{"id":"next","method":"a"}'))["id"] == "next"


def test_servers_that_do_not_end(port, tmp_path):
    one = port("trap '' TERM HUP INT; echo $$ >pid; (trap '' TERM; echo $BASHPID; exec sleep 100) & echo $! >pid2; "
               "while :; do sleep 0.1; done")
    one.begin()
    while not (tmp_path / "pid2").exists() or not (tmp_path / "pid2").read_text().strip():
        time.sleep(0.02)
    one.stop()
    assert is_gone(tmp_path / "pid") and is_gone(tmp_path / "pid2")


def test_killed_we_leave_no_server(port, tmp_path):
    """Nor what it started. The machine ends with us, and with it its end of the stream."""
    one = port("sleep 100 & echo $! >pid; wait")
    one.begin()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.02)
    one.process.kill()
    one.process.wait()
    one.sock.close()
    assert is_gone(tmp_path / "pid")


def test_the_end_is_seen_behind_a_full_pipe(port, tmp_path):
    """The server does not read, the guest has filled what there is: both ends are seen, by a server's child too."""
    one = port("sleep 100 & echo $! >pid; exec sleep 100")
    one.begin()
    one.sock.settimeout(1)
    with pytest.raises(OSError):
        while True:
            one.sock.sendall(b"x" * 65536)
    one.stop()
    assert is_gone(tmp_path / "pid")


def test_an_answer_behind_half_a_line(port):
    one = port("""printf '{"half'; exec head -n 1 >/dev/null""")
    one.begin()
    one.sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"a"}\n')
    one.sock.settimeout(10)
    got = b""
    while not got.endswith(b"\n"):  # the server's end
        got += one.sock.recv(65536)
    one.sock.sendall(b'{"jsonrpc":"2.0","id":2,"method":"b"}\n')
    while got.count(b"32001") < 2:
        got += one.sock.recv(65536)
    first, second, third = got.split(b"\n")[:3]
    assert first == b'{"half' and json.loads(second)["id"] == 1 and json.loads(third)["id"] == 2


@pytest.mark.parametrize("command", ["exec sleep 100000", "yes", "exec cat", "exec 0<&-; exec sleep 100000"])
def test_who_does_not_read_stops_nobody(port, command):
    """A server that does not read, a guest that does not read, both: nothing grows, and the end comes at once."""
    one = port(command)
    one.begin()
    one.sock.settimeout(1)
    with pytest.raises(OSError):
        while True:
            one.sock.sendall(b"x" * 65536)
    assert one.stop() == 143
