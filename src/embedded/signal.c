// SPDX-License-Identifier: Apache-2.0
/* The signals that STOPSIGNAL may name: signal(7), by number or by name, with SIG or without. */
#include <string.h>

#include "embedded/internal.h"

enum { SIGNAL_MAX = 64, REALTIME_STEPS_MAX = 15 };

static const char *const names[] = {
    "ABRT", "ALRM", "BUS",  "CHLD",   "CLD",  "CONT", "FPE",    "HUP",  "ILL",
    "INT",  "IO",   "IOT",  "KILL",   "PIPE", "POLL", "PROF",   "PWR",  "QUIT",
    "SEGV", "STOP", "SYS",  "STKFLT", "TERM", "TRAP", "TSTP",   "TTIN", "TTOU",
    "URG",  "USR1", "USR2", "WINCH",  "XCPU", "XFSZ", "VTALRM",
};

/* RTMIN, RTMIN+N, RTMAX, RTMAX-N */
static bool is_realtime(str name) {
    str from = str_slice(name, 0, 5);
    uint64_t steps = 0;
    char sign = str_eq_nocase(from, S("RTMIN"))   ? '+'
                : str_eq_nocase(from, S("RTMAX")) ? '-'
                                                  : '\0';
    return sign != '\0' && (name.len == 5 || (name.ptr[5] == sign &&
                                              str_to_u64(str_slice(name, 6, name.len), &steps) &&
                                              steps <= REALTIME_STEPS_MAX));
}

bool signal_is_known(str text) {
    uint64_t number;
    if (str_to_u64(text, &number)) {
        return number > 0 && number <= SIGNAL_MAX;
    }
    str name = str_eq_nocase(str_slice(text, 0, 3), S("SIG")) ? str_slice(text, 3, text.len) : text;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(str_from_c(names[i]), name)) {
            return true;
        }
    }
    return is_realtime(name);
}
