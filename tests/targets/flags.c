/* Saves and restores its flags, all the time. Counts the rounds in word 0 and in word 1 those that found a trap flag.
   "flags alarm": signals come meanwhile, which are handled. */
#include "target.h"
#include <sys/time.h>

/* Beyond what a function may keep below its stack pointer. */
#ifdef __x86_64__
#define ASIDE "lea -128(%%rsp), %%rsp\n"
#define BACK "lea 128(%%rsp), %%rsp\n"
#else
#define ASIDE ""
#define BACK ""
#endif

static void handler(int signal)
{
    word[2] += signal != 0;
}

int main(int argc, char **argv)
{
    begin();
    (void)argv;
    if (argc > 1) {
        struct itimerval often = { { 0, 500 }, { 0, 500 } };
        signal(SIGALRM, handler);
        setitimer(ITIMER_REAL, &often, 0);
    }
    say("ready");
    for (;;) {
        unsigned long flags = 0;
        unsigned short half = 0;
        __asm__ volatile(ASIDE "pushf\n pop %0\n pushfw\n popw %1\n" BACK : "=r"(flags), "=r"(half) : : "memory", "cc");
        if ((flags | half) & 0x100)
            word[1]++;
        __asm__ volatile(ASIDE "pushf\n nop\n popf\n nop\n pushfw\n popfw\n" BACK : : : "memory", "cc");
        word[0]++;
    }
}
