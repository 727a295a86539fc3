/* calls NAME: makes one blocking call; then says "done RESULT ERRNO MILLISECONDS". Those without a time of their own are ended by
   a helper when the test says so. "calls NAME stays": it ends only when the test says so. */
#include "target.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define MS 400

static void handler(int s)
{
    (void)s;
}

int main(int argc, char **argv)
{
    begin();
    const char *name = argc > 1 ? argv[1] : "";
    struct timespec t0, t1, time = {0, MS * 1000000L};
    int pipes[2], zero = 0, sem = 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sigaction sa = {.sa_handler = handler};
    sigaction(SIGUSR1, &sa, 0);
    if (pipe(pipes) || bind(listener, (void *)&address, sizeof(sa_family_t)) || listen(listener, 1))
        return 97;
    socklen_t length = sizeof address;
    getsockname(listener, (void *)&address, &length);
    pid_t parent = getpid();
    if (!fork()) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* It may have ended before that. */
        if (getppid() != parent)
            return 0;
        wait_for_go();
        if (!strcmp(name, "read"))
            return write(pipes[1], "x", 1) != 1;
        if (!strcmp(name, "pause"))
            return kill(getppid(), SIGUSR1);
        return connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, length);
    }
    int two[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, two);
    struct timeval tv = {0, MS * 1000};
    setsockopt(two[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    struct sembuf op = {0, -1, 0};
    sem = semget(IPC_PRIVATE, 1, 0600);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0);
    int epoll = epoll_create1(0);
    struct epoll_event event;
    struct pollfd pfd = {pipes[0], POLLIN, 0};
    char c;
    long r = -1;

    say("ready");
    clock_gettime(CLOCK_MONOTONIC, &t0);
    errno = 0;
    if (!strcmp(name, "nanosleep"))
        r = nanosleep(&time, 0);
    else if (!strcmp(name, "poll"))
        r = poll(&pfd, 1, MS);
    else if (!strcmp(name, "epoll_wait"))
        r = epoll_wait(epoll, &event, 1, MS);
    else if (!strcmp(name, "semop"))
        r = semtimedop(sem, &op, 1, &time);
    else if (!strcmp(name, "sigtimedwait"))
        r = sigtimedwait(&set, 0, &time);
    else if (!strcmp(name, "recv"))
        r = recv(two[0], &c, 1, 0);
    else if (!strcmp(name, "futex"))
        r = syscall(SYS_futex, &zero, FUTEX_WAIT, 0, &time, 0, 0);
    else if (!strcmp(name, "read"))
        r = read(pipes[0], &c, 1);
    else if (!strcmp(name, "pause"))
        r = pause();
    else if (!strcmp(name, "accept"))
        r = accept(listener, 0, 0) < 0 ? -1 : 1;
    int e = errno;
    clock_gettime(CLOCK_MONOTONIC, &t1);
    semctl(sem, 0, IPC_RMID);
    char text[99];
    snprintf(text, sizeof text, "done %ld %d %ld", r, r < 0 ? e : 0,
             (long)(t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
    if (argc > 2)
        wait_for_go();
    say(text);
}
