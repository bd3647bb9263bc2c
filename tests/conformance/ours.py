# SPDX-License-Identifier: Apache-2.0
"""capsem-builder as the engine of the conformance cases."""
import json
import os
import pathlib
import subprocess

import images
import trees

TIMEOUT_S = 120


# What a case's --secret id=…,env=CONFORMANCE_SECRET finds, in every engine.
SECRET = {"CONFORMANCE_SECRET": "from the environment"}


class Failed(Exception):
    """The engine did not build it; the text is what it said."""


class Ours:
    name = "ours"

    def __init__(self, program, scratch, user=None):
        """`user`, an ordinary one, runs it; else we do."""
        self.program, self.scratch, self.user = program, scratch, user

    def start(self):
        for name in images.NAMES:
            self.run("image", "import", self.scratch / f"{name}.tar", name)

    def run(self, *words):
        env = {key: value for key, value in os.environ.items() if key.startswith(("ASAN_", "UBSAN_")) or key == "PATH"}
        env.update(HOME=str(self.scratch), LC_ALL="C.UTF-8", **SECRET)
        prefix = self.user.prefix if self.user else []
        words = [*prefix, self.program, *words, "--cache-dir", self.scratch / "store"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=env, timeout=TIMEOUT_S, check=False)
        text = done.stderr.decode(errors="replace")
        if done.returncode < 0 or "AddressSanitizer" in text or "runtime error:" in text or "internal error" in text:
            raise AssertionError(f"{' '.join(map(str, words))}\n{text}")
        if done.returncode != 0:
            raise Failed(text)

    def build(self, case, folder):
        """(lines by path of the tree, image config) of a case whose files are in `folder`."""
        if self.user:
            self.user.own(folder)
            os.chown(folder.parent, self.user.uid, self.user.gid)
        tar, metadata = pathlib.Path(f"{folder}.tar"), pathlib.Path(f"{folder}.json")
        self.run("image", "build", folder / "context", "-f", folder / "Dockerfile", "--progress", "plain", "--offline",
                 "--output", f"type=tar,dest={tar}", "--metadata-file", metadata, *case.options_at(folder))
        try:
            with tar.open("rb") as file:
                return trees.of_tar(file), json.loads(metadata.read_text())["config"]
        finally:
            tar.unlink()
