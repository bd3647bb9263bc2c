# SPDX-License-Identifier: Apache-2.0
"""Reads the cases of cases/*.txt.

    === NAME
    # What is tested, in words; where the engines disagree, what the reference says.
    options: --target a --build-arg X=1 --secret id=s,src={secrets}/s
    differs buildah: does not know --link
    fails: a part of our error message
    rootless fails: a part of what an ordinary user is told
    context:
        a.txt "text\\n"
    folder secrets:
        s "hush"
    Dockerfile:
    FROM base
    COPY a.txt /

All but the name and the Dockerfile may be left out. {NAME} in the options is the path of a further folder. `differs` names
a peer that does not make what we make, and why that is right; a peer that does then is an error, as a stale entry would be.
`fails` says that no engine may build it, `rootless fails` that an ordinary user cannot. listing.py describes the lines of a folder.
"""
import dataclasses
import pathlib
import re
import shlex

import listing

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
PEERS = ("docker", "buildah")


class BadCase(Exception):
    pass


@dataclasses.dataclass(eq=False)
class Case:
    area: str
    name: str
    words: list = dataclasses.field(default_factory=list)
    options: list = dataclasses.field(default_factory=list)
    differs: dict = dataclasses.field(default_factory=dict)
    fails: str = None
    rootless_fails: str = None
    folders: dict = dataclasses.field(default_factory=lambda: {"context": []})
    dockerfile: bytes = b""

    @property
    def id(self):
        return f"{self.area}/{self.name}"

    def make(self, folder):
        """Writes the Dockerfile and the folders below `folder`."""
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_bytes(self.dockerfile)
        for name, lines in self.folders.items():
            listing.make(lines, folder / name)

    def options_at(self, path):
        """The options of a build that sees the folder of make() as `path`."""
        names = "|".join(map(re.escape, self.folders))
        return [re.sub(r"\{(%s)\}" % names, lambda m: f"{path}/{m.group(1)}", word) for word in self.options]


def parse_field(case, line):
    """A line `FIELD: VALUE`; gives the list that takes the indented lines below it, or None."""
    field, colon, value = line.partition(":")
    value = value.strip()
    words = field.split()
    if not colon:
        raise BadCase(f"'{line}' is no field")
    if field == "options":
        case.options = shlex.split(value)
    elif field == "fails":
        case.fails = value
    elif field == "rootless fails":
        case.rootless_fails = value
    elif field == "context":
        return case.folders["context"]
    elif words[0] == "folder" and len(words) == 2:
        return case.folders.setdefault(words[1], [])
    elif words[0] == "differs" and len(words) == 2 and words[1] in PEERS and value:
        case.differs[words[1]] = value
    else:
        raise BadCase(f"no field '{field}'")
    return None


def parse_head(case, lines):
    below = None
    for line in lines:
        if line.startswith("    ") and below is not None:
            below.append(line[4:])
        elif line.startswith("#"):
            case.words.append(line[1:].strip())
        elif line.strip():
            below = parse_field(case, line)


def parse(area, text):
    parts = re.split(r"^=== (\S+)\n", text, flags=re.M)
    for name, body in zip(parts[1::2], parts[2::2]):
        case = Case(area, name)
        try:
            head, found, dockerfile = body.partition("Dockerfile:\n")
            if not found:
                raise BadCase("no Dockerfile")
            parse_head(case, head.split("\n"))
            case.dockerfile = (dockerfile.rstrip("\n") + "\n").encode("utf-8", "surrogateescape")
            if not case.words:
                raise BadCase("no word about what it tests")
        except (BadCase, listing.BadLine) as error:
            raise BadCase(f"cases/{area}.txt: {name}: {error}") from error
        yield case


def load(wanted=()):
    """The cases whose AREA or AREA/NAME is wanted; all of them without."""
    found = []
    for path in sorted(CASES.glob("*.txt")):
        found += parse(path.stem, path.read_text("utf-8", "surrogateescape"))
    ids = [case.id for case in found]
    double = {i for i in ids if ids.count(i) > 1}
    if double:
        raise BadCase(f"several cases have the name {sorted(double)[0]}")
    for want in wanted:
        if not any(want in (case.area, case.id) for case in found):
            raise BadCase(f"no case '{want}'")
    return [case for case in found if not wanted or case.area in wanted or case.id in wanted]
