# SPDX-License-Identifier: Apache-2.0
"""The written cases of jinja_diff.py: templates by group, all with the same context."""
import jinja_escape
import jinja_lines
import jinja_more
import jinja_templates

CONTEXT = {
    "name": "World",
    "empty": "",
    "text": "the quick brown fox",
    "mixed": "Hello, wOrld-wide [web] (now)",
    "html": "<a href=\"x\">it's & more</a>",
    "multi": "one\ntwo\n\nfour\n",
    "uni": "Äpfel für Straße, naïve 日本語",
    "n": 42,
    "neg": -7,
    "zero": 0,
    "pi": 3.14159,
    "big": 1e20,
    "small": 1e-7,
    "yes": True,
    "no": False,
    "nothing": None,
    "items": [1, 2, 3, 4, 5],
    "words": ["pear", "Apple", "fig", "apple", "Banana"],
    "nums": [3, 1, 2, 3, 1],
    "nested": [[1, 2], [3], []],
    "pairs": [["a", 1], ["b", 2]],
    "d": {"b": 2, "a": 1, "c": {"x": [10, 20]}},
    "users": [
        {"name": "ann", "age": 31, "tags": ["x", "y"], "on": True},
        {"name": "Bob", "age": 25, "tags": [], "on": False},
        {"name": "cy", "age": 31, "tags": ["z"], "on": True},
    ],
    "tree": [{"n": "a", "kids": [{"n": "b", "kids": []}, {"n": "c", "kids": [{"n": "d", "kids": []}]}]},
             {"n": "e", "kids": []}],
}

GROUPS = {
    "text": [
        "", "plain", "a\nb\n", "a\n", "\n", "\n\n", "{ % } {", "}} %} #}", "a{# comment #}b",
        "a{# multi\nline #}b", "{##}", "x{#- c -#}y", "x {#- c -#} y", "a\r\nb\rc\n", "a\r\n",
        "{{ '{{' }}", "{{ '}}' }}", "{{ \"%}\" }}", "{% raw %}{{ x }} {% if %}{# c #}{% endraw %}",
        "a {%- raw -%} {{ x }} {%- endraw -%} b", "{% raw %}\n a\n{% endraw %}\n b", "{%raw%}x{%endraw%}",
        "{% raw %}{% endraw %}", "{% raw %}x{% endrawx %}{% endraw %}", "日本語 {{ uni }}", "{{name}}",
        "{{ name }}{{ name }}", "{{- name -}}", " {{- name -}} ", "a\n  {{- name }}\n b",
        "a {{+ 1 }}", "{{ 1 }}\n", "{{ 1 }}\n\n", "a{{ }}", "{{", "{%", "{# x", "{{ name", "{% if x",
        "{% raw %} x", "{{ name }", "{% %}", "{% unknown %}", "{% endif %}", "{{ 1 2 }}", "\x0c{{ 1 }}\x0b",
    ],
    "space": [
        "{% if yes %}\na\n{% endif %}\nb", "  {% if yes %}\n  a\n  {% endif %}\n  b\n",
        "x {% if yes %}\n  a\n {% endif %}b", "  {%+ if yes %}\n a\n{% endif +%}\nb",
        "{% if yes -%}\n a\n{%- endif %}\n", "{% if yes %}\n\n\na{% endif %}", "\t{% set x = 1 %}\n\t{{ x }}\n",
        "  {# c #}\n  a", "  {#- c #}\n  a", "a\n  {#+ c +#}\n  b", "{% for i in items %}\n  {{ i }}\n{% endfor %}\n",
        "{% for i in items %}\n  {% if i > 2 %}\n    {{ i }}\n  {% endif %}\n{% endfor %}\nend",
        "  {{ name }}\n  {{- name }}\n", "a  {% raw %}  b  {% endraw %}  c", "  {% raw %}\n x\n  {% endraw %}\n y",
        "  {%- raw %}\n x\n  {%- endraw +%}\n y", "a\n\n  {%- if yes %} b {%- endif %}\n\nc", "  {% if yes %}x{% endif %}  \n",
        " \u00a0{% if yes %}x{% endif %}", "a\r\n  {% if yes %}\r\n x\r\n  {% endif %}\r\nb", "{% if yes %}\n", "{% set a = 1 %}\n",
        "{% if yes %} {% endif %}\n", "{{ 1 }}\n{% if no %}{% endif %}\n\n", "  {% set x %}\n  y\n  {% endset %}\n[{{ x }}]",
        "{% macro m() %}\n  a\n{% endmacro %}\n[{{ m() }}]\n", "\n  {% if yes %}a{% endif %}", "a {% if yes %}\n b",
    ],
    "literals": [
        "{{ 1 }} {{ 0 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 00 }}", "{{ 1.5 }} {{ 1e3 }} {{ 2.5e-3 }} {{ 1_0.0_1 }}",
        "{{ 1e16 }} {{ 1e15 }} {{ 123456789012345678.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1e300 * 1e10 }}",
        "{{ 0.1 + 0.2 }} {{ 1/3 }} {{ 100.0 }} {{ -0.0 }}", "{{ true }} {{ True }} {{ false }} {{ none }} {{ None }}",
        "{{ 'a' \"b\" 'c' }}", "{{ 'it\\'s' }} {{ \"\\\"\" }}", "{{ 'a\\nb\\tc\\\\d' }}", "{{ '\\x41\\u00e9\\U0001F600\\101' }}",
        "{{ '\\q\\ ' }}", "{{ [] }} {{ [1] }} {{ [1, 'a', none, true, 1.5] }} {{ [1,2,] }}", "{{ () }} {{ (1,) }} {{ (1, 2) }} {{ 1, 2 }}",
        "{{ {} }} {{ {'a': 1, 2: 'b', none: [1]} }} {{ {'a': 1,} }}", "{{ ['it\\'s', 'say \"x\"', 'b\\\\c', 'both \\'\"'] }}",
        "{{ ['\\n\\t\\r\\x00\\x7f', 'é日\\u200b\\xa0\\xad'] }}", "{{ [[1, [2]], (3,), {'k': (4, 5)}] }}", "{{ {'a': {'b': {}}}}}",
        "{{ (1) }} {{ ((1, 2), 3) }}", "{{ 'multi\nline' }}", "{{ 012 }}", "{{ 1__0 }}", "{{ 'open }}", "{{ [1, 2 }}", "{{ {'a' 1} }}",
        "{{ '\\xzz' }}", "{{ uni }} {{ [uni] }}", "{{ 1.e3 }}", "{{ .5 }}", "{{ ''.x }}", "{{ '' }}|{{ \"\" }}",
    ],
    "math": [
        "{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 10 - 2 - 3 }}", "{{ 7 / 2 }} {{ 6 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }}",
        "{{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 % 2 }} {{ -7.5 % 2 }} {{ 7.5 // 2 }} {{ -7.5 // 2 }}",
        "{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ (-2) ** 3 }}", "{{ -n }} {{ +n }} {{ - -n }} {{ -pi }} {{ -true }}",
        "{{ 1 + 1.5 }} {{ 1.5 + 1 }} {{ true + true }} {{ 3 * 1.0 }}", "{{ 'a' + 'b' }} {{ [1] + [2] }} {{ (1,) + (2,) }}",
        "{{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [1, 2] * 2 }} {{ 'x' * 0 }} {{ 'x' * -1 }} {{ (1,) * 2 }}", "{{ 1 ~ 2 }} {{ 'a' ~ 1 ~ none ~ [1] }} {{ 1 ~ 2 + 3 }}",
        "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1.0 / 0 }}", "{{ 0 ** -1 }}", "{{ 'a' + 1 }}", "{{ 1 + 'a' }}", "{{ [] + () }}", "{{ none + 1 }}",
        "{{ 'a' - 'b' }}", "{{ -'a' }}", "{{ {} + {} }}", "{{ 9223372036854775807 }} {{ -9223372036854775807 - 1 }}", "{{ 10 // 3 * 3 + 10 % 3 }}",
        "{{ big + 1 }} {{ small * 10 }} {{ big // 7 }}", "{{ 5.0 // 2.0 }} {{ 5 // 2.0 }} {{ 1e16 + 1 }}", "{{ 1 - 1.0 }} {{ 0.0 * -1 }}",
        "{{ '%s is %d' % ('x', 3) }} {{ '%s' % 1 }} {{ '%5.2f|%-5s|%05d|%+d|%x|%X|%o|%e|%g|%%' % (pi, 'a', 42, 5, 255, 255, 8, pi, pi) }}",
        "{{ '%(a)s %(b)d' % d }}", "{{ '%r %c' % ('x', 'y') }}", "{{ '%d' % 'a' }}", "{{ '%s %s' % ('a',) }}", "{{ '%s' % ('a', 'b') }}", "{{ '%z' % 1 }}", "{{ '%.3s|%#x|% d' % ('abcdef', 255, 3) }}",
        "{{ '%*d' % (5, 42) }}", "{{ '%i' % 3.7 }}",
    ],
    "compare": [
        "{{ 1 == 1 }} {{ 1 == 1.0 }} {{ 1 == true }} {{ 1 == '1' }} {{ none == false }}", "{{ 1 != 2 }} {{ 'a' != 'a' }}", "{{ 1 < 2 }} {{ 2 <= 2 }} {{ 3 > 4 }} {{ 4 >= 4 }}",
        "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 > 1 == 1 }} {{ 1 == 1 in [true] }}", "{{ 'a' < 'b' }} {{ 'B' < 'a' }} {{ 'ab' < 'abc' }} {{ 'é' > 'z' }}",
        "{{ [1, 2] < [1, 3] }} {{ [1] < [1, 0] }} {{ (1, 2) == (1, 2) }} {{ [1] == (1,) }}", "{{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}", "{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ [1] < 1 }}", "{{ {} < {} }}",
        "{{ 1 in items }} {{ 9 in items }} {{ 9 not in items }} {{ 'a' in d }} {{ 'z' not in d }}", "{{ 'quick' in text }} {{ '' in '' }} {{ 'x' in '' }}", "{{ 1 in 'a1' }}", "{{ 1 in 5 }}", "{{ [1] in [[1]] }}", "{{ 2 in (1, 2) }} {{ 3 in range(5) }} {{ 3 in range(0, 10, 2) }} {{ 2.0 in range(5) }}",
        "{{ not true }} {{ not 0 }} {{ not not 'a' }} {{ not 1 == 2 }} {{ not 1 in [1] }}", "{{ 1 and 2 }} {{ 0 and 2 }} {{ 0 or 'x' }} {{ '' or none }} {{ 1 or 1/0 }} {{ 0 and 1/0 }}", "{{ true and false or true }} {{ true or true and false }}",
        "{{ 'yes' if yes else 'no' }} {{ 'a' if no }}|{{ 1 if no else 2 if no else 3 }}", "{{ (1 if yes) + 1 }}", "{{ nums == [3, 1, 2, 3, 1] }} {{ d.c == {'x': [10, 20]} }}", "{{ 1 if items else 2 }} {{ 1 if [] else 2 }} {{ 1 if {} else 2 }} {{ 1 if 0.0 else 2 }}",
        "{{ 1 < 2 and 2 < 3 }} {{ 1 == 1 != 2 }}", "{{ 5 in [1] or 5 }}", "{{ 'a' 'b' == 'ab' }}", "{{ 0.1 + 0.2 == 0.3 }} {{ 1e20 == 100000000000000000000.0 }}",
    ],
    "access": [
        "{{ d.a }} {{ d['b'] }} {{ d.c.x }} {{ d.c.x.0 }} {{ d.c.x[1] }} {{ d['c']['x'][-1] }}", "{{ items[0] }} {{ items[-1] }} {{ items.2 }}", "{{ text[0] }} {{ text[-1] }} {{ uni[0] }} {{ uni[-1] }}", "{{ items[9] }}|{{ d.zz }}|{{ d['zz'] }}|{{ text[99] }}",
        "{{ missing.x }}", "{{ d.zz.y }}", "{{ missing['x'] }}", "{{ items[1:3] }} {{ items[:2] }} {{ items[3:] }} {{ items[:] }} {{ items[::2] }} {{ items[::-1] }}", "{{ items[-2:] }} {{ items[:-2] }} {{ items[4:1:-1] }} {{ items[10:] }} {{ items[-99:99] }}",
        "{{ text[4:9] }} {{ uni[:3] }} {{ text[::-1] }} {{ uni[::-2] }} {{ text[::5] }}", "{{ (1, 2, 3)[1:] }} {{ range(10)[2:5]|list }} {{ range(10)[::3]|list }} {{ range(10)[3] }}", "{{ items[::0] }}", "{{ items['a'] }}|{{ 5[0] }}|{{ none.x }}", "{{ d.items() }} {{ d.keys() }} {{ d.values() }}",
        "{{ d.items()|list }}", "{{ {'items': 1}.items is callable }}", "{{ {'items': 1}['items'] }}", "{{ d[1, 2] }}|{{ {(1, 2): 'x'}[1, 2] }}", "{{ {1: 'a'}[1] }} {{ {1: 'a'}[1.0] }} {{ {1: 'a'}[true] }}", "{{ name.upper() }} {{ name['upper']() }}", "{{ users[0].name }} {{ users[1]['age'] }} {{ users[-1].tags[0] }}", "{{ nested[0][1] }}{{ nested.1.0 }}", "{{ name() }}", "{{ missing() }}", "{{ items[1.5] }}|", "{{ range(3)[-1] }} {{ range(3)[5] }}|", "{{ d.c['x'][0:1] }}", "{{ 'abc'[1] }}{{ [1,2,3][0] }}{{ {'a':1}.a }}",
    ],
    "undefined": [
        "{{ missing }}", "[{{ missing|default('x') }}] [{{ missing|d }}] [{{ none|d('x') }}] [{{ none|d('x', true) }}] [{{ ''|d('x', boolean=true) }}]", "{{ missing is defined }} {{ name is defined }} {{ missing is undefined }} {{ d.x is defined }}", "{% if missing %}a{% else %}b{% endif %}", "{% for x in missing %}a{% else %}b{% endfor %}", "{{ missing == missing }} {{ missing == 1 }} {{ missing != 1 }}", "{{ missing ~ 'a' }}",
        "{{ missing + 1 }}", "{{ 1 + missing }}", "{{ missing < 1 }}", "{{ -missing }}", "{{ missing|length }}", "{{ missing|upper }}|", "{{ missing|join(',') }}|", "{{ missing|list }}", "{{ missing|first }}|", "{{ missing|int }}", "{{ 'a' in missing }}", "{{ missing in items }}", "{{ missing in 'abc' }}", "{{ not missing }}", "{{ missing or 1 }}", "{{ missing and 1 }}|", "{{ missing if no else 'x' }}", "{{ 'x' if missing }}|",
        "{{ [missing] }}", "{{ {'a': missing} }}", "{{ missing|string }}|", "{{ missing|sort }}", "{{ missing|sum }}", "{{ missing|max }}|", "{{ missing|reverse|list }}", "{{ missing|tojson }}", "{{ missing|e }}|", "{{ missing|trim }}|", "{{ missing|replace('a', 'b') }}|", "{{ missing is none }} {{ missing is string }} {{ missing is number }} {{ missing is mapping }} {{ missing is iterable }} {{ missing is sequence }}", "{{ missing is sameas missing }}", "{{ missing.x is defined }}", "{{ missing.x|default('y') }}", "{{ d.x.y|default('y') }}", "{{ d.x|default(d.a) }}", "{{ missing|abs }}", "{{ missing|round }}", "{{ missing|float }}", "{{ missing[1:2] }}", "{{ missing * 2 }}", "{{ missing|unique|list }}", "{{ missing|map('upper')|list }}", "{{ missing|items|list }}", "{{ missing is in items }}", "{{ missing is eq 1 }}", "{{ missing|batch(2)|list }}", "{{ missing|indent }}|", "{{ missing|title }}|{{ missing|capitalize }}|{{ missing|wordcount }}", "{% set x = missing %}{{ x is defined }}", "{{ '%s' % missing }}|", "{{ missing|dictsort }}", "{{ missing is callable }}",
    ],
    "if": [
        "{% if yes %}a{% endif %}", "{% if no %}a{% else %}b{% endif %}", "{% if no %}a{% elif n == 42 %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% elif yes %}c{% elif yes %}d{% endif %}", "{% if yes %}{% if no %}x{% else %}y{% endif %}{% endif %}", "{% if n > 40 and name == 'World' or no %}x{% endif %}", "{% if yes %}{% set q = 1 %}{% endif %}{{ q }}", "{% if no %}{% set q = 1 %}{% endif %}{{ q }}|", "{% if items %}full{% endif %}{% if not empty %}empty{% endif %}", "{% if 1, 2 %}t{% endif %}",
        "{% if %}a{% endif %}", "{% if yes %}a", "{% if yes %}a{% endfor %}", "{% else %}", "{% if yes %}a{% else %}b{% else %}c{% endif %}", "{% if no %}{{ x|nosuch }}{% endif %}ok", "{% if yes %}{{ 1|nosuch }}{% endif %}ok", "{{ 1|nosuch }}", "{{ 1 is nosuch }}", "{% if yes %}{% elif no %}{% endif %}",
    ],
    "for": [
        "{% for i in items %}{{ i }},{% endfor %}", "{% for i in [] %}a{% else %}none{% endfor %}", "{% for i in items %}{{ i }}{% else %}none{% endfor %}", "{% for c in 'añb' %}[{{ c }}]{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for a, b in pairs %}{{ a }}{{ b }}{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}", "{% for a, b in [[1,2,3]] %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for x in none %}{% endfor %}",
        "{% for i in items if i is odd %}{{ loop.index }}/{{ loop.length }}:{{ i }} {% endfor %}", "{% for i in items if i > 10 %}x{% else %}none{% endfor %}", "{% for i in items %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}|{% endfor %}", "{% for i in items %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}", "{% for i in items %}{% if loop.previtem is defined %}{{ i - loop.previtem }}{% endif %}{% endfor %}", "{% for i in items %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for i in nums|sort %}{% if loop.changed(i) %}{{ i }}{% endif %}{% endfor %}", "{% for i in items %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
        "{% for r in nested %}{% for x in r %}{{ loop.index }}{{ x }}{% else %}-{% endfor %};{% endfor %}", "{% for r in nested %}{% set outer = loop %}{% for x in r %}{{ outer.index }}.{{ loop.index }} {% endfor %}{% endfor %}", "{% set x = 1 %}{% for i in items %}{% set x = i %}{% endfor %}{{ x }}", "{% for i in items %}{% endfor %}{{ i }}|", "{% set i = 'o' %}{% for i in items %}{{ i }}{% endfor %}{{ i }}", "{% for i in items %}{{ x }}{% set x = i %}{% endfor %}", "{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}", "{% for i in items|reverse %}{{ i }}{% endfor %}",
        "{% for n in tree recursive %}{{ n.n }}{{ loop.depth }}{% if n.kids %}({{ loop(n.kids) }}){% endif %}{% endfor %}", "{% for n in tree recursive %}{{ loop.index }}{{ loop(n.kids) }}{% else %}.{% endfor %}", "{% for i in items %}{{ loop([1]) }}{% endfor %}", "{% for i in items %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for i in items %}{% for j in items %}{% if j == 2 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}", "{% for i in items %}{% break %}{% else %}e{% endfor %}", "{% break %}", "{% for i in items %}{% endfor %}{% continue %}", "{% for i in items %}{% for j in [] %}{% else %}{% break %}{% endfor %}{{ i }}{% endfor %}",
        "{% for u in users %}{{ u.name }}:{{ u.tags|join('+') }};{% endfor %}", "{% for i in (1, 2) %}{{ i }}{% endfor %}{% for i in 1, 2 %}{{ i }}{% endfor %}", "{% for i in items %}a{% endif %}", "{% for i in items %}", "{% for in items %}{% endfor %}", "{% for i items %}{% endfor %}", "{% for i in items|map('string')|list %}{{ i ~ '!' }}{% endfor %}", "{% for x in items[:2] + [9] %}{{ x }}{% endfor %}", "{% for i in items if loop.index > 1 %}{{ i }}{% endfor %}", "{% for k, v in d|dictsort %}{{ k }}{{ loop.last }}{% endfor %}", "{{ loop }}|", "{% for i in items %}{{ loop.nope }}|{% endfor %}", "{% for true in items %}{% endfor %}", "{% for i in [1, 2, 3] if i != 2 %}{{ loop.previtem|d('-') }}{{ i }}{% endfor %}", "{% for a in 'ab' %}{% for b in 'xy' %}{{ loop.index }}{{ a }}{{ b }}{% endfor %}{{ loop.index }}{% endfor %}", "{% for i in items %}{{ loop.cycle() }}{% endfor %}",
    ],
    "set": [
        "{% set x = 5 %}{{ x }}", "{% set a, b = 1, 2 %}{{ b }}{{ a }}", "{% set a, b = pairs %}{{ a }}{{ b }}", "{% set x = 1, 2 %}{{ x }}", "{% set x %}a{{ name }}b{% endset %}[{{ x }}]", "{% set x | upper %}abc{% endset %}{{ x }}", "{% set x | upper | replace('A', '-') %}abc{% endset %}{{ x }}", "{% set ns = namespace(a=1) %}{% for i in items %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}", "{% set ns = namespace() %}{% set ns.x = 3 %}{{ ns.x }}{{ ns.y }}|", "{% set ns = namespace({'q': 1}, z=2) %}{{ ns.q }}{{ ns.z }}", "{% set d.a = 1 %}", "{% set missing.a = 1 %}", "{% set x = x|d(1) + 1 %}{{ x }}", "{% set n = n + 1 %}{{ n }}", "{% set true = 1 %}", "{% set x = %}", "{% set 1 = 2 %}", "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}|", "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "{% set a = [] %}{% do a.append(1) %}{% do a.extend([2, 3]) %}{{ a }}", "{% set q = {} %}{% do q.update({'k': 1}) %}{{ q }}", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}|", "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x }}|", "{% with a, b = (1, 2) %}{{ a }}{% endwith %}", "{% filter upper %}abc {{ name }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aaa{% endfilter %}", "{% filter upper %}{% set x = 1 %}{% endfilter %}{{ x }}|", "{% filter nosuch %}{% endfilter %}", "{% print 1, 2 %}{% print name %}",
    ],
    "macro": [
        "{% macro m() %}x{% endmacro %}{{ m() }}{{ m() }}", "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=4, a=5) }}", "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(x=1) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(7) }}", "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}", "{% macro m() %}{% set y = 1 %}{% endmacro %}{{ m() }}{{ y }}|", "{% macro m(a) %}{% endmacro %}{{ m.name }} {{ m.arguments }} {{ m.catch_varargs }} {{ m.catch_kwargs }} {{ m.caller }}", "{% macro f(n) %}{% if n > 1 %}{{ n }}*{{ f(n - 1) }}{% else %}1{% endif %}{% endmacro %}{{ f(5) }}", "{% macro m() %}({{ caller() }}){% endmacro %}{% call m() %}in {{ name }}{% endcall %}", "{% macro m() %}{% for i in items %}{{ caller(i, loop.index) }}{% endfor %}{% endmacro %}{% call(a, b) m() %}{{ a }}/{{ b }} {% endcall %}", "{% macro m() %}{{ caller }}{% endmacro %}{{ m() }}|", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}|", "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", "{{ m() }}{% macro m() %}x{% endmacro %}", "{% macro m(a, b) %}{{ a ~ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}{{ m(1, *[5]) }}", "{% macro m(a, a2=1, b) %}{% endmacro %}", "{% macro m(a %}{% endmacro %}", "{% macro m(x) %}{{ x|upper }}{% endmacro %}{{ m('a') ~ m('b') }}", "{% macro m() %}a{% endmacro %}{{ m()|upper }} {{ m() == 'a' }} {{ m()|length }}", "{% for i in items %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m(a=[]) %}{{ a }}{% endmacro %}{{ m() }}{{ m([1]) }}", "{% call name() %}{% endcall %}", "{% call name %}{% endcall %}", "{% macro inner() %}i{% endmacro %}{% macro outer() %}o{{ inner() }}{% endmacro %}{{ outer() }}", "{% macro m(a, b=missing|d('z')) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}", "{% macro m(n) %}{{ n }}{{ name }}{% endmacro %}{% with name = 'w' %}{{ m(1) }}{% endwith %}",
    ],
    "filters": [
        "{{ name|upper }} {{ name|lower }} {{ mixed|title }} {{ mixed|capitalize }}", "{{ uni|upper }} {{ uni|lower }} {{ uni|title }}", "{{ '  x '|trim }}| {{ 'xxaxx'|trim('x') }} {{ 'xyaxy'|trim(chars='yx') }}", "{{ text|replace('quick', 'slow') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 'ab'|replace('', '-') }} {{ 123|replace(2, 'x') }}", "{{ html|e }} {{ html|escape }} {{ 5|e }} {{ html|e|e }} {{ html|forceescape }}", "{{ html|safe }}", "{{ ('<'|e) + '<' }} {{ ('<'|e) ~ '<' }}", "{{ items|length }} {{ text|length }} {{ uni|count }} {{ d|length }}", "{{ 5|length }}", "{{ items|join }} {{ items|join(', ') }} {{ items|join(d='-') }} {{ users|join(',', attribute='name') }} {{ users|join('|', 'age') }}", "{{ items|first }} {{ items|last }} {{ 'abc'|first }}{{ 'abc'|last }} {{ []|first }}|{{ []|last }}| {{ d|first }}{{ d|last }}",
        "{{ words|sort }} {{ words|sort(true) }} {{ words|sort(case_sensitive=true) }} {{ nums|sort(reverse=true) }}", "{{ users|sort(attribute='age')|map(attribute='name')|join(' ') }}", "{{ users|sort(attribute='age,name')|map(attribute='name')|join(' ') }}", "{{ users|sort(attribute='age', reverse=true)|map(attribute='name')|list }}", "{{ [1, 'a']|sort }}", "{{ [none, none]|sort }}", "{{ words|unique|list }} {{ nums|unique|list }} {{ words|unique(true)|list }} {{ users|unique(attribute='age')|map(attribute='name')|list }}", "{{ 'abc'|list }} {{ d|list }} {{ range(3)|list }} {{ (1, 2)|list }}", "{{ 'abc'|reverse }} {{ items|reverse|list }} {{ uni|reverse }}", "{{ items|batch(2)|list }} {{ items|batch(2, 'x')|list }} {{ items|slice(2)|list }} {{ items|slice(3, 'x')|list }} {{ items|slice(7)|list }}", "{{ items|sum }} {{ [1.5, 2]|sum }} {{ users|sum('age') }} {{ users|sum(attribute='age', start=10) }} {{ []|sum }}", "{{ ['a']|sum }}", "{{ items|min }} {{ items|max }} {{ words|min }} {{ words|max }} {{ words|min(true) }} {{ users|max(attribute='age') }} {{ []|min }}|", "{{ -5|abs }} {{ -5.5|abs }} {{ neg|abs }}", "{{ 'a'|abs }}",
        "{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 42|round }} {{ 2.1|round(method='ceil') }} {{ 2.9|round(0, 'floor') }} {{ 1234.5|round(-2) }} {{ 2.675|round(2) }} {{ 1.005|round(2) }} {{ 42.55|round(1, 'floor') }}", "{{ 42|round(-1) }} {{ 45|round(-1) }} {{ 55|round(-1) }} {{ true|round }}", "{{ 1.5|round(1, 'up') }}", "{{ '42'|int }} {{ ' 42 '|int }} {{ '4_2'|int }} {{ '3.7'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ 3.9|int }} {{ '-5'|int }} {{ '0x1F'|int(base=16) }} {{ '1F'|int(0, 16) }} {{ '101'|int(base=2) }} {{ none|int }} {{ true|int }} {{ [1]|int(9) }} {{ '1e3'|int }}", "{{ '1.5'|float }} {{ 'x'|float }} {{ 'x'|float(2.5) }} {{ 3|float }} {{ ' 2 '|float }} {{ none|float }} {{ '1e400'|float }} {{ 'nan'|float }} {{ '-inf'|float }} {{ '1_0.5'|float }}", "{{ 5|string + 'x' }} {{ none|string }} {{ [1]|string }} {{ 1.0|string }}",
        "{{ d|items|list }} {{ d|dictsort }} {{ {'B': 1, 'a': 2}|dictsort }} {{ {'B': 1, 'a': 2}|dictsort(true) }} {{ {'x': 2, 'y': 1}|dictsort(by='value') }} {{ {'x': 2, 'y': 1}|dictsort(reverse=true) }}", "{{ d|dictsort(by='z') }}", "{{ 5|items|list }}", "{{ words|map('upper')|list }} {{ words|map('upper')|map('first')|join }} {{ users|map(attribute='name')|list }} {{ users|map(attribute='nope', default='-')|list }} {{ pairs|map(attribute=0)|list }} {{ users|map(attribute='tags.0')|list }} {{ ['a']|map('replace', 'a', 'b')|list }}", "{{ items|map|list }}", "{{ items|map('nosuch')|list }}", "{{ items|select('odd')|list }} {{ items|select('gt', 2)|list }} {{ items|reject('even')|list }} {{ [0, 1, '', 'a']|select|list }} {{ [0, 1, '', 'a']|reject|list }}", "{{ users|selectattr('on')|map(attribute='name')|list }} {{ users|rejectattr('on')|map(attribute='name')|list }} {{ users|selectattr('age', 'equalto', 31)|map(attribute='name')|list }} {{ users|selectattr('name', 'in', ['ann', 'cy'])|list|length }} {{ users|rejectattr('age', 'lt', 30)|list|length }}", "{{ users|selectattr|list }}", "{{ items|select('nosuch')|list }}", "{{ (items|map('string')) is iterable }} {{ 1 if []|map('upper') else 2 }}", "{{ items|map('string')|length }}", "{{ items|map('string')|last }}", "{% set g = items|map('string') %}{{ g|list }}{{ g|list }}",
        "{{ d|tojson }} {{ items|tojson }} {{ html|tojson }} {{ none|tojson }} {{ true|tojson }} {{ 1.0|tojson }} {{ uni|tojson }} {{ '\\U0001F600\\x7f\\x01'|tojson }}", "{{ d|tojson(indent=2) }}", "{{ [[], {}, [1]]|tojson(1) }} {{ {1: 2, true: 3}|tojson }} {{ (1, 2)|tojson }} {{ []|tojson(2) }}", "{{ range|tojson }}", "{{ {(1, 2): 1}|tojson }}", "{{ {'a': 1, 2: 1}|tojson }}", "{{ 'a/b\"\\\\'|tojson }}", "{{ multi|indent }}", "{{ multi|indent(2, true) }}|{{ multi|indent(2, blank=true) }}|{{ multi|indent('> ') }}|{{ ''|indent }}|{{ 'a'|indent(first=true) }}", "{{ 'a\\r\\nb\\x0bc\\u2028d'|indent(1) }}", "{{ 'x\\u0405y\\u0085z'|indent(1) }}", "{{ '%s-%d'|format('a', 5) }} {{ '%(x)s'|format(x=1) }}", "{{ '%s'|format }}", "{{ text|wordcount }} {{ ''|wordcount }} {{ uni|wordcount }}", "{{ 'ab'|center(10) }}|{{ 'abc'|center(6) }}|{{ 'abc'|center(2) }}", "{{ text|truncate(10) }}|{{ text|truncate(10, true) }}|{{ text|truncate(10, false, '!') }}|{{ text|truncate(18) }}|{{ text|truncate(12, leeway=0) }}", "{{ 1|filesizeformat }} {{ 999|filesizeformat }} {{ 1000|filesizeformat }} {{ 1500000|filesizeformat }} {{ 1536|filesizeformat(true) }} {{ '2048'|filesizeformat(binary=true) }} {{ 0|filesizeformat }}", "{{ 'a b/c&d?é'|urlencode }} {{ d|dictsort|urlencode }} {{ {'a b': 'c/d'}|urlencode }} {{ 5|urlencode }}", "{{ {'class': 'a b', 'id': none, 'x': '<'}|xmlattr }}|{{ {'a': 1}|xmlattr(false) }}|{{ {}|xmlattr }}", "{{ {'a b': 1}|xmlattr }}", "{{ users|groupby('age') }}", "{% for g in users|groupby('age') %}{{ g.grouper }}:{{ g.list|map(attribute='name')|join(',') }};{% endfor %}", "{% for k, l in words|groupby(0) %}{{ k }}{{ l }}{% endfor %}", "{{ users|groupby('x', default='q')|length }}", "{{ d|attr('a') }}|{{ name|attr('upper')() }}", "{{ items|join(',')|replace(',', ';')|upper }}", "{{ items | first | string | upper }}", "{{ 1|default }} {{ 1|d(2) }}", "{{ name|upper(1) }}", "{{ name|replace('a') }}", "{{ name|trim(nope=1) }}", "{{ -1|abs }} {{ (1 + 2)|string|length }} {{ 1 + 2|string|length }}", "{{ 'a-b_c d'|title }} {{ \"it's\"|title }} {{ 'a(b[c{d<e'|title }}", "{{ 'ß ŉ'|upper }} {{ 'ǅ'|lower }}",
    ],
    "tests": [
        "{{ 1 is odd }} {{ 2 is even }} {{ 3 is not odd }} {{ 10 is divisibleby 5 }} {{ 10 is divisibleby(3) }} {{ 2.0 is even }}", "{{ 'a' is odd }}", "{{ name is string }} {{ n is number }} {{ n is integer }} {{ pi is float }} {{ yes is boolean }} {{ yes is number }} {{ yes is integer }} {{ nothing is none }} {{ d is mapping }}", "{{ items is sequence }} {{ 'a' is sequence }} {{ d is sequence }} {{ 5 is sequence }} {{ items is iterable }} {{ 5 is iterable }} {{ range(3) is sequence }} {{ d.items() is sequence }} {{ d.items() is iterable }}", "{{ 1 is eq 1 }} {{ 1 is == 1 }}", "{{ 1 is eq(1) }} {{ 1 is equalto 1 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is lessthan 2 }} {{ 1 is le 1 }} {{ 2 is gt 1 }} {{ 2 is greaterthan 1 }} {{ 2 is ge 2 }}", "{{ 1 is in items }} {{ 1 is in([1]) }} {{ 'a' is not in 'abc' }}", "{{ 'ABC' is upper }} {{ 'abc' is lower }} {{ 'aB' is upper }} {{ '1' is upper }} {{ '' is lower }} {{ uni is lower }}", "{{ none is sameas none }} {{ true is sameas true }} {{ 1 is sameas true }} {{ items is sameas items }} {{ [] is sameas [] }}", "{{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}", "{{ range is callable }} {{ name is callable }} {{ name.upper is callable }}", "{{ 'upper' is filter }} {{ 'nosuch' is filter }} {{ 'odd' is test }}", "{{ '<'|e is escaped }} {{ '<' is escaped }}", "{{ 1 is odd is even }}", "{{ 1 is odd and 2 is even }} {{ 1 is odd or 1/0 }} {{ not 1 is even }} {{ 1 is odd == true }}", "{{ 5 is divisibleby 2 + 3 }}", "{{ 'x' if 1 is odd else 'y' }}", "{{ name is defined and name is string }}", "{{ 1 is eq -1 }}", "{{ 4 is divisibleby [2][0] }} {{ 'a' is in d }} {{ 'b' is in {'b': 1} }}",
    ],
    "methods": [
        "{{ text.upper() }} {{ 'ABC'.lower() }} {{ text.title() }} {{ text.capitalize() }} {{ 'aBc'.swapcase() }} {{ \"they're bill's\".title() }}", "{{ '  x '.strip() }}|{{ ' x '.lstrip() }}|{{ ' x '.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'abc'.strip('cb') }}", "{{ text.split() }} {{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ 'a b c'.split(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a b c'.split(maxsplit=1) }}", "{{ 'a,b,c'.rsplit(',', 1) }} {{ 'a b c '.rsplit(none, 1) }} {{ 'abab'.rsplit('ab') }}", "{{ 'a'.split('') }}", "{{ multi.splitlines() }} {{ 'a\\r\\nb'.splitlines(true) }}", "{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'a'.partition('=') }} {{ 'a'.rpartition('=') }}", "{{ ','.join(['a', 'b']) }} {{ '-'.join('abc') }} {{ ''.join([]) }}", "{{ ','.join([1]) }}", "{{ text.startswith('the') }} {{ text.endswith('fox') }} {{ text.startswith(('a', 'the')) }} {{ text.startswith('quick', 4) }} {{ text.endswith('quick', 0, 9) }}", "{{ text.find('quick') }} {{ text.find('zz') }} {{ text.rfind('o') }} {{ text.index('q') }} {{ uni.find('für') }} {{ 'aaa'.find('a', 1) }} {{ text.count('o') }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }}", "{{ text.index('zz') }}", "{{ 'a-b-c'.replace('-', '+') }} {{ 'a-b-c'.replace('-', '+', 1) }}", "{{ 'ab'.center(6, '*') }} {{ 'ab'.ljust(5, '.') }} {{ 'ab'.rjust(5) }} {{ '42'.zfill(5) }} {{ '-42'.zfill(5) }} {{ 'é'.center(4) }}", "{{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ '123'.isdigit() }} {{ ''.isdigit() }} {{ ' '.isspace() }} {{ 'A'.isupper() }} {{ 'a1'.islower() }} {{ 'é'.isalpha() }} {{ 'é'.isascii() }}", "{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.c'.removesuffix('.c') }}", "{{ d.get('a') }} {{ d.get('z') }} {{ d.get('z', 5) }} {{ d.keys()|list }} {{ d.values()|list }} {{ d.copy() }}", "{{ d.items()|length }} {{ d.keys()|first }} {{ d.items()|sort }}", "{% set l = [3, 1, 2] %}{{ l.sort() }}{{ l }}{{ l.reverse() }}{{ l }}{{ l.index(1) }}{{ l.count(1) }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}{{ l.insert(0, 9) }}{{ l }}{{ l.remove(9) }}{{ l }}{{ l.copy() }}{{ l.clear() }}{{ l }}", "{{ [].pop() }}", "{{ [1].index(2) }}", "{% set q = {'a': 1} %}{{ q.pop('a') }}{{ q }}{{ q.setdefault('b', 2) }}{{ q }}{{ q.pop('z', 0) }}{% do q.update(c=3) %}{{ q }}{% do q.clear() %}{{ q }}", "{{ d.pop('nope') }}", "{{ (1, 2, 1).count(1) }} {{ (1, 2).index(2) }}", "{{ name.nope() }}", "{{ name.upper(1) }}", "{{ {}.get([]) }}", "{{ {[]: 1} }}", "{% set q = {'a': 1, 'b': 2, 'c': 3} %}{{ q.pop('b') }}{{ q }}{{ q.keys()|list }}{% do q.update({'b': 9}) %}{{ q }}{{ 'b' in q }}",
    ],
    "globals": [
        "{{ range(3) }} {{ range(1, 5)|list }} {{ range(5, 1, -1)|list }} {{ range(0)|list }} {{ range(1, 10, 3) }}", "{{ range(1, 2, 0) }}", "{{ range('a') }}", "{{ range() }}", "{{ dict(a=1, b=2) }} {{ dict([['x', 1]]) }} {{ dict({'q': 1}, z=2) }} {{ dict() }}", "{{ dict(1) }}", "{% set c = cycler('a', 'b', 'c') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{% do c.reset() %}{{ c.current }}", "{{ cycler() }}", "{% set j = joiner('|') %}{% for i in items %}{{ j() }}{{ i }}{% endfor %}", "{% set j = joiner() %}{{ j() }}a{{ j() }}b", "{{ range(10)|sum }} {{ range(1, 4)|join('+') }} {{ range(5)|length }} {{ range(100000000000)|length }}", "{% set ns = namespace(items=[]) %}{% for i in range(3) %}{% set ns.items = ns.items + [i] %}{% endfor %}{{ ns.items }}", "{% set dict = 5 %}{{ dict }}",
    ],
    "precedence": [
        "{{ 1 + 2 ~ 3 * 4 }}", "{{ 2 * 3 ~ 4 }}", "{{ 1 ~ 2 == '12' }}", "{{ not 1 + 1 == 2 }}", "{{ -1 ** 2 }} {{ 2 ** -1 }} {{ -2|abs }}", "{{ 10 % 4 * 2 }}", "{{ 1 if 0 or 1 else 2 }}", "{{ 1 in [1] and 2 in [2] }}", "{{ 'a' ~ 'b' in ['ab'] }}", "{{ [1, 2][0] + 1 }}", "{{ {'a': [1, {'b': 2}]}.a[1].b }}", "{{ (items|sort)[0] }}", "{{ items|sort[0] }}", "{{ (1, 2) + (3,) }}", "{{ 'x' * 2 ~ 'y' * 2 }}", "{{ 1 - -1 }} {{ 1 - - 1 }} {{ +1 }}", "{{ 2 // 2 ** 2 }} {{ 8 / 2 / 2 }}", "{{ 1 < 2 == true }}", "{{ not no and yes }} {{ not (no and yes) }}", "{{ items|length > 3 }} {{ items|length + 1 }}", "{{ 'a' if yes else 'b' ~ 'c' }}", "{{ ('a' if yes else 'b') ~ 'c' }}", "{{ 1 if yes else 2 + 3 }}", "{{ d.a + d.b * 2 }}", "{{ name|upper ~ '!' }} {{ name ~ '!'|upper }}", "{{ 3.0 is float }} {{ 1.5.nope }}|", "{{ a.b.c|d('x') }}", "{{ - items|length }}", "{{ 1 == 1.0 == true }}", "{{ yes and 'x' or 'y' }}",
    ],
}

STRICT = [
    "{{ missing }}", "{{ missing|d('x') }}", "{% if missing %}{% endif %}", "{% if missing is defined %}a{% else %}b{% endif %}", "{% for x in missing %}{% endfor %}", "{{ missing == 1 }}", "{{ missing ~ 'a' }}", "{{ d.zz }}", "{{ d.zz|default('q') }}", "{{ missing|length }}", "{{ missing|upper }}", "{{ missing|join }}", "{{ missing|list }}", "{{ missing or 1 }}", "{{ not missing }}", "{{ missing is none }}", "{% set x = missing %}ok", "{% set x = missing %}{{ x }}", "{{ [missing]|length }}", "{{ items|first }} {{ []|first }}", "{{ 'x' if no }}", "{{ missing.x is defined }}", "{{ loop }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", "{{ missing in items }}", "{{ 1 in missing }}", "{{ missing|e }}", "{{ users|map(attribute='zz')|list|length }}", "{{ users|map(attribute='zz')|join }}", "{{ d['a'] }} {{ d.c.x[5] }}", "{{ missing is iterable }}", "{{ missing is string }}", "{{ missing|int }}", "{{ missing|tojson }}", "{{ {'a': missing} is mapping }}", "{{ missing and 1 }}", "{% for i in items %}{{ loop.previtem }}{% endfor %}", "{{ users|selectattr('zz')|list }}", "{{ users|selectattr('zz', 'defined')|list }}", "{{ missing|replace('a','b') }}", "{{ users|sort(attribute='zz') }}", "{{ {missing: 1} }}", "{{ '%r' % missing }}", "{{ '%s' % missing }}",
]


def case(group, template, context=CONTEXT, **options):
    defaults = {"trim_blocks": False, "lstrip_blocks": False, "keep_trailing_newline": False,
                "strict": False}
    return {"group": group, "template": template, "context": context, **defaults, **options}


def all_cases():
    cases = [case(group, t) for group, templates in GROUPS.items() for t in templates]
    for template in GROUPS["text"] + GROUPS["space"]:
        cases.append(case("trim", template, trim_blocks=True))
        cases.append(case("lstrip", template, lstrip_blocks=True))
        cases.append(case("builder", template, trim_blocks=True, lstrip_blocks=True,
                          keep_trailing_newline=True))
    cases += [case("strict", template, strict=True) for template in STRICT]
    for template, templates in jinja_templates.rows():
        cases.append(case("templates", template, templates=templates))
        cases.append(case("templates", template, templates=templates, strict=True))
    cases += [case("escape", template, **options) for template, options in jinja_escape.rows()]
    cases += [case("more", template, **options) for template, options in jinja_more.rows()]
    cases += [case("lines", template, **options) for template, options in jinja_lines.rows()]
    return cases
