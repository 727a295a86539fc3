/* each N [spin]: N threads; thread i says its id in word 32+i, starts with i in its register r12, and for ever adds 1 to word
   16+i, writes r12 into word 48+i, and sleeps for a millisecond. spin: the first does not sleep; its round has three
   instructions. */
#include "target.h"

static int spins;
static const struct timespec ms = {0, 1000000};

static void *count(void *number)
{
    uintptr_t i = (uintptr_t)number;
    word[32 + i] = syscall(SYS_gettid);
    if (i == 0 && spins)
        __asm__ volatile("mov %0, %%r12\n"
                         "1: incq (%1)\n"
                         "mov %%r12, (%2)\n"
                         "jmp 1b\n" ::"r"(i),
                         "r"(&word[16 + i]), "r"(&word[48 + i])
                         : "r12", "memory");
    __asm__ volatile("mov %0, %%r12\n"
                     "1: incq (%1)\n"
                     "mov %%r12, (%2)\n"
                     "mov %3, %%eax\n"
                     "mov %4, %%rdi\n"
                     "xor %%esi, %%esi\n"
                     "syscall\n"
                     "jmp 1b\n" ::"r"(i),
                     "r"(&word[16 + i]), "r"(&word[48 + i]), "i"(SYS_nanosleep), "r"(&ms)
                     : "rax", "rcx", "rdi", "rsi", "r11", "r12", "memory");
    return 0;
}

int main(int argc, char **argv)
{
    begin();
    int n = argc > 1 ? atoi(argv[1]) : 2;
    spins = argc > 2;
    pthread_t t;
    for (intptr_t i = 1; i < n; i++)
        pthread_create(&t, 0, count, (void *)i);
    for (int i = 1; i < n; i++)
        while (!word[16 + i])
            pause_ms(1);
    say("ready");
    count(0);
}
