# SPDX-License-Identifier: Apache-2.0
"""--build-context: folders and images by name, in FROM, COPY --from and RUN --mount=from."""
import os

import pytest

from engine import Context, base_tar, context, engine, entry, needs_engine, tar_bytes  # noqa: F401 (fixtures)

pytestmark = needs_engine


@pytest.fixture
def other(tmp_path):
    made = Context(tmp_path / "other")
    made.write("f", "F", mode=0o640)
    made.write("d/g", "G")
    if os.geteuid() == 0:
        os.chown(made / "f", 1000, 1000)
    return made


def test_a_folder_as_a_source(engine, other):
    built = engine.build("FROM base\nCOPY --from=src f /one\nCOPY --from=src /d /two\nCOPY --from=src --parents d/g /three/\nCOPY --from=SRC * /four/\n",
                         None, "--build-context", f"src={other.path}")
    tree = built.tree
    assert tree.text("one") == "F" and tree.owner("one") == (0, 0) and tree.mode("one") == 0o640
    assert tree.under("two") == ["g"] and tree.under("three") == ["d", "d/g"] and tree.under("four") == ["f", "g"]


def test_a_folder_in_a_mount(engine, other):
    built = engine.build("FROM base\nRUN --mount=from=src,target=/m cat /m/f /m/d/g > /out\nRUN --mount=from=src,source=d,target=/m,rw ls /m >> /out && touch /m/new\n",
                         None, "--build-context", f"src={other.path}")
    assert built.tree.text("out") == "FGg\n" and not (other / "d/new").exists()


def test_a_folder_as_a_base(engine, other, tmp_path):
    built = engine.build("FROM root\nCOPY --from=base /etc/passwd /passwd\nENV A=b\n", None, "--build-context", f"root={other.path}")
    assert built.tree.under("d") == ["g"] and built.tree.text("f") == "F" and "passwd" in built.tree and built.env["A"] == "b"


def test_what_changes_counts_and_nothing_else(engine, other):
    text = "FROM base\nCOPY --from=src d /x\n"
    words = (text, None, "--build-context", f"src={other.path}")
    assert len(engine.build(*words).ran()) == 1 and engine.build(*words).ran() == []
    other.write("d/g", "changed")
    assert engine.build(*words).tree.text("x/g") == "changed"
    engine.verify()


def test_its_own_dockerignore(engine, other):
    other.write(".dockerignore", "f\n")
    built = engine.build("FROM base\nCOPY --from=src / /x\n", None, "--build-context", f"src={other.path}")
    assert built.tree.under("x") == [".dockerignore", "d", "d/g"]


def test_links_of_the_folder_lead_nowhere(engine, other, tmp_path):
    (tmp_path / "secret").write_text("secret")
    other.link("up", "../secret")
    options = ("--build-context", f"src={other.path}")
    assert "E402" in engine.fail("FROM base\nCOPY --from=src /up /x\n", None, *options).stderr
    assert engine.build("FROM base\nCOPY --from=src / /x\n", None, *options).tree["x/up"].issym()


def test_images_by_another_name(engine, tmp_path):
    tar = tmp_path / "other.tar"
    tar.write_bytes(tar_bytes([entry("f", b"other")]))
    engine.run("image", "import", tar, "mine:1").check()
    options = ("--build-context", "alias=docker-image://mine:1")
    assert engine.build("FROM alias\n", None, *options).tree.text("f") == "other"
    assert engine.build("FROM base\nCOPY --from=alias /f /x\n", None, *options).tree.text("x") == "other"
    replaced = ("--build-context", "debian:bookworm=docker-image://mine:1")
    assert engine.build("FROM docker.io/library/debian:bookworm\n", None, *replaced).tree.text("f") == "other"
    assert "E403" in engine.fail("FROM alias\n", None, "--build-context", "alias=docker-image://gone").stderr


def test_a_name_goes_before_a_stage(engine, other):
    built = engine.build("FROM base AS src\nRUN false\nFROM base\nCOPY --from=src f /x\n", None, "--build-context", f"src={other.path}")
    assert built.tree.text("x") == "F"


@pytest.mark.parametrize("value, word", [("x", "takes NAME=FOLDER"), ("=x", "takes NAME=FOLDER"), ("x=", "takes NAME=FOLDER"),
                                         ("x=/gone", "'/gone' is neither a folder nor"), ("x=https://127.0.0.1/x", "is neither a folder nor")])
def test_wrong_values(engine, value, word):
    result = engine.try_build("FROM base\n", None, "--build-context", value)
    assert result.code == 2 and word in result.stderr
