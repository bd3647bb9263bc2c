#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""English as a native technical writer has it: words and turns that are not, in what people read.

Looks at strings of the program and of the guest's agent, at the guest's scripts, at templates and documents, and, for a
shorter list, at comments. A line that must have one is in ALLOWED, with why.
"""
import re
import sys

import tree

# pattern -> what to write instead
WORDS = {
    r"\bbehind\b": "after",
    r"(?<![tT]here )\bis no (?!longer\b|more\b)": "is not a",
    r"(?<![tT]here )\bis none\b": "is not one",
    r"\bof ours\b": "our own, or the builder's",
    r"\bmends?\b": "fix, correct",
    r"\bnobody\b": "no one, or a sentence with another subject",
    r"\bso many\b": "N, this many",
    r"\bmakes? no sense\b": "is malformed",
    r"\bof no use\b": "unavailable, useless",
    r"\bsomebody\b": "someone, or the passive",
}
# In comments: the same, but for what a comment may say of a value ("NULL: there is none").
COMMENT_WORDS = [r"\bbehind\b", r"\bof ours\b", r"\bmends?\b", r"\bmakes? no sense\b", r"\bof no use\b"]

# part of the line -> why it stays
ALLOWED = {
    "behind a proxy": "the usual words",
    "left behind": "the usual words", "leave behind": "the usual words", "leaves behind": "the usual words",
    "leave nothing behind": "the usual words", "leaves something behind": "the usual words", "it left behind": "the usual words",
    "negative: behind": "of a clock",
    "look behind": "regular expressions",
    "the feature behind it": "as people say it of a knob", "each connection behind a": "a header in front", "a host behind it": "a driver's other side",
    "nobody ALL": "a user name", "user nobody": "a user name", "`nobody`": "a user name",
    "MAINTAINER somebody": "an example's value", 'authors=\\"somebody\\"': "an example's value",
    'authors="somebody"': "an example's value",
}
SCRIPTS = ("guest/artifacts/", "templates/")
DOCUMENTS = re.compile(r"(docs/.*|[A-Z]+|guest/.*/README)\.md$")
TESTS = re.compile(r"(_test\.c|_cases\.h)$|^(tests|fuzz|bench)/")


def strings_and_comments(source):
    """(line, kind, text) of each string and comment of C text."""
    for found in tree.TOKEN.finditer(source):
        text = found.group()
        if text[0] != "'":
            yield source.count("\n", 0, found.start()) + 1, "string" if text[0] == '"' else "comment", text


def look(name, line, text, words):
    for pattern in words:
        for found in re.finditer(pattern, text):
            start = text.rfind("\n", 0, found.start()) + 1
            end = text.find("\n", found.end())
            whole = text[start:end if end >= 0 else len(text)]
            if text == '"behind"':  # a word alone: of a clock
                continue
            if not any(allowed in whole for allowed in ALLOWED):
                yield f"{name}:{line + text.count(chr(10), 0, found.start())}: '{found.group().strip()}': write {WORDS[pattern]}"


def check(name):
    text = tree.text(name)
    if name.endswith((".c", ".h")):
        for line, kind, part in strings_and_comments(text):
            yield from look(name, line, part, COMMENT_WORDS if kind == "comment" else WORDS)
    else:
        yield from look(name, 1, text, WORDS)


def main():
    problems, count = [], 0
    for name in tree.files():
        c = name.endswith((".c", ".h")) and name.startswith(("src/", "guest/agent/")) and not TESTS.search(name)
        if c or name.startswith(SCRIPTS) or DOCUMENTS.match(name):
            problems += check(name)
            count += 1
    return tree.end(problems, f"{count} files in plain English")


if __name__ == "__main__":
    sys.exit(main())
