/* Adds 1 to word 2 in a restartable sequence, in which it says so in word 1 and waits until it is told; then counts in word 0. Says
   "ready none" where there are no such sequences. */
#include "target.h"
#include <stddef.h>
#include <sys/rseq.h>

struct section {
    uint32_t version, flags;
    uint64_t start, length, abort;
};

int main(void)
{
    begin();
    if (!__rseq_size) {
        say("ready none");
        return 0;
    }
    volatile struct rseq *area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
    static struct section section __attribute__((aligned(32)));
    say("ready");
again:
    __asm__ goto("lea 1f(%%rip), %%rax\n"
                 "mov %%rax, 8+%0\n"
                 "movq $2f-1f, 16+%0\n"
                 "lea 4f(%%rip), %%rax\n"
                 "mov %%rax, 24+%0\n"
                 "lea %0, %%rax\n"
                 "mov %%rax, %1\n"
                 "1: mov 16(%2), %%rbx\n"
                 "movq $1, 8(%2)\n"
                 "3: cmpq $0, 56(%2)\n"
                 "je 3b\n"
                 "inc %%rbx\n"
                 "mov %%rbx, 16(%2)\n"
                 "2: jmp 5f\n"
                 ".byte 0x0f, 0xb9, 0x3d\n"
                 ".long 0x53053053\n"
                 "4: jmp %l[again]\n"
                 "5:\n"
                 :
                 : "m"(section), "m"(area->rseq_cs), "r"(word)
                 : "rax", "rbx", "memory", "cc"
                 : again);
    for (;;)
        word[0]++;
}
