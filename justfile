# Forwards to the Makefile, for those who type `just`.
host_arch := `uname -m | sed 's/aarch64/arm64/'`

default:
    @make help

build-assets arch=host_arch:
    make build-assets ARCH={{arch}}

build-kernel arch=host_arch:
    make build-kernel ARCH={{arch}}

build-rootfs arch=host_arch:
    make build-rootfs ARCH={{arch}}

# exported, not pasted into the shell's line: it may hold quotes of its own
run $CMD="":
    @make run

doctor:
    make doctor

cross-compile arch=host_arch:
    make cross-compile ARCH={{arch}}

test:
    make test

bench:
    make bench

fuzz:
    make fuzz

install:
    make install
