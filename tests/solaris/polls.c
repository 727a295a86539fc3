/* poll(2) on the files of a process and of an lwp. */
#include "pr.h"

#include <sys/epoll.h>

#define STOP_EVENTS (POLLPRI | POLLOUT | POLLWRNORM)

static int look(int fd, int events, int ms)
{
	struct pollfd f = { fd, (short)events, 0 };
	int n = poll(&f, 1, ms);

	return n <= 0 ? n : f.revents;
}

static void a_stop(void)
{
	struct proc p = start(spin);

	SAME(look(p.st, POLLIN | POLLRDNORM, 0), POLLIN | POLLRDNORM);
	SAME(look(p.st, POLLPRI, 0), 0);
	SAME(look(p.st, POLLPRI, 20), 0);
	SAME(look(p.ctl, POLLPRI, 0), 0);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(look(p.st, POLLPRI, 0), POLLPRI);
	SAME(look(p.ctl, STOP_EVENTS, 0), STOP_EVENTS);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(look(p.st, POLLPRI, 0), 0);
	/* It wakes who waits, again and again. */
	for (int i = 0; i < 20; i++) {
		SAME(PUT(&p, PCDSTOP), 0);
		SAME(look(i % 2 ? p.st : p.ctl, POLLPRI, -1), POLLPRI);
		STOPPED(&p, PR_REQUESTED, 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	end(&p);
}

static void an_event(void)
{
	struct proc p = start(logs), q = start(spin);
	sigset_t set;

	premptyset(&set);
	praddset(&set, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	for (int i = 0; i < 10; i++) {
		struct pollfd f[] = { { q.st, POLLPRI, 0 }, { p.st, POLLPRI, 0 } };
		pid_t child = fork();

		if (child == 0) {
			pause_ms(5);
			kill(p.pid, SIGUSR1);
			_exit(0);
		}
		SAME(poll(f, 2, -1), 1);
		SAME(f[0].revents, 0);
		SAME(f[1].revents, POLLPRI);
		STOPPED(&p, PR_SIGNALLED, SIGUSR1);
		SAME(PUTL(&p, PCRUN, PRCSIG), 0);
		SAME(waitpid(child, NULL, 0), child);
	}
	/* Job control is no event stop. */
	kill(q.pid, SIGSTOP);
	SAME(waitpid(q.pid, NULL, WUNTRACED), q.pid);
	SAME(look(q.st, POLLPRI, 10), 0);
	end(&p);
	end(&q);
}

static void an_end(void)
{
	struct proc p = start(spin);
	int psinfo = open_of(p.pid, "psinfo", O_RDONLY);
	pid_t child = fork();

	if (child == 0) {
		pause_ms(20);
		kill(p.pid, SIGKILL);
		_exit(0);
	}
	SAME(look(p.st, POLLPRI, -1), POLLHUP);
	SAME(waitpid(child, NULL, 0), child);
	/* A zombie. */
	SAME(look(p.ctl, POLLPRI, -1), POLLHUP);
	SAME(look(psinfo, POLLPRI, -1), POLLHUP);
	SAME(waitpid(p.pid, NULL, 0), p.pid);
	SAME(look(p.st, POLLPRI, -1), POLLHUP);
	SAME(look(psinfo, POLLIN, -1), POLLHUP);
}

static void an_end_of_a_controlled_process(void)
{
	struct proc p = start(spin);

	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(look(p.st, POLLPRI, 0), 0);
	pid_t child = fork();
	if (child == 0) {
		pause_ms(20);
		kill(p.pid, SIGKILL);
		_exit(0);
	}
	SAME(look(p.ctl, POLLPRI, -1), POLLHUP);
	SAME(waitpid(child, NULL, 0), child);
	end(&p);
}

static void an_lwp(void)
{
	struct proc p = start(crowd);
	int ctl = open_lwp(p.pid, p.word[TIDS + 3], "lwpctl", O_WRONLY);
	int st = open_lwp(p.pid, p.word[TIDS + 3], "lwpstatus", O_RDONLY);
	int other = open_lwp(p.pid, p.word[TIDS + 5], "lwpstatus", O_RDONLY);

	SAME(look(st, POLLPRI, 0), 0);
	SAME(give(ctl, PCDSTOP, NULL, 0), 0);
	SAME(look(st, POLLPRI, -1), POLLPRI);
	SAME(look(ctl, POLLPRI, -1), POLLPRI);
	SAME(look(other, POLLPRI, 0), 0);
	SAME(look(p.st, POLLPRI, 0), 0);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(look(other, POLLPRI, 0), POLLPRI);
	SAME(look(p.st, POLLPRI, 0), POLLPRI);
	end(&p);
}

static void *until_told(void *at)
{
	volatile long *w = at;

	w[TIDS] = own_lwp();
	while (!w[GO])
		pause_ms(1);
	return NULL;
}

static void one_that_goes(volatile long *w)
{
	pthread_t t;

	if (pthread_create(&t, NULL, until_told, (void *)w) != 0)
		_exit(94);
	while (!w[TIDS])
		sched_yield();
	spin(w);
}

/* Of an lwp alone, while its process goes on, controlled or not, for who may control it and for who may not. */
static void an_end_of_an_lwp(void)
{
	static const char *const names[] = { "lwpstatus", "lwpctl", "lwpsinfo", "lwpusage" };

	for (unsigned i = 0; i < 8; i++) {
		struct proc p = start(one_that_goes);
		int fd = open_lwp(p.pid, p.word[TIDS], names[i % 4], i % 4 == 1 ? O_WRONLY : O_RDONLY);
		sysset_t set;
		pid_t child;

		if (i / 4) {
			premptyset(&set);
			praddset(&set, SYS_getppid);
			SAME(PUTP(&p, PCSENTRY, set), 0);
		}
		SAME(look(fd, POLLPRI, 5), 0);
		child = fork();
		if (child == 0) {
			pause_ms(20);
			p.word[GO] = 1;
			_exit(0);
		}
		SAME(look(fd, POLLPRI, -1), POLLHUP);
		SAME(look(p.st, POLLPRI, 0), 0);
		RUNS(&p);
		SAME(waitpid(child, NULL, 0), child);
		close(fd);
		end(&p);
	}
}

/* epoll(7) tells each stop once, and tells each. */
static void edges(void)
{
	struct proc p = start(logs);
	int set = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLPRI | EPOLLET };
	sigset_t signals;

	SAME(epoll_ctl(set, EPOLL_CTL_ADD, p.st, &e), 0);
	premptyset(&signals);
	praddset(&signals, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, signals), 0);
	for (int i = 0; i < 10; i++) {
		kill(p.pid, SIGUSR1);
		SAME(epoll_wait(set, &e, 1, 10000), 1);
		SAME(e.events, EPOLLPRI);
		STOPPED(&p, PR_SIGNALLED, SIGUSR1);
		SAME(epoll_wait(set, &e, 1, 5), 0);
		SAME(PUTL(&p, PCRUN, PRCSIG), 0);
		SAME(epoll_wait(set, &e, 1, 5), 0);
	}
	close(set);
	end(&p);
}

CASES({ "a_stop", a_stop }, { "an_event", an_event }, { "an_end", an_end },
    { "an_end_of_a_controlled_process", an_end_of_a_controlled_process }, { "an_lwp", an_lwp },
    { "an_end_of_an_lwp", an_end_of_an_lwp }, { "edges", edges })
