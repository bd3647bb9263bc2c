# SPDX-License-Identifier: Apache-2.0
"""`make run CMD=…` and `just run "…"` hand the command on as it was typed."""
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["capsem-doctor", """echo 'a b' "c $HOME" `id` $$ \\ '' #x""", "printf '%s\\n' \"it's\"", "a, $(b) ${c}"]


def last_words(text):
    """The words of the line that starts the program."""
    line = next(line for line in reversed(text.splitlines()) if " run " in line)
    return shlex.split(line)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("way", ["argument", "environment"])
def test_make(command, way):
    words, env = (["CMD=" + command], {}) if way == "argument" else ([], {"CMD": command})
    done = subprocess.run(["make", "-n", "run", *words], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=True)
    assert last_words(done.stdout)[-1] == command


@pytest.mark.parametrize("command", COMMANDS)
def test_just(command, tmp_path):
    """With just where there is one; its line says that the command goes through the environment, and not into the text of a shell."""
    recipe = re.search(r"^run \$CMD=\"\":\n    @make run\n", (ROOT / "justfile").read_text(), re.M)
    assert recipe, "the command is pasted into a line, where its quotes would end ours"
    if not shutil.which("just"):
        return
    (tmp_path / "make").write_text('#!/bin/sh\nprintf %s "$CMD"\n')
    (tmp_path / "make").chmod(0o755)
    done = subprocess.run(["just", "--justfile", ROOT / "justfile", "run", command], capture_output=True, text=True,
                          env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert done.stdout == command, done.stderr
