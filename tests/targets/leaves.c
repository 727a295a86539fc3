/* Has a child that has ended and is not waited for: "ready CHILD". */
#include "target.h"

int main(void)
{
    begin();
    pid_t child = fork();
    if (!child)
        _exit(0);
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    char text[32];
    snprintf(text, sizeof text, "ready %d", child);
    say(text);
    for (;;)
        pause();
}
