# SPDX-License-Identifier: Apache-2.0
"""capsem-pty-agent, compiled for the host, over socket pairs: the whole control protocol without a machine."""
import os
import resource
import select
import signal
import socket
import stat
import struct
import subprocess
import time

import pytest

from wire import Channel, frame, pack

AGENT = os.environ.get("CAPSEM_AGENT", "")
pytestmark = pytest.mark.skipif(not os.access(AGENT, os.X_OK), reason="CAPSEM_AGENT names no agent")


class Agent:
    def __init__(self, tmp_path, stages="", boot_fd=None):
        timing = tmp_path / "timing.jsonl"
        timing.write_text(stages)
        control, control_there = socket.socketpair()
        self.terminal, terminal_there = socket.socketpair()
        self.log_path = tmp_path / "log"
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHELL": "/bin/sh", "PS1": "$ "}
        inherited = [control_there.fileno(), terminal_there.fileno()]
        if boot_fd is not None:
            env["CAPSEM_BOOT_FD"] = str(boot_fd)
            inherited.append(boot_fd)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [AGENT, "--control-fd", str(control_there.fileno()), "--terminal-fd", str(terminal_there.fileno()),
                 "--timing", str(timing), "--keep-clock"],
                pass_fds=inherited, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log, env=env)
        control_there.close()
        terminal_there.close()
        self.control = Channel(control)

    def boot(self, shell=False):
        """The handshake up to the point where commands are taken; returns the boot stages."""
        self.control.expect("ready")
        self.control.send("bootconfig", epoch_secs=int(time.time()), shell=shell)
        self.control.send("bootconfigdone")
        self.control.expect("bootready")
        return self.control.expect("boottiming")["stages"]

    def run(self, command, **fields):
        self.control.send("exec", id=7, command=command, **fields)
        return self.control.collect([7])[7]

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait(self, timeout=120):
        return self.process.wait(timeout)

    def terminal_until(self, wanted, timeout=120):
        deadline, seen = time.monotonic() + timeout, b""
        while wanted not in seen:
            readable, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            assert readable, seen
            chunk = self.terminal.recv(65536)
            assert chunk, seen
            seen += chunk
        return seen

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.fixture
def agent(tmp_path):
    started = []

    def start(**options):
        started.append(Agent(tmp_path, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


# -- the handshake ---------------------------------------------------------------------------------------------------------


def test_handshake(agent):
    host = agent(stages='{"name":"squashfs","duration_ms":12}\nnoise\n{"name":"agent_start","duration_ms":3}\n')
    assert host.control.expect("ready")["version"]
    host.control.send("bootconfig", epoch_secs=int(time.time()), shell=False)
    host.control.send("ping")
    host.control.expect("pong")
    host.control.send("bootconfigdone")
    assert host.control.expect("bootready") == {}
    assert host.control.expect("boottiming")["stages"] == [
        {"name": "squashfs", "duration_ms": 12}, {"name": "agent_start", "duration_ms": 3}]


def test_nothing_is_taken_before_the_boot_is_over(agent):
    ends, booting = os.pipe()
    host = agent(boot_fd=ends)
    os.close(ends)
    host.control.expect("ready")
    host.control.send("bootconfig", epoch_secs=int(time.time()), shell=False)
    host.control.send("bootconfigdone")
    host.control.send("exec", id=1, argv=["sh", "-c", "env; ls -l /proc/self/fd"])
    assert select.select([host.control.sock], [], [], 0.3)[0] == []
    os.write(booting, b"not yet")
    assert select.select([host.control.sock], [], [], 0.3)[0] == []
    os.close(booting)
    host.control.expect("bootready")
    host.control.expect("boottiming")
    out = host.control.collect([1])[1][0]
    assert b"PATH=" in out and b"CAPSEM_BOOT_FD" not in out and f" {ends} ->".encode() not in out


def test_without_timings_the_agent_gives_its_own(agent):
    stages = agent().boot()
    assert [s["name"] for s in stages] == ["agent_start"]


def test_exec_before_the_end_of_the_handshake_is_refused(agent):
    host = agent()
    host.control.expect("ready")
    host.control.send("exec", id=1, command="echo early")
    host.control.send("bootconfigdone")
    host.control.expect("bootready")
    host.control.expect("boottiming")
    assert host.run("echo late")[0] == b"late\n"
    assert "exec refused: not now" in host.log()


def test_variables_and_their_guards(agent):
    host = agent()
    host.control.expect("ready")
    refused = ["", "A=B", "A\0B", "LD_PRELOAD", "BASH_FUNC_x%%", "IFS", "PS4", "K" * 257]
    for key in refused:
        host.control.send("setenv", key=key, value="bad")
    host.control.send("setenv", key="TOO_LONG", value="x" * 131073)
    host.control.send("setenv", key="WITH_NUL", value="x\0y")
    host.control.send("setenv", key="NUMBER", value=5)
    host.control.send("setenv", key="NO_VALUE")
    host.control.send("setenv", value="no key")
    host.control.send("setenv", key="GOOD", value="first")
    host.control.send("setenv", key="GOOD", value="a value, with = and \u00e9")
    host.control.send("setenv", key="EMPTY", value="")
    host.control.send("setenv", key="LONG", value="x" * 100000)
    host.control.send("bootconfigdone")
    host.control.expect("bootready")
    host.control.expect("boottiming")
    out, _, code = host.run("printf '%s|%s|%s' \"$GOOD\" \"${EMPTY-unset}\" ${#LONG}; env | grep -c bad")
    assert (out, code) == ("a value, with = and \u00e9||1000000\n".encode(), 1)
    assert host.log().count("setenv") == len(refused) + 5


def test_variables_have_a_number(agent):
    host = agent()
    host.control.expect("ready")
    for i in range(140):
        host.control.send("setenv", key=f"VARIABLE_{i}", value="1")
    host.control.send("bootconfigdone")
    host.control.expect("bootready")
    host.control.expect("boottiming")
    assert host.run("env | grep -c ^VARIABLE_")[0] == b"128\n"


def test_files_and_their_guards(agent, tmp_path):
    host = agent()
    host.control.expect("ready")
    there = tmp_path / "new" / "folder" / "file"
    host.control.send("filewrite", path=str(there), data=b"bytes \0\xff", mode=0o600)
    host.control.send("filewrite", path=str(tmp_path / "text"), data="text", mode=0o755)
    host.control.send("filewrite", path=str(tmp_path / "list"), data=[104, 105, 255], mode=0o4755)
    host.control.send("filewrite", path=str(tmp_path / "default"), data=b"")
    bad = [dict(path=f"{tmp_path}/../escaped", data=b""), dict(path="relative", data=b""),
           dict(path=f"{tmp_path}/a\0b", data=b""), dict(path=f"{tmp_path}/number", data=[256]),
           dict(path=f"{tmp_path}/word", data=["x"]), dict(path=f"{tmp_path}/none"), dict(data=b""),
           dict(path=f"{tmp_path}/mode", data=b"", mode="0644"), dict(path=f"{tmp_path}/text/below", data=b""),
           dict(path=5, data=b"")]
    for fields in bad:
        host.control.send("filewrite", **fields)
    host.control.send("bootconfigdone")
    host.control.expect("bootready")
    assert there.read_bytes() == b"bytes \0\xff"
    assert stat.S_IMODE(there.stat().st_mode) == 0o600
    assert (tmp_path / "text").read_text() == "text"
    assert stat.S_IMODE((tmp_path / "list").stat().st_mode) == 0o755, "no setuid from the host"
    assert stat.S_IMODE((tmp_path / "default").stat().st_mode) == 0o644
    assert sorted(p.name for p in tmp_path.iterdir()) == ["default", "list", "log", "new", "text", "timing.jsonl"]
    assert host.log().count("filewrite") == len(bad)


def test_files_have_a_number_and_a_size(agent, tmp_path):
    host = agent()
    host.control.expect("ready")
    for i in range(45):
        host.control.send("filewrite", path=f"{tmp_path}/big{i:02}", data=bytes(250000))
    for i in range(40):
        host.control.send("filewrite", path=f"{tmp_path}/small{i:02}", data=b"x")
    host.control.send("bootconfigdone")
    host.control.expect("bootready")
    big = [p for p in tmp_path.iterdir() if p.name.startswith("big")]
    small = [p for p in tmp_path.iterdir() if p.name.startswith("small")]
    assert len(big) == 10 * 1024 * 1024 // 250000
    assert len(big) + len(small) == 64


def test_volumes_that_cannot_be_there(agent, tmp_path):
    there = tmp_path / "there/below"
    fine = {"tag": "volume0", "type": "squashfs", "path": str(there), "read_only": True}
    one = agent()
    one.control.expect("ready")
    for wrong, why in (({}, "no such disk"), ({"type": "ext4"}, "unknown type"), ({"path": "/"}, "hide the whole guest"),
                       ({"path": "/proc/x"}, "own file systems"), ({"path": "there"}, "not absolute"), ({"tag": "x" * 30}, "no path, tag"),
                       ({"path": str(tmp_path) + "/log/x"}, "no such disk"), ({"tag": None}, "no path, tag or type")):
        one.control.send("mount", **{**fine, **wrong})
        assert why in one.control.expect("mountdone")["error"], wrong
    one.control.send("bootconfigdone")
    one.control.expect("bootready")
    one.control.expect("boottiming")
    one.control.send("mount", **fine)
    assert one.run("echo fine") == (b"fine\n", b"", 0) and "mount refused: not now" in one.log()
    assert not there.exists()


def test_another_host_that_was_not_seen_to_come(agent, tmp_path):
    """What the first one left ends, and the stream is taken up anew; a lent one cannot be, so the agent ends."""
    one = agent()
    one.control.send("hello")
    assert one.boot() and one.run("echo greeted once") == (b"greeted once\n", b"", 0)
    one.control.send("exec", id=1, command=f"echo $$ >{tmp_path}/pid; exec sleep 100")
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    one.control.send("hello")
    assert one.wait() == 0
    deadline = time.monotonic() + 120
    pid = int((tmp_path / "pid").read_text())
    while os.path.exists(f"/proc/{pid}/cmdline") and open(f"/proc/{pid}/cmdline").read():
        assert time.monotonic() < deadline, "a command of the first host goes on"
        time.sleep(0.02)


def test_the_host_goes_at_every_point(agent):
    steps = [frame("bootconfig", epoch_secs=int(time.time()), shell=True), frame("setenv", key="A", value="b"),
             frame("bootconfigdone"), frame("exec", id=1, command="sleep 100"), frame("resize", cols=3, rows=3)]
    stream = b"".join(steps)
    ends, at = [], 0
    for step in steps:
        ends += [at, at + 2, at + len(step) // 2]
        at += len(step)
    for end in ends + [at]:
        host = agent()
        host.control.send_raw(stream[:end])
        host.control.sock.close()
        assert host.wait() == 0, f"after {end} bytes: {host.log()}"


# -- input of commands -------------------------------------------------------------------------------------------------------


def feed(host, id, data):
    """Sends all of `data` within the credit, then the end; returns the output, the errors and the code."""
    credit, out, err, ended = 65536, b"", b"", False
    while True:
        while data and credit:
            piece = data[:min(credit, 30000)]
            host.control.send("execinput", id=id, data=piece)
            data, credit = data[len(piece):], credit - len(piece)
        if not data and not ended:
            host.control.send("execeof", id=id)
            ended = True
        kind, fields = host.control.receive()
        assert fields["id"] == id
        if kind == "execcredit":
            credit += fields["bytes"]
        elif kind == "execdata" and fields["stream"] == 1:
            out += fields["data"]
        elif kind == "execdata":
            err += fields["data"]
        elif kind == "execdone":
            return out, err, fields["exit_code"]


def test_input_of_a_command(agent):
    host = agent()
    host.boot()
    block = os.urandom(3 << 20)
    host.control.send("exec", id=3, argv=["cat"], stdin=True)
    assert feed(host, 3, block) == (block, b"", 0)
    host.control.send("exec", id=4, command="head -c 3; exec <&-; sleep 0.2; echo; exit 5", stdin=True)
    out, _, code = feed(host, 4, b"abc" * 500000)
    assert (out, code) == (b"abc\n", 5)


def test_without_input_there_is_none(agent):
    host = agent()
    host.boot()
    host.control.send("exec", id=3, argv=["cat"])
    assert host.control.collect([3])[3] == (b"", b"", 0)
    host.control.send("execinput", id=3, data=b"late")
    host.control.send("execeof", id=3)
    host.control.send("execeof", id=99)
    assert host.run("echo on")[0] == b"on\n"


def test_input_beyond_the_credit_is_refused(agent):
    host = agent()
    host.boot()
    host.control.send("exec", id=3, command="sleep 0.5; wc -c", stdin=True)
    for _ in range(5):
        host.control.send("execinput", id=3, data=b"x" * 60000)
    host.control.send("execinput", id=3, data=17)
    out, _, code = feed(host, 3, b"")
    assert code == 0 and int(out) <= 65536 + 65536
    assert "execinput refused: more than the credit" in host.log() and "no id or no bytes" in host.log()


def test_what_was_read_is_no_credit_before_the_agent_says_so(agent):
    """The command has taken the first bytes, and there is room; the host was not told, and may not send as if it had been."""
    host = agent()
    host.boot()
    host.control.send("exec", id=3, command="head -c 10000 >/dev/null; echo read; wc -c", stdin=True)
    host.control.send("execinput", id=3, data=b"x" * 10000)
    assert host.control.expect("execdata")["data"] == b"read\n"
    host.control.send("execinput", id=3, data=b"y" * 60000)
    host.control.send("execeof", id=3)
    out, _, code = host.control.collect([3])[3]
    assert (out, code) == (b"0\n", 0) and "execinput refused: more than the credit" in host.log()


def test_a_shell_that_is_followed_by_commands(agent):
    host = agent()
    host.control.expect("ready")
    host.control.send("bootconfig", epoch_secs=int(time.time()), linger=True)
    host.control.send("bootconfigdone")
    host.control.expect("bootready")
    host.control.expect("boottiming")
    host.terminal_until(b"$ ")
    host.terminal.sendall(b"echo las''t; exit 6\n")
    host.terminal_until(b"last")
    assert host.control.expect("shelldone") == {"exit_code": 6}
    assert host.run("echo after")[0] == b"after\n"
    host.control.send("shutdown")
    assert host.wait() == 0


# -- commands --------------------------------------------------------------------------------------------------------------


def test_output_apart_and_exit_codes(agent):
    host = agent()
    host.boot()
    assert host.run("echo out; echo err >&2; exit 3") == (b"out\n", b"err\n", 3)
    assert host.run("true") == (b"", b"", 0)
    assert host.run("kill -TERM $$")[2] == 128 + signal.SIGTERM
    assert host.run("kill -KILL $$")[2] == 128 + signal.SIGKILL
    assert host.run("no-such-program")[2] == 127
    assert host.run("cat")[0] == b"", "stdin is empty"
    assert host.run("pwd")[0].decode().strip() == os.path.realpath(host.log_path.parent)


def test_words_run_without_a_shell(agent):
    host = agent()
    host.boot()
    host.control.send("exec", id=1, argv=["printf", "%s|", "a b", "$HOME", "*", ""])
    assert host.control.collect([1])[1] == (b"a b|$HOME|*||", b"", 0)
    host.control.send("exec", id=2, argv=["/no/such/program"])
    out, err, code = host.control.collect([2])[2]
    assert code == 127 and b"/no/such/program" in err
    host.control.send("exec", id=3, argv=["/etc"])
    assert host.control.collect([3])[3][2] == 126


@pytest.mark.parametrize("fields", [
    dict(), dict(argv=[]), dict(argv=[""]), dict(argv=["a", 5]), dict(argv="word"), dict(command=5),
    dict(command="a\0b"), dict(argv=["a\0b"]), dict(argv=["x"] * 4097)])
def test_a_command_that_is_none_is_answered(agent, fields):
    host = agent()
    host.boot()
    host.control.send("exec", id=9, **fields)
    out, err, code = host.control.collect([9])[9]
    assert code == 126 and out == b"" and b"cannot run" in err


def test_children_start_clean(agent):
    host = agent()
    host.boot()
    out, _, _ = host.run("grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l")
    lines = out.decode().split()
    # 32 to 34 are the C library's own: no program can change what it inherited for them.
    reserved = 0b111 << 31
    assert int(lines[1], 16) & ~reserved == 0 and int(lines[3], 16) & ~reserved == 0
    assert int(lines[4]) == 4, "0, 1, 2 and the folder that ls reads"


def test_several_at_once(agent, tmp_path):
    """Each waits for all others to have begun: one after the other they would never end."""
    host = agent()
    host.boot()
    for i in range(20):
        host.control.send("exec", id=i, command=f"cd {tmp_path}; : > begun-{i}; while [ $(ls | grep -c begun) -lt 20 ]; do sleep 0.1; done; "
                                                f"echo {i}; echo e{i} >&2; exit {i}")
    results = host.control.collect(range(20))
    assert results == {i: (f"{i}\n".encode(), f"e{i}\n".encode(), i) for i in range(20)}


def test_more_than_there_is_room_for(agent):
    host = agent()
    host.boot()
    for i in range(40):
        host.control.send("exec", id=i, command="sleep 2")
    codes = [result[2] for result in host.control.collect(range(40)).values()]
    assert codes.count(0) == 32 and codes.count(126) == 8


def test_an_id_in_use_is_refused(agent):
    host = agent()
    host.boot()
    host.control.send("exec", id=1, command="sleep 0.3; echo one")
    host.control.send("exec", id=1, command="echo two")
    assert host.control.collect([1])[1][0] == b"one\n"
    assert "the id 1 is in use" in host.log()


def test_large_output_in_bounded_memory(agent):
    host = agent()
    host.boot()
    size = 300 * 1000 * 1000
    host.control.send("exec", id=1, command=f"head -c {size} /dev/zero; head -c 1000000 /dev/zero >&2")
    seen = {1: 0, 2: 0}
    before = host.memory_kib()
    while True:
        kind, fields = host.control.receive()
        if kind == "execdone":
            break
        seen[fields["stream"]] += len(fields["data"])
    assert seen == {1: size, 2: 1000000} and fields["exit_code"] == 0
    assert host.memory_kib() - before < 4096


def test_a_host_that_does_not_read_slows_the_command(agent, tmp_path):
    host = agent()
    host.boot()
    mark = tmp_path / "end"
    host.control.send("exec", id=1, command=f"head -c 50000000 /dev/zero; touch {mark}")
    time.sleep(1)
    assert not mark.exists()
    before = open(f"/proc/{host.process.pid}/stat").read().split()
    time.sleep(0.5)
    after = open(f"/proc/{host.process.pid}/stat").read().split()
    assert int(after[13]) - int(before[13]) <= 5, "the agent spins"
    out, _, code = host.control.collect([1])[1]
    assert len(out) == 50000000 and code == 0


def test_a_daemon_does_not_hold_the_result(agent):
    host = agent()
    host.boot()
    out, _, code = host.run("sleep 100000 & echo $!; exit 4")
    assert code == 4
    os.kill(int(out), signal.SIGKILL)  # it was still there
    out, _, code = host.run("(while :; do echo noise; done) & sleep 0.2; exit 5")
    assert code == 5


def test_shutdown_waits_for_nobody(agent):
    host = agent()
    host.boot()
    daemon, _, _ = host.run("setsid sleep 100000 & echo $!")
    host.control.send("exec", id=1, command="trap '' TERM INT HUP; while :; do sleep 1; done")
    host.control.send("exec", id=2, command="yes")
    time.sleep(0.3)
    host.control.send("shutdown")
    assert host.wait() == 0
    os.kill(int(daemon), signal.SIGKILL)  # it was still there


def test_commands_end_with_the_host(agent, tmp_path):
    host = agent()
    host.boot()
    host.control.send("exec", id=1, command="echo $$; exec sleep 1000")
    pid = int(host.control.receive()[1]["data"])
    host.control.sock.close()
    host.wait()
    deadline = time.monotonic() + 120
    while os.path.exists(f"/proc/{pid}/cmdline") and open(f"/proc/{pid}/cmdline").read():
        assert time.monotonic() < deadline, "the command lives on"
        time.sleep(0.05)


# -- the terminal ----------------------------------------------------------------------------------------------------------


def test_terminal(agent):
    host = agent()
    host.boot(shell=True)
    host.terminal.send(b"stty size; echo answer $((6*7))\r")
    assert b"24 80" in host.terminal_until(b"answer 42")
    host.control.send("resize", cols=132, rows=43)
    host.control.send("ping")
    host.control.expect("pong")
    host.terminal.send(b"stty size\r")
    host.terminal_until(b"43 132")
    assert host.run("echo beside")[0] == b"beside\n"
    host.terminal.send(b"exit 9\r")
    assert host.control.expect("shelldone")["exit_code"] == 9
    assert host.wait() == 0


def test_last_words_of_the_shell_arrive(agent):
    host = agent()
    host.boot(shell=True)
    host.terminal_until(b"$ ")
    host.terminal.send(b"head -c 30000 /dev/zero | tr '\\0' x; echo END; exit\r")
    host.terminal_until(b"xEND")
    host.control.expect("shelldone")


def test_a_size_that_is_none_is_refused(agent):
    host = agent()
    host.boot(shell=True)
    for fields in (dict(cols=0, rows=5), dict(cols=70000, rows=5), dict(cols=-1, rows=5), dict(rows=5), dict(cols="a", rows=1)):
        host.control.send("resize", **fields)
    host.terminal.send(b"stty size\r")
    host.terminal_until(b"24 80")


def test_terminal_that_goes_away(agent):
    host = agent()
    host.boot(shell=True)
    host.terminal.close()
    assert host.run("echo still here")[0] == b"still here\n"


# -- frames that are none --------------------------------------------------------------------------------------------------


def body(data):
    return struct.pack(">I", len(data)) + data


BAD_FRAMES = {
    "empty": body(b""),
    "noise": body(bytes(range(200, 256)) * 10),
    "nil": body(b"\xc0"),
    "a list": body(pack([1, 2, 3])),
    "no type": body(pack({"d": {}})),
    "type is a number": body(pack({"t": 5, "d": {}})),
    "fields are a list": body(pack({"t": "ping", "d": []})),
    "unknown": frame("frobnicate", a=1),
    "from the wrong side": frame("execdone", id=1, exit_code=0),
    "cut value": body(pack({"t": "ping", "d": {"x": "abc"}})[:-1]),
    "bytes behind": body(pack({"t": "ping", "d": {}}) + b"\0"),
    "a thousand deep": body(b"\x82\xa1t\xa4ping\xa1d\x81\xa1x" + b"\x91" * 1000 + b"\x01"),
    "map of four billion": body(b"\xdf\xff\xff\xff\xff"),
    "the longest": body(pack({"t": "ping", "d": {"x": bytes(262144 - 60)}})[:-1]),
    "fields of wrong types": frame("exec", id="one", command="true"),
    "negative id": frame("exec", id=-1, command="true"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
@pytest.mark.parametrize("booted", [False, True])
def test_bad_frames_are_skipped(agent, name, booted):
    host = agent()
    if booted:
        host.boot()
    else:
        host.control.expect("ready")
    host.control.send_raw(BAD_FRAMES[name])
    host.control.send("ping")
    host.control.expect("pong")
    assert host.log(), "it is logged"


def test_a_frame_too_long_ends_the_connection(agent):
    host = agent()
    host.boot()
    host.control.send_raw(struct.pack(">I", 262145) + b"x" * 1000)
    assert host.wait() == 0
    assert "a frame of more than 262144 bytes" in host.log()


def test_frames_in_pieces_and_in_heaps(agent):
    host = agent()
    host.control.expect("ready")
    for byte in frame("ping"):
        host.control.send_raw(bytes([byte]))
        time.sleep(0.005)
    host.control.expect("pong")
    host.control.send_raw(frame("ping") * 50)
    for _ in range(50):
        host.control.expect("pong")


def test_a_host_that_asks_and_never_listens(agent):
    host = agent()
    host.control.expect("ready")
    before = host.memory_kib()
    pings, sent = frame("ping") * 2000, 0
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline and sent < 50_000_000:
        _, writable, _ = select.select([], [host.control.sock], [], 0.2)
        if not writable:
            break
        sent += host.control.sock.send(pings)
    assert sent < 50_000_000, "it reads on without being read"
    assert host.memory_kib() - before < 4096


def test_noise_is_survived(agent):
    import random
    noise = random.Random(4711)
    host = agent()
    host.control.expect("ready")
    for _ in range(300):
        good = bytearray(frame(noise.choice(["setenv", "filewrite", "resize", "ping"]), key="A", value="b", cols=80, rows=24))
        for _ in range(noise.randrange(1, 4)):
            good[noise.randrange(4, len(good))] = noise.randrange(256)
        host.control.send_raw(bytes(good))
        while True:
            try:
                host.control.receive(timeout=0.001)
            except TimeoutError:
                break
    host.control.send("bootconfigdone")
    while host.control.receive()[0] != "boottiming":
        pass
    assert host.run("echo alive")[0] == b"alive\n"


def test_wrong_options_are_usage(tmp_path):
    for options in (["--nope"], ["--control-fd"], ["--control-fd", "x"], ["--control-fd", "-1"]):
        done = subprocess.run([AGENT, *options], capture_output=True, timeout=10)
        assert done.returncode == 2 and b"--control-fd" in done.stderr


def test_the_limit_of_open_files_is_not_a_crash(agent):
    host = agent()
    host.boot()
    resource.prlimit(host.process.pid, resource.RLIMIT_NOFILE, (28, 28))
    for i in range(16):
        host.control.send("exec", id=i, command="sleep 0.3")
    codes = [result[2] for result in host.control.collect(range(16)).values()]
    assert 126 in codes and 0 in codes
