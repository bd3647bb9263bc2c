# SPDX-License-Identifier: Apache-2.0
"""Each recipe of docs/how-to/gallery.md is accepted by `validate` in a copy of the default guest, without a warning."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILDER = os.environ.get("CAPSEM_BUILDER", "")
pytestmark = pytest.mark.skipif(not os.access(BUILDER, os.X_OK), reason="CAPSEM_BUILDER names no program")
HEAD = re.compile(r"# (config/[\w./-]+)(, added)?")


def recipes():
    """(title, blocks) of each recipe; a block is a path, whether it is added to the file that is there, and its text."""
    text = (REPO / "docs/how-to/gallery.md").read_text()
    for part in re.split(r"^### ", text, flags=re.M)[1:]:
        title, body = part.split("\n", 1)
        blocks = []
        for line in body.splitlines():
            head = HEAD.fullmatch(line.removeprefix("    ")) if line.startswith("    ") else None
            if head:
                blocks.append([head.group(1), bool(head.group(2)), ""])
            elif line.startswith("    ") and blocks:
                blocks[-1][2] += line.removeprefix("    ") + "\n"
        yield title, blocks


def validate(guest):
    return subprocess.run([BUILDER, "validate", "--deny-warnings", "guest"], cwd=guest.parent, capture_output=True, text=True, timeout=60)


@pytest.fixture
def guest(tmp_path):
    shutil.copytree(REPO / "guest", tmp_path / "guest", symlinks=True)
    return tmp_path / "guest"


def lay(guest, blocks):
    for path, added, text in blocks:
        file = guest / path
        assert file.exists() or not added, path
        file.write_text((file.read_text() + "\n" if added else "") + text)


@pytest.mark.parametrize("title, blocks", recipes(), ids=lambda v: v if isinstance(v, str) else "")
def test_recipe(guest, title, blocks):
    assert blocks and all(text.strip() for _, _, text in blocks), "a recipe has files"
    lay(guest, blocks)
    done = validate(guest)
    assert done.returncode == 0, done.stdout
    packages = re.findall(r'packages = \["([^"]+)"', "".join(text for _, _, text in blocks))
    shown = subprocess.run([BUILDER, "build", "guest", "--dry-run", "--template", "rootfs", "--arch", "x86_64"],
                           cwd=guest.parent, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    assert all(package in shown.stdout for package in packages)


def test_all_together(guest):
    whole = [block for _, blocks in recipes() for block in blocks]
    assert len(whole) > 15
    for block in sorted(whole, key=lambda b: b[1]):  # files first, then what is added to them
        lay(guest, [block])
    done = validate(guest)
    assert done.returncode == 0, done.stdout
