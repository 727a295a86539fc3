/* Has 1.5 on top of the x87 stack and 0x11...11 in xmm1 until it is told; then says what there is: "X87 LOW HIGH", the first as the
   bits of a double. Counts in word 0 meanwhile. */
#include "target.h"

static uint64_t pattern[2] __attribute__((aligned(16))) = {0x1111111111111111, 0x1111111111111111};
static double number = 1.5;

int main(void)
{
    begin();
    static volatile uint64_t *shared;
    shared = word;
    say("ready");
    /* In one piece, so that no code of the compiler's comes between and uses the registers. */
    __asm__ volatile("fldl (%1)\n"
                     "movdqa (%0), %%xmm1\n"
                     "1: incl (%2)\n"
                     "cmpl $0, 56(%2)\n"
                     "je 1b\n"
                     "movdqa %%xmm1, (%0)\n"
                     "fstpl (%1)"
                     :
                     : "r"(pattern), "r"(&number), "r"(shared)
                     : "memory");
    uint64_t bits;
    memcpy(&bits, &number, 8);
    char text[99];
    snprintf(text, sizeof text, "%llx %llx %llx", (long long)bits, (long long)pattern[0], (long long)pattern[1]);
    say(text);
    for (;;)
        pause();
}
