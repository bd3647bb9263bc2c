# SPDX-License-Identifier: Apache-2.0
"""Cases of jinja_diff.py for str.format, urlize, pprint, and what has an element of chance."""

FORMAT = [
    "{} {} {}", "{0}{1}{0}", "{2}{}", "{}{2}", "{x} {d[a]} {d[c][x][1]} {l[0]} {l[-1]}", "{x}{y}", "{", "}", "{{}}", "{{{x}}}", "{}}", "{ x }",
    "{0!r} {0!s} {1!r:>5} {x!a} {x!r}", "{0!z}", "{0!}", "{0!rx}", "{0!r", "{0:", "{0:{}", "{0", "{x.upper}"[:0] + "{x.nope}", "{l.0}", "{d.a}",
    "{0:>{1}} {0:{x2}>{1}} {0:{1}.{2}}", "{x:{d[a]}}|", "{x[0]}", "{l[9]}", "{l[x]}", "{d[]}", "{d.}", "{l[0}", "{l[0]x}", "{:}", "{x:}", "{x!s:}",
    "{0:*^9} {0:<9} {0:>9} {0:9} {0:^9}|", "{x:*^9} {x:<9} {x:>9}|{x:9}|{x:^9}|{x:.2} {x:7.2} {x:05} {x:é^7} {x:s}", "{x:=5}", "{x:+}", "{x:,}", "{x:d}",
    "{x:#}", "{x:.}", "{x:5.}", "{x:xx}", "{x:99999999999}", "{0:+} {0: } {0:-} {1:+} {0:+d}", "{0:b} {0:o} {0:x} {0:X} {0:#b} {0:#o} {0:#x} {0:#X} {1:#b} {1:08b} {1:#08x}",
    "{0:c}", "{0:+c}", "{1:c}", "{big:,} {big:_} {big:_x} {big:#_x} {big:_b} {neg:,}", "{big:,x}", "{0:n} {big:n}", "{0:,n}", "{0:.2}", "{0:5} {0:05} {1:05} {0:<05} {0:=5} {0:*=+6}|{1:*=6}",
    "{0:010,} {big:020,} {big:021,} {big:022,} {big:023,} {neg:012,} {0:06,} {0:05,} {0:04,}", "{0:06_x} {0:07_x} {0:08_x} {0:09_x} {0:010_b}",
    "{pi} {pi:.2f} {pi:f} {pi:e} {pi:E} {pi:g} {pi:G} {pi:%} {pi:.0%} {pi:.1} {pi:.3} {pi:.0f} {pi:#.0f} {pi:.0e} {pi:#.0e}", "{pi:10} {pi:<10} {pi:010} {pi:+010.2f} {pi:,} {pi:010,.1f}",
    "{tiny} {tiny:.3} {tiny:f} {tiny:g} {huge} {huge:.3} {huge:,} {huge:f} {huge:,.2f} {huge:.22g}", "{one:.1} {one:.0} {one:.2} {one:g} {one:#g} {one:n} {one} {one:5} {one:%} {ten:.1} {ten:.2} {ten:.3} {hund:.2} {hund:.3} {hund:.4}",
    "{half:.0f} {half:.0} {mz} {mz:f} {mz:z} {mz:zf} {mz:+zf} {mz:.1} {mz:g}", "{pi:d}", "{pi:x}", "{pi:s}", "{0:s}", "{0:f} {0:e} {0:g} {0:%} {0:.2f} {0:+.1e}", "{pi:,n}", "{inf} {inf:f} {inf:F} {inf:08} {inf:+} {nan:E} {nan:5}|{inf:,}",
    "{t} {t:} {t:5} {t:<5} {t:d} {t:05} {f:+}|", "{t:s}", "{none} {none:}", "{none:5}", "{l} {l:}", "{l:5}", "{d:5}", "{und}|{und!r}", "{und:5}", "{und.x}", "{0:z}", "{pi:z.1f} {0:zf}",
    "{big:#,.3e} {big:,f} {big:_.1f} {pi:_} {0:_d}", "{uni:>8}|{uni:.2}|{uni!a}|{uni!r}", "{x:\n>5}", "{0:>10}{1:>{0}}", "{:d} {:s} {:.1f}"[:4] + "{:.1f}",
]
ARGS = "x='ab', x2='*', d={'a': 7, 'c': {'x': [10, 20]}}, l=[1, 2], big=1234567890123, neg=-1234567, pi=3.14159, tiny=0.0000123456, huge=1.5e22, one=1.0, ten=10.0, " \
       "hund=123.0, half=0.5, mz=-0.0, inf=('in' ~ missing ~ 'f')|float, nan=('na' ~ missing ~ 'n')|float, t=true, f=false, none=none, und=missing, uni='äöü€'"

# What has a quick way for the usual case: around where that ends.
QUICK = [
    "{% for n in [0.1, 0.25, 1.5, 100.0, 123456.789, 999999999.5, 1e9, 1234567890.5, 0.001, 0.0009, 0.1234567, 0.12345678, 1e15, 1e16, 1e22, 5e-324, 3.0, 2.675, -0.0, -2.5] %}{{ n }} {{ [n] }} {{ n|round }} {{ n|round(2) }} {{ n|round(9) }} {{ n|round(10) }}\n{% endfor %}",
    "{{ 0.5|round }} {{ 1.5|round }} {{ 2.5|round }} {{ -0.5|round }} {{ 1.005|round(2) }} {{ 2.675|round(2) }} {{ 0.125|round(2) }} {{ 1073741824.5|round }} {{ 107374182.45|round(1) }} {{ -0.001|round(2) }} {{ (1/3)|round(9) }} {{ 12345.678|round(-2) }}",
    "{% for s in ['', 'aZ', 'hello wORLD-foo (bar) [x] <y> {z}', 'tab\tnew\nline\x1cx', \"it's a_b 1st\", 'é aB', 'ß ok', '\x7f~'] %}{{ s|title }}|{{ s|upper }}|{{ s|lower }}|{{ s|capitalize }}|{{ [s] }}|{{ s|e }}|{{ s|wordcount }}|{{ s|center(9) }}|{{ s|indent }}|{{ s|replace('a', 'b') }}\n{% endfor %}",
    "{{ ['b', 'A', 'é', 'B', 'a', 'É']|sort }} {{ ['b', 'A', 'é', 'B', 'a', 'É']|unique|list }} {{ [3, 1, true, 2, 1.0, 1]|sort }} {{ [3, 1, 2, 9223372036854775807, -9223372036854775807]|sort(reverse=true) }} {{ [1, true, 1.0, 'x', 'X', none, none]|unique|list }}",
    "{{ [1, 2.5, 3]|sum }} {{ [true, 1]|sum }} {{ [-3, -2, 0, 1]|select('odd')|list }} {{ [-3, -2, 0, 1]|select('even')|list }} {{ [2.0, 3.0]|select('odd')|list }} {{ -7 % 3 }} {{ 7 % -3 }} {{ -7 // 2 }} {{ 1 < 2 < 3 < 3 }} {{ 1 < 2 <= 2 != 3 }}",
    "{{ '%d %5d %-5d| %05d %+d %x %X %o %#x %#o %.3d %i %u'|format(7, 7, 7, -7, 7, 255, 255, 8, 255, 8, 5, -0, 3) }} {{ '%d'|format(-9223372036854775807) }} {{ '%d'|format(2.9) }}",
    "{{ [[1, 2], (3, 4)]|map('first')|join }} {{ (1, 2)|join('-') }} {{ ['<', 1, none, 2.5]|join('&') }} {{ [d]|map(attribute='n.0')|list if false }} {{ [{'a': 1}, {'b': 2}, {'b': 3, 'a': 4}]|map(attribute='a', default=0)|list }} {{ [{'items': 5, 'x.y': 1, 'x': {'y': 2}}]|map(attribute='x.y')|list }}",
    "{% for x in [{'items': 1}] %}{{ x.items is callable }} {{ x['items'] }}{% endfor %} {% for k, v in {'a': 1, 'b': 2}.items() %}{{ loop.index }}{{ k }}{{ v }}{% endfor %} {% for a in [1] %}{{ loop.nope is defined }}{{ loop.first }}{{ loop['last'] }}{% endfor %} {{ not not 1 }} {{ not [] }}",
    "{% for x in [1, 2] %}{% for y in [x, x + 1] %}{{ loop.index }}{{ x * y }}{% set z = y %}{{ z }}{% endfor %}{{ z is defined }}{{ loop.cycle('a', 'b') }}{% endfor %} {% set q = [1] %}{% for x in q %}{% if x < 4 %}{% do q.append(x + 1) %}{% endif %}{{ x }}{% endfor %}{{ q }}",
]

METHODS = [
    "{{ 'a\\tb\\tcd\\n\\te'.expandtabs() }}|{{ '\\ta'.expandtabs(4) }}|{{ 'ab\\tc'.expandtabs(0) }}|{{ '\\t'.expandtabs(-1) }}|{{ 'é\\tx\\r\\ty'.expandtabs(tabsize=3) }}",
    "{{ 'A Bc D'.istitle() }} {{ 'a B'.istitle() }} {{ 'AB'.istitle() }} {{ ''.istitle() }} {{ '1 2'.istitle() }} {{ 'A1b'.istitle() }} {{ 'A1B'.istitle() }} {{ \"It's\".istitle() }} {{ 'Ä Öl'.istitle() }}",
    "{{ 'a_1'.isidentifier() }} {{ '1a'.isidentifier() }} {{ ''.isidentifier() }} {{ 'a-b'.isidentifier() }} {{ '_'.isidentifier() }} {{ 'ä'.isidentifier() }} {{ 'for'.isidentifier() }} {{ 'a b'.isidentifier() }}",
    "{{ 'a b'.isprintable() }} {{ ''.isprintable() }} {{ 'a\\n'.isprintable() }} {{ '\\u00a0'.isprintable() }} {{ 'é€'.isprintable() }} {{ '\\x7f'.isprintable() }}",
    "{% set q = {'a': 1, 'b': 2} %}{{ q.popitem() }}{{ q }}{{ q.popitem() }}{{ q }}", "{{ {}.popitem() }}", "{% set q = {'a': 1, 'b': 2} %}{% do q.pop('b') %}{{ q.popitem() }}{{ q|length }}{% do q.update(z=1) %}{{ q }}",
    "{{ {}.fromkeys(['a', 'b']) }} {{ {'q': 1}.fromkeys('ab', 0) }} {{ {}.fromkeys(range(3), value)|length if false }}", "{{ {}.fromkeys(5) }}", "{{ {}.fromkeys([[]]) }}",
    "{{ '{a} {b[0]}'.format_map({'a': 1, 'b': [2]}) }}", "{{ '{}'.format_map({'': 1}) }}", "{{ '{0}'.format_map({'0': 1}) }}", "{{ '{a}'.format_map({}) }}", "{{ '{a}'.format_map([]) }}", "{{ '{a:{w}}'.format_map({'a': 1, 'w': 3}) }}",
    "{{ '{}'.format() }}", "{{ '{} {}'.format(*[1, 2]) }} {{ '{a}'.format(**{'a': 3}) }}", "{% for i in [5, 6] %}{{ '{0.index}/{0.length} {1}'.format(loop, i) }} {% endfor %}",
    "{{ '{a.x}'.format(a=namespace(x=4)) }}", "{{ '{a[x]}'.format(a=namespace(x=4)) }}", "{{ '{0[0]}{0[1]}'.format((1, 2)) }} {{ '{0[2]}'.format(range(5)) }}", "{{ '{:>5}'.format(missing.x if false) }}", "{{ '{0[0]}'.format('abc') }}",
    "{{ '{0[1]}'.format({1: 'x'}) }}", "{{ '{0[1]}'.format({'1': 'x'}) }}", "{{ '{:s}'.format('x') }}{{ 'plain'.format() }}{{ ''.format(1, 2, a=3) }}",
    "{{ [5]|random }} {{ []|random }} {{ 'x'|random }} {{ ''|random }} {{ (items|random) in items }} {{ range(3, 4)|random }} {{ missing|random }}", "{{ 5|random }}", "{{ {0: 'a'}|random }}", "{{ {'b': 'a'}|random }}", "{{ items|map('string')|random }}", "{{ none|random }}",
    "[{{ lipsum(0) }}] {{ lipsum(3).count('<p>') }} {{ lipsum().count('</p>') }} {{ lipsum(2, html=false).count('<') }} {{ lipsum(4, false).split('\\n\\n')|length }} {{ lipsum(1, false, 5, 6).split()|length }} {{ lipsum(-1) }} {{ lipsum(1, false)[-1] }}",
    "{{ lipsum(1, max=3) }}", "{{ lipsum('x') }}", "{{ lipsum(1, min=5, max=5) }}", "{{ lipsum(1, false, 0, 1) }}", "{{ lipsum(n=1) is escaped }} {{ lipsum(n=1, html=false) is escaped }} {{ lipsum is callable }} {{ lipsum(2, false, 10, 20)[0] is upper }}",
]

URLS = [
    "http://example.com", "https://example.com/a?b=c&d#e", "www.example.com", "WWW.Example.COM/x", "example.com", "example.org:8080/x", "foo.bar.net?q", "a.com", "example.de", "sub_x.example.info", "-.com", "ab.cd",
    "http://x", "http://localhost", "http://localhost:8000/x", "http://x.y", "http://.com", "http://a..com", "http://a.b.c1", "http://xn--a.xn--p1ai", "http://xn--80ak6aa92e", "http://127.0.0.1", "http://127.0.0.1:80/x", "127.0.0.1", "http://1.2.3", "http://1.2.3.4.5", "http://1234.1.1.1",
    "http://[::1]", "http://[::1]:80/", "http://[1:2:3:4:5:6:7:8]", "http://[1:2:3:4:5:6:7:8:9]", "http://[12345::]", "http://[g::]", "http://[::", "http://[a:b]", "(http://example.com)", "http://example.com/a(b)", "(http://example.com/a(b))", "((www.example.com))",
    "<http://example.com>", "&lt;www.example.com&gt;", "http://example.com.", "http://example.com,", "http://example.com).,", "http://example.com!", "http://example.com:123456", "http://example.com:", "http://example.com:80", "me@example.com", "mailto:me@example.com",
    "mailto:me@example", "me@x.y.z.", "@x.com", "a@b@c.de", "a@-b.de", "a@b-c.de", "a@b.d-e", "a@b..de", "a@.de", "www.me@example.com", "x:me@example.com", "http://me@example.com/", "ftp://x.y", "tel:+1", "ftp:", "ssh://h/p", "https://ex%41mple.com/", "http://ümlaut.de", "http://example.рф",
    "http://e.com/é?ü", "a(b", "()", "(", ")", ".", "", "x", "http://example.com/a&amp;b", "'http://q.com'", '"http://q.com"', "http://a.com/'x\"", "http://example.museum/..", "x.com.", "x.com/.", "aa.com>)", "aa.com/(a(b)c))", "http://a.co\thttp://b.co\n\nwww.c.co",
]
URLIZE = [
    "{{ v|urlize }}", "{{ v|urlize(8) }}", "{{ v|urlize(0) }}", "{{ v|urlize(-3) }}", "{{ v|urlize(100, true) }}", "{{ v|urlize(target='_blank') }}", "{{ v|urlize(rel='b a b') }}", "{{ v|urlize(none, true, 'a\"b', 'x>y') }}",
    "{{ v|urlize(extra_schemes=['ftp:', 'tel:', 'ssh://']) }}", "{{ v|urlize(nofollow=false, target='') }}",
]
URLIZE_ONCE = [
    "{{ v|urlize(extra_schemes=['f:']) }}", "{{ v|urlize(extra_schemes=['ftp']) }}", "{{ v|urlize(extra_schemes=['ftp:///']) }}", "{{ v|urlize(extra_schemes=[]) }}", "{{ v|urlize(extra_schemes=['tel:', 'tel:+']) }}", "{{ v|urlize('x') }}", "{{ 5|urlize }} {{ none|urlize }} {{ missing|urlize }}",
    "{{ 'http://a.co <b>'|safe|urlize }}", "{{ '<http://a.co>'|safe|urlize }} {{ '(<www.a.co>)'|safe|urlize }}", "{{ 'www.a.co'|urlize is escaped }} {% autoescape false %}{{ 'www.a.co'|urlize is escaped }}{% endautoescape %}", "{{ v|urlize(rel='') }}", "{{ v|urlize(rel=none, target=none) }}",
]

PPRINT = [
    "items", "d", "users", "tree", "text", "uni", "multi", "1", "1.5", "none", "true", "''", "[]", "{}", "()", "(1,)", "range(3)", "missing", "html", "html|safe", "[html|safe] * 9", "d.items()|list", "d.keys()", "users + users",
    "text * 6", "(text ~ ' ') * 6", "[text * 6]", "[text * 3, 'x']", "[(text ~ ' ') * 9, (text ~ '\n') * 4]", "(multi * 12)", "'a' * 77", "'a' * 78", "'a' * 79", "'a' * 100", "['a' * 76]", "['a' * 77]", "['a' * 78]", "('a' * 75,)", "('a' * 76,)", "('a' * 77, 1)",
    "{'k': 'a ' * 60}", "{'k': ['a ' * 60, 1]}", "{'b': 1, 'a': 2, 'c': {'z': 1, 'y': 2}}", "{'b': text, 'a': text, 'c': text}", "{'b': range(30)|list, 'a': {'y': range(30)|list, 'x': [text, text, [text, text]]}}", "{1: 'a', 'b': 2, none: 3, (1, 2): 4}", "{2: text, 1: text, 1.5: text, true: 5, 10: 1}",
    "range(40)|list", "range(27)|list", "range(26)|list", "[[range(20)|list] * 3] * 2", "(range(20)|list, range(20)|list)", "((text, text), (text, text))", "[{}, [], (), [[]]] * 8", "'x y\n' * 30", "'\n' * 30", "' ' * 90", "'a\t\"\\'b ' * 20", "[\"it's \" * 20]", "uni * 5", "[uni ~ ' ' ~ uni ~ ' ' ~ uni]", "{'a' * 50: 'b ' * 30}", "[1.0, -0.0, 1e100] * 10",
    "{'a': [{'b': [{'c': [text, text, text]}]}]}", "[none, true, false] * 6", "[('a ' * 45, 'b')]", "{'a': ('b ' * 45,)}", "[[['a ' * 40]]]", "'é ' * 45", "'a\\r\\nb\\x0b' * 20", "words|sort|map('upper')|list", "[missing, missing]", "pairs|map('first')|list",
]


def rows():
    """(template, options) of each case; `v` is a text with addresses."""
    for text in FORMAT:
        quoted = text.replace("\\", "\\\\").replace("'", "\\'")
        yield "{{ '%s'.format(1234, -5, 3, %s) }}" % (quoted, ARGS), {}
        yield "{{ ('%s'|safe).format(12, '<b>', '<i>'|safe, %s) }}" % (quoted, ARGS), {}
    yield "{{ ('<{}>'|safe).format('<b>'|safe) }} {{ ('{:5}'|safe).format('<') }} {{ ('{:5}'|safe).format(5) }} {{ ('{a}'|safe).format_map({'a': '<'}) }}", {"autoescape": True}
    yield "{{ ('{:5}'|safe).format('<'|safe) }}", {"autoescape": True}
    for template in METHODS:
        yield template, {}
        yield template, {"strict": True}
    for template in URLIZE:
        for url in URLS:
            yield "{% set v = " + repr(url) + " %}" + template, {"autoescape": template == URLIZE[0]}
        yield "{% set v = " + repr("See " + " ".join(URLS) + "\n  end") + " %}" + template, {}
    for template in URLIZE_ONCE:
        yield "{% set v = 'see www.example.com, ftp://x.y tel:+1' %}" + template, {"autoescape": True}
    for template in QUICK:
        yield template, {}
        yield template, {"autoescape": True}
    for value in PPRINT:
        yield "{{ (" + value + ")|pprint }}", {}
    yield "{{ [html, 'a']|pprint }}", {"autoescape": True}
    yield "{{ missing|pprint }}", {"strict": True}
