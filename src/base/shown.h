// SPDX-License-Identifier: Apache-2.0
/*
 * What C libraries name or show differently. Included first into every file of a build that is not
 * for Linux (meson.build), and by no file itself.
 */
#pragma once

#ifdef __APPLE__
#include <xlocale.h> /* which locale.h and wctype.h elsewhere are */

/* POSIX's names; macOS has them only in its POSIX mode, which hides all else. */
#define st_atim st_atimespec
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#else
#include <stddef.h>

/* macOS shows these as they are, glibc to those who ask for all of GNU. */
void *memmem(const void *haystack, size_t haystack_len, const void *needle, size_t needle_len);
#ifndef SEEK_DATA
#define SEEK_DATA 3
#define SEEK_HOLE 4
#endif
#endif
