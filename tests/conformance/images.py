# SPDX-License-Identifier: Apache-2.0
"""The images that the cases start from, as Docker archives, which every engine reads. Each is below a megabyte or two.

    base      busybox, some accounts, and /old with one thing of each kind to copy from and over; PATH and nothing else in the config
    bare      the same files; the config is empty
    rich      a second layer that removes, hides and replaces parts of /old; every field of the config is set
    trigger   base with ONBUILD instructions
"""
import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile

import listing

# Not long ago, so never shown: what is made in a folder changes its time, and that says nothing.
FOLDER_TIME = 1_600_000_000
BUSYBOX = pathlib.Path("/bin/busybox")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

BASE = r"""
./ 0755
bin/ 0755
etc/ 0755
etc/passwd "root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1001::/home/builder:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
etc/group "root:x:0:\nbuilder:x:1001:\nstaff:x:50:builder\nextra:x:51:nobody,builder\nnogroup:x:65534:\n"
etc/hosts ""
etc/hostname ""
etc/resolv.conf ""
home/ 0755
home/builder/ 0755 uid=1000 gid=1001
root/ 0700
tmp/ 01777
usr/ 0755
usr/bin/ 0755
var/ 0755
run/ 0755
proc/ 0555
sys/ 0555
dev/ 0755
old/ 0755
old/file 0640 "old\n" uid=3 gid=4
old/hard = old/file
old/setuid 04755 "s" uid=1000
old/cap 0755 "c" capability=cap
old/note "n" user.note=base
old/dir/ 0750 uid=5 gid=6
old/dir/a "a"
old/dir/b "b"
old/dir/deep/ 0755
old/dir/deep/c "c"
old/empty/ 01777
old/link -> dir
old/abs -> /old/dir
old/flink -> file
old/dangling -> /old/later
old/up -> ../../../old/dir
"""

# A second layer, as the OCI layer specification writes one.
RICH = r"""
old/ 0755
old/.wh.file ""
old/dir/ 0700
old/dir/.wh..wh..opq ""
old/dir/only "only"
old/empty 0600 "a file now"
old/setuid/ 0755
old/setuid/in "a folder now"
old/link "no link now"
rich "r"
"""

RICH_CONFIG = {
    "Env": [PATH, "RICH=yes", "EMPTY=", "SPACED=a b"], "User": "builder:staff", "WorkingDir": "/home/builder",
    "Entrypoint": ["/bin/busybox", "sh"], "Cmd": ["-c", "true"], "Labels": {"kept": "1", "replaced": "old"},
    "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}, "StopSignal": "SIGINT", "Shell": ["/bin/sh", "-ec"],
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5 * 10**9, "Retries": 4},
}
TRIGGERS = ["RUN echo $WHO >/triggered", "ENV TRIGGERED=1", "COPY from-trigger /copied"]


def applets():
    return subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()


def base_layer(attr):
    entries = listing.parse(BASE.split("\n"))
    for path, source in (("bin/busybox", BUSYBOX), ("bin/attr", attr)):
        entry = listing.Entry(f"{path} 0755")
        entry.content = pathlib.Path(source).read_bytes()
        entries.append(entry)
    entries += [listing.Entry(f"bin/{applet} -> busybox") for applet in applets() if applet != "busybox"]
    for entry in entries:
        if entry.kind == "dir":
            entry.time = FOLDER_TIME
    return listing.tar_bytes(entries)


def machine():
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def write_archive(path, name, layers, config):
    """A Docker archive with one image; gives its image config."""
    image = {"architecture": machine(), "os": "linux", "created": "2001-09-09T01:46:40Z", "config": config,
             "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers]}}
    named = {f"layer{i}.tar": data for i, data in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": [name + ":latest"], "Layers": list(named)}]
    files = {"manifest.json": json.dumps(manifest).encode(), "config.json": json.dumps(image).encode(), **named}
    with tarfile.open(path, "w") as tar:
        for file, data in files.items():
            info = tarfile.TarInfo(file)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return image


def make(folder, attr):
    """Writes NAME.tar of each image; gives what results are shown against: the layer of base, and its image config."""
    base = base_layer(attr)
    rich = listing.tar_bytes(listing.parse(RICH.split("\n")))
    path = {"Env": [PATH]}
    rows = [("base", [base], path), ("bare", [base], {}), ("rich", [base, rich], RICH_CONFIG),
            ("trigger", [base], {**path, "OnBuild": TRIGGERS})]
    made = {name: write_archive(folder / f"{name}.tar", name, layers, config) for name, layers, config in rows}
    return base, made["base"]


NAMES = ("base", "bare", "rich", "trigger")
