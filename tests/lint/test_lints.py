# SPDX-License-Identifier: Apache-2.0
"""The lints find what they are for: each runs over a small repository with one mistake in it."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import portable

HERE = Path(__file__).resolve().parent
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
MUTANT = """[[mutant]]
name = "x"
file = "src/low/internal.h"
before = "low/low.h"
after = "low/other.h"
test = "low/x"
"""
GOOD = {
    "src/meson.build": "foreach room : ['base', 'low', 'high', 'cli']\n",
    "src/base/meson.build": "base_uses = []\n",
    "src/base/base.h": SPDX,
    "src/base/str.h": SPDX,
    "src/low/meson.build": "low_uses = ['base']\n",
    "src/low/low.h": SPDX + '#include "base/str.h"\n',
    "src/low/internal.h": SPDX + '#include "low/low.h"\n',
    "src/high/meson.build": "high_uses = ['base',\n  'low']\nhigh_folders = ['one', 'two']\n",
    "src/high/two/two.h": SPDX + '#include "high/one/one.h"\n', "src/high/one/one.h": SPDX,
    "src/high/high.c": SPDX + '#include "base/base.h"\n#include "low/low.h"\n',
    "src/cli/meson.build": "cli_uses = ['high']\n",
    "src/cli/main.c": SPDX + '#include "high/high.h"\nint main(void) {\n    puts("x");\n    return 0;\n}\n',
    "src/high/high.h": SPDX + "/* strcpy() and printf() are only spoken of. */\nint high_f(const char *sprintf);\nstruct high_a {\n    int x;\n};\n",
    "ARCHITECTURE.md": "".join(f"| `{r}/` | takes |\n" for r in ("base", "low", "high", "cli"))
                       + "See `src/low/low.h`, `src/ROOM/meson.build`, `assets/x86_64/vmlinuz`, `make test`.\n",
    "README.md": "[map](ARCHITECTURE.md)\n", "CONTRIBUTING.md": "", "SECURITY.md": "", "CHANGELOG.md": "",
    "docs/README.md": "[a](how-to/a.md#one-way)\n", "docs/how-to/a.md": "# A\n\n## One way\n",
    "guest/README.md": "`config/x.toml`\n", "guest/config/x.toml": "", "guest/agent/README.md": "`lib/NAME.c`\n",
    "tests/mutants/low.toml": MUTANT,
    "guest/agent/lib/wire.c": SPDX, "examples/README.md": "",
}
HARDENING = "guest/artifacts/diagnostics/lib/kernel-hardening.txt"
X86 = "guest/config/kernel/x86_64.defconfig"
GOOD |= {
    HARDENING: "# memory\nmemory all BUG=y\nroot all MODULES=n\nstack aarch64 ARM64_BTI=y\nnot all CFI_CLANG=y  the compiler is gcc\n",
    X86: "# why\nCONFIG_BUG=y\n# CONFIG_MODULES is not set\n",
    "guest/config/kernel/arm64.defconfig": "CONFIG_BUG=y\n# CONFIG_MODULES is not set\nCONFIG_ARM64_BTI=y\n",
}
DEEP = "    if (a) {\n        if (b) {\n            if (c) {\n                d();\n            }\n        }\n    }\n"


@pytest.fixture
def repository(tmp_path):
    for name, content in GOOD.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    lint = tmp_path / "tests/lint"
    lint.mkdir(parents=True)
    for script in HERE.glob("*.py"):
        shutil.copy(script, lint)
    rows = re.sub(r"src/\w+/\w+\.c", "src/low/low.h", (HERE.parent / "mutants/rows.py").read_text())
    (tmp_path / "tests/mutants/rows.py").write_text(rows)
    return tmp_path


def run(repository, lint):
    done = subprocess.run([sys.executable, "-B", repository / "tests/lint" / f"{lint}.py"],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("lint", ["banned", "clocks", "environment", "hosts", "kernel", "licence", "mutants", "names", "paths", "rooms", "sizes", "words"])
def test_a_good_repository_passes(repository, lint):
    assert run(repository, lint)[0] == 0, run(repository, lint)[1]


@pytest.mark.parametrize("lint, name, content, message", [
    ("rooms", "src/low/x.c", '#include "high/high.h"', "src/low/x.c:1: includes \"high/high.h\": high/ is below"),
    ("rooms", "src/cli/x.c", '#include "low/low.h"', "'low' is not in cli_uses"),
    ("rooms", "src/high/x.c", '#include "low/internal.h"', "the door of low/ is low/low.h"),
    ("rooms", "src/low/x.c", '#include "internal.h"', "includes are written from src/"),
    ("rooms", "src/low/x.c", '#include "nowhere/x.h"', "there is no room 'nowhere'"),
    ("rooms", "src/stray/x.c", "", "src/stray: is not in the list"),
    ("rooms", "src/high/one/x.c", '#include "high/two/two.h"', "two/ is below one/ in the room's meson.build"),
    ("rooms", "src/high/one/x.c", '#include "high/three/x.h"', "there is no folder 'three' in the room"),
    ("environment", "src/low/x.c", '\nchar *f(void) {\n    return getenv("HOME");\n}\n', "src/low/x.c:3: getenv: src/cli reads"),
    ("names", "src/low/low.h", "\nint high_f(int a);\n", "src/low/low.h:2: high_f() does not begin with low_"),
    ("names", "src/low/low.h", "struct high_a {\n    int x;\n};\n", "src/low/low.h:1: 'high_a' is also in src/high/high.h"),
    ("rooms", "src/base/meson.build", "", "there is no base_uses"),
    ("rooms", "src/base/meson.build", "base_uses = ['low']", "lists 'low', which nothing includes"),
    ("banned", "src/low/x.c", "void f(void) { strcpy(a, b); }", "src/low/x.c:1: strcpy: use"),
    ("banned", "tests/x.c", "\n\nint n = atoi (text);", "tests/x.c:3: atoi: use str_to_i64"),
    ("banned", "src/low/x.c", 'void f(void) { fputs("x", stderr); }', "fputs: only src/cli prints"),
    ("clocks", "tests/x.py", "def f():\n    start = time.monotonic()\n    assert g() and time.monotonic() - start < 5\n", "tests/x.py:3: asserts that something took less"),
    ("clocks", "tests/x.py", "def f():\n    took = time.time() - start\n    assert LIMIT >= took\n", "tests/x.py:3: asserts that something took less"),
    ("clocks", "tests/x.py", "def f():\n    end = time.monotonic() + 5\n    assert time.monotonic() < end\n", "x.py:3: asserts that something happens within 5 s"),
    ("clocks", "src/low/x_test.c", "void f(void) {\n    assert_true(time_now_ms() - start < 500);\n}\n", "src/low/x_test.c:2: asserts"),
    ("kernel", X86, "CONFIG_BUG=y\n", f"{X86}: MODULES should be n (root in {HARDENING}), and is not named"),
    ("kernel", X86, GOOD[X86].replace("BUG=y", "BUG=m"), "BUG should be y (memory in"),
    ("kernel", X86, GOOD[X86] + "CONFIG_MODULES=y\n", f"{X86}:4: MODULES is there twice"),
    ("kernel", X86, GOOD[X86] + "CONFIG_CFI_CLANG=y\n", f"CFI_CLANG is y, and {HARDENING} says it is not"),
    ("kernel", X86, GOOD[X86] + "CONFIG_A: y\n", f"{X86}:4: is neither a setting nor a comment"),
    ("kernel", HARDENING, "memory x86 BUG=y\n", f"{HARDENING}:1: is not GROUP MACHINE SYMBOL=VALUE"),
    ("kernel", HARDENING, "memory all BUG=y\nstack x86_64 BUG=y\n", f"{HARDENING}:2: BUG is there twice for x86_64"),
    ("kernel", HARDENING, "not all CFI_CLANG=y\n", f"{HARDENING}:1: a reason is for what is not done"),
    ("licence", "fuzz/x.c", "int x;\n", "fuzz/x.c:1: the first line is not"),
    ("mutants", "tests/mutants/low.toml", MUTANT.replace("low/low.h", "gone"), "low.toml: x: src/low/internal.h: the text before occurs 0 times"),
    ("mutants", "src/low/internal.h", SPDX + '#include "low/low.h" // low/low.h', "low.toml: x: src/low/internal.h: the text before occurs 2 times"),
    ("mutants", "tests/mutants/low.toml", MUTANT.replace("internal", "gone"), "low.toml: x: src/low/gone.h is not there"),
    ("mutants", "tests/mutants/low.toml", MUTANT.replace("other", "low"), "x: the text after is the text before"),
    ("mutants", "tests/mutants/low.toml", MUTANT.replace("after", "then"), "x: missing: after"),
    ("mutants", "tests/mutants/high.toml", MUTANT, "low.toml: x: another row has the name"),
    ("paths", "README.md", "`src/low/gone.c`", "README.md:1: 'src/low/gone.c' is not there"),
    ("paths", "README.md", "\n[a](docs/gone.md#part)", "README.md:2: 'docs/gone.md' is not there"),
    ("paths", "README.md", "`src/low/{low,gone}.h`", "is not there"),
    ("paths", "src/low/x.c", SPDX + "\n/* As spec/config.md\n * and docs/gone.md say. */\n", "src/low/x.c:4: 'docs/gone.md' is not there"),
    ("paths", "src/low/x.c", SPDX + "int a; // see spec/config.md\n", "src/low/x.c:2: 'spec/config.md' is not there"),
    ("paths", "src/low/x.c", SPDX + '/* A (docs/how-to/a.md, "No\n * way"). */\n', "src/low/x.c:2: 'docs/how-to/a.md' has no section 'No way'"),
    ("paths", "src/low/x.c", SPDX + "/* As docs/how-to/a.md#gone. */\n", "'docs/how-to/a.md' has no section 'gone'"),
    ("paths", "src/low/x.c", SPDX + "/* As low/gone.c does. */\n", "src/low/x.c:2: 'low/gone.c' is not there"),
    ("paths", "tests/x.py", "x = 1  # as docs/gone.md\n", "tests/x.py:1: 'docs/gone.md' is not there"),
    ("paths", "tests/x.py", 'def f():\n    """As\n    docs/gone.md has it."""\n', "tests/x.py:3: 'docs/gone.md' is not there"),
    ("paths", "tools/x.sh", "a=1 # docs/gone.md\n", "tools/x.sh:1: 'docs/gone.md' is not there"),
    ("paths", "src/low/meson.build", "# tests/gone.py\nlow_uses = ['base']\n", "src/low/meson.build:1: 'tests/gone.py' is not there"),
    ("paths", "templates/x.j2", "a\n{# docs/gone.md\n#}", "templates/x.j2:2: 'docs/gone.md' is not there"),
    ("paths", "docs/how-to/a.md", "# A\n[b](../README.md#gone)\n", "docs/how-to/a.md:2: '../README.md#gone' leads to no heading"),
    ("paths", "docs/how-to/a.md", "# A\n\n## One way\n[b](gone.md)\n", "docs/how-to/a.md:4: 'gone.md' is not there"),
    ("paths", "ARCHITECTURE.md", "| `base/` | `low/` | `high/` |", "no line for the room cli/"),
    ("sizes", "src/low/x.c", "int f(int a) {\n" + 101 * "    a++;\n" + "}\n", "src/low/x.c:1: f has 101 lines"),
    ("sizes", "src/low/x.c", "int f(\n    int a) {\n    switch (a) {\n    }\n" + 15 * DEEP + "}\n", "f has 107 lines"),
    ("words", "src/low/x.c", 'f("the text is no number");\n', "src/low/x.c:1: 'is no': write is not a"),
    ("words", "src/low/x.c", "\n/* one\n * behind the other */\n", "src/low/x.c:3: 'behind': write after"),
    ("words", "docs/a.md", "a\n\nNobody, and nobody else.\n", "docs/a.md:3: 'nobody': write"),
    ("words", "guest/artifacts/x.sh", "echo 'this mends it'\n", "guest/artifacts/x.sh:1: 'mends': write fix"),
    ("sizes", "src/low/x.c", 701 * "int x;\n", "src/low/x.c: 701 lines"),
])
def test_a_mistake_is_found(repository, lint, name, content, message):
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    code, output = run(repository, lint)
    assert code == 1 and message in output, output


def test_a_lower_bound_and_a_measured_one_are_fine(repository):
    text = ("def f():\n    start = time.monotonic()\n    assert time.monotonic() - start >= 1\n    assert time.monotonic() - start < 3 * measured()\n"
            "    end = time.monotonic() + 120\n    assert time.monotonic() < end\n")
    (repository / "tests/x.py").write_text(text)
    assert run(repository, "clocks")[0] == 0, run(repository, "clocks")[1]


def test_a_mutant_follows_a_file_that_moves(repository):
    (repository / "src/high/internal.h").write_text((repository / "src/low/internal.h").read_text())
    (repository / "src/low/internal.h").unlink()
    assert run(repository, "mutants")[0] == 0, run(repository, "mutants")[1]
    (repository / "src/base/internal.h").write_text("// low/low.h\n")
    assert run(repository, "mutants")[0] == 1


def test_a_mutant_names_a_test_that_there_is(repository):
    info = repository / "build/meson-info"
    info.mkdir(parents=True)
    (info / "intro-tests.json").write_text('[{"name": "low/y"}]')
    done = subprocess.run([sys.executable, "-B", repository / "tests/lint/mutants.py", repository / "build"], capture_output=True, text=True)
    assert done.returncode == 1 and "x: there is not a test 'low/x'" in done.stdout, done.stdout + done.stderr


def test_words_that_are_right_there(repository):
    text = 'f("there is no such file; it is no longer there; behind a proxy");\n/* NULL: there is none, nobody asks */\n'
    (repository / "src/low/x.c").write_text(text)
    assert run(repository, "words")[0] == 0, run(repository, "words")[1]


def test_a_flat_switch_may_be_long(repository):
    cases = "".join(f"    case {n}:\n        return {n};\n" for n in range(60))
    (repository / "src/low/x.c").write_text(f"int f(int a) {{\n    switch (a) {{\n{cases}    }}\n}}\n")
    assert run(repository, "sizes")[0] == 0


def test_a_host_of_the_machine_is_found(repository):
    machine = subprocess.run([sys.executable, "-B", "-c",
                              "import hosts; print('\\n'.join({*hosts.apt_hosts(), *hosts.npm_hosts()}))"],
                             cwd=HERE, capture_output=True, text=True).stdout.split()
    remote = [host for host in machine if host not in ("localhost", "127.0.0.1")]
    if not remote:
        pytest.skip("this machine names no registry")
    (repository / "notes.txt").write_text(f"from https://{remote[0]}/x\n")
    code, output = run(repository, "hosts")
    assert code == 1 and "notes.txt:1: the host of a package registry" in output
    assert remote[0] not in output


@pytest.mark.parametrize("text, message", [
    ("#include <sys/epoll.h>", "src/a/x.c:1: <sys/epoll.h> is not in portable.txt"),
    ('\nf("/proc/self/status");', "src/a/x.c:2: a path that only Linux has"),
    ("int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);", "x.c:1: SOCK_CLOEXEC: macOS lacks it; take os_socket"),
    ('__attribute__((section(".x"))) int a;', "x.c:1: section: Mach-O"),
])
def test_what_macos_lacks_is_found(text, message):
    problems = portable.check_text("src/a/x.c", text)
    assert len(problems) == 1 and message in problems[0], problems


def test_a_function_that_macos_lacks_is_found():
    good = {"open64": {"a.o"}, "__snprintf_chk": {"a.o"}, "json_pack": {"a.o"}, "__errno_location": {"a.o"}}
    assert portable.check_symbols(good) == []
    found = portable.check_symbols({**good, "epoll_wait": {"b.o", "a.o"}})
    assert len(found) == 1 and found[0].startswith("a.o, b.o: epoll_wait is not in portable.txt")
