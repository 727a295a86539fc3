/* waits NAME: says ready, makes one blocking call and says "done RESULT ERRNO MILLISECONDS". A call with a time-out of its own
   has MS; what the others wait for comes when the test says so. What cannot be had here says "ready none" first. */
#include "target.h"
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

#define MS 1500

struct ring_time {
    uint64_t mask;
    uint32_t size, pad;
    uint64_t time;
};

static char where[200];

static const char *path(const char *name)
{
    static char text[300];
    snprintf(text, sizeof text, "%s.%s", where, name);
    return text;
}

/* Where the kernel cannot write down what is left of it. */
static const struct timespec constant = {MS / 1000, MS % 1000 * 1000000L};

/* A call of the 32-bit table, also from 64-bit code; -1 and errno as syscall(). */
static long int80(long number, long a, long b, long c, long d)
{
    int r = (int)number;
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "+a"(r) : "b"(a), "c"(b), "d"(c), "S"(d), "D"(0) : "memory", "r8", "r9", "r10", "r11");
#else
    __asm__ volatile("int $0x80" : "+a"(r) : "b"(a), "c"(b), "d"(c), "S"(d), "D"(0) : "memory");
#endif
    if (r < 0)
        errno = -r;
    return r < 0 ? -1 : r;
}

static void handler(int s)
{
    (void)s;
}

int main(int argc, char **argv)
{
    begin();
    const char *name = argc > 1 ? argv[1] : "";
#define IS(n) (!strcmp(name, n))
    snprintf(where, sizeof where, "%s", getenv("PFS_SHARED"));
    struct sigaction sa = {.sa_handler = handler};
    sigaction(SIGUSR1, &sa, 0);

    struct timespec t0, t1, time = {MS / 1000, MS % 1000 * 1000000L}, until;
    struct timeval tv = {MS / 1000, MS % 1000 * 1000L};
    int pipes[2], full[2], two[2], c = 0;
    uint32_t zero = 0;
    char buf[4096] = "";
    if (pipe(pipes) || pipe(full) || socketpair(AF_UNIX, SOCK_STREAM, 0, two))
        return 97;
    fcntl(full[1], F_SETFL, O_NONBLOCK);
    while (write(full[1], buf, sizeof buf) > 0)
        ;
    fcntl(full[1], F_SETFL, 0);
    fcntl(two[1], F_SETFL, O_NONBLOCK);
    while (!strncmp(name, "send", 4) && write(two[1], buf, sizeof buf) > 0)
        ;
    fcntl(two[1], F_SETFL, 0);
    if (!IS("recv_ended")) {
        setsockopt(two[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        setsockopt(two[1], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, sizeof(sa_family_t)) || listen(listener, 1))
        return 97;
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    socklen_t length = sizeof address;
    getsockname(listener, (void *)&address, &length);
    int connector = socket(AF_UNIX, SOCK_STREAM, 0);
    while (IS("connect") && connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&address, length) == 0)
        ;
    setsockopt(connector, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    /* A queue of one, and taken: the next one's first word is dropped, and said again after a second. */
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof port;
    struct timeval ample = {50, 0};
    int server = socket(AF_INET, SOCK_STREAM, 0), first = socket(AF_INET, SOCK_STREAM, 0);
    int second = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (void *)&port, size) || listen(server, 0) || getsockname(server, (void *)&port, &size) ||
        connect(first, (void *)&port, size))
        return 97;
    setsockopt(second, SOL_SOCKET, SO_SNDTIMEO, &ample, sizeof ample);

    int queue = msgget(IPC_PRIVATE, 0600), mq = -1, none = 0, ring = -1, master = -1, tty = -1;
    int epoll = epoll_create1(0), event = eventfd(0, 0), file = open(path("lock"), O_RDWR | O_CREAT, 0600);
    int timer = timerfd_create(CLOCK_MONOTONIC, 0), notify = inotify_init();
    aio_context_t aio = 0;
    if (IS("mq_timedreceive")) {
        snprintf(buf, sizeof buf, "/pfs-test-%d", getpid());
        mq = mq_open(buf, O_RDWR | O_CREAT, 0600, 0);
        mq_unlink(buf);
        none = mq < 0;
    }
    if (IS("io_getevents"))
        none = syscall(SYS_io_setup, 1, &aio) != 0;
    if (IS("io_uring_enter")) {
        struct io_uring_params params = {0};
        ring = syscall(SYS_io_uring_setup, 1, &params);
        none = ring < 0 || !(params.features & IORING_FEAT_EXT_ARG);
    }
    if (IS("read_tty") || IS("tcdrain")) {
        master = posix_openpt(O_RDWR | O_NOCTTY);
        none = master < 0 || grantpt(master) || unlockpt(master);
        tty = none ? -1 : open(ptsname(master), O_RDWR | O_NOCTTY);
    }
    if (IS("read_inotify"))
        inotify_add_watch(notify, path("lock"), IN_ATTRIB);
    if (IS("open_fifo"))
        mkfifo(path("fifo"), 0600);

    /* Its file locks are its own, and it holds them until told; then it ends what the parent waits for, and is what wait4 waits
       for. */
    int ready[2];
    if (pipe(ready))
        return 97;
    pid_t parent = getpid(), helper = fork();
    if (!helper) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct flock lock = {.l_type = F_WRLCK};
        int own = open(path("lock"), O_RDWR);
        flock(own, LOCK_EX);
        fcntl(own, F_SETLK, &lock);
        if (write(ready[1], "x", 1) != 1)
            return 1;
        wait_for_go();
        /* Until it has worked: what comes before the call begins is lost. The end of the parent ends this. */
        while (IS("pause") && !kill(parent, SIGUSR1))
            pause_ms(20);
        if (IS("sigsuspend"))
            kill(parent, SIGUSR1);
        if (IS("read_tty") && write(master, "x\n", 2) != 2)
            return 1;
        if (IS("open_fifo"))
            open(path("fifo"), O_WRONLY);
        if (IS("read_inotify"))
            fchmod(own, 0644);
        if (IS("read_eventfd") && eventfd_write(event, 1))
            return 1;
        if (IS("write_pipe") && read(full[0], buf, sizeof buf) != sizeof buf)
            return 1;
        while (IS("futex_wake") && syscall(SYS_futex, &word[30], FUTEX_WAKE, 1, 0, 0, 0) != 1)
            pause_ms(1);
        if (IS("connect_ended") && accept(server, 0, 0) < 0)
            return 1;
        if (IS("recv_ended") && write(two[1], "x", 1) != 1)
            return 1;
        struct {
            long type;
            char text[4];
        } message = {1, "abc"};
        if (IS("msgrcv") && msgsnd(queue, &message, 4, 0))
            return 1;
        if ((IS("readv_pipe") || IS("poll_ended") || IS("epoll_ended") || IS("splice")) && write(pipes[1], "x", 1) != 1)
            return 1;
        return 5;
    }
    if (read(ready[0], buf, 1) != 1)
        return 97;

    struct pollfd pfd = {pipes[0], POLLIN, 0};
    struct epoll_event ev = {.events = EPOLLIN}, got;
    epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &ev);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    struct iovec iov = {buf, sizeof buf};
    struct mmsghdr mm = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    struct flock lock = {.l_type = F_WRLCK};
    struct futex_waitv waitv = {.val = 0, .uaddr = (uintptr_t)&zero, .flags = FUTEX_32};
    struct io_event done;
    struct ring_time arg = {.time = (uintptr_t)&time};
    struct itimerspec alarm = {.it_value = time};
    siginfo_t info;
    int status = 0;
    long r = -1;
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    if (IS("sigsuspend"))
        sigprocmask(SIG_BLOCK, &usr1, 0);
    sigset_t nothing;
    sigemptyset(&nothing);

    /* Within the reach of 32-bit calls. */
    struct low {
        char event[64];
        uint64_t set;
        int32_t time[2];
        int64_t time64[2];
        struct sembuf op;
    } *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (low == MAP_FAILED)
        return 97;
    *low = (struct low){.time = {MS / 1000, MS % 1000 * 1000000}, .time64 = {MS / 1000, MS % 1000 * 1000000}};
    low->set = 1 << (SIGUSR2 - 1);
    low->op.sem_op = -1;
    int sem = IS("int80_semtimedop") ? semget(IPC_PRIVATE, 1, 0600) : -1;
    if (IS("select_sticky"))
        personality(STICKY_TIMEOUTS);

    say(none ? "ready none" : "ready");
    if (none)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    until = t0;
    until.tv_sec += (until.tv_nsec + time.tv_nsec) / 1000000000 + time.tv_sec;
    until.tv_nsec = (until.tv_nsec + time.tv_nsec) % 1000000000;
    timerfd_settime(timer, 0, &alarm, 0);
    errno = 0;
    if (IS("clock_nanosleep"))
        r = -(errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, 0));
    else if (IS("clock_absolute"))
        r = -(errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0));
    else if (IS("futex_absolute"))
        r = syscall(SYS_futex, &zero, FUTEX_WAIT_BITSET, 0, &until, 0, FUTEX_BITSET_MATCH_ANY);
    else if (IS("futex2"))
        r = syscall(455, &zero, 0L, 0xffffffffL, FUTEX_32 | FUTEX_PRIVATE_FLAG, &until, CLOCK_MONOTONIC);
    else if (IS("futex_waitv"))
        r = syscall(SYS_futex_waitv, &waitv, 1, 0, &until, CLOCK_MONOTONIC);
    else if (IS("ppoll"))
        r = ppoll(&pfd, 1, &time, &nothing);
    else if (IS("select"))
        r = select(pipes[0] + 1, &set, 0, 0, &tv);
    else if (IS("pselect"))
        r = pselect(pipes[0] + 1, &set, 0, 0, &time, &nothing);
    else if (IS("tcdrain")) {
        /* There is nothing to wait for, and a stop ends it all the same: made again and again for this time. */
        do {
            r = ioctl(tty, TCSBRK, 1);
            clock_gettime(CLOCK_MONOTONIC, &t1);
        } while (!r && (t1.tv_sec < until.tv_sec || (t1.tv_sec == until.tv_sec && t1.tv_nsec < until.tv_nsec)));
    } else if (IS("ppoll_constant"))
        r = syscall(SYS_ppoll, &pfd, 1, &constant, 0, 8L);
    else if (IS("pselect_constant"))
        r = syscall(SYS_pselect6, 0, 0L, 0L, 0L, &constant, 0L);
    else if (IS("select_sticky"))
        r = select(pipes[0] + 1, &set, 0, 0, &tv);
    else if (IS("int80_epoll"))
        r = int80(256, epoll, (long)low->event, 1, MS);
    else if (IS("int80_sigtimedwait"))
        r = int80(177, (long)&low->set, 0, (long)low->time, 8);
    else if (IS("int80_semtimedop"))
        r = int80(420, sem, (long)&low->op, 1, (long)low->time64);
    else if (IS("epoll_pwait"))
        r = epoll_pwait(epoll, &got, 1, MS, &nothing);
    else if (IS("epoll_pwait2"))
        r = syscall(SYS_epoll_pwait2, epoll, &got, 1, &time, 0, 0L);
    else if (IS("recvmsg"))
        r = recvmsg(two[0], &mm.msg_hdr, 0);
    else if (IS("recvmmsg"))
        r = recvmmsg(two[0], &mm, 1, 0, 0);
    else if (IS("read_socket"))
        r = read(two[0], &c, 1);
    else if (IS("preadv2"))
        r = preadv2(two[0], &(struct iovec){&c, 1}, 1, -1, 0);
    else if (IS("splice_socket"))
        r = splice(two[0], 0, pipes[1], 0, 1, 0);
    else if (IS("sendfile"))
        r = sendfile(two[1], open("/proc/self/exe", O_RDONLY), 0, 1);
    else if (IS("connect"))
        r = connect(connector, (void *)&address, length);
    else if (IS("connect_ended"))
        r = connect(second, (void *)&port, size);
    else if (IS("accept"))
        r = accept(listener, 0, 0);
    else if (IS("accept4"))
        r = accept4(listener, 0, 0, 0);
    else if (IS("send"))
        r = send(two[1], "x", 1, 0);
    else if (IS("sendmsg"))
        r = sendmsg(two[1], &mm.msg_hdr, 0);
    else if (IS("io_getevents"))
        r = syscall(SYS_io_getevents, aio, 1, 1, &done, &time);
    else if (IS("io_uring_enter"))
        r = syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
    else if (IS("mq_timedreceive")) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (until.tv_nsec + time.tv_nsec) / 1000000000 + time.tv_sec;
        until.tv_nsec = (until.tv_nsec + time.tv_nsec) % 1000000000;
        static char large[65536];
        r = mq_timedreceive(mq, large, sizeof large, 0, &until);
    } else if (IS("read_timerfd"))
        r = read(timer, buf, 8);
    else if (IS("read_inotify"))
        r = read(notify, buf, sizeof buf) > 0;
    else if (IS("read_eventfd"))
        r = read(event, buf, 8);
    else if (IS("read_tty"))
        r = read(tty, buf, 9);
    else if (IS("readv_pipe"))
        r = readv(pipes[0], &iov, 1);
    else if (IS("write_pipe"))
        r = write(full[1], "x", 1);
    else if (IS("splice"))
        r = splice(pipes[0], 0, open("/dev/null", O_WRONLY), 0, 1, 0);
    else if (IS("recv_ended"))
        r = recv(two[0], &c, 1, 0);
    else if (IS("poll_ended"))
        r = poll(&pfd, 1, -1);
    else if (IS("epoll_ended"))
        r = epoll_wait(epoll, &got, 1, -1);
    else if (IS("futex_wake"))
        r = syscall(SYS_futex, &word[30], FUTEX_WAIT, 0, 0, 0, 0);
    else if (IS("msgrcv"))
        r = msgrcv(queue, buf, 16, 0, 0);
    else if (IS("wait4"))
        r = waitpid(helper, &status, 0) == helper ? WEXITSTATUS(status) : -1;
    else if (IS("waitid"))
        r = waitid(P_PID, helper, &info, WEXITED) ? -1 : info.si_status;
    else if (IS("pause"))
        r = pause();
    else if (IS("sigsuspend"))
        r = sigsuspend(&nothing);
    else if (IS("flock"))
        r = flock(file, LOCK_EX);
    else if (IS("lock"))
        r = fcntl(file, F_SETLKW, &lock);
    else if (IS("open_fifo"))
        r = open(path("fifo"), O_RDONLY) < 0 ? -1 : 1;
    else
        return 96;
    int e = errno;
    clock_gettime(CLOCK_MONOTONIC, &t1);
    msgctl(queue, IPC_RMID, 0);
    semctl(sem, 0, IPC_RMID);
    long ms = (long)(t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000;
    snprintf(buf, sizeof buf, "done %ld %d %ld", r, r < 0 ? e : 0, ms);
    say(buf);
}
