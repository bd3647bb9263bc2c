# SPDX-License-Identifier: Apache-2.0
"""The packed tree against the mount that steps saw: random layers with every mark that overlayfs knows, merged by the kernel and by
tree/, entry by entry. As root marks are trusted.overlay.*, in a user namespace user.overlay.*. Needs root and overlayfs."""
import ctypes
import errno
import os
import pickle
import random
import socket
import stat
import subprocess
import sys
import traceback

import pytest

TOOL = os.environ.get("PACK_TOOL", "")
pytestmark = [
    pytest.mark.skipif(not os.access(TOOL, os.X_OK), reason="PACK_TOOL names no program"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting wants root"),
]

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MODES = {"root": ("trusted.overlay.", "redirect_dir=off"), "user": ("user.overlay.", "userxattr,redirect_dir=nofollow")}
NAMES = ("a", "b", "c", "d")
ROUNDS = 40
libc = ctypes.CDLL(None, use_errno=True)


# --- namespaces ---------------------------------------------------------------------------------------------------------------

def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def inside(mode, function, *arguments):
    """What the function returns in mount and, for "user", user namespaces of its own. Mounts end with the process."""
    ready, mapped, answer = os.pipe(), os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            call(libc.unshare(CLONE_NEWNS | (CLONE_NEWUSER if mode == "user" else 0)))
            os.write(ready[1], b"x")
            os.read(mapped[0], 1)
            call(libc.mount(None, b"/", None, 0x44000, None))  # MS_REC | MS_PRIVATE
            result = function(*arguments)
        except BaseException:
            result = traceback.format_exc()
        with open(answer[1], "wb") as out:
            pickle.dump(result, out)
        os._exit(0)
    os.close(answer[1])
    os.close(ready[1])
    if os.read(ready[0], 1) and mode == "user":
        for kind in ("uid", "gid"):  # not the whole range: that is how root of the machine looks
            with open(f"/proc/{pid}/{kind}_map", "w") as file:
                file.write("0 0 65536\n")
    os.write(mapped[1], b"x")
    with open(answer[0], "rb") as file:
        result = pickle.load(file)
    os.waitpid(pid, 0)
    for fd in (ready[0], *mapped):
        os.close(fd)
    if isinstance(result, str):
        pytest.fail(result)
    return result


# --- layers -------------------------------------------------------------------------------------------------------------------

class Layers:
    def __init__(self, rng, folder, mode, refused_marks):
        self.rng, self.folder, self.mode = rng, folder, mode
        self.own, self.other = MODES[mode][0], MODES["user" if mode == "root" else "root"][0]
        self.refused_marks, self.count = refused_marks, 0
        self.paths = []
        for number in range(rng.randint(2, 5)):
            path = os.path.join(folder, f"layer{number}")
            os.mkdir(path, 0o755)
            self.files, self.by_attribute = [], rng.random() < 0.2
            self.fill(path, 0)
            self.attributes(path)
            self.paths.append(path)

    def fill(self, folder, depth):
        for name in self.rng.sample(NAMES, self.rng.randint(2 - min(depth, 2), len(NAMES))):
            self.add(os.path.join(folder, name), depth)
        if self.by_attribute:  # whiteouts by attribute are looked for where folder and layer say so
            os.setxattr(folder, self.own + "opaque", b"x")

    def add(self, path, depth):
        kinds = ["folder"] * 5 + ["file"] * 3 + ["whiteout", "whiteout", "link", "hard link", "pipe", "socket"]
        kind = self.rng.choice(kinds + (["device"] if self.mode == "root" else []))
        if kind == "folder" and depth < 3:
            os.mkdir(path)
            self.attributes(path)
            self.fill(path, depth + 1)
        elif kind == "hard link" and self.files:
            os.link(self.rng.choice(self.files), path, follow_symlinks=False)
        elif kind == "whiteout" and self.by_attribute:
            open(path, "w").close()
            os.setxattr(path, self.own + "whiteout", b"y")
        elif kind == "whiteout":
            os.mknod(path, stat.S_IFCHR, 0)
        else:
            self.add_plain(kind, path)

    def add_plain(self, kind, path):
        self.count += 1
        if kind == "link":
            os.symlink(self.rng.choice(NAMES), path)
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(path)
        elif kind == "device":
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        else:
            with open(path, "w") as file:
                file.write(str(self.count) * self.rng.randint(0, 3))
            self.attributes(path)
        self.files.append(path)
        os.utime(path, (1, 1000 + self.count), follow_symlinks=False)

    def attributes(self, path):
        rng, own = self.rng, self.own
        marks = [(own + "opaque", b"y"), (own + "opaque", b"yes"), (own + "origin", b""), (own + "impure", b"y"), (own + "nlink", b"U+1"),
                 (own + "whiteouts", b"y"), (own + "overlay.opaque", b"y"), (own + "overlay.overlay.whiteout", b"z"),
                 (own + "overlay.redirect", b"/a"), ("user.note", b"1")]
        if self.mode == "root":
            marks += [(self.other + "opaque", b"y"), (self.other + "whiteout", b"y"), (self.other + "redirect", b"/b"),
                      (self.other + "metacopy", b""), (self.other + "overlay.opaque", b"y"), ("trusted.note", b"2")]
        if self.refused_marks:
            marks += [(own + "redirect", b"/d"), (own + "metacopy", b"")] * 2
        for name, value in rng.sample(marks, rng.choice((0, 0, 1, 2, 5))):
            os.setxattr(path, name, value)


# --- two views of them --------------------------------------------------------------------------------------------------------

def attributes_of(path):
    names = os.listxattr(path, follow_symlinks=False)
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in names if n != "security.selinux"}


def content_of(path, st):
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as file:
            return file.read()
    return os.readlink(path) if stat.S_ISLNK(st.st_mode) else st.st_rdev if stat.S_ISCHR(st.st_mode) else None


def look(root, path, found, shared):
    whole = os.path.join(root, path)
    st = os.lstat(whole)
    if not stat.S_ISDIR(st.st_mode):
        shared.setdefault((st.st_dev, st.st_ino), []).append(path)
    found[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, content_of(whole, st), attributes_of(whole),
                   (st.st_dev, st.st_ino))
    if stat.S_ISDIR(st.st_mode):
        for name in sorted(os.listdir(whole)):
            try:
                look(root, os.path.join(path, name), found, shared)
            except FileNotFoundError:  # a whiteout in a folder that the kernel shows as it is
                pass


def view(root):
    """path -> everything about it, hard links by all of their names; None where the kernel refuses a part of it."""
    found, shared = {}, {}
    try:
        look(root, "", found, shared)
    except PermissionError:
        return None
    return {path: (*rest, tuple(sorted(shared.get(inode, ())))) for path, (*rest, inode) in found.items()}


def both_views(seed, folder, mode, refused_marks):
    layers = Layers(random.Random(seed), folder, mode, refused_marks)
    merged, out = os.path.join(folder, "merged"), os.path.join(folder, "out")
    os.mkdir(merged)
    options = f"lowerdir={':'.join(reversed(layers.paths))},{MODES[mode][1]},metacopy=off,index=off,xino=off"
    try:
        call(libc.mount(b"overlay", merged.encode(), b"overlay", 1, options.encode()))
    except OSError as error:
        return {"skip": f"no overlay here: {error}"}
    done = subprocess.run([TOOL, "--dir", out, *layers.paths], capture_output=True, text=True)
    return {"mount": view(merged), "packed": view(out) if done.returncode == 0 else None, "said": done.stderr}


def differences(result):
    mount, packed = result["mount"], result["packed"]
    return [f"{path}: mounted {mount.get(path)}, packed {packed.get(path)}" for path in sorted(mount.keys() | packed.keys())
            if mount.get(path) != packed.get(path)]


@pytest.mark.parametrize("mode", MODES)
def test_the_packed_tree_is_what_steps_saw(tmp_path, mode):
    entries = 0
    for seed in range(ROUNDS):
        folder = tmp_path / f"{mode}{seed}"
        folder.mkdir()
        result = inside(mode, both_views, seed, str(folder), mode, False)
        if "skip" in result:
            pytest.skip(result["skip"])
        assert result["packed"] is not None, (seed, result["said"])
        assert differences(result) == [], seed
        entries += len(result["packed"])
    assert entries > 8 * ROUNDS


@pytest.mark.parametrize("mode", MODES)
def test_what_the_kernel_refuses_is_not_packed(tmp_path, mode):
    """Redirects and metadata-only copies: an error where the kernel has one, and never another tree."""
    refused = 0
    for seed in range(ROUNDS):
        folder = tmp_path / f"{mode}{seed}"
        folder.mkdir()
        result = inside(mode, both_views, seed, str(folder), mode, True)
        if "skip" in result:
            pytest.skip(result["skip"])
        if result["packed"] is None:
            assert "redirect_dir or metacopy" in result["said"], result["said"]
            refused += 1
            continue
        assert result["mount"] is not None, seed
        assert differences(result) == [], seed
    assert 0 < refused < ROUNDS
