/* faults NAME [default|blocked]: when told, does something that the processor refuses, and goes on behind it from the handler of
   its signal. "default": without a handler; "blocked": with the signal blocked. Then counts in word 0. Words: 10 the signal,
   11 its si_code, 12 signals handled, 13 rounds before it was told. */
#include "target.h"
#include <setjmp.h>
#include <sys/resource.h>

static sigjmp_buf back;

static void handler(int s, siginfo_t *info, void *context)
{
    (void)context;
#ifdef __x86_64__
    /* Not with the alignment check, which is still on. */
    __asm__ volatile("pushf; andl $0xfffbffff, (%%rsp); popf" : : : "memory", "cc");
#else
    __asm__ volatile("pushf; andl $0xfffbffff, (%%esp); popf" : : : "memory", "cc");
#endif
    word[10] = s;
    word[11] = info->si_code;
    word[12]++;
    siglongjmp(back, 1);
}

static inline const void *own_page(void)
{
    static char page[64] __attribute__((aligned(64)));
    return page;
}

static void happen(const char *name)
{
#define IS(n) (!strcmp(name, n))
    int file = open(getenv("PFS_SHARED"), O_RDWR);
    volatile char *none = 0;
    if (IS("illegal"))
        __asm__ volatile("ud2");
    if (IS("privileged"))
        __asm__ volatile("hlt");
    if (IS("breakpoint"))
        __asm__ volatile("int3");
    if (IS("breakpoint2"))
        __asm__ volatile(".byte 0xcd, 3");
    if (IS("int1"))
        __asm__ volatile(".byte 0xf1");
    if (IS("overflow"))
#ifdef __x86_64__
        __asm__ volatile("int $4");
#else
        __asm__ volatile("movb $0x7f, %%al; addb $1, %%al; into" : : : "eax", "cc");
    int bounds[2] = {0, 1};
    if (IS("bound"))
        __asm__ volatile("bound %0, %1" : : "r"(5), "m"(bounds) : "memory");
#endif
    if (IS("unmapped"))
        *none = 1;
    if (IS("protected"))
        *(volatile char *)mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
    if (IS("executed"))
        ((void (*)(void))mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))();
    if (IS("beyond"))
        *(volatile char *)mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 4096) = 1;
    if (IS("divide"))
        __asm__ volatile("xorl %%ecx, %%ecx; idivl %%ecx" : : : "eax", "ecx", "edx", "cc");
    if (IS("stack"))
        __asm__ volatile("1: push $0\n jmp 1b");
#ifdef __x86_64__
    volatile float one = 1, nought = 0;
    unsigned unmasked = 0x1d80;
    if (IS("float")) {
        __asm__ volatile("ldmxcsr %0" : : "m"(unmasked));
        one = one / nought;
    }
    if (IS("canonical"))
        *(volatile char *)0x8000000000000000 = 1;
    if (IS("aligned"))
        __asm__ volatile("pushf; orl $0x40000, (%%rsp); popf; movl 1(%0), %%eax"
                         :
                         : "r"(own_page())
                         : "eax", "memory", "cc");
    if (IS("trace"))
        __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" : : : "memory", "cc");
#endif
    if (IS("sent"))
        kill(getpid(), SIGSEGV);
}

int main(int argc, char **argv)
{
    begin();
    const char *how = argc > 2 ? argv[2] : "";
    int all[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    static char own[65536];
    stack_t other = {.ss_sp = own, .ss_size = sizeof own};
    sigaltstack(&other, 0);
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < 5; i++) {
        if (strcmp(how, "default"))
            sigaction(all[i], &sa, 0);
        sigaddset(&set, all[i]);
    }
    if (!strcmp(how, "blocked"))
        sigprocmask(SIG_BLOCK, &set, 0);
    struct rlimit core = {0, 0}, small = {256 << 10, 256 << 10};
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_STACK, &small);
    say("ready");
    while (!word[GO])
        word[13]++;
    if (!sigsetjmp(back, 1))
        happen(argv[1]);
    for (;;)
        word[0]++;
}
