# SPDX-License-Identifier: Apache-2.0
"""What an engine makes of a case, and how two results differ."""
import difflib
import io
import re
import shutil

import configs
import images
import trees
from ours import Failed


class Shower:
    """Turns a tree and an image config into the lines that differ from the base image."""

    def __init__(self, layer, image):
        self.tree = trees.of_tar(io.BytesIO(layer))
        self.config = configs.lines(image, images.machine())

    def lines(self, engine, case, folder):
        """What an engine makes of a case; None when it does not build it. Its words come second."""
        try:
            tree, image = engine.build(case, folder)
        except Failed as error:
            return None, str(error)
        base = self.config if b"/bin/busybox" in tree else []
        return trees.shown(tree, self.tree) + configs.shown(configs.lines(image, images.machine()), base), ""


def judge_ours(case, lines, words):
    """What is wrong with our own result, leaving other engines aside; None when nothing is."""
    if case.fails is None:
        return None if lines is not None else "it is not built:\n" + words.strip()
    if lines is not None:
        return "it is built, and must not be"
    return None if case.fails in words else f"the message has no '{case.fails}':\n" + words.strip()


def difference(wanted, got, noise=()):
    """Readable lines of how two results differ, after replacing noise: pairs of a pattern and what to put there."""
    wanted, got = (["is not built"] if lines is None else lines for lines in (wanted, got))
    for pattern, instead in noise:
        wanted, got = ([re.sub(pattern, instead, text) for text in lines] for lines in (wanted, got))
    wanted, got = (list(filter(None, lines)) for lines in (wanted, got))
    diff = difflib.unified_diff(wanted, got, n=0, lineterm="")
    return [line for line in diff if not line.startswith(("---", "+++", "@@"))]


def run_case(case, engines, shower, scratch):
    """{engine: (lines, words)} of one case; the files of each engine are its own."""
    found = {}
    for engine in engines:
        folder = scratch / engine.name / case.area / case.name
        case.make(folder)
        found[engine.name] = shower.lines(engine, case, folder)
        shutil.rmtree(folder)
    return found
