#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A `docker` that is none: writes each command line to a log and answers as the script in FAKE_DOCKER says, a JSON object from
the beginning of a command line ("build", "image inspect") to {"out", "err", "exit", "file", "touch", "wait"}: after "err" it
makes the file "touch", and waits for the file "wait". What the script does not name succeeds without a word; "build" writes
progress as BuildKit does."""
import json
import os
import sys
import time

words = sys.argv[1:]
with open(os.environ["FAKE_DOCKER_LOG"], "a") as log:
    log.write(json.dumps(words) + "\n")
with open(os.environ["FAKE_DOCKER"]) as file:
    script = json.load(file)
line = " ".join(words)
best = max((key for key in script if line.startswith(key)), key=len, default=None)
answer = script[best] if best is not None else {}
if "file" in answer:
    with open(answer["file"], "rb") as file:
        sys.stdout.buffer.write(file.read())
sys.stdout.write(answer.get("out", ""))
sys.stdout.flush()
sys.stderr.write(answer.get("err", ""))
sys.stderr.flush()
if "touch" in answer:
    with open(answer["touch"], "x"):
        pass
for _ in range(6000 if "wait" in answer else 0):  # a minute
    if os.path.exists(answer["wait"]):
        break
    time.sleep(0.01)
else:
    if "wait" in answer:
        sys.exit("nobody came")
sys.exit(answer.get("exit", 0))
