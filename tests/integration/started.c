// SPDX-License-Identifier: Apache-2.0
/* Says how it was started: its words, the variable that names the single file, whether libcurl is
 * found. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        printf("%s\n", argv[i]);
    }
    const char *file = getenv("CAPSEM_PROGRAM");
    printf("file %s\n", file != NULL ? file : "-");
    printf("libcurl %s\n", dlopen("libcurl.so.4", RTLD_NOW) != NULL ? "found" : dlerror());
    return argc > 3 ? 7 : 0;
}
