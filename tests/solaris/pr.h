/*
 * What the programs here have in common that control processes through a mount of the flavour `solaris`. Each is started as
 * PROGRAM MOUNT CASE [...], forks the processes that it controls, and says what is wrong and where.
 */
#ifndef PR_H
#define PR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/types.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <procfs.h>
#include <sys/fault.h>
#include <sys/syscall.h>

/* Words of the page that a process shares with its controller. */
enum { COUNT, READY = 1, GO = 2, ERRORS = 3, HELP = 4, LAST = 5, TIDS = 16, SIGNALS = 128, WORDS = 1024 };

/* A process that we started. */
struct proc {
	pid_t pid;
	int ctl, st;
	volatile long *word;
};

static const char *mnt;
static char **arguments;

static void fail_at(int line, const char *what)
{
	int e = errno;

	fprintf(stderr, "line %d: not true: %s (errno %d: %s)\n", line, what, e, strerror(e));
	exit(1);
}

#define CHECK(c) ((c) ? (void)0 : fail_at(__LINE__, #c))

/* The two are the same number. */
#define SAME(a, b) same_at(__LINE__, #a, (long)(a), (long)(b))
static void same_at(int line, const char *what, long is, long want)
{
	if (is == want)
		return;
	fprintf(stderr, "line %d: %s is %ld (%#lx), not %ld (%#lx)\n", line, what, is, is, want, want);
	exit(1);
}

static inline void pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* Waits until it holds, for less than a minute. */
#define EVENTUALLY(c) do { \
	int ticks_ = 0; \
	while (!(c)) { \
		if (++ticks_ > 15000) \
			fail_at(__LINE__, "in time: " #c); \
		pause_ms(1); \
	} \
} while (0)

/* Messages for one write. */
struct msg {
	size_t n;
	char b[16384];
};

static inline void add(struct msg *m, const void *p, size_t n)
{
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

static inline void add_long(struct msg *m, long n)
{
	add(m, &n, sizeof n);
}

/* Writes and empties it: 0, or the errno. A short count is 9999. */
static inline int put(int fd, struct msg *m)
{
	ssize_t r = write(fd, m->b, m->n);
	int e = r == (ssize_t)m->n ? 0 : r < 0 ? errno : 9999;

	m->n = 0;
	return e;
}

/* One message. */
static inline int give(int fd, long code, const void *operand, size_t n)
{
	static __thread struct msg m;

	m.n = 0;
	add_long(&m, code);
	if (n)
		add(&m, operand, n);
	return put(fd, &m);
}

static inline int give_long(int fd, long code, long n)
{
	return give(fd, code, &n, sizeof n);
}

#define PUT(p, code) give((p)->ctl, code, NULL, 0)
#define PUTL(p, code, n) give_long((p)->ctl, code, n)
#define PUTP(p, code, object) give((p)->ctl, code, &(object), sizeof (object))

static inline const char *path_of(pid_t pid, const char *name)
{
	static __thread char path[4096];

	snprintf(path, sizeof path, "%s/%d/%s", mnt, (int)pid, name);
	return path;
}

/* Opens a file of the process. */
static inline int open_of(pid_t pid, const char *name, int flags)
{
	int fd = open(path_of(pid, name), flags | O_CLOEXEC);

	if (fd < 0)
		fail_at(__LINE__, path_of(pid, name));
	return fd;
}

static inline int open_lwp(pid_t pid, long lwp, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof path, "lwp/%ld/%s", lwp, name);
	return open_of(pid, path, flags);
}

/* How the process stands, in a buffer that the next call of the thread overwrites. */
#define status(p) status_at(__LINE__, p)
static inline pstatus_t *status_at(int line, const struct proc *p)
{
	static __thread pstatus_t s;

	if (pread(p->st, &s, sizeof s, 0) != sizeof s)
		fail_at(line, "status can be read");
	return &s;
}

/* How an lwp stands, the same. */
#define lwpstatus(p, lwp) lwpstatus_at(__LINE__, p, lwp)
static inline lwpstatus_t *lwpstatus_at(int line, const struct proc *p, long lwp)
{
	static __thread lwpstatus_t s;
	int fd = open_lwp(p->pid, lwp, "lwpstatus", O_RDONLY);

	if (pread(fd, &s, sizeof s, 0) != sizeof s)
		fail_at(line, "lwpstatus can be read");
	close(fd);
	return &s;
}

/* It is stopped for this reason. */
#define STOPPED(p, why, what) stopped_at(__LINE__, &status(p)->pr_lwp, why, what)
#define LWP_STOPPED(p, lwp, why, what) stopped_at(__LINE__, lwpstatus(p, lwp), why, what)
static inline void stopped_at(int line, const lwpstatus_t *s, int why, int what)
{
	if ((s->pr_flags & (PR_STOPPED | PR_ISTOP)) == (PR_STOPPED | PR_ISTOP) && s->pr_why == why && s->pr_what == what)
		return;
	fprintf(stderr, "line %d: lwp %d: flags %#x why %d what %d, not why %d what %d\n", line, (int)s->pr_lwpid,
	    s->pr_flags, s->pr_why, s->pr_what, why, what);
	exit(1);
}

#define IS_STOPPED(p) (status(p)->pr_flags & PR_ISTOP)
#define RUNS(p) runs_at(__LINE__, p)
static inline void runs_at(int line, const struct proc *p)
{
	long was = p->word[COUNT];
	int ticks = 0;

	while (p->word[COUNT] == was) {
		if (++ticks > 15000)
			fail_at(line, "it runs");
		pause_ms(1);
	}
}

/* It does not run for a while. */
#define STANDS(p) stands_at(__LINE__, p)
static inline void stands_at(int line, const struct proc *p)
{
	long was = p->word[COUNT];

	pause_ms(10);
	if (p->word[COUNT] != was)
		fail_at(line, "it stands");
}

static inline volatile long *share(void)
{
	void *page = mmap(NULL, WORDS * sizeof (long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	return page;
}

static inline void attach(struct proc *p, int flags)
{
	p->ctl = open_of(p->pid, "ctl", O_WRONLY | flags);
	p->st = open_of(p->pid, "status", O_RDONLY);
}

/* Starts a process that does this, and waits until it has said that it is ready. */
static inline struct proc start_closed(void (*body)(volatile long *))
{
	struct proc p = { 0, -1, -1, share() };

	p.pid = fork();
	CHECK(p.pid >= 0);
	if (p.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(p.word);
		_exit(97);
	}
	EVENTUALLY(p.word[READY]);
	return p;
}

static inline struct proc start(void (*body)(volatile long *))
{
	struct proc p = start_closed(body);

	attach(&p, 0);
	return p;
}

/* Kills it, takes its status and closes. */
static inline void end(struct proc *p)
{
	int wstat;

	kill(p->pid, SIGKILL);
	CHECK(waitpid(p->pid, &wstat, 0) == p->pid);
	close(p->ctl);
	close(p->st);
	munmap((void *)p->word, WORDS * sizeof (long));
}

static inline long own_lwp(void)
{
	return syscall(SYS_gettid);
}

/* ---- what processes do ---- */

static inline void spin(volatile long *w)
{
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

/* Makes calls; each wrong answer is counted. */
static inline void calls(volatile long *w)
{
	pid_t parent = getppid();

	w[READY] = 1;
	for (;;) {
		w[COUNT]++;
		errno = 0;
		w[LAST] = syscall(SYS_getppid);
		if (w[LAST] != parent)
			w[ERRORS]++;
	}
}

/* Sleeps in a call that is not made again after a handler; returns are counted. */
static inline void sleeper(volatile long *w)
{
	w[READY] = 1;
	for (;;) {
		pause();
		w[COUNT]++;
	}
}

static volatile long *volatile logged;

static inline void logger(int sig)
{
	logged[SIGNALS + sig]++;
	logged[HELP]++;
}

/* Counts, and counts signals by their numbers. */
static inline void logs(volatile long *w)
{
	static const int fine[] = { SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTERM, SIGALRM, SIGPIPE, SIGCHLD, SIGSEGV, SIGTRAP, SIGFPE, SIGILL, SIGBUS, SIGCONT, SIGTSTP };
	struct sigaction sa;

	logged = w;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = logger;
	for (unsigned i = 0; i < sizeof fine / sizeof *fine; i++)
		if (sigaction(fine[i], &sa, NULL) < 0)
			_exit(96);
	for (int sig = 34; sig <= 64; sig++)
		if (sigaction(sig, &sa, NULL) < 0 && errno != EINVAL)
			_exit(95);
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

static void *counting(void *at)
{
	volatile long *w = at;

	w[1] = own_lwp();
	for (;;)
		w[0]++;
	return NULL;
}

/* Four lwps: lwp i counts in word TIDS + 2i, the first in word COUNT; the word behind TIDS + 2i is the id of lwp i. */
static inline void crowd(volatile long *w)
{
	pthread_t t;

	w[TIDS + 1] = own_lwp();
	for (int i = 1; i < 4; i++)
		if (pthread_create(&t, NULL, counting, (void *)(w + TIDS + 2 * i)) != 0)
			_exit(94);
	for (int i = 1; i < 4; i++)
		while (!w[TIDS + 2 * i + 1])
			sched_yield();
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

/* ---- cases ---- */

struct test {
	const char *name;
	void (*run)(void);
};

#define CASES(...) \
	static const struct test tests[] = { __VA_ARGS__ }; \
	int main(int argc, char **argv) \
	{ \
		if (argc < 3) \
			return 2; \
		mnt = argv[1]; \
		arguments = argv; \
		setvbuf(stderr, NULL, _IONBF, 0); \
		alarm(150); \
		for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) \
			if (!strcmp(tests[i].name, argv[2])) { \
				tests[i].run(); \
				return 0; \
			} \
		fprintf(stderr, "no case %s\n", argv[2]); \
		return 2; \
	}

#endif
