# SPDX-License-Identifier: Apache-2.0
"""What is seen of a build while it runs: in a log, and on a terminal of some width, with and without colour."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from engine import Context, base_tar, context, engine, needs_engine  # noqa: F401

pytestmark = needs_engine

DOCKERFILE = """FROM base
COPY file /file
RUN true
RUN echo one; echo two
RUN sleep 1.3
"""
WIDE = "FROM base\nRUN echo " + "日本語" * 60 + "; sleep 0.3\n"


def plain(engine, dockerfile, context, *options):
    words = engine.words(dockerfile, context, options)
    words[words.index("json")] = "plain"
    result = engine.run(*words)
    assert "\033" not in result.stderr
    return re.sub(r"^ *\d+(\.\d)? m?s  ", "    TIME  ", result.stderr, flags=re.M).splitlines(), result


def test_log_has_a_line_for_a_step(engine, context):
    context.write("file", "content")
    lines, result = plain(engine, DOCKERFILE, context)
    assert lines == ["    TIME  [1/4] COPY file /file",
                     "    TIME  [2/4] RUN true",
                     "   begin  [3/4] RUN echo one; echo two",
                     "          | one",
                     "          | two",
                     "    TIME  [3/4]",
                     "   begin  [4/4] RUN sleep 1.3",
                     "    TIME  [4/4]"]
    assert result.code == 0


def test_log_of_cached_steps(engine, context):
    context.write("file", "content")
    plain(engine, DOCKERFILE, context)
    lines, _ = plain(engine, DOCKERFILE, context)
    assert lines == ["  cached  [1/4] COPY file /file",
                     "  cached  [2/4] RUN true",
                     "  cached  [3/4] RUN echo one; echo two",
                     "  cached  [4/4] RUN sleep 1.3"]


def test_log_of_a_failed_step(engine, context):
    lines, result = plain(engine, "FROM base\nRUN echo wrong; exit 3\n", context)
    assert result.code == 1
    assert lines[:3] == ["   begin  [1/1] RUN echo wrong; exit 3", "          | wrong", "  failed  [1/1]"]
    assert lines[3].startswith("error: [E404] ")


def test_log_of_packing(engine, context, tmp_path):
    lines, _ = plain(engine, "FROM base\nRUN true\n", context, "--output", f"type=squashfs,dest={tmp_path / 'x'}")
    assert re.fullmatch(r"    TIME  pack: [\d.]+ [kM]?B", lines[-1]), lines


def on_terminal(engine, dockerfile, context, width, env=None):
    """Everything that a terminal of that width gets on stderr."""
    words = engine.words(dockerfile, context)
    words[words.index("json")] = "auto"
    return with_terminal(engine, words, width, "stderr", env)


def with_terminal(engine, words, width, stream, env=None):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs}
    process = subprocess.Popen(engine.command(*words), env={**os.environ, "TERM": "xterm", **(env or {})}, **streams)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    return seen.decode()


def columns(text):
    return sum(2 if char in "日本語" else 1 for char in text)


def shown(text):
    """Each line as it was drawn, without what moves and colours."""
    return [re.sub(r"\033\[[?\d;]*[a-zA-Z]", "", part) for part in re.split(r"\r\033\[K|\r?\n", text)]


@pytest.mark.parametrize("width", [20, 80, 200])
@pytest.mark.parametrize("dockerfile", [DOCKERFILE, WIDE], ids=["narrow", "wide"])
def test_lines_fit_the_terminal(engine, context, width, dockerfile):
    context.write("file", "content")
    lines = shown(on_terminal(engine, dockerfile, context, width))
    assert max(map(columns, lines)) <= width
    if dockerfile is WIDE and width > 20:
        assert max(map(columns, lines)) >= width - 12  # and what there is is used


def test_terminal_ends_as_it_was(engine, context):
    context.write("file", "content")
    text = on_terminal(engine, DOCKERFILE, context, 80)
    assert text.count("\033[?7l") == text.count("\033[?7h") > 4
    assert text.rindex("\033[?7h") > text.rindex("\033[?7l")
    finished = [line for line in text.split("\n") if line]
    assert len(finished) == 4  # a line a step stays
    assert all(re.search(r"\d m?s", line) for line in finished)


def test_colour(engine, context):
    context.write("file", "content")
    assert re.search(r"\033\[[\d;]+m", on_terminal(engine, DOCKERFILE, context, 80))
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert not re.search(r"\033\[[\d;]+m", on_terminal(engine, DOCKERFILE, context, 80, env))
    assert re.search(r"\033\[[\d;]+m", on_terminal(engine, DOCKERFILE, context, 80, {"NO_COLOR": ""}))


def test_list_is_cut_on_a_terminal_alone(engine, context):
    text = "RUN true " + "word " * 40 + "end"
    engine.run(*engine.words(f"FROM base\n{text}\n", context)).check()
    assert text in engine.run("cache", "ls").stdout
    for width in (60, 80, 120):
        lines = with_terminal(engine, ["cache", "ls"], width, "stdout").split("\r\n")
        assert width - 1 <= max(map(len, lines)) <= width
    assert text in with_terminal(engine, ["cache", "ls"], 400, "stdout")
