# The front door. `make build-assets`, then `make run CMD=capsem-doctor`; `make help` lists the rest.
# Configuration is meson's; this file installs what is missing, compiles, and calls the program.

BUILD    ?= build
GUEST    ?= guest
ASSETS   ?= assets
ARCH     ?= $(shell uname -m | sed 's/aarch64/arm64/')
CMD      ?=
ARGS     ?=
SANITIZE ?=
PREFIX   ?= /usr/local

comma := ,
ifneq ($(SANITIZE),)
BUILD := build-$(subst $(comma),-,$(subst address,asan,$(subst undefined,ubsan,$(SANITIZE))))
MESON_OPTIONS := -Db_sanitize=$(SANITIZE) -Db_lundef=false
endif
PROGRAM := $(BUILD)/capsem-builder

.DEFAULT_GOAL := help
.PHONY: help all build-assets build-kernel build-rootfs run doctor validate cross-compile test bench \
        fuzz conformance conformance-data mutants site test-engines torture install clean \
        packages-build packages-test

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 19

packages-build:
	@tools/install-packages build run

packages-test:
	@tools/install-packages build run test site

$(BUILD)/build.ninja: | packages-build
	@meson setup $(BUILD) $(MESON_OPTIONS) >/dev/null || meson setup $(BUILD) $(MESON_OPTIONS)

all: packages-build $(BUILD)/build.ninja ## compile the program
	@ninja -C $(BUILD) --quiet

build-assets: all ## kernel, initrd and root filesystem for this machine into assets/
	$(PROGRAM) build $(GUEST) --arch $(ARCH) --output $(ASSETS) $(ARGS)

build-kernel: all ## the kernel and initrd alone; ARCH=arm64 for the other one
	$(PROGRAM) build $(GUEST) --arch $(ARCH) --template kernel --output $(ASSETS) $(ARGS)

build-rootfs: all ## the root filesystem alone
	$(PROGRAM) build $(GUEST) --arch $(ARCH) --template rootfs --output $(ASSETS) $(ARGS)

run: all ## boot the assets: a shell, or CMD=capsem-doctor
	$(PROGRAM) run --assets $(ASSETS) --guest $(GUEST) $(ARGS) $(if $(value CMD),-- '$(subst ','\'',$(value CMD))')

doctor: all ## what this machine lacks for a build
	$(PROGRAM) doctor $(GUEST)

validate: all ## check the guest folder
	$(PROGRAM) validate $(GUEST)

cross-compile: all ## guest binaries and packages of this program for ARCH into target/
	@tools/cross-compile $(PROGRAM) $(GUEST) $(ARCH) $(ARGS)

test: packages-test all ## all tests; SANITIZE=address,undefined for a build that finds more
	@tools/run-tests $(BUILD) $(ARGS)

bench: packages-test all ## benchmarks: ratios against named peers
	@bench/run $(BUILD) $(ARGS)

fuzz: packages-test ## fuzz the parsers for a while; SECONDS=600
	@fuzz/run $(or $(SECONDS),120)

mutants: packages-test all ## is each of some wrong programs noticed by its test? ARGS=build for those of a room
	@tools/mutants $(BUILD) $(ARGS)

conformance: packages-test all ## Dockerfiles built here, by Docker and by buildah: compared entry by entry
	@/usr/bin/python3 -B tests/conformance/run.py $(PROGRAM) $(BUILD)/tests/conformance/conformance-attr --peers $(ARGS)

conformance-data: packages-test ## the suites that others wrote, by pinned hash, into target/conformance/
	@tools/conformance-data $(ARGS)

test-engines: packages-test all ## small guests on every engine and builder: the same bytes
	@tools/test-engines $(BUILD) $(ARGS)

torture: packages-test all ## lost power at many moments, on ext4 and xfs; CUTS=200
	@/usr/bin/python3 -B tests/torture/power.py $(PROGRAM) --cuts $(or $(CUTS),200) $(ARGS)

site: ## a web site of the documents in target/site/, which needs no server
	@tools/install-packages site
	@/usr/bin/python3 -B tools/site/site.py target/site

install: all ## into PREFIX (/usr/local)
	meson configure $(BUILD) --prefix $(PREFIX) && meson install -C $(BUILD)

clean: ## what was compiled; the store and the assets stay
	rm -rf $(BUILD) build-*
