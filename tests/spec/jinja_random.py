#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random templates through our renderer and through Jinja2, compared as jinja_diff.py compares.

usage: jinja_random.py JINJA_CASES_PROGRAM [--count N] [--seed S] [--seconds T]
Template number i is made from seed S + i. With --seconds it goes on with fresh seeds until the time is over. What
differs is made smaller and printed; exit 1. Differences that docs/reference/templates.md names are passed over: see excused().
"""
import argparse
import json
import random
import re
import signal
import subprocess
import sys
import time

import jinja_cases
import jinja_diff

TEXTS = ["a", "b ", " ", "\n", "\n\n", "x\n", "  y", "<b>", "&", "'", '"', "é", "日本", "0", "\t", "-", "}", "{ ", "# ", "\r\n", "% "]
STRINGS = ["''", "'a'", "'b c'", "'Hello, World'", "\"it's\"", "'<i>&\"'", "'x\\ny\\n'", "'é日本'", "'a,b,,c'", "' pad '", "'42'", "'-3.5'", "'TITLE case-word'",
           "'%s|%5d'", "'{} {0}'", "'{:>6}|{!r}'", "'www.example.com, me@x.org'", "'\\t\\\\'", "'ab' 'cd'", "'one two three four five six seven'", "'ǅß'"]
NAMES = {"str": ["name", "empty", "text", "mixed", "html", "multi", "uni"], "int": ["n", "neg", "zero"], "num": ["pi", "n", "neg", "small"], "bool": ["yes", "no"],
         "list": ["items", "words", "nums", "nested", "pairs", "users"], "dict": ["d", "tree[0]", "users[0]"], "none": ["nothing"], "undef": ["missing", "d.zz", "users[9]"]}
TYPES = ["str", "str", "int", "num", "bool", "list", "list", "dict", "none", "undef"]

# name -> (type of the value, type of the result, arguments: types, literal choices, or keyword choices)
FILTERS = {
    "upper": ("str", "str"), "lower": ("str", "str"), "title": ("str", "str"), "capitalize": ("str", "str"), "trim": ("str", "str", ["'a'", "' '"]), "replace": ("str", "str", "str", "str", ["1", "2"]),
    "e": ("any", "str"), "escape": ("any", "str"), "forceescape": ("any", "str"), "safe": ("any", "str"), "string": ("any", "str"), "length": ("list", "int"), "count": ("str", "int"),
    "center": ("str", "str", ["9", "1", "20"]), "truncate": ("str", "str", ["5", "9", "12", "255"], ["true", "false"], ["'…'", "''", "'!'"], ["0", "3"]), "wordcount": ("str", "int"),
    "wordwrap": ("str", "str", ["4", "8", "20"], ["true", "false"], ["'|'", "'\\n'"], ["true", "false"]), "indent": ("str", "str", ["2", "'> '", "0"], ["true", "false"], ["true", "false"]),
    "striptags": ("str", "str"), "urlencode": ("any", "str"), "urlize": ("str", "str", ["5", "none"], ["true", "false"]), "format": ("str", "str", "any"), "int": ("any", "int", ["0", "7"], ["10", "16", "2", "0"]),
    "float": ("any", "num", ["0.5"]), "abs": ("num", "num"), "round": ("num", "num", ["0", "1", "2", "-1"], ["'common'", "'ceil'", "'floor'"]), "filesizeformat": ("num", "str", ["true", "false"]),
    "first": ("list", "any"), "last": ("list", "any"), "join": ("list", "str", "str"), "list": ("any", "list"), "reverse": ("list", "gen"), "sort": ("list", "list", ["true", "false"], ["true", "false"]),
    "unique": ("list", "gen", ["true", "false"]), "sum": ("list", "num"), "min": ("list", "any"), "max": ("list", "any"), "batch": ("list", "gen", ["2", "3"], ["'-'", "none"]), "slice": ("list", "gen", ["2", "3"], ["'-'", "none"]),
    "map": ("list", "gen", ["'upper'", "'string'", "'length'", "'first'", "'e'", "'int'", "attribute='name'", "attribute=0", "attribute='zz', default='-'", "'default', 'q'", "'replace', 'a', 'b'", "'abs'"]),
    "select": ("list", "gen", ["'odd'", "'string'", "'defined'", "'gt', 2", "'in', items", "'mapping'", "'number'"]), "reject": ("list", "gen", ["'even'", "'none'", "'iterable'", "'eq', 3"]),
    "selectattr": ("list", "gen", ["'on'", "'age', 'gt', 30", "'name', 'defined'", "0"]), "rejectattr": ("list", "gen", ["'on'", "'tags'", "'age', 'eq', 31"]), "groupby": ("list", "list", ["'age'", "0", "'on'", "'zz', default=1"]),
    "dictsort": ("dict", "list", ["true", "false"], ["'key'", "'value'"], ["true", "false"]), "items": ("dict", "gen"), "tojson": ("any", "str", ["none", "2"]), "pprint": ("any", "str"), "xmlattr": ("dict", "str", ["true", "false"]),
    "default": ("any", "any", "any", ["true", "false"]), "d": ("undef", "any", "any"), "attr": ("any", "any", ["'name'", "'upper'", "'zz'"]),
}
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "callable", "true", "false", "odd", "even", "upper", "lower", "escaped",
         "divisibleby 3", "eq 1", "ne 'a'", "lt 3", "ge 2", "gt 'a'", "in items", "in 'abc'", "sameas none", "filter", "test", "in d"]
METHODS = {"str": ["upper()", "lower()", "title()", "capitalize()", "swapcase()", "strip()", "lstrip('a')", "rstrip()", "split()", "split(',')", "split(' ', 1)", "rsplit(none, 1)", "splitlines()", "splitlines(true)", "partition(',')", "rpartition(' ')",
                   "startswith('a')", "endswith(('d', 'o'))", "find('o')", "rfind('o', 1)", "index('a')", "count('o')", "replace('a', '<')", "center(7, '*')", "ljust(6)", "rjust(6, '.')", "zfill(6)", "isalpha()", "isdigit()", "isspace()", "isupper()", "istitle()",
                   "isidentifier()", "isprintable()", "isalnum()", "removeprefix('He')", "removesuffix('d')", "join(words)", "expandtabs(4)", "format(n, name, 3)", "format(n=1)", "casefold()", "isascii()", "islower()"],
           "list": ["index(1)", "count(3)", "copy()"], "dict": ["get('a')", "get('zz', 1)", "keys()", "values()", "items()", "copy()", "fromkeys('ab')"]}
LOOPS = ["index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "cycle('x', 'y')", "changed(v)", "previtem", "nextitem"]
OPS = ["+", "-", "*", "/", "//", "%"]


class Maker:
    """One template, or several, from a seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.vars = []  # (name, type), innermost last
        self.loops = 0
        self.macros = []  # (name, number of parameters)
        self.blocks = 0
        self.in_macro = False
        self.prefix = self.r.random() < 0.1
        self.templates = {}

    def one_of(self, *choices):
        return self.r.choice(choices)

    def chance(self, p):
        return self.r.random() < p

    # ---- expressions ----

    def name(self, kind):
        own = [n for n, k in self.vars if k == kind or self.chance(0.1)]
        return self.r.choice(own) if own and self.chance(0.6) else self.r.choice(NAMES.get(kind) or NAMES[self.r.choice(TYPES)])

    def leaf(self, kind):
        if self.chance(0.5):
            return self.name(kind)
        return {"str": lambda: self.r.choice(STRINGS), "int": lambda: str(self.r.randint(-3, 12)), "num": lambda: self.one_of("1.5", "0.25", "-2.0", "1e3", "3", "0.1", "7"),
                "bool": lambda: self.one_of("true", "false", "True"), "list": lambda: self.one_of("[]", "[1, 2, 3]", "['a', 'B', 'c']", "(1, 'x')", "range(4)", "'abc'", "[[1, 2], [3, 4]]", "(2,)", "[none, 0, '']", "[1, 'a', 2.5]"),
                "dict": lambda: self.one_of("{}", "{'a': 1, 'b': 'x'}", "{1: 'one', 'k': [1]}", "dict(x=1, y='<')"), "none": lambda: "none", "undef": lambda: self.name("undef")}[kind]()

    def args(self, spec):
        """Some of the arguments, in their places."""
        out = []
        for choices in spec:
            if out and self.chance(0.4) or not out and self.chance(0.25):
                break
            out.append(self.r.choice(choices) if isinstance(choices, list) else self.expr(choices, 1))
        return "(" + ", ".join(out) + ")" if out else ""

    def filtered(self, kind, depth):
        names = [n for n, f in FILTERS.items() if f[1] == kind or f[1] == "any" or kind == "list" and f[1] == "gen"]
        name = self.r.choice(names or list(FILTERS))
        spec = FILTERS[name]
        value = self.expr(spec[0], depth - 1)
        text = f"{value}|{name}{self.args(spec[2:])}" if re.fullmatch(r"[\w.\[\]]+|'[^']*'", value) else f"({value})|{name}{self.args(spec[2:])}"
        return text + ("|list" if spec[1] == "gen" else "")  # lazy ones report errors later than ours

    def expr(self, kind, depth=3):
        if kind in ("any", "gen"):
            kind = self.r.choice(TYPES)
        elif self.chance(0.06):
            kind = self.r.choice(TYPES)
        if depth <= 0 or self.chance(0.3):
            return self.leaf(kind)
        if self.chance(0.35):
            return self.filtered(kind, depth)
        if self.chance(0.12):
            return f"({self.expr(kind, depth - 1)} if {self.expr('bool', depth - 1)}" + (f" else {self.expr(kind, depth - 1)})" if self.chance(0.8) else ")")
        if self.chance(0.05):
            return f"({self.expr(kind, depth - 1)} {self.one_of('and', 'or')} {self.expr(kind, depth - 1)})"
        if self.macros and kind == "str" and self.chance(0.3):
            return self.macro_call(depth)
        if self.loops and self.chance(0.15):
            return "loop." + self.r.choice(LOOPS).replace("(v)", f"({self.expr('any', 1)})")
        return getattr(self, "expr_" + kind)(depth - 1)

    def expr_str(self, depth):
        pick = self.r.randrange(7)
        if pick == 0:
            return f"({self.expr('any', depth)} ~ {self.expr('any', depth)})"
        if pick == 1:
            return f"({self.expr('str', depth)} + {self.expr('str', depth)})"
        if pick == 2:
            return f"({self.expr('str', depth)}).{self.r.choice(METHODS['str'])}"
        if pick == 3:
            return f"({self.expr('str', depth)})[{self.slice()}]"
        if pick == 4:
            return f"({self.r.choice(STRINGS)} % {self.one_of(self.expr('any', depth), '(1, 2)', 'n', '(name, 5)')})"
        if pick == 5:
            return f"({self.expr('str', depth)} * {self.r.randint(-1, 3)})"
        return f"{self.leaf('str')}.{self.r.choice(METHODS['str'])}"

    def expr_int(self, depth):
        pick = self.r.randrange(4)
        if pick == 0:
            return f"({self.expr('list', depth)}|length)"
        if pick == 1:
            return self.one_of("-", "+", "- -") + f"({self.expr('int', depth)})"
        if pick == 2:
            return f"({self.expr('int', depth)} ** {self.r.randint(0, 3)})"
        return f"({self.expr('int', depth)} {self.r.choice(OPS)} {self.expr('int', depth)})"

    def expr_num(self, depth):
        return f"({self.expr('num', depth)} {self.r.choice(OPS)} {self.expr('num', depth)})"

    def expr_bool(self, depth):
        pick = self.r.randrange(6)
        if pick == 0:
            return f"(not {self.expr('any', depth)})"
        if pick == 1:
            kind = self.r.choice(TYPES)
            chain = "".join(f" {self.one_of('==', '!=', '<', '>', '<=', '>=')} {self.expr(kind, depth)}" for _ in range(self.one_of(1, 1, 1, 2)))
            return f"({self.expr(kind, depth)}{chain})"
        if pick == 2:
            return f"({self.expr('any', depth)} {self.one_of('in', 'not in')} {self.expr(self.one_of('list', 'str', 'dict'), depth)})"
        if pick == 3:
            return f"({self.expr('any', depth)} {self.one_of('and', 'or')} {self.expr('any', depth)})"
        return f"({self.expr('any', depth)} is {self.one_of('', 'not ')}{self.r.choice(TESTS)})"

    def expr_list(self, depth):
        pick = self.r.randrange(5)
        if pick == 0:
            return "[" + ", ".join(self.expr("any", depth) for _ in range(self.r.randrange(4))) + "]"
        if pick == 1:
            return f"({self.expr('list', depth)} + {self.expr('list', depth)})"
        if pick == 2:
            return f"({self.expr('list', depth)})[{self.slice()}]"
        if pick == 3:
            return f"range({self.r.randint(-2, 6)}{self.one_of('', ', 9', ', 1, -1', ', 20, 3')})"
        return f"({self.expr('dict', depth)}).{self.one_of('keys()', 'values()', 'items()')}|list"

    def expr_dict(self, depth):
        if self.chance(0.3):
            return f"({self.expr('dict', depth)}).{self.r.choice(METHODS['dict'])}"
        pairs = [f"{self.one_of(repr(self.r.choice('abck')), str(self.r.randrange(3)), 'name', 'none')}: {self.expr('any', depth)}" for _ in range(self.r.randrange(4))]
        return "{" + ", ".join(pairs) + "}"

    def expr_none(self, depth):
        return "none"

    def expr_undef(self, depth):
        value = f"({self.expr('any', depth)})"
        return value + self.one_of(".name", ".a", "['a']", "[0]", "[-1]", "[5]", ".zz", "[1.0]", "['x', 1]", ".first")

    def slice(self):
        part = lambda: self.one_of("", "", "0", "1", "2", "-1", "-2", "5")
        return self.one_of(f"{part()}:{part()}", f"{part()}:{part()}:{self.one_of('', '1', '2', '-1', '-2')}", f"{part()}:")

    def macro_call(self, depth):
        name, count = self.r.choice(self.macros)
        given = [self.expr("any", depth - 1) for _ in range(self.r.randint(0, count + self.chance(0.1)))]
        if count and len(given) < count and self.chance(0.3):
            given.append(f"p{count - 1}={self.expr('any', depth - 1)}")
        return f"{name}({', '.join(given)})"

    # ---- statements ----

    def tag(self, text):
        left, right = self.one_of("", "", "", "", "-", "+"), self.one_of("", "", "", "", "-", "+")
        return "{%" + left + " " + text + " " + right + "%}"

    def body(self, depth):
        mark = len(self.vars)
        out = "".join(self.statement(depth) for _ in range(self.r.randint(0, 3)))
        del self.vars[mark:]
        return out

    def statement(self, depth):
        pick = self.r.random()
        if depth <= 0 or pick < 0.45:
            if self.chance(0.35):
                return self.r.choice(TEXTS)
            return self.one_of("{{ ", "{{ ", "{{ ", "{{- ", "{{+ ") + self.expr("any") + self.one_of(" }}", " }}", " -}}")
        kinds = ["if", "if", "for", "for", "set", "set", "set_block", "macro", "call", "filter", "with", "raw", "comment", "include", "import", "autoescape", "do", "loop_control", "namespace", "block", "line"]
        return getattr(self, "stmt_" + self.r.choice(kinds))(depth - 1)

    def stmt_if(self, depth):
        out = self.tag(f"if {self.expr('any')}") + self.body(depth)
        out += self.tag(f"elif {self.expr('bool')}") + self.body(depth) if self.chance(0.3) else ""
        return out + (self.tag("else") + self.body(depth) if self.chance(0.5) else "") + self.tag("endif")

    def stmt_for(self, depth):
        recursive = self.chance(0.1)
        if recursive:
            call = "{{ loop(v.kids) }}" if self.chance(0.9) else "{{ loop(v) }}"
            return self.tag("for v in tree recursive") + "{{ v.n }}{{ loop." + self.r.choice(LOOPS).replace("(v)", "(v.n)") + " }}" + call + self.tag("endfor")
        target, over = ("v", self.expr("list")) if self.chance(0.75) else ("k, v", self.one_of("pairs", "d.items()", "d|dictsort", "[(1, 2), (3, 4)]", self.expr("list")))
        mark = len(self.vars)
        self.vars += [(n, self.r.choice(TYPES)) for n in target.split(", ")]
        condition = f" if {self.expr('bool', 2)}" if self.chance(0.2) else ""
        self.loops += 1
        out = self.tag(f"for {target} in {over}{condition}") + self.body(depth)
        self.loops -= 1
        del self.vars[mark:]
        return out + (self.tag("else") + self.body(depth) if self.chance(0.2) else "") + self.tag("endfor")

    def stmt_set(self, depth):
        kind = self.r.choice(TYPES)
        value = self.expr(kind)
        name = self.one_of("a", "b", "c", "loop") if self.chance(0.2) else self.one_of("a", "b", "c")
        self.vars.append((name, kind))
        return self.tag(f"set {name} = {value}") if self.chance(0.9) else self.tag(f"set {name}, e = {value}, {self.expr('any', 1)}")

    def stmt_set_block(self, depth):
        inner = self.body(depth)
        self.vars.append(("a", "str"))
        return self.tag("set a" + self.one_of("", "|upper", "|trim|e", "|replace('a', 'b')")) + inner + self.tag("endset")

    def stmt_macro(self, depth):
        count = self.r.randrange(3)
        name = "m" + str(len(self.macros))
        params = [f"p{i}" for i in range(count)]
        if count and self.chance(0.4):
            params[-1] += "=" + self.expr("any", 1)
        mark, loops, self.loops = len(self.vars), self.loops, 0
        self.vars += [(f"p{i}", self.r.choice(TYPES)) for i in range(count)]
        extra = self.one_of("", "", "", "{{ varargs }}", "{{ kwargs }}", "{{ caller is defined }}", f"{{{{ {name}.name }}}}{{{{ {name}.arguments }}}}", "{{ caller() }}", "{{ caller(1) if caller }}")
        out = self.tag(f"macro {name}({', '.join(params)})") + self.body(depth) + extra + self.tag("endmacro")
        del self.vars[mark:]
        self.loops = loops
        self.macros.append((name, count))
        return out

    def stmt_call(self, depth):
        if not self.macros:
            return self.stmt_macro(depth)
        return self.tag(f"call{self.one_of('', '', '(q)', '(q=1)')} {self.macro_call(2)}") + self.body(depth) + self.tag("endcall")

    def stmt_filter(self, depth):
        name = self.one_of("upper", "title", "e", "trim", "indent(2)", "replace('a', 'b')", "wordwrap(9)", "center(20)", "truncate(9)", "striptags", "safe")
        return self.tag(f"filter {name}") + self.body(depth) + self.tag("endfilter")

    def stmt_with(self, depth):
        mark = len(self.vars)
        kind = self.r.choice(TYPES)
        head = f"with w = {self.expr(kind)}" + (f", x = {self.expr('any', 1)}" if self.chance(0.3) else "")
        self.vars.append(("w", kind))
        out = self.tag(head) + self.body(depth) + self.tag("endwith")
        del self.vars[mark:]
        return out

    def stmt_raw(self, depth):
        return self.tag("raw") + self.one_of("{{ x }}", "{% if %}", " {# ", "", "\n a\n ") + self.tag("endraw")

    def stmt_comment(self, depth):
        return self.one_of("{# c #}", "{#- c -#}", "{#\n c\n#}\n", "{##}", "{#+ c #}")

    def other(self, depth):
        """The name of a template that is made for the purpose."""
        name = f"t{len(self.templates)}"
        self.templates[name] = ""
        saved = self.vars, self.loops, self.macros, self.in_macro
        self.vars, self.loops, self.macros = [], 0, []
        text = "".join(self.statement(depth) for _ in range(self.r.randint(1, 3)))
        self.templates[name] = text + (self.tag("macro m0(p0)") + "<{{ p0 }}>{{ name }}" + self.tag("endmacro") + self.tag("set a = 5") if self.chance(0.5) else "")
        self.vars, self.loops, self.macros, self.in_macro = saved
        return name

    def stmt_include(self, depth):
        if len(self.templates) > 4:
            return ""
        target = self.one_of(f"'{self.other(depth)}'", "'nope'", "['nope', 't0']", "'t' ~ '0'")
        return self.tag(f"include {target}{self.one_of('', '', ' ignore missing')}{self.one_of('', '', ' with context')}")

    def stmt_import(self, depth):
        if len(self.templates) > 4:
            return ""
        name, context = self.other(depth), self.one_of("", "", " with context", " without context")
        if self.chance(0.5):
            return self.tag(f"import '{name}' as o{context}") + "{{ o.a }}{{ o.m0('x') }}" + self.one_of("", "{{ o }}", "{{ o.zz }}")
        return self.tag(f"from '{name}' import {self.one_of('m0', 'a', 'a, m0 as m9', 'zz', 'a as b')}{context}") + self.one_of("{{ a }}", "{{ m9(1) }}", "{{ zz }}", "{{ m0(2) }}")

    def stmt_autoescape(self, depth):
        return self.tag(f"autoescape {self.one_of('true', 'false', '1 == 1')}") + self.body(depth) + self.tag("endautoescape")

    def stmt_do(self, depth):
        return self.tag("do " + self.one_of(self.expr("any"), "items.append(9)", "d.update(q=1)", "words.pop()", "nums.sort()", "items.insert(0, n)", "d.setdefault('r', [])"))

    def stmt_loop_control(self, depth):
        return self.tag(f"if {self.expr('bool', 1)}") + self.tag(self.one_of("break", "continue")) + self.tag("endif") if self.loops else ""

    def stmt_namespace(self, depth):
        return self.tag(f"set ns = namespace(x={self.expr('any', 1)})") + self.tag("for v in items") + self.tag(f"set ns.x = {self.one_of('v', 'ns.x', 'loop.index', self.expr('any', 1))}") + self.tag("endfor") + "{{ ns.x }}"

    def stmt_block(self, depth):
        self.blocks += 1
        name = f"b{self.blocks}"
        loops, self.loops = self.loops, 0
        out = self.tag(f"block {name}{self.one_of('', '', ' scoped')}") + self.body(depth) + self.tag("endblock" + self.one_of("", " " + name))
        self.loops = loops
        return out

    def stmt_line(self, depth):
        if not self.prefix:
            return ""
        return f"\n%% {self.one_of('if', 'if not')} {self.expr('bool', 1)}{self.one_of('', ':')}\n" + self.body(depth) + "\n%% endif" + self.one_of("\n", " ## c\n")

    # ---- the whole ----

    def chunks(self):
        if self.chance(0.12):
            return self.inherited()
        return [self.statement(3) for _ in range(self.r.randint(1, 6))]

    def inherited(self):
        """A child, its parent, and perhaps a grandparent; blocks call super."""
        names = ["x", "y", "z"]
        levels = self.one_of(1, 1, 2)
        for level in range(levels):
            parts = []
            for name in names:
                inner = self.body(1) + ("{{ super() }}" if level and self.chance(0.4) else "")
                if level == levels - 1 or self.chance(0.6):
                    parts.append(self.r.choice(TEXTS) + self.tag(f"block {name}{self.one_of('', '', ' scoped', ' required')}") + inner + self.tag("endblock"))
            self.templates[f"base{level}"] = (self.tag(f"extends 'base{level + 1}'") if level < levels - 1 else "") + "".join(parts) + self.one_of("", "{{ self.x() }}", self.statement(1))
        out = [self.tag(self.one_of("extends 'base0'", "extends 'base0'", "extends ('base' ~ 0)", "if yes") + "") ]
        if "if yes" in out[0]:
            out = [out[0] + self.tag("extends 'base0'") + self.tag("endif")]
        for name in names:
            if self.chance(0.6):
                out.append(self.statement(1) + self.tag(f"block {name}") + self.body(2) + self.one_of("", "{{ super() }}", "{{ super.super() }}", "{{ self.y() }}") + self.tag("endblock"))
        return out


def make(seed):
    """The case of a seed, and the parts of its template."""
    maker = Maker(seed)
    chunks = maker.chunks()
    options = {name: maker.chance(0.3) for name in ("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "strict", "autoescape")}
    if maker.prefix:
        options.update(line_statement_prefix="%%", line_comment_prefix="##")
    return jinja_cases.case(f"seed {seed}", "".join(chunks), templates=maker.templates, **options), chunks


def excused(problem):
    """Differences that are documented, and what Jinja itself does not mean."""
    return re.search(r" at 0x|(<|&lt;)(list_|dict_|gener)|(<|&lt;)(bound|built-in|function|method)|<generator|<class|<function|<method|<jinja2|<Macro|<TemplateRef|<itertools|Undefined object"
                     r"|64 bits|name '(inf|nan)' is not defined|takes more than|TimeoutError|int too large|Exceeds the limit|SyntaxError|RecursionError|MemoryError|too large to be printed|changed size during iteration|has no slices|'dict_(keys|items)' and", problem, re.IGNORECASE)


def alarm(*_):
    raise TimeoutError("too slow")


def check(case, answer):
    signal.alarm(10)
    try:
        problem = jinja_diff.check(case, answer)
        if problem:  # constant expressions fail in Jinja even where they never run
            problem = jinja_diff.check({**case, "optimized": False}, answer)
    finally:
        signal.alarm(0)
    return None if problem is None or excused(problem) else problem


def render(program, cases):
    lines = "".join(json.dumps(c) + "\n" for c in cases)
    result = subprocess.run([program], input=lines, stdout=subprocess.PIPE, text=True)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    if len(answers) != len(cases):
        print(f"FAIL {cases[len(answers)]['group']}: the program ended with {result.returncode}: {json.dumps(cases[len(answers)])}")
        sys.exit(1)
    return answers


def smaller(program, case, chunks):
    """Takes out what is not needed for the difference: parts, then templates."""
    for i in range(len(chunks) - 1, -1, -1):
        fewer = {**case, "template": "".join(chunks[:i] + chunks[i + 1:])}
        if check(fewer, render(program, [fewer])[0]):
            case, chunks = fewer, chunks[:i] + chunks[i + 1:]
    for name in list(case["templates"]):
        fewer = {**case, "templates": {n: t for n, t in case["templates"].items() if n != name}}
        if check(fewer, render(program, [fewer])[0]):
            case = fewer
    for name, value in list(case.items()):
        if value is True and check({**case, name: False}, render(program, [{**case, name: False}])[0]):
            case = {**case, name: False}
    return case


def run(program, seeds):
    made = [make(seed) for seed in seeds]
    failed = 0
    for (case, chunks), answer in zip(made, render(program, [c for c, _ in made])):
        if check(case, answer):
            failed += 1
            case = smaller(program, case, chunks)
            on = [name for name, value in case.items() if value is True]
            print(f"FAIL {case['group']} {on} {case['template']!r} {case['templates'] or ''}\n  {check(case, render(program, [case])[0])}", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float)
    args = parser.parse_args()
    signal.signal(signal.SIGALRM, alarm)
    sys.setrecursionlimit(3000)
    if args.seconds is not None:
        end, args.seed, failed, done = time.monotonic() + args.seconds, random.randrange(10**12), 0, 0
        while time.monotonic() < end:
            failed += run(args.program, range(args.seed + done, args.seed + done + 200))
            done += 200
    else:
        done = args.count
        failed = run(args.program, range(args.seed, args.seed + done))
    print(f"{done - failed} passed, {failed} failed")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
