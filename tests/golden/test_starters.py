# SPDX-License-Identifier: Apache-2.0
"""What `add` writes validates, in every variant."""
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
    added = capsem("add", variant[0], name, *variant[1:], cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    done = capsem("validate", "--format", "short", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert {line.split("]")[0] for line in done.stdout.splitlines()[:-1]} <= {"warning: [W001"}, done.stdout
