/* Counts in word 0 as long as r12 equals r13, in word 1 how often it did not. Says the address of a block of 1024 bytes, words 128
   to 255. */
#include "target.h"

int main(void)
{
    begin();
    char text[64];
    snprintf(text, sizeof text, "ready %lu", (unsigned long)(word + 128));
    say(text);
    __asm__ volatile("xor %%r12, %%r12\n xor %%r13, %%r13\n"
                     "1: cmp %%r12, %%r13\n jne 2f\n incq (%0)\n jmp 1b\n"
                     "2: incq 8(%0)\n mov %%r12, %%r13\n jmp 1b\n" ::"r"(word)
                     : "r12", "r13", "memory", "cc");
    return 0;
}
