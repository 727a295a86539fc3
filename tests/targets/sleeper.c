/* Sleeps 150 ms by one system call each time that word 1 says a new number. Words: 0 sleeps made, 2 the number of the one under
   way, 3 sleeps that failed or were too short. It makes no other system call. */
#include "target.h"

static long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

int main(void)
{
    begin();
    struct timespec time = {0, 150 * 1000000L};
    say("ready");
    for (uint64_t n = 1;; n++) {
        while (word[1] < n)
            ;
        long begun = now();
        word[2] = n;
        if (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, 0) || now() - begun < 149)
            word[3]++;
        word[0]++;
    }
}
