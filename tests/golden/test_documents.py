# SPDX-License-Identifier: Apache-2.0
"""The commands that the documents show exist: their names, their options, the targets of make and just, and the order of headings."""
import os
import pathlib
import re
import shlex
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
PAGES = [p for p in [*sorted((REPO / "docs").rglob("*.md")), *sorted(REPO.glob("*.md")), REPO / "guest/README.md", REPO / "examples/README.md"]
         if p.name != "style.md"]
needs_program = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")


def code(text):
    """Code spans, and the lines of indented and fenced blocks, where a line that ends with a backslash goes on."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.S | re.M)
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    blocks = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    yield from "\n".join(blocks + fenced).replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", prose)


def words_after(line, program):
    """The words of the command that a line runs with this program; None: it does not."""
    found = re.match(rf"(?:\$ |sudo |[A-Z_]+=\S+ )*(?:build/)?{program}(?= )(.*)", line)
    if not found:
        return None
    text = re.split(r"\s#|\s&&|\s\||\s>|[()…]", found.group(1))[0]
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def helps():
    """Name of each command, of one word or two, and what it prints as help."""
    shown = subprocess.run([BUILDER, "--help"], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", shown.split("Commands:")[1].split("\nOptions:")[0], re.M)
    return {name: subprocess.run([BUILDER, *name.split(), "--help"], capture_output=True, text=True, check=True).stdout for name in names}


@needs_program
def test_commands_and_options_exist():
    known, problems, count = helps(), [], 0
    groups = {name.split()[0] for name in known if " " in name}
    for page in PAGES:
        for line in code(page.read_text()):
            words = words_after(line, "capsem-builder")
            if not words or not re.fullmatch(r"[a-z]+", words[0]) or words[0] in ("help", "version"):
                continue
            name = " ".join(words[:2]) if words[0] in groups else words[0]
            count += 1
            if name in groups:  # `capsem-builder image` in prose: the group
                continue
            if name not in known:
                problems.append(f"{page.relative_to(REPO)}: no command '{name}': {line}")
                continue
            for word in words[len(name.split()):]:
                if not word.startswith("-") and name == "run":
                    break  # the guest's command
                option = word.split("=")[0]
                if word.startswith("--") and len(word) > 2 and option not in known[name]:
                    problems.append(f"{page.relative_to(REPO)}: '{name}' has no {option}: {line}")
    assert not problems, "\n".join(problems)
    assert count > 60


def test_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.M))
    recipes = set(re.findall(r"^([a-z-]+)\b[^\n]*:\n", (REPO / "justfile").read_text(), re.M))
    problems, count = [], 0
    for page in PAGES:
        for line in code(page.read_text()):
            for program, names in (("make", targets), ("just", recipes)):
                words = words_after(line, program) or []
                if words and re.fullmatch(r"[a-z-]+", words[0]) and not words[0].startswith("-"):
                    count += 1
                    if words[0] not in names | {"olddefconfig"}:
                        problems.append(f"{page.relative_to(REPO)}: {program} has no target '{words[0]}'")
    assert not problems, "\n".join(problems)
    assert count > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPO)))
def test_a_page_has_one_title_and_then_a_sentence(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    levels = [len(h) for h in re.findall(r"^(#+) ", text, re.M)]
    assert levels[:1] == [1] and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:])), "a heading skips a level"
    if page.is_relative_to(REPO / "docs") and "diagnostics" not in page.parts:
        first = text.split("\n\n")[1]
        assert re.match(r"[A-Z`0-9]", first) and not first.startswith("    "), first
