# SPDX-License-Identifier: Apache-2.0
"""Files as they should not be: `validate` says so with a code and a place, quickly, and never breaks."""
import functools
import json
import os
import pathlib
import resource
import shutil
import stat
import subprocess

import pytest

PROGRAM = os.environ["CAPSEM_BUILDER"]
BASE = pathlib.Path(__file__).parent / "build/_base/guest"
NOBODY = 65534
FACTOR_MAX = 1000  # of what a small guest takes; the largest text here takes some hundred times as long
SERVER = b'[a]\nname = "A"\ntransport = "stdio"\ncommand = "x"\n'

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as another user")


@pytest.fixture
def guest(tmp_path):
    shutil.copytree(BASE, tmp_path / "guest")
    return tmp_path / "guest"


def put(guest, name, content):
    path = guest / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def cpu_seconds():
    """What the processes that have ended took of a processor: a busy machine does not add to it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@functools.cache
def small_guest():
    """What `validate` takes for the guest that every case begins with."""
    before = cpu_seconds()
    subprocess.run([PROGRAM, "validate", BASE, "--format", "json"], capture_output=True, check=True)
    return max(cpu_seconds() - before, 0.01)


def validate(guest, *args, **options):
    """(code, file, line, column, message) of each diagnostic, in order."""
    before = cpu_seconds()
    done = subprocess.run([PROGRAM, "validate", "guest", "--format", "json", *args], cwd=guest.parent, capture_output=True,
                          timeout=120, env={"PATH": os.environ["PATH"]}, **options)
    assert cpu_seconds() - before < FACTOR_MAX * small_guest()
    assert done.stderr == b"" and done.returncode in (0, 1)
    found = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == int(any(d["severity"] == "error" for d in found))
    return [(d["code"], d["file"].removeprefix("guest/"), d["line"], d["column"], d["message"]) for d in found]


def text_of(guest, *args):
    done = subprocess.run([PROGRAM, "validate", "guest", *args], cwd=guest.parent, capture_output=True, timeout=120,
                          env={"PATH": os.environ["PATH"]})
    assert done.stderr == b""
    return done.stdout


SINGLE = {"build.toml": "build", "manifest.toml": "image", "security/web.toml": "web", "vm/resources.toml": "resources",
          "vm/environment.toml": "environment"}


@pytest.mark.parametrize("name", SINGLE)
def test_a_file_of_0_bytes_lacks_its_table(guest, name):
    put(guest, f"config/{name}", b"")
    assert validate(guest) == [("E003", f"config/{name}", 1, 1, f"the table [{SINGLE[name]}] is missing")]


@pytest.mark.parametrize("folder", ["ai", "packages", "mcp"])
def test_a_file_of_0_bytes_in_a_folder_is_fine(guest, folder):
    put(guest, f"config/{folder}/a.toml", b"")
    assert validate(guest) == []


def test_a_line_of_100_megabytes(guest):
    put(guest, "config/mcp/a.toml", b'x = "' + b"a" * 100_000_000 + b'"')
    assert validate(guest) == [("E002", "config/mcp/a.toml", None, None, "cannot be read as TOML: the file is too large")]
    assert b"help: a TOML file can have at most 8388608 bytes" in text_of(guest)


def test_a_file_of_a_gigabyte(guest):
    path = put(guest, "config/mcp/a.toml", b"")
    os.truncate(path, 1 << 30)
    assert [d[:2] for d in validate(guest)] == [("E002", "config/mcp/a.toml")]


@pytest.mark.parametrize("content, place", [
    (b'x = "' + b"a" * 8_000_000 + b'" y', (1, 8_000_008)),
    (b'x = "' + "二".encode() * 2_500_000 + b'" y', (1, 2_500_008)),
    (b"[" + b"k" * 8_000_000 + b"]\n= 1", (2, 1)),
], ids=["ASCII", "wide", "key"])
def test_the_longest_line_that_is_read(guest, content, place):
    put(guest, "config/mcp/a.toml", content)
    assert ("E002", *place) in [(d[0], d[2], d[3]) for d in validate(guest)]
    for line in text_of(guest).splitlines():
        assert len(line) < 2500


def test_a_mistake_in_each_of_four_million_lines(guest):
    put(guest, "config/mcp/a.toml", b"=\n" * 4_000_000)
    out = text_of(guest, "--format", "short").splitlines()
    assert out[-1] == b"guest: 100 errors, no warnings" and len(out) == 101
    assert text_of(guest).count(b"note: the rest of the file was not checked") == 1


@pytest.mark.parametrize("content", [
    b"x = " + b"[" * 4_000_000, b"x = " + b"[" * 3_000_000 + b"]" * 3_000_000, b"x = " + b"{a=" * 1_000_000,
    b".".join([b"a"] * 1_000_000) + b" = 1", b"[" + b".".join([b"a"] * 1_000_000) + b"]\n",
    b"x = " + b"[{a=" * 1_000_000,
], ids=["open arrays", "arrays", "tables", "dotted key", "header", "arrays of tables"])
def test_deep_nesting(guest, content):
    put(guest, "config/mcp/a.toml", content)
    assert ("E002", "nested deeper than 256 levels") in [(d[0], d[4]) for d in validate(guest)]


PLACES = {
    "a comment": b"# @\n",
    "a bare key": b"[a]\nx@ = 1\n",
    "a quoted key": b'[a]\n"@" = 1\n',
    "a header": b"[a@]\n",
    "a string": b'[a]\nname = "@"\n',
    "a literal string": b"[a]\nname = '@'\n",
    "a text of several lines": b'[a]\nname = """\n@\n"""\n',
    "a literal text": b"[a]\nname = '''\n@\n'''\n",
    "a number": b"[a]\nname = 1@\n",
    "an array": b"[a]\nargs = [ @ ]\n",
    "an inline table": b"[a]\nenv = { @ }\n",
    "behind a value": b"[a]\nname = 'x' @\n",
    "the end": b"[a]\nname = 'x'\n@",
}


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\0"],
                         ids=["FF", "overlong", "surrogate", "too large", "cut", "NUL"])
@pytest.mark.parametrize("where", PLACES)
def test_bytes_that_no_text_has(guest, where, bad):
    content = PLACES[where].replace(b"@", bad)
    put(guest, "config/mcp/a.toml", content)
    before = content[:content.index(bad)]
    place = (before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1)
    found = validate(guest)
    assert ("E002", *place) in [(d[0], d[2], d[3]) for d in found], found
    assert found[0][0] == "E002"
    for style in ("text", "short", "sarif"):
        text_of(guest, "--format", style).decode("utf-8")  # the output is a text all the same


def test_line_ends_of_windows_change_no_place(guest):
    put(guest, "config/mcp/a.toml", SERVER.replace(b"stdio", b"stdo").replace(b"\n", b"\r\n"))
    assert [d[:4] for d in validate(guest)] == [("E003", "config/mcp/a.toml", 3, 13)]
    assert b"\r" not in text_of(guest)


def test_a_byte_order_mark(guest):
    put(guest, "config/mcp/a.toml", b"\xef\xbb\xbf" + SERVER)
    assert validate(guest) == []
    wrong = SERVER.replace(b"[", b"[x.", 1)
    put(guest, "config/mcp/a.toml", wrong)
    plain, found = text_of(guest), validate(guest)
    put(guest, "config/mcp/a.toml", b"\xef\xbb\xbf" + wrong)
    assert found and validate(guest) == found and text_of(guest) == plain


def test_names_of_files_are_printed_in_one_line(guest):
    put(guest, "config/mcp/a\n'\"\x1b[31m.toml", b"x = \n")
    (guest / "config/mcp" / os.fsdecode(b"\xff.toml")).write_bytes(b"x = \n")
    for style in ("text", "short"):
        out = text_of(guest, "--format", style).decode("utf-8")
        assert "config/mcp/a\\n'\"\\x1b[31m.toml:1:5" in out and "\x1b" not in out
    assert len(validate(guest)) == 2


def test_artifacts_in_a_loop(guest):
    (guest / "artifacts/diagnostics/up").symlink_to("..")
    [(code, file, _, _, message)] = validate(guest)
    assert (code, file) == ("E302", "artifacts") and message.endswith("is nested more than 16 folders deep")


def test_artifacts_that_cannot_be_read(guest):
    (guest / "artifacts/diagnostics/x").symlink_to("nowhere")
    [(code, _, _, _, message)] = validate(guest)
    assert code == "E302" and message.endswith("read 'guest/artifacts/diagnostics/x': No such file or directory")


TEMPLATES = {
    "0 bytes": (b"", "E401", "the Dockerfile has no instructions"),
    "too large": (b"FROM scratch\n" + b"# x\n" * 2_000_000, "E400", "the template is larger than 4194304 bytes"),
    "not UTF-8": (b"FROM scratch\n\xff", "E400", "the template is not UTF-8"),
    "a loop without an end": (b"{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "E400",
                              "rendering takes more than"),
    "a value that fills the memory": (b'{{ "x" * 1000000000 }}', "E400", "rendering needs more than"),
    "a macro that calls itself": (b"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "E400", "levels deep"),
    "it includes itself": (b'{% include "Dockerfile.rootfs.j2" %}', "E400", ""),
    "deep nesting": (b"{{ " + b"(" * 1_000_000, "E400", "levels deep"),
    "a NUL": (b"FROM scratch\nRUN x\0y\n", "E401", ""),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates(guest, name):
    content, code, message = TEMPLATES[name]
    put(guest, "own/Dockerfile.rootfs.j2", content)
    put(guest, "own/Dockerfile.kernel.j2", b"FROM scratch\n")
    found = validate(guest, "--templates", "guest/own")
    assert [d[0] for d in found] == [code] and message in found[0][4], found
    text_of(guest, "--templates", "guest/own").decode("utf-8")


def test_a_template_is_a_folder(guest):
    (guest / "own/Dockerfile.rootfs.j2").mkdir(parents=True)
    put(guest, "own/Dockerfile.kernel.j2", b"FROM scratch\n")
    assert validate(guest, "--templates", "guest/own") == [
        ("E400", "own/Dockerfile.rootfs.j2", None, None, "the template cannot be read: Is a directory")]


def let_others_in(guest):
    for folder in [guest.parent, *guest.parent.parents]:
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o711)


@needs_root
def test_files_that_may_not_be_read(guest):
    let_others_in(guest)
    put(guest, "config/mcp/a.toml", SERVER).chmod(0)
    (guest / "config/ai").mkdir()
    (guest / "config/ai").chmod(0)
    found = validate(guest, user=NOBODY, group=NOBODY, extra_groups=[])
    assert [d[:2] + d[4:] for d in found] == [
        ("E002", "config/ai", "cannot list the folder: Permission denied"),
        ("E002", "config/mcp/a.toml", "cannot be read as TOML: Permission denied"),
    ]


@needs_root
def test_a_guest_folder_that_may_not_be_written(guest):
    let_others_in(guest)
    everything = [guest, *guest.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = [(p, p.stat().st_mtime_ns, stat.S_IMODE(p.stat().st_mode)) for p in everything]
    assert validate(guest, user=NOBODY, group=NOBODY, extra_groups=[]) == []
    assert [(p, p.stat().st_mtime_ns, stat.S_IMODE(p.stat().st_mode)) for p in [guest, *guest.rglob("*")]] == before
