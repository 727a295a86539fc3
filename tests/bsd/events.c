/* events MOUNT LEVEL CASE [more]: the ioctls on mem, one case at a time. */
#include "bsd.h"
#include <sys/pioctl.h>

_Static_assert(sizeof(struct procfs_status) == (sizeof(long) == 8 ? 32 : 20), "the structure of FreeBSD");

static int level, strict;
static char **more;

/* A child that does as told by single letters, and says so by sending them back. */
struct child {
    pid_t pid;
    int mem, orders, answers;
};

static void caught(int signal)
{
    (void)signal;
}

static void obey(int orders, int answers)
{
    char order;
    while (read(orders, &order, 1) == 1) {
        int status;
        switch (order) {
        case 'c': /* system calls; an error */
            for (int i = 0; i < 2; i++) {
                syscall(SYS_getpid);
                syscall(SYS_close, -1);
            }
            break;
        case 'x': /* end */
            _exit(3);
        case 'a': /* end with a core file */
            abort();
        case 'e': /* another program */
            execl(more[0], more[0], (char *)0);
            _exit(127);
        case 'f': { /* a child that calls, and ends with 5 */
            pid_t pid = fork();
            if (!pid) {
                syscall(SYS_getppid);
                _exit(5);
            }
            must(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5);
            break;
        }
        case 'p': { /* a child that waits to be killed, and its number */
            pid_t pid = fork();
            if (!pid) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                    pause();
            }
            must(write(answers, &pid, sizeof pid) == sizeof pid && waitpid(pid, &status, 0) == pid);
            break;
        }
        case 'v': { /* a call that nothing breaks off, until a child of its own is told to end */
            static volatile int over;
            pid_t pid = vfork();
            if (!pid) {
                must(write(answers, "v", 1) == 1 && read(orders, (void *)&over, 1) == 1);
                _exit(0);
            }
            must(waitpid(pid, &status, 0) == pid && status == 0);
            break;
        }
        case 's': { /* a call that is made again under another number */
            struct timespec time = {0, 200000000};
            must(write(answers, "s", 1) == 1 && nanosleep(&time, 0) == 0);
            break;
        }
        case 'b': { /* asks for the ends of its own calls */
            int own = node(getpid(), "mem", O_WRONLY);
            must(own >= 0 && ioctl(own, PIOCBIS, S_SCX) == 0);
            break;
        }
        case 'n': /* nothing */
            break;
        }
        must(write(answers, &order, 1) == 1);
    }
    _exit(0);
}

static struct child child(void)
{
    int to[2], from[2];
    must(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
    pid_t pid = fork();
    must(pid >= 0);
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGUSR1, caught);
        signal(SIGUSR2, SIG_IGN);
        close(to[1]);
        must(write(from[1], "r", 1) == 1);
        obey(to[0], from[1]);
    }
    close(to[0]);
    char ready;
    must(read(from[0], &ready, 1) == 1);
    struct child c = {pid, node(pid, "mem", O_RDWR), to[1], from[0]};
    must(c.mem >= 0);
    return c;
}

static void tell(struct child *c, char order)
{
    must(write(c->orders, &order, 1) == 1);
}

static void done(struct child *c, char order)
{
    char answer;
    must(read(c->answers, &answer, 1) == 1 && answer == order);
}

static int ended(struct child *c)
{
    int status;
    must(waitpid(c->pid, &status, 0) == c->pid);
    return status;
}

static struct procfs_status wait_for(int mem)
{
    struct procfs_status s;
    memset(&s, 0xaa, sizeof s);
    must(ioctl(mem, PIOCWAIT, &s) == 0);
    return s;
}

static struct procfs_status status(int mem)
{
    struct procfs_status s;
    memset(&s, 0xaa, sizeof s);
    must(ioctl(mem, PIOCSTATUS, &s) == 0);
    return s;
}

/* Waits for this event, and goes on. */
static void is(int mem, int why, unsigned long val)
{
    struct procfs_status s = wait_for(mem);
    /* PIOCWAIT of FreeBSD 4 knows no other state than 1. */
    if (s.why != why || s.val != val || s.state != (level == 4 && strict)) {
        fprintf(stderr, "why %#x val %lu state %d, not %#x %lu\n", s.why, s.val, s.state, why, val);
        exit(1);
    }
    must(ioctl(mem, PIOCCONT, 0) == 0);
}

static int fails(int mem, unsigned long number, void *arg)
{
    errno = 0;
    return ioctl(mem, number, arg) == -1 ? errno : 0;
}

static void elsewhere(void)
{
    struct child c = child();
    const char *nodes[] = {"regs", "status", "."};
    for (int i = 0; i < 3; i++) {
        int fd = node(c.pid, nodes[i], O_RDONLY);
        must(fd >= 0);
        must(fails(fd, PIOCBIS, (void *)S_SIG) == ENOTTY);
        close(fd);
    }
    must(fails(c.mem, _IO('p', 8), 0) == ENOTTY);
}

static void none(void)
{
    struct child c = child();
    struct procfs_status s;
    must(fails(c.mem, PIOCBIS, (void *)S_SIG) == ENOTTY);
    must(fails(c.mem, PIOCSTATUS, &s) == ENOTTY);
}

static void numbers(void)
{
    struct child c = child();
    unsigned long forms[] = {0x00007000, 0x20007000, 0x80007000, 0x20047000};
    for (int i = 0; i < 4; i++) {
        must(ioctl(c.mem, forms[i] + 1, S_EXIT | S_CORE) == 0 && status(c.mem).events == (S_EXIT | S_CORE));
        must(ioctl(c.mem, forms[i] + 2, S_CORE) == 0 && status(c.mem).events == S_EXIT);
        must(ioctl(c.mem, forms[i] + 3, PF_FORK) == 0 && status(c.mem).flags == PF_FORK);
        must(ioctl(c.mem, forms[i] + 5, 0) == 0);
        must(ioctl(c.mem, forms[i] + 2, ~0) == 0 && status(c.mem).events == 0);
        must(ioctl(c.mem, forms[i] + 3, 0) == 0);
    }
    unsigned char answer[64] = {0};
    must(ioctl(c.mem, PIOCSFL, PF_LINGER | PF_FORK) == 0);
    must(ioctl(c.mem, 0x80047007, answer) == 0 && answer[0] == (PF_LINGER | PF_FORK) && !answer[1] && !answer[4]);
    must(ioctl(c.mem, PIOCSFL, PF_FORK) == 0);
    must(ioctl(c.mem, 0x80207006, answer) == 0 && answer[0] == 1 && answer[4] == PF_FORK);
    must(ioctl(c.mem, 0x80147006, answer) == 0 && answer[0] == 1 && answer[4] == PF_FORK);
    unsigned long others[] = {0x40207004, 0x40147004, 0x40207006, 0x40147006, 0x40047007};
    for (int i = 0; i < 5; i++)
        must(fails(c.mem, others[i], answer) == ENOTTY);
    /* Bits without meaning are remembered. */
    must(ioctl(c.mem, PIOCBIS, 0x40000000) == 0 && status(c.mem).events == 0x40000000);
    must(ioctl(c.mem, PIOCBIC, ~0) == 0);
    tell(&c, 'n');
    done(&c, 'n');
}

/* Passes over what comes before a call: the end of the one that the child waited in, if that was seen to begin. */
static void until(struct child *c, unsigned long number)
{
    for (;;) {
        struct procfs_status s = wait_for(c->mem);
        if (s.why == S_SCE && registers(c->pid).ax == number)
            return;
        must((s.why == S_SCE || s.why == S_SCX) && ioctl(c->mem, PIOCCONT, 0) == 0);
    }
}

static void call(struct child *c, unsigned long number, unsigned long arguments, unsigned long result, int error)
{
    struct procfs_status s = wait_for(c->mem);
    must(s.why == S_SCE && s.val == arguments && s.state == 0);
    must(registers(c->pid).ax == number);
    must(ioctl(c->mem, PIOCCONT, 0) == 0);
    s = wait_for(c->mem);
    must(s.why == S_SCX && s.val == number);
    struct reg r = registers(c->pid);
    must(r.ax == result && (int)(r.flags & 1) == error);
    must(ioctl(c->mem, PIOCCONT, 0) == 0);
}

static void calls(void)
{
    struct child c = child();
    must(ioctl(c.mem, PIOCBIS, S_SCE | S_SCX) == 0);
    tell(&c, 'c');
    until(&c, SYS_getpid);
    for (int i = 0; i < 2; i++) {
        call(&c, SYS_getpid, 0, c.pid, 0);
        call(&c, SYS_close, 1, EBADF, 1);
    }
    call(&c, SYS_write, 3, 1, 0);
    done(&c, 'c');
    is(c.mem, S_SCE, 3);
    must(ioctl(c.mem, PIOCBIC, ~0) == 0);
    tell(&c, 'c');
    done(&c, 'c');
    must(status(c.mem).state == 1 && status(c.mem).why == 0 && status(c.mem).val == 0);
}

/* State letter. */
static char state(pid_t pid)
{
    char path[64], text[512] = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY);
    must(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return strrchr(text, ')')[2];
}

/* Returns when it waits in a call. */
static void asleep(pid_t pid)
{
    while (state(pid) != 'S')
        usleep(1000);
}

/* It waits for an order when these events are asked for. */
static void shows_the_end_of_its_read(struct child *c, int events)
{
    asleep(c->pid);
    must(ioctl(c->mem, PIOCBIS, events) == 0);
    tell(c, 'n');
    is(c->mem, S_SCX, SYS_read);
    must(ioctl(c->mem, PIOCBIC, ~0) == 0);
    if (status(c->mem).why)
        must(ioctl(c->mem, PIOCCONT, 0) == 0);
    done(c, 'n');
}

/* The call that the process is in when it is asked for ends as any other. */
static void inside(void)
{
    for (int events = S_SCX; events <= (S_SCX | S_SCE); events += S_SCE) {
        struct child c = child();
        /* Waits for an order. */
        for (int i = 0; i < 3; i++)
            shows_the_end_of_its_read(&c, events);
        /* In vfork. */
        tell(&c, 'v');
        done(&c, 'v');
        must(ioctl(c.mem, PIOCBIS, events) == 0);
        tell(&c, '.');
        struct procfs_status s = wait_for(c.mem);
        must(s.why == S_SCX && (s.val == SYS_vfork || s.val == SYS_clone) && registers(c.pid).ax > 1);
        must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
        done(&c, 'v');
        /* Sleeps. */
        tell(&c, 's');
        done(&c, 's');
        asleep(c.pid);
        must(ioctl(c.mem, PIOCBIS, events) == 0);
        s = wait_for(c.mem);
        must(s.why == S_SCX && registers(c.pid).ax == 0);
        must(s.val == SYS_nanosleep || s.val == SYS_clock_nanosleep || s.val == 407);
        must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
        done(&c, 's');
        /* Asks itself. */
        if (events == S_SCX) {
            tell(&c, 'b');
            s = wait_for(c.mem);
            must(s.why == S_SCX && s.val == SYS_ioctl && registers(c.pid).ax == 0);
            must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
            done(&c, 'b');
        }
        /* It was already being run from signal to signal. */
        asleep(c.pid);
        must(ioctl(c.mem, PIOCBIS, S_SIG) == 0);
        shows_the_end_of_its_read(&c, events);
        /* And stands on a signal that came in the call, which goes on behind it. */
        asleep(c.pid);
        must(ioctl(c.mem, PIOCBIS, S_SIG) == 0);
        kill(c.pid, SIGCONT);
        must(wait_for(c.mem).why == S_SIG);
        must(ioctl(c.mem, PIOCBIS, events) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
        tell(&c, 'n');
        while ((s = wait_for(c.mem)).why == S_SIG)
            must(ioctl(c.mem, PIOCCONT, 0) == 0);
        must(s.why == S_SCX && s.val == SYS_read);
        must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
        done(&c, 'n');
    }
}

static void execs(void)
{
    struct child c = child();
    must(ioctl(c.mem, PIOCBIS, S_EXEC | S_SCE | S_SCX | S_EXIT) == 0);
    tell(&c, 'e');
    until(&c, SYS_execve);
    is(c.mem, S_SCE, 3);
    is(c.mem, S_EXEC, 0);
    is(c.mem, S_SCX, SYS_execve);
    must(ioctl(c.mem, PIOCBIC, S_SCE | S_SCX) == 0);
    struct procfs_status s;
    while ((s = wait_for(c.mem)).why == S_SCE || s.why == S_SCX)
        must(ioctl(c.mem, PIOCCONT, 0) == 0);
    must(s.why == S_EXIT && s.val == 0);
    must(ioctl(c.mem, PIOCCONT, 0) == 0);
    must(ended(&c) == 0);

    /* Asked for in the midst of it: the end of a call is told with its number. */
    c = child();
    must(ioctl(c.mem, PIOCBIS, S_EXEC) == 0);
    tell(&c, 'e');
    must(wait_for(c.mem).why == S_EXEC && registers(c.pid).ax == 0);
    must(ioctl(c.mem, PIOCBIS, S_SCX) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
    s = wait_for(c.mem);
    must(s.why == S_SCX && s.val == SYS_execve);
    must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
    must(ended(&c) == 0);
}

static void ends(void)
{
    struct child c = child();
    must(ioctl(c.mem, PIOCBIS, S_EXIT) == 0);
    tell(&c, 'x');
    struct procfs_status s = wait_for(c.mem);
    must(s.why == S_EXIT && s.val == 3 << 8);
    /* Its memory is still there. */
    char text[8];
    must(pread(c.mem, text, sizeof text, (uintptr_t)&level) == sizeof text);
    must(waitpid(c.pid, 0, WNOHANG) == 0);
    must(ioctl(c.mem, PIOCCONT, 0) == 0);
    must(ended(&c) == 3 << 8);
    int gone = !strict ? ESRCH : level == 4 ? ENOTTY : EIO;
    must(fails(c.mem, PIOCSTATUS, &s) == gone && fails(c.mem, PIOCBIS, (void *)S_SIG) == gone);
    must(fails(c.mem, PIOCCONT, 0) == gone && fails(c.mem, PIOCGFL, &level) == gone);

    /* A signal to what is ending is dropped by the kernel, SIGKILL too. */
    for (int how = 0; how < 2; how++) {
        c = child();
        must(ioctl(c.mem, PIOCBIS, S_EXIT) == 0);
        tell(&c, 'x');
        must(wait_for(c.mem).why == S_EXIT);
        must(kill(c.pid, SIGKILL) == 0);
        must(status(c.mem).why == S_EXIT && waitpid(c.pid, 0, WNOHANG) == 0);
        if (how)
            must(ioctl(c.mem, PIOCCONT, 0) == 0);
        else
            close(c.mem);
        must(ended(&c) == 3 << 8);
    }

    c = child();
    must(ioctl(c.mem, PIOCBIS, S_EXIT) == 0);
    pid_t killer = fork();
    if (!killer) {
        usleep(50000);
        kill(c.pid, SIGKILL);
        _exit(0);
    }
    s = wait_for(c.mem);
    if (level == 4) {
        must(s.why == S_EXIT && s.val == SIGKILL);
        must(ioctl(c.mem, PIOCCONT, 0) == 0);
    } else
        must(s.why == 0 && s.state == 1);
    must(ended(&c) == SIGKILL);
}

static void cores(void)
{
    struct child c = child();
    must(ioctl(c.mem, PIOCBIS, S_SIG | S_CORE | S_EXIT) == 0);
    tell(&c, 'a');
    is(c.mem, S_SIG, SIGABRT);
    if (strict)
        is(c.mem, S_SIG, SIGABRT);
    is(c.mem, S_CORE, 0);
    struct procfs_status s = wait_for(c.mem);
    must(s.why == S_EXIT && (s.val & 0x7f) == SIGABRT);
    must(ioctl(c.mem, PIOCCONT, 0) == 0);
    int status = ended(&c);
    must(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void signals(void)
{
    struct child c = child();
    must(ioctl(c.mem, PIOCBIS, S_SIG) == 0);
    kill(c.pid, SIGUSR1);
    is(c.mem, S_SIG, SIGUSR1);
    if (strict)
        is(c.mem, S_SIG, SIGUSR1);
    /* One that does nothing stops once. */
    kill(c.pid, SIGCONT);
    is(c.mem, S_SIG, SIGCONT);
    if (level == 10) {
        kill(c.pid, SIGUSR2);
        kill(c.pid, SIGTERM);
        is(c.mem, S_SIG, SIGTERM);
    } else
        kill(c.pid, SIGTERM);
    if (level == 10 && strict)
        is(c.mem, S_SIG, SIGTERM);
    if (level == 4)
        is(c.mem, S_SIG, SIGTERM);
    if (level == 4 && strict)
        is(c.mem, S_SIG, SIGTERM);
    must(ended(&c) == SIGTERM);
}

static void conts(void)
{
    struct child c = child();
    int unstopped = level == 4 && strict ? EINVAL : 0;
    long signals[] = {0, SIGTERM, 65, -1};
    for (int i = 0; i < 4; i++)
        must(fails(c.mem, PIOCCONT, (void *)signals[i]) == unstopped);
    must(ioctl(c.mem, PIOCBIS, S_SIG) == 0);
    kill(c.pid, SIGCONT);
    struct procfs_status s = wait_for(c.mem);
    must(s.why == S_SIG && s.val == SIGCONT && s.state == unstopped / EINVAL);
    must(fails(c.mem, PIOCCONT, (void *)65L) == EINVAL && fails(c.mem, PIOCCONT, (void *)-1L) == EINVAL);
    /* Asking for nothing does not end a stop. */
    must(ioctl(c.mem, PIOCBIC, ~0) == 0 && status(c.mem).why == S_SIG);
    must(ioctl(c.mem, PIOCBIS, S_SIG) == 0);
    must(ioctl(c.mem, PIOCCONT, SIGTERM) == 0);
    s = wait_for(c.mem);
    must(s.why == S_SIG && s.val == SIGTERM);
    must(ioctl(c.mem, PIOCCONT, 0) == 0);
    if (strict) {
        must(wait_for(c.mem).val == SIGTERM);
        must(ioctl(c.mem, PIOCCONT, 0) == 0);
    }
    must(ended(&c) == SIGTERM);
}

static void stop(struct child *c)
{
    must(ioctl(c->mem, PIOCBIS, S_SIG) == 0);
    kill(c->pid, SIGCONT);
    must(wait_for(c->mem).why == S_SIG);
}

static void closes(void)
{
    /* Without PF_LINGER the last close ends all. */
    struct child c = child();
    stop(&c);
    close(c.mem);
    tell(&c, 'n');
    done(&c, 'n');
    c.mem = node(c.pid, "mem", O_RDWR);
    must(status(c.mem).events == 0 && status(c.mem).state == 1);

    /* A reader is one who has it open, and so is a child. */
    stop(&c);
    int reader = node(c.pid, "mem", O_RDONLY);
    pid_t holder = fork();
    if (!holder) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(reader);
        pause();
        _exit(0);
    }
    close(c.mem);
    must(state(c.pid) == 't');
    close(reader);
    must(state(c.pid) == 't');
    kill(holder, SIGKILL);
    must(waitpid(holder, 0, 0) == holder);
    tell(&c, 'n');
    done(&c, 'n');

    /* With it nothing changes. */
    c.mem = node(c.pid, "mem", O_RDWR);
    must(ioctl(c.mem, PIOCSFL, PF_LINGER) == 0);
    stop(&c);
    close(c.mem);
    tell(&c, 'n');
    c.mem = node(c.pid, "mem", O_RDONLY);
    struct procfs_status s = wait_for(c.mem);
    must(s.why == S_SIG && s.val == SIGCONT && s.flags == PF_LINGER && state(c.pid) == 't');
    must(ioctl(c.mem, PIOCCONT, 0) == 0);
    done(&c, 'n');
    must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCSFL, 0) == 0);
    tell(&c, 'n');
    done(&c, 'n');
}

/* Who holds the child ends by a signal, with PF_LINGER and without. */
static void crashes(void)
{
    struct child c = child();
    for (int linger = 0; linger < 2; linger++) {
        pid_t holder = fork();
        if (!holder) {
            close(c.mem);
            c.mem = node(c.pid, "mem", O_RDWR);
            must(ioctl(c.mem, PIOCSFL, linger ? PF_LINGER : 0) == 0);
            stop(&c);
            abort();
        }
        close(c.mem);
        int ending;
        must(waitpid(holder, &ending, 0) == holder && WIFSIGNALED(ending) && WTERMSIG(ending) == SIGABRT);
        tell(&c, 'n');
        if (!linger)
            done(&c, 'n');
        c.mem = node(c.pid, "mem", O_RDWR);
        must(status(c.mem).why == (linger ? S_SIG : 0));
    }
    /* SIGKILL ends it all the same. */
    kill(c.pid, SIGKILL);
    must(ended(&c) == SIGKILL);

    /* In a stop at the end, that is what it comes to. */
    c = child();
    must(ioctl(c.mem, PIOCBIS, S_EXIT | S_SIG) == 0);
    kill(c.pid, SIGCONT);
    must(wait_for(c.mem).why == S_SIG);
    kill(c.pid, SIGKILL);
    must(ended(&c) == SIGKILL);
}

/* The flags that the next child begins with. */
static unsigned int flags_of_next(struct child *c)
{
    pid_t pid;
    unsigned int flags = 99;
    tell(c, 'p');
    must(read(c->answers, &pid, sizeof pid) == sizeof pid);
    int mem = node(pid, "mem", O_RDONLY);
    must(mem >= 0 && ioctl(mem, PIOCGFL, &flags) == 0);
    close(mem);
    kill(pid, SIGKILL);
    done(c, 'p');
    return flags;
}

static void forks(void)
{
    /* The number of the child is known by its call's result. */
    struct child c = child();
    must(ioctl(c.mem, PIOCSFL, PF_FORK) == 0 && ioctl(c.mem, PIOCBIS, S_EXIT | S_SCX | S_SCE) == 0);
    tell(&c, 'f');
    pid_t made = 0;
    while (!made) {
        struct procfs_status s = wait_for(c.mem);
        if (s.why == S_SCX && (s.val == SYS_fork || s.val == 56 || s.val == 120 || s.val == 435))
            made = registers(c.pid).ax;
        if (!made)
            must(ioctl(c.mem, PIOCCONT, 0) == 0);
    }
    must(made > 1 && made != c.pid);
    int mem = node(made, "mem", O_RDWR);
    must(mem >= 0);
    struct procfs_status s = wait_for(mem);
    if (s.why != S_SCX || registers(made).ax != 0) {
        fprintf(stderr, "child: why %#x val %lu ax %#lx\n", s.why, s.val, (unsigned long)registers(made).ax);
        exit(1);
    }
    must((s.flags & PF_FORK) != 0 && s.events == (S_EXIT | S_SCX | S_SCE));
    must(ioctl(mem, PIOCBIC, S_SCX | S_SCE) == 0 && ioctl(mem, PIOCCONT, 0) == 0);
    must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
    is(mem, S_EXIT, 5 << 8);
    done(&c, 'f');

    /* The flag is inherited without any event, and is for nobody when nobody has the file open any more. */
    must(status(c.mem).events == 0 && status(c.mem).flags == PF_FORK);
    must(flags_of_next(&c) == PF_FORK);
    int flags = level == 4 ? PF_FORK : 0;
    int tries = 0;
    /* The kernel tells of a close when it has returned: an open may come before that. */
    do {
        close(c.mem);
        c.mem = node(c.pid, "mem", O_RDWR);
        must(c.mem >= 0 && status(c.mem).events == 0 && tries++ < 100);
    } while (status(c.mem).flags != flags);
    must(flags_of_next(&c) == 0);
    must(ioctl(c.mem, PIOCSFL, PF_FORK) == 0 && flags_of_next(&c) == PF_FORK);
    must(ioctl(c.mem, PIOCSFL, 0) == 0 && flags_of_next(&c) == 0);

    /* Without, a child is free. */
    must(ioctl(c.mem, PIOCBIS, S_EXIT) == 0);
    tell(&c, 'f');
    done(&c, 'f');
}

static void interrupted(int signal)
{
    (void)signal;
}

static void waits(void)
{
    struct child c = child();
    /* Of oneself. */
    int mem = node(getpid(), "mem", O_RDWR);
    struct procfs_status s;
    must(fails(mem, PIOCWAIT, &s) == EDEADLK);
    must(ioctl(mem, PIOCBIS, S_EXEC | S_EXIT) == 0 && status(mem).events == (S_EXEC | S_EXIT));
    must(ioctl(mem, PIOCBIC, ~0) == 0 && status(mem).events == 0);
    close(mem);
    /* Broken off. */
    must(ioctl(c.mem, PIOCBIS, S_SIG) == 0);
    struct sigaction sa = {.sa_handler = interrupted};
    sigaction(SIGALRM, &sa, 0);
    ualarm(50000, 0);
    must(fails(c.mem, PIOCWAIT, &s) == EINTR);
    /* While somebody waits, the waiter itself is stopped for a moment, and waits on. */
    pid_t waiter = fork();
    if (!waiter) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        s = wait_for(c.mem);
        _exit(s.why == S_SIG && s.val == SIGUSR1 ? 0 : 1);
    }
    int own = node(waiter, "mem", O_RDWR);
    must(ioctl(own, PIOCBIS, S_SCX) == 0);
    must(ioctl(own, PIOCBIC, ~0) == 0);
    if (status(own).why)
        must(ioctl(own, PIOCCONT, 0) == 0);
    kill(c.pid, SIGUSR1);
    int ending;
    must(waitpid(waiter, &ending, 0) == waiter && ending == 0);
    must(ioctl(c.mem, PIOCBIC, ~0) == 0 && ioctl(c.mem, PIOCCONT, 0) == 0);
    tell(&c, 'n');
    done(&c, 'n');
}

/* Tracing by ctl and events are two things, one within the other. */
static void nested(void)
{
    struct child c = child();
    int ctl = node(c.pid, "ctl", O_WRONLY);
    must(ctl >= 0);
    order(ctl, "attach");
    order(ctl, "wait");
    order(ctl, "run");
    must(ioctl(c.mem, PIOCBIS, S_SIG) == 0);
    kill(c.pid, SIGUSR1);
    is(c.mem, S_SIG, SIGUSR1);
    order(ctl, "wait");
    order(ctl, "usr1");
    if (strict)
        is(c.mem, S_SIG, SIGUSR1);
    kill(c.pid, SIGTERM);
    is(c.mem, S_SIG, SIGTERM);
    order(ctl, "wait");
    order(ctl, "run");
    tell(&c, 'n');
    done(&c, 'n');
    kill(c.pid, SIGCONT);
    must(wait_for(c.mem).val == SIGCONT);
    /* In FreeBSD 10 detach takes the mask away, which does not end what is shown. */
    order(ctl, "detach");
    must(status(c.mem).events == (level == 10 ? 0 : S_SIG));
    is(c.mem, S_SIG, SIGCONT);
    kill(c.pid, SIGUSR1);
    if (level == 10) {
        must(status(c.mem).why == 0);
    } else {
        is(c.mem, S_SIG, SIGUSR1);
    }
    close(c.mem);
    tell(&c, 'n');
    done(&c, 'n');
}

/* A program that tries it out: what has stopped itself is asked for events, and let go of none; a signal makes it go on. */
static void probe(void)
{
    struct child c = child();
    kill(c.pid, SIGSTOP);
    while (state(c.pid) != 'T')
        usleep(1000);
    must(ioctl(c.mem, PIOCBIS, S_SCE) == 0);
    must(fails(c.mem, PIOCCONT, (void *)1L) == (level == 4 && strict ? EINVAL : 0));
    must(status(c.mem).why == 0);
    usleep(20000);
    must(strchr("tT", state(c.pid)));
    tell(&c, 'n');
    kill(c.pid, SIGCONT);
    struct procfs_status s = wait_for(c.mem);
    must(s.why == S_SCE);
    close(c.mem);
    done(&c, 'n');
}

/* As strace looks at a process that waits: polling, until a signal has made it stop. */
static void polled(void)
{
    struct child c = child();
    unsigned int now = 99;
    asleep(c.pid);
    must(ioctl(c.mem, PIOCGFL, &now) == 0 && now == 0);
    must(ioctl(c.mem, PIOCSFL, now & ~PF_LINGER) == 0);
    must(ioctl(c.mem, PIOCBIS, S_SIG | S_SCE | S_SCX) == 0);
    kill(c.pid, SIGCONT);
    while (status(c.mem).why == 0)
        usleep(1000);
    is(c.mem, S_SIG, SIGCONT);
    tell(&c, 'c');
    /* The call that it was in goes on, and ends. */
    is(c.mem, S_SCX, SYS_read);
    for (int i = 0; i < 2; i++) {
        call(&c, SYS_getpid, 0, c.pid, 0);
        call(&c, SYS_close, 1, EBADF, 1);
    }
    /* By itself. */
    must(ioctl(c.mem, PIOCBIC, ~0) == 0);
    if (status(c.mem).why)
        must(ioctl(c.mem, PIOCCONT, 0) == 0);
    done(&c, 'c');
    int own = node(getpid(), "mem", O_RDWR);
    must(own >= 0 && ioctl(own, PIOCBIS, S_EXIT | S_CORE) == 0 && ioctl(own, PIOCBIC, ~0) == 0);
}

/* PF_ISUGID is for the privileged; more[0] is a user who is not. */
static void flags(void)
{
    struct child c = child();
    must(ioctl(c.mem, PIOCSFL, PF_ISUGID) == 0);
    unsigned int now = 99;
    must(ioctl(c.mem, PIOCGFL, &now) == 0 && now == PF_ISUGID);
    must(setgid(atoi(more[0])) == 0 && setuid(atoi(more[0])) == 0);
    prctl(PR_SET_DUMPABLE, 1);
    c = child();
    must(ioctl(c.mem, PIOCSFL, PF_FORK) == 0);
    must(fails(c.mem, PIOCSFL, (void *)PF_ISUGID) == EPERM);
    must(ioctl(c.mem, PIOCGFL, &now) == 0 && now == PF_FORK);
}

int main(int argc, char **argv)
{
    must(argc >= 4);
    mounted = argv[1];
    level = atoi(argv[2]);
    more = argv + 4;
    strict = more[0] && !strcmp(more[0], "strictly");
    struct {
        const char *name;
        void (*run)(void);
    } cases[] = {
        {"elsewhere", elsewhere}, {"none", none},       {"numbers", numbers}, {"calls", calls},     {"execs", execs},
        {"ends", ends},           {"cores", cores},     {"signals", signals}, {"conts", conts},     {"closes", closes},
        {"crashes", crashes},     {"forks", forks},     {"waits", waits},     {"nested", nested},   {"flags", flags},
        {"inside", inside},
        {"probe", probe},
        {"polled", polled},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(cases[i].name, argv[3])) {
            cases[i].run();
            return 0;
        }
    return 2;
}
