#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No host name of a package registry stands in the repository: they are the machine's business.

The names to look for are read from this machine's own apt and npm configuration.
"""
import pathlib
import re
import shutil
import subprocess
import sys

import tree

URL = re.compile(r"https?://(?:[^/@\s\"']*@)?([^/:\s\"']+)")


def apt_hosts():
    folder = pathlib.Path("/etc/apt")
    files = [folder / "sources.list", *folder.glob("sources.list.d/*"), *folder.glob("apt.conf.d/*")]
    for path in files:
        try:
            lines = path.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        # a comment names what was there before, not what is used
        yield from (h for line in lines if not line.lstrip().startswith("#") for h in URL.findall(line))


def npm_hosts():
    if shutil.which("npm") is None:
        return
    done = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True)
    yield from URL.findall(done.stdout)


def main():
    hosts = sorted(h for h in {*apt_hosts(), *npm_hosts()} if h not in ("localhost", "127.0.0.1"))
    problems = []
    names = tree.files()
    for name in names:
        try:
            content = tree.text(name)
        except OSError:
            continue
        for number, line in enumerate(content.splitlines(), 1):
            problems += [f"{name}:{number}: the host of a package registry; take it from the machine"
                         for host in hosts if host in line]
    return tree.end(problems, f"{len(names)} files, {len(hosts)} hosts of this machine, none named")


if __name__ == "__main__":
    sys.exit(main())
