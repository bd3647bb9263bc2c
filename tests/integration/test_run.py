# SPDX-License-Identifier: Apache-2.0
"""`capsem-builder run` against a QEMU that is played (fake_qemu.py): the fallback, what a boot can do wrong, what a guest can
say wrong, how everything ends."""
import fcntl
import contextlib
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
PROGRAM = os.environ.get("CAPSEM_BUILDER", "")
AGENT = os.environ.get("CAPSEM_AGENT", "")
pytestmark = pytest.mark.skipif(not (os.access(PROGRAM, os.X_OK) and os.access(AGENT, os.X_OK)),
                                reason="CAPSEM_BUILDER or CAPSEM_AGENT names no program")
ARCH = "arm64" if os.uname().machine == "aarch64" else "x86_64"
needs_kvm = pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="/dev/kvm cannot be opened")


class Place:
    """Assets, a cache and a PATH of the test's own."""

    def __init__(self, path):
        self.path, self.cache, self.log = path, path / "cache", path / "log"
        bin_dir = path / "bin"
        bin_dir.mkdir()
        for name in ("qemu-system-x86_64", "qemu-system-aarch64"):
            shutil.copy(f"{HERE}/fake_qemu.py", bin_dir / name)
        shutil.copy(f"{HERE}/wire.py", bin_dir)
        shutil.copy(f"{HERE}/virtiofs.py", bin_dir)
        assets = path / "assets" / ARCH
        assets.mkdir(parents=True)
        for name in ("vmlinuz", "initrd.img", "rootfs.squashfs"):
            (assets / name).write_bytes(b"x")
        self.env = {"PATH": f"{bin_dir}:/usr/bin:/bin", "HOME": str(path), "CAPSEM_AGENT": AGENT, "SHELL": "/bin/sh",
                    "PS1": "$ ", "FAKE_QEMU_LOG": str(self.log), "TERM": "dumb"}

    def command(self, *words, options=()):
        return [PROGRAM, "run", "--assets", str(self.path / "assets"), "--cache-dir", str(self.cache), *options, *words]

    def run(self, play, *words, options=("--accel", "tcg"), timeout=120, **extra):
        done = subprocess.run(self.command(*words, options=options), env=dict(self.env, FAKE_QEMU=play),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, **extra)
        assert b"Sanitizer" not in done.stderr, done.stderr.decode()
        self.nothing_is_left()
        return done.returncode, done.stdout, done.stderr.decode()

    def started(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def nothing_is_left(self):
        for one in self.started():
            # The pid may be a zombie of nobody, or somebody else's by now; ours is alive only under this name.
            try:
                with open(f"/proc/{one['pid']}/cmdline", "rb") as f:
                    line = f.read()
            except FileNotFoundError:
                continue
            assert b"--control-fd" not in line and b"-no-reboot" not in line, "QEMU is left behind"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


# -- commands --------------------------------------------------------------------------------------------------------------


def test_output_apart_and_the_code(place):
    assert place.run("guest", "echo out; echo err >&2; exit 7") == (7, b"out\n", "err\n")
    assert place.run("guest", "printf", "%s|", "a b", "$HOME", "--timeout") == (0, b"a b|$HOME|--timeout|", "")
    assert place.run("guest", "kill -KILL $$")[0] == 137
    assert place.run("guest", "no-such-program")[0] == 127


def test_qemu_gets_what_it_needs_and_no_more(place):
    place.run("guest", "true", options=("--accel", "tcg", "--cpus", "3", "--memory", "777"))
    [one] = place.started()
    args = one["args"]
    assert args[args.index("-smp") + 1] == "3" and args[args.index("-m") + 1] == "777M"
    assert not any("-net" in word or "-nic" in word for word in args), "no way to a network but the port"
    assert [fd for fd in one["fds"] if fd < 7] == [0, 1, 2, 3, 4, 5, 6]
    assert len(one["fds"]) <= 9, "descriptors of ours leak into QEMU"


def test_large_output(place):
    code, out, _ = place.run("guest", "head -c 100000000 /dev/zero; exit 3")
    assert (code, len(out)) == (3, 100000000)


def test_what_was_sent_before_the_end_is_read(place):
    assert place.run("last_words", "x") == (5, b"x" * 32768 * 6, "")


def test_unknown_frames_are_skipped(place):
    assert place.run("unknown_frames", "x")[0] == 6


def test_a_reader_that_goes_away(place):
    line = " ".join(f"'{word}'" for word in place.command("yes", options=("--accel", "tcg")))
    done = subprocess.run(["sh", "-c", f"{{ {line}; echo $? >&2; }} | head -n 1"], env=dict(place.env, FAKE_QEMU="guest"),
                          capture_output=True, timeout=20)
    assert done.stdout == b"y\n" and done.stderr == b"141\n"
    place.nothing_is_left()


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_reader_that_does_not_read_is_no_prison(place, number, code):
    process = start_and_wait(place, "guest", "yes")
    time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(5) == code
    place.nothing_is_left()


def test_a_command_too_long(place):
    code, _, err = place.run("guest", "echo", *["x" * 100000] * 3)
    assert code == 1 and "the command is too long" in err


@contextlib.contextmanager
def ended_afterwards(place):
    """A file for the number of a process that would sleep for ever: in a real guest it ends with the machine."""
    pidfile = place.path / "pid"
    yield pidfile
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pidfile.read_text()), signal.SIGKILL)


def test_timeout(place):
    with ended_afterwards(place) as pidfile:
        code, out, err = place.run("guest", f"echo $$ > {pidfile}; echo begun; exec sleep 100000", options=("--accel", "tcg", "--timeout", "2"))
    assert (code, out) == (124, b"begun\n") and "did not end within 2 s" in err


@pytest.mark.parametrize("command,code,out", [
    ("sleep 100000 & echo $! > PIDFILE; echo first; exit 3", 3, b"first\n"),  # its pipes are open still
    ("setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > PIDFILE; exec sleep 100000' </dev/null >/dev/null 2>&1 & "
     "until [ -s PIDFILE ]; do sleep 0.1; done; exit 4", 4, b"")])
def test_a_daemon_holds_nobody(place, command, code, out):
    with ended_afterwards(place) as pidfile:
        assert place.run("guest", command.replace("PIDFILE", str(pidfile))) == (code, out, "")


@pytest.mark.parametrize("command", ["trap '' TERM INT HUP QUIT; echo begun; while :; do sleep 0.2; done", "echo begun; yes >&2",
                                     "echo begun; kill -STOP $$"])
def test_a_command_that_does_not_end(place, command):
    code, out, err = place.run("guest", command, options=("--accel", "tcg", "--timeout", "1"))
    assert (code, out) == (124, b"begun\n") and err.endswith("did not end within 1 s\n")


# -- boots that fail -------------------------------------------------------------------------------------------------------


def test_a_panic_shows_stage_and_console(place):
    code, out, err = place.run("panic", "true")
    assert (code, out) == (1, b"")
    assert err.splitlines()[0] == "error: boot the guest: Kernel panic - not syncing: no init"
    assert "last completed boot stage: overlayfs" in err
    assert "  | [    0.5] Kernel panic - not syncing: no init\n" in err


def harmless(text):
    """Nothing in it steers a terminal."""
    assert not [c for c in text if (ord(c) < 0x20 and c != "\n") or 0x7f <= ord(c) < 0xa0 or c == "\u202e"], text


@pytest.mark.parametrize("options", [(), ("--console",)], ids=["", "console"])
def test_a_console_that_steers_terminals(place, options):
    code, _, err = place.run("loud", "true", options=("--accel", "tcg", *options))
    harmless(err)
    assert code == 1 and "Kernel panic - not syncing: no init \\x9b2J\n" in err
    assert err.count("\\u202e") >= 2, err


def test_names_of_stages_that_steer_terminals(place):
    place.env["FAKE_LOUD"] = "boots"
    code, _, err = place.run("loud", "true", options=("--accel", "tcg", "--timing"))
    harmless(err)
    assert code == 0 and "\\x1b]0;titl" in err


def test_the_cause_of_a_panic_comes_first(place):
    """And not the end of its trace."""
    code, _, err = place.run("fatal", "true")
    assert code == 1 and err.splitlines()[0] == "error: boot the guest: FATAL: overlayfs mount failed"
    code, _, err = place.run("fatal_hangs", "true", options=("--accel", "tcg", "--timeout", "2"))
    assert code == 124 and err.splitlines()[0].endswith("did not answer within 2 s: FATAL: overlayfs mount failed")


def test_a_kernel_that_dies_of_the_emulation_has_a_second_boot(place):
    code, out, err = place.run("oops_once", "echo up")
    assert (code, out) == (0, b"up\n") and "booting again" in err and len(place.started()) == 2


def test_and_no_third_one(place):
    code, _, err = place.run("oops", "true")
    assert code == 1 and len(place.started()) == 2
    assert err.count("booting again") == 1 and "  | [    1.8] Kernel panic - not syncing: Fatal exception in interrupt\n" in err


def test_qemu_refuses(place):
    code, _, err = place.run("refuse", "true")
    assert code == 1 and "QEMU exited with status 1: -frobnicate: invalid option" in err


def test_an_agent_that_never_answers(place):
    code, _, err = place.run("silent_agent", "true", options=("--accel", "tcg", "--timeout", "2"))
    assert code == 124 and "did not answer within 2 s" in err and "Linux version" in err


def test_no_qemu(place):
    """Those of the machine are hidden in a mount namespace."""
    name = f"qemu-system-{os.uname().machine}"
    (place.path / "bin" / name).unlink()
    place.env["PATH"] = str(place.path / "bin")
    command = place.command("true")
    real = [f"{d}/{name}" for d in ("/usr/local/sbin", "/usr/sbin", "/usr/bin") if os.path.exists(f"{d}/{name}")]
    if real:
        hide = "".join(f"/usr/bin/mount --bind /dev/null {path} && " for path in real)
        own = [] if os.geteuid() == 0 else ["--map-root-user"]
        command = ["/usr/bin/unshare", *own, "--mount", "/bin/sh", "-c", hide + 'exec "$@"', "sh", *command]
    done = subprocess.run(command, env=place.env, capture_output=True, timeout=10)
    assert done.returncode == 1 and b"is not installed" in done.stderr and b"apt-get install" in done.stderr, done.stderr


def test_a_qemu_that_is_no_program(place):
    qemu = place.path / "bin" / f"qemu-system-{os.uname().machine}"
    qemu.write_bytes(b"\x7fELF no")
    code, _, err = place.run("guest", "true")
    assert code == 1 and "start" in err and "xec format error" in err


@pytest.mark.parametrize("name", ["vmlinuz", "initrd.img", "rootfs.squashfs"])
def test_missing_assets(place, name):
    (place.path / "assets" / ARCH / name).unlink()
    code, _, err = place.run("guest", "true")
    assert code == 1 and name in err and "capsem-builder build" in err and place.started() == []


def test_wrong_options(place):
    for options in (("--accel", "xen"), ("--cpus", "0"), ("--memory", "many"), ("--timeout", "-1"), ("--nope",)):
        assert place.run("guest", "true", options=options)[0] == 2
    code, _, err = place.run("guest", "true", options=("--arch", "pdp11"))
    assert code == 1 and "pdp11" in err


@pytest.mark.parametrize("play,word", [
    ("too_long", "malformed"), ("noise", "malformed"), ("deep", "malformed"),
    ("strange_stream", "malformed"), ("no_code", "without an exit code"), ("strange_code", "without an exit code"),
    ("credit", "more input than it received"), ("much_credit", "more input than it received"), ("ready_again", "restarted"), ("cut", "ended before the command did"),
    ("die_in_command", "QEMU was killed by signal 9"), ("panic_in_command", "the machine ended before the command did: Kernel panic - not syncing: Fatal exception")])
def test_what_a_guest_can_say_wrong(place, play, word):
    code, out, err = place.run(play, "x")
    assert code == 1 and word in err, err
    if play.endswith("_in_command"):
        assert out == b"half" and ("Out of memory" in err or "Kernel panic" in err)


# -- KVM or not --------------------------------------------------------------------------------------------------------------


@needs_kvm
@pytest.mark.parametrize("play,reason", [
    ("hang", "is not making progress"), ("kvm_error", "KVM internal error"), ("kvm_abort", "an assertion failed")])
def test_fallback(place, play, reason):
    code, out, err = place.run(f"{play},guest", "echo fine", options=())
    assert (code, out) == (0, b"fine\n") and reason in err and "emulating" in err
    # The second run knows.
    assert place.run(f"{play},guest", "echo fine", options=()) == (0, b"fine\n", "")
    accels = [one["args"][one["args"].index("-accel") + 1] for one in place.started()]
    assert accels == ["kvm", "tcg", "tcg"]


@needs_kvm
def test_kvm_that_works_is_remembered_and_then_quiet(place):
    for _ in range(2):
        assert place.run("guest,refuse", "echo fine", options=()) == (0, b"fine\n", "")
    first, second = [one["args"][one["args"].index("-append") + 1] for one in place.started()]
    assert "loglevel=7" in first and "quiet" in second


@needs_kvm
def test_a_guest_that_panics_is_no_reason_to_emulate(place):
    code, _, err = place.run("kvm_panic,guest", "true", options=())
    assert code == 1 and "Kernel panic" in err and len(place.started()) == 1


@needs_kvm
def test_kvm_asked_for_is_not_replaced(place):
    code, _, err = place.run("kvm_error,guest", "true", options=("--accel", "kvm"))
    assert code == 1 and "KVM does not work here" in err and "--accel tcg" in err and len(place.started()) == 1


# -- the end -----------------------------------------------------------------------------------------------------------------


def start_and_wait(place, play, *words, options=("--accel", "tcg"), **extra):
    process = subprocess.Popen(place.command(*words, options=options), env=dict(place.env, FAKE_QEMU=play),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **extra)
    deadline = time.monotonic() + 120
    while not place.started():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("play", ["guest", "hang"])
def test_signals(place, play, number, code):
    process = start_and_wait(place, play, "sleep 20")
    time.sleep(0.2)
    process.send_signal(number)
    assert process.wait(5) == code
    place.nothing_is_left()


@pytest.mark.parametrize("play", ["guest", "hang"])
def test_sigkill_leaves_no_qemu(place, play):
    process = start_and_wait(place, play, "sleep 20")
    time.sleep(0.2)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 120
    while True:
        try:
            place.nothing_is_left()
            return
        except AssertionError:
            assert time.monotonic() < deadline, "QEMU outlives a SIGKILL of ours"
            time.sleep(0.05)


# -- a shell -----------------------------------------------------------------------------------------------------------------


class Terminal:
    """`run` without a command, on a terminal."""

    def __init__(self, place, play="guest", rows=30, cols=101, options=()):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(PROGRAM, place.command(options=("--accel", "tcg", *options)), dict(place.env, FAKE_QEMU=play))
        self.resize(rows, cols)
        self.seen = b""

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def until(self, wanted, timeout=10):
        deadline = time.monotonic() + timeout
        while wanted not in self.seen:
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], self.seen
            try:
                self.seen += os.read(self.fd, 65536)
            except OSError:
                raise AssertionError(self.seen)
        before, self.seen = self.seen.split(wanted, 1)
        return before

    def type(self, keys):
        os.write(self.fd, keys)

    def code(self):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:
                    pass
        raise AssertionError("it does not end")


def test_shell(place):
    terminal = Terminal(place)
    terminal.until(b"$ ")
    terminal.type(b"stty size; echo sum $((40+2))\r")
    terminal.until(b"30 101")
    terminal.until(b"sum 42")
    terminal.resize(50, 120)
    time.sleep(0.3)
    terminal.type(b"stty size\r")
    terminal.until(b"50 120")
    # Ctrl-C is the guest's: it ends the sleep there, not us.
    terminal.type(b"sleep 60\r")
    time.sleep(0.3)
    terminal.type(b"\x03")
    terminal.type(b"echo a''live\r")
    terminal.until(b"alive")
    terminal.type(b"exit 9\r")
    assert terminal.code() == 9
    place.nothing_is_left()


def test_three_escapes_end_the_machine(place):
    terminal = Terminal(place)
    terminal.until(b"$ ")
    terminal.type(b"\x1d\x1dx\x1d")
    terminal.type(b"\x15echo still''here\r")
    terminal.until(b"stillhere")
    terminal.type(b"\x1d\x1d")
    terminal.type(b"\x1d")
    assert terminal.code() == 0
    place.nothing_is_left()


def test_leaving_mends_the_screen(place):
    """What a program switched on is off again, and what we say next begins a line of its own."""
    terminal = Terminal(place)
    terminal.until(b"press Ctrl-] three times to stop it\r\n")
    terminal.until(b"$ ")
    terminal.type(b"printf '\\033[?1049h\\033[?25l no''end'; cat\r")
    terminal.until(b"noend")
    terminal.type(b"\x1d\x1d\x1d")
    assert terminal.code() == 0
    assert b"\x1b[?25h" in terminal.seen and terminal.seen.endswith(b"\x1b[?1049l\r\n"), terminal.seen


def test_ctrl_c_while_it_boots(place):
    terminal = Terminal(place, play="hang")
    while not place.started():
        time.sleep(0.02)
    time.sleep(0.2)
    terminal.type(b"\x03")
    assert terminal.code() == 130


def test_a_terminal_that_vanishes(place):
    terminal = Terminal(place)
    terminal.until(b"$ ")
    os.close(terminal.fd)
    deadline = time.monotonic() + 120
    while os.waitpid(terminal.pid, os.WNOHANG)[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    place.nothing_is_left()


def test_the_terminal_is_as_it_was(place):
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(place.command(options=("--accel", "tcg")), env=dict(place.env, FAKE_QEMU="guest"), stdin=slave,
                               stdout=slave, stderr=slave)
    seen = b""
    while b"$ " not in seen:
        assert select.select([master], [], [], 10)[0], seen
        seen += os.read(master, 4096)
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    os.write(master, b"exit 4\r")
    while process.poll() is None:
        if select.select([master], [], [], 0.1)[0]:
            os.read(master, 4096)
    assert process.returncode == 4
    assert termios.tcgetattr(slave) == before


def test_keystrokes_from_a_pipe(place):
    done = subprocess.run(place.command(options=("--accel", "tcg")), env=dict(place.env, FAKE_QEMU="guest"),
                          input=b"echo sum $((40+2))\n", capture_output=True, timeout=20)
    assert b"sum 42" in done.stdout and done.returncode == 0
    place.nothing_is_left()
