/* SIGTRAP: words 3 to 5 are how many came, the last one's si_code and si_addr. */
#ifndef TRAPS_H
#define TRAPS_H

#include "target.h"

static void trapped(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    word[3]++;
    word[4] = info->si_code;
    word[5] = (uintptr_t)info->si_addr;
}

/* Has `sig` counted in this way. */
static void count_traps(int sig, int flags)
{
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | flags};
    sigaction(sig, &action, 0);
}

/* SIG_BLOCK or SIG_UNBLOCK. */
static void mask_traps(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTRAP);
    pthread_sigmask(how, &set, 0);
}

#endif
