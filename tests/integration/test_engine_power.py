# SPDX-License-Identifier: Apache-2.0
"""A few lost powers; `make torture` has many. The seed is fixed: the moments are, too, as far as the machine is as fast."""
import json
import os
import shutil
import subprocess
import sys

import pytest

from engine import BUILDER, needs_engine

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "torture", "power.py")
CUTS = 6

pytestmark = [*needs_engine, pytest.mark.skipif(os.geteuid() != 0, reason="a file system on a loop device takes root")]


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_the_power_goes(tmp_path, kind):
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"there is no mkfs.{kind}: apt-get install e2fsprogs xfsprogs")
    process = subprocess.run([sys.executable, "-B", SCRIPT, BUILDER, "--cuts", str(CUTS // 2), "--seed", "7", "--fs", kind, "--work", tmp_path],
                             capture_output=True, text=True, timeout=900)
    assert process.stdout.strip(), process.stderr
    result = json.loads(process.stdout.splitlines()[-1])
    assert result == {"cuts": CUTS // 2, "right": CUTS // 2, "wrong": 0}, process.stdout
