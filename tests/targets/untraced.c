/* untraced N: when told, makes threads with CLONE_UNTRACED, which tell no tracer of their birth; each counts in a word of its own
   from word 16 on. N of them live for ever; with "churn" N makers are such threads themselves, and make one after the other that
   end at once; word 15 counts those. Word 14: makers that are under way. */
#include "target.h"
#include <sched.h>

#define FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_UNTRACED)
#define STACK 65536

static int gone[64];

/* Nothing here may use errno or the C library's locks: these threads share the thread-local data of their maker. */
static int counter(void *i)
{
    for (;;) {
        word[16 + (intptr_t)i]++;
        sched_yield();
    }
    return 0;
}

static int born(void *unused)
{
    (void)unused;
    __atomic_fetch_add(&word[15], 1, __ATOMIC_SEQ_CST);
    return 0;
}

static int maker(void *i)
{
    int n = (intptr_t)i;
    static char stacks[64][STACK] __attribute__((aligned(16)));
    __atomic_fetch_add(&word[14], 1, __ATOMIC_SEQ_CST);
    for (;;) {
        gone[n] = 1;
        if (clone(born, stacks[n] + STACK, FLAGS | CLONE_CHILD_CLEARTID, 0, 0, 0, &gone[n]) < 0)
            continue;
        while (__atomic_load_n(&gone[n], __ATOMIC_SEQ_CST))
            sched_yield();
    }
    return 0;
}

int main(int argc, char **argv)
{
    begin();
    int n = argc > 1 ? atoi(argv[1]) : 1;
    say("ready");
    wait_for_go();
    for (intptr_t i = 0; i < n; i++)
        clone(argc > 2 ? maker : counter, (char *)malloc(STACK) + STACK, FLAGS, (void *)i);
    for (;;)
        word[0]++;
}
