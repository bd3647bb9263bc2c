// SPDX-License-Identifier: Apache-2.0
/*
 * What stands in for what. A program is here when a package manager runs it often or long, and when
 * it does the same on every architecture: uname is not, nor is ldconfig, nor a compiler. perl and
 * python would be asked what machine this is; some scripts do not.
 */
#include "native/internal.h"

/* clang-format off */
static const char *const perl_scripts[] = {
    "/usr/bin/deb-systemd-helper", "/usr/bin/deb-systemd-invoke", "/usr/sbin/adduser", "/usr/sbin/deluser",
    "/usr/sbin/dpkg-preconfigure", "/usr/sbin/dpkg-reconfigure", "/usr/sbin/pam-auth-update", "/usr/sbin/update-rc.d",
    "/usr/share/debconf/frontend",
};
/* They make bytecode, or find out about it. */
static const char *const python_scripts[] = {
    "/usr/bin/py3clean", "/usr/bin/py3compile", "/usr/lib/%/py_compile.py", "-m py_compile",
    "import imp; print(imp.get_magic())", "import imp; print(imp.get_tag())",
};

const struct native_program native_programs[] = {
    { .package = "apt", .folder = "/usr/bin/", .names = "apt apt-cache apt-config apt-get apt-mark",
      .arguments = "-o APT::Architecture=@" },
    { .package = "apt", .folder = "/usr/lib/apt/methods/", .names = "*" },
    { .package = "coreutils", .folder = "/usr/bin/",
      .names = "[ base64 basename cat chgrp chmod chown comm cp cut date dirname du echo env expr false head id install "
               "join link ln ls md5sum mkdir mkfifo mknod mktemp mv nl od paste printf pwd readlink realpath rm "
               "rmdir seq sha1sum sha256sum sha512sum sleep sort split stat tail tee test touch tr true truncate "
               "tsort uniq wc" },
    { .package = "dash", .folder = "/usr/bin/", .names = "dash" },
    { .package = "debianutils", .folder = "/usr/bin/", .names = "run-parts tempfile" },
    { .package = "diffutils", .folder = "/usr/bin/", .names = "cmp diff" },
    { .package = "dpkg", .folder = "/usr/bin/",
      .names = "dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split dpkg-statoverride dpkg-trigger",
      .has_constant = true },
    { .package = "dpkg", .folder = "/usr/bin/", .names = "update-alternatives" },
    { .package = "findutils", .folder = "/usr/bin/", .names = "find xargs" },
    { .package = "gpgv", .folder = "/usr/bin/", .names = "gpgv" },
    { .package = "grep", .folder = "/usr/bin/", .names = "grep" },
    { .package = "mawk", .folder = "/usr/bin/", .names = "mawk" },
    { .package = "perl-base", .folder = "/usr/bin/", .names = "perl", .arguments = "-I" NATIVE_FOLDER "/perl-base",
      .scripts = perl_scripts, .script_count = ARRAY_LEN(perl_scripts) },
    { .folder = "/usr/bin/", .names = "python3.9 python3.10 python3.11 python3.12 python3.13 python3.14",
      .scripts = python_scripts, .script_count = ARRAY_LEN(python_scripts) },
    { .package = "sed", .folder = "/usr/bin/", .names = "sed" },
    { .package = "tar", .folder = "/usr/bin/", .names = "tar" },
};
/* clang-format on */
const size_t native_program_count = ARRAY_LEN(native_programs);
