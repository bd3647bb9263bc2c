# SPDX-License-Identifier: Apache-2.0
"""What image/ writes, against the kernel's own view of the same layers: an overlay of them, mounted, is what a squashfs, a tar, a
cpio or a folder made of them must hold, entry by entry. Needs root, overlayfs and loop devices."""
import contextlib
import errno
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import tarfile
from typing import NamedTuple

import pytest

TOOL = os.environ.get("PACK_TOOL", "")
pytestmark = [
    pytest.mark.skipif(not os.access(TOOL, os.X_OK), reason="PACK_TOOL names no program"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting wants root"),
]

EPOCH = 1_700_000_000
BLOCK = 65536
OVERLAY_OPTIONS = "redirect_dir=off,metacopy=off,index=off,xino=off"
SQUASHFS_XATTRS = ("user.", "trusted.", "security.")


# --- mounts ------------------------------------------------------------------------------------------------------------------

class Mount:
    """Mounted at `place` inside `with`."""

    def __init__(self, place, *arguments):
        self.place, self.arguments = str(place), arguments

    def __enter__(self):
        os.makedirs(self.place, exist_ok=True)
        done = subprocess.run(["mount", *self.arguments, self.place], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"the kernel does not mount {' '.join(self.arguments)[:80]}: {done.stderr.strip()[:200]}")
        return self.place

    def __exit__(self, *_):
        subprocess.run(["umount", self.place], check=True)


def overlay(place, lowers, upper=None):
    options = f"lowerdir={':'.join(map(str, reversed(lowers)))},{OVERLAY_OPTIONS}"
    if upper is not None:
        work = f"{upper}.work"
        os.makedirs(work, exist_ok=True)
        options += f",upperdir={upper},workdir={work}"
    return Mount(place, "-t", "overlay", "overlay", "-o", options)


def squashfs(place, image):
    return Mount(place, "-t", "squashfs", "-o", "loop,ro", str(image))


# --- looking at a tree --------------------------------------------------------------------------------------------------------

class Entry(NamedTuple):
    kind: int
    mode: int
    uid: int
    gid: int
    mtime_s: int
    content: object  # digest, link target or device number
    xattrs: dict
    names: frozenset  # all that share the inode


@contextlib.contextmanager
def folder(name, dirfd=None):
    """Its fd. Closed in any case: a file system cannot be unmounted before."""
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=dirfd)
    try:
        yield fd
    finally:
        os.close(fd)


def digest(dirfd, name):
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=dirfd)
    with open(fd, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(file.read()).hexdigest()


def xattrs_of(dirfd, name):
    # The folder's fd keeps the path short however deep we are.
    path = os.fsencode(f"/proc/self/fd/{dirfd}/") + name
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOTSUP:  # a squashfs in which nothing has any
            return {}
        raise
    return {n: os.getxattr(path, n, follow_symlinks=False) for n in names
            if not n.startswith("trusted.overlay.") and n != "security.selinux"}


def content_of(dirfd, name, st):
    if stat.S_ISREG(st.st_mode):
        return st.st_size, digest(dirfd, name)
    if stat.S_ISLNK(st.st_mode):
        return os.readlink(name, dir_fd=dirfd)
    return st.st_rdev if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode) else None


def visit(dirfd, prefix, found):
    for name in sorted(os.listdir(dirfd)):
        name = os.fsencode(name)
        st = os.stat(name, dir_fd=dirfd, follow_symlinks=False)
        found[prefix + name] = (st, content_of(dirfd, name, st), xattrs_of(dirfd, name))
        if stat.S_ISDIR(st.st_mode):
            with folder(name, dirfd) as fd:
                visit(fd, prefix + name + b"/", found)


def snapshot(root, clamp=None):
    """path -> Entry; `clamp` is the latest time there is."""
    found = {}
    with folder(root) as fd:
        found[b""] = (os.fstat(fd), None, xattrs_of(fd, b"."))
        visit(fd, b"", found)
    shared = {}
    for path, (st, _, _) in found.items():
        if not stat.S_ISDIR(st.st_mode):
            shared.setdefault((st.st_dev, st.st_ino), set()).add(path)
    result = {}
    for path, (st, content, xattrs) in found.items():
        mtime_s = st.st_mtime_ns // 10**9
        result[path] = Entry(stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid,
                             mtime_s if clamp is None else min(mtime_s, clamp), content, xattrs,
                             frozenset(shared.get((st.st_dev, st.st_ino), ())))
    return result


def assert_same(got, wanted):
    assert sorted(got) == sorted(wanted)
    different = {path: (got[path], wanted[path]) for path in wanted if got[path] != wanted[path]}
    assert not different, next(iter(different.items()))


def only(names, tree):
    """The tree with no other xattrs than those."""
    return {path: e._replace(xattrs={n: v for n, v in e.xattrs.items() if n.startswith(names)}) for path, e in tree.items()}


# --- layers to pack -----------------------------------------------------------------------------------------------------------

def noise(seed, size):
    return random.Random(seed).randbytes(size)


def words(seed, size):
    pick = random.Random(seed)
    text = b" ".join(b"%d" % pick.randrange(5000) for _ in range(size // 4 + 1))
    return text[:size]


def write(root, name, data=b"", mode=0o644, mtime=1_600_000_000, owner=(0, 0)):
    path = os.path.join(os.fsencode(root), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chown(path, *owner)
    os.chmod(path, mode)
    os.utime(path, (mtime, mtime))
    return path


def populate_sizes(root):
    for size in (0, 1, 511, 8192, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 200_000, 3_000_000):
        write(root, f"sizes/words-{size}", words(size, size))
        write(root, f"sizes/noise-{size}", noise(size, size))
    write(root, "same/big", words(3_000_000, 3_000_000))
    write(root, "same/small", words(8192, 8192))
    write(root, "same/same-start", words(200_000, 200_000)[:BLOCK] + b"another end")
    write(root, "same/same-end", b"another start".ljust(BLOCK, b"!") + words(200_000, 200_000)[3 * BLOCK:])
    write(root, "zeros/all", bytes(20 * BLOCK))
    write(root, "zeros/small", bytes(1000))
    write(root, "zeros/between", words(1, BLOCK) + bytes(3 * BLOCK) + words(2, BLOCK + 7))
    path = write(root, "zeros/holes")
    with open(path, "r+b") as file:
        file.truncate(50 * BLOCK + 11)
        file.seek(30 * BLOCK - 5)
        file.write(b"not a hole")
    os.utime(path, (5, 5))


def populate_names(root):
    for byte in range(1, 256):
        if byte not in b"/.":
            write(root, b"names/" + bytes([byte]), bytes([byte]))
    write(root, b"names/" + b"n" * 255, b"long")
    write(root, b"names/two\nlines", b"1")
    write(root, b"names/ spaces and \xff\xfe bytes ", b"2")
    write(root, "names/...", b"3")
    for i in range(3000):
        write(root, f"many/file-{i:05}", b"%d\n" % (i % 1000))
    # Deeper than a path may be long.
    fd = os.open(root, os.O_RDONLY)
    for _ in range(45):
        os.mkdir("d" * 100, dir_fd=fd)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    file = os.open("bottom", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd)
    os.write(file, b"down here")
    os.close(file)
    os.close(fd)


def populate_kinds(root):
    os.makedirs(f"{root}/kinds")
    os.symlink("../sizes/words-1", f"{root}/kinds/link")
    os.symlink("/nowhere/" + "x" * 3000, f"{root}/kinds/long-link")
    os.lchown(f"{root}/kinds/link", 12, 34)
    os.utime(f"{root}/kinds/link", (77, 77), follow_symlinks=False)
    os.mknod(f"{root}/kinds/char", stat.S_IFCHR | 0o620, os.makedev(5, 1))
    os.mknod(f"{root}/kinds/block", stat.S_IFBLK | 0o660, os.makedev(259, 300))
    os.mknod(f"{root}/kinds/pipe", stat.S_IFIFO | 0o666)
    os.mknod(f"{root}/kinds/socket", stat.S_IFSOCK | 0o755)
    write(root, "kinds/setuid", b"#!", 0o6755, owner=(0, 42))
    write(root, "kinds/owned", b"by a large number", 0o400, owner=(3_000_000_000, 70_000))
    write(root, "kinds/nothing-allowed", b"0", 0)
    os.mkdir(f"{root}/kinds/sticky")
    os.chmod(f"{root}/kinds/sticky", 0o1777)
    write(root, "kinds/new", b"newer than the epoch", mtime=EPOCH + 1000)
    write(root, "kinds/at-the-epoch", b"", mtime=EPOCH)
    write(root, "kinds/oldest", b"", mtime=0)
    for name in ("one", "two", "three"):
        write(root, f"links/{name}", words(9, 100_000)) if name == "one" else os.link(f"{root}/links/one", f"{root}/links/{name}")
    os.makedirs(f"{root}/links/below")
    os.link(f"{root}/links/one", f"{root}/links/below/four")
    os.link(f"{root}/kinds/pipe", f"{root}/links/pipe")
    os.link(f"{root}/kinds/link", f"{root}/links/link", follow_symlinks=False)


def populate_xattrs(root):
    capability = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep
    path = write(root, "xattrs/ping", b"elf")
    os.setxattr(path, "security.capability", capability)
    for i in range(20):
        os.setxattr(write(root, f"xattrs/user-{i}", b"%d" % i), "user.note", b"same value for all")
    os.setxattr(write(root, "xattrs/large"), "user.large", noise(1, 2000))
    os.setxattr(write(root, "xattrs/empty"), "user.empty", b"")
    for name in ("user.b", "trusted.a", "user.a"):
        os.setxattr(f"{root}/xattrs", name, name.encode())
    os.symlink("x", f"{root}/xattrs/link")
    os.setxattr(f"{root}/xattrs/link", "trusted.of-a-link", b"1", follow_symlinks=False)


def populate(root):
    populate_sizes(root)
    populate_names(root)
    populate_kinds(root)
    populate_xattrs(root)
    for name in "abcdefgh":
        write(root, f"change/{name}/file", name.encode())
        write(root, f"change/{name}/below/file", name.encode() * 2)
        write(root, f"change/file-{name}", name.encode())
    os.chmod(root, 0o755)


def change_once(root):
    """What a step of a build does, as overlayfs records it."""
    os.remove(f"{root}/change/file-a")
    write(root, "change/file-b", b"other content")
    os.chmod(f"{root}/change/file-c", 0o600)
    os.rename(f"{root}/change/file-d", f"{root}/change/renamed-d")
    shutil.rmtree(f"{root}/change/a")
    shutil.rmtree(f"{root}/change/b")
    write(root, "change/b/new", b"in a new folder of the old name")
    shutil.rmtree(f"{root}/change/c")
    write(root, "change/c", b"a file where a folder was")
    os.remove(f"{root}/change/file-e")
    write(root, "change/file-e/inside", b"a folder where a file was")
    shutil.rmtree(f"{root}/change/d")
    os.symlink("/etc", f"{root}/change/d")
    os.chmod(f"{root}/change/e", 0o700)
    os.chown(f"{root}/change/e/file", 1, 2)
    write(root, "change/f/added", b"+")
    os.remove(f"{root}/change/f/below/file")
    os.remove(f"{root}/links/two")
    os.chmod(f"{root}/links/three", 0o640)
    os.link(f"{root}/change/g/file", f"{root}/change/g/linked")
    os.setxattr(f"{root}/change/h/file", "user.added", b"later")
    os.remove(f"{root}/kinds/socket")
    os.setxattr(root, "user.root", b"of the top layer")


def change_again(root):
    write(root, "change/file-a", b"back again")
    write(root, "change/a/back", b"too")
    shutil.rmtree(f"{root}/change/b")
    write(root, "change/b/newest", b"opaque over opaque")
    os.remove(f"{root}/change/c")
    os.remove(f"{root}/change/d")
    write(root, "change/d/file", b"a folder where a link was")
    shutil.rmtree(f"{root}/change/h")
    os.chmod(root, 0o711)


class Layers:
    def __init__(self, path):
        self.path = path
        self.folders = [path / "base", path / "one", path / "two"]
        for folder in self.folders:
            folder.mkdir(parents=True)
        populate(str(self.folders[0]))
        for top, change in ((1, change_once), (2, change_again)):
            with overlay(path / "merged", self.folders[:top], self.folders[top]) as root:
                change(root)
        with overlay(path / "merged", self.folders) as root:
            self.tree = snapshot(root)

    def remove(self):
        # Paths in there are longer than a path may be: not every program could.
        subprocess.run(["rm", "-rf", str(self.path)], check=True)

    def clamped(self):
        return {path: e._replace(mtime_s=min(e.mtime_s, EPOCH)) for path, e in self.tree.items()}


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    made = Layers(tmp_path_factory.mktemp("layers"))
    yield made
    made.remove()


def pack(folders, *options, fails=False):
    done = subprocess.run([TOOL, *map(str, options), *map(str, folders)], capture_output=True, text=True, timeout=300)
    assert "Sanitizer" not in done.stderr, done.stderr
    if fails:
        assert done.returncode == 1 and done.stderr.startswith("pack-tool: "), (done.returncode, done.stderr)
        return done.stderr
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def image_of(folders, path, *options):
    stats = pack(folders, "--squashfs", path, "--epoch", EPOCH, *options)
    data = path.read_bytes()
    assert stats["bytes"] == len(data) and len(data) % 4096 == 0
    return stats, hashlib.sha256(data).hexdigest()


# --- squashfs -----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("codec, level", [("zstd", 3), ("gzip", 6), ("lzo", 8), ("xz", 1), ("lz4", 1)])
def test_squashfs_holds_what_overlayfs_shows(layers, tmp_path, codec, level):
    image_of(layers.folders, tmp_path / "image", "--codec", codec, "--level", level)
    with squashfs(tmp_path / "mnt", tmp_path / "image") as root:
        assert_same(snapshot(root), only(SQUASHFS_XATTRS, layers.clamped()))
        for path, entry in layers.tree.items():
            if entry.names and len(os.fsencode(root) + path) < 4000:
                assert os.lstat(os.fsencode(root) + b"/" + path).st_nlink == len(entry.names), path


def test_a_folder_is_counted_by_its_folders(tmp_path):
    """find(1) and others take it that a folder has two names, and one more for each folder in it."""
    root = tmp_path / "root"
    for name in ("a/b/c/file", "a/d/file", "a/file"):
        write(root, name)
    image_of([root], tmp_path / "image", "--level", 1)
    with squashfs(tmp_path / "mnt", tmp_path / "image") as mounted:
        counts = {name: os.lstat(f"{mounted}/{name}").st_nlink for name in (".", "a", "a/b", "a/b/c", "a/d")}
    assert counts == {".": 3, "a": 4, "a/b": 3, "a/b/c": 2, "a/d": 2}


@pytest.mark.parametrize("block", [4096, 131072, 1048576])
def test_squashfs_of_other_block_sizes(layers, tmp_path, block):
    image_of(layers.folders, tmp_path / "image", "--level", 1, "--block", block)
    with squashfs(tmp_path / "mnt", tmp_path / "image") as root:
        assert_same(snapshot(root), only(SQUASHFS_XATTRS, layers.clamped()))


def test_without_an_epoch_times_stay(layers, tmp_path):
    pack(layers.folders, "--squashfs", tmp_path / "image", "--level", 1)
    with squashfs(tmp_path / "mnt", tmp_path / "image") as root:
        assert_same(snapshot(root), only(SQUASHFS_XATTRS, layers.tree))


@pytest.mark.skipif(shutil.which("unsquashfs") is None, reason="no unsquashfs")
def test_unsquashfs_agrees(layers, tmp_path):
    image_of(layers.folders, tmp_path / "image", "--level", 1)
    said = subprocess.run(["unsquashfs", "-s", str(tmp_path / "image")], capture_output=True, text=True, check=True,
                          env={"TZ": "UTC", "PATH": os.environ["PATH"]}).stdout
    for line in ("valid SQUASHFS 4:0 superblock", "Creation or last append time Tue Nov 14 22:13:20 2023", "Compression zstd",
                 "Block size 65536", "Filesystem is not exportable via NFS", "Xattrs are compressed"):
        assert line in said, said
    listed = subprocess.run(["unsquashfs", "-ll", "-n", str(tmp_path / "image")], capture_output=True, check=True).stdout
    assert b"squashfs-root/kinds/link -> ../sizes/words-1" in listed


def test_the_bytes_do_not_depend_on_threads_place_or_day(layers, tmp_path):
    first = image_of(layers.folders, tmp_path / "1", "--threads", 1)[1]
    for threads in (2, 4, 13):
        assert image_of(layers.folders, tmp_path / "n", "--threads", threads)[1] == first, threads
    # Another place, other inode numbers, another day.
    again = Layers(tmp_path / "again")
    assert image_of(again.folders, tmp_path / "n")[1] == first
    again.remove()


def test_identical_content_is_stored_once(tmp_path):
    root = tmp_path / "root"
    for name in "abc":
        write(root, f"{name}/big", noise(1, 1_000_000))
        write(root, f"{name}/small", noise(2, 10_000))
    stats, _ = image_of([root], tmp_path / "image")
    assert 1_010_000 < stats["bytes"] < 1_030_000
    # The fields count files whose whole content was there already.
    assert stats["duplicate_files"] == 4


def test_holes_cost_nothing(tmp_path):
    path = write(tmp_path / "root", "holes")
    os.truncate(path, 1 << 34)
    stats, _ = image_of([tmp_path / "root"], tmp_path / "image")
    assert stats["bytes"] < 200_000
    with squashfs(tmp_path / "mnt", tmp_path / "image") as root:
        assert os.stat(f"{root}/holes").st_size == 1 << 34
        with open(f"{root}/holes", "rb") as file:
            file.seek(1 << 33)
            assert file.read(100_000) == bytes(100_000)


@pytest.mark.parametrize("empty", ["nothing", "an empty file", "a folder"])
def test_small_trees(tmp_path, empty):
    root = tmp_path / "root"
    root.mkdir()
    if empty == "an empty file":
        write(root, "file")
    elif empty == "a folder":
        (root / "folder").mkdir()
    image_of([root], tmp_path / "image")
    with squashfs(tmp_path / "mnt", tmp_path / "image") as mounted:
        assert_same(snapshot(mounted), snapshot(root, EPOCH))


def test_a_hundred_thousand_files_in_one_folder(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    fd = os.open(root, os.O_RDONLY)
    for i in range(100_000):
        os.close(os.open(f"{i:06}-" + "n" * 40, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd))
    os.close(fd)
    image_of([root], tmp_path / "image", "--level", 1)
    with squashfs(tmp_path / "mnt", tmp_path / "image") as mounted:
        assert os.listdir(mounted) == sorted(os.listdir(root))
        assert os.path.exists(f"{mounted}/{77_777:06}-" + "n" * 40)
        assert not os.path.exists(f"{mounted}/{77_777:06}-" + "n" * 41)


def test_posix_acls_are_counted_as_left_out(tmp_path):
    path = write(tmp_path / "root", "file")
    acl = bytes.fromhex("02000000" "01000600ffffffff" "02000400e8030000" "04000400ffffffff" "10000400ffffffff" "20000400ffffffff")
    try:
        os.setxattr(path, "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")
    assert image_of([tmp_path / "root"], tmp_path / "image")[0]["xattrs_left_out"] == 1


# --- the block cache ----------------------------------------------------------------------------------------------------------

def test_a_cache_changes_the_work_and_not_the_bytes(layers, tmp_path):
    plain = image_of(layers.folders, tmp_path / "plain")[1]
    cache = ("--cache", tmp_path / "cache")
    cold, cold_bytes = image_of(layers.folders, tmp_path / "cold", *cache)
    assert cold_bytes == plain and cold["compressed_blocks"] > 50
    warm, warm_bytes = image_of(layers.folders, tmp_path / "warm", *cache, "--threads", 3)
    assert warm_bytes == plain and warm["compressed_blocks"] == 0
    # Another level, codec or block size has blocks of its own.
    for other in (("--level", 2), ("--codec", "gzip", "--level", 9), ("--block", 131072)):
        alone = image_of(layers.folders, tmp_path / "alone", *other)[1]
        assert image_of(layers.folders, tmp_path / "other", *cache, *other)[1] == alone != plain


def test_a_damaged_cache_changes_nothing(layers, tmp_path):
    cache = ("--cache", tmp_path / "cache")
    first = image_of(layers.folders, tmp_path / "1", *cache)[1]
    segment, = (tmp_path / "cache").glob("seg-*")
    data = bytearray(segment.read_bytes())
    for at in range(1000, len(data), 5000):
        data[at] ^= 0x40
    segment.write_bytes(data)
    stats, again = image_of(layers.folders, tmp_path / "2", *cache)
    assert again == first and stats["compressed_blocks"] > 0
    segment.write_bytes(data[:len(data) // 2])
    assert image_of(layers.folders, tmp_path / "3", *cache)[1] == first
    assert image_of(layers.folders, tmp_path / "4", *cache)[0]["compressed_blocks"] == 0


def test_one_changed_file_is_compressed_alone(tmp_path):
    """Small files share blocks; a change in the middle must not move the borders of all blocks after it."""
    root = tmp_path / "root"
    for folder in range(100):
        for i in range(40):
            write(root, f"usr/share/{folder:03}/{i:02}", words(folder * 100 + i, 2000 + folder * i))
    cache = ("--cache", tmp_path / "cache")
    blocks = image_of([root], tmp_path / "1", *cache)[0]["fragment_blocks"]
    assert blocks > 200
    top = tmp_path / "top"
    write(top, "usr/share/010/17", words(1, 3456))
    write(top, "usr/share/010/new", words(2, 5678))
    for folder in ("usr", "usr/share", "usr/share/010"):
        shutil.copystat(root / folder, top / folder)
    stats, digest_cached = image_of([root, top], tmp_path / "2", *cache)
    assert stats["compressed_blocks"] < blocks / 5
    assert image_of([root, top], tmp_path / "3")[1] == digest_cached


# --- tar, cpio, folder --------------------------------------------------------------------------------------------------------

def test_gnu_tar_reads_the_tar(layers, tmp_path):
    pack(layers.folders, "--tar", tmp_path / "a.tar", "--epoch", EPOCH)
    (tmp_path / "out").mkdir()
    # GNU tar makes nothing whose path is longer than PATH_MAX; tarfile looks at that one.
    done = subprocess.run(["tar", "-xpf", str(tmp_path / "a.tar"), "-C", str(tmp_path / "out"), "--numeric-owner", "--xattrs",
                           "--xattrs-include=*", "--exclude=" + "d" * 100], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    # tar has no sockets, and GNU tar sets no xattrs of links.
    wanted = {path: e for path, e in layers.clamped().items() if e.kind != stat.S_IFSOCK and not path.startswith(b"ddd")}
    got = snapshot(tmp_path / "out")
    for tree in (got, wanted):
        tree[b"xattrs/link"] = tree[b"xattrs/link"]._replace(xattrs={})
    assert_same(got, wanted)


def test_the_tar_is_sorted_and_always_the_same(layers, tmp_path):
    for name in "ab":
        pack(layers.folders, "--tar", tmp_path / name, "--epoch", EPOCH)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with tarfile.open(tmp_path / "a", encoding="utf-8", errors="surrogateescape") as tar:
        names = [os.fsencode(member.name) for member in tar]
        deep, = (member for member in tar if member.name.endswith("/bottom"))
        assert tar.extractfile(deep).read() == b"down here"
    # A folder before what is in it: sorted part by part.
    assert [name for name in names if name != b"."] == sorted((p for p, e in layers.tree.items() if p and e.kind != stat.S_IFSOCK),
                                                              key=lambda path: path.split(b"/"))


def cpio_entries(data):
    """name -> (fields, content), as the kernel's buffer-format document has it."""
    at, entries = 0, {}
    while True:
        assert data[at:at + 6] == b"070701" and at % 4 == 0
        ino, mode, uid, gid, nlink, mtime, size, _, _, rmajor, rminor, namesize, _ = (
            int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13))
        name = data[at + 110:at + 110 + namesize - 1]
        assert data[at + 110 + namesize - 1] == 0
        start = at + 110 + namesize + -(110 + namesize) % 4
        if name == b"TRAILER!!!":
            return entries
        assert name not in entries
        entries[name] = ((ino, mode, uid, gid, nlink, mtime, rmajor, rminor), data[start:start + size])
        at = start + size + -size % 4


def uncompressed(program, data):
    """Zeros may follow, so that another archive can begin at a multiple of four."""
    if program == "plain":
        return data
    for padding in range(4):
        done = subprocess.run([program, "-dc"], input=data[:len(data) - padding], capture_output=True)
        if done.returncode == 0 and not any(data[len(data) - padding:]):
            return done.stdout
    raise AssertionError(done.stderr)


@pytest.mark.parametrize("compression", ["plain", "gzip", "zstd"])
def test_cpio_is_what_the_kernel_unpacks(layers, tmp_path, compression):
    options = ("--epoch", EPOCH, "--cpio-compression", compression, "--cpio-level", 2)
    pack(layers.folders, "--cpio", tmp_path / "a", *options)
    pack(layers.folders, "--cpio", tmp_path / "b", *options)
    data = (tmp_path / "a").read_bytes()
    assert (tmp_path / "b").read_bytes() == data
    entries = cpio_entries(uncompressed(compression, data))
    content = {}
    for (ino, *_), data in entries.values():
        content[ino] = content.get(ino) or data
    names = {path or b"." for path in layers.tree}
    assert set(entries) in (names, names - {b"."})
    for path, wanted in layers.clamped().items():
        if path == b"":
            continue
        (ino, mode, uid, gid, nlink, mtime, rmajor, rminor), _ = entries[path]
        assert (mode, uid, gid, mtime) == (wanted.kind | wanted.mode, wanted.uid, wanted.gid, wanted.mtime_s), path
        if wanted.kind == stat.S_IFREG:
            assert (len(content[ino]), hashlib.sha256(content[ino]).hexdigest()) == wanted.content, path
            assert nlink == len(wanted.names)
        elif wanted.kind == stat.S_IFLNK:
            assert content[ino] == os.fsencode(wanted.content)
        elif wanted.kind in (stat.S_IFCHR, stat.S_IFBLK):
            assert os.makedev(rmajor, rminor) == wanted.content


def test_a_folder_is_made_the_same(layers, tmp_path):
    pack(layers.folders, "--dir", tmp_path / "out", "--epoch", EPOCH)
    assert_same(snapshot(tmp_path / "out"), layers.clamped())
    assert os.stat(tmp_path / "out/zeros/holes").st_blocks * 512 < 10 * BLOCK
    subprocess.run(["rm", "-rf", str(tmp_path / "out")], check=True)


# --- layers of other kinds, and errors ----------------------------------------------------------------------------------------

def test_whiteouts_by_xattr(tmp_path):
    base, top = tmp_path / "base", tmp_path / "top"
    for name in ("gone", "stays", "also-stays"):
        write(base, f"folder/{name}", name.encode())
    write(base, "elsewhere", b"")
    write(top, "folder/gone")
    os.setxattr(top / "folder/gone", "trusted.overlay.whiteout", b"y")
    os.setxattr(top / "folder", "trusted.overlay.opaque", b"x")
    write(top, "folder/stays", b"changed")
    with overlay(tmp_path / "merged", [base, top]) as root:
        wanted = snapshot(root, EPOCH)
    if b"folder/gone" in wanted:
        pytest.skip("this kernel knows whiteouts only as devices")
    image_of([base, top], tmp_path / "image")
    with squashfs(tmp_path / "mnt", tmp_path / "image") as root:
        assert_same(snapshot(root), wanted)


@pytest.mark.parametrize("xattr", ["metacopy", "redirect"])
def test_layers_of_another_making_are_refused(tmp_path, xattr):
    root = tmp_path / "root"
    if xattr == "metacopy":
        os.setxattr(write(root, "name"), "trusted.overlay.metacopy", b"")
    else:
        (root / "name").mkdir(parents=True)
        os.setxattr(root / "name", "trusted.overlay.redirect", b"elsewhere")
    assert "name" in pack([root], "--squashfs", tmp_path / "image", fails=True)


def test_links_in_a_layer_lead_nowhere(tmp_path):
    outside, base, top = tmp_path / "outside", tmp_path / "base", tmp_path / "top"
    write(outside, "secret", b"secret")
    base.mkdir()
    os.symlink(outside, base / "folder")
    write(top, "folder/file", b"mine")
    image_of([base, top], tmp_path / "image")
    with squashfs(tmp_path / "mnt", tmp_path / "image") as root:
        assert os.listdir(f"{root}/folder") == ["file"]


def test_what_is_not_a_layer_is_named(tmp_path):
    write(tmp_path, "file")
    for path in (tmp_path / "missing", tmp_path / "file"):
        assert str(path) in pack([path], "--squashfs", tmp_path / "image", fails=True)


@pytest.mark.parametrize("format", ["--squashfs", "--tar", "--cpio", "--dir"])
def test_no_space_is_an_error(layers, tmp_path, format):
    with Mount(tmp_path / "small", "-t", "tmpfs", "-o", "size=256k,nr_inodes=100", "tmpfs") as small:
        said = pack(layers.folders, format, f"{small}/out", fails=True)
        assert os.strerror(errno.ENOSPC) in said


def test_a_full_cache_disk_is_no_wrong_image(layers, tmp_path):
    wanted = image_of(layers.folders, tmp_path / "1")[1]
    with Mount(tmp_path / "small", "-t", "tmpfs", "-o", "size=64k", "tmpfs") as small:
        pack(layers.folders, "--squashfs", tmp_path / "2", "--epoch", EPOCH, "--cache", f"{small}/cache", fails=True)
        assert hashlib.sha256((tmp_path / "2").read_bytes()).hexdigest() == wanted
        assert os.listdir(f"{small}/cache") == []
