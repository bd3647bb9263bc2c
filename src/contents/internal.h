// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "contents/contents.h"

/* Of one file that tells of packages; larger ones are not read. */
#define CONTENTS_TEXT_MAX (UINT64_C(64) << 20)

/* Index of a path, CONTENTS_NONE: it is not there. */
size_t contents_find(const struct contents *c, str path);
/* The text of a file; false: it is not there, or cannot be read. */
bool contents_text(struct arena *a, const struct contents *c, size_t node, str *ret);
size_t contents_add_package(struct arena *a, struct contents *c,
                            const struct contents_package *package);

/* Each finds the packages of its kind, and the files that they own. */
void contents_find_deb(struct arena *a, struct contents *c);
void contents_find_npm(struct arena *a, struct contents *c);
void contents_find_python(struct arena *a, struct contents *c);

/* lines.c: the packages that the config names, and which of them each package is here for. */
void contents_find_lines(struct arena *a, struct contents *c, struct sources *sources,
                         const struct guest_config *config);

/* bill.c: "pkg:deb/debian/git@1%3A2.39.5?arch=amd64" (package-url specification). */
str contents_purl(struct arena *a, const struct contents_bill *bill,
                  const struct contents_package *p);
/* "cpe:2.3:a:*:git:1:2.39.5..." (NISTIR 7695). */
str contents_cpe(struct arena *a, const struct contents_package *p);
/* One of SPDX's identifiers. */
bool contents_is_spdx(str licence);
/* What a package's machine-readable copyright file lists, "A AND B"; may be empty. */
str contents_debian_licences(struct arena *a, const struct contents *c,
                             const struct contents_package *p);
