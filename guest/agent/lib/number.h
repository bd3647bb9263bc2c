// SPDX-License-Identifier: Apache-2.0
// Numbers of the command line.
#pragma once

// Decimal digits up to `max`, nothing else; -1 when it is not so.
static inline int number_parse(const char *text, int max) {
    int number = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || number > (max - (*at - '0')) / 10) {
            return -1;
        }
        number = number * 10 + (*at - '0');
    }
    return *text ? number : -1;
}
