// SPDX-License-Identifier: Apache-2.0
/* What tools printed, shortened, and the cause that a failed step with it has. For cause_test.c. */
#pragma once

static const struct {
    const char *output;
    const char *want;
} cases[] = {
    /* apt 2.6 */
    { "Err:1 http://nowhere.invalid/x ./ InRelease\n"
      "  Could not resolve 'nowhere.invalid'\n"
      "W: Failed to fetch http://nowhere.invalid/x/./InRelease  Could not resolve "
      "'nowhere.invalid'\n"
      "W: Some index files failed to download. They have been ignored, or old ones used instead.\n"
      "Reading package lists...\n"
      "Building dependency tree...\n"
      "E: Unable to locate package x\n",
      "apt cannot resolve 'nowhere.invalid'" },
    { "Err:1 http://mirror.invalid x InRelease\n"
      "  Temporary failure resolving 'mirror.invalid'\n"
      "E: Unable to locate package curl\n",
      "apt cannot resolve 'mirror.invalid'" },
    { "Err:1 http://127.0.0.1:1/x ./ InRelease\n"
      "  Could not connect to 127.0.0.1:1 (127.0.0.1). - connect (111: Connection refused)\n"
      "Reading package lists...\n"
      "W: Failed to fetch http://127.0.0.1:1/x/./InRelease  Could not connect to 127.0.0.1:1 "
      "(127.0.0.1). - connect (111: Connection refused)\n"
      "W: Some index files failed to download. They have been ignored, or old ones used instead.\n",
      "apt cannot connect to 127.0.0.1:1 (127.0.0.1). - connect (111: Connection refused)" },
    { "Err:1 https://x.invalid x InRelease\n"
      "  Invalid response from proxy: HTTP/1.1 403 Forbidden  Server: BaseHTTP [IP: 127.0.0.1 "
      "3128]\n"
      "E: Unable to locate package curl\n",
      "the proxy refuses apt: HTTP/1.1 403 Forbidden  Server: BaseHTTP [IP: 127.0.0.1 3128]" },
    { "Err:3 http://example.invalid/x ./ Packages\n"
      "  403  Forbidden [IP: 127.0.0.1 18765]\n"
      "E: Failed to fetch http://example.invalid/x/./Packages  403  Forbidden [IP: 127.0.0.1 "
      "18765]\n"
      "E: Some index files failed to download. They have been ignored, or old ones used instead.\n",
      "the server or a proxy refuses apt http://example.invalid/x/./Packages (403)" },
    { "Get:1 http://127.0.0.1:18765 ./ InRelease [690 B]\n"
      "Err:1 http://127.0.0.1:18765 ./ InRelease\n"
      "  The following signatures were invalid: EXPKEYSIG 98EB721740AEF6F2 old@x\n"
      "Reading package lists...\n"
      "W: GPG error: http://127.0.0.1:18765 ./ InRelease: The following signatures were invalid: "
      "EXPKEYSIG 98EB721740AEF6F2 old@x\n"
      "E: The repository 'http://127.0.0.1:18765 ./ InRelease' is not signed.\n",
      "the key that the package lists are signed with has expired: 98EB721740AEF6F2 old@x" },
    { "Get:1 http://127.0.0.1:18765 ./ InRelease [690 B]\n"
      "Err:1 http://127.0.0.1:18765 ./ InRelease\n"
      "  The following signatures couldn't be verified because the public key is not available: "
      "NO_PUBKEY 5D2614172372B0C8\n"
      "Reading package lists...\n"
      "W: GPG error: http://127.0.0.1:18765 ./ InRelease: The following signatures couldn't be "
      "verified because the public key is not available: NO_PUBKEY 5D2614172372B0C8\n"
      "E: The repository 'http://127.0.0.1:18765 ./ InRelease' is not signed.\n",
      "apt has no key for the package lists: 5D2614172372B0C8" },
    { "Get:1 http://127.0.0.1:18765 ./ InRelease [735 B]\n"
      "Reading package lists...\n"
      "E: Release file for http://127.0.0.1:18765/./InRelease is expired (invalid since 2d 0h 0min "
      "1s). Updates for this repository will not be applied.\n",
      "the package lists of http://127.0.0.1:18765/./InRelease have expired" },
    { "Get:1 http://127.0.0.1:18765 ./ InRelease [690 B]\n"
      "Reading package lists...\n"
      "E: Release file for http://127.0.0.1:18765/./InRelease is not valid yet (invalid for "
      "another 2d 23h 59min 50s). Updates for this repository will not be applied.\n",
      "the package lists of http://127.0.0.1:18765/./InRelease are dated in the future" },
    { "Err:2 http://127.0.0.1:18765 ./ Packages\n"
      "  Hash Sum mismatch\n"
      "E: Failed to fetch http://127.0.0.1:18765/./Packages  Hash Sum mismatch\n"
      "E: Some index files failed to download. They have been ignored, or old ones used instead.\n",
      "the mirror's content does not match its package lists: http://127.0.0.1:18765/./Packages" },
    { "Err:2 http://127.0.0.1:18765 ./ Packages\n"
      "  File has unexpected size (1160 != 1158). Mirror sync in progress? [IP: 127.0.0.1 18765]\n"
      "E: Failed to fetch http://127.0.0.1:18765/./Packages  File has unexpected size (1160 != "
      "1158). Mirror sync in progress? [IP: 127.0.0.1 18765]\n"
      "E: Some index files failed to download. They have been ignored, or old ones used instead.\n",
      "the mirror's content does not match its package lists: http://127.0.0.1:18765/./Packages" },
    { "  Hash Sum mismatch\n"
      "  Hashes of expected file:\n"
      "  Hashes of received file:\n"
      "E: Failed to fetch http://127.0.0.1:18765/./gamma_1.0.deb  Hash Sum mismatch\n"
      "   Hashes of expected file:\n"
      "   Hashes of received file:\n"
      "E: Some files failed to download\n",
      "the mirror's content does not match its package lists: "
      "http://127.0.0.1:18765/./gamma_1.0.deb" },
    { "Ign:1 http://127.0.0.1:18765 ./ InRelease\n"
      "Err:2 http://127.0.0.1:18765 ./ Release\n"
      "  404  File not found [IP: 127.0.0.1 18765]\n"
      "Reading package lists...\n"
      "E: The repository 'http://127.0.0.1:18765 ./ Release' does not have a Release file.\n",
      "'http://127.0.0.1:18765 ./ Release' is not a repository of packages" },
    { "Ign:1 http://127.0.0.1:18765 ./ InRelease\n"
      "Get:2 http://127.0.0.1:18765 ./ Release [145 B]\n"
      "Ign:3 http://127.0.0.1:18765 ./ Release.gpg\n"
      "Reading package lists...\n"
      "E: The repository 'http://127.0.0.1:18765 ./ Release' is not signed.\n",
      "the repository 'http://127.0.0.1:18765 ./ Release' is not signed" },
    { "Reading package lists...\n"
      "E: Could not get lock /w/apt/state/lists/lock. It is held by process 21254 (python3)\n"
      "E: Unable to lock directory /w/apt/state/lists/\n",
      "another apt holds the lock /w/apt/state/lists/lock" },
    { "E: Could not open lock file /w/apt/dpkg/lock-frontend - open (13: Permission denied)\n"
      "E: Unable to acquire the dpkg frontend lock (/w/apt/dpkg/lock-frontend), are you root?\n",
      "apt cannot write '/w/apt/dpkg/lock-frontend'" },
    { "Need to get 102 kB of archives.\n"
      "E: You don't have enough free space in /w/apt/small/.\n",
      "not enough space for packages in '/w/apt/small/'" },
    { "Reading package lists...\n"
      "Building dependency tree...\n"
      "E: Unable to locate package nosuch\n"
      "E: Unable to locate package jq-xyz\n",
      "apt finds no package 'nosuch'" },
    { "Reading package lists...\n"
      "Building dependency tree...\n"
      "Package gamma is not available, but is referred to by another package.\n"
      "This may mean that the package is missing, has been obsoleted, or\n"
      "is only available from another source\n"
      "E: Version '9.9' for 'gamma' was not found\n",
      "apt finds no version 9.9 of 'gamma'" },
    { "Reading package lists...\n"
      "Building dependency tree...\n"
      "Package missing-thing is not available, but is referred to by another package.\n"
      "This may mean that the package is missing, has been obsoleted, or\n"
      "is only available from another source\n"
      "E: Package 'missing-thing' has no installation candidate\n",
      "apt finds no package 'missing-thing'" },
    { " alpha : Depends: beta (>= 2) but it is not going to be installed\n"
      "E: Unable to correct problems, you have held broken packages.\n",
      "conflicting packages: alpha needs beta (>= 2), but it is not going to be installed" },
    { "beta is already the newest version (1.0).\n"
      " alpha : Depends: beta (>= 2) but 1.0 is to be installed\n"
      "E: Unable to correct problems, you have held broken packages.\n",
      "conflicting packages: alpha needs beta (>= 2), but 1.0 is to be installed" },
    { "The following packages have unmet dependencies:\n"
      " libc6 : PreDepends: libcrypt1 (>= 1:4.4.10) but it is not going to be installed\n"
      "E: Unable to correct problems, you have held broken packages.\n",
      "conflicting packages: libc6 needs libcrypt1 (>= 1:4.4.10), but it is not going to be "
      "installed" },
    { "The following packages have unmet dependencies:\n"
      " exim4-base : Conflicts: postfix\n"
      "E: Unable to correct problems, you have held broken packages.\n",
      "conflicting packages: exim4-base excludes postfix" },
    { "E: Unable to correct problems, you have held broken packages.\n",
      "packages conflict or are held" },
    { "Err:1 http://127.0.0.1:18765 ./ gamma 1.0\n"
      "  404  File not found [IP: 127.0.0.1 18765]\n"
      "E: Failed to fetch http://127.0.0.1:18765/./gamma_1.0.deb  404  File not found [IP: "
      "127.0.0.1 18765]\n"
      "E: Some files failed to download\n",
      "the mirror has no http://127.0.0.1:18765/./gamma_1.0.deb (404)" },
    /* dpkg 1.21 */
    { "Unpacking b (1.0) ...\n"
      "dpkg: error processing archive /tmp/b.deb (--unpack):\n"
      " trying to overwrite '/usr/bin/x', which is also in package a 1.0\n"
      "Errors were encountered while processing:\n"
      " /tmp/b.deb\n"
      "E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
      "two packages have the file '/usr/bin/x': the other one is a 1.0" },
    { "Setting up b (1.0) ...\n"
      "dpkg: error processing package b (--configure):\n"
      " installed b package post-installation script subprocess returned error exit status 1\n"
      "Errors were encountered while processing:\n"
      " b\n"
      "E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
      "the package 'b' cannot be configured" },
    { "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the "
      "problem.\n",
      "an earlier installation was interrupted" },
    { "E: Failed to fetch http://m.invalid/x.deb  Connection timed out [IP: 192.0.2.1 80]\n"
      "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?\n",
      "apt cannot fetch http://m.invalid/x.deb  Connection timed out [IP: 192.0.2.1 80]" },
    /* npm 11; older ones say "npm ERR!" */
    { "npm error code ENOTFOUND\n"
      "npm error syscall getaddrinfo\n"
      "npm error network request to http://nowhere.invalid/x failed, reason: getaddrinfo ENOTFOUND "
      "nowhere.invalid\n"
      "npm error network In most cases you are behind a proxy or have bad network settings.\n"
      "npm error network If you are behind a proxy, please make sure that the 'proxy' config is "
      "set properly.  See: 'npm help config'\n",
      "npm cannot resolve 'nowhere.invalid'" },
    { "npm ERR! code EAI_AGAIN\n"
      "npm ERR! errno EAI_AGAIN\n"
      "npm ERR! request to https://registry.example/x failed, reason: getaddrinfo EAI_AGAIN "
      "registry.example\n",
      "npm cannot resolve 'registry.example'" },
    { "npm error code ECONNREFUSED\n"
      "npm error FetchError: request to http://127.0.0.1:1/x failed, reason: connect ECONNREFUSED "
      "127.0.0.1:1\n"
      "npm error   code: 'ECONNREFUSED',\n",
      "nothing answers npm at 127.0.0.1:1" },
    { "npm ERR! network tunneling socket could not be established, statusCode=403\n"
      "npm ERR! network This is a problem related to network connectivity.\n",
      "the proxy refuses npm: statusCode=403" },
    { "npm ERR! code ETIMEDOUT\n"
      "npm ERR! errno ETIMEDOUT\n",
      "npm's registry did not answer in time" },
    { "npm ERR! code ECONNRESET\n"
      "npm ERR! network aborted\n",
      "the connection to npm's registry broke" },
    { "npm error code ETARGET\n"
      "npm error notarget No matching version found for left-pad@99.9.9.\n"
      "npm error A complete log of this run can be found in: "
      "/root/.npm/_logs/2026-11-30T22_43_02_795Z-debug-0.log\n",
      "npm's registry has no version left-pad@99.9.9" },
    { "npm error 404 Not Found - GET "
      "https://registry.example/this-package-is-not-there-xyz-capsem\n"
      "npm error 404  The requested resource 'this-package-is-not-there-xyz-capsem@*' could not be "
      "found or you do not have permission to access it.\n"
      "npm error 404 Note that you can also install from a\n"
      "npm error A complete log of this run can be found in: "
      "/root/.npm/_logs/2026-11-30T22_43_06_100Z-debug-0.log\n",
      "npm's registry has no package 'this-package-is-not-there-xyz-capsem@*'" },
    { "npm ERR! code E404\n"
      "npm ERR! 404 Not Found - GET https://registry.example/nosuch - Not found\n"
      "npm ERR! 404\n"
      "npm ERR! 404  'nosuch@latest' is not in this registry.\n",
      "npm's registry has no package 'nosuch@latest'" },
    { "npm ERR! code E404\n"
      "npm ERR! 404 Not Found - GET https://registry.example/a/-/a-1.0.0.tgz\n",
      "npm finds nothing at https://registry.example/a/-/a-1.0.0.tgz (404)" },
    { "npm error code E403\n"
      "npm error 403 403 Forbidden - GET https://example.invalid/x\n"
      "npm error 403 In most cases, you or one of your dependencies are requesting a package "
      "version that is forbidden by your security policy, or on a server you do not have access "
      "to.\n"
      "npm error A complete log of this run can be found in: "
      "/root/.npm/_logs/2026-11-30T22_43_25_163Z-debug-0.log\n",
      "the server or a proxy refuses npm https://example.invalid/x (403)" },
    { "npm error code ERESOLVE\n"
      "npm error ERESOLVE unable to resolve dependency tree\n"
      "npm error While resolving: root@1.0.0\n"
      "npm error Found: left-pad@1.3.0\n"
      "npm error   left-pad@\"1.3.0\" from the root project\n"
      "npm error peer left-pad@\"^0.0.3\" from b@1.0.0\n"
      "npm error   b@\"file:../b/b-1.0.0.tgz\" from the root project\n"
      "npm error Fix the upstream dependency conflict, or retry this command with --force or "
      "--legacy-peer-deps to accept an incorrect (and potentially broken) dependency resolution.\n",
      "conflicting npm packages: b@1.0.0 needs left-pad@\"^0.0.3\"" },
    { "npm ERR! code ERESOLVE\n"
      "npm ERR! ERESOLVE could not resolve\n",
      "conflicting npm packages: could not resolve" },
    { "npm ERR! code EINTEGRITY\n"
      "npm ERR! sha512-AA== integrity checksum failed when using sha512: wanted sha512-AA== but "
      "got sha512-BB==. (9 bytes)\n",
      "a package does not match the lock file" },
    { "gyp ERR! stack Error: Could not find any Python installation to use\n"
      "npm error code 1\n"
      "npm error path /w/npm/n\n"
      "npm error command failed\n"
      "npm error command sh -c node-gyp rebuild\n"
      "npm error A complete log of this run can be found in: "
      "/root/.npm/_logs/2026-11-30T22_43_10_846Z-debug-0.log\n",
      "node-gyp finds no Python" },
    { "gyp ERR! stack Error: not found: make\n"
      "npm error code 1\n"
      "npm error path /w/npm/n\n"
      "npm error command failed\n"
      "npm error command sh -c node-gyp rebuild\n"
      "npm error A complete log of this run can be found in: "
      "/root/.npm/_logs/2026-11-30T22_43_13_550Z-debug-0.log\n",
      "node-gyp finds no 'make'" },
    { "make: g++: No such file or directory\n"
      "make: *** [x.target.mk:106: Release/obj.target/x/x.o] Error 127\n"
      "gyp ERR! build error \n"
      "gyp ERR! stack Error: `make` failed with exit code: 2\n"
      "npm error code 1\n"
      "npm error path /w/n\n"
      "npm error command failed\n",
      "make finds no program 'g++'" },
    { "npm error code EACCES\n"
      "npm error syscall mkdir\n"
      "npm error Error: EACCES: permission denied, mkdir '/w/npm/e/lib'\n"
      "npm error   code: 'EACCES',\n"
      "npm error   syscall: 'mkdir',\n",
      "npm cannot write '/w/npm/e/lib' (mkdir)" },
    { "npm error code EUSAGE\n"
      "npm error The `npm ci` command can only install with an existing package-lock.json or\n"
      "npm error npm-shrinkwrap.json with lockfileVersion >= 1. Run an install with npm@5 or\n"
      "npm error npm ci\n",
      "'npm ci' finds no package-lock.json" },
    { "npm error code EBADENGINE\n"
      "npm error engine Unsupported engine\n"
      "npm error engine Not compatible with your version of node/npm: x@1.0.0\n"
      "npm error notsup Not compatible with your version of node/npm: x@1.0.0\n"
      "npm error notsup Required: {\"node\":\">=99\"}\n"
      "npm error notsup Actual:   {\"node\":\"v20.20.2\",\"npm\":\"11.19.1\"}\n"
      "npm error A complete log of this run can be found in: "
      "/root/.npm/_logs/2026-11-30T22_43_31_339Z-debug-0.log\n",
      "x@1.0.0 needs another version of Node.js" },
    /* pip 23 */
    { "Looking in indexes: https://example.invalid/simple\n"
      "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) "
      "after connection broken by 'ProxyError('Cannot connect to proxy.', OSError('Tunnel "
      "connection failed: 403 Forbidden'))': /simple/foo/\n"
      "ERROR: Could not find a version that satisfies the requirement foo (from versions: none)\n"
      "ERROR: No matching distribution found for foo\n",
      "the proxy refuses pip: 403 Forbidden" },
    { "Looking in indexes: https://nowhere.invalid/simple\n"
      "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) "
      "after connection broken by "
      "'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at "
      "0x7ff6774a31d0>: Failed to establish a new connection: [Errno -2] Name or service not "
      "known')': /simple/foo/\n"
      "ERROR: Could not find a version that satisfies the requirement foo (from versions: none)\n"
      "ERROR: No matching distribution found for foo\n",
      "pip cannot connect: [Errno -2] Name or service not known" },
    { "error: externally-managed-environment\n"
      "× This environment is externally managed\n"
      "note: If you believe this is a mistake, please contact your Python installation or OS "
      "distribution provider. You can override this, at the risk of breaking your Python "
      "installation or OS, by passing --break-system-packages.\n"
      "hint: See PEP 668 for the detailed specification.\n",
      "pip does not change a Python that the distribution manages" },
    { "Looking in indexes: http://127.0.0.1:18766/simple\n"
      "Collecting foo==1.0\n"
      "  Downloading http://127.0.0.1:18766/simple/foo/foo-1.0.tar.gz (262 bytes)\n"
      "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have "
      "updated the package versions, please update the hashes. Otherwise, examine the package "
      "contents carefully; someone may have tampered with them.\n"
      "    foo==1.0 from http://127.0.0.1:18766/simple/foo/foo-1.0.tar.gz (from -r r.txt (line "
      "1)):\n"
      "        Expected sha256 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"
      "             Got        29f38ddee22ea0d66126ebc27f38090e1804b4fccabeb6f0846c52daec56e8bf\n",
      "a download does not match the requirements file" },
    { "Processing ./bar\n"
      "  Preparing metadata (setup.py): started\n"
      "  Preparing metadata (setup.py): finished with status 'done'\n"
      "ERROR: Package 'bar' requires a different Python: 3.11.2 not in '>=3.99'\n",
      "'bar' needs Python >=3.99, and this one is 3.11.2" },
    { "Looking in indexes: http://127.0.0.1:18766/simple\n"
      "ERROR: Could not find a version that satisfies the requirement nosuchpkg (from versions: "
      "none)\n"
      "ERROR: No matching distribution found for nosuchpkg\n",
      "pip finds no 'nosuchpkg'" },
    { "Looking in indexes: http://127.0.0.1:18766/simple\n"
      "ERROR: Could not find a version that satisfies the requirement foo==2.0 (from versions: "
      "1.0)\n"
      "ERROR: No matching distribution found for foo==2.0\n",
      "pip finds no 'foo==2.0', but versions 1.0" },
    { "Looking in indexes: http://127.0.0.1:18766/simple\n"
      "ERROR: Could not find a version that satisfies the requirement foo (from versions: none)\n"
      "ERROR: No matching distribution found for foo\n",
      "pip finds no 'foo'" },
    { "  error: subprocess-exited-with-error\n"
      "      creating build\n"
      "      creating build/temp.linux-x86_64-cpython-311\n"
      "      error: command '/nonexistent-cc' failed: No such file or directory\n"
      "  note: This error originates from a subprocess, and is likely not a problem with pip.\n"
      "  error: subprocess-exited-with-error\n"
      "      creating build\n"
      "      creating build/temp.linux-x86_64-cpython-311\n"
      "      error: command '/nonexistent-cc' failed: No such file or directory\n"
      "  note: This error originates from a subprocess, and is likely not a problem with pip.\n"
      "error: legacy-install-failure\n"
      "note: This is an issue with the package mentioned above, not pip.\n",
      "a Python package must be compiled, but '/nonexistent-cc' is not installed" },
    { "Traceback (most recent call last):\n"
      "    os.makedirs(path)\n"
      "  File \"<frozen os>\", line 225, in makedirs\n"
      "PermissionError: [Errno 13] Permission denied: '/usr/lib/x'\n",
      "'/usr/lib/x' is not writable" },
    { "Traceback (most recent call last):\n"
      "  File \"<stdin>\", line 1, in <module>\n"
      "ModuleNotFoundError: No module named 'nosuch'\n",
      "Python finds no module 'nosuch'" },
    { "/usr/bin/python3: No module named pip\n", "Python finds no module 'pip'" },
    /* uv 0.4 and later */
    { "error: Failed to fetch: `https://index.example/simple/x/`\n"
      "  Caused by: error sending request for url (https://index.example/simple/x/)\n"
      "  Caused by: client error (Connect)\n"
      "  Caused by: dns error: failed to lookup address information: Name or service not known\n",
      "uv cannot resolve a name: failed to lookup address information: Name or service not known" },
    { "error: Failed to fetch: `https://index.example/simple/x/`\n"
      "  Caused by: HTTP status client error (403 Forbidden) for url "
      "(https://index.example/simple/x/)\n",
      "uv cannot fetch https://index.example/simple/x/" },
    { "error: The interpreter at /usr is externally managed, and indicates the following:\n"
      "\n"
      "  To install Python packages system-wide, try apt install\n"
      "\n"
      "Consider creating a virtual environment with `uv venv`.\n",
      "uv does not change a Python that the distribution manages: /usr" },
    { "error: No virtual environment found; run `uv venv` to create an environment, or pass "
      "`--system` to install into a non-virtual environment\n",
      "uv finds no virtual environment" },
    { "error: Failed to install: x\n"
      "  Caused by: Hash mismatch for `x==1.0`\n"
      "\n"
      "Expected:\n"
      "  sha256:aa\n",
      "a download does not match its pinned hash: x==1.0" },
    { "  × No solution found when resolving dependencies:\n"
      "  ╰─▶ Because nosuch was not found in the package registry and you require nosuch, we can "
      "conclude that your requirements are unsatisfiable.\n",
      "uv finds no package 'nosuch'" },
    { "  × No solution found when resolving dependencies:\n"
      "  ╰─▶ Because there is no version of x==9 and you require x==9, we can conclude that your "
      "requirements are unsatisfiable.\n",
      "uv finds no version x==9" },
    { "  × No solution found when resolving dependencies:\n"
      "  ╰─▶ Because a==1 depends on b<2 and you require b>=2, we can conclude that your "
      "requirements and a==1 are incompatible.\n",
      "Python packages conflict" },
    /* curl 7.88, wget 1.21 */
    { "curl: (5) Could not resolve proxy: nowhere.invalid\n",
      "curl cannot resolve the proxy 'nowhere.invalid'" },
    { "curl: (6) Could not resolve host: nowhere.invalid\n",
      "curl cannot resolve 'nowhere.invalid'" },
    { "curl: (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server\n",
      "curl: Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server" },
    { "curl: (22) The requested URL returned error: 404\n", "the server answers curl with 404" },
    { "curl: (23) Failure writing output to destination\n",
      "curl cannot write its output: Failure writing output to destination" },
    { "curl: (28) Connection timed out after 1001 milliseconds\n",
      "curl had no answer in time: Connection timed out after 1001 milliseconds" },
    { "curl: (35) OpenSSL/3.0.22: error:0A00010B:SSL routines::wrong version number\n",
      "curl and the server do not agree on TLS: OpenSSL/3.0.22: error:0A00010B:SSL routines::wrong "
      "version number" },
    { "curl: (56) Received HTTP code 407 from proxy after CONNECT\n",
      "the proxy refuses curl: Received HTTP code 407" },
    { "curl: (56) CONNECT tunnel failed, response 403\n", "the proxy refuses curl: response 403" },
    { "curl: (60) SSL certificate problem: self-signed certificate\n"
      "More details here: https://curl.se/docs/sslcerts.html\n"
      "curl failed to verify the legitimacy of the server and therefore could not\n",
      "curl does not trust the server: SSL certificate problem: self-signed certificate" },
    { "curl: (18) transfer closed with 9 bytes remaining to read\n",
      "curl: transfer closed with 9 bytes remaining to read (18)" },
    { "Resolving nowhere.invalid (nowhere.invalid)... failed: Name or service not known.\n"
      "wget: unable to resolve host address 'nowhere.invalid'\n",
      "wget cannot resolve 'nowhere.invalid'" },
    { "HTTP request sent, awaiting response... 404 File not found\n"
      "2026-11-30 22:44:57 ERROR 404: File not found.\n",
      "the server answers wget with 404 File not found." },
    { "Connecting to localhost (localhost)|127.0.0.1|:18767... connected.\n"
      "ERROR: The certificate of 'localhost' is not trusted.\n"
      "ERROR: The certificate of 'localhost' doesn't have a known issuer.\n",
      "wget does not trust 'localhost'" },
    /* git 2.39 */
    { "Cloning into 'x'...\n"
      "fatal: unable to access 'https://example.invalid/x.git/': CONNECT tunnel failed, response "
      "403\n",
      "the proxy refuses git: response 403" },
    { "Cloning into 'x'...\n"
      "fatal: unable to access 'http://nowhere.invalid/x.git/': Could not resolve host: "
      "nowhere.invalid\n",
      "git cannot resolve 'nowhere.invalid'" },
    { "Cloning into 'x'...\n"
      "fatal: unable to access 'https://localhost:18767/x.git/': server certificate verification "
      "failed. CAfile: /etc/ssl/certs/ca-certificates.crt CRLfile: none\n",
      "git does not trust the server of 'https://localhost:18767/x.git/'" },
    { "Cloning into 'x'...\n"
      "fatal: unable to access 'http://127.0.0.1:1/x.git/': Failed to connect to 127.0.0.1 port 1 "
      "after 0 ms: Couldn't connect to server\n",
      "git cannot fetch 'http://127.0.0.1:1/x.git/': Failed to connect to 127.0.0.1 port 1 after 0 "
      "ms: Couldn't connect to server" },
    { "Cloning into 'x'...\n"
      "fatal: repository 'http://127.0.0.1:18765/x.git/' not found\n",
      "the repository 'http://127.0.0.1:18765/x.git/' was not found" },
    { "Cloning into 'x'...\n"
      "fatal: could not read Username for 'https://git.example': terminal prompts disabled\n",
      "git needs credentials for 'https://git.example'" },
    { "Cloning into 'r2'...\n"
      "fatal: Remote branch nosuch not found in upstream origin\n",
      "the repository has no branch or tag 'nosuch'" },
    { "fatal: detected dubious ownership in repository at '/w/misc/r'\n",
      "git does not trust the owner of '/w/misc/r'" },
    { "fatal: not a git repository (or any of the parent directories): .git\n",
      "not a git repository" },
    { "error: pathspec 'nosuch' did not match any file(s) known to git\n",
      "git knows no branch, tag or file 'nosuch'" },
    { "Cloning into 'x'...\n"
      "ssh: connect to host 127.0.0.1 port 22: Connection refused\n"
      "fatal: Could not read from remote repository.\n"
      "Please make sure you have the correct access rights\n"
      "and the repository exists.\n",
      "git cannot connect to the server" },
    /* gcc 12, binutils 2.40, pkg-config, make 4.3 */
    { "a.c:1:10: fatal error: nosuch.h: No such file or directory\n"
      "    1 | #include <nosuch.h>\n"
      "      |          ^~~~~~~~~~\n"
      "compilation terminated.\n",
      "the compiler finds no header 'nosuch.h'" },
    { "/usr/bin/ld: cannot find -lnosuch: No such file or directory\n"
      "collect2: error: ld returned 1 exit status\n",
      "the linker finds no library 'nosuch'" },
    { "/usr/bin/ld: /tmp/ccTMHsIR.o: in function `main':\n"
      "b.c:(.text+0x5): undefined reference to `f'\n"
      "collect2: error: ld returned 1 exit status\n",
      "nothing defines 'f' for the linker" },
    { "c.c: In function 'main':\n"
      "c.c:1:19: error: 'x' undeclared (first use in this function)\n"
      "    1 | int main(){return x;}\n"
      "      |                   ^\n"
      "c.c:1:19: note: each undeclared identifier is reported only once for each function it "
      "appears in\n",
      "the compiler: 'x' undeclared (first use in this function)" },
    { "Package nosuch was not found in the pkg-config search path.\n"
      "Perhaps you should add the directory containing `nosuch.pc'\n"
      "to the PKG_CONFIG_PATH environment variable\n"
      "Package 'nosuch', required by 'virtual:world', not found\n",
      "pkg-config finds no 'nosuch'" },
    { "Package nosuch was not found in the pkg-config search path.\n"
      "No package 'nosuch' found\n",
      "pkg-config finds no 'nosuch'" },
    { "make: *** No rule to make target 'nosuch'.  Stop.\n",
      "the Makefile has no target 'nosuch'" },
    { "make: *** No rule to make target 'a.c', needed by 'a.o'.  Stop.\n",
      "'a.o' needs 'a.c', which is missing" },
    { "make: *** No targets specified and no makefile found.  Stop.\n",
      "make finds no Makefile here" },
    /* the kernel */
    { "defconfig.x86_64 asks for symbols that did not survive: CONFIG_NOSUCH\n",
      "the kernel's configuration drops what defconfig.x86_64 asks for:CONFIG_NOSUCH" },
    { "kernel/x.defconfig lacks what the guest needs of its kernel: CONFIG_RD_ZSTD\n"
      "add to it:\nCONFIG_RD_ZSTD=y\n",
      "a kernel from kernel/x.defconfig cannot run the guest: it lacks CONFIG_RD_ZSTD" },
    { ".config:9:warning: symbol value 'x' invalid for LOG_BUF_SHIFT\n",
      "'x' is not a value of the kernel's LOG_BUF_SHIFT" },
    { "***\n"
      "*** Configuration file \".config\" not found!\n"
      "***\n",
      "the kernel has no .config" },
    { "make[3]: *** No rule to make target 'debian/certs/x.pem', needed by "
      "'certs/x509_certificate_list'.  Stop.\n",
      "the kernel configuration names a missing certificate: debian/certs/x.pem" },
    { "BTF: .tmp_vmlinux.btf: pahole (pahole) is not available\n"
      "Failed to generate BTF for vmlinux\n",
      "the kernel's debug information needs pahole" },
    /* dash, bash, busybox */
    { "sh: 1: nosuch-prog: not found\n", "the program 'nosuch-prog' was not found" },
    { "bash: line 1: nosuch-prog: command not found\n", "the program 'nosuch-prog' was not found" },
    { "bash: nosuch-prog: command not found\n", "the program 'nosuch-prog' was not found" },
    { "sh: nosuch-prog: not found\n", "the program 'nosuch-prog' was not found" },
    { "> x@1.0.0 build\n"
      "> tsc\n"
      "sh: 1: tsc: not found\n",
      "the program 'tsc' was not found" },
    { "sh: 1: ./foreign: Exec format error\n", "'./foreign' is a program of another architecture" },
    { "bash: line 1: ./foreign: cannot execute binary file: Exec format error\n",
      "'./foreign' is a program of another architecture" },
    { "./foreign: line 1: \177ELF\002\001\001aaaa: not found\n",
      "'./foreign' is a program of another architecture" },
    { "sh: ./foreign: Exec format error\n", "'./foreign' is a program of another architecture" },
    { "exec /bin/sh: exec format error\n", "'/bin/sh' is a program of another architecture" },
    { "sh: 1: ./noexec: Permission denied\n", "'./noexec' is not executable or not writable" },
    { "bash: line 1: ./noexec: Permission denied\n", "'./noexec' is not executable" },
    { "bash: line 1: ./interp: cannot execute: required file not found\n",
      "the interpreter of './interp' is missing" },
    { "touch: cannot touch 'ro/x': Read-only file system\n",
      "it is read-only: touch: cannot touch 'ro/x'" },
    { "gzip: stdin: not in gzip format\n"
      "tar: Child returned status 1\n"
      "tar: Error is not recoverable: exiting now\n",
      "the archive is not compressed with gzip" },
    { "unzip:  cannot find zipfile directory in one of z.zip or\n"
      "        z.zip.zip, and cannot find z.zip.ZIP, period.\n",
      "the archive is not a zip file" },
    { "a.c: FAILED\n"
      "sha256sum: WARNING: 1 computed checksum did NOT match\n",
      "the checksum of 'a.c' does not match" },
};
