#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is read of the environment, and by whom: src/cli may; a room may when it is in READS.

A room that reads a variable decides by something that its callers do not see. So each is listed here with what for.
"""
import re
import sys

import tree

READS = {
    "src/base/proc.c": "PATH, and what children get: the environment is passed on",
    "src/build/credentials.c": "variables that a user's own npmrc and pip.conf name",
    "src/build/host.c": "settings of apt, npm, pip and proxies, to show them to steps",
    "src/docker/build.c": "whether the docker command itself has a variable already",
    "src/fetch/curl.c": "SSL_CERT_FILE, as libcurl's own tools",
    "src/guestbin/cargo.c": "RUSTC and linkers, as cargo reads them",
    "src/images/bootstrap.c": "CAPSEM_MIRROR_DEBIAN, CAPSEM_MIRROR_UBUNTU",
    "src/oci/credentials.c": "DOCKER_CONFIG and HOME, as docker login has them",
    "src/oci/endpoint.c": "HOME and XDG_CONFIG_HOME: registries.conf(5)",
    "src/oci/http.c": "proxies",
    "src/remote/git_child.c": "PATH, proxies and certificates: git is given nothing else",
    "src/sandbox/init.c": "the variables of a step, which it sets",
}
READ = re.compile(r"(?<![\w.>])(secure_getenv|getenv|environ)\b")


def main():
    problems, seen = [], set()
    for name in tree.c_files():
        if not name.startswith("src/") or name.startswith("src/cli/") or name.endswith("_test.c"):
            continue
        code = tree.code(tree.text(name))
        for found in READ.finditer(code):
            seen.add(name)
            if name not in READS:
                line = code.count("\n", 0, found.start()) + 1
                problems.append(f"{name}:{line}: {found.group()}: src/cli reads the environment and hands it on; "
                                "an exception is a row of READS in tests/lint/environment.py")
    problems += [f"tests/lint/environment.py: {name} reads nothing" for name in sorted(READS.keys() - seen)
                 if (tree.ROOT / name).exists()]
    return tree.end(problems, f"{len(seen)} files read the environment, each for a reason")


if __name__ == "__main__":
    sys.exit(main())
