#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Stands in for QEMU: checks what `run` gives it, then plays what FAKE_QEMU names. Where a guest is wanted, the real agent
runs on the control and terminal descriptors, as a process of the host."""
import ctypes
import json
import os
import signal
import socket
import struct
import sys
import time

CONSOLE, CONTROL, TERMINAL, NET, VOLUME, MCP = 3, 4, 5, 6, 8, 16
AGENT = os.environ["CAPSEM_AGENT"]


def say(text):
    os.write(CONSOLE, text.encode())


def guest():
    say("[    0.1] Linux version\ncapsem-init: squashfs: 3 ms\n")
    os.execv(AGENT, [AGENT, "--control-fd", str(CONTROL), "--terminal-fd", str(TERMINAL), "--keep-clock"])


def online():
    """A guest with its proxy, which listens on the host."""
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: a machine's processes end with it
        proxy = os.environ["CAPSEM_NET_PROXY"]
        os.execv(proxy, [proxy, "--port", os.environ["FAKE_PROXY_PORT"], "--link-fd", str(NET)])
    os.close(NET)
    guest()


def net_noise():
    os.write(NET, b"\0\0\0\0\1\0\0\x08capsem-1" + b"\xff" * 100)
    os.close(NET)
    guest()


def frame_then(data, then=lambda: time.sleep(60), mounts=()):
    """Greets as an agent does, then sends `data`."""
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    from wire import frame
    sock = socket.socket(fileno=CONTROL)
    sock.sendall(frame("ready", version="fake"))
    sock.sendall(b"".join(frame("mountdone", error=error) for error in mounts))
    sock.sendall(frame("bootready") + frame("boottiming", stages=[]))
    sock.sendall(data(frame))
    then()


def hang():
    time.sleep(60)


def kvm_error():
    print("KVM internal error. Suberror: 1", file=sys.stderr, flush=True)
    hang()


def kvm_abort():
    print("qemu-system-x86_64: kvm: an assertion failed", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGABRT)


def panic():
    say("[    0.1] Linux version\ncapsem-init: squashfs: 3 ms\ncapsem-init: overlayfs: 1 ms\n")
    say("[    0.5] Kernel panic - not syncing: no init\n")


def loud():
    """A guest that talks to the terminal of the one who started it."""
    title = "\033]0;title\007\033[2J\x9b2J\u202e"
    say(f"[    0.1] Linux version {title}\ncapsem-init: {title.replace(' ', '')}x: 3 ms\n")
    if os.environ.get("FAKE_LOUD") == "boots":
        stages = [{"name": title[:9], "duration_ms": 3}]
        sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
        from wire import frame
        socket.socket(fileno=CONTROL).sendall(frame("ready", version=title) + frame("bootready") + frame("boottiming", stages=stages)
                                              + frame("execdone", id=1, exit_code=0))
        time.sleep(60)
    say("\033[31m[    0.5] Kernel panic\033[0m - not syncing: no init \x9b2J\n")


def fatal():
    say("[    0.1] Linux version\ncapsem-init: squashfs: 3 ms\r\n[    0.4] FATAL: overlayfs mount failed\r\n")
    say("[    0.5] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n" + "[    0.5]  a_function+0x1/0x2\r\n" * 40)


def oops():
    say("[    1.8] Kernel panic - not syncing: Fatal exception in interrupt\n")


def oops_once():
    with open(os.environ["FAKE_QEMU_LOG"]) as log:
        first = len(log.readlines()) == 1
    oops() if first else guest()


def refuse():
    print("qemu-system-x86_64: -frobnicate: invalid option", file=sys.stderr, flush=True)
    sys.exit(1)


def die_in_command():
    say("[    9.9] Out of memory\n")
    frame_then(lambda f: f("execdata", id=1, stream=1, data=b"half"), lambda: os.kill(os.getpid(), signal.SIGKILL))


def panic_in_command():
    say("[    9.9] Kernel panic - not syncing: Fatal exception\n")
    frame_then(lambda f: f("execdata", id=1, stream=1, data=b"half"), lambda: None)


def last_words():
    frame_then(lambda f: f("execdata", id=1, stream=1, data=b"x" * 32768) * 6 + f("execdone", id=1, exit_code=5), lambda: None)


def attempt(outcome, name, function, *args):
    try:
        outcome[name] = function(*args)
    except OSError as error:
        outcome[name] = error.strerror


def share():
    """A guest that writes into its volumes what it may and what it may not, and says how each went."""
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    from virtiofs import Share
    outcomes = []
    for fd in (VOLUME, VOLUME + 1):
        volume, outcome = Share(fd), {}
        attempt(outcome, "old", lambda: volume.lookup(b"old") > 1)
        attempt(outcome, "above", volume.lookup, b"../file")
        attempt(outcome, "new", lambda: volume.create(b"new", 0o755, b"from the guest\n" * 4000) > 1)
        attempt(outcome, "setuid", volume.create, b"setuid", 0o4755)
        attempt(outcome, "chmod", lambda: volume.chmod(volume.lookup(b"old"), 0o640))
        for name, mode in (("chmod setuid", 0o4755), ("chmod setgid", 0o2755)):
            attempt(outcome, name, lambda: volume.chmod(volume.lookup(b"old"), mode))
        attempt(outcome, "device", volume.mknod, b"device", 0o60666, 0x800)
        attempt(outcome, "pipe", volume.mknod, b"pipe", 0o10644, 0)
        attempt(outcome, "give", lambda: volume.chown(volume.lookup(b"pipe"), 1234, 1235))
        attempt(outcome, "into lent", lambda: volume.write(volume.lookup(b"lent"), b"from the guest\n"))
        outcomes.append(outcome)
    with open(os.environ["FAKE_SHARE_OUT"], "w") as out:
        json.dump(outcomes, out)
    frame_then(lambda f: f("execdone", id=1, exit_code=3), mounts=("", ""))


def lend_mcp():
    """The test itself is what stands behind the port."""
    with socket.socket(socket.AF_UNIX) as test:
        test.connect(os.environ["FAKE_MCP"])
        socket.send_fds(test, [b"x"], [MCP])
    os.close(MCP)
    hang()


def no_virtiofs():
    """A guest whose kernel takes disks only."""
    shared = any("vhost-user-fs" in word for word in sys.argv)
    if not shared:
        with open(VOLUME, "rb") as disk, open(os.environ["FAKE_SHARE_OUT"], "wb") as out:
            out.write(disk.read())
    frame_then(lambda f: f("execdone", id=1, exit_code=4), mounts=("the kernel has no such file system" if shared else "",))


PLAYS = {
    "guest": guest,
    "online": online,
    "net_noise": net_noise,
    "hang": hang,
    "kvm_error": kvm_error,
    "kvm_abort": kvm_abort,
    "kvm_panic": panic,
    "panic": panic,
    "loud": loud,
    "fatal": fatal,
    "fatal_hangs": lambda: (fatal(), hang()),
    "oops": oops,
    "oops_once": oops_once,
    "refuse": refuse,
    "die_in_command": die_in_command,
    "panic_in_command": panic_in_command,
    "last_words": last_words,
    "silent_agent": lambda: (say("[    0.1] Linux version\n"), hang()),
    "share": share,
    "lend_mcp": lend_mcp,
    "no_virtiofs": no_virtiofs,
    "mount_fails": lambda: frame_then(lambda f: b"", mounts=("Input/output error",)),
    "old_agent": lambda: frame_then(lambda f: b""),
    "mount_unasked": lambda: frame_then(lambda f: b"", mounts=("", "")),
    "too_long": lambda: frame_then(lambda f: b"\xff\xff\xff\xff"),
    "noise": lambda: frame_then(lambda f: struct.pack(">I", 5) + b"\xc1\xc1\xc1\xc1\xc1"),
    "cut": lambda: frame_then(lambda f: f("execdone", id=1, exit_code=0)[:-3], lambda: None),
    "deep": lambda: frame_then(lambda f: struct.pack(">I", 1006) + b"\x81\xa1x\x81\xa1y" + b"\x91" * 1000),
    "ready_again": lambda: frame_then(lambda f: f("ready", version="again")),
    "strange_stream": lambda: frame_then(lambda f: f("execdata", id=1, stream=9, data=b"x")),
    "no_code": lambda: frame_then(lambda f: f("execdone", id=1)),
    "strange_code": lambda: frame_then(lambda f: f("execdone", id=1, exit_code=5000)),
    "credit": lambda: frame_then(lambda f: f("execcredit", id=1, bytes=1)),
    "much_credit": lambda: frame_then(lambda f: f("execcredit", id=1, bytes=1 << 63)),
    "unknown_frames": lambda: frame_then(
        lambda f: f("newer", a=[1]) + f("execdone", id=99, exit_code=1) + f("pong") + f("execdone", id=1, exit_code=6)),
}


def main():
    args = sys.argv[1:]
    with open(os.environ["FAKE_QEMU_LOG"], "a") as log:
        log.write(json.dumps({"pid": os.getpid(), "args": args, "fds": sorted(map(int, os.listdir("/proc/self/fd")))}) + "\n")
    accel = args[args.index("-accel") + 1]
    play = os.environ["FAKE_QEMU"].split(",")
    PLAYS[play[0] if accel == "kvm" or len(play) == 1 else play[1]]()


main()
