/* Runs round a sled of 200 nops and counts the rounds in word 0. Says where the sled begins and where a second place is that
   counts in word 1. "sled blocked": with SIGTRAP blocked. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    (void)argv;
    static volatile uint64_t *shared;
    shared = word;
    if (argc > 1) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTRAP);
        sigprocmask(SIG_BLOCK, &set, 0);
    }
    char text[99];
    snprintf(text, sizeof text, "ready %lu %lu", (unsigned long)&&sled, (unsigned long)&&other);
    say(text);
    void *volatile way = &&sled;
    goto *way;
other:
    for (;;)
        shared[1]++;
sled:
    __asm__ volatile(".rept 200\n nop\n .endr");
    shared[0]++;
    if (!shared[GO])
        goto *way;
    way = &&other;
    goto *way;
}
