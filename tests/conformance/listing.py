# SPDX-License-Identifier: Apache-2.0
"""Folders and archives made of a listing, a line an entry:

    a.txt "hello\\n"            a file of mode 0644 with this text; without a text it is empty
    run.sh 0755 "#!/bin/sh\\n"
    "a b\\xff" "x" uid=7 gid=8  names with odd bytes in double quotes; escapes \\n \\t \\" \\\\ \\xNN
    sub/ 0700                   a folder. Folders above an entry are made by themselves
    l -> target                 a symbolic link
    b = a.txt                   a hard link to an entry above
    hole size=1048576           a file that is one hole
    f fifo
    f user.note=text            an extended attribute
    c capability=cap            security.capability: net_bind_service, permitted and effective
    t time=1111111111           seconds; without it TIME
    a.tar.gz:                   an archive: .tar .tar.gz .tar.xz .tar.bz2 .tar.zst; indented lines are its members
        x "in it"
"""
import bz2
import gzip
import io
import lzma
import os
import re
import subprocess
import tarfile

TIME = 1_000_000_000
# struct vfs_cap_data, revision 2: effective, permitted = CAP_NET_BIND_SERVICE
CAPABILITY = bytes.fromhex("0100000200040000" + "00" * 12)
TOKEN = re.compile(rb'\s*("(?:[^"\\]|\\.)*"|[^\s"]+="(?:[^"\\]|\\.)*"|\S+)')
ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.S)
COMPRESS = {b".gz": lambda data: gzip.compress(data, mtime=0), b".xz": lzma.compress, b".bz2": bz2.compress,
            b".zst": lambda data: subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout}


class BadLine(Exception):
    pass


def unquote(token):
    def one(match):
        code = match.group(1)
        if code[:1] == b"x":
            return bytes([int(code[1:], 16)])
        return {b"n": b"\n", b"t": b"\t", b"0": b"\0"}.get(code, code)

    head, quote, rest = token.partition(b'"')
    return head + ESCAPE.sub(one, rest[:-1]) if quote else token


class Entry:
    """One entry: kind is file, dir, link, hard, fifo or archive."""

    def __init__(self, line):
        tokens = TOKEN.findall(line.encode("utf-8", "surrogateescape"))
        name = unquote(tokens[0])
        self.kind, self.mode, self.content, self.target = "file", None, b"", None
        self.uid = self.gid = 0
        self.size, self.time, self.xattrs, self.members = None, TIME, {}, []
        if name.endswith(b":") and len(tokens) == 1:
            name, self.kind = name[:-1], "archive"
        elif name.endswith(b"/"):
            self.kind = "dir"
        self.name = name.rstrip(b"/")
        self.attributes(tokens[1:], line)
        if self.mode is None:
            self.mode = 0o755 if self.kind == "dir" else 0o644

    def attributes(self, tokens, line):
        while tokens:
            token = tokens.pop(0)
            key, equals, value = token.partition(b"=")
            if token in (b"->", b"=") and tokens:
                self.kind, self.target = "link" if token == b"->" else "hard", unquote(tokens.pop(0))
            elif token == b"fifo":
                self.kind = "fifo"
            elif token.startswith(b'"'):
                self.content = unquote(token)
            elif re.fullmatch(rb"0[0-7]*", token):
                self.mode = int(token, 8)
            elif key in (b"uid", b"gid", b"size", b"time") and equals:
                setattr(self, key.decode(), int(value))
            elif key == b"capability":
                self.xattrs["security.capability"] = CAPABILITY
            elif key.startswith(b"user.") and equals:
                self.xattrs[key.decode()] = unquote(value)
            else:
                raise BadLine(f"'{line.strip()}': what is '{token.decode(errors='replace')}'")


def parse(lines):
    entries = []
    for line in lines:
        if not line.strip():
            continue
        if line.startswith("    "):
            if not entries or entries[-1].kind != "archive":
                raise BadLine(f"'{line.strip()}' is below nothing")
            entries[-1].members.append(line[4:])
        else:
            entries.append(Entry(line))
    return entries


def compressed(name, data):
    return COMPRESS.get(os.path.splitext(name)[1], bytes)(data)


def tar_bytes(entries):
    """The tar of a list of entries."""
    out = io.BytesIO()
    by_name = {entry.name: entry for entry in entries}
    types = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(os.fsdecode(entry.name))
            info.type = types.get(entry.kind, tarfile.REGTYPE)
            # Some take a file's attributes from the last link to it.
            file = by_name.get(entry.target, entry) if entry.kind == "hard" else entry
            info.mode, info.uid, info.gid, info.mtime = file.mode, file.uid, file.gid, file.time
            info.linkname = os.fsdecode(entry.target or b"")
            content = bytes(entry.size) if entry.size else entry.content
            info.size = len(content) if info.isreg() else 0
            info.pax_headers = {f"SCHILY.xattr.{k}": v.decode("utf-8", "surrogateescape")
                                for k, v in entry.xattrs.items()}
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return out.getvalue()


def write(entry, path):
    if entry.kind == "dir":
        os.makedirs(path, exist_ok=True)
    elif entry.kind == "link":
        os.symlink(entry.target, path)
    elif entry.kind == "fifo":
        os.mkfifo(path)
    else:
        content = entry.content
        if entry.kind == "archive":
            content = compressed(entry.name, tar_bytes(parse(entry.members)))
        with open(path, "wb") as file:
            file.write(content)
            if entry.size is not None:
                file.truncate(entry.size)
    if os.geteuid() == 0:
        os.lchown(path, entry.uid, entry.gid)
    if entry.kind != "link":
        os.chmod(path, entry.mode)
    for name, value in entry.xattrs.items():
        os.setxattr(path, name, value, follow_symlinks=False)


def make(lines, folder):
    """Makes the folder that a listing describes. Times come last: a folder's changes with each entry."""
    root, times = os.fsencode(folder), {os.fsencode(folder): TIME}
    os.mkdir(root)
    for entry in parse(lines):
        path = os.path.join(root, entry.name)
        above = os.path.dirname(path)
        while above not in times:
            times[above] = TIME
            above = os.path.dirname(above)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if entry.kind == "hard":
            os.link(os.path.join(root, entry.target), path)
        else:
            write(entry, path)
        times[path] = entry.time
    for path, time in times.items():
        os.utime(path, (time, time), follow_symlinks=False)
