#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real ordinary user for a test, made by root and removed again, with subordinate ids or without.

    ordinary_user.py [--single] COMMAND [WORD ...]      runs it as such a user, in a home of its own, which is also TMPDIR

The variables CAPSEM_BUILDER and SANDBOX_PROBE name copies in the home then, and so do words for files of this folder: a checkout
need not be readable for all.
"""
import contextlib
import fcntl
import os
import pathlib
import pwd
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("CAPSEM_BUILDER", "SANDBOX_PROBE")
KEPT = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "PATH", "PYTHONDONTWRITEBYTECODE")
FIRST_ID = 7_000_000  # subordinate ids: beyond what useradd gives to people
CAPABILITY = "security.capability"
LOCK = "/run/lock/capsem-test-user"


def capability_of(path):
    try:
        return os.getxattr(path, CAPABILITY, follow_symlinks=False)
    except OSError:
        return None


def owned_capability(value, uid):
    """linux/capability.h: revision 3 is revision 2 and the root user of the namespace that it counts in."""
    magic, rest = struct.unpack_from("<I16s", value)
    return struct.pack("<I16sI", magic & 0xffffff | 0x03000000, rest, uid)


class User:
    def __init__(self, name, home):
        self.name, self.home = name, pathlib.Path(home)
        entry = pwd.getpwnam(name)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid

    @property
    def prefix(self):
        """Words before a command that make it this user's."""
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups", "--inh-caps=-all", "--"]

    def env(self, **more):
        kept = {key: os.environ[key] for key in KEPT if key in os.environ}
        return {**kept, "HOME": str(self.home), "USER": self.name, "LC_ALL": "C.UTF-8", "TMPDIR": str(self.home), **more}

    def run(self, *words, **kwargs):
        kwargs.setdefault("env", self.env())
        return subprocess.run([*self.prefix, *map(os.fspath, words)], stdin=subprocess.DEVNULL, check=False, **kwargs)

    def own(self, path):
        """Makes a tree the user's; what a change of owner takes away, setuid bits and capabilities, is given back."""
        for folder, folders, names in os.walk(os.fsencode(path)):
            for place in (folder, *(os.path.join(folder, name) for name in [*names, *folders])):
                mode, capability = os.lstat(place).st_mode, capability_of(place)
                os.chown(place, self.uid, self.gid, follow_symlinks=False)
                if not stat.S_ISLNK(mode):
                    os.chmod(place, stat.S_IMODE(mode))
                if capability is not None:
                    os.setxattr(place, CAPABILITY, owned_capability(capability, self.uid), follow_symlinks=False)

    def take(self, program):
        """A copy of a program, where the user can run it."""
        path = self.home / os.path.basename(program)
        path.unlink(missing_ok=True)  # what keeps the listings of the test before may still run it
        return pathlib.Path(shutil.copy(program, path))


def set_ranges(name, first, count):
    for option in ("subuids", "subgids"):
        change_user(name, "usermod", f"--add-{option}", f"{first}-{first + count - 1}")


def drop_ranges(name):
    """What useradd gives by itself."""
    for kind in ("subuid", "subgid"):
        with open(f"/etc/{kind}", encoding="utf-8") as file:
            lines = [line.rstrip("\n").split(":") for line in file if line.startswith(name + ":")]
        for _, first, count in lines:
            change_user(name, "usermod", f"--del-{kind}s", f"{first}-{int(first) + int(count) - 1}")


def end_processes(uid):
    """What tests have left running: a user that has processes cannot be removed."""
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == uid:
                os.kill(pid, signal.SIGKILL)


def change_user(name, *command):
    """A process that waits for the disk (store/keeper.c) ends when the disk lets it, killed or not."""
    for _ in range(600):
        result = subprocess.run([*command, name], capture_output=True, text=True)
        if result.returncode != 8:  # the user's processes still run
            break
        end_processes(pwd.getpwnam(name).pw_uid)
        time.sleep(0.1)
    assert result.returncode == 0, result.stderr


def delete_user(name):
    change_user(name, "userdel")


@contextlib.contextmanager
def ordinary_user(single=False, where=None):
    """A user with 65536 subordinate ids, or with none. Tests that run at the same time have different ones."""
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    with open(LOCK, "w", encoding="utf-8") as lock, contextlib.ExitStack() as stack:
        fcntl.flock(lock, fcntl.LOCK_EX)
        number = next(i for i in range(1000) if f"capsem-test-{i}" not in {entry.pw_name for entry in pwd.getpwall()})
        name = f"capsem-test-{number}"
        home = tempfile.mkdtemp(prefix=f"{name}-", dir=where or "/var/tmp")
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        subprocess.run(["useradd", "--no-create-home", "--home-dir", home, "--shell", "/bin/sh", name], check=True,
                       capture_output=True)
        stack.callback(delete_user, name)
        stack.callback(end_processes, pwd.getpwnam(name).pw_uid)
        drop_ranges(name)
        if not single:
            set_ranges(name, FIRST_ID + number * 100_000, 65536)
        fcntl.flock(lock, fcntl.LOCK_UN)
        user = User(name, home)
        os.chown(home, user.uid, user.gid)
        yield user


def main(words):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a time limit: the user is removed all the same
    single = words[:1] == ["--single"]
    words = words[1:] if single else words
    with ordinary_user(single) as user:
        tests = shutil.copytree(HERE, user.home / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        words = [str(tests / os.path.basename(word)) if os.path.dirname(word) == str(HERE) else word for word in words]
        programs = {name: str(user.take(os.environ[name])) for name in PROGRAMS if os.environ.get(name)}
        return user.run(*words, env=user.env(**programs)).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
