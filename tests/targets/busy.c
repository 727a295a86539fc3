/* busy N: when told, makes N rounds of getppid, which is given the number of the round, and close of that number below -1; counts
   rounds in word 0 and strange results in word 1; then counts in word 2 for ever. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    long n = argc > 1 ? atol(argv[1]) : 1;
    long parent = getppid();
    say("ready");
    while (!word[GO])
        ;
    for (long i = 0; i < n; i++) {
        if (syscall(SYS_getppid, i) != parent)
            word[1]++;
        if (syscall(SYS_close, -1 - i) != -1 || errno != EBADF)
            word[1]++;
        word[0]++;
    }
    for (;;)
        word[2]++;
}
