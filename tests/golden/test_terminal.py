# SPDX-License-Identifier: Apache-2.0
"""What the commands print on a terminal, by its width, and that a pipe gets neither colour nor cut lines."""
import fcntl
import os
import pathlib
import pty
import re
import struct
import subprocess
import termios

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")

COLOUR = re.compile(r"\033\[[\d;]*m")
BAD = REPO / "tests/golden/validate/E006/input/guest"


def environment(more):
    env = {**os.environ, "TERM": "xterm", **more}
    return {name: value for name, value in env.items() if value is not None}


def on_terminal(*args, width=80, cwd=REPO, **env):
    """All that one terminal gets on stdout and stderr."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen([BUILDER, *map(str, args)], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, cwd=cwd,
                               env=environment({"NO_COLOR": None, **env}))
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    process.wait(60)
    return seen.decode().replace("\r\n", "\n")


def through_pipe(*args, cwd=REPO, **env):
    done = subprocess.run([BUILDER, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, cwd=cwd, env=environment(env))
    return done.stdout


COLOURED = [("validate", BAD), ("explain", "E003"), ("doctor", "guest"), ("buidl",), ("build", "--arch"),
            ("build", "no-such-folder"), ("render", "no-such-file")]


@pytest.mark.parametrize("args", COLOURED, ids=lambda args: " ".join(map(str, args[:1])))
def test_colour_is_for_terminals(args):
    assert COLOUR.search(on_terminal(*args))
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\033" not in on_terminal(*args, **env)
    assert "\033" not in through_pipe(*args)


@pytest.mark.parametrize("args", [("inspect", "guest", "--json"), ("validate", BAD, "--format", "json"),
                                  ("validate", BAD, "--format", "sarif"), ("schema", "build"), ("reference", "config"),
                                  ("completions", "bash"), ("doctor", "guest", "--json")],
                         ids=lambda args: " ".join(map(str, (args[0], args[-1]))))
def test_what_programs_read_has_no_colour(args):
    assert "\033" not in on_terminal(*args)


def commands():
    listed = through_pipe("--help").partition("\nOptions:")[0] if os.access(BUILDER, os.X_OK) else ""
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", listed, re.M)


@pytest.mark.parametrize("name", ["", *commands()])
def test_help_fits_80_columns(name):
    text = through_pipe(*name.split(), "--help")
    assert [line for line in text.splitlines() if len(line) > 80] == []


def words(text):
    """Sorted; without numbers, which may be another time or another free space."""
    return sorted(word for word in text.split() if not re.match(r"[\d.]+$|m?s$|[kMGT]B$", word))


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("args", [("inspect", "guest"), ("doctor", "guest"), ("build", "--help"), ("run", "--help")],
                         ids=" ".join)
def test_lines_are_broken_at_spaces(args, width):
    text = COLOUR.sub("", on_terminal(*args, width=width))
    assert words(text) == words(through_pipe(*args))
    broken = text.partition("\nOptions:\n")[2] or text  # what stands before is written for 80 columns
    for line in broken.splitlines():
        can_be_pasted = " fix: " in line
        has_spaces = " " in line.strip().split("  ")[-1]
        assert len(line) <= width or can_be_pasted or not has_spaces, line


def test_a_source_line_is_cut_on_a_terminal_alone(tmp_path):
    config = tmp_path / "guest" / "config"
    config.mkdir(parents=True)
    domains = ", ".join(f'"site-{n}.example.org"' for n in range(20)) + ', "https://example.org"'
    (config / "build.toml").write_text(f"[build]\nguest_binaries = [{domains}, 4]\n")
    for width in (60, 80, 200):
        lines = COLOUR.sub("", on_terminal("validate", width=width, cwd=tmp_path)).splitlines()
        sources = [n for n, line in enumerate(lines) if line.lstrip().startswith("2 |")]
        assert sources
        for n in sources:
            assert len(lines[n]) <= width and len(lines[n + 1]) <= width
            assert lines[n][lines[n + 1].index("^")] in "4\"["


NOTHING = dict.fromkeys(["NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"])


@pytest.mark.parametrize("options, env, on_a_terminal, in_a_pipe", [
    ([], {}, True, False),
    ([], {"FORCE_COLOR": "1"}, True, True),
    ([], {"FORCE_COLOR": "0"}, True, False),
    ([], {"CLICOLOR_FORCE": "1"}, True, True),
    ([], {"CLICOLOR": "0"}, False, False),
    ([], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
    (["--color", "always"], {"NO_COLOR": "1"}, True, True),
    (["--color=never"], {"FORCE_COLOR": "1"}, False, False),
    (["--color", "auto"], {}, True, False),
])
def test_who_decides_about_colours(options, env, on_a_terminal, in_a_pipe):
    env = {**NOTHING, **env}
    for args in (["explain", "E003", *options], [*options, "explain", "E003"]):
        assert bool(COLOUR.search(on_terminal(*args, **env))) == on_a_terminal
        assert bool(COLOUR.search(through_pipe(*args, **env))) == in_a_pipe
