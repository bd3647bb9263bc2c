# SPDX-License-Identifier: Apache-2.0
"""An image's config as lines `config FIELD VALUE`: what a Dockerfile can say, and nothing of when or by whom it was built."""
import json

LISTS = ("Env", "OnBuild")  # a line each
WHOLE = ("Entrypoint", "Cmd", "Shell", "Healthcheck")
SETS = ("ExposedPorts", "Volumes")
TEXTS = ("User", "WorkingDir", "StopSignal")
NANOSECONDS = ("Interval", "Timeout", "StartPeriod", "StartInterval")


def field_values(config, field):
    value = config.get(field)
    if not value:
        return []
    if field == "Healthcheck":
        value = {k: v // 10**6 if k in NANOSECONDS else v for k, v in value.items() if v}
    if field in LISTS:
        return list(value)
    if field in SETS:
        return sorted(value)
    if field == "Labels":
        return [f"{k}={v}" for k, v in sorted(value.items())]
    return [value if field in TEXTS else json.dumps(value, sort_keys=True)]


def lines(image, machine):
    """Lines of an OCI image config, or of what `docker image inspect` prints in its place. `machine` is this architecture."""
    config = image.get("config") or image.get("Config") or {}
    found = []
    for field in (*TEXTS, *LISTS, "Labels", *SETS, *WHOLE):
        values = field_values(config, field)
        # An order that means nothing is not compared; that of Env and OnBuild is the Dockerfile's.
        found += [f"config {field} {json.dumps(v)[1:-1] if field in TEXTS + LISTS + ('Labels',) else v}" for v in values]
    low = {key.lower(): value for key, value in image.items()}
    platform = "/".join(filter(None, (low.get("os", ""), low.get("architecture", ""), low.get("variant", ""))))
    if platform != "linux/" + machine:
        found.append(f"config Platform {platform}")
    if low.get("author"):
        found.append(f"config Author {low['author']}")
    return found


def shown(found, base):
    """What is not as in the base image; a field that it has and the result has not is said to be gone."""
    fields = {text.split()[1] for text in found}
    gone = sorted({text.split()[1] for text in base} - fields)
    return [text for text in found if text not in base] + [f"config {field} gone" for field in gone]
