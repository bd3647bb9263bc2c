# SPDX-License-Identifier: Apache-2.0
"""Diagnostics on a terminal: no source line is wider than it, and the caret stands under the right character, whatever tabs,
wide and combining characters are before it."""
import fcntl
import json
import os
import pathlib
import pty
import random
import re
import shutil
import struct
import subprocess
import termios
import unicodedata

import pytest

PROGRAM = os.environ["CAPSEM_BUILDER"]
HERE = pathlib.Path(__file__).parent
BASE = HERE / "build/_base/guest"
WIDTHS = (40, 60, 80, 200)
NARROWEST = 40  # below that lines are as wide as for it
TAB = 4
PIECES = ["a", "xyz", " ", "\t", "ä", "ö́", "二", "語", "🙂", "한", "—", "́", "​", "Ω", "ｗ", "  ", "-"]


def make_guest(folder, files):
    shutil.copytree(BASE, folder / "guest")
    for name, text in files.items():
        path = folder / "guest" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def on_terminal(folder, columns, *args, stdout_too=True, **env):
    """What is printed to a terminal of so many columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, "validate", "guest", *args], cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=its if stdout_too else subprocess.PIPE, stderr=its,
                               env={"PATH": os.environ["PATH"], "TERM": "xterm", **env})
    os.close(its)
    out = b""
    if not stdout_too:
        out = process.communicate(timeout=60)[0]
    else:
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            out += piece
    process.wait(timeout=60)
    os.close(ours)
    return out.decode().replace("\r\n", "\n")


def width_of(char):
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text):
    return sum(width_of(c) for c in text)


def char_at(text, column):
    """The character that covers a column of the screen."""
    at = 0
    for char in text:
        at += width_of(char)
        if at > column:
            return char
    return None


def excerpts(out):
    """(line with a bar, line with carets) pairs."""
    lines = out.splitlines()
    return [(a, b) for a, b in zip(lines, lines[1:]) if re.match(r" +\d+ \|", a) and re.match(r" +\| *\^+$", b)]


@pytest.mark.parametrize("seed", range(40))
def test_the_caret_stands_under_the_right_character(seed, tmp_path):
    rng = random.Random(seed)
    before, behind = ("".join(rng.choice(PIECES) for _ in range(rng.randrange(120))) for _ in range(2))
    line = f'env = {{ K = "{before}", § = "{behind}" }}'  # no bare key
    make_guest(tmp_path, {"config/mcp/a.toml": f'[a]\nname = "A"\ntransport = "stdio"\ncommand = "x"\n{line}\n'})
    for columns in WIDTHS:
        out = on_terminal(tmp_path, columns, NO_COLOR="1")
        [place] = [m for m in re.findall(r"a\.toml:5:(\d+): ", out)]
        assert line[int(place) - 1] == "§"
        [(text, carets)] = excerpts(out)
        assert char_at(text, carets.index("^")) == "§", out
        for row in (text, carets):
            assert width(row) <= max(columns, NARROWEST), out


@pytest.mark.parametrize("columns", WIDTHS)
def test_all_excerpts_fit(columns, tmp_path):
    shutil.copytree(BASE, tmp_path / "guest")
    shutil.copytree(HERE / "validate/twenty-mistakes/input", tmp_path, dirs_exist_ok=True)
    out = on_terminal(tmp_path, columns, "--templates", "own", NO_COLOR="1")
    found = excerpts(out)
    assert len(found) >= 20
    for text, carets in found:
        assert width(text) <= columns and carets.index("^") > text.index("|"), text


def test_colour_changes_nothing_else(tmp_path):
    shutil.copytree(BASE, tmp_path / "guest")
    shutil.copytree(HERE / "validate/twenty-mistakes/input", tmp_path, dirs_exist_ok=True)
    plain = on_terminal(tmp_path, 80, "--templates", "own", NO_COLOR="1")
    colours = on_terminal(tmp_path, 80, "--templates", "own")
    assert "\x1b" not in plain and "\x1b[1;31merror:\x1b[0m" in colours
    assert re.sub(r"\x1b\[[0-9;]*m", "", colours) == plain
    assert on_terminal(tmp_path, 80, "--templates", "own", TERM="dumb") == plain


def test_a_file_gets_whole_lines_also_beside_a_terminal(tmp_path):
    make_guest(tmp_path, {"config/mcp/a.toml": '[a]\nname = "' + "x" * 150 + '"\ntransport = "stdo"\n# ' + "y" * 300 + "\n"
                          'command = "' + "z" * 150 + '" = 1\n'})
    out = on_terminal(tmp_path, 60, stdout_too=False)
    assert "z" * 150 in out and "\x1b" not in out
    assert "z" * 150 not in on_terminal(tmp_path, 60, NO_COLOR="1")


def test_machines_get_the_same_on_a_terminal(tmp_path):
    make_guest(tmp_path, {"config/mcp/a.toml": "x = 1\n"})
    for style in ("short", "json", "sarif"):
        piped = on_terminal(tmp_path, 60, "--format", style, stdout_too=False)
        assert on_terminal(tmp_path, 60, "--format", style, NO_COLOR="1") == piped
    assert json.loads(piped)["version"] == "2.1.0"
