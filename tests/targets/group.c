/* group [UID]: a process group of its own with three members, of which the last is user UID if that is given, and a child in
   another group. Each counts its SIGUSR1s: the leader in word 0, the members in 1 and 2, the outsider in 3.
   "ready MEMBER MEMBER OUTSIDER". */
#include "target.h"

static volatile int mine;

static void told(int s)
{
    (void)s;
    word[mine]++;
}

static void wait_for_ever(void)
{
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    begin();
    struct sigaction sa = {.sa_handler = told, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &sa, 0);
    pid_t child[4];
    int up[2];
    char c;
    if (setpgid(0, 0) || pipe(up))
        return 91;
    for (int i = 1; i < 4; i++) {
        child[i] = fork();
        if (child[i])
            continue;
        mine = i;
        if (i == 3 && setpgid(0, 0))
            _exit(92);
        if (i == 2 && argc > 1 && (setgid(atoi(argv[1])) || setuid(atoi(argv[1]))))
            _exit(93);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (write(up[1], "x", 1) != 1)
            _exit(94);
        wait_for_ever();
    }
    for (int i = 1; i < 4; i++)
        if (read(up[0], &c, 1) != 1)
            return 95;
    char text[64];
    snprintf(text, sizeof text, "ready %d %d %d", child[1], child[2], child[3]);
    say(text);
    wait_for_ever();
}
