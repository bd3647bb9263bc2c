# SPDX-License-Identifier: Apache-2.0
"""Where the conformance suites are that others wrote, and which files of them are used. suites.toml pins those.

A suite is looked for in $CAPSEM_CONFORMANCE, else in ../shared/conformance beside the repository, then in target/conformance,
where `make conformance-data` puts it.
"""
import hashlib
import os
import pathlib
import tomllib

SKIP = 77
REPO = pathlib.Path(__file__).resolve().parents[2]
TABLE = REPO / "tests/spec/suites.toml"
FETCHED = REPO / "target/conformance"


def bases():
    moved = os.environ.get("CAPSEM_CONFORMANCE")
    return [pathlib.Path(moved)] if moved else [REPO.parent / "shared/conformance", FETCHED]


def find(name):
    """The suite's folder; None when there is none."""
    return next((base / name for base in bases() if (base / name).is_dir()), None)


def skip(name, title):
    """Says why a test is skipped, and what would fetch the suite. The result is the exit code."""
    print(f"skipped: {title} is not in {' or '.join(map(str, bases()))}; 'make conformance-data' fetches it")
    return SKIP


def table(path=TABLE):
    return tomllib.loads(path.read_text())


def used(row, folder):
    """Names of the files that count, sorted: those of `files`, below `folders`, and that the lists in `lists` name."""
    names = set(row.get("files", []))
    for below in row.get("folders", []):
        names |= {str(p.relative_to(folder)) for p in (folder / below).rglob("*") if p.is_file()}
    for listing in row.get("lists", []):
        names.add(listing)
        base = pathlib.PurePosixPath(listing).parent
        names |= {str(base / line) for line in (folder / listing).read_text().split()}
    return sorted(names)


def digest(row, folder):
    """SHA-256 over the names and the SHA-256 of the files that count. However an archive was packed, they are the same."""
    whole = hashlib.sha256()
    for name in used(row, folder):
        whole.update(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n".encode())
    return whole.hexdigest()
