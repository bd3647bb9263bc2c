// SPDX-License-Identifier: Apache-2.0
/*
 * What the end of a failed step's output tells: the messages of tools that steps mostly run, and
 * the way out of each. The line that matches last says which tool it was; of that tool's rows the
 * first that matches anywhere counts, so that within a tool causes come before what they lead to.
 */
#include <string.h>

#include "build/build.h"

enum { CAPTURES_MAX = 3, CAPTURE_BYTES_MAX = 160, LINES_MAX = 2000 };

/*
 * In a pattern '*' stands for any text and '#' for digits; both are kept as $1 and on, within one
 * line. It may begin anywhere in the line unless it begins with '*'. "npm ERR! " is read as
 * "npm error ".
 */
static const struct cause_row {
    const char *tool;
    const char *pattern;
    const char *what;
    const char *help;
} rows[] = {
#define PROXY_HELP                                                                                 \
    "http_proxy and https_proxy set the proxy, no_proxy sets exceptions; the proxy's log may say " \
    "why it refused"
#define NETWORK_HELP                                                                               \
    "steps use this machine's network unless --network none is given: check it here; if it needs " \
    "a proxy, set http_proxy and https_proxy"
    { "apt", "Could not resolve '*'", "apt cannot resolve '$1'", NETWORK_HELP },
    { "apt", "Temporary failure resolving '*'", "apt cannot resolve '$1'", NETWORK_HELP },
    { "apt", "Invalid response from proxy: *", "the proxy refuses apt: $1", PROXY_HELP },
    { "apt", "Could not connect to *", "apt cannot connect to $1", NETWORK_HELP },
    { "apt", "EXPKEYSIG *", "the key that the package lists are signed with has expired: $1",
      "take a newer base image, or get the repository's keyring again" },
    { "apt", "NO_PUBKEY *", "apt has no key for the package lists: $1",
      "install the keyring of the repository, and name it with signed-by= in its source" },
    { "apt", "Release file for * is expired", "the package lists of $1 have expired",
      "the mirror is no longer updated, or this machine's clock is wrong: 'date' shows it" },
    { "apt", "Release file for * is not valid yet",
      "the package lists of $1 are dated in the future",
      "this machine's clock is slow: 'date' shows it" },
    { "apt", "E: Failed to fetch *  Hash Sum mismatch",
      "the mirror's content does not match its package lists: $1",
      "the mirror may be updating, or a proxy has an old copy: try again in a few minutes or use "
      "another mirror" },
    { "apt", "E: Failed to fetch *  File has unexpected size",
      "the mirror's content does not match its package lists: $1",
      "the mirror may be updating, or a proxy has an old copy: try again in a few minutes or use "
      "another mirror" },
    { "apt", "The repository '*' does not have a Release file",
      "'$1' is not a repository of packages",
      "check the suite; an old one may have moved to the distribution's archive" },
    { "apt", "The repository '*' is not signed", "the repository '$1' is not signed",
      "set its key with signed-by= in its source; [trusted=yes] skips the check" },
    { "apt", "E: Could not get lock *. It is held by process", "another apt holds the lock $1",
      "a cache mount for apt needs sharing=locked" },
    { "apt", "E: Could not open lock file * - open (13: Permission denied)",
      "apt cannot write '$1'", "it needs root: USER root before this step" },
    { "apt", "You don't have enough free space in *.", "not enough space for packages in '$1'",
      "free space on the disk that holds the store, or enlarge the file system mounted there" },
    { "apt", "E: Unable to locate package *", "apt finds no package '$1'",
      "check the name for this release; run 'apt-get update' in the same step, and enable "
      "universe, contrib or another component if needed" },
    { "apt", "E: Version '*' for '*' was not found", "apt finds no version $1 of '$2'",
      "'apt-cache madison $2' lists the available versions: mirrors keep the newest" },
    { "apt", "E: Package '*' has no installation candidate", "apt finds no package '$1'",
      "others refer to it, but no enabled source has it: the release or a component is wrong" },
    { "apt", "* : Depends: * but *", "conflicting packages: $1 needs $2, but $3",
      "take all packages from one release, with no versions or with compatible ones" },
    { "apt", "* : PreDepends: * but *", "conflicting packages: $1 needs $2, but $3",
      "take all packages from one release, with no versions or with compatible ones" },
    { "apt", "* : Conflicts: *", "conflicting packages: $1 excludes $2", "leave one of them out" },
    { "apt", "you have held broken packages", "packages conflict or are held",
      "'apt-mark showhold' lists held packages" },
    { "apt", "E: Failed to fetch *  404", "the mirror has no $1 (404)",
      "the package lists are out of date: run 'apt-get update' in the step that installs" },
    { "apt", "E: Failed to fetch *  403", "the server or a proxy refuses apt $1 (403)",
      PROXY_HELP },
    { "apt", "trying to overwrite '*', which is also in package *",
      "two packages have the file '$1': the other one is $2", "leave one of them out" },
    { "apt", "dpkg: error processing package * (", "the package '$1' cannot be configured",
      "its script's output is above" },
    { "apt", "E: dpkg was interrupted", "an earlier installation was interrupted",
      "'dpkg --configure -a' finishes it" },
    { "apt", "E: Failed to fetch *", "apt cannot fetch $1", NETWORK_HELP },

#define GYP_HELP                                                                                   \
    "install python3, make and g++ first (on Debian: build-essential python3), or use a "          \
    "precompiled version"
    { "npm", "getaddrinfo ENOTFOUND *", "npm cannot resolve '$1'", NETWORK_HELP },
    { "npm", "getaddrinfo EAI_AGAIN *", "npm cannot resolve '$1'", NETWORK_HELP },
    { "npm", "connect ECONNREFUSED *", "nothing answers npm at $1", NETWORK_HELP },
    { "npm", "tunneling socket could not be established, *", "the proxy refuses npm: $1",
      PROXY_HELP },
    { "npm", "npm error code ETIMEDOUT", "npm's registry did not answer in time", NETWORK_HELP },
    { "npm", "npm error code ECONNRESET", "the connection to npm's registry broke", NETWORK_HELP },
    { "npm", "notarget No matching version found for *.", "npm's registry has no version $1",
      "'npm view NAME versions' lists the available versions" },
    { "npm", "404  The requested resource '*' could not be found",
      "npm's registry has no package '$1'",
      "check the name; a private package needs its registry and a token" },
    { "npm", "404  '*' is not in this registry", "npm's registry has no package '$1'",
      "check the name; a private package needs its registry and a token" },
    { "npm", "404 Not Found - GET *", "npm finds nothing at $1 (404)",
      "check the name; a private package needs its registry and a token" },
    { "npm", "403 Forbidden - GET *", "the server or a proxy refuses npm $1 (403)",
      "a private package needs a token; the registry may refuse a version by policy" },
    { "npm", "npm error peer * from *", "conflicting npm packages: $2 needs $1",
      "choose compatible versions; --legacy-peer-deps installs them anyway" },
    { "npm", "ERESOLVE *", "conflicting npm packages: $1",
      "choose compatible versions; --legacy-peer-deps installs them anyway" },
    { "npm", "integrity checksum failed when using *", "a package does not match the lock file",
      "the proxy or registry sent different content: regenerate package-lock.json if you trust "
      "it" },
    { "npm", "gyp ERR! stack Error: Could not find any Python", "node-gyp finds no Python",
      GYP_HELP },
    { "npm", "gyp ERR! stack Error: not found: *", "node-gyp finds no '$1'", GYP_HELP },
    { "npm", "EACCES: permission denied, * '*'", "npm cannot write '$2' ($1)",
      "put USER root before this step, or use a prefix the user owns" },
    { "npm", "The `npm ci` command can only install with an existing package-lock.json",
      "'npm ci' finds no package-lock.json", "copy it before this step, or use 'npm install'" },
    { "npm", "notsup Not compatible with your version of node/npm: *",
      "$1 needs another version of Node.js",
      "the lines above show the required and installed versions" },

    { "pip", "Tunnel connection failed: *')", "the proxy refuses pip: $1", PROXY_HELP },
    { "pip", "Failed to establish a new connection: *')", "pip cannot connect: $1", NETWORK_HELP },
    { "pip", "externally-managed-environment",
      "pip does not change a Python that the distribution manages",
      "'python3 -m venv /opt/venv' and /opt/venv/bin/pip, or --break-system-packages" },
    { "pip", "THESE PACKAGES DO NOT MATCH THE HASHES",
      "a download does not match the requirements file",
      "'pip hash FILE' prints the hash of one that you trust; a mirror may have replaced it" },
    { "pip", "ERROR: Package '*' requires a different Python: * not in '*'",
      "'$1' needs Python $3, and this one is $2", "take an older version, or another base image" },
    { "pip", "satisfies the requirement * (from versions: none)", "pip finds no '$1'",
      "check the name; it may have no wheel for this platform and Python, and no source" },
    { "pip", "satisfies the requirement * (from versions: *)", "pip finds no '$1', but versions $2",
      "request one of these versions" },
    { "pip", "error: command '*' failed: No such file or directory",
      "a Python package must be compiled, but '$1' is not installed",
      "install gcc and python3-dev before it, or take a version that has a wheel" },
    { "pip", "PermissionError: [Errno 13] Permission denied: '*'", "'$1' is not writable",
      "put USER root before this step, or use a folder the user owns" },
    { "pip", "ModuleNotFoundError: No module named '*'", "Python finds no module '$1'",
      "install it in an earlier step, for this Python" },
    { "pip", ": No module named *", "Python finds no module '$1'",
      "install it in an earlier step, for this Python" },

    { "uv", "dns error: *", "uv cannot resolve a name: $1", NETWORK_HELP },
    { "uv", "Failed to fetch: `*`", "uv cannot fetch $1", NETWORK_HELP },
    { "uv", "The interpreter at * is externally managed",
      "uv does not change a Python that the distribution manages: $1",
      "'uv venv', or --break-system-packages" },
    { "uv", "No virtual environment found", "uv finds no virtual environment",
      "'uv venv' makes one; --system does without" },
    { "uv", "Hash mismatch for `*`", "a download does not match its pinned hash: $1",
      "update the hash if you trust the current content" },
    { "uv", "Because * was not found in the package registry", "uv finds no package '$1'",
      "check the name; a private package needs its index" },
    { "uv", "Because there is no version of * and", "uv finds no version $1",
      "request an available version" },
    { "uv", "No solution found when resolving", "Python packages conflict",
      "the lines above show the conflict: choose compatible versions" },

    { "curl", "curl: (5) Could not resolve proxy: *", "curl cannot resolve the proxy '$1'",
      PROXY_HELP },
    { "curl", "curl: (6) Could not resolve host: *", "curl cannot resolve '$1'", NETWORK_HELP },
    { "curl", "curl: (7) *", "curl: $1", NETWORK_HELP },
    { "curl", "curl: (22) The requested URL returned error: *", "the server answers curl with $1",
      "check that the URL is correct and still available" },
    { "curl", "curl: (23) *", "curl cannot write its output: $1",
      "check that the folder exists, the user can write to it and the disk has space" },
    { "curl", "curl: (28) *", "curl had no answer in time: $1", NETWORK_HELP },
    { "curl", "curl: (35) *", "curl and the server do not agree on TLS: $1",
      "check that it is an https server; a proxy may have answered instead" },
    { "curl", "curl: (#) * from proxy *", "the proxy refuses curl: $2", PROXY_HELP },
    { "curl", "curl: (56) CONNECT tunnel failed, *", "the proxy refuses curl: $1", PROXY_HELP },
    { "curl", "curl: (60) *", "curl does not trust the server: $1",
      "install ca-certificates, and the CA certificate of a proxy that inspects TLS" },
    { "curl", "curl: (#) *", "curl: $2 ($1)", "'man curl', EXIT CODES, says more" },
    { "wget", "wget: unable to resolve host address *", "wget cannot resolve $1", NETWORK_HELP },
    { "wget", " ERROR #: *", "the server answers wget with $1 $2",
      "check that the URL is correct and still available" },
    { "wget", "ERROR: The certificate of '*' is not trusted", "wget does not trust '$1'",
      "install ca-certificates, and the CA certificate of a proxy that inspects TLS" },

    { "git", "fatal: unable to access '*': CONNECT tunnel failed, *", "the proxy refuses git: $2",
      PROXY_HELP },
    { "git", "fatal: unable to access '*': Could not resolve host: *", "git cannot resolve '$2'",
      NETWORK_HELP },
    { "git", "fatal: unable to access '*': server certificate verification failed",
      "git does not trust the server of '$1'",
      "install ca-certificates, and the CA certificate of a proxy that inspects TLS" },
    { "git", "fatal: unable to access '*': *", "git cannot fetch '$1': $2", NETWORK_HELP },
    { "git", "fatal: repository '*' not found", "the repository '$1' was not found",
      "check the URL; a private repository needs credentials: --mount=type=secret or type=ssh" },
    { "git", "fatal: could not read Username for '*'", "git needs credentials for '$1'",
      "check the URL, and pass credentials to the step with --mount=type=secret" },
    { "git", "fatal: Remote branch * not found", "the repository has no branch or tag '$1'",
      "'git ls-remote URL' lists them" },
    { "git", "fatal: detected dubious ownership in repository at '*'",
      "git does not trust the owner of '$1'", "git config --system --add safe.directory '$1'" },
    { "git", "fatal: not a git repository", "not a git repository",
      ".dockerignore may exclude .git: pass the values you need as ARGs" },
    { "git", "error: pathspec '*' did not match", "git knows no branch, tag or file '$1'",
      "a clone with --depth or --single-branch has only one branch" },
    { "git", "fatal: Could not read from remote repository", "git cannot connect to the server",
      "ssh needs a key and the host key: use --mount=type=ssh, and ssh-keyscan to fill "
      "known_hosts" },

    { "cc", "fatal error: *: No such file or directory", "the compiler finds no header '$1'",
      "the package with the header has a name in -dev ('apt-file search $1' finds it)" },
    { "cc", "ld: cannot find -l*: ", "the linker finds no library '$1'",
      "the package with the library has a name in -dev" },
    { "cc", "undefined reference to `*'", "nothing defines '$1' for the linker",
      "a library is missing on the command line (-l), or is of another version" },
    { "cc", ":#: error: *", "the compiler: $2", "its line in the output names file and line" },
    { "cc", "Package '*', required by 'virtual:world', not found", "pkg-config finds no '$1'",
      "the package with $1.pc has a name in -dev" },
    { "cc", "No package '*' found", "pkg-config finds no '$1'",
      "the package with $1.pc has a name in -dev" },

    { "kconfig", "* asks for symbols that did not survive:*",
      "the kernel's configuration drops what $1 asks for:$2",
      "the output shows the dependencies of each: set them too, or use kernel_base = "
      "\"defaults\"" },
    { "kconfig", "* lacks what the guest needs of its kernel: *",
      "a kernel from $1 cannot run the guest: it lacks $2",
      "add the lines that the output ends with" },
    { "kconfig", ":warning: symbol value '*' invalid for *",
      "'$1' is not a value of the kernel's $2", "it takes y, m, n, a number or a text" },
    { "kconfig", "*** Configuration file \"*\" not found!", "the kernel has no $1",
      "create a configuration first with 'make olddefconfig'" },
    { "kconfig", "No rule to make target '*', needed by 'certs/*'",
      "the kernel configuration names a missing certificate: $1",
      "CONFIG_SYSTEM_TRUSTED_KEYS=\"\"" },
    { "kconfig", "pahole (*) is not available", "the kernel's debug information needs pahole",
      "install dwarves, or leave CONFIG_DEBUG_INFO_BTF out" },
    { "make", "make: *: No such file or directory", "make finds no program '$1'",
      "install it in an earlier step (g++, cc: build-essential)" },
    { "make", "*** No rule to make target '*', needed by '*'", "'$2' needs '$1', which is missing",
      "check that it is copied and not excluded by .dockerignore" },
    { "make", "*** No rule to make target '*'", "the Makefile has no target '$1'",
      "check the Makefile and the working folder" },
    { "make", "No targets specified and no makefile found", "make finds no Makefile here",
      "check that it is copied and that WORKDIR is correct" },

#define FOREIGN_HELP                                                                               \
    "check that it matches the target platform (--platform); 'apt-get install qemu-user-static' "  \
    "lets this machine run others"
#define NOT_FOUND_HELP                                                                             \
    "install it in an earlier step or check PATH; if the file exists, its interpreter or C "       \
    "library loader is missing"
    { "sh", "line #: *: cannot execute binary file", "'$2' is a program of another architecture",
      FOREIGN_HELP },
    { "sh", ": #: *: Exec format error", "'$2' is a program of another architecture",
      FOREIGN_HELP },
    { "sh", "*: line #: ELF", "'$1' is a program of another architecture", FOREIGN_HELP },
    { "sh", "sh: *: Exec format error", "'$1' is a program of another architecture", FOREIGN_HELP },
    { "sh", "exec *: exec format error", "'$1' is a program of another architecture",
      FOREIGN_HELP },
    { "sh", "line #: *: command not found", "the program '$2' was not found", NOT_FOUND_HELP },
    { "sh", "bash: *: command not found", "the program '$1' was not found", NOT_FOUND_HELP },
    { "sh", ": #: *: not found", "the program '$2' was not found", NOT_FOUND_HELP },
    { "sh", "sh: *: not found", "the program '$1' was not found", NOT_FOUND_HELP },
    { "sh", "line #: *: cannot execute: required file not found",
      "the interpreter of '$2' is missing", NOT_FOUND_HELP },
    { "sh", "line #: *: Permission denied", "'$2' is not executable",
      "use chmod +x or COPY --chmod=755, or run it with its interpreter" },
    { "sh", "sh: #: *: Permission denied", "'$2' is not executable or not writable",
      "use chmod +x or COPY --chmod=755, or put USER root before this step" },
    { "sh", "*: Read-only file system", "it is read-only: $1",
      "a bind mount is read-only unless it says rw" },
    { "tar", "gzip: stdin: not in gzip format", "the archive is not compressed with gzip",
      "the download may be an error page: use curl -f; 'file NAME' shows its type" },
    { "tar", "cannot find zipfile directory in one of *", "the archive is not a zip file",
      "the download may be an error page: use curl -f; 'file NAME' shows its type" },
    { "sum", "*: FAILED", "the checksum of '$1' does not match",
      "the file changed or the download was truncated: download it again and update the checksum" },
};

/* What a program that prints nothing says with its status. */
static const struct status_row {
    const char *program;
    int status;
    const char *what;
    const char *help;
} statuses[] = {
    { "curl", 5, "curl cannot resolve the proxy", PROXY_HELP },
    { "curl", 6, "curl cannot resolve the host", NETWORK_HELP },
    { "curl", 7, "curl cannot connect", NETWORK_HELP },
    { "curl", 22, "the server answers curl with an error (22)",
      "check that the URL is correct and still available; -S prints the error" },
    { "curl", 23, "curl cannot write its output",
      "check that the disk has space and the user can write" },
    { "curl", 28, "curl had no answer in time", NETWORK_HELP },
    { "curl", 35, "curl and the server do not agree on TLS", "-S prints the reason" },
    { "curl", 56, "the connection of curl broke", NETWORK_HELP },
    { "curl", 60, "curl does not trust the server", "install ca-certificates" },
    { "wget", 4, "wget cannot reach the server", NETWORK_HELP },
    { "wget", 5, "wget does not trust the server", "install ca-certificates" },
    { "wget", 8, "the server answers wget with an error",
      "check that the URL is correct and still available; omit -q to see wget's error" },
};

/* ---- patterns ---- */

struct captures {
    str items[CAPTURES_MAX];
    size_t len;
};

static size_t digits_end(str line, size_t at) {
    while (at < line.len && char_is_digit(line.ptr[at])) {
        at++;
    }
    return at;
}

/* Literal text up to the next wildcard. */
static str next_literal(const char **pattern) {
    size_t len = strcspn(*pattern, "*#");
    str literal = { *pattern, len };
    *pattern += len;
    return literal;
}

/* The rest of a pattern from `at`, where its last literal has ended. */
static bool match_rest(str line, size_t at, const char *pattern, struct captures *ret) {
    while (*pattern != '\0') {
        bool digits = *pattern++ == '#';
        str literal = next_literal(&pattern);
        size_t end = line.len;
        if (digits) {
            end = digits_end(line, at);
            if (end == at || !str_starts(str_slice(line, end, line.len), literal)) {
                return false;
            }
        } else if (literal.len > 0) {
            end = str_find(line, literal, at);
            /* the last one ends as late as it can: "left-pad@9.9." */
            for (size_t next = end; *pattern == '\0' && next != STR_NONE;
                 next = str_find(line, literal, next + 1)) {
                end = next;
            }
            if (end == STR_NONE) {
                return false;
            }
        }
        if (ret->len < CAPTURES_MAX) {
            ret->items[ret->len++] = str_trim(str_slice(line, at, end));
        }
        at = end + literal.len;
    }
    return true;
}

static bool match(str line, const char *pattern, struct captures *ret) {
    *ret = (struct captures){ .len = 0 };
    if (pattern[0] == '*' && pattern[1] != '*') {
        return match_rest(line, 0, pattern, ret) && ret->items[0].len > 0;
    }
    size_t stars = strspn(pattern, "*");
    const char *rest = pattern + stars;
    str literal = next_literal(&rest);
    literal = (str){ pattern, literal.len + stars };
    for (size_t at = 0; (at = str_find(line, literal, at)) != STR_NONE; at++) {
        ret->len = 0;
        if (match_rest(line, at + literal.len, rest, ret)) {
            return true;
        }
    }
    return false;
}

/* ---- lines ---- */

/* As people read it: without colours, other controls, and npm's older prefix. */
static str clean(struct arena *a, str line) {
    AUTO_BUF out = BUF_INIT(2 * line.len + 16);
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\033' && i + 1 < line.len && line.ptr[i + 1] == '[') {
            i += 2;
            while (i < line.len && ((unsigned char)line.ptr[i] < '@' || line.ptr[i] > '~')) {
                i++;
            }
            continue;
        }
        if ((unsigned char)line.ptr[i] >= ' ' && line.ptr[i] != 0x7f) {
            buf_add_char(&out, line.ptr[i]);
        }
    }
    str text = str_dup(a, buf_str(&out));
    return str_starts(text, S("npm ERR! "))
               ? str_concat(a, S("npm error "), str_slice(text, 9, text.len))
               : text;
}

struct lines {
    str *items;
    size_t len;
    size_t cap;
};

static struct lines split(struct arena *a, str output) {
    struct lines lines = { 0 };
    while (output.len > 0 && lines.len < LINES_MAX) {
        str line = clean(a, str_cut(&output, '\n'));
        if (line.len > 0) {
            ARENA_PUSH(a, lines.items, lines.len, lines.cap, line);
        }
    }
    return lines;
}

static const struct cause_row *find_last(const struct lines *lines) {
    struct captures ignored;
    for (size_t i = lines->len; i > 0; i--) {
        for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
            if (match(lines->items[i - 1], rows[r].pattern, &ignored)) {
                return &rows[r];
            }
        }
    }
    return NULL;
}

static const struct cause_row *find_first_of_tool(const struct lines *lines, const char *tool,
                                                  struct captures *ret) {
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        for (size_t i = 0; strcmp(rows[r].tool, tool) == 0 && i < lines->len; i++) {
            if (match(lines->items[i], rows[r].pattern, ret)) {
                return &rows[r];
            }
        }
    }
    return NULL;
}

static str fill(struct arena *a, const char *text, const struct captures *captures) {
    AUTO_BUF out = BUF_INIT(4096);
    for (; *text != '\0'; text++) {
        size_t number = text[0] == '$' ? (size_t)(text[1] - '1') : CAPTURES_MAX;
        if (number < captures->len) {
            buf_add(&out, str_clip(captures->items[number], CAPTURE_BYTES_MAX));
            text++;
        } else {
            buf_add_char(&out, *text);
        }
    }
    return str_dup(a, buf_str(&out));
}

/* A word of a command, not a part of one. */
static bool runs(str command, const char *program) {
    str name = str_from_c(program);
    for (size_t at = 0; (at = str_find(command, name, at)) != STR_NONE; at++) {
        size_t end = at + name.len;
        if ((at == 0 || !char_is_alnum(command.ptr[at - 1])) &&
            (end == command.len || char_is_space(command.ptr[end]))) {
            return true;
        }
    }
    return false;
}

struct build_cause build_cause_find(struct arena *a, str output, str command, int exit_code) {
    struct lines lines = split(a, output);
    struct captures captures;
    const struct cause_row *row = find_last(&lines);
    if (row != NULL) {
        row = find_first_of_tool(&lines, row->tool, &captures);
        return (struct build_cause){ fill(a, row->what, &captures), fill(a, row->help, &captures) };
    }
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (statuses[i].status == exit_code && runs(command, statuses[i].program)) {
            return (struct build_cause){ str_from_c(statuses[i].what),
                                         str_from_c(statuses[i].help) };
        }
    }
    return (struct build_cause){ .what = S("") };
}
