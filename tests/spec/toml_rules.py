#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A table for every rule of TOML 1.0: what it takes, with its value, and what it does not, with the place of the mistake.

usage: toml_rules.py DECODER

GRAMMAR names the rules as TOML's ABNF does, PROSE what only its text says. Each needs a row with both in toml_rows.py.
"""
import json
import subprocess
import sys

import toml_rows
from toml_suite import same

GRAMMAR = """
toml expression ws wschar newline comment-start-symbol non-ascii non-eol comment keyval key simple-key quoted-key unquoted-key
dotted-key dot-sep keyval-sep val string basic-string quotation-mark basic-char basic-unescaped escaped escape escape-seq-char
ml-basic-string ml-basic-string-delim ml-basic-body mlb-content mlb-char mlb-quotes mlb-unescaped mlb-escaped-nl literal-string
apostrophe literal-char ml-literal-string ml-literal-string-delim ml-literal-body mll-content mll-char mll-quotes integer minus
plus underscore digit1-9 digit0-7 digit0-1 hex-prefix oct-prefix bin-prefix dec-int unsigned-dec-int hex-int oct-int bin-int
float float-int-part frac decimal-point zero-prefixable-int exp float-exp-part special-float inf nan boolean true false
date-time date-fullyear date-month date-mday time-delim time-hour time-minute time-second time-secfrac time-numoffset
time-offset partial-time full-date full-time offset-date-time local-date-time local-date local-time array array-open
array-close array-values array-sep ws-comment-newline table std-table std-table-open std-table-close inline-table
inline-table-open inline-table-close inline-table-sep inline-table-keyvals array-table array-table-open array-table-close
ALPHA DIGIT HEXDIG
""".split()
PROSE = """
encoding byte-order-mark case-of-keys key-defined-twice table-defined-twice dotted-key-makes-tables header-after-dotted-key
dotted-key-after-header super-table-later inline-table-is-closed array-is-closed array-table-appends table-below-array-table
array-table-over-table first-newline-trimmed line-ending-backslash unicode-scalar integer-range float-precision leap-second
days-of-months mixed-array
""".split()


def tagged(value):
    """A value of Python as the suite's JSON has it."""
    if isinstance(value, dict):
        return {k: tagged(v) for k, v in value.items()}
    if isinstance(value, list):
        return [tagged(v) for v in value]
    if isinstance(value, toml_rows.Time):
        return {"type": value.kind, "value": value.text}
    if isinstance(value, bool):
        return {"type": "bool", "value": str(value).lower()}
    kinds = {str: "string", int: "integer", float: "float"}
    return {"type": kinds[type(value)], "value": str(value)}


def decode(decoder, text):
    data = text if isinstance(text, bytes) else text.encode()
    return subprocess.run([decoder], input=data, capture_output=True, timeout=20)


def check_taken(decoder, text, value):
    done = decode(decoder, text)
    if done.returncode != 0:
        return f"refused: {done.stderr.decode('utf-8', 'replace').splitlines()[0]}"
    return None if same(tagged(value), json.loads(done.stdout)) else f"other value: {done.stdout[:200]!r}"


def check_refused(decoder, text, place):
    done = decode(decoder, text)
    first = done.stderr.decode("utf-8", "replace").splitlines()[:1]
    if done.returncode != 1 or not first:
        return "taken"
    return None if first[0].startswith(f"error: [E002] stdin:{place}: ") else f"another place than {place}: {first[0]}"


def missing_rules():
    named = {rule for rules, taken, refused in toml_rows.ROWS if taken and refused for rule in rules.split()}
    known = set(GRAMMAR) | set(PROSE)
    return [f"rule {r}: no row with both" for r in sorted(known - named)] + [f"rule {r}: not of TOML" for r in sorted(named - known)]


def main():
    decoder, problems, count = sys.argv[1], missing_rules(), 0
    for rules, taken, refused in toml_rows.ROWS:
        for check, cases in ((check_taken, taken), (check_refused, refused)):
            for text, wanted in cases:
                count += 1
                wrong = check(decoder, text, wanted)
                if wrong:
                    problems.append(f"{rules}: {text!r}: {wrong}")
    print("\n".join([*problems, f"{count - len(problems)} passed, {len(problems)} failed: {len(GRAMMAR)} rules of the grammar, {len(PROSE)} of the text"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
