/* A parent that notes all it is told about its child, which counts in word 0. Words: 1 SIGCHLDs, 2 stops, 3 continuations,
   4 ends, 5 the last wait status, 6 whether the child shall exit. */
#include "target.h"

static void told(int s)
{
    (void)s;
    word[1]++;
}

int main(void)
{
    begin();
    struct sigaction sa = {.sa_handler = told, .sa_flags = SA_RESTART};
    sigaction(SIGCHLD, &sa, 0);
    pid_t child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_DFL);
        for (;;) {
            word[0]++;
            if (word[6])
                _exit(33);
        }
    }
    char text[32];
    snprintf(text, sizeof text, "ready %d", child);
    say(text);
    for (;; pause_ms(1)) {
        int status;
        if (waitpid(child, &status, WUNTRACED | WCONTINUED | WNOHANG) <= 0)
            continue;
        word[5] = status;
        if (WIFSTOPPED(status))
            word[2]++;
        else if (WIFCONTINUED(status))
            word[3]++;
        else
            word[4]++;
    }
}
