# SPDX-License-Identifier: Apache-2.0
"""ADD and import of archives: what is unpacked, what is refused, and that nothing leaves the folder."""
import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile

import pytest

from engine import base_tar, context, engine, entry, needs_engine, needs_root, tar_bytes  # noqa: F401 (fixtures)
from registry import Image, layout

pytestmark = needs_engine

DIR, LINK, HARD, FIFO, CHAR = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE

PACKERS = {
    "tar": lambda data: data,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout,
}


def small():
    return tar_bytes([entry("d", kind=DIR, mode=0o750, uid=3, gid=4), entry("d/f", b"F", uid=3, gid=4), entry("l", kind=LINK, linkname="d/f")])


@pytest.mark.parametrize("packer", PACKERS)
def test_archives_are_unpacked_whatever_their_name(engine, context, packer):
    if packer == "zst":
        try:
            subprocess.run(["zstd", "--version"], capture_output=True, check=True)
        except FileNotFoundError:
            pytest.skip("no zstd program to make an archive with")
    context.write("any.name", PACKERS[packer](small()))
    built = engine.build("FROM base\nADD any.name /x\nADD any.name /y/\n", context)
    for folder in ("x", "y"):
        assert built.tree.under(folder) == ["d", "d/f", "l"]
    assert built.tree.text("x/d/f") == "F" and built.tree.owner("x/d/f") == (3, 4) and built.tree.mode("x/d") == 0o750
    assert built.tree["x/d/f"].mtime == built.tree["x/d"].mtime == 1_000_000_000 and built.tree["x/l"].linkname == "d/f"


def test_copy_does_not_unpack_and_add_need_not(engine, context):
    context.write("a.tar", small())
    context.write("plain", "text")
    context.write("empty.tar.gz", "")
    context.write("zeros.tar", bytes(10240))
    context.write("text.gz", gzip.compress(b"no tar at all"))
    built = engine.build("FROM base\nCOPY a.tar /copied\nADD --unpack=false a.tar /kept\nADD plain empty.tar.gz zeros.tar text.gz /d/\n", context)
    assert built.tree.bytes("copied") == built.tree.bytes("kept") == small()
    assert built.tree.under("d") == ["empty.tar.gz", "plain", "text.gz", "zeros.tar"]


def test_add_is_a_copy_for_all_else(engine, context):
    context.write("dir/a.tar", small())
    context.write("dir/b", "B")
    built = engine.build("FROM base\nADD dir /d\nADD --chown=builder --chmod=600 dir/b /b\nADD dir/* /g/\n", context)
    assert built.tree.under("d") == ["a.tar", "b"] and built.tree.owner("b") == (1000, 1000) and built.tree.mode("b") == 0o600
    assert built.tree.under("g") == ["b", "d", "d/f", "l"]


def test_chown_is_for_everything_in_the_archive(engine, context):
    context.write("a.tar", small())
    built = engine.build("FROM base\nADD --chown=7:8 a.tar /x\n", context)
    assert {built.tree.owner(p) for p in ("x/d", "x/d/f", "x/l")} == {(7, 8)}


def test_union_with_what_is_there(engine, context):
    context.write("a.tar", tar_bytes([
        entry("t/same", b"new"), entry("t/sub/new", b"new"), entry("t/was-dir", b"file"), entry("t/was-file", kind=DIR),
        entry("t/was-link", b"file")]))
    built = engine.build("""FROM base
RUN mkdir -p /t/sub /t/was-dir && echo old > /t/same && echo kept > /t/sub/kept && echo > /t/was-file && ln -s same /t/was-link
ADD a.tar /
""", context)
    assert built.tree.under("t") == ["same", "sub", "sub/kept", "sub/new", "was-dir", "was-file", "was-link"]
    assert built.tree.text("t/same") == "new" and built.tree["t/was-link"].isreg()
    assert built.tree["t/was-dir"].isreg() and built.tree["t/was-file"].isdir()


def test_links_of_the_root_to_folders_are_followed(engine, context):
    context.write("a.tar", tar_bytes([entry("lib/one", b"1"), entry("lib/sub", kind=DIR), entry("lib/sub/two", b"2"), entry("abs/three", b"3")]))
    built = engine.build("FROM base\nRUN mkdir -p /usr/lib && ln -s usr/lib /lib && ln -s /usr/lib /abs\nADD a.tar /\n", context)
    assert built.tree["lib"].issym() and built.tree.under("usr/lib") == ["one", "sub", "sub/two", "three"]


@needs_root
def test_kinds_of_entries(engine, context):
    attributes = {"SCHILY.xattr.user.note": "yes", "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.trusted.overlay.redirect": "/etc"}
    context.write("a.tar", tar_bytes([
        entry("f", b"F", mode=0o4755), entry("hard", kind=HARD, linkname="f"), entry("fifo", kind=FIFO), entry("link", kind=LINK, linkname="/nowhere"),
        entry("null", kind=CHAR, devmajor=1, devminor=3), entry("d", kind=DIR, mode=0o2770, pax_headers=attributes), entry("d/in", b"")]))
    built = engine.build("FROM base\nADD a.tar /x\n", context)
    tree = built.tree
    assert tree.mode("x/f") == 0o4755 and {tree["x/hard"].islnk(), tree["x/f"].islnk()} == {True, False}
    assert tree["x/fifo"].isfifo() and tree["x/null"].ischr() and tree["x/link"].linkname == "/nowhere" and tree.mode("x/d") == 0o2770
    assert tree.xattr("x/d", "user.note") == "yes" and tree.xattr("x/d", "trusted.overlay.opaque") is None


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_of_every_kind(engine, context, form):
    names = ["ünï", "two words", "new\nline", "x" * 255, "/".join(["deep" * 25] * 20), os.fsdecode(b"\xff\xfe bytes")]
    names += [os.fsdecode(bytes([b]) + b"y") for b in range(1, 256) if b != ord("/")]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for name in names:
            info, _ = entry("a/" + name, b"")
            tar.addfile(info, io.BytesIO())
    context.write("a.tar", out.getvalue())
    built = engine.build("FROM base\nADD a.tar /x\n", context)
    wanted = set(names) | {"/".join(["deep" * 25] * n) for n in range(1, 20)}
    assert sorted(map(os.fsencode, built.tree.under("x/a"))) == sorted(map(os.fsencode, wanted))


def test_a_large_file_and_a_sparse_one(engine, context):
    sparse = context / "sparse"
    with open(sparse, "wb") as file:
        file.truncate(50_000_000)
        file.seek(25_000_000)
        file.write(b"middle")
    subprocess.run(["tar", "--sparse", "-C", context.path, "-cf", context / "s.tar", "sparse"], check=True)
    os.remove(sparse)
    assert os.path.getsize(context / "s.tar") < 100_000
    built = engine.build("FROM base\nADD s.tar /x\nRUN stat -c '%s' /x/sparse; du -k /x/sparse | cut -f1; dd if=/x/sparse bs=1 skip=25000000 count=6 2>/dev/null\n", context)
    size, kilobytes, middle = built.lines()
    assert (size, middle) == ("50000000", "middle") and int(kilobytes) < 1000


# --- what archives may not do ------------------------------------------------------------------------------------------------------------

def hostile(engine, context, *entries, dest="/x"):
    context.write("a.tar", tar_bytes(entries))
    return engine.try_build(f"FROM base\nRUN mkdir -p /x /outside && echo safe > /outside/f && echo safe > /victim\nADD a.tar {dest}\n"
                            "RUN cat /victim /outside/f; ls /outside\n", context)


SAFE = ["safe", "safe", "f"]


@pytest.mark.parametrize("name", ["../victim", "a/../../victim", "..", "a/../..", "./../x/../victim"])
def test_names_with_dots_are_refused(engine, context, name):
    result = hostile(engine, context, entry("ok", b"ok"), entry(name, b"evil"))
    assert result.code == 1 and "a.tar" in result.stderr and "points outside it" in result.stderr and ":3:" in result.stderr


def test_absolute_names_are_below_the_folder(engine, context):
    context.write("a.tar", tar_bytes([entry("/victim", b"evil"), entry("//deep//er", b"x"), entry("hard", kind=HARD, linkname="/victim")]))
    built = engine.build("FROM base\nRUN echo safe > /victim\nADD a.tar /x\nRUN cat /victim\n", context)
    assert built.lines() == ["safe"] and built.tree.under("x") == ["deep", "deep/er", "hard", "victim"]


@pytest.mark.parametrize("target", ["/outside", "../outside", "/", "sub/../../outside", "/proc/1/root", "."])
@pytest.mark.parametrize("dest", ["/x", "/"])
def test_writing_through_a_link(engine, context, target, dest):
    result = hostile(engine, context, entry("sub", kind=DIR), entry("l", kind=LINK, linkname=target), entry("l/f2", b"evil"), dest=dest)
    if dest == "/x" and target != ".":
        assert result.code == 1 and "follows a link that points outside it: 'l/f2'" in result.stderr
    else:
        # inside the folder that it is unpacked to: the root has no outside
        assert result.code == 0 or "l/f2" in result.stderr, result.stderr


@pytest.mark.parametrize("entries", [
    [entry("l", kind=LINK, linkname="/outside"), entry("l", kind=DIR, mode=0o777)],
    [entry("l", kind=LINK, linkname="/outside"), entry("l/sub", kind=DIR)],
    [entry("l", kind=LINK, linkname="/outside"), entry("hard", kind=HARD, linkname="l/f"), entry("hard", b"evil")],
    [entry("hard", kind=HARD, linkname="../outside/f"), entry("hard", b"evil")],
    [entry("a", kind=LINK, linkname="/"), entry("b", kind=LINK, linkname="a/outside"), entry("b/f", b"evil")],
    [entry("l", kind=LINK, linkname="/victim"), entry("l", b"replaces the link")],
    [entry("l", kind=LINK, linkname="/victim"), entry("hard", kind=HARD, linkname="l"), entry("hard", b"evil")],
    [entry("hard", kind=HARD, linkname="/victim")],
], ids=["folder over link", "folder through link", "hard link through link", "hard link with dots", "two links", "file over link",
        "hard link of link", "hard link to absolute"])
def test_nothing_outside_changes(engine, context, entries):
    result = hostile(engine, context, *entries)
    assert result.code == 1 or result.lines() == SAFE, result.stderr
    # and what was outside is as it was, in the layers too
    check = engine.build("FROM base\nRUN mkdir -p /x /outside && echo safe > /outside/f && echo safe > /victim\nRUN cat /victim /outside/f; ls /outside; stat -c %a /outside\n")
    assert check.lines() == [*SAFE, "755"]


def test_a_whiteout_device_is_refused_by_name(engine, context):
    result = hostile(engine, context, entry("gone", kind=CHAR, devmajor=0, devminor=0))
    assert result.code == 1 and "gone" in result.stderr


@pytest.mark.parametrize("packer", ["tar", "gz", "xz"])
@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_truncated_archives(engine, context, packer, keep):
    data = tar_bytes([entry("a", os.urandom(100_000)), entry("b", os.urandom(100_000))])
    packed = PACKERS[packer](data)
    context.write("a.tar", packed[:int(len(packed) * keep)])
    result = engine.fail("FROM base\nADD a.tar /x\n", context)
    assert "unpack 'a.tar'" in result.stderr and ":2:" in result.stderr
    engine.verify()


def test_damaged_archives_never_crash_us(engine, context):
    import random
    dice = random.Random(1)
    data = tar_bytes([entry(f"f{i}", bytes(dice.randrange(256) for _ in range(300)), pax_headers={"comment": "c" * 50}) for i in range(10)])
    for _ in range(15):
        broken = bytearray(data)
        for _ in range(20):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        context.write("a.tar", bytes(broken))
        assert engine.try_build("FROM scratch\nADD a.tar /x\n", context).code in (0, 1)
    engine.verify()


def test_a_folder_may_be_named_like_a_repository(engine, context):
    context.write("x.git/f", "F")
    assert engine.build("FROM base\nADD x.git /x\n", context).tree.text("x/f") == "F"


# --- import ----------------------------------------------------------------------------------------------------------------------------------

def test_import_ls_and_rm(engine, tmp_path):
    for packer in ("gz", "xz"):
        tar = tmp_path / f"root.{packer}"
        tar.write_bytes(PACKERS[packer](small()))
        assert engine.run("image", "import", tar, f"mine:{packer}").check().stdout == f"mine:{packer}\n"
        assert engine.build(f"FROM mine:{packer}\n").tree.under("d") == ["f"]
    listed = engine.run("image", "ls").check().stdout
    assert "mine:gz" in listed and "mine:xz" in listed and "base:latest" in listed
    engine.run("image", "rm", "mine:gz").check()
    assert "mine:gz" not in engine.run("image", "ls").check().stdout
    assert "mine:gz" in engine.fail("FROM mine:gz\n").stderr
    assert engine.run("image", "rm", "mine:gz").code == 1
    # several: what is not there keeps none of the others
    result = engine.run("image", "rm", "mine:gz", "mine:xz", "base")
    assert result.code == 1 and "no image 'mine:gz'" in result.stderr and engine.run("image", "ls").stdout.count("\n") == 1


def test_help_for_a_name_by_digest_is_what_import_takes(engine, tmp_path):
    image = Image([tar_bytes([entry("f", b"F")])])
    name = f"localhost:1/x@{image.digest}"
    result = engine.fail(f"FROM {name}\n", None, "--offline")
    assert f"'capsem-builder image import LAYOUT {name}' adds it" in result.stderr
    engine.run("image", "import", layout(tmp_path / "oci", image), name).check()
    assert engine.build(f"FROM {name}\n", None, "--offline").tree.text("f") == "F"


@pytest.mark.parametrize("content, word", [(b"", "not a tar"), (b"text", "not a tar"), (small()[:700], "import"), (None, "No such file")])
def test_import_of_what_is_no_archive(engine, tmp_path, content, word):
    path = tmp_path / "x.tar"
    if content is not None:
        path.write_bytes(content)
    result = engine.run("image", "import", path, "x")
    assert result.code == 1 and word in result.stderr and str(path) in result.stderr
    assert "x:latest" not in engine.run("image", "ls").stdout
    engine.verify()


def test_import_of_a_hostile_archive(engine, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("safe")
    for number, entries in enumerate([
            [entry("l", kind=LINK, linkname=str(tmp_path)), entry("l/victim", b"evil")],
            [entry(str(victim), b"evil")],
            [entry("../" * 20 + str(victim), b"evil")],
            [entry("h", kind=HARD, linkname=str(victim)), entry("h", b"evil")]]):
        tar = tmp_path / f"{number}.tar"
        tar.write_bytes(tar_bytes(entries))
        engine.run("image", "import", tar, f"evil{number}")
    assert victim.read_text() == "safe"


def test_importing_again_replaces_the_name(engine, tmp_path):
    for text in (b"one", b"two"):
        tar = tmp_path / "t.tar"
        tar.write_bytes(tar_bytes([entry("f", text)]))
        engine.run("image", "import", tar, "again").check()
    assert engine.build("FROM again\n").tree.text("f") == "two"
