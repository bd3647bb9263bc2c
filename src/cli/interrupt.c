// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include "cli/progress.h"

volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
}

int interrupt_exit_code(void) {
    return interrupted != 0 ? 128 + interrupted : EXIT_FAILED;
}

void interrupt_catch(void) {
    /* The second signal has its default effect: nobody is trapped by a cleanup that hangs. */
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}
