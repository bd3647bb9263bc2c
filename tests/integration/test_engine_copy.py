# SPDX-License-Identifier: Apache-2.0
"""COPY: what comes from where, and where it goes. Dockerfile reference, "COPY"."""
import os
import socket
import stat

import pytest

from engine import OVERLAY_NAMES, base_tar, check_overlay_names, context, engine, needs_engine, needs_root  # noqa: F401 (fixtures)

pytestmark = needs_engine


def names(built, folder):
    return built.tree.under(folder)


# --- sources and destinations -----------------------------------------------------------------------------------------------------

def test_file_to_a_name_to_a_folder_and_to_a_folder_that_is_there(engine, context):
    context.write("f", "F", mode=0o640)
    built = engine.build("FROM base\nCOPY f /name\nCOPY f /folder/\nCOPY f /etc\nCOPY f /new/deep/name\nWORKDIR /w\nCOPY f .\nCOPY f rel/g\n",
                         context)
    for path in ("name", "folder/f", "etc/f", "new/deep/name", "w/f", "w/rel/g"):
        assert built.tree.text(path) == "F" and built.tree.mode(path) == 0o640 and built.tree.owner(path) == (0, 0)
    assert built.tree.mode("new") == built.tree.mode("new/deep") == built.tree.mode("folder") == 0o755


def test_several_files_want_a_folder(engine, context):
    context.write("a", "A")
    context.write("b", "B")
    assert names(engine.build("FROM base\nCOPY a b /d/\n", context), "d") == ["a", "b"]
    assert "must end with a slash" in engine.fail("FROM base\nCOPY a b /d\n", context).stderr


def test_the_contents_of_a_folder(engine, context):
    for name in ("d/a", "d/sub/b", "d/sub/empty/.keep"):
        context.write(name, name)
    (context / "d" / "hollow").mkdir(mode=0o700)
    built = engine.build("FROM base\nCOPY d /x\nCOPY d/ /y/\nCOPY d/sub /x/sub2\n", context)
    everything = ["a", "hollow", "sub", "sub/b", "sub/empty", "sub/empty/.keep"]
    assert names(built, "y") == everything
    assert names(built, "x") == sorted([*everything, "sub2", "sub2/b", "sub2/empty", "sub2/empty/.keep"])
    assert built.tree.mode("y/hollow") == 0o700


def test_merging_with_what_is_there(engine, context):
    context.write("d/same", "new")
    context.write("d/sub/new", "new")
    os.chmod(context / "d" / "sub", 0o750)
    built = engine.build("""FROM base
RUN mkdir -p -m 700 /t/sub && echo old > /t/same && echo kept > /t/sub/kept && ln -s kept /t/sub/link && chmod 711 /t
COPY d /t
""", context)
    assert names(built, "t") == ["same", "sub", "sub/kept", "sub/link", "sub/new"]
    assert built.tree.text("t/same") == "new" and built.tree.text("t/sub/kept") == "kept\n"
    assert built.tree.mode("t") == 0o711 and built.tree.mode("t/sub") == 0o750


def test_a_link_that_is_named_is_followed_and_one_in_a_folder_replaced(engine, context):
    context.write("f", "new")
    built = engine.build("FROM base\nRUN echo old > /end && ln -s /end /link && mkdir /d && ln -s /end /d/f\nCOPY f /link\nCOPY f /d/\n", context)
    assert built.tree.text("end") == "new" and built.tree["link"].issym() and built.tree["d/f"].isreg() and built.tree.text("d/f") == "new"
    assert "follow the links of '/loop'" in engine.fail("FROM base\nRUN ln -s loop /loop\nCOPY f /loop\n", context).stderr


def test_folders_of_the_destination_may_be_links(engine, context):
    context.write("f", "F")
    context.write("d/g", "G")
    built = engine.build("FROM base\nRUN mkdir /real && ln -s /real /abs && ln -s real /rel && ln -s ../../../real /tmp/up\n"
                         "COPY f /abs/one\nCOPY f /rel/two/\nCOPY d /tmp/up\n", context)
    assert names(built, "real") == ["g", "one", "two", "two/f"] and built.tree["abs"].issym()


def test_kinds_in_each_others_way(engine, context):
    context.write("f", "F")
    context.write("d/f/g", "G")
    assert "folder" in engine.fail("FROM base\nRUN mkdir -p /t/f\nCOPY f /t/\n", context).stderr
    result = engine.fail("FROM base\nRUN mkdir /t && touch /t/f\nCOPY d /t\n", context)
    assert "cannot replace '/t/f' with a folder" in result.stderr and ":3:" in result.stderr
    assert "not a folder" in engine.fail("FROM base\nRUN touch /t\nCOPY d /t\n", context).stderr
    assert "/t" in engine.fail("FROM base\nRUN touch /t\nCOPY f /t/\n", context).stderr


def test_globs(engine, context):
    for name in ("a.png", "b.png", "ab.txt", "x/c.png", "y/c.jpg", "arr[0].txt", "-dash", "sub/deep/z.png"):
        context.write(name, name)
    built = engine.build("""FROM base
COPY *.png /one/
COPY */*.png /two/
COPY ?.png /three/
COPY [ab]b.txt /four
COPY arr[[]0].txt /five/
COPY ["-dash", "/six/"]
COPY */deep /seven/
""", context)
    assert names(built, "one") == ["a.png", "b.png"] == names(built, "three") and names(built, "two") == ["c.png"]
    assert built.tree.text("four") == "ab.txt" and names(built, "five") == ["arr[0].txt"] and names(built, "six") == ["-dash"]
    assert names(built, "seven") == ["z.png"]


def test_a_pattern_may_match_nothing_beside_others(engine, context):
    context.write("package.json", "{}")
    for sources in ("package.json yarn.lock*", "yarn.lock* package.json"):
        assert names(engine.build(f"FROM base\nCOPY {sources} /w/\n", context), "w") == ["package.json"]
    assert "'yarn.lock*' is not in the build context" in engine.fail("FROM base\nCOPY yarn.lock* /w/\n", context).stderr
    assert "'gone' is not in the build context" in engine.fail("FROM base\nCOPY package.json gone /w/\n", context).stderr


def test_the_context_is_the_top_for_dots(engine, context):
    context.write("x", "X")
    built = engine.build("FROM base\nCOPY ../../x /a\nCOPY /x /b\nCOPY ./y/../x /c\nCOPY .. /d/\n", context)
    assert [built.tree.text(p) for p in ("a", "b", "c", "d/x")] == ["X"] * 4


def test_from_a_stage_with_globs_and_links(engine):
    built = engine.build("""FROM base AS made
RUN mkdir -p /out/d && echo a > /out/a.so && echo b > /out/b.so && ln -s out /link && ln -s a.so /out/l.so \\
    && echo in > /out/d/in && chown -R 7:8 /out
FROM base
COPY --from=made /out/*.so /libs
COPY --from=made link/d /d
COPY --from=made --chown=builder /out/a.so /mine
COPY --from=made /link/l.so /followed
""")
    assert names(built, "libs") == ["a.so", "b.so", "l.so"]
    assert built.tree.owner("libs/a.so") == (7, 8) == built.tree.owner("d/in") and built.tree.owner("mine") == (1000, 1000)
    assert built.tree["followed"].isreg() and built.tree.text("followed") == "a\n"
    result = engine.fail("FROM base AS a\nFROM base\nCOPY --from=a /gone /x\n")
    assert "'/gone' is not in the stage or image" in result.stderr and ":3:" in result.stderr


# --- links ---------------------------------------------------------------------------------------------------------------------------

def test_links_below_a_folder_are_copied_and_the_source_itself_is_followed(engine, context):
    context.write("real/f", "F")
    context.link("dir", "real")
    context.link("file", "real/f")
    context.link("d/abs", "/etc/passwd")
    context.link("d/rel", "../real/f")
    context.link("d/loop", "loop")
    context.link("d/gone", "nowhere")
    built = engine.build("FROM base\nCOPY d /d\nCOPY dir /dir\nCOPY file /file\nCOPY fil* /globbed\n", context)
    tree = built.tree
    assert {n: tree[f"d/{n}"].linkname for n in names(built, "d")} == {
        "abs": "/etc/passwd", "rel": "../real/f", "loop": "loop", "gone": "nowhere"}
    assert names(built, "dir") == ["f"] and tree["file"].isreg() and tree.text("file") == tree.text("globbed") == "F"


def test_hard_links_stay_one_file(engine, context):
    context.write("d/a", "A")
    os.link(context / "d" / "a", context / "d" / "b")
    built = engine.build("FROM base\nCOPY d /d\n", context)
    assert sorted((built.tree["d/a"].islnk(), built.tree["d/b"].islnk())) == [False, True]


def test_hard_links_between_sources_do_not_mix_up(engine, context):
    context.write("x/a", "linked")
    (context / "z").mkdir()
    os.link(context / "x" / "a", context / "z" / "b")
    context.write("y/a", "other")
    built = engine.build("FROM base\nCOPY x/a y/a z/b /d/\n", context)
    assert built.tree.text("d/a") == "other" and built.tree.text("d/b") == "linked"


@needs_root
def test_attributes_and_special_files(engine, context):
    path = context.write("d/capable", "C", mode=0o755)
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    os.setxattr(path, "security.capability", capability)
    os.setxattr(path, "user.note", b"yes")
    os.setxattr(path, "trusted.overlay.opaque", b"y")
    os.mkfifo(context / "d" / "fifo", 0o600)
    os.mknod(context / "d" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(context / "d" / "socket"))
    built = engine.build("FROM base\nCOPY d /d\n", context)
    assert names(built, "d") == ["capable", "fifo", "null"]
    assert built.tree["d/fifo"].isfifo() and built.tree["d/null"].ischr()
    assert built.tree.xattr("d/capable", "user.note") == "yes"
    assert built.tree.xattr("d/capable", "security.capability") is not None
    assert built.tree.xattr("d/capable", "trusted.overlay.opaque") is None
    os.removexattr(path, "user.note")
    assert built.key != engine.build("FROM base\nCOPY d /d\n", context).key


def test_names_of_overlay_marks_are_no_marks(engine):
    check_overlay_names(engine.build(OVERLAY_NAMES))


def test_times_are_kept(engine, context):
    context.write("d/f", "F", mtime=1_234_567_890)
    os.utime(context / "d", (1, 1_111_111_111))
    (context / "d" / "s").mkdir()
    os.utime(context / "d" / "s", (1, 1_222_222_222))
    built = engine.build("FROM base\nCOPY d /x/y\n", context)
    assert built.tree["x/y/f"].mtime == 1_234_567_890 and built.tree["x/y/s"].mtime == 1_222_222_222


# --- options --------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("chown, owner", [
    ("builder", (1000, 1000)), ("builder:staff", (1000, 50)), ("12", (12, 12)), ("12:34", (12, 34)), (":staff", (0, 50)),
    ("nobody", (65534, 65534)), ("12:staff", (12, 50))])
def test_chown(engine, context, chown, owner):
    context.write("d/f", "F")
    context.link("d/l", "f")
    built = engine.build(f"FROM base\nCOPY --chown={chown} d /new/d\nCOPY --chown={chown} d/f /f\n", context)
    for path in ("new", "new/d", "new/d/f", "new/d/l", "f"):
        assert built.tree.owner(path) == owner, path


def test_chown_to_nobody_known(engine, context):
    context.write("f")
    assert "user 'ghost'" in engine.fail("FROM base\nCOPY --chown=ghost f /\n", context).stderr
    assert engine.build("FROM scratch\nCOPY --chown=5:6 f /\n", context).tree.owner("f") == (5, 6)


@pytest.mark.parametrize("chmod, file, program, folder", [
    ("600", 0o600, 0o600, 0o600), ("0755", 0o755, 0o755, 0o755), ("4711", 0o4711, 0o4711, 0o4711),
    ("u=rwX,go=rX", 0o644, 0o755, 0o755), ("+x", 0o755, 0o755, 0o755), ("go-r", 0o600, 0o711, 0o711),
    ("g=u", 0o664, 0o775, 0o775), ("a=,u+rw", 0o600, 0o600, 0o600), ("u+s,o+t", 0o5644, 0o5755, 0o5755), ("g+w-x", 0o664, 0o765, 0o765)])
def test_chmod(engine, context, chmod, file, program, folder):
    context.write("d/file", mode=0o644)
    context.write("d/program", mode=0o755)
    (context / "d" / "folder").mkdir()
    os.chmod(context / "d" / "folder", 0o755)
    built = engine.build(f"FROM base\nCOPY --chmod={chmod} d /d\nCOPY --chmod={chmod} d/file /new/file\n", context)
    assert built.tree.mode("d/file") == built.tree.mode("new/file") == file
    assert built.tree.mode("d/program") == program
    assert built.tree.mode("d/folder") == folder and built.tree.mode("d") == 0o755 == built.tree.mode("new")


def test_chmod_that_is_none(engine, context):
    context.write("f")
    for chmod in ("rwx", "99", "u=z", "77777", ",", "u"):
        assert f"'{chmod}' is not a mode" in engine.fail(f"FROM base\nCOPY --chmod={chmod} f /\n", context).stderr


def test_exclude(engine, context):
    for name in ("home.txt", "home.md", "home.c", "src/a.txt", "src/a.c", "src/deep/b.txt", "src/deep/b.c", "src/tests/t.c"):
        context.write(name, name)
    built = engine.build("""FROM base
COPY --exclude=*.txt --exclude=*.md hom* /one/
COPY --exclude=*.txt src /two
COPY --exclude=**/*.txt src /three
COPY --exclude=src/** --exclude=.docker* . /four
COPY --exclude=* --exclude=!deep/b.c src /five
COPY --exclude=tests --exclude=deep/b.txt src/ /six/
""", context)
    assert names(built, "one") == ["home.c"]
    assert names(built, "two") == ["a.c", "deep", "deep/b.c", "deep/b.txt", "tests", "tests/t.c"]
    assert names(built, "three") == ["a.c", "deep", "deep/b.c", "tests", "tests/t.c"]
    assert [n for n in names(built, "four") if "/" in n] == []
    assert names(built, "five") == ["deep", "deep/b.c"]
    assert names(built, "six") == ["a.c", "a.txt", "deep", "deep/b.c"]


def test_exclude_from_a_stage(engine):
    built = engine.build("""FROM base AS made
RUN mkdir -p /o/d && touch /o/a.c /o/b.h /o/d/c.c /o/d/d.h
FROM base
COPY --from=made --exclude=**/*.h /o /o
COPY --from=made --exclude=*.h /o/*.? /p/
""")
    assert names(built, "o") == ["a.c", "d", "d/c.c"] and names(built, "p") == ["a.c"]


def test_excluded_files_are_not_part_of_the_key(engine, context):
    context.write("d/a.c", "1")
    context.write("d/a.txt", "1")
    dockerfile = "FROM base\nCOPY --exclude=*.txt d /d\n"
    engine.build(dockerfile, context)
    context.write("d/a.txt", "2")
    assert engine.build(dockerfile, context).ran() == []


# --- .dockerignore ---------------------------------------------------------------------------------------------------------------------

def test_dockerignore(engine, context):
    context.write(".dockerignore", "# comment\n*.log\n!keep.log\nnode_modules\n**/*.tmp\n/top\nout\n!out/wanted\n!out/*/deep.md\n")
    for name in ("a.log", "keep.log", "sub/b.log", "node_modules/m", "sub/node_modules/m", "x.tmp", "sub/y.tmp", "top", "sub/top",
                 "out/junk", "out/wanted", "out/z/deep.md", "out/z/other", "out/empty/junk"):
        context.write(name, name)
    built = engine.build("FROM base\nCOPY . /c\n", context)
    assert names(built, "c") == [".dockerignore", "keep.log", "out", "out/wanted", "out/z", "out/z/deep.md", "sub", "sub/b.log",
                                 "sub/node_modules", "sub/node_modules/m", "sub/top"]
    assert "'a.log' is not in the build context" in engine.fail("FROM base\nCOPY a.log /\n", context).stderr
    assert ".dockerignore" in engine.fail("FROM base\nCOPY keep.log node_modules /x/\n", context).stderr
    assert engine.build("FROM base\nCOPY out/z /z\n", context).tree.under("z") == ["deep.md"]


def test_a_dockerignore_of_its_own(engine, context):
    context.write(".dockerignore", "a\n")
    context.write("other.Dockerfile", "FROM base\nCOPY . /c\n")
    context.write("other.Dockerfile.dockerignore", "b\n*ocker*\n")
    context.write("a")
    context.write("b")
    engine.run("image", "build", context, "-f", context / "other.Dockerfile", "-o", f"type=tar,dest={engine.scratch / 'x.tar'}").check()
    from engine import Tree
    assert Tree(engine.scratch / "x.tar").under("c") == ["a"]


def test_what_is_ignored_changes_nothing(engine, context):
    context.write(".dockerignore", "junk\n")
    context.write("f", "1")
    context.write("junk/x", "1")
    dockerfile = "FROM base\nCOPY . /c\n"
    engine.build(dockerfile, context)
    context.write("junk/x", "2")
    context.write("junk/y", "2")
    assert engine.build(dockerfile, context).ran() == []


def test_a_dockerignore_that_is_wrong(engine, context):
    context.write(".dockerignore", "ok\n[a\n")
    context.write("f")
    result = engine.fail("FROM base\nCOPY f /\n", context)
    assert ".dockerignore:2:1" in result.stderr


# --- heredocs ----------------------------------------------------------------------------------------------------------------------------

def test_heredocs(engine):
    built = engine.build("""FROM base
ENV V=value
COPY <<EOF /plain
has $V and "quotes" and \\$escaped
EOF
COPY <<"EOF" /quoted
has $V
EOF
COPY --chmod=0755 --chown=builder <<-one <<-two /dir/
\tfirst
one
\t\tsecond
two
COPY <<empty /empty
empty
""")
    tree = built.tree
    assert tree.text("plain") == 'has value and "quotes" and $escaped\n' and tree.text("quoted") == "has $V\n"
    assert tree.text("dir/one") == "first\n" and tree.text("dir/two") == "second\n" and tree.bytes("empty") == b""
    assert tree.mode("plain") == 0o644 and tree.mode("dir/one") == 0o755 and tree.owner("dir/one") == (1000, 1000)


# --- names ---------------------------------------------------------------------------------------------------------------------------------

def test_names_with_spaces_newlines_and_quotes(engine, context):
    for name in ("two words", "new\nline", "quo\"te", "back\\slash", "tab\t", "$dollar", "-", "ünï"):
        context.write(name, "x")
    built = engine.build("FROM base\nCOPY . /c\nCOPY [\"two words\", \"new\\nline\", \"/d with space/\"]\n", context)
    assert sorted(os.listdir(context)) == sorted(built.tree.under("c"))
    assert built.tree.under("d with space") == ["new\nline", "two words"]
    assert "'two' is not in" in engine.fail("FROM base\nCOPY two\\ words /e/\n", context).stderr
    assert "must end with a slash" in engine.fail("FROM base\nCOPY two\\ words /e\n", context).stderr


def test_names_of_every_byte_and_of_255_bytes(engine, context):
    every = [bytes([b]) + b"x" for b in range(1, 256) if b != ord("/")]
    long = [b"l" * 255, b"\xff" * 255, "ü".encode() * 127]
    for name in every + long:
        context.write(os.fsdecode(b"d/" + name), "x")
    built = engine.build("FROM base\nCOPY d /d\nRUN ls /d | wc -c\n", context)
    got = sorted(os.fsencode(name) for name in built.tree.under("d"))
    assert got == sorted(every + long)


def test_very_deep_folders(engine, context):
    path = "/".join(["d"] * 200)
    context.write(path + "/f", "deep")
    built = engine.build("FROM base\nCOPY . /c\n", context)
    assert built.tree.text(f"c/{path}/f") == "deep"
