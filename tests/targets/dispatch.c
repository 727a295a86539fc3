/* Has its calls handed to itself by SIGSYS (PR_SET_SYSCALL_USER_DISPATCH), where it answers each with ANSWER: counts in word 0 its
   calls, in word 1 those that were answered otherwise. Says "ready none" where that is not to be had. */
#include "target.h"
#include <ucontext.h>

#define ANSWER 4242

/* The one call that is let through. */
void back(void);
extern char back_end[];
__asm__(".text\n"
        "back: mov $15, %eax\n"
        "syscall\n"
        "back_end: nop\n");

struct action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};

static void handler(int s, siginfo_t *info, void *context)
{
    (void)s, (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = ANSWER;
}

int main(void)
{
    begin();
    struct action action = {handler, SA_SIGINFO | 0x04000000, back, 0};
    static volatile char blocks;
    syscall(SYS_rt_sigaction, SIGSYS, &action, 0, 8);
    if (prctl(59, 1, back, back_end - (char *)back + 1, &blocks)) {
        say("ready none");
        return 0;
    }
    say("ready");
    blocks = 1;
    for (;;) {
        if (syscall(SYS_getppid) != ANSWER)
            word[1]++;
        word[0]++;
    }
}
