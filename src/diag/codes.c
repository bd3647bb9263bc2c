// SPDX-License-Identifier: Apache-2.0
#include "diag/diag.h"

/* spec/diagnostics.md has the table this follows; E403 to E405 and W401 to W421 are for `image
 * build`. */
const struct diag_code diag_codes[] = {
    { "E001", DIAG_ERROR, "the config folder or build.toml is missing",
      "A guest folder holds config/build.toml: without it there is nothing to build,\n"
      "and nothing else is looked at.\n"
      "\n"
      "    $ rm config/build.toml\n"
      "\n"
      "Name the guest folder, the one that holds 'config', or let 'capsem-builder\n"
      "init' write a minimal one." },
    { "E002", DIAG_ERROR, "a file is not TOML",
      "A *.toml file anywhere below config/ is not TOML 1.0, not UTF-8, or cannot be\n"
      "read. What follows the broken statement is still read, so other mistakes of the\n"
      "file are found too.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build]\n"
      "    compression = zstd\n"
      "\n"
      "Text is written in quotes: compression = \"zstd\"." },
    { "E003", DIAG_ERROR, "a value breaks the model",
      "A value has the wrong type, is out of its range or is not one of the words that\n"
      "the field takes; a field that is needed is missing; or a rule between fields is\n"
      "broken. Types are strict: 4 is an integer, \"4\" and 4.0 are not.\n"
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
      "A domain is a name such as example.com; '*.' in front stands for its\n"
      "subdomains. It has no scheme, no path and no port: access is decided by name.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web]\n"
      "    custom_allow = [\"https://example.com/docs\"]\n"
      "\n"
      "Write custom_allow = [\"example.com\"]." },
    { "E008", DIAG_ERROR, "a key is defined in two files",
      "All files of ai/, of packages/ and of mcp/ share their keys: the key names the\n"
      "provider, the set or the server, not the file. The note shows the first\n"
      "definition.\n"
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
      "The files of a provider are written into the guest, where there is no current\n"
      "folder.\n"
      "\n"
      "    # config/ai/tool.toml\n"
      "    [tool]\n"
      "    name = \"Tool\"\n"
      "\n"
      "    [tool.api_key]\n"
      "    name = \"Tool key\"\n"
      "    env_vars = [\"TOOL_API_KEY\"]\n"
      "\n"
      "    [tool.network]\n"
      "    domains = [\"example.com\"]\n"
      "\n"
      "    [tool.files.settings]\n"
      "    path = \".config/tool.json\"\n"
      "    content = \"{}\"\n"
      "\n"
      "Write path = \"/root/.config/tool.json\"." },
    { "E010", DIAG_ERROR, "a provider file named *.json is not JSON",
      "A file whose path ends with .json holds JSON, or nothing.\n"
      "\n"
      "    # config/ai/tool.toml\n"
      "    [tool]\n"
      "    name = \"Tool\"\n"
      "\n"
      "    [tool.api_key]\n"
      "    name = \"Tool key\"\n"
      "    env_vars = [\"TOOL_API_KEY\"]\n"
      "\n"
      "    [tool.network]\n"
      "    domains = [\"example.com\"]\n"
      "\n"
      "    [tool.files.settings]\n"
      "    path = \"/root/.config/tool.json\"\n"
      "    content = '{\"theme\": \"dark\",}'\n"
      "\n"
      "JSON has no comma behind the last value, no comments, and quotes its keys." },
    { "E300", DIAG_ERROR, "a kernel configuration does not exist",
      "build.architectures.NAME.defconfig is the path of a kernel configuration below\n"
      "config/.\n"
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
      "The artifacts folder (--artifacts DIR, or GUEST/artifacts) needs capsem-ca.crt:\n"
      "the guest trusts it, so that its network proxy can look into TLS connections.\n"
      "\n"
      "    $ rm artifacts/capsem-ca.crt\n"
      "\n"
      "Put a certificate in PEM form there; 'capsem-builder init' writes one too." },
    { "E302", DIAG_ERROR, "a required artifact is missing",
      "The artifacts folder (--artifacts DIR, or GUEST/artifacts) needs capsem-init,\n"
      "the guest's first program, capsem-bashrc, and the folder diagnostics with the\n"
      "checks of capsem-doctor. All that is in the folder goes into the build context,\n"
      "so it must be readable, and links in it must lead somewhere.\n"
      "\n"
      "    $ rm artifacts/capsem-init\n"
      "\n"
      "'capsem-builder init' writes a guest folder that has them all." },
    { "E303", DIAG_ERROR, "sources of a guest binary are missing",
      "Each name in build.guest_binaries is compiled from agent/NAME.c, with what is\n"
      "in agent/lib. Another folder is named by build.guest_source; where it is a\n"
      "Cargo workspace, cargo knows which package has them.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build]\n"
      "    guest_binaries = [\"no-such-program\"]\n"
      "\n"
      "Correct the name, or add the source." },
    { "E304", DIAG_ERROR, "capsem-ca.crt is not a PEM certificate",
      "The file must hold a certificate in PEM form, between\n"
      "'-----BEGIN CERTIFICATE-----' and '-----END CERTIFICATE-----'.\n"
      "\n"
      "    # artifacts/capsem-ca.crt\n"
      "    MIIBkTCB+wIJAK\n"
      "\n"
      "A certificate in DER form becomes one in PEM form with\n"
      "'openssl x509 -inform der -in FILE -out capsem-ca.crt'." },
    { "E400", DIAG_ERROR, "a template does not render",
      "The place in the template is shown, with what the expression wanted.\n"
      "\n"
      "    # templates/Dockerfile.rootfs.j2\n"
      "    FROM {{ arch.base_imgae }}\n"
      "\n"
      "Correct the expression: {{ arch.base_image }}. Templates of one's own are in the\n"
      "folder that 'validate' and 'build' take as '--templates DIR'." },
    { "E401", DIAG_ERROR, "a Dockerfile does not parse",
      "The text is not a Dockerfile as the Dockerfile reference describes it. When a\n"
      "template made it, notes show the template's line and the values of the config.\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    COPPY hello.txt /\n"
      "\n"
      "The help line names the nearest instruction." },
    { "E402", DIAG_ERROR, "a COPY source does not exist",
      "COPY and ADD take paths below the build context that .dockerignore does not\n"
      "leave out. Templates are checked for it before a build begins.\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    COPY missing.txt /\n"
      "\n"
      "Put the file into the build context, or correct the path. ADD takes URLs and\n"
      "git repositories too: one that cannot be fetched has the same code." },
    { "E403", DIAG_ERROR, "a stage cannot be built",
      "A stage is unknown, is used before it is defined, or depends on itself.\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch AS tools\n"
      "    COPY --from=toolz / /\n"
      "\n"
      "Name a stage of this file, or an image in the store or in a registry." },
    { "E404", DIAG_ERROR, "a step failed",
      "The command of a RUN could not be started, or ended with an error. The end of\n"
      "its output is shown.\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    RUN [\"/bin/no-such-program\"]\n"
      "\n"
      "'--progress plain' shows all output of a step as it comes." },
    { "E405", DIAG_ERROR, "an instruction's value is wrong",
      "A flag, a user, a mode, a port, a platform or the name of an image cannot be\n"
      "used.\n"
      "\n"
      "    # Dockerfile\n"
      "    ARG PORT=99999\n"
      "    FROM scratch\n"
      "    ARG PORT\n"
      "    EXPOSE $PORT\n"
      "\n"
      "The message says what the value must be." },
    { "W001", DIAG_WARNING, "package sets, but no registry",
      "Packages that an agent adds in the running guest come from a registry, and the\n"
      "guest reaches only what web.toml lets it reach.\n"
      "\n"
      "    # config/packages/apt.toml\n"
      "    [apt]\n"
      "    name = \"System packages\"\n"
      "    manager = \"apt\"\n"
      "    install_cmd = \"apt-get install -y\"\n"
      "    packages = [\"jq\"]\n"
      "\n"
      "An entry in config/security/web.toml ends the warning: a table\n"
      "[web.registry.debian] with name = \"Debian\" and domains = [\"*.debian.org\"]." },
    { "W002", DIAG_WARNING, "a development package",
      "Packages that end in -dev or -devel hold headers for compiling: they make the\n"
      "image larger, and most guests never use them.\n"
      "\n"
      "    # config/packages/apt.toml\n"
      "    [apt]\n"
      "    name = \"System packages\"\n"
      "    manager = \"apt\"\n"
      "    install_cmd = \"apt-get install -y\"\n"
      "    packages = [\"libssl-dev\"]\n"
      "\n"
      "Leave it out, or install the library alone: \"libssl3\"." },
    { "W003", DIAG_WARNING, "text that looks like a secret",
      "Keys and tokens in a provider's file, in an MCP server's env or headers, in\n"
      "bashrc or tmux_conf end up in the image, and everybody who has the image has\n"
      "them. The text itself is not shown.\n"
      "\n"
      "    # config/mcp/tool.toml\n"
      "    [tool]\n"
      "    name = \"Tool\"\n"
      "    transport = \"stdio\"\n"
      "    command = \"tool\"\n"
      "    env = { TOKEN = \"ghp_0123456789abcdefghij\" }\n"
      "\n"
      "Hand secrets over at run time, as environment variables." },
    { "W004", DIAG_WARNING, "a package set without network",
      "Without a network table nothing of this set's manager can be installed in the\n"
      "running guest.\n"
      "\n"
      "    # config/packages/apt.toml\n"
      "    [apt]\n"
      "    name = \"System packages\"\n"
      "    manager = \"apt\"\n"
      "    install_cmd = \"apt-get install -y\"\n"
      "    packages = [\"jq\"]\n"
      "\n"
      "Add a table [apt.network] with name = \"Debian\" and domains = [\"*.debian.org\"]." },
    { "W005", DIAG_WARNING, "a domain both allowed and blocked",
      "An entry that stands in custom_allow and in custom_block is blocked.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web]\n"
      "    custom_allow = [\"example.com\"]\n"
      "    custom_block = [\"example.com\"]\n"
      "\n"
      "Remove it from one of the two lists." },
    { "W006", DIAG_WARNING, "content that is a placeholder",
      "A file whose whole content is TODO, FIXME, CHANGEME, REPLACE_ME or XXX was\n"
      "meant to be written later.\n"
      "\n"
      "    # config/vm/environment.toml\n"
      "    [environment.shell.bashrc]\n"
      "    path = \"/root/.bashrc\"\n"
      "    content = \"TODO\"\n"
      "\n"
      "Write the content, or remove the table." },
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
      "    # config/ai/tool.toml\n"
      "    [tool]\n"
      "    name = \"Tool\"\n"
      "\n"
      "    [tool.api_key]\n"
      "    name = \"Tool key\"\n"
      "    env_vars = [\"API_KEY\", \"API_KEY\"]\n"
      "\n"
      "    [tool.network]\n"
      "    domains = [\"example.com\"]\n"
      "\n"
      "Name it once." },
    { "W009", DIAG_WARNING, "install_cmd holds shell syntax",
      "The packages are put behind install_cmd. With ; | & ` $ ( or ) in it they may\n"
      "land in another command than the one meant.\n"
      "\n"
      "    # config/packages/apt.toml\n"
      "    [apt]\n"
      "    name = \"System packages\"\n"
      "    manager = \"apt\"\n"
      "    install_cmd = \"apt-get update && apt-get install -y\"\n"
      "    packages = [\"jq\"]\n"
      "\n"
      "Write one command: \"apt-get install -y\"." },
    { "W010", DIAG_WARNING, "the shell's path lacks the system's programs",
      "Without /usr/bin or /bin in it the shell finds none of the usual commands.\n"
      "\n"
      "    # config/vm/environment.toml\n"
      "    [environment.shell]\n"
      "    path = \"/opt/ai-clis/bin\"\n"
      "\n"
      "Add the system's folders: \"/opt/ai-clis/bin:/usr/bin:/bin\"." },
    { "W011", DIAG_WARNING, "the whole web is open",
      "With allow_read and allow_write both true and nothing blocked the guest can\n"
      "reach every site and send anything there.\n"
      "\n"
      "    # config/security/web.toml\n"
      "    [web]\n"
      "    allow_read = true\n"
      "    allow_write = true\n"
      "\n"
      "Set allow_write = false and name the sites in custom_allow." },
    { "W012", DIAG_WARNING, "not one of the two musl targets",
      "Guest binaries are static: their target is aarch64-unknown-linux-musl or\n"
      "x86_64-unknown-linux-musl.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build.architectures.x86_64]\n"
      "    docker_platform = \"linux/amd64\"\n"
      "    rust_target = \"x86_64-unknown-linux-gnu\"\n"
      "    kernel_image = \"arch/x86_64/boot/bzImage\"\n"
      "    defconfig = \"kernel/x86_64.defconfig\"\n"
      "\n"
      "Write rust_target = \"x86_64-unknown-linux-musl\"." },
    { "W013", DIAG_WARNING, "a cli without version_command",
      "tool-versions.txt tells which version of a provider's program is in the image;\n"
      "without version_command it cannot.\n"
      "\n"
      "    # config/ai/tool.toml\n"
      "    [tool]\n"
      "    name = \"Tool\"\n"
      "\n"
      "    [tool.cli]\n"
      "    key = \"tool\"\n"
      "    name = \"Tool\"\n"
      "\n"
      "    [tool.api_key]\n"
      "    name = \"Tool key\"\n"
      "    env_vars = [\"TOOL_API_KEY\"]\n"
      "\n"
      "    [tool.network]\n"
      "    domains = [\"example.com\"]\n"
      "\n"
      "Add version_command = \"tool --version\" to [tool.cli]." },
    { "W014", DIAG_WARNING, "a key that nothing reads",
      "The key is not one of those that this table has: mostly a typo, and then the\n"
      "field keeps its default.\n"
      "\n"
      "    # config/vm/resources.toml\n"
      "    [resources]\n"
      "    cpu_cuont = 8\n"
      "\n"
      "The help line names the nearest key." },
    { "W015", DIAG_WARNING, "a compression level that the codec does not have",
      "zstd has levels up to 22, lz4 up to 12, gzip, lzo and xz up to 9. A higher one\n"
      "is taken for the highest.\n"
      "\n"
      "    # config/build.toml\n"
      "    [build]\n"
      "    compression = \"gzip\"\n"
      "    compression_level = 15\n"
      "\n"
      "Write compression_level = 9." },
    { "W401", DIAG_WARNING, "a stage name that is not lower case",
      "Stages are found whatever the case of their names; written in one way they are found\n"
      "by people too. (StageNameCasing)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch AS Tools\n"
      "\n"
      "Write the name in lower case." },
    { "W402", DIAG_WARNING, "FROM and AS in different cases",
      "The two words of one instruction are written alike. (FromAsCasing)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch as tools\n"
      "\n"
      "Write FROM and AS in the same case." },
    { "W403", DIAG_WARNING, "an empty line inside an instruction",
      "A line that ends in a backslash goes on with the next one, and an empty line does\n"
      "not end it: later text may become part of it unnoticed. (NoEmptyContinuation)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    LABEL a=1 \\\n"
      "\n"
      "        b=2\n"
      "\n"
      "Remove the empty line, or begin a comment in it." },
    { "W404", DIAG_WARNING, "keywords in different cases",
      "Most instructions of the file are written in the other case.\n"
      "(ConsistentInstructionCasing)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    COPY config /\n"
      "    run [\"/x\"]\n"
      "\n"
      "Write all of them in one case." },
    { "W405", DIAG_WARNING, "two stages of one name",
      "Only the last of them can be named. (DuplicateStageName)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch AS tools\n"
      "    FROM scratch AS tools\n"
      "\n"
      "Give each stage a name of its own." },
    { "W406", DIAG_WARNING, "a stage with a reserved name",
      "'scratch' is the empty base and 'context' the build context: a stage of such a name\n"
      "cannot be told from them. (ReservedStageName)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch AS scratch\n"
      "\n"
      "Choose another name." },
    { "W407", DIAG_WARNING, "a command that a shell runs",
      "The program is a child of the shell, which does not pass signals on: stopping a\n"
      "container takes until it is killed. Not reported behind a SHELL of the stage's own.\n"
      "(JSONArgsRecommended)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    CMD /server --port 80\n"
      "\n"
      "Write a JSON array: CMD [\"/server\", \"--port\", \"80\"]." },
    { "W408", DIAG_WARNING, "MAINTAINER",
      "The instruction is deprecated. (MaintainerDeprecated)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    MAINTAINER somebody\n"
      "\n"
      "Write LABEL org.opencontainers.image.authors=\"somebody\"." },
    { "W409", DIAG_WARNING, "FROM uses an ARG that is not declared",
      "FROM sees only ARGs in front of the first FROM, and the platform's.\n"
      "(UndefinedArgInFrom)\n"
      "\n"
      "    # Dockerfile\n"
      "    ARG VERSION=1\n"
      "    FROM debian:${VERSON}\n"
      "\n"
      "Declare the ARG, or correct its name." },
    { "W410", DIAG_WARNING, "a WORKDIR that depends on the base image",
      "A relative path is below the working folder of the base image, which may change.\n"
      "(WorkdirRelativePath)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    WORKDIR app\n"
      "\n"
      "Begin with an absolute path; relative ones may follow." },
    { "W411", DIAG_WARNING, "a variable that is not set",
      "Neither ENV nor ARG of the stage, nor the base image, sets the variable: it is\n"
      "replaced by nothing. Where the base image is not in the store, only likely misspellings\n"
      "are reported. (UndefinedVar)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    ARG VERSION=1\n"
      "    COPY config /config-$VERSON\n"
      "\n"
      "Declare it, correct its name, or give it a default: ${NAME:-value}." },
    { "W412", DIAG_WARNING, "an instruction that a later one replaces",
      "Of CMD, ENTRYPOINT and HEALTHCHECK only the last one of a stage counts.\n"
      "(MultipleInstructionsDisallowed)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    CMD [\"/a\"]\n"
      "    CMD [\"/b\"]\n"
      "\n"
      "Remove the first one." },
    { "W413", DIAG_WARNING, "ENV or LABEL without '='",
      "'ENV NAME value' takes all of the line as one value. (LegacyKeyValueFormat)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    ENV NAME value\n"
      "\n"
      "Write ENV NAME=value." },
    { "W414", DIAG_WARNING, "a platform that is the default",
      "Without --platform a stage has the target platform. (RedundantTargetPlatform)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM --platform=$TARGETPLATFORM scratch\n"
      "\n"
      "Leave the flag out." },
    { "W415", DIAG_WARNING, "a secret in ARG or ENV",
      "The name tells that the value is a secret; both end up in the image's config or\n"
      "history. (SecretsUsedInArgOrEnv)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    ARG API_TOKEN\n"
      "\n"
      "Mount it into the step that needs it: RUN --mount=type=secret,id=token." },
    { "W416", DIAG_WARNING, "a FROM that needs --build-arg",
      "With the defaults of its ARGs the base image has no valid name.\n"
      "(InvalidDefaultArgInFrom)\n"
      "\n"
      "    # Dockerfile\n"
      "    ARG TAG\n"
      "    FROM debian:${TAG}\n"
      "\n"
      "Give the ARG a default." },
    { "W417", DIAG_WARNING, "a constant platform",
      "The stage is built for that platform, whatever is asked for. Not reported where the\n"
      "stage's name has the architecture in it. (FromPlatformFlagConstDisallowed)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM --platform=linux/amd64 scratch\n"
      "\n"
      "Use $BUILDPLATFORM or $TARGETPLATFORM, or pass --platform to the build." },
    { "W418", DIAG_WARNING, "a COPY of what .dockerignore leaves out",
      "The file is not part of the build context: the build fails. (CopyIgnoredFile)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    COPY notes.txt /\n"
      "    # .dockerignore\n"
      "    notes.txt\n"
      "\n"
      "Correct the path, or add an exception '!notes.txt'." },
    { "W419", DIAG_WARNING, "a comment that describes something else",
      "The comment right above a stage or an ARG describes it, and begins with its name.\n"
      "Checked only when the file asks for it. (InvalidDefinitionDescription)\n"
      "\n"
      "    # Dockerfile\n"
      "    # check=experimental=InvalidDefinitionDescription\n"
      "\n"
      "    # the version of the tools\n"
      "    ARG VERSION=1\n"
      "    FROM scratch\n"
      "\n"
      "Begin with the name, or leave a line empty between them." },
    { "W420", DIAG_WARNING, "a protocol that is not lower case",
      "Protocols of EXPOSE are written in lower case. (ExposeProtoCasing)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    EXPOSE 80/TCP\n"
      "\n"
      "Write tcp, udp or sctp." },
    { "W421", DIAG_WARNING, "an address in EXPOSE",
      "EXPOSE tells the ports of the container; addresses and ports of the host are given\n"
      "when it is run. (ExposeInvalidFormat)\n"
      "\n"
      "    # Dockerfile\n"
      "    FROM scratch\n"
      "    EXPOSE 127.0.0.1:80:80\n"
      "\n"
      "Write the container's port alone." },
};

const size_t diag_codes_count = ARRAY_LEN(diag_codes);
