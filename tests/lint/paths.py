#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every path that the documents and the comments of C name is there, and ARCHITECTURE.md has a line for each room.

A path stands in a code span or in a link. A word in capitals stands for any name: `src/ROOM/ROOM.h`. What a build
makes, what is outside the repository, and commands are not looked at.
"""
import pathlib
import re
import sys

import tree

DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md",
             "docs/manual.md", "docs/interfaces.md", "docs/glossary.md", "docs/performance.md", "guest/README.md",
             "guest/agent/README.md", "examples/README.md"]
# By commands; "mine" is a guest folder of the reader's.
MADE = ("build/", "build-", "assets/", "target/", "mine/", "ARCH/", "tool-versions.txt", "manifest.json", "build.json")
NAMES = {"README", "ARCHITECTURE", "CONTRIBUTING", "LICENSE", "SECURITY", "CHANGELOG"}  # in capitals, and no placeholder
EXTENSIONS = ("c", "h", "md", "py", "sh", "toml", "j2", "txt", "build", "defconfig")


def spans(text):
    """(line, word) of each code span or link that could be a path."""
    text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S | re.M)
    for found in re.finditer(r"`([^`\n]+)`|\]\(([^)\s]+)\)", text):
        yield text.count("\n", 0, found.start()) + 1, found.group(1) or found.group(2)


def is_path(word):
    if not re.fullmatch(r"[\w.*{},-]+(?:/[\w.*{},-]*)*", word) or word.startswith(MADE):
        return False
    return "/" in word or word[0] not in ".-" and word.rsplit(".", 1)[-1] in EXTENSIONS


def patterns(word):
    """`a/{b,c}.h` and `a/NAME.c` as glob patterns."""
    word = re.sub(r"(?<![A-Za-z])[A-Z][A-Z_]+(?![A-Za-z])", lambda m: m.group() if m.group() in NAMES else "*", word)
    found = re.search(r"\{([^}]*)\}", word)
    if not found:
        return [word]
    return [p for one in found.group(1).split(",") for p in patterns(word[:found.start()] + one + word[found.end():])]


def exists(word, document):
    """Paths start at the repository's root, at src/, at a guest folder, or beside the document."""
    if (tree.ROOT / word).exists():
        return True
    starts = [tree.ROOT, tree.ROOT / "src", tree.ROOT / "guest", tree.ROOT / "guest/config",
              (tree.ROOT / document).parent]
    return all(any(next(start.glob(p.rstrip("/")), None) for start in starts) for p in patterns(word))


def comment_paths(source):
    """(line, path) of each document or file of this repository that a comment of C cites."""
    for found in tree.TOKEN.finditer(source):
        if found.group().startswith("/"):
            for cited in re.finditer(r"(?<![\w./:-])(?:docs|spec|guest|templates|tests|src|tools)/[\w./-]*\.(?:md|py|c|h|j2)\b",
                                     found.group()):
                line = source.count("\n", 0, found.start() + cited.start()) + 1
                yield line, cited.group()


def missing_in_comments():
    for name in tree.c_files():
        for line, path in comment_paths(tree.text(name)):
            if not exists(path, name):
                yield f"{name}:{line}: '{path}' is not there"


def missing_rooms():
    text = tree.text("ARCHITECTURE.md")
    rooms = [p.name for p in (tree.ROOT / "src").iterdir() if (p / "meson.build").is_file()]
    return [f"ARCHITECTURE.md: no line for the room {room}/" for room in sorted(rooms)
            if f"| `{room}/` |" not in text]


def main():
    problems, count = missing_rooms() + list(missing_in_comments()), 0
    for document in DOCUMENTS:
        if not pathlib.Path(tree.ROOT / document).is_file():
            problems.append(f"{document}: is not there")
            continue
        for line, word in spans(tree.text(document)):
            word = word.split("#")[0]
            if is_path(word):
                count += 1
                if not exists(word, document):
                    problems.append(f"{document}:{line}: '{word}' is not there")
    return tree.end(problems, f"{count} paths, all there")


if __name__ == "__main__":
    sys.exit(main())
