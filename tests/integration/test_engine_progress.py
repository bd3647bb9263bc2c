# SPDX-License-Identifier: Apache-2.0
"""What is seen of a build while it runs: in a log, and on a terminal of some width, with and without colour."""
import fcntl
import json
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


def test_log_of_a_silent_step(engine, monkeypatch):
    """Dots without a line end are not a line either; a step that prints is left alone."""
    monkeypatch.setenv("CAPSEM_HEARTBEAT_MS", "400")
    lines, _ = plain(engine, "FROM base\nRUN for i in 1 2 3 4 5 6 7 8; do printf .; sleep 0.3; done; echo\nRUN for i in 1 2 3 4 5 6 7; do echo $i; sleep 0.1; done\n", None)
    silent = [line for line in lines if "still running" in line]
    assert 2 <= len(silent) <= 6 and all(re.fullmatch(r" {0,7}\d[^ ]* (ms|s|min)  \[1/2\] still running: no output for .*|    TIME  \[1/2\] still running: no output for .*", line)
                                         for line in silent), lines
    assert lines.index(silent[0]) > lines.index("   begin  [1/2] RUN for i in 1 2 3 4 5 6 7 8; do printf .; sleep 0.3; done; echo")
    monkeypatch.setenv("CAPSEM_HEARTBEAT_MS", "60000")
    assert not [line for line in plain(engine, "FROM base\nRUN sleep 1.2\n", None)[0] if "still running" in line]


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


def with_terminal(engine, words, width, stream, env=None, code=0):
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
    assert process.wait(60) == code
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


# What a step says to a terminal, in the forms of a printf: a title, a cleared screen, CSI as one character, a question, a line
# that is written over, one that reads backwards, text that cannot be seen; and a colour.
HOSTILE = r"\033]0;title\007 \033[2J\033[H \302\2332J \033[6n good\rbad \342\200\256 \033[8mhidden\033[0m \033[32mgreen\033[0m \b\n"
VISIBLE = [r"\x1b]0;title\x07 \x1b[2J\x1b[H \x9b2J \x1b[6n good", r"bad \u202e \x1b[8mhidden"]
OURS = r"\033\[\?7[lh]|\r?\033\[K|\033\[[0-9;]*m"


def harmless(text, colors):
    text = re.sub(OURS if colors else "(?!)", "", text).replace("\r\n", "\n")
    bad = [c for c in text if (ord(c) < 0x20 and c not in "\n\t") or 0x7f <= ord(c) < 0xa0 or c == "\u202e"]
    assert not bad, text


@pytest.mark.parametrize("end", [0, 3])
def test_what_a_step_says_in_a_log(engine, context, end):
    words = engine.words(f"FROM base\nRUN printf '{HOSTILE}'; exit {end}\n", context)
    words[words.index("json")] = "plain"
    result = engine.run(*words)
    assert result.code == (1 if end else 0)
    harmless(result.stderr, colors=False)
    for line in VISIBLE:
        assert f"          | {line}" in result.stderr, result.stderr
    assert "green \\x08\n" in result.stderr  # a log has no colours


@pytest.mark.parametrize("progress,end", [("plain", 0), ("plain", 3), ("auto", 0), ("auto", 3), ("json", 0)])
def test_what_a_step_says_to_a_terminal(engine, context, progress, end):
    words = engine.words(f"FROM base\nRUN printf '{HOSTILE}'; sleep 0.4; exit {end}\n", context)
    words[words.index("json")] = progress
    text = with_terminal(engine, words, 150, "stderr", code=1 if end else 0)
    harmless(text, colors=True)
    if progress == "plain" or end:
        assert "\033[32mgreen\033[0m" in text
        assert "\\x9b2J" in text and "\\x1b[8mhidden" in text and "\\u202e" in text


@pytest.mark.parametrize("name", ["cache", "image"])
def test_what_a_list_says(engine, context, name):
    """A step's text, and where an image came from, are anybody's."""
    engine.build(b"FROM base\nRUN true # \033[2J\xc2\x9b2J\n", context)
    harmless(engine.run(name, "ls").stdout, colors=False)
    harmless(with_terminal(engine, [name, "ls"], 200, "stdout"), colors=True)


def test_list_is_cut_on_a_terminal_alone(engine, context):
    text = "RUN true " + "word " * 40 + "end"
    engine.run(*engine.words(f"FROM base\n{text}\n", context)).check()
    assert text in engine.run("cache", "ls").stdout
    for width in (60, 80, 120):
        lines = with_terminal(engine, ["cache", "ls"], width, "stdout").split("\r\n")
        assert width - 1 <= max(map(len, lines)) <= width
    assert text in with_terminal(engine, ["cache", "ls"], 400, "stdout")


def test_everything_is_an_object(engine):
    """A stream of JSON has no line of another kind, also when the build fails."""
    words = engine.words("FROM base\nRUN echo said; false\n", None, [])
    raw = subprocess.run(engine.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    events = [json.loads(line) for line in raw.stderr.splitlines()]
    failed, = [e for e in events if e["event"] == "diagnostic"]
    assert raw.returncode == 1 and (failed["code"], failed["line"], failed["column"]) == ("E404", 2, 1)
    assert failed["rendered"].startswith("error: [E404] ") and "RUN echo said; false" in failed["rendered"]
    raw = subprocess.run(engine.command(*words, "--tag", "x@sha256:1"), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert raw.returncode == 2 and [json.loads(line)["event"] for line in raw.stderr.splitlines()] == ["error"]
