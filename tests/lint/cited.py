# SPDX-License-Identifier: Apache-2.0
"""What the comments of a file cite: paths of the repository, and sections of its documents."""
import io
import re
import tokenize

import tree

# A path begins at the root, or at src/ with the name of a room. A document, then a heading in quotes, after a comma or in brackets, is a section.
TOP = ("docs", "guest", "templates", "tests", "src", "tools", "fuzz", "bench", "packaging", "examples")
ENDS = r"(?:md|py|c|h|j2|toml|txt|sh|build|defconfig)"
HASH = re.compile(r"^[ \t]*#(?!!).*$|(?<=\s)#[ \t][^\n\"']*$", re.M)
JINJA = re.compile(r"\{#.*?#\}", re.S)
HASHED = (".sh", ".build", ".toml", ".yml", ".yaml", ".defconfig", "Makefile", "justfile", "meson_options.txt", "fuzz/run")


def in_python(source):
    """(line, text) of comments and of the strings that stand alone: docstrings."""
    alone = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or token.type == tokenize.STRING and alone:
            yield token.start[0], token.string
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            alone = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def comments(name, source):
    """(line, text) of each comment of a file of the repository; nothing of a file in a language not known here."""
    if name.endswith((".c", ".h")):
        found = [m for m in tree.TOKEN.finditer(source) if m.group().startswith("/")]
    elif name.endswith(".j2"):
        found = JINJA.finditer(source)
    elif name.endswith(".py"):
        yield from in_python(source)
        return
    elif name.endswith(HASHED) or source.startswith("#!"):
        found = HASH.finditer(source)
    else:
        return
    for match in found:
        yield source.count("\n", 0, match.start()) + 1, match.group()


def rooms():
    return [p.name for p in (tree.ROOT / "src").iterdir() if p.is_dir()]


def pattern():
    first = "|".join((*TOP, "spec", *rooms()))
    return re.compile(rf"(?<![\w./:*{{}}-])((?:{first})/[\w./-]*\.{ENDS}\b|(?:ARCHITECTURE|CONTRIBUTING|SECURITY)\.md\b)"
                      r'(?:#([\w-]+)|(?:,\s*|\s*\()(?:[*#]\s*|//\s*)?"([^"]+)")?')


def citations(name, source, wanted):
    """(line, path, section or anchor) that the comments of a file cite. `wanted` is pattern()."""
    for line, text in comments(name, source):
        for found in wanted.finditer(text):
            section = found.group(2) or re.sub(r"\s*\n[\s*#/]*", " ", found.group(3) or "")
            yield line + text.count("\n", 0, found.start()), found.group(1), section


def slug(heading):
    """What a heading is called in a link to it."""
    return re.sub(r"[^\w -]", "", re.sub(r"\]\([^)]*\)", "", heading.lower())).strip().replace(" ", "-")


def anchors(markdown):
    """The anchors of a document; the second heading of a name has -1 at its end."""
    found = set()
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.S | re.M)
    for heading in re.findall(r"^#+ (.*)$", prose, re.M):
        name, count = slug(heading), 0
        while name + (f"-{count}" if count else "") in found:
            count += 1
        found.add(name + (f"-{count}" if count else ""))
    return found
