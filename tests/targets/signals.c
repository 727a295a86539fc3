/* Handles every signal that can be. Words: 0 real-time signals with a value, 1 those out of order, 128+n count of signal n. */
#include "target.h"

static void handler(int s, siginfo_t *info, void *context)
{
    (void)context;
    if (s == SIGRTMIN + 4 && info->si_code == SI_QUEUE) {
        if ((uint64_t)info->si_value.sival_int != word[0])
            word[1]++;
        word[0]++;
    }
    word[128 + s]++;
}

int main(void)
{
    begin();
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigfillset(&sa.sa_mask);
    for (int s = 1; s <= 64; s++)
        sigaction(s, &sa, 0);
    say("ready");
    for (;;)
        pause();
}
