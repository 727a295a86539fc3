/* Puts values into the two halves of the wide register 7 and shows in words 2 and 3 what is in them, round after round, which
   word 0 counts; "ready none" on a processor without such registers. */
#include "target.h"

int main(void)
{
    begin();
    if (!__builtin_cpu_supports("avx")) {
        say("ready none");
        for (;;)
            pause();
    }
    static uint64_t halves[4] __attribute__((aligned(32))) = {
        0x1111111111111111, 0x1111111111111111, 0x2222222222222222, 0x2222222222222222};
    static volatile uint64_t *shared;
    shared = word;
    say("ready");
    /* In one piece, so that no code of the compiler's comes between and uses the register. */
    __asm__ volatile("vmovdqa (%0), %%ymm7\n"
                     "1: vmovdqa %%ymm7, (%0)\n"
                     "mov 8(%0), %%rax\n"
                     "mov %%rax, 16(%1)\n"
                     "mov 24(%0), %%rax\n"
                     "mov %%rax, 24(%1)\n"
                     "incq (%1)\n"
                     "jmp 1b"
                     :
                     : "r"(halves), "r"(shared)
                     : "rax", "memory");
}
