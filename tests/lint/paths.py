#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every path and section that the documents and the comments name is there; ARCHITECTURE.md has a line for each room.

In a document a path stands in a code span or in a link. A word in capitals stands for any name: `src/ROOM/ROOM.h`. What a
build makes, what is outside the repository, and commands are not looked at. What counts in comments: cited.py.
"""
import re
import sys

import cited
import tree

DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md",
             "guest/README.md", "guest/agent/README.md", "examples/README.md", "docs/README.md"]
OTHERS = ("docs/style.md",)  # about the sources of other projects
# Written from tables: their code spans name keys and cases. Their links count.
TABLES = ("docs/reference/config.md", "docs/reference/conformance.md", "docs/reference/diagnostics")
# By commands; "mine" is a guest folder of the reader's.
MADE = ("build/", "build-", "assets/", "target/", "llms.txt", "mine/", "ARCH/", "tool-versions.txt", "manifest.json", "build.json")
NAMES = {"README", "ARCHITECTURE", "CONTRIBUTING", "LICENSE", "SECURITY", "CHANGELOG"}  # in capitals, and no placeholder
EXTENSIONS = ("c", "h", "md", "py", "sh", "toml", "j2", "txt", "build", "defconfig")


def spans(text):
    """(line, word, whether it is a link) of each code span or link that could be a path."""
    text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S | re.M)
    for found in re.finditer(r"`([^`\n]+)`|\]\(([^)\s]+)\)", text):
        yield text.count("\n", 0, found.start()) + 1, found.group(1) or found.group(2), found.group(1) is None


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


def fault(name, line, path, section):
    """What is wrong with a citation, as a list of one line or none."""
    if not exists(path, name):
        return [f"{name}:{line}: '{path}' is not there"]
    if section and path.endswith(".md") and cited.slug(section) not in cited.anchors(tree.text(path)):
        return [f"{name}:{line}: '{path}' has no section '{section}'"]
    return []


def missing_in_comments():
    wanted = cited.pattern()
    for name in tree.files():
        if name.startswith(tree.FIXTURES) or name == "tests/lint/test_lints.py":
            continue
        for line, path, section in cited.citations(name, tree.text(name), wanted):
            yield from fault(name, line, path, section)


def missing_anchor(document, link):
    """The line's end of a problem, when a link's part after # is not a heading of where it leads."""
    path, _, anchor = link.partition("#")
    target = (tree.ROOT / document).parent / path if path else tree.ROOT / document
    if anchor and target.is_file() and anchor not in cited.anchors(target.read_text()):
        return f"'{link}' leads to no heading"
    return None


def missing_rooms():
    text = tree.text("ARCHITECTURE.md")
    rooms = [p.name for p in (tree.ROOT / "src").iterdir() if (p / "meson.build").is_file()]
    return [f"ARCHITECTURE.md: no line for the room {room}/" for room in sorted(rooms)
            if f"| `{room}/` |" not in text]


def check_document(document):
    """(problems, how many paths it has)"""
    if not (tree.ROOT / document).is_file():
        return [f"{document}: is not there"], 0
    problems, count = [], 0
    for line, word, link in spans(tree.text(document)):
        if link and (lost := missing_anchor(document, word)):
            problems.append(f"{document}:{line}: {lost}")
        word = word.split("#")[0]
        if is_path(word) and (link or not document.startswith(TABLES)):
            count += 1
            if not exists(word, document):
                problems.append(f"{document}:{line}: '{word}' is not there")
    return problems, count


def main():
    problems, count = missing_rooms() + list(missing_in_comments()), 0
    pages = [n for n in tree.files() if re.fullmatch(r"docs/.*\.md", n) and n not in OTHERS]
    for document in dict.fromkeys(DOCUMENTS + pages):
        found, paths = check_document(document)
        problems += found
        count += paths
    return tree.end(problems, f"{count} paths, all there")


if __name__ == "__main__":
    sys.exit(main())
