/* masks HOW: changes its signal mask again and again, counts rounds in word 0 and in word 1 how often its mask, or its handler of
   SIGTRAP, was not as it had left it. "set": all blocked, then none; "block": all blocked for ever, and once more with the old mask
   kept; "handler": a handler with a full mask; "trap": a breakpoint and its handler; "poll": all blocked in a ppoll. */
#include "target.h"
#include <poll.h>

static void handler(int s)
{
    if (s == SIGTRAP)
        word[2]++;
}

static void look(int blocked)
{
    sigset_t now;
    struct sigaction trap;
    sigprocmask(SIG_BLOCK, 0, &now);
    sigaction(SIGTRAP, 0, &trap);
    if (sigismember(&now, SIGTRAP) != blocked || trap.sa_handler != handler) {
        word[1]++;
        sigemptyset(&now);
        sigprocmask(SIG_SETMASK, &now, 0);
        signal(SIGTRAP, handler);
    }
}

int main(int argc, char **argv)
{
    begin();
    const char *how = argc > 1 ? argv[1] : "";
    sigset_t all, none, old;
    sigfillset(&all);
    sigemptyset(&none);
    struct sigaction full = {.sa_handler = handler, .sa_mask = all};
    sigaction(SIGUSR1, &full, 0);
    signal(SIGTRAP, handler);
    int blocked = !strcmp(how, "block");
    if (blocked)
        sigprocmask(SIG_SETMASK, &all, 0);
    say("ready");
    for (;; word[0]++) {
        if (!strcmp(how, "set")) {
            sigprocmask(SIG_SETMASK, &all, 0);
            look(1);
            sigprocmask(SIG_SETMASK, &none, 0);
        } else if (blocked) {
            sigprocmask(SIG_BLOCK, &all, &old);
            sigprocmask(SIG_SETMASK, &old, 0);
        } else if (!strcmp(how, "handler")) {
            kill(getpid(), SIGUSR1);
        } else if (!strcmp(how, "trap")) {
            uint64_t before = word[2];
            __asm__ volatile("int3");
            word[1] += word[2] != before + 1;
        } else if (!strcmp(how, "poll")) {
            ppoll(0, 0, &(struct timespec){0, 1000}, &all);
        }
        look(blocked);
    }
}
