/* family HOW: a parent that notes all it is told about its child, which is alone in its process group and does HOW:
   "count"     counts
   "handlers"  counts, with handlers for SIGTSTP and SIGCONT
   "calls"     makes getppid calls
   "faults"    writes to address 0 when told, or else counts
   "threads"   counts, and so do three more threads, in words 16 to 18
   "execs"     execs itself for ever
   "sleep"     sleeps in pause
   "vforks"    makes children by vfork that exit with 3, when told
   "forks"     the same by fork
   "clones"    the same by clone, and they tell their end by SIGUSR1
   "vfork"     is in vfork when the child of its own, which counts in word 20, says so in word 21
   Words: 0 the child's rounds, 1 SIGCHLDs, 2 stops, 3 continuations, 4 ends, 5 the last wait status, 6 set by the test: the child
   shall exit with 33, 8 the signal of the last stop, 9
   vforks (or forks) that failed, 10 and 11 SIGTSTPs and SIGCONTs handled. */
#include "target.h"

static void told(int s)
{
    (void)s;
    word[1]++;
}

static void handled(int s)
{
    word[s == SIGTSTP ? 10 : 11]++;
}

static void *thread(void *i)
{
    for (;; pause_ms(1))
        word[(intptr_t)i]++;
    return i;
}

static void child(const char *how)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct sigaction sa = {.sa_handler = handled, .sa_flags = SA_RESTART};
    if (!strcmp(how, "handlers")) {
        sigaction(SIGTSTP, &sa, 0);
        sigaction(SIGCONT, &sa, 0);
    }
    pthread_t t;
    for (intptr_t i = 16; i < 19 && !strcmp(how, "threads"); i++)
        pthread_create(&t, 0, thread, (void *)i);
    if (!strcmp(how, "vfork") && !vfork()) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        word[21] = getpid();
        for (;;) {
            word[20]++;
            if (word[GO])
                _exit(0);
        }
    }
    if (!strcmp(how, "clones"))
        signal(SIGUSR1, SIG_IGN);
    for (;;) {
        word[0]++;
        if (word[6])
            exit(33);
        if (!strcmp(how, "calls"))
            syscall(SYS_getppid);
        if (!strcmp(how, "faults") && word[GO])
            *(volatile int *)0 = 1;
        if (!strcmp(how, "execs"))
            execl("/proc/self/exe", "family", "child", how, (char *)0);
        if (!strcmp(how, "sleep"))
            pause();
        if ((!strcmp(how, "vforks") || !strcmp(how, "forks") || !strcmp(how, "clones")) && word[GO]) {
            int status = -1;
            pid_t born = *how == 'v' ? vfork() : *how == 'f' ? fork() : syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
            if (!born)
                _exit(3);
            if (waitpid(born, &status, __WALL) != born || status != 3 << 8)
                word[9]++;
        }
    }
}

int main(int argc, char **argv)
{
    begin();
    if (argc > 2)
        child(argv[2]);
    struct sigaction sa = {.sa_handler = told, .sa_flags = SA_RESTART};
    sigaction(SIGCHLD, &sa, 0);
    pid_t own = getpid(), pid = fork();
    if (!pid) {
        /* It dies with its parent, which may have ended before that was said. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != own)
            return 0;
        signal(SIGCHLD, SIG_DFL);
        child(argc > 1 ? argv[1] : "count");
    }
    /* In this process group SIGTSTP is not discarded: it is not an orphaned one. */
    setpgid(pid, pid);
    char text[32];
    snprintf(text, sizeof text, "ready %d", pid);
    say(text);
    for (;; pause_ms(1)) {
        int status;
        if (waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG) <= 0)
            continue;
        word[5] = status;
        if (WIFSTOPPED(status)) {
            word[8] = WSTOPSIG(status);
            word[2]++;
        } else if (WIFCONTINUED(status)) {
            word[3]++;
        } else {
            word[4]++;
        }
    }
}
