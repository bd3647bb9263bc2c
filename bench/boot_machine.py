# SPDX-License-Identifier: Apache-2.0
"""A machine of bench/boot: QEMU with the devices that `run` gives it, watched from the start of its kernel to a sign of life."""
import os
import select
import socket
import subprocess
import tempfile
import time

# As src/vm/qemu_args.c has it; one accelerator for all machines that are compared.
QEMU = ["qemu-system-x86_64", "-no-user-config", "-nodefaults", "-no-reboot", "-display", "none", "-machine",
        "q35,vmport=off,smbus=off,sata=off", "-cpu", "max,la57=off,pku=off", "-device", "virtio-rng-pci",
        "-device", "virtio-serial-pci,max_ports=5", "-trace", "fw_cfg_select"]
# The last that the firmware fetches before it jumps into the kernel.
KERNEL_STARTS = b"'cmdline_data'"


class Machine:
    """kernel, initrd and root are files; `sign` is what the console says when the machine is ready, None: the agent's first frame."""

    def __init__(self, name, kernel, initrd, root, append, sign=None):
        self.name, self.kernel, self.initrd, self.root, self.append, self.sign = name, kernel, initrd, root, append, sign

    def command(self, accel, control):
        command = QEMU + ["-accel", accel, "-smp", "2", "-m", "2048", "-kernel", self.kernel, "-initrd", self.initrd,
                          "-append", f"console=ttyS0 panic=-1 quiet loglevel=4 {self.append}", "-serial", "stdio",
                          "-chardev", f"socket,id=control,fd={control}",
                          "-device", "virtserialport,chardev=control,name=capsem.control"]
        if self.root:
            command += ["-drive", f"file={self.root},format=raw,if=none,id=root,readonly=on",
                        "-device", "virtio-blk-pci,drive=root"]
        return command

    def boot(self, accel, timeout_s):
        """Seconds from the kernel's start to the sign."""
        ours, theirs = socket.socketpair()
        with ours, theirs, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(self.command(accel, theirs.fileno()), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            theirs.close()
            try:
                return self.watch(process, ours, time.monotonic() + timeout_s)
            finally:
                process.kill()
                process.communicate()

    def watch(self, process, control, deadline):
        console, trace, start = b"", b"", None
        files = {process.stdout.fileno(), process.stderr.fileno(), control.fileno()}
        while time.monotonic() < deadline:
            readable, _, _ = select.select(files, [], [], deadline - time.monotonic())
            now = time.monotonic()
            for fd in readable:
                data = os.read(fd, 65536)
                if not data:
                    files.discard(fd)
                elif fd == process.stderr.fileno():
                    trace += data
                    if KERNEL_STARTS in trace:
                        start, trace = now, b""
                elif fd == process.stdout.fileno():
                    console += data
                ready = self.sign in console if self.sign else fd == control.fileno() and data
                if ready and start:
                    return now - start
            if process.poll() is not None and not readable:
                break
        raise TimeoutError(f"{self.name}: no sign of life\n" + (console[-2000:] or trace[-2000:]).decode(errors="replace"))
