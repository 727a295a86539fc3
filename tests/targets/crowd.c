/* crowd N: N children that do nothing; "ready CHILD CHILD" with the first and the last of them. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    int n = argc > 1 ? atoi(argv[1]) : 1;
    pid_t first = 0, last = 0, parent = getpid();
    for (int i = 0; i < n; i++) {
        last = fork();
        if (last < 0)
            return 91;
        if (!last) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (getppid() == parent)
                pause();
            _exit(0);
        }
        first = first ? first : last;
    }
    char text[64];
    snprintf(text, sizeof text, "ready %d %d", first, last);
    say(text);
    for (;;)
        pause();
}
