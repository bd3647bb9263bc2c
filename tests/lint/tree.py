# SPDX-License-Identifier: Apache-2.0
"""What the lints look at: the repository's files, and C text without its comments and strings."""
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("src", "guest", "tests", "fuzz", "bench")
# A golden case's input is a text that somebody wrote wrong, on purpose.
FIXTURES = ("tests/golden/", "tests/spec/cases/", "fuzz/corpus/")


def listed():
    """Every name of the repository (with what is not committed yet), relative to its root: links, too."""
    found = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, capture_output=True)
    if found.returncode == 0:
        names = found.stdout.decode("utf-8", "surrogateescape").split("\0")
    else:  # an unpacked archive
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
        names = [n for n in names if not re.match(r"(build|assets|target|\.git)", n)]
    return sorted(n for n in set(names) if n and (os.path.lexists(ROOT / n) and not os.path.isdir(ROOT / n) or os.path.islink(ROOT / n)))


def files():
    """The files among them."""
    return [n for n in listed() if (ROOT / n).is_file()]


def c_files():
    return [n for n in files() if n.endswith((".c", ".h")) and n.startswith(CODE_FOLDERS)
            and not n.startswith(FIXTURES)]


def text(name):
    return (ROOT / name).read_text("utf-8", "surrogateescape")


TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def code(source):
    """C text in which comments and the insides of strings are blanks; lines stay where they are."""
    def blank(match):
        found = match.group()
        inside = re.sub(r"[^\n]", " ", found)
        return found[0] + inside[1:-1] + found[0] if found[0] in "\"'" else inside
    return TOKEN.sub(blank, source)


def end(problems, summary):
    """Prints the problems, or the summary; the result is the exit code."""
    print("\n".join(problems) or summary)
    return 1 if problems else 0
