#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Python and Node: they start, they find their libraries, they install where a registry can be reached.
. "${0%/*}/lib/tap.sh"

VENV=/root/.venv
venv="look at 'venv' among the init's messages on the console: run with --console"
network="packages come through the host; its policy must allow the registry"

# -- Python -------------------------------------------------------------------------------------------------------------------

# One start of Python answers all questions: it prints "what<TAB>answer" lines.
ask_python() {
    python3 - "$(libraries)" <<'PYTHON'
import importlib, sys, sysconfig

print("version", sys.version.split()[0], sep="\t")
print("prefix", sys.prefix, sep="\t")
print("site", sysconfig.get_paths()["purelib"], sep="\t")
for name in sys.argv[1].split():
    try:
        importlib.import_module(name)
        print(name, "ok", sep="\t")
    except Exception as error:
        print(name, f"{type(error).__name__}: {error}".replace("\n", " "), sep="\t")
PYTHON
}

# Debian calls the library yaml python3-yaml; these packages hold programs.
libraries() {
    for package in $tap_packages; do
        case $package in
        python3-pip | python3-venv | python3-full | python3-dev | python3-setuptools) ;;
        python3-*) echo "${package#python3-}" | tr '-' '_' ;;
        esac
    done | tr '\n' ' '
}

if has_package python3; then
    answers=$(ask_python 2>&1)
    answer() {
        printf '%s\n' "$answers" | sed -n "s/^$1	//p"
    }
    if [ -n "$(answer version)" ]; then
        pass "Python starts: $(answer version)"
    else
        fail "Python starts" "the package python3 is broken" "$answers"
    fi
    same "its environment is $VENV" "$venv" $VENV "$(answer prefix)"
    case $(answer site) in
    $VENV/*) pass "what is installed lands in $VENV" ;;
    *) fail "what is installed lands in $VENV" "$venv" "$(answer site)" ;;
    esac
    for library in $(libraries); do
        same "the library $library can be imported" "its package is broken or lacks a dependency" ok "$(answer "$library")"
    done
else
    skip "Python starts" "the image does not list python3"
fi
if has_package python3-pip; then
    check "pip starts, in the environment" "$venv" sh -c "pip --version | grep -F python3"
else
    skip "pip starts, in the environment" "the image does not list python3-pip"
fi

# -- Node -----------------------------------------------------------------------------------------------------------------------

if node=$(command -v node); then
    check "Node starts: $(node --version 2>&1)" "reinstall Node: node_major in guest/config/build.toml" \
        node -e 'JSON.parse("{}"); require("node:crypto").createHash("sha256").update("x").digest("hex")'
    check "npm starts" "npm's files next to $node are broken" limited 120 npm --version
    check "npx is there" "npm's files next to $node are broken" test -x "$(command -v npx)"
elif grep -q '"node_major": 0' "$IMAGE_JSON"; then
    skip "Node starts" "the image has none: node_major = 0"
else
    fail "Node starts" "the recipe installs Node for every image: build the image again" "no node on the PATH"
fi

# -- installing, where a registry answers -----------------------------------------------------------------------------------------

# npm and pip are asked for their registry, so a mirror in their settings is the one that is tried.
reachable() { # URL
    command -v curl >/dev/null && curl -sS -o /dev/null --max-time "$(seconds 5)" "$1" 2>/dev/null
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if ! [ -x /usr/local/bin/capsem-net-proxy ]; then
    skip "npm installs a package" "the image has no capsem-net-proxy to reach a registry through"
    skip "pip installs a package" "the image has no capsem-net-proxy to reach a registry through"
else
    registry=$(npm config get registry 2>/dev/null)
    if reachable "$registry"; then
        check "npm installs a package" "$network" limited 240 npm install --prefix "$work" --no-audit --no-fund is-number
    else
        skip "npm installs a package" "no registry is reachable"
    fi
    index=$(pip config get global.index-url 2>/dev/null ||
        python3 -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)' 2>/dev/null)
    if has_package python3-pip && reachable "$index"; then
        check "pip installs a package" "$network" limited 240 pip install --quiet --target "$work/pip" six
    else
        skip "pip installs a package" "no index is reachable"
    fi
fi
plan
