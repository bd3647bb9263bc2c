// SPDX-License-Identifier: Apache-2.0
/* Sets an extended attribute: busybox cannot, and the base image of the conformance cases has
 * nothing else.
 *
 *     attr PATH NAME HEX     HEX is the value's bytes; - removes the attribute
 */
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static unsigned int digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, c);
    return at == NULL ? 0 : (unsigned int)(at - digits);
}

static size_t from_hex(const char *hex, unsigned char *ret, size_t max) {
    size_t len = 0;
    while (len < max && hex[2 * len] != '\0' && hex[2 * len + 1] != '\0') {
        ret[len] = (unsigned char)(digit(hex[2 * len]) << 4 | digit(hex[2 * len + 1]));
        len++;
    }
    return len;
}

int main(int argc, char **argv) {
    unsigned char value[512];
    if (argc != 4) {
        fputs("usage: attr PATH NAME HEX\n", stderr);
        return 2;
    }
    int failed = strcmp(argv[3], "-") == 0 ? lremovexattr(argv[1], argv[2])
                                           : lsetxattr(argv[1], argv[2], value,
                                                       from_hex(argv[3], value, sizeof value), 0);
    if (failed != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
