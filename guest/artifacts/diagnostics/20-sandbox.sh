#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What keeps the image as it was built, and the kernel out of reach of what runs in it.
. "${0%/*}/lib/tap.sh"

LOWER=/run/capsem/lower
boot="look at the init's messages on the console: run with --console"
kernel="see the hardening section of guest/config/kernel/*.defconfig"
knob="capsem-init writes it at boot"

mounted() { # MOUNT-POINT TYPE [OPTION]
    while read -r _ point type options _; do
        [ "$point" = "$1" ] && [ "$type" = "$2" ] || continue
        case ",$options," in *",${3:-${options%%,*}},"*) return 0 ;; esac
    done </proc/mounts
    echo "no $2 ${3:-} at $1"
    return 1
}

# The kernel either lacks the knob, with the feature behind it, or has it at one of the values.
knob_is() { # FILE VALUE...
    file=/proc/sys/$1
    shift
    [ -e "$file" ] || return 0
    is=$(cat "$file")
    for value in "$@"; do [ "$is" = "$value" ] && return 0; done
    echo "$file is $is"
    return 1
}

refused() { # COMMAND...: it must fail
    if "$@" 2>/dev/null; then
        echo "'$*' succeeded"
        return 1
    fi
}

unreadable() { # FILE: it is not there, or the kernel refuses to read it
    ! [ -e "$1" ] || refused head -c 1 "$1" >/dev/null
}

# -- the file system ------------------------------------------------------------------------------------------------------

check "/ is an overlay" "$boot" mounted / overlay rw
check "the image is mounted read-only below it" "$boot" mounted $LOWER squashfs ro
check "the image cannot be written" "$boot" refused sh -c ": >$LOWER/etc/doctor"
# shellcheck disable=SC2016
check "a write to / leaves the image alone" "$boot" \
    sh -c ': >/etc/doctor && test ! -e '$LOWER'/etc/doctor; code=$?; rm -f /etc/doctor; exit $code'
check "a folder of the image can be renamed" "the overlay lacks redirect_dir: see capsem-init" \
    sh -c 'mv /srv /srv.doctor && mv /srv.doctor /srv'
check "/root is on scratch space of its own" "$boot" sh -c 'grep -q " /root " /proc/mounts'

# One walk over the image for all that must not be in it.
walk=$(find $LOWER -xdev \( -type f -perm /6000 -printf 'setid %P\n' \) -o \( -type f -perm -0002 -printf 'file %P\n' \) \
    -o \( -type d -perm -0002 ! -perm -1000 -printf 'dir %P\n' \) -o \( \( -type b -o -type c \) ! -path "$LOWER/dev/*" -printf 'node %P\n' \) 2>&1)
absent() { # KIND
    ! printf '%s\n' "$walk" | grep "^$1 "
}
check "no program of the image is setuid or setgid" "the recipe clears them; something ran after that step" absent setid
check "no file of the image is writable by everyone" "chmod o-w it in the step that makes it" absent file
check "no folder of the image is writable by everyone without the sticky bit" "chmod +t it in the step that makes it" absent dir
check "the image has no device nodes outside of /dev, which is the kernel's" "remove them in the step that makes them" absent node

# -- the kernel ------------------------------------------------------------------------------------------------------------

check "no kernel module can be loaded" "build the kernel with CONFIG_MODULES off, or let capsem-init set kernel.modules_disabled" \
    sh -c '! [ -e /proc/modules ] || [ "$(cat /proc/sys/kernel/modules_disabled)" = 1 ]'
check "physical memory is out of reach: /dev/mem" "$kernel" unreadable /dev/mem
check "physical memory is out of reach: /dev/kmem" "$kernel" unreadable /dev/kmem
check "physical memory is out of reach: /proc/kcore" "$kernel" unreadable /proc/kcore
check "no I/O ports in /dev/port" "$kernel" unreadable /dev/port
check "the kernel is locked down" "$kernel" grep -Eq '\[(integrity|confidentiality)\]' /sys/kernel/security/lockdown
check "kernel addresses are hidden" "$knob: kernel.kptr_restrict" knob_is kernel/kptr_restrict 1 2
check "addresses of programs are random" "$kernel" knob_is kernel/randomize_va_space 2
check "the kernel's messages are for root" "$knob: kernel.dmesg_restrict" knob_is kernel/dmesg_restrict 1
check "a process may only trace its children" "$knob: kernel.yama.ptrace_scope" knob_is kernel/yama/ptrace_scope 1 2 3
check "users may not load BPF programs" "$knob: kernel.unprivileged_bpf_disabled" knob_is kernel/unprivileged_bpf_disabled 1 2
check "io_uring is off" "$knob: kernel.io_uring_disabled" knob_is kernel/io_uring_disabled 2
check "another kernel cannot be loaded" "$knob: kernel.kexec_load_disabled" knob_is kernel/kexec_load_disabled 1
check "the system request key is off" "$knob: kernel.sysrq" knob_is kernel/sysrq 0
check "links in sticky folders cannot be abused" "$knob: fs.protected_symlinks" knob_is fs/protected_symlinks 1
check "hard links to foreign files are refused" "$knob: fs.protected_hardlinks" knob_is fs/protected_hardlinks 1
check "a setuid program leaves no core" "$knob: fs.suid_dumpable" knob_is fs/suid_dumpable 0
for module in landlock yama; do
    check "the security module $module is active" "$kernel" grep -qw $module /sys/kernel/security/lsm
done
check "system calls can be filtered" "$kernel" grep -qw kill_process /proc/sys/kernel/seccomp/actions_avail

# -- what agents need for sandboxes of their own -----------------------------------------------------------------------------

check "a process can make a user namespace" "$kernel; capsem-init must move the new root to /, not only chroot" unshare --user true
check "a process can make mount and network namespaces" "$kernel" unshare --mount --net true
check "control groups limit memory and processes" "$kernel" grep -Eq 'memory.*pids' /sys/fs/cgroup/cgroup.controllers
check "process 1 is capsem-init" "the ramdisk's /init should be capsem-init" \
    sh -c 'tr "\0" " " </proc/1/cmdline | grep -q init'
plan
