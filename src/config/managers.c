// SPDX-License-Identifier: Apache-2.0
/* The install managers, a row for each. */
#include "config/internal.h"

/* In the order of enum config_manager. */
#define MANAGERS                                                                                   \
    ROW(APT, "apt", "apt-get install -y --no-install-recommends", NULL, "Debian",                  \
        "\"*.debian.org\"")                                                                        \
    ROW(UV, "uv", "uv pip install --system --break-system-packages", NULL, "Python Package Index", \
        "\"*.pypi.org\", \"*.pythonhosted.org\"")                                                  \
    ROW(PIP, "pip",                                                                                \
        "pip3 install --no-cache-dir --break-system-packages --root-user-action=ignore", NULL,     \
        "Python Package Index", "\"*.pypi.org\", \"*.pythonhosted.org\"")                          \
    ROW(NPM, "npm", "npm install --global --no-audit --no-fund --no-update-notifier", NULL, "npm", \
        "\"*.npmjs.org\"")                                                                         \
    ROW(CURL, "curl", "curl -fsSL", "https://example.com/install.sh", "installer",                 \
        "\"*.example.com\"")

#define ROW(constant, word, command, package, network, domains)                                    \
    [CONFIG_MANAGER_##constant] = { word, command, package, network, domains },
const struct config_manager_row config_managers[CONFIG_MANAGER_COUNT] = { MANAGERS };
#undef ROW

#define ROW(constant, word, command, package, network, domains) [CONFIG_MANAGER_##constant] = word,
const char *const config_manager_words[CONFIG_MANAGER_COUNT + 1] = { MANAGERS };
#undef ROW
