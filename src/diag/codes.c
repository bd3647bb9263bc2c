// SPDX-License-Identifier: Apache-2.0
#include "diag/diag.h"

/* spec/diagnostics.md has the table this follows; E403 to E405 are for `image build`. */
const struct diag_code diag_codes[] = {
    { "E001", DIAG_ERROR, "the config folder or build.toml is missing",
      "A guest folder holds config/build.toml: without it there is nothing to build, and nothing "
      "else is looked at.\n"
      "\n"
      "Name the guest folder, the one that holds 'config', or let 'capsem-builder init' write a\n"
      "minimal one." },
    { "E002", DIAG_ERROR, "a file is not TOML",
      "A *.toml file anywhere below config/ is not TOML 1.0, not UTF-8, or cannot be read. What\n"
      "follows the broken statement is still read, so other mistakes of the file are found too.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build]\n"
      "    compression = zstd\n"
      "\n"
      "Text is written in quotes: compression = \"zstd\"." },
    { "E003", DIAG_ERROR, "a value breaks the model",
      "A value has the wrong type, is out of its range or is not one of the words that the field\n"
      "takes; a field that is needed is missing; or a rule between fields is broken. Types are\n"
      "strict: 4 is an integer, \"4\" and 4.0 are not.\n"
      "\n"
      "    # config/vm/resources.toml\n"
      "    [resources]\n"
      "    cpu_count = \"4\"\n"
      "\n"
      "Write cpu_count = 4. 'capsem-builder schema' lists the fields with their types." },
    { "E004", DIAG_ERROR, "a package set has no packages",
      "A package set installs its packages; one without any is a mistake.\n"
      "\n"
      "    # config/packages/apt.toml\n"
      "    [apt]\n"
      "    name = \"System packages\"\n"
      "    manager = \"apt\"\n"
      "    install_cmd = \"apt-get install -y\"\n"
      "    packages = []\n"
      "\n"
      "List packages, or remove the set." },
    { "E005", DIAG_ERROR, "an unknown install manager",
      "Packages are installed by apt, uv, pip, npm or curl.\n"
      "\n"
      "    # config/packages/tools.toml\n"
      "    [tools]\n"
      "    name = \"Tools\"\n"
      "    manager = \"apt-get\"\n"
      "    install_cmd = \"apt-get install -y\"\n"
      "    packages = [\"jq\"]\n"
      "\n"
      "Write manager = \"apt\"." },
    { "E006", DIAG_ERROR, "a malformed domain",
      "A domain is a name such as example.com; '*.' in front stands for its subdomains. It has no\n"
      "scheme, no path and no port: access is decided by name.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web]\n"
      "    custom_allow = [\"https://example.com/docs\"]\n"
      "\n"
      "Write custom_allow = [\"example.com\"]." },
    { "E008", DIAG_ERROR, "a key is defined in two files",
      "All files of ai/, of packages/ and of mcp/ share their keys: the key names the provider, "
      "the\n"
      "set or the server, not the file. The note shows the first definition.\n"
      "\n"
      "    # config/mcp/a.toml\n"
      "    [local]\n"
      "    name = \"Local\"\n"
      "    transport = \"stdio\"\n"
      "    command = \"server\"\n"
      "\n"
      "    # config/mcp/b.toml\n"
      "    [local]\n"
      "    name = \"Another\"\n"
      "    transport = \"stdio\"\n"
      "    command = \"other\"\n"
      "\n"
      "Rename one of them, or remove it." },
    { "E009", DIAG_ERROR, "a provider file's path is not absolute",
      "The files of a provider are written into the guest, where there is no current folder.\n"
      "\n"
      "    # config/ai/tool.toml\n"
      "    [tool.files.settings]\n"
      "    path = \".config/tool.json\"\n"
      "    content = \"{}\"\n"
      "\n"
      "Write path = \"/root/.config/tool.json\"." },
    { "E010", DIAG_ERROR, "a provider file named *.json is not JSON",
      "A file whose path ends with .json holds JSON, or nothing.\n"
      "\n"
      "    # config/ai/tool.toml\n"
      "    [tool.files.settings]\n"
      "    path = \"/root/.config/tool.json\"\n"
      "    content = '{\"theme\": \"dark\",}'\n"
      "\n"
      "JSON has no comma behind the last value, no comments, and quotes its keys." },
    { "E300", DIAG_ERROR, "a kernel configuration does not exist",
      "build.architectures.NAME.defconfig is the path of a kernel configuration below config/.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build.architectures.x86_64]\n"
      "    docker_platform = \"linux/amd64\"\n"
      "    rust_target = \"x86_64-unknown-linux-musl\"\n"
      "    kernel_image = \"arch/x86_64/boot/bzImage\"\n"
      "    defconfig = \"kernel/missing.defconfig\"\n"
      "\n"
      "Correct the path, or put the file there." },
    { "E301", DIAG_ERROR, "the CA certificate is missing",
      "The artifacts folder (--artifacts DIR, or GUEST/artifacts) needs capsem-ca.crt: the guest\n"
      "trusts it, so that its network proxy can look into TLS connections." },
    { "E302", DIAG_ERROR, "a required artifact is missing",
      "The artifacts folder (--artifacts DIR, or GUEST/artifacts) needs capsem-init, the guest's\n"
      "first program, capsem-bashrc, and the folder diagnostics with the checks of "
      "capsem-doctor." },
    { "E303", DIAG_ERROR, "sources of a guest binary are missing",
      "Each name in build.guest_binaries is compiled from agent/NAME.c, with what is in "
      "agent/lib.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build]\n"
      "    guest_binaries = [\"no-such-program\"]\n"
      "\n"
      "Correct the name, or add the source." },
    { "E304", DIAG_ERROR, "capsem-ca.crt is not a PEM certificate",
      "The file must hold a certificate in PEM form, between '-----BEGIN CERTIFICATE-----' and\n"
      "'-----END CERTIFICATE-----'. A certificate in DER form becomes one with\n"
      "'openssl x509 -inform der -in FILE -out capsem-ca.crt'." },
    { "E400", DIAG_ERROR, "a template does not render",
      "The place in the template is shown, with what the expression wanted." },
    { "E401", DIAG_ERROR, "a Dockerfile does not parse",
      "The text is not a Dockerfile as the Dockerfile reference describes it." },
    { "E402", DIAG_ERROR, "a COPY source does not exist",
      "COPY and ADD take paths below the build context that .dockerignore does not leave out." },
    { "E403", DIAG_ERROR, "a stage cannot be built",
      "A stage is unknown, is used before it is defined, or depends on itself." },
    { "E404", DIAG_ERROR, "a step failed", "The command of a RUN ended with an error." },
    { "E405", DIAG_ERROR, "an instruction's value is wrong",
      "A flag, a user, a mode or a port of the instruction cannot be used." },
    { "W001", DIAG_WARNING, "package sets, but no registry",
      "Packages that an agent adds in the running guest come from a registry, and the guest "
      "reaches\n"
      "only what web.toml lets it reach.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web.registry.debian]\n"
      "    name = \"Debian\"\n"
      "    domains = [\"*.debian.org\"]\n"
      "    allow_get = true\n"
      "\n"
      "An entry such as this one ends the warning." },
    { "W002", DIAG_WARNING, "a development package",
      "Packages that end in -dev or -devel hold headers for compiling: they make the image "
      "larger,\n"
      "and most guests never use them.\n"
      "\n"
      "    packages = [\"libssl-dev\"]\n" },
    { "W003", DIAG_WARNING, "text that looks like a secret",
      "Keys and tokens in a provider's file, in an MCP server's env or headers, in bashrc or\n"
      "tmux_conf end up in the image, and everybody who has the image has them. The text itself "
      "is\n"
      "not shown.\n"
      "\n"
      "Hand secrets over at run time, as environment variables." },
    { "W004", DIAG_WARNING, "a package set without network",
      "Without a network table nothing of this set's manager can be installed in the running\n"
      "guest.\n"
      "\n"
      "    [apt.network]\n"
      "    name = \"Debian\"\n"
      "    domains = [\"*.debian.org\"]\n" },
    { "W005", DIAG_WARNING, "a domain both allowed and blocked",
      "An entry that stands in custom_allow and in custom_block is blocked.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web]\n"
      "    custom_allow = [\"example.com\"]\n"
      "    custom_block = [\"example.com\"]\n" },
    { "W006", DIAG_WARNING, "content that is a placeholder",
      "A file whose whole content is TODO, FIXME, CHANGEME, REPLACE_ME or XXX was meant to be\n"
      "written later.\n"
      "\n"
      "    content = \"TODO\"\n" },
    { "W007", DIAG_WARNING, "a wildcard that is too broad",
      "A wildcard over a whole zone allows or blocks sites that nobody thought of.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web]\n"
      "    custom_allow = [\"*.com\"]\n"
      "\n"
      "Name the sites: \"*.example.com\"." },
    { "W008", DIAG_WARNING, "an environment variable named twice",
      "When two providers name the same variable, both get the same key.\n"
      "\n"
      "    env_vars = [\"API_KEY\", \"API_KEY\"]\n" },
    { "W009", DIAG_WARNING, "install_cmd holds shell syntax",
      "The packages are put behind install_cmd. With ; | & ` $ ( or ) in it they may land in\n"
      "another command than the one meant.\n"
      "\n"
      "    install_cmd = \"apt-get update && apt-get install -y\"\n" },
    { "W010", DIAG_WARNING, "the shell's path lacks the system's programs",
      "Without /usr/bin or /bin in it the shell finds none of the usual commands.\n"
      "\n"
      "    # config/vm/environment.toml\n"
      "    [environment.shell]\n"
      "    path = \"/opt/ai-clis/bin\"\n" },
    { "W011", DIAG_WARNING, "the whole web is open",
      "With allow_read and allow_write both true and nothing blocked the guest can reach every\n"
      "site and send anything there.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web]\n"
      "    allow_read = true\n"
      "    allow_write = true\n" },
    { "W012", DIAG_WARNING, "not one of the two musl targets",
      "Guest binaries are static: their target is aarch64-unknown-linux-musl or\n"
      "x86_64-unknown-linux-musl.\n"
      "\n"
      "    rust_target = \"x86_64-unknown-linux-gnu\"\n" },
    { "W013", DIAG_WARNING, "a cli without version_command",
      "tool-versions.txt tells which version of a provider's program is in the image; without\n"
      "version_command it cannot.\n"
      "\n"
      "    [tool.cli]\n"
      "    key = \"tool\"\n"
      "    name = \"Tool\"\n"
      "\n"
      "Add version_command = \"tool --version\"." },
    { "W014", DIAG_WARNING, "a key that nothing reads",
      "The key is not one of those that this table has: mostly a typo, and then the field keeps "
      "its\n"
      "default.\n"
      "\n"
      "    # config/vm/resources.toml\n"
      "    [resources]\n"
      "    cpu_cuont = 8\n"
      "\n"
      "The help line names the nearest key." },
    { "W015", DIAG_WARNING, "a compression level that the codec does not have",
      "zstd has levels up to 22, lz4 up to 12, gzip, lzo and xz up to 9. A higher one is taken "
      "for\n"
      "the highest.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build]\n"
      "    compression = \"gzip\"\n"
      "    compression_level = 15\n" },
};

const size_t diag_codes_count = ARRAY_LEN(diag_codes);
