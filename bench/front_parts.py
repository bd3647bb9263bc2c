# SPDX-License-Identifier: Apache-2.0
"""Parts of bench/front that run inside of one process each: rendering and TOML, against the fastest peers there are."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
PYTHON = "/usr/bin/python3"

TEMPLATES = {
    "loops": {"main": """<table>
{% for row in rows %}
<tr class="{{ loop.cycle('odd', 'even') }}">{% for cell in row.cells %}{% if not loop.first %}, {% endif %}{{ cell + loop.index }}{% endfor %}
{% if row.id % 7 == 0 %}<b>{{ row.id }}</b>{% elif row.on %}{{ row.id * 2 }}{% else %}-{% endif %}
{% for k, v in row.attrs.items() %}{{ k }}={{ v }};{% endfor %}</tr>
{% endfor %}
</table>
"""},
    "filters": {"main": """{% for row in rows %}
{{ row.name|upper|replace('A', 'b')|trim }} {{ row.text|title|truncate(30) }} {{ row.text|e }} {{ row.ratio|round(2) }}
{{ row.cells|sort(reverse=true)|join(', ') }} {{ row.cells|sum }} {{ row.missing|default('none') }} {{ row.words|map('upper')|join('-') }}
{{ row.cells|select('odd')|list|length }} {{ row.words|unique|list }} {{ row.text|wordcount }} {{ '%s-%05d'|format(row.name, row.id) }} {{ row.name|center(30) }}
{{ row.attrs|dictsort|first }} {{ row.text|indent(4) }} {{ row.id|string|length }} {{ row.words|batch(2)|list }}
{% endfor %}
{{ rows|selectattr('on')|map(attribute='id')|join(',') }} {{ rows|groupby('group')|length }} {{ rows|map(attribute='ratio')|max }}
"""},
    "inheritance": {"base": """<html>{% block head %}<title>{% block title %}none{% endblock %}</title>{% endblock %}
{% for row in rows %}{% block row scoped %}<p>{{ row.id }}</p>{% endblock %}{% include 'part' %}{% endfor %}{% block foot %}end{% endblock %}</html>
""", "middle": """{% extends 'base' %}{% import 'macros' as m %}{% block title %}middle {{ super() }}{% endblock %}
{% block row %}[{{ super() }}{{ m.cell(row.name, row.id) }}]{% endblock %}
""", "main": """{% extends 'middle' %}{% from 'macros' import list_of %}{% block row %}{{ super() }}{{ list_of(row.words) }}{% endblock %}
{% block foot %}{{ super() }} of {{ self.title() }}{% endblock %}
""", "part": "{% if row.on %}<i>{{ row.name }}</i>{% endif %}", "macros": """{% macro cell(name, id=0) %}<td>{{ name }}:{{ id }}</td>{% endmacro %}
{% macro list_of(words) %}<ul>{% for w in words %}<li>{{ w }}</li>{% endfor %}</ul>{% endmacro %}
"""},
}

RENDER = r"""
import json, statistics, sys, time, jinja2
folder, context, rounds = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3])
template = jinja2.Environment(loader=jinja2.FileSystemLoader(folder)).get_template("main")
if rounds == 0:
    sys.stdout.write(template.render(context)); sys.exit()
times = []
for _ in range(rounds):
    start = time.process_time(); template.render(context); times.append((time.process_time() - start) * 1000)
print(statistics.median(times))
"""

TOMLLIB = r"""
import sys, time, tomllib
text, best = open(sys.argv[1]).read(), 1e9
for _ in range(int(sys.argv[2])):
    start = time.process_time(); tomllib.loads(text); best = min(best, (time.process_time() - start) * 1000)
print(best)
"""


def run(*argv):
    return subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.PIPE).stdout


def rows(count):
    words = "lorem ipsum dolor sit amet consectetur elit sed do eiusmod".split()
    return [{"id": i, "name": f" name {i} of A ", "text": " ".join(words[i % 7:]) + f" <{i}> & more\nsecond line", "on": i % 3 == 0, "group": i % 5, "ratio": i / 7,
             "cells": [(i * j * 7919) % 1000 for j in range(1, 9)], "words": words[i % 5:i % 5 + 4] * 2, "attrs": {"a": i, "c": "x", "b": None}} for i in range(count)]


def rendering(build, rounds=15):
    tool = os.path.join(build, "bench/jinja-bench")
    with tempfile.TemporaryDirectory() as folder:
        context = os.path.join(folder, "context.json")
        with open(context, "w") as f:
            json.dump({"rows": rows(500)}, f)
        for name, files in TEMPLATES.items():
            place = os.path.join(folder, name)
            os.mkdir(place)
            for part, text in files.items():
                with open(os.path.join(place, part), "w") as f:
                    f.write(text)
            if run(tool, place, "main", context, 0) != run(PYTHON, "-c", RENDER, place, context, 0):
                sys.exit(f"bench/front: {name} does not render the same")
            ours, peer = [], []
            for _ in range(3):
                ours.append(float(run(tool, place, "main", context, rounds)))
                peer.append(float(run(PYTHON, "-c", RENDER, place, context, rounds)))
            a, b = statistics.median(ours), statistics.median(peer)
            print(f"render: {name:16} {a:8.2f} ms   Python Jinja2: {b:8.2f} ms   ratio {b / a:6.1f}", flush=True)


def toml_text(size):
    """Tables, arrays of tables, all kinds of values, comments; the same each time."""
    parts, length, i = [], 0, 0
    while length < size:
        parts.append(f"""# part {i}
[section-{i}]
name = "value number {i} of the file"
path = 'C:\\dir\\{i}'
count = {i * 7919}
hex = 0x{i:x}
ratio = {i}.{i % 1000:03}
big = {i % 9 + 1}e{i % 30}
on = {"true" if i % 2 else "false"}
when = 2026-{i % 12 + 1:02}-{i % 28 + 1:02}T{i % 24:02}:{i % 60:02}:00Z
escaped = "tab\\t quote\\" unicode \\u00e9 {i}"
text = \"\"\"
several lines of text
number {i}\"\"\"
numbers = [{", ".join(str((i * j) % 10007) for j in range(1, 16))}]
words = ["alpha", "beta", "gamma", "delta {i}"]
point = {{ x = {i}, y = {i % 77}.5, label = "p{i}" }}
dotted.key.deep = {i}

[[section-{i}.items]]
id = {i}
[[section-{i}.items]]
id = {i + 1}
tags = ["a", "b"]

""")
        length += len(parts[-1])
        i += 1
    return "".join(parts)


def peers(build):
    """Name to command of each parser that can be had here."""
    found = {"Python tomllib": [PYTHON, "-c", TOMLLIB]}
    for name, define, header in [("toml++", "TOMLPLUSPLUS", "toml++/toml.h"), ("cpptoml", "CPPTOML", "cpptoml.h")]:
        program = os.path.join(build, "bench", "toml-peer-" + define.lower())
        if not shutil.which("g++") or not os.path.exists("/usr/include/" + header):
            print(f"toml:   {name} is not installed, so it is not compared with")
            continue
        run("g++", "-O2", "-std=c++17", "-D" + define, "-o", program, os.path.join(HERE, "toml_peers.cc"))
        found[name] = [program]
    return found


def toml(build, megabytes=20):
    tool = os.path.join(build, "bench/toml-bench")
    with tempfile.TemporaryDirectory() as folder:
        path, small = os.path.join(folder, "big.toml"), os.path.join(folder, "small.toml")
        with open(path, "w") as f:
            f.write(toml_text(megabytes * 1000 * 1000))
        with open(small, "w") as f:
            f.write(toml_text(3000))
        times, memory = [], 0
        commands = peers(build)
        others = {name: [] for name in commands}
        for _ in range(2):
            ours, memory = map(float, run(tool, path, 3).split())
            times.append(ours)
            for name, command in commands.items():
                others[name].append(float(run(*command, path, 1 if "Python" in name else 3)))
        for name, values in sorted(others.items(), key=lambda row: min(row[1])):
            print(f"toml: {megabytes} MB          {min(times):8.1f} ms   {name + ':':16} {min(values):8.1f} ms   ratio {min(values) / min(times):6.1f}")
        print(f"toml: memory         {memory:8.1f} bytes for a byte of text")
        print(f"toml: 10000 documents {int(run(tool, small, -10000)):7} kB more at the end than after a tenth of them", flush=True)
