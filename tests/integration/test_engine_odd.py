# SPDX-License-Identifier: Apache-2.0
"""Contexts and images that are unusual: very many entries, holes, files that are no files or that change, very many layers."""
import json
import os
import socket
import tarfile
import threading

import pytest

from engine import base_tar, context, engine, entry, needs_engine, tar_bytes  # noqa: F401
from registry import Image, layout

pytestmark = needs_engine


def errors(result):
    return [line for line in result.stderr.splitlines() if line.startswith("error:")]


# --- the context ----------------------------------------------------------------------------------------------------------

def test_a_hundred_thousand_files_in_one_folder(engine, context):
    """Names of one file: the folder counts, not the contents."""
    firsts = [context.write("many/x", "x"), context.write("many/y", "y")]  # ext4 gives a file 65 000 names
    folder = os.open(context / "many", os.O_RDONLY)
    for first in firsts:
        for i in range(1, 50_000):
            os.link(first, f"{os.path.basename(first).decode()}{i}", dst_dir_fd=folder)
    os.close(folder)
    built = engine.build("FROM base\nCOPY many /many\nRUN ls /many | wc -l; cat /many/x49999 /many/y49999\n", context)
    assert built.lines() == ["100000", "xy"]
    assert engine.try_build("FROM base\nCOPY many /many\nRUN true\n", context).ran() == ["RUN true"]


def test_holes_stay_holes(engine, context):
    context.write("sparse", "start")
    with open(context / "sparse", "r+b") as file:
        file.seek(150_000_000)
        file.write(b"middle")
        file.truncate(200_000_000)
    os.truncate(context.write("empty", ""), 70_000_000)
    with open(context.write("dense", ""), "wb") as file:
        file.write(bytes(300_000))
    words = ("COPY sparse empty dense /", "FROM base\nCOPY --from=a /sparse /empty /dense /")
    built = engine.try_build("FROM base AS a\n" + "\n".join(words) + "\nRUN stat -c '%n %s' /sparse /empty /dense && head -c 5 /sparse && "
                             "dd if=/sparse bs=1 skip=150000000 count=6 2>/dev/null\n", context).check()
    assert built.lines() == ["/sparse 200000000", "/empty 70000000", "/dense 300000", "startmiddle"]
    for layer in engine.layers():
        for name in ("sparse", "empty"):
            path = engine.store / "layers" / layer / "fs" / name
            assert not path.exists() or path.stat().st_blocks * 512 < 1_000_000


def test_a_file_that_shrinks_to_a_hole_is_itself(engine, context):
    """A hole at the start, data to the end, and nothing but a hole."""
    os.truncate(context.write("a", b""), 8192)
    with open(context / "a", "r+b") as file:
        file.seek(1 << 20)
        file.write(b"the end")
    os.truncate(context.write("b", b""), 70_000)
    tree = engine.build("FROM base\nCOPY a b /\n", context).tree
    assert tree.bytes("a") == bytes(1 << 20) + b"the end" and tree.bytes("b") == bytes(70_000)


def test_sockets_devices_and_pipes(engine, context):
    context.write("dir/file", "F")
    os.mkfifo(context / "dir/pipe", 0o640)
    os.mknod(context / "dir/null", 0o20666, os.makedev(1, 3))
    os.mknod(context / "dir/disk", 0o60600, os.makedev(7, 200))
    server = socket.socket(socket.AF_UNIX)
    here = os.open(".", os.O_RDONLY)
    os.chdir(context / "dir")
    try:
        server.bind("socket")
    finally:
        os.fchdir(here)
        os.close(here)
    tree = engine.build("FROM base\nCOPY dir /dir\n", context).tree
    server.close()
    assert tree.under("dir") == ["disk", "file", "null", "pipe"]
    assert tree["dir/pipe"].isfifo() and tree.mode("dir/pipe") == 0o640
    for name, numbers in (("null", (1, 3)), ("disk", (7, 200))):
        assert (tree[f"dir/{name}"].devmajor, tree[f"dir/{name}"].devminor) == numbers
    # neither is opened, whatever stands after it
    for name in ("socket", "null", "disk", "pipe"):
        assert "neither a file nor a folder" in engine.fail(f"FROM base\nCOPY dir/{name} /x\n", context).stderr or name == "socket"


def test_a_device_in_the_image_does_not_open(engine, context):
    os.mknod(context / "null", 0o20666, os.makedev(1, 3))
    result = engine.fail("FROM base\nCOPY . /c\nRUN cat /c/null\n", context)
    assert "Permission denied" in result.stderr


def test_a_file_that_grows_while_it_is_copied(engine, context):
    path = context.write("log", b"x" * 20_000_000)
    stop = threading.Event()

    def grow():
        with open(path, "ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"y")
                stop.wait(0.0005)
    writer = threading.Thread(target=grow)
    writer.start()
    try:
        result = engine.fail("FROM base\nCOPY log /log\n", context)
    finally:
        stop.set()
        writer.join()
    assert "the source of '/log' was changed during the build" in result.stderr and "help: build again" in result.stderr
    assert engine.build("FROM base\nCOPY log /log\n", context).tree["log"].size == os.path.getsize(path)
    engine.verify()


def test_files_that_come_and_go_while_they_are_copied(engine, context):
    for i in range(300):
        context.write(f"d/f{i}", "x")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for i in range(0, 300, 7):
                name = context / f"d/f{i}"
                os.unlink(name)
                os.symlink("/etc/passwd", name)
                os.unlink(name)
                with open(name, "w", encoding="utf-8") as file:
                    file.write("x")
    worker = threading.Thread(target=swap)
    worker.start()
    try:
        results = [engine.try_build(f"FROM base\nRUN echo {i} > /n\nCOPY d /d\nRUN cat /d/* > /dev/null\n", context) for i in range(4)]
    finally:
        stop.set()
        worker.join()
    for result in results:
        if result.code != 0:
            assert len(errors(result)) == 1 and ":3:" in errors(result)[0], result.stderr
    assert engine.build("FROM base\nCOPY d /d\nRUN cat /d/* | wc -c\n", context).lines() == ["300"]
    engine.verify()


@pytest.mark.parametrize("target", ["/etc", "../..", "../../../../../../etc", "x/../../../../etc", "/proc/self/root/etc", "/proc/self/cwd", "dir/up"])
def test_links_that_leave_the_context(engine, context, target):
    """As a source, on the way to one, after a pattern and inside a folder: what is outside is never read."""
    context.link("dir/up", "../../..")
    context.link("out", target)
    context.write("dir/mine", "mine")
    for source in ("out/passwd", "out/*", "out/./passwd", "dir/../out/passwd", "o*/passwd", "out/hostname"):
        for flags in ("", "--parents "):
            result = engine.try_build(f"FROM base\nCOPY {flags}{source} /c/\nRUN cat $(find /c -type f)\n", context)
            assert result.code == 1 or not any("root:" in line for line in result.lines()), (source, flags)
    tree = engine.build("FROM base\nCOPY . /c/\n", context).tree
    assert tree["c/out"].issym() and tree["c/out"].linkname == target


# --- layers -----------------------------------------------------------------------------------------------------------------

def test_a_hundred_and_thirty_layers(engine, base_tar, tmp_path):
    """More than Docker takes. Each hides what the one before it has brought."""
    tars = [base_tar.read_bytes()]
    for i in range(130):
        entries = [entry(f"f{i}", b"%d" % i), entry(f"d/{i}", b"")]
        tars.append(tar_bytes(entries + ([entry(f".wh.f{i - 1}", b"")] if i > 0 else [])))
    engine.run("image", "import", layout(tmp_path / "oci", Image(tars)), "tall").check()
    built = engine.build("FROM tall\nRUN ls -d /f*; ls /d | wc -l\nRUN echo > /more\n")
    assert built.lines() == ["/f129", "130"] and "more" in built.tree and "f128" not in built.tree


def tall_tars(base_tar, count):
    """Every layer adds a file and takes away one that is ten layers below; some replace a folder, link, or give rights."""
    yield base_tar.read_bytes()
    for i in range(count):
        entries = [entry(f"f/{i}", b"%d" % i, mode=0o600 + i % 64, uid=i % 7, mtime=1000 + i)]
        if i >= 10:
            entries.append(entry(f"f/.wh.{i - 10}", b""))
        if i % 50 == 0:
            entries += [entry("again/.wh..wh..opq", b""), entry(f"again/since-{i}", b""),
                        entry(f"a/{i}", b"linked", pax_headers={"SCHILY.xattr.user.mark": str(i)}),
                        entry(f"b/{i}", kind=tarfile.LNKTYPE, linkname=f"a/{i}")]
        yield tar_bytes(entries)


def test_more_layers_than_can_be_mounted(engine, base_tar, tmp_path):
    """Of 1000 layers the lowest are joined: what a step sees is what the layers say, which the packer reads one by one."""
    image = Image(list(tall_tars(base_tar, 1000)), how="plain")
    engine.run("image", "import", layout(tmp_path / "most", image), "tall").check()
    look = "cd / && find f again a b -type f | while read -r x; do stat -c '%n %a %u %Y %h' $x; cat $x; echo; done"
    built = engine.build(f"FROM tall\nRUN {look}\n" + "".join(f"WORKDIR /w{i}\n" for i in range(60)) + "RUN echo $PWD; ls -d /w* | wc -l\n"
                         f"FROM base\nCOPY --from=0 /f /f\nRUN --mount=from=tall,target=/t ls /f /t/f | sort | uniq -c | wc -l\nCOPY --from=0 / /\n")
    lines, tree = built.lines(), built.tree
    seen = dict(zip((line.rsplit(" ", 4)[0] for line in lines[0:-3:2]), zip((line.split()[1:] for line in lines[0:-3:2]), lines[1:-3:2])))
    assert lines[-3:] == ["/w59", "60", "13"]  # ten names, two of folders, and an empty line
    assert {name for name in seen if name.startswith("f/")} == {f"f/{i}" for i in range(990, 1000)}
    assert sorted(name for name in seen if name.startswith("again")) == ["again/since-950"]
    for name, ((mode, uid, mtime, links), content) in seen.items():
        member = tree[name]
        if not member.islnk():
            assert (f"{member.mode:o}", str(member.uid), str(int(member.mtime)), content) == (mode, uid, mtime, tree.text(name)), name
        assert links == ("2" if name[0] in "ab" and not name.startswith("again") else "1"), name
    assert all(tree.xattr(f"{'a' if f'a/{i}' in tree and tree[f'a/{i}'].isreg() else 'b'}/{i}", "user.mark") == str(i) for i in range(0, 1000, 50))
    assert tree.under("f") == sorted(name[2:] for name in seen if name.startswith("f/"))
    layers = engine.layers()
    # the same lowest layers are joined once
    assert engine.build("FROM tall\nRUN ls /f | wc -l\n").lines() == ["10"] and len(set(engine.layers()) - set(layers)) == 1
    too_many = Image([base_tar.read_bytes(), *[tar_bytes([entry("f", b"")])] * 9_999], how="plain")
    result = engine.run("image", "import", layout(tmp_path / "ten-thousand", too_many), "ten-thousand")
    assert result.code == 1 and len(errors(result)) == 1 and "10000 layers, more than 4000" in result.stderr, result.stderr
    engine.verify()


def test_whiteouts_of_what_is_not_there(engine, base_tar, tmp_path):
    """Of names that no layer has, in folders that no layer has, twice, of the folder that it lies in, and in the lowest layer."""
    marks = [entry(".wh.gone", b""), entry("etc/.wh.gone", b""), entry("nowhere/deep/.wh.gone", b""), entry("etc/passwd/.wh.x", b""),
             entry("hidden/.wh..wh..opq", b""), entry("kept", b"kept")]
    lowest = tar_bytes([entry(".wh.etc", b""), entry("a/.wh..wh..opq", b""), entry("a/b", b"B")])
    ok = [m for m in marks if not m[0].name.startswith("etc/passwd/")]
    image = Image([lowest, base_tar.read_bytes(), tar_bytes(ok), tar_bytes(ok)])
    engine.run("image", "import", layout(tmp_path / "oci", image), "marked").check()
    tree = engine.build("FROM marked\nRUN cat /kept && ls /nowhere/deep /hidden\n").tree
    assert tree.text("kept") == "kept" and tree.text("a/b") == "B" and "etc/passwd" in tree
    assert tree.under("nowhere") == ["deep"] and tree.under("hidden") == [] and not [p for p in tree.members if ".wh." in p]
    engine.run("image", "import", layout(tmp_path / "file", Image([base_tar.read_bytes(), tar_bytes(marks)])), "file")
    engine.verify()
