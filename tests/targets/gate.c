/* Makes 32-bit calls by int $0x80, also from 64-bit code, for ever, when told: getppid, or the one whose number is in word 4. Words:
   0 calls, 1 strange results of getppid. */
#include "target.h"

int main(void)
{
    begin();
    int parent = getppid();
    say("ready");
    while (!word[GO])
        ;
    for (;;) {
        int number = word[4] ? (int)word[4] : 64, r = number;
#ifdef __x86_64__
        __asm__ volatile("int $0x80" : "+a"(r) : "b"(0), "c"(0) : "memory", "r8", "r9", "r10", "r11");
#else
        __asm__ volatile("int $0x80" : "+a"(r) : "b"(0), "c"(0) : "memory");
#endif
        if (number == 64 && r != parent)
            word[1]++;
        word[0]++;
    }
}
