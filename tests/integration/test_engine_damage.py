# SPDX-License-Identifier: Apache-2.0
"""A file of a layer is not what it was: no build uses it, and nobody gets an image with it."""
import os
import shutil
import time

import pytest

from engine import base_tar, engine, entry, needs_engine, tar_bytes  # noqa: F401 (fixtures)
from registry import Image, layout

pytestmark = needs_engine

DOCKERFILE = """FROM base AS tools
RUN mkdir /t && for i in $(seq 100); do echo "tool $i" > /t/f$i; done
FROM base
RUN mkdir /a && echo one > /a/f1 && echo two > /a/f2
COPY --from=tools /t /t
RUN cat /a/f1 /t/f7 > /sum
"""


def flip(path):
    """The same size and times."""
    st = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"X")
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def cut(path):
    os.truncate(path, 1)


def replace(path):
    os.rename(shutil.copy(path, path + ".new"), path)
    with open(path, "wb") as file:
        file.write(b"another")


DAMAGES = [flip, cut, os.remove, replace]


def find(engine, name):
    """The file of that name in the layer that has it."""
    return next(os.path.join(engine.store, "layers", layer, "fs", name) for layer in os.listdir(engine.store / "layers")
                if os.path.exists(os.path.join(engine.store, "layers", layer, "fs", name)))


def wait_for_listings(engine):
    """They are made beside the build, which does not wait for them."""
    layers = engine.store / "layers"
    while not all((layers / name / "listing").exists() for name in os.listdir(layers)):
        time.sleep(0.02)


def tar_of(engine, dest):
    words = engine.words(DOCKERFILE)
    result = engine.run(*words, "-o", f"type=tar,dest={dest}", env={"SOURCE_DATE_EPOCH": "1700000000"}).check()
    wait_for_listings(engine)
    with open(dest, "rb") as file:
        return file.read(), result


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", ["a/f1", "t/f7"])
def test_a_damaged_layer_is_made_again(engine, tmp_path, damage, name):
    good, _ = tar_of(engine, tmp_path / "good.tar")
    damage(find(engine, name))
    now, result = tar_of(engine, tmp_path / "now.tar")
    assert now == good
    assert "the store had a damaged layer" in result.stderr and f"'{name}'" in result.stderr
    # and that was all
    again, result = tar_of(engine, tmp_path / "again.tar")
    assert again == good and "damaged" not in result.stderr


def test_a_tool_that_is_damaged_is_not_believed(engine, tmp_path):
    """The stage with it is not in the image, but what it was copied to is."""
    good, _ = tar_of(engine, tmp_path / "good.tar")
    layers = [layer for layer in os.listdir(engine.store / "layers") if os.path.exists(engine.store / "layers" / layer / "fs/t/f7")]
    assert len(layers) == 2
    for layer in layers:
        meta = (engine.store / "layers" / layer / "meta.json").read_text()
        if "RUN" in meta:
            flip(engine.store / "layers" / layer / "fs/t/f7")
    now, result = tar_of(engine, tmp_path / "now.tar")
    assert now == good and "made from it" in result.stderr


def test_verify_reads_what_a_look_does_not_see(engine):
    engine.build(DOCKERFILE)
    wait_for_listings(engine)
    assert engine.run("cache", "verify").code == 0
    flip(find(engine, "a/f2"))
    result = engine.run("cache", "verify")
    assert result.code == 1 and "'a/f2' has different content" in result.stdout
    assert engine.run("cache", "verify").code == 0


def test_a_damaged_base_is_not_pushed_or_exported(engine, tmp_path):
    wait_for_listings(engine)
    flip(find(engine, "etc/passwd"))
    result = engine.run("image", "export", "base", tmp_path / "out.tar")
    assert result.code == 1 and "was damaged in the store" in result.stderr and "'etc/passwd'" in result.stderr
    assert not (tmp_path / "out.tar").exists()
    assert "in the store" in engine.fail("FROM base\n").stderr  # and is not there any more


def test_a_store_that_was_copied_is_whole(engine, tmp_path):
    good, _ = tar_of(engine, tmp_path / "good.tar")
    shutil.move(engine.store, tmp_path / "moved")
    os.system(f"cp -a '{tmp_path}/moved' '{engine.store}'")
    now, result = tar_of(engine, tmp_path / "now.tar")
    assert now == good and "damaged" not in result.stderr


def test_another_start_of_the_machine(engine, tmp_path):
    """Stamps of another session: what they are on is read, and then believed or not."""
    good, _ = tar_of(engine, tmp_path / "good.tar")
    for layer in os.listdir(engine.store / "layers"):
        stamp = engine.store / "layers" / layer / "stamp"
        os.remove(stamp)
        os.symlink("0123456789abcdef.1-1", stamp)
    now, result = tar_of(engine, tmp_path / "now.tar")
    assert now == good and "damaged" not in result.stderr and result.ran() == []
    for layer in os.listdir(engine.store / "layers"):
        stamp = engine.store / "layers" / layer / "stamp"
        os.remove(stamp)
        os.symlink("0123456789abcdef.1-1", stamp)
    os.truncate(find(engine, "sum"), 0)
    now, result = tar_of(engine, tmp_path / "now.tar")
    assert now == good and "damaged layer" in result.stderr and result.ran() == ["RUN cat /a/f1 /t/f7 > /sum"]


def test_a_failing_step_may_have_read_what_is_damaged(engine, base_tar, tmp_path):
    """An image that is only mounted is in no stage's layers."""
    tars = [base_tar.read_bytes(), tar_bytes([entry("tool", b"works\n")])]
    engine.run("image", "import", layout(tmp_path / "oci", Image(tars)), "tools").check()
    wait_for_listings(engine)
    os.remove(find(engine, "tool"))
    result = engine.fail("FROM base\nRUN --mount=from=tools,target=/t cat /t/tool\n")
    assert "the store had a damaged layer" in result.stderr and "'tool'" in result.stderr, result.stderr
    engine.run("image", "import", tmp_path / "oci", "tools").check()
    assert engine.build("FROM base\nRUN --mount=from=tools,target=/t cat /t/tool\n").lines() == ["works"]


def test_a_damaged_joined_layer_is_made_again(engine, base_tar, tmp_path):
    tars = [base_tar.read_bytes(), *(tar_bytes([entry(f"f/{i}", b"%d" % i)]) for i in range(520))]
    engine.run("image", "import", layout(tmp_path / "oci", Image(tars, how="plain")), "tall").check()
    assert engine.build("FROM tall\nRUN cat /f/7 /f/500\n").lines() == ["7500"]
    wait_for_listings(engine)
    joined = [name for name in engine.layers() if "layers joined" in (engine.store / "layers" / name / "meta.json").read_text()]
    assert len(joined) == 1
    os.truncate(engine.store / "layers" / joined[0] / "fs/f/7", 0)
    built = engine.build("FROM tall\nRUN echo again; cat /f/7 /f/500\n")
    assert built.lines() == ["again", "7500"] and "layers joined" in built.stderr
