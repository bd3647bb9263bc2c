# SPDX-License-Identifier: Apache-2.0
"""Without --arch `build` is for this machine: a guest folder for two needs no emulator of the other."""
import os
import subprocess

PROGRAM = os.environ["CAPSEM_BUILDER"]
TABLE = """[build.architectures.{name}]
docker_platform = "linux/{platform}"
rust_target = "{machine}-unknown-linux-musl"
kernel_image = "image"
defconfig = "kernel/defconfig"
"""
OTHER = {"x86_64": ("aarch64", "arm64"), "aarch64": ("x86_64", "amd64")}
HOST = {"x86_64": "amd64", "aarch64": "arm64"}


def dry_run(folder, *architectures, options=()):
    config = folder / "guest" / "config"
    (config / "kernel").mkdir(parents=True, exist_ok=True)
    (config / "kernel" / "defconfig").write_text("")
    tables = [TABLE.format(name=name, machine=machine, platform=platform) for name, machine, platform in architectures]
    (config / "build.toml").write_text("[build]\nguest_binaries = []\n" + "".join(tables))
    done = subprocess.run([PROGRAM, "build", "guest", "--dry-run", "--template", "rootfs", *options], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_this_machine_is_the_default(tmp_path):
    host = os.uname().machine
    other, other_platform = OTHER[host]
    mine, theirs = ("mine", host, HOST[host]), ("theirs", other, other_platform)
    code, out, err = dry_run(tmp_path, theirs, mine)
    assert code == 0 and f"linux/{HOST[host]}" in out and other_platform not in out, err
    # for another machine only: no question which
    code, out, err = dry_run(tmp_path, theirs)
    assert code == 0 and f"linux/{other_platform}" in out, err
    # two for others
    code, out, err = dry_run(tmp_path, theirs, ("theirs2", other, other_platform))
    assert code == 1 and "this machine's architecture is not in the config; the config has theirs, theirs2" in err
    code, out, err = dry_run(tmp_path, theirs, mine, options=["--arch", "all"])
    assert code == 0 and out.index("# theirs rootfs") < out.index("# mine rootfs"), err
