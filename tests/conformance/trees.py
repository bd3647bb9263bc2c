# SPDX-License-Identifier: Apache-2.0
"""A result as a list of lines, one an entry and one a value of the image config, which is what is compared and recorded:

    dir  0755 0:0 /to
    file 4755 0:0 @1000000000 /to/a "text\\n" user.note="x"
    file 0644 1:2 /to/big 1048576 bytes 30e14955ebf13522
    link 0:0 @1000000000 /to/l -> a
    hard /to/z = /to/a
    gone /etc/motd
    config Env PATH=/bin

A time is shown when it is a set one, from long ago; not that of the build. Content is shown when it is short. Of a result that has
the base image's busybox only what differs from that image is shown.
"""
import hashlib
import os
import re
import stat
import tarfile

LONG_AGO = 1_500_000_000
SHORT = 60
# What engines mount, or leave behind in places of their own, is not part of an image.
MOUNTED = (b"/proc", b"/sys", b"/dev")
ENGINES = {b"/etc/hosts", b"/etc/hostname", b"/etc/resolv.conf", b"/run/.containerenv"}
FOLDER_TIME = re.compile(r"^(dir  \d{4} \S+) @\d+")
XATTRS = ("user.", "security.capability")
PLAIN = set(range(0x21, 0x7F)) - set(b'"\\')


def quote(data, always=False):
    if data and not always and set(data) <= PLAIN:
        return data.decode()
    text = ""
    for byte in data:
        char = chr(byte)
        text += {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}.get(
            char, char if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
    return f'"{text}"'


def describe(content):
    if len(content) <= SHORT:
        return quote(content, True)
    return f"{len(content)} bytes {hashlib.sha256(content).hexdigest()[:16]}"


def line(path, mode, owner, mtime, content=None, target=None, device=None, xattrs=()):
    """The line of one entry. mode is that of stat(2), with the type."""
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "dir ", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo", stat.S_IFCHR: "char",
            stat.S_IFBLK: "block", stat.S_IFSOCK: "socket"}[stat.S_IFMT(mode)]
    words = [kind]
    if kind != "link":
        words.append(f"{stat.S_IMODE(mode):04o}")
    words.append("%d:%d" % owner)
    if mtime < LONG_AGO:
        words.append(f"@{int(mtime)}")
    words.append(quote(path))
    if target is not None:
        words.append("-> " + quote(target))
    if device is not None:
        words.append("%d:%d" % device)
    if kind == "file":
        words.append(describe(content))
    words += [f"{name}={quote(value, True)}" for name, value in sorted(xattrs)]
    return " ".join(words)


def wanted(path):
    return path not in ENGINES and not any(path.startswith(top + b"/") for top in MOUNTED)


def of_tar(source):
    """Lines by path of an open tar."""
    kinds = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.FIFOTYPE: stat.S_IFIFO,
             tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}
    fields, groups = {}, {}
    with tarfile.open(fileobj=source) as tar:
        for member in tar:
            name = member_path(member.name)
            if not wanted(name):
                continue
            if member.islnk():
                first = member_path(member.linkname)
                groups.setdefault(first, {first}).add(name)
                continue
            xattrs = [(key[len("SCHILY.xattr."):], os.fsencode(value)) for key, value in member.pax_headers.items()
                      if key.startswith("SCHILY.xattr.") and key[len("SCHILY.xattr."):].startswith(XATTRS)]
            fields[name] = dict(
                mode=kinds.get(member.type, stat.S_IFREG) | member.mode, owner=(member.uid, member.gid), mtime=member.mtime,
                content=tar.extractfile(member).read() if member.isreg() else None,
                target=os.fsencode(member.linkname) if member.issym() else None,
                device=(member.devmajor, member.devminor) if member.ischr() or member.isblk() else None, xattrs=xattrs)
    return finish(fields, groups)


def member_path(name):
    return b"/" + os.fsencode(name).removeprefix(b".").strip(b"/")


def of_folder(root):
    """Lines by path of a mounted tree."""
    root = os.fsencode(root)
    fields, groups = {}, {}
    for above, folders, names in os.walk(root):
        for name in [b"", *names] + [n for n in folders if os.path.islink(os.path.join(above, n))]:
            path = os.path.join(above, name).rstrip(b"/")
            inside = path[len(root):] or b"/"
            if not wanted(inside):
                continue
            info = os.lstat(path)
            fields[inside] = read_entry(path, info)
            if not stat.S_ISDIR(info.st_mode) and info.st_nlink > 1:
                groups.setdefault((info.st_dev, info.st_ino), set()).add(inside)
    return finish(fields, {key: names for key, names in groups.items() if len(names) > 1})


def read_entry(path, info):
    mode, content, target, device = info.st_mode, None, None, None
    if stat.S_ISREG(mode):
        with open(path, "rb") as file:
            content = file.read()
    elif stat.S_ISLNK(mode):
        target = os.readlink(path)
    elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        device = os.major(info.st_rdev), os.minor(info.st_rdev)
    xattrs = [(name, os.getxattr(path, name, follow_symlinks=False))
              for name in os.listxattr(path, follow_symlinks=False) if name.startswith(XATTRS)]
    return dict(mode=mode, owner=(info.st_uid, info.st_gid), mtime=info.st_mtime, content=content, target=target,
                device=device, xattrs=xattrs)


def finish(fields, groups):
    """Lines by path; of several names of one file the first is shown whole, the others as links to it."""
    lines = {path: line(path, **entry) for path, entry in fields.items()}
    for names in groups.values():
        first, *others = sorted(names)
        lines[first] = line(first, **fields[next(name for name in names if name in fields)])
        lines.update({name: f"hard {quote(name)} = {quote(first)}" for name in others})
    return lines


def shown(lines, base):
    """Sorted lines of what is not as in the base image."""
    if b"/bin/busybox" not in lines:
        base = {}
    # The time of a folder that was there says no more than that something came or went.
    plain = {path: FOLDER_TIME.sub(r"\1", text) for path, text in lines.items()}
    found = {path: text for path, text in lines.items() if base.get(path) not in (text, plain[path])}
    found.update({path: f"gone {quote(path)}" for path in base if path not in lines})
    return [found[path] for path in sorted(found)]
