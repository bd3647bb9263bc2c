# SPDX-License-Identifier: Apache-2.0
"""What `make cross-compile` sends into its image is all that the build there needs."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

BUILDER = os.environ.get("CAPSEM_BUILDER", "")
ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program"),
    pytest.mark.skipif(shutil.which("meson") is None, reason="meson is not in the PATH"),
]


def test_the_context_of_packages_can_be_configured(tmp_path):
    """Meson stops at a file that .dockerignore keeps away: a source, a list, an option."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /src\n")
    shutil.copy(ROOT / "packaging/Dockerfile.dockerignore", tmp_path / "Dockerfile.dockerignore")
    copied = subprocess.run([BUILDER, "image", "build", ROOT, "-f", tmp_path / "Dockerfile", "-o", f"type=dir,dest={tmp_path}/out", "--progress", "plain",
                             "--cache-dir", tmp_path / "store"], capture_output=True, text=True, timeout=120)
    assert copied.returncode == 0, copied.stderr
    source = tmp_path / "out/src"
    assert sorted(p.name for p in source.iterdir() if p.is_file()) == ["meson.build", "meson_options.txt"] and not (source / "build").exists()
    configured = subprocess.run(["meson", "setup", tmp_path / "build", source], capture_output=True, text=True, timeout=120)
    assert configured.returncode == 0, configured.stdout[-2000:]
