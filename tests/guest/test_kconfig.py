# SPDX-License-Identifier: Apache-2.0
"""How a kernel's configuration is made and checked (templates/kconfig/), on a small tree of Kconfig files. Instead of the kernel's make
there is one that knows which symbols survive over nothing, and which over the defaults."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "templates/kconfig"
DEFCONFIGS = Path(__file__).resolve().parents[2] / "guest/config/kernel"
AWKS = [awk for awk in ("mawk", "gawk", "busybox") if shutil.which(awk)]
KCONFIG = """mainmenu "A kernel"
source "arch/$(SRCARCH)/Kconfig"
source "fs/Kconfig"
config PLAIN
	bool "plain"
	help
	  config NOT_THIS
	    depends on NOTHING

	  The end of the help.
config HIDDEN
	bool
config CHOSEN
	bool "chosen" if !PLAIN
config BOTH
	bool "both"
	depends on (FIRST || SECOND) && \\
		!THIRD
config TWICE
	bool "twice"
	depends on FIRST && SECOND && THIRD
config TWICE
	bool "twice"
	depends on ONLY = "yes"
config COMPILED
	def_bool $(cc-option,-fx)
	depends on $(cc-option,-fx) && PLAIN
"""
FS = """menuconfig MISC_FILESYSTEMS
	bool "Miscellaneous filesystems"
	depends on BLOCK
	help
	  Some.

if MISC_FILESYSTEMS
source "fs/squashfs/Kconfig"
endif # MISC_FILESYSTEMS
menu "Pseudo"
	depends on SHMEM
config TMPFS
	bool "tmpfs"
endmenu
"""
SQUASHFS = """config SQUASHFS
	tristate "SquashFS"
	depends on BLOCK
choice
	prompt "decompressor"
	depends on SQUASHFS
config SQUASHFS_SINGLE
	bool "one"
endchoice
config SQUASHFS_ZSTD
	bool "zstd" if EXPERT
	depends on SQUASHFS
"""
MAKE = """#!/bin/sh
# $WORLD/nothing and $WORLD/defaults: what .config becomes
echo "$*" >>"$WORLD/calls"
case "$*" in
*allnoconfig*) cp "$WORLD/nothing" "$CAPSEM_KERNEL_BUILD/.config" ;;
*olddefconfig*) cmp -s "$CAPSEM_KERNEL_BUILD/.config" "$WORLD/nothing" || cp "$WORLD/defaults" "$CAPSEM_KERNEL_BUILD/.config" ;;
esac
"""


@pytest.fixture
def tree(tmp_path):
    for name, text in (("Kconfig", KCONFIG), ("fs/Kconfig", FS), ("fs/squashfs/Kconfig", SQUASHFS), ("arch/x86/Kconfig", 'config BLOCK\n\tbool "block"\n'),
                       ("make", MAKE)):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_text(text)
    (tmp_path / "src/make").chmod(0o755)
    (tmp_path / "build").mkdir()
    return tmp_path


def run(tree, script, *words):
    return subprocess.run(["sh", FOLDER / script, *map(str, words)], cwd=tree / "src", capture_output=True, text=True,
                          env={**os.environ, "CAPSEM_KERNEL_BUILD": str(tree / "build"), "WORLD": str(tree)})


def config(tree, fragment, base="auto", nothing="", defaults=""):
    for name, text in (("fragment", fragment), ("nothing", nothing), ("defaults", defaults)):
        (tree / name).write_text(text)
    return run(tree, "config.sh", "my.defconfig", tree / "fragment", base, "x86", "--", tree / "src/make", "-s")


def result(tree):
    return (tree / "build/.config").read_text()


A, B = "CONFIG_PLAIN=y\n", "CONFIG_SQUASHFS=y\n"


@pytest.mark.parametrize("fragment,base,nothing,defaults,code,got", [
    (A, "auto", A, A + B, 0, "nothing"),                                 # nothing is lost
    (A + B, "auto", A, A + B, 0, "defaults"),                            # the defaults keep more
    (A + B, "auto", A, A, 1, "nothing"),                                 # both lose the same
    (A + B, "nothing", A, A + B, 1, "nothing"), (A + B, "defaults", A, A + B, 0, "defaults"),
    ('# kernel_base = "defaults"\n' + A, "auto", A, A + B, 0, "defaults"), ("# kernel_base = nothing\n" + A + B, "auto", A, A + B, 1, "nothing"),
    ('# kernel_base = "defaults"\n' + A, "nothing", A, A + B, 0, "nothing"),
    (A + "CONFIG_GONE=y\n", "defaults", "", A, 0, "defaults"),           # said, as olddefconfig does not
    ("CONFIG_RETPOLINE=y\n", "nothing", "CONFIG_MITIGATION_RETPOLINE=y\n", "", 0, "nothing"),
    ("CONFIG_PLAIN=n\n", "nothing", A, A, 1, "nothing"), ("# CONFIG_PLAIN is not set\n", "nothing", "", A, 0, "nothing")])
def test_the_base(tree, fragment, base, nothing, defaults, code, got):
    done = config(tree, fragment, base, nothing, defaults)
    assert done.returncode == code, done.stderr
    assert result(tree) == (nothing if got == "nothing" else defaults)
    assert ("asks for symbols that did not survive: " in done.stderr) == (code == 1)
    assert ("not in this kernel, although it asks for it: CONFIG_GONE" in done.stderr) == ("GONE" in fragment)


def test_a_base_that_there_is_not(tree):
    done = config(tree, "# kernel_base = some\n")
    assert done.returncode == 1 and "'some'" in done.stderr and '"defaults" or "nothing"' in done.stderr


def test_the_summary_and_the_way_out(tree):
    done = config(tree, A + B + "CONFIG_SQUASHFS_ZSTD=y\n", "nothing", A, A)
    lines = done.stderr.splitlines()
    assert lines[0] == "my.defconfig asks for symbols that did not survive: CONFIG_SQUASHFS CONFIG_SQUASHFS_ZSTD"
    assert 'kernel_base = "defaults" in build.toml' in lines[-1]


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("symbols,has,want", [
    ("SQUASHFS", "", ["CONFIG_SQUASHFS needs CONFIG_MISC_FILESYSTEMS=y", "CONFIG_SQUASHFS needs CONFIG_BLOCK=y", "CONFIG_MISC_FILESYSTEMS needs CONFIG_BLOCK=y"]),
    ("SQUASHFS", "BLOCK=y", ["CONFIG_SQUASHFS needs CONFIG_MISC_FILESYSTEMS=y"]),
    ("SQUASHFS_ZSTD", "BLOCK=y MISC_FILESYSTEMS=y SQUASHFS=m", ["CONFIG_SQUASHFS_ZSTD needs CONFIG_EXPERT=y", "CONFIG_EXPERT: this kernel has none"]),
    ("SQUASHFS_SINGLE", "BLOCK=y MISC_FILESYSTEMS=y", ["CONFIG_SQUASHFS_SINGLE needs CONFIG_SQUASHFS=y"]),
    ("TMPFS", "", ["CONFIG_TMPFS needs CONFIG_SHMEM=y", "CONFIG_SHMEM: this kernel has none"]),
    ("CHOSEN", "PLAIN=y", ["CONFIG_CHOSEN needs CONFIG_PLAIN=n"]),
    ("BOTH", "THIRD=y", ["CONFIG_BOTH needs (FIRST || SECOND)", "CONFIG_BOTH needs CONFIG_THIRD=n"]), ("BOTH", "FIRST=y THIRD=y", ["CONFIG_BOTH needs CONFIG_THIRD=n"]),
    ("TWICE", "FIRST=y", ['CONFIG_TWICE needs ONLY = "yes"']), ("COMPILED", "", ["CONFIG_COMPILED needs CONFIG_PLAIN=y"]),
    ("HIDDEN", "", ["CONFIG_HIDDEN: it is not asked for: other symbols select it"]),
    ("PLAIN", "", ["CONFIG_PLAIN: it has another value: a choice, a default or what selects it decides"]),
    ("NOT_THIS", "", ["CONFIG_NOT_THIS: this kernel has none"])])
def test_what_each_depends_on(tree, awk, symbols, has, want):
    (tree / "config").write_text("".join(f"CONFIG_{one}\n" for one in has.split()))
    words = ["busybox", "awk"] if awk == "busybox" else [awk]
    done = subprocess.run([*words, "-f", FOLDER / "depends.awk", "-v", "arch=x86", "-v", f"symbols={symbols}", tree / "config"],
                          cwd=tree / "src", capture_output=True, text=True)
    assert done.stdout.splitlines() == want and done.stderr == ""


def needs(tree, lines, arch="x86_64", codec="zstd"):
    (tree / "config").write_text(lines)
    return run(tree, "needs.sh", "my.defconfig", tree / "config", arch, codec, "x86")


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_the_guests_kernels_have_what_the_guest_needs(tree, arch):
    """Those with a menu over them name that too; what is on by itself is in the list."""
    by_itself = "".join(f"CONFIG_{one}=y\n" for one in ("TTY", "PRINTK", "NET", "PROC_FS", "SYSFS", "SHMEM", "BLOCK", "BINFMT_ELF"))
    done = needs(tree, (DEFCONFIGS / f"{arch}.defconfig").read_text() + by_itself, arch)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("cut,codec", [("RD_ZSTD", "zstd"), ("SQUASHFS_ZSTD", "zstd"), ("SQUASHFS_XZ", "xz"), ("VIRTIO_BLK", "zstd"), ("FILE_LOCKING", "zstd"),
                                       ("SERIAL_8250_CONSOLE", "zstd")])
def test_what_a_guest_would_hang_without(tree, cut, codec):
    text = (DEFCONFIGS / "x86_64.defconfig").read_text()
    assert f"CONFIG_{cut}=y\n" in text
    done = needs(tree, text.replace(f"CONFIG_{cut}=y\n", ""), codec=codec)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and lines[0] == f"my.defconfig lacks what the guest needs of its kernel: CONFIG_{cut}"
    assert f"CONFIG_{cut}=y" in lines[1:] and lines[-1].startswith("# ^ to ")
    if codec == "xz":
        assert needs(tree, text.replace(f"CONFIG_{cut}=y\n", ""), codec="zstd").returncode == 0
