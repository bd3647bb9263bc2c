# SPDX-License-Identifier: Apache-2.0
"""What `add` and `init` write validates, in every variant, and is what the default guest has."""
import itertools
import os
import pathlib
import shutil
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")

MANAGERS = ["apt", "uv", "pip", "npm", "curl"]
VARIANTS = [["ai-provider"], ["packages"], ["mcp"], ["mcp", "--transport", "stdio"], ["mcp", "--transport", "sse"],
            *([kind, "--manager", m] for kind, m in itertools.product(["ai-provider", "packages"], MANAGERS))]


def capsem(*args, cwd):
    return subprocess.run([BUILDER, *map(str, args)], cwd=cwd, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})


@pytest.mark.parametrize("name", ["tool", "my-tool_2", "9tool", "apt", "python"])
@pytest.mark.parametrize("variant", VARIANTS, ids=" ".join)
def test_what_add_writes_validates(tmp_path, variant, name):
    shutil.copytree(REPO / "tests/golden/build/_base/guest", tmp_path / "guest")
    (tmp_path / "guest/config/packages").mkdir(exist_ok=True)
    (tmp_path / "guest/config/packages/base.toml").write_text(  # what brings the install managers
        '[base]\nname = "Base"\nmanager = "apt"\ninstall_cmd = "apt-get install -y"\npackages = ["python3-pip", "curl"]\n'
        '[base.network]\nname = "Debian"\ndomains = ["*.debian.org"]\n')
    added = capsem("add", variant[0], name, *variant[1:], cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    done = capsem("validate", "--format", "short", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert all(": warning: [W001]" in line for line in done.stdout.splitlines()[:-1]), done.stdout


def contents(folder):
    """Path to (text, may be executed) of each file."""
    return {str(p.relative_to(folder)): (p.read_bytes(), os.access(p, os.X_OK))
            for p in sorted(folder.rglob("*")) if p.is_file()}


def init(folder, *args):
    done = capsem("init", *args, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done


def test_init_validates_and_renders(tmp_path):
    init(tmp_path)
    done = capsem("validate", "--deny-warnings", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    rendered = capsem("build", "--dry-run", cwd=tmp_path)
    assert rendered.returncode == 0 and "FROM " in rendered.stdout, rendered.stderr
    assert sorted(os.listdir(tmp_path / "guest")) == ["agent", "artifacts", "config"]


def test_init_writes_what_the_default_guest_has(tmp_path):
    init(tmp_path, "mine")
    tests = {n for n in contents(REPO / "guest/agent") if n.endswith(("_test.c", "meson.build"))}
    want = {n: c for n, c in contents(REPO / "guest/agent").items() if n not in tests}
    assert contents(tmp_path / "mine/agent") == want
    assert contents(tmp_path / "mine/artifacts") == contents(REPO / "guest/artifacts")
    for path in (tmp_path / "mine/config/kernel").iterdir():
        assert path.read_bytes() == (REPO / "guest/config/kernel" / path.name).read_bytes()


def test_add_after_init(tmp_path):
    init(tmp_path)
    assert capsem("add", "packages", "tools", cwd=tmp_path).returncode == 0
    done = capsem("validate", "--deny-warnings", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_init_keeps_what_is_there(tmp_path):
    (tmp_path / "guest/config").mkdir(parents=True)
    (tmp_path / "guest/config/own.toml").write_text("")
    done = capsem("init", cwd=tmp_path)
    assert done.returncode == 1 and "'guest/config' already exists" in done.stderr
    assert contents(tmp_path) == {"guest/config/own.toml": (b"", False)}


def test_init_force_replaces_its_folders_alone(tmp_path):
    init(tmp_path)
    (tmp_path / "guest/notes.txt").write_text("mine")
    (tmp_path / "guest/config/build.toml").write_text("broken")
    init(tmp_path, "guest", "--force")
    assert capsem("validate", cwd=tmp_path).returncode == 0
    assert sorted(os.listdir(tmp_path / "guest")) == ["agent", "artifacts", "config", "notes.txt"]


def test_a_failed_init_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    done = capsem("init", "file/guest", cwd=tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    done = subprocess.run(["sh", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$0" init small', BUILDER], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert os.listdir(tmp_path) == ["file"]
