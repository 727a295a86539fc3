/* pr_action: what the current signal will do. */
#include "pr.h"

static void handler(int sig)
{
	logged[SIGNALS + sig]++;
}

static void handles(volatile long *w)
{
	struct sigaction sa;

	logged = w;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = handler;
	sa.sa_flags = SA_RESTART;
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, SIGHUP);
	sigaddset(&sa.sa_mask, 40);
	if (sigaction(SIGUSR1, &sa, NULL) < 0)
		_exit(96);
	signal(SIGUSR2, SIG_IGN);
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

/* Sends a signal that is traced and looks at what it will do. */
static struct pr_sigaction of(struct proc *p, int sig)
{
	struct pr_sigaction action;

	kill(p->pid, sig);
	SAME(PUT(p, PCWSTOP), 0);
	STOPPED(p, PR_SIGNALLED, sig);
	action = status(p)->pr_lwp.pr_action;
	SAME(memcmp(&lwpstatus(p, p->pid)->pr_action, &action, sizeof action), 0);
	STOPPED(p, PR_SIGNALLED, sig);
	return action;
}

static void current(void)
{
	struct proc p = start(handles);
	struct pr_sigaction action;
	sigset_t all;

	prfillset(&all);
	SAME(PUTP(&p, PCSTRACE, all), 0);
	action = of(&p, SIGUSR1);
	CHECK((uintptr_t)action.sa_handler == (uintptr_t)handler);
	SAME(action.sa_flags & PRSA_RESTART, PRSA_RESTART);
	for (int sig = 1; sig <= 64; sig++)
		SAME(!!prismember(&action.sa_mask, sig), sig == SIGHUP || sig == 40);
	SAME(p.word[SIGNALS + SIGUSR1], 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR1] == 1);
	action = of(&p, SIGUSR2);
	CHECK((uintptr_t)action.sa_handler == (uintptr_t)SIG_IGN);
	SAME(PUTL(&p, PCRUN, 0), 0);
	action = of(&p, SIGTERM);
	CHECK((uintptr_t)action.sa_handler == (uintptr_t)SIG_DFL);
	SAME(PUTL(&p, PCRUN, PRCSIG), 0);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGUSR1], 1);
	end(&p);
}

/* sigact, of a process that stands and of one that runs. */
static void all_of_them(void)
{
	struct proc p = start(handles);
	struct pr_sigaction all[74];
	int fd = open_of(p.pid, "sigact", O_RDONLY);

	for (int i = 0; i < 20; i++) {
		SAME(PUT(&p, PCSTOP), 0);
		SAME(pread(fd, all, sizeof all, 0), sizeof all);
		for (int sig = 1; sig <= 64; sig++) {
			if (sig == 32 || sig == 33)
				continue; /* The C library's own. */
			/* What it has not changed it has from us. */
			struct sigaction own = { 0 };
			(void)sigaction(sig, NULL, &own);
			uintptr_t want = sig == SIGUSR1 ? (uintptr_t)handler : sig == SIGUSR2 ? (uintptr_t)SIG_IGN : (uintptr_t)own.sa_handler;
			SAME((uintptr_t)all[sig - 1].sa_handler, want);
		}
		SAME(all[SIGUSR1 - 1].sa_flags, PRSA_RESTART);
		CHECK(prismember(&all[SIGUSR1 - 1].sa_mask, 40));
		STOPPED(&p, PR_REQUESTED, 0);
		STANDS(&p);
		SAME(PUTL(&p, PCRUN, 0), 0);
		RUNS(&p);
	}
	SAME(pread(fd, all, sizeof all, 0), sizeof all);
	CHECK((uintptr_t)all[SIGUSR2 - 1].sa_handler == (uintptr_t)SIG_IGN);
	CHECK((uintptr_t)all[SIGUSR1 - 1].sa_handler > 1);
	kill(p.pid, SIGUSR1);
	EVENTUALLY(p.word[SIGNALS + SIGUSR1] == 1);
	end(&p);

	/* One that sleeps is not disturbed. */
	p = start(sleeper);
	close(fd);
	fd = open_of(p.pid, "sigact", O_RDONLY);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(pread(fd, all, sizeof all, 0), sizeof all);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(p.word[COUNT], 0);
	end(&p);
}

CASES({ "all_of_them", all_of_them }, { "current", current })
