#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The kernel configurations of the default guest say, for both architectures, what the list of hardening settings wants.

A line of the list that a defconfig states is compared with the built configuration by the kernel's Dockerfile, and with the
running kernel by the doctor, which has the same list. What the list says is not done must not be in a defconfig."""
import re
import sys

import tree

LIST = "guest/artifacts/diagnostics/lib/kernel-hardening.txt"
GROUPS = {"memory", "pages", "stack", "addresses", "speculation", "root", "surface", "not"}
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}  # as uname names it, as the defconfig's file is called
ENTRY = re.compile(r"(?P<group>\w+) (?P<machine>\w+) (?P<symbol>[A-Z0-9_]+)=(?P<value>y|n|-?\d+)(?P<reason>\s+\S.*)?")
SETTING = re.compile(r"CONFIG_(\w+)=(.+)|# CONFIG_(\w+) is not set")


def read_list(errors):
    """{machine: {symbol: (group, value)}}"""
    wanted = {machine: {} for machine in MACHINES}
    for number, line in enumerate(tree.text(LIST).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = ENTRY.fullmatch(line)
        if not entry or entry["group"] not in GROUPS or entry["machine"] not in {"all", *MACHINES}:
            errors.append(f"{LIST}:{number}: is not GROUP MACHINE SYMBOL=VALUE")
        elif (entry["group"] == "not") != bool(entry["reason"]):
            errors.append(f"{LIST}:{number}: a reason is for what is not done, and only for that")
        else:
            for machine in MACHINES if entry["machine"] == "all" else [entry["machine"]]:
                if entry["symbol"] in wanted[machine]:
                    errors.append(f"{LIST}:{number}: {entry['symbol']} is there twice for {machine}")
                wanted[machine][entry["symbol"]] = entry["group"], entry["value"]
    return wanted


def read_defconfig(name, errors):
    settings = {}
    for number, line in enumerate(tree.text(name).splitlines(), 1):
        setting = SETTING.fullmatch(line)
        if setting:
            symbol = setting[1] or setting[3]
            if symbol in settings:
                errors.append(f"{name}:{number}: {symbol} is there twice")
            settings[symbol] = setting[2] or "n"
        elif line and not line.startswith("# ") and line != "#":
            errors.append(f"{name}:{number}: is neither a setting nor a comment")
    return settings


def main():
    errors = []
    for machine, wanted in read_list(errors).items():
        name = f"guest/config/kernel/{MACHINES[machine]}.defconfig"
        settings = read_defconfig(name, errors)
        for symbol, (group, value) in wanted.items():
            if group == "not" and settings.get(symbol, "n") == value:
                errors.append(f"{name}: {symbol} is {value}, and {LIST} says it is not")
            elif group != "not" and settings.get(symbol) != value:
                errors.append(f"{name}: {symbol} should be {value} ({group} in {LIST}), and is {settings.get(symbol, 'not named')}")
    return tree.end(errors, f"{len(MACHINES)} configurations")


if __name__ == "__main__":
    sys.exit(main())
