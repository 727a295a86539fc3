/* Makes one child after the other and waits for its end. "begets quiet": its end is told by no signal; "begets traced": with
   CLONE_PTRACE; "begets seized": the child waits, and is seized and let go by its maker. Word 0 counts them, word 1 what went wrong. */
#define _GNU_SOURCE
#include "target.h"
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
    begin();
    if (argc < 2)
        return 97;
    char how = argv[1][0];
    unsigned long flags = how == 'q' ? 0 : how == 't' ? CLONE_PTRACE | SIGCHLD : SIGCHLD;
    say("ready");
    for (;;) {
        pid_t child = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
        if (child == 0 && how == 's') {
            for (;;)
                pause_ms(1000);
        }
        if (child == 0)
            _exit(0);
        if (how == 's') {
            if (ptrace(PTRACE_SEIZE, child, 0, 0))
                word[1]++;
            kill(child, SIGKILL);
        }
        int status;
        if (waitpid(child, &status, __WALL) != child)
            word[1]++;
        word[0]++;
    }
}
