# SPDX-License-Identifier: Apache-2.0
"""Cases of line statements and line comments, with the prefixes '%' and '##', and '#' and '//'."""

PERCENT = [
    "% if yes\na\n% endif\nb", "% for i in items\n{{ i }}\n% endfor\n", "  % for i in items[:2]\n  * {{ i }}\n  % endfor", "% if yes:\na\n% endif", "%if yes\na\n%endif\nb\n",
    "a\n% set x = 1\n{{ x }}", "a % set x = 1\nb", "100% sure\n% if no\nx\n% else\ny\n% endif", "## comment\na", "a ## comment\nb", "a## comment\nb", "  ## comment\n  a\n", "a\n## one\n## two\nb",
    "% set x = [1,\n 2,\n 3]\n{{ x }}", "% set x = (1 +\n2)\n{{ x }}", "% set x = {'a':\n\n1}\n\n\n{{ x }}", "% if yes\n\n\n  a\n% endif", "% if yes   \n  a\n% endif   \n  b", "x\n\n  % if yes\n  y\n  % endif\n\n  z",
    "%- if yes\na\n%- endif\nb", "a\n\n %- if yes\nb\n %- endif\nc", "a\n%+ if yes\nb\n%+ endif\nc", "% raw\n% endraw", "{% raw %}\n% if x\n## y\n{% endraw %}", "{# % if #}\n% if yes\nz\n% endif",
    "% macro m(a)\n<{{ a }}>\n% endmacro\n{{ m(1) }}{{ m(2) }}", "% for i in items[:2]:\n{{ i }},\n% endfor\nend", "% for i in []\nx\n% else\nnone\n% endfor", "% set v\nblock {{ name }}\n% endset\n[{{ v }}]", "% call m()\nx\n% endcall\n", "% filter upper\nshout\n% endfilter\nquiet",
    "% with a = 1\n{{ a }}\n% endwith", "% if yes and \\\nno\nx\n% endif", "% if yes", "% if yes\n", "%", "% \n", "% nope\n", "% if (yes\n", "% endif\n", "% set x = 'a\nb'\n{{ x }}", "% set x = 1 ## why\n{{ x }}", "{{ 1 }}  ## c\n{{ 2 }}", "{{ 1 }}## c", "## c", "##", "a\n##\nb",
    "\t% if yes\n\ta\n\t% endif\n", "% if yes\r\na\r\n% endif\r\nb", "{% if yes %}\n% set x = 1\n{{ x }}\n{% endif %}", "% do items.append(9)\n{{ items|length }}", "% for i in items\n% if i == 2\n% continue\n% endif\n% if i == 4\n% break\n% endif\n{{ i }}\n% endfor", "% include 'inc'\n", "% block a\nin a\n% endblock\nafter", "% block a required\n\n% endblock",
    "a ##- c\nb", "a\n  ##- c\nb", "%% if\n", "  text % not\n  % set y = 2\n{{ y }}", "% print name, 1\nx", "é ## ü\n% set ö = 1\n", "{{ '## no' }} ## yes\n", "% set s = '## no'\n{{ s }}", "% set s = \"% x\"\n{{ s }}\n",
]

HASH = [
    "# for i in items[:2]\n{{ i }} // c\n# endfor\n", "// c\n# if yes\na\n# endif", "#if yes\na // x\n#endif\n", "{# c #}\n# set a = 1\n{{ a }}{# d #}", "a # b\n# set c = 3\n{{ c }}", "http://x.y\n", "{{ 7 // 2 }}\n", "# set a = 7 // 2\n{{ a }}", "## if yes\n", "  # if no\n  x\n  # elif yes\n  y\n  # endif\n",
    "#- set a = 1\n{{ a }}", "x\n#\n", "# if yes // c\n", "# for a, b in pairs\n{{ a }}{{ b }}\n# endfor", "#{% if yes %}a{% endif %}",
]


def rows():
    for text in PERCENT:
        yield text, {"line_statement_prefix": "%", "line_comment_prefix": "##"}
        yield text, {"line_statement_prefix": "%", "line_comment_prefix": "##", "trim_blocks": True, "lstrip_blocks": True}
    for text in HASH:
        yield text, {"line_statement_prefix": "#", "line_comment_prefix": "//"}
