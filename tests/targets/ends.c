/* ends HOW: what it does when told. Rounds are counted in word 0, strange results in word 1, signals handled in word 3; behind the
   rounds it counts in word 2 for ever.

   rounds N T: T threads make N rounds each of four getppid and one lseek to the number of the round;
   raise N [deaf]: sends itself SIGUSR1 N times, which its handler counts at once; deaf: it ignores SIGTRAP;
   continued: an endless number of rounds, with a handler of SIGCONT that it installs when told a second time (word 8);
   taken: the same, but SIGCONT is blocked and taken by sigwait in a thread;
   read: reads a pipe that stays empty, until a handler of SIGUSR1 ends the call;
   forks N: N rounds in each of which a child makes one lseek and four getppid, and ends;
   exec: execs itself with rounds 100 1. */
#include "target.h"
#include <sched.h>

static long rounds, parent;

static void strange(void)
{
    __atomic_add_fetch(&word[1], 1, __ATOMIC_SEQ_CST);
}

static void round_of(int fd, long i)
{
    for (int k = 0; k < 4; k++)
        if (syscall(SYS_getppid) != parent)
            strange();
    if (syscall(SYS_lseek, fd, i, SEEK_SET) != i)
        strange();
    __atomic_add_fetch(&word[0], 1, __ATOMIC_SEQ_CST);
}

static void *thread(void *unused)
{
    int fd = syscall(SYS_memfd_create, "ends", 0);
    while (!word[GO])
        sched_yield();
    for (long i = 0; i < rounds; i++)
        round_of(fd, i);
    return unused;
}

static void handler(int s)
{
    (void)s;
    word[3]++;
}

static void *taker(void *set)
{
    int s;
    while (!sigwait(set, &s))
        word[3]++;
    return 0;
}

static void endless(void)
{
    for (;;)
        word[2]++;
}

int main(int argc, char **argv)
{
    begin();
    const char *how = argc > 1 ? argv[1] : "";
    rounds = argc > 2 ? atol(argv[2]) : 1;
    parent = getppid();
    pthread_t t[64];
    struct sigaction sa = {.sa_handler = handler};
    int fd = syscall(SYS_memfd_create, "ends", 0);
    if (!strcmp(how, "rounds")) {
        int n = argc > 3 ? atoi(argv[3]) : 1;
        for (int i = 0; i < n; i++)
            if (pthread_create(&t[i], 0, thread, 0))
                exit(97);
        if (!word[8])
            say("ready");
        for (int i = 0; i < n; i++)
            pthread_join(t[i], 0);
        endless();
    }
    if (!strcmp(how, "raise")) {
        sigaction(SIGUSR1, &sa, 0);
        if (argc > 3)
            signal(SIGTRAP, SIG_IGN);
        say("ready");
        wait_for_go();
        for (long i = 0; i < rounds; i++) {
            if (syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), SIGUSR1) || word[3] != (uint64_t)i + 1)
                strange();
            word[0]++;
        }
        endless();
    }
    if (!strcmp(how, "continued")) {
        say("ready");
        while (!word[GO])
            ;
        for (long i = 0;; i++) {
            if (word[8] == 1) {
                sigaction(SIGCONT, &sa, 0);
                word[8] = 2;
            }
            round_of(fd, i % 1000);
        }
    }
    if (!strcmp(how, "taken")) {
        static sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGCONT);
        say("ready");
        while (!word[GO])
            ;
        pthread_sigmask(SIG_BLOCK, &set, 0);
        pthread_create(t, 0, taker, &set);
        word[8] = 2;
        for (long i = 0;; i++)
            round_of(fd, i % 1000);
    }
    if (!strcmp(how, "read")) {
        int p[2];
        char c;
        sigaction(SIGUSR1, &sa, 0);
        if (pipe(p))
            exit(97);
        say("ready");
        long r = read(p[0], &c, 1);
        word[4] = errno;
        if (r != -1 || errno != EINTR || word[3] != 1)
            strange();
        rounds = 1;
        round_of(fd, 1);
        endless();
    }
    if (!strcmp(how, "forks")) {
        say("ready");
        wait_for_go();
        for (long i = 0; i < rounds; i++) {
            pid_t child = fork();
            if (!child) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (int k = 0; k < 4; k++)
                    syscall(SYS_getppid);
                _exit(syscall(SYS_lseek, fd, 7, SEEK_SET) == 7 ? 0 : 1);
            }
            int status;
            if (waitpid(child, &status, 0) != child || status)
                strange();
            round_of(fd, i);
        }
        endless();
    }
    if (!strcmp(how, "exec")) {
        say("ready");
        wait_for_go();
        word[8] = 1;
        execl("/proc/self/exe", "ends", "rounds", "100", "1", (char *)0);
        exit(96);
    }
    return 95;
}
