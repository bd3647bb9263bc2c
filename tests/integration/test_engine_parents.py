# SPDX-License-Identifier: Apache-2.0
"""COPY --parents: which folders are kept, and what they are like. Dockerfile reference, "COPY --parents"."""
import os

from engine import base_tar, context, engine, needs_engine  # noqa: F401 (fixtures)

pytestmark = needs_engine


def fill(context, *names):
    for name in names:
        context.write(name, name)


def test_files_keep_their_folders(engine, context):
    fill(context, "x/a.txt", "y/a.txt", "x/deep/er/b.txt")
    built = engine.build("FROM base\nCOPY ./x/a.txt ./y/a.txt /flat/\nCOPY --parents ./x/a.txt ./y/a.txt /kept/\nCOPY --parents /x/deep/er/b.txt /one\n"
                         "WORKDIR /w\nCOPY --parents x/../y/a.txt .\n", context)
    assert built.tree.under("flat") == ["a.txt"] and built.tree.text("flat/a.txt") == "y/a.txt"
    assert built.tree.under("kept") == ["x", "x/a.txt", "y", "y/a.txt"] and built.tree.text("kept/x/a.txt") == "x/a.txt"
    assert built.tree.under("one") == ["x", "x/deep", "x/deep/er", "x/deep/er/b.txt"]
    assert built.tree.under("w") == ["y", "y/a.txt"]


def test_a_pivot_ends_what_is_not_kept(engine, context):
    fill(context, "x/y/a.txt", "x/y/b.txt", "x/z/c.txt", "v/y/d.txt")
    built = engine.build("FROM base\nCOPY --parents ./x/./y/*.txt /one/\nCOPY --parents */./y /two/\nCOPY --parents x/y/./a.txt /three/\n"
                         "COPY --parents x/./ /four/\nCOPY --parents x/./y/./a.txt /five/\n", context)
    assert built.tree.under("one") == ["y", "y/a.txt", "y/b.txt"]
    assert built.tree.under("two") == ["y", "y/a.txt", "y/b.txt", "y/d.txt"]
    assert built.tree.under("three") == ["a.txt"]
    assert built.tree.under("four") == ["y", "y/a.txt", "y/b.txt", "z", "z/c.txt"]
    assert built.tree.under("five") == ["y", "y/a.txt"]


def test_folders_are_taken_with_their_name(engine, context):
    fill(context, "a/b/c/f", "a/b/g", "a/h")
    built = engine.build("FROM base\nCOPY --parents a/b /x\nCOPY --parents a/*/c /y\nCOPY --parents . /z\n", context)
    assert built.tree.under("x") == ["a", "a/b", "a/b/c", "a/b/c/f", "a/b/g"]
    assert built.tree.under("y") == ["a", "a/b", "a/b/c", "a/b/c/f"]
    assert built.tree.under("z") == ["a", "a/b", "a/b/c", "a/b/c/f", "a/b/g", "a/h"]


def test_two_stars_are_any_number_of_folders(engine, context):
    fill(context, "package.json", "a/package.json", "a/b/c/package.json", "a/b/other", "m/node/package.json")
    context.write(".dockerignore", "m\n")
    built = engine.build("FROM base\nCOPY --parents **/package.json /all/\nCOPY --parents a/./**/package.json /below/\nCOPY --parents a/b/** /tail/\n", context)
    assert built.tree.under("all") == ["a", "a/b", "a/b/c", "a/b/c/package.json", "a/package.json", "package.json"]
    assert built.tree.under("below") == ["b", "b/c", "b/c/package.json", "package.json"]
    assert built.tree.under("tail") == ["a", "a/b", "a/b/c", "a/b/c/package.json", "a/b/other"]
    assert "E402" in engine.fail("FROM base\nCOPY --parents **/nothing /x/\n", context).stderr


def test_what_the_folders_are_like(engine, context):
    fill(context, "a/b/f", "a/g")
    os.chmod(context / "a", 0o750)
    os.chmod(context / "a/b", 0o711)
    for name in ("a/b", "a"):
        os.utime(context / name, (1_000_000_000, 1_000_000_000))
    text = """FROM base
COPY --parents a/b/f a/g /x/
COPY --parents --chown=builder a/b/f /y/
RUN mkdir -p -m 700 /z/a && chmod 700 /z
COPY --parents a/b/f /z/
COPY --parents --chmod=u=rwX,go=X a/b/f /w/
"""
    built = engine.build(text, context)
    tree = built.tree
    assert tree.mode("x/a") == 0o750 and tree.mode("x/a/b") == 0o711 and tree.owner("x/a") == (0, 0)
    assert tree["x/a"].mtime == tree["x/a/b"].mtime == 1_000_000_000
    assert {tree.owner(p) for p in ("y/a", "y/a/b", "y/a/b/f")} == {(1000, 1000)}
    assert tree.mode("z/a") == 0o700 and tree.mode("z/a/b") == 0o711
    assert tree.mode("w/a") == tree.mode("w/a/b") == 0o711 and tree.mode("w/a/b/f") == 0o600
    assert engine.build(text, context).ran() == []
    os.chmod(context / "a", 0o700)  # a folder that is kept counts
    assert len(engine.build(text, context).ran()) == 5


def test_links_stay_links_and_lead_nowhere_outside(engine, context, tmp_path):
    fill(context, "real/f")
    context.link("real/l", "f")
    context.link("real/gone", "nowhere")
    context.link("dir", "real")
    (tmp_path / "secret").write_text("secret")
    context.link("out", "..")
    built = engine.build("FROM base\nCOPY --parents real/l real/gone dir/f /x/\nRUN mkdir /real && ln -s /real /l && mkdir /y && ln -s ../../../real /y/real\n"
                         "COPY --parents real/f /y/\n", context)
    assert built.tree["x/real/l"].linkname == "f" and built.tree["x/real/gone"].linkname == "nowhere"
    assert built.tree["x/dir"].isdir() and built.tree.text("x/dir/f") == "real/f"
    assert built.tree["y/real"].issym() and built.tree.under("real") == ["f"]
    assert "E402" in engine.fail("FROM base\nCOPY --parents out/secret /x/\n", context).stderr


def test_from_a_stage(engine):
    built = engine.build("""FROM base AS made
RUN mkdir -p /out/lib/deep && echo a > /out/lib/a.so && echo b > /out/lib/deep/b.so && echo c > /out/lib/c && chown -R 7:8 /out/lib && chmod 700 /out/lib
FROM base
COPY --from=made --parents /out/./lib/*.so /one/
COPY --from=made --parents /out/**/*.so /two/
COPY --from=made --parents /out/./lib /three/
""")
    assert built.tree.under("one") == ["lib", "lib/a.so"] and built.tree.owner("one/lib") == (7, 8) and built.tree.mode("one/lib") == 0o700
    assert built.tree.under("two") == ["out", "out/lib", "out/lib/a.so", "out/lib/deep", "out/lib/deep/b.so"] and built.tree.owner("two/out") == (0, 0)
    assert built.tree.under("three") == ["lib", "lib/a.so", "lib/c", "lib/deep", "lib/deep/b.so"]
    assert "is not in the stage" in engine.fail("FROM base AS a\nFROM base\nCOPY --from=a --parents /g/h /x/\n").stderr


def test_excludes_are_relative_to_the_pivot(engine, context):
    fill(context, "x/a/one.md", "x/a/two.txt", "x/b/three.md")
    context.write(".dockerignore", "x/b/ignored\n")
    fill(context, "x/b/ignored")
    built = engine.build("FROM base\nCOPY --parents --exclude=a/*.md x/./a x/./b /one/\nCOPY --parents --exclude=**/*.md x /two/\n"
                         "COPY --parents --exclude=a x/./a x/./b /three/\n", context)
    assert built.tree.under("one") == ["a", "a/two.txt", "b", "b/three.md"]
    assert built.tree.under("two") == ["x", "x/a", "x/a/two.txt", "x/b"]
    assert built.tree.under("three") == ["b", "b/three.md"]


def test_kinds_in_each_others_way(engine, context):
    fill(context, "a/b")
    assert "cannot replace '/x/a' with a folder" in engine.fail("FROM base\nRUN mkdir /x && touch /x/a\nCOPY --parents a/b /x\n", context).stderr
    assert "'a/c' is not in the build context" in engine.fail("FROM base\nCOPY --parents a/c /x/\n", context).stderr
    assert "must end with a slash" in engine.fail("FROM base\nCOPY --parents a/b a /x\n", context).stderr
