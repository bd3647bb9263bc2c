# SPDX-License-Identifier: Apache-2.0
"""What archives hold that others trip over, by each way into an image: ADD, a root filesystem that is imported, a layer. What becomes
of it is what Docker and buildah make of it, or an error that names the entry."""
import json
import os
import subprocess
import tarfile

import pytest

from engine import base_tar, context, engine, entry, needs_engine, needs_root, tar_bytes  # noqa: F401 (fixtures)
from registry import Image, layout

pytestmark = [*needs_engine, needs_root]
DIR, LINK, HARD, FIFO, CHAR = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE
WAYS = ("add", "import", "layer")


def unpack(engine, way, data):
    """Result of the command; the image is called "made"."""
    folder = engine.scratch / f"{way}-{engine.number}"
    folder.mkdir()
    (folder / "a.tar").write_bytes(data)
    engine.number += 1
    if way == "import":
        return engine.run("image", "import", folder / "a.tar", "made")
    if way == "layer":
        return engine.run("image", "import", layout(folder / "oci", Image([data])), "made")
    (folder / "Dockerfile").write_text("FROM scratch\nADD a.tar /\n")
    return engine.run("image", "build", folder, "-o", f"type=tar,dest={folder}/out.tar", "-t", "made", "--progress", "plain")


def tree_of(engine, way, *entries):
    unpack(engine, way, tar_bytes(entries)).check()
    return engine.build("FROM made\n").tree


def refused(engine, way, *entries):
    result = unpack(engine, way, tar_bytes(entries))
    assert result.code == 1, result.stderr
    engine.verify()
    return result.stderr


def shown(tree):
    """path -> what it is, in words."""
    first = {}
    for path, m in tree.members.items():
        kind = "folder" if m.isdir() else f"-> {m.linkname}" if m.issym() else f"= {os.path.normpath(m.linkname)}" if m.islnk() else \
            tree.text(path) if m.isreg() else "other"
        first[path] = kind
    return {path: kind for path, kind in first.items() if path not in ("", ".")}


FULL = [entry("a", kind=DIR), entry("a/b", b"b"), entry("usr", kind=DIR), entry("usr/lib", kind=DIR), entry("usr/lib/one", b"1")]
LIB = entry("lib", kind=LINK, linkname="usr/lib")
USR = {"usr": "folder", "usr/lib": "folder"}

CASES = {
    "file over folder": ([*FULL, entry("a", b"file")], {**USR, "usr/lib/one": "1", "a": "file"}),
    "link over folder": ([*FULL, entry("a", kind=LINK, linkname="usr/lib"), entry("a/two", b"2")],
                         {**USR, "usr/lib/one": "1", "a": "-> usr/lib", "usr/lib/two": "2"}),
    "pipe over folder": ([*FULL, entry("a", kind=FIFO)], {**USR, "usr/lib/one": "1", "a": "other"}),
    "folder over file": ([entry("a", b"x"), entry("a", kind=DIR), entry("a/b", b"y")], {"a": "folder", "a/b": "y"}),
    "folder over link": ([*FULL, LIB, entry("lib", kind=DIR), entry("lib/two", b"2")],
                         {**USR, "a": "folder", "a/b": "b", "usr/lib/one": "1", "lib": "folder", "lib/two": "2"}),
    "folder over folder": ([*FULL, entry("a", kind=DIR), entry("a/c", b"c")],
                           {**USR, "a": "folder", "a/b": "b", "a/c": "c", "usr/lib/one": "1"}),
    "file over link": ([entry("f", b"f"), entry("l", kind=LINK, linkname="f"), entry("l", b"l")], {"f": "f", "l": "l"}),
    "through a link": ([*FULL, LIB, entry("lib/two", b"2"), entry("lib/sub/three", b"3")],
                       {**USR, "a": "folder", "a/b": "b", "lib": "-> usr/lib", "usr/lib/one": "1", "usr/lib/two": "2", "usr/lib/sub": "folder",
                        "usr/lib/sub/three": "3"}),
    "through an absolute link": ([entry("run", kind=DIR), entry("var/run", kind=LINK, linkname="/run"), entry("var/run/act", kind=DIR),
                                  entry("var/run/act/HEAD", b"h"), entry("var/run/act/twin", kind=HARD, linkname="var/run/act/HEAD")],
                                 {"run": "folder", "var": "folder", "var/run": "-> /run", "run/act": "folder", "run/act/HEAD": "h",
                                  "run/act/twin": "= run/act/HEAD"}),
    "through a link to what comes later": ([entry("l", kind=LINK, linkname="x/y"), entry("l/f", b"f"), entry("x/y/g", b"g")],
                                           {"l": "-> x/y", "x": "folder", "x/y": "folder", "x/y/f": "f", "x/y/g": "g"}),
    "hard link through a link": ([*FULL, LIB, entry("lib/two", kind=HARD, linkname="lib/one"), entry("usr/three", kind=HARD, linkname="lib/one")],
                                 {**USR, "a": "folder", "a/b": "b", "lib": "-> usr/lib", "usr/lib/one": "1", "usr/lib/two": "= usr/lib/one",
                                  "usr/three": "= usr/lib/one"}),
    "hard link of a link": ([entry("f", b"f"), entry("l", kind=LINK, linkname="f"), entry("h", kind=HARD, linkname="l")],
                            {"f": "f", "h": "-> f", "l": "= h"}),
    "hard link over its file": ([entry("f", b"f"), entry("f", kind=HARD, linkname="f"), entry("g", kind=HARD, linkname="./f"),
                                 entry("g", kind=HARD, linkname="/f")], {"f": "f", "g": "= f"}),
    "hard link over a folder": ([*FULL, entry("a", kind=HARD, linkname="usr/lib/one")], {**USR, "a": "1", "usr/lib/one": "= a"}),
    "the same name twice": ([entry("f", b"first"), entry("h", kind=HARD, linkname="f"), entry("f", b"second"), entry("./f", b"third")],
                            {"f": "third", "h": "first"}),
    "dots that stay inside": ([entry("x/../a", b"a"), entry("./b/./c", b"c"), entry("/d//e/", kind=DIR), entry("/../up", b"u")],
                              {"a": "a", "b": "folder", "b/c": "c", "d": "folder", "d/e": "folder", "up": "u"}),
    "a root of its own": ([entry("./", kind=DIR), entry("f", b"f")], {"f": "f"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_entries_in_the_way_of_others(engine, way):
    for name, (entries, wanted) in CASES.items():
        assert shown(tree_of(engine, way, *entries)) == wanted, name


def test_the_same_over_what_is_there(engine, context):
    """The root of the cases is in the layer below."""
    for name in ("file over folder", "link over folder", "folder over link", "through a link", "hard link through a link"):
        entries, wanted = CASES[name]
        root = [e for e in entries if e in (*FULL, LIB)]
        context.write("root.tar", tar_bytes(root))
        context.write("a.tar", tar_bytes([e for e in entries if e not in root]))
        tree = engine.build("FROM scratch\nADD root.tar /\nADD a.tar /\n", context).tree
        assert shown(tree) == wanted, name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("entries, words", [
    ([entry("file", b"f"), entry("file/under", b"u")], ["file/under", "a file exists where its folder should be"]),
    ([entry("wait", kind=HARD, linkname="later"), entry("later", b"z")], ["wait", "link it to 'later'"]),
    ([entry("f", b"", uid=5_000_000_000)], ["f: ", "the user 5000000000", "Linux IDs"]),
    ([entry("f", b"", gid=2**32 - 1)], ["f: ", "the group 4294967295"]),
    ([entry("d", kind=DIR, uid=-2)], ["d: ", "the user -2"]),
    ([entry("gone", kind=CHAR)], ["gone", "0:0"]),
    ([entry("." , b"x")], ["a file as its root"]),
    ([entry("l", kind=LINK, linkname="l"), entry("l/x", b"x")], ["l/x"]),
    ([entry("/".join(["d"] * 4500), b"x")], ["more than 4000 deep"]),
    ([entry("n" * 256, b"x")], ["n" * 256, "name too long"]),
], ids=["file in the way", "hard link to what comes later", "user", "group", "negative", "whiteout", "root", "loop", "depth", "long name"])
def test_what_cannot_be_is_named(engine, way, entries, words):
    said = refused(engine, way, *entries)
    assert all(word in said for word in ["a.tar" if way != "layer" else "layer", *words]), said


def attribute(name, value):
    return {"SCHILY.xattr." + name: value}


@pytest.mark.parametrize("way", WAYS)
def test_attributes_are_kept_or_named(engine, way):
    tree = tree_of(engine, way, entry("f", b"", pax_headers=attribute("user.a", "1")), entry("d", kind=DIR, pax_headers=attribute("user.b", "2")),
                   entry("l", kind=LINK, linkname="f", pax_headers=attribute("trusted.c", "3")),
                   entry("p", kind=FIFO, pax_headers=attribute("trusted.d", "4")))
    assert [tree.xattr(*pair) for pair in (("f", "user.a"), ("d", "user.b"), ("l", "trusted.c"), ("p", "trusted.d"))] == ["1", "2", "3", "4"]
    for kind in (tarfile.REGTYPE, DIR):
        said = refused(engine, way, entry("x", None if kind == DIR else b"", kind=kind, pax_headers=attribute("security.capability", "nonsense")))
        assert "x: " in said and "'security.capability'" in said and "Invalid argument" in said, said
    said = refused(engine, way, entry("x", b"", pax_headers=attribute("user.big", "v" * 70_000)))
    assert "x: " in said and "'user.big' of 70000 bytes" in said, said
    said = refused(engine, way, entry("x", kind=FIFO, pax_headers=attribute("user.pipe", "v")))
    assert "x: " in said and "'user.pipe'" in said, said


@pytest.mark.parametrize("way", WAYS)
def test_times_with_fractions(engine, way, tmp_path):
    times = {"a": "-1.5", "b": "-1.25", "c": "-3", "d": "1.5", "e": "1000000000.123456789"}
    unpack(engine, way, tar_bytes([entry(n, b"", pax_headers={"mtime": t}) for n, t in times.items()] +
                                  [entry("dir", kind=DIR, pax_headers={"mtime": "-7.75"}), entry("dir/f", b"")], format=tarfile.PAX_FORMAT)).check()
    (tmp_path / "again").mkdir()
    out = tmp_path / "out"
    engine.run(*engine.words("FROM made\n"), "-o", f"type=dir,dest={out}").check()
    assert {n: os.stat(out / n).st_mtime_ns for n in (*times, "dir")} == \
        {"a": -1_500_000_000, "b": -1_250_000_000, "c": -3_000_000_000, "d": 1_500_000_000, "e": 1_000_000_000_123_456_789, "dir": -7_750_000_000}


@pytest.mark.parametrize("way", WAYS)
def test_a_path_three_thousand_deep(engine, way):
    path = "/".join(["d"] * 3000)
    tree = tree_of(engine, way, entry(path + "/f", b"deep"), entry(path + "/g", kind=HARD, linkname=path + "/f"), entry("d/top", b"top"))
    assert tree.text(path + "/f") == "deep" and tree[path + "/g"].islnk() and tree.text("d/top") == "top"
    assert len(tree.members) == 3000 + 3 + ("." in tree.members)
    subprocess.run(["rm", "-rf", engine.store], check=True)  # Python's own is not made for it
