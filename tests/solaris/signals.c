/* Signals of every kind, told and delivered, and their siginfo. */
#include "pr.h"

static void all_kinds(volatile long *w)
{
	struct sigaction sa;

	logged = w;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = logger;
	for (int sig = 1; sig <= 64; sig++)
		sigaction(sig, &sa, NULL);
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

static int of_libc(int sig)
{
	return sig == SIGKILL || sig == SIGSTOP || sig == 32 || sig == 33;
}

static void each(void)
{
	struct proc p = start(all_kinds);
	sigset_t all;

	prfillset(&all);
	SAME(PUTP(&p, PCSTRACE, all), 0);
	for (int round = 0; round < 2; round++)
		for (int sig = 1; sig <= 64; sig++) {
			if (of_libc(sig))
				continue;
			kill(p.pid, sig);
			SAME(PUT(&p, PCWSTOP), 0);
			STOPPED(&p, PR_SIGNALLED, sig);
			SAME(status(&p)->pr_lwp.pr_cursig, sig);
			SAME(status(&p)->pr_lwp.pr_info.si_signo, sig);
			SAME(status(&p)->pr_lwp.pr_info.si_code, SI_USER);
			SAME(status(&p)->pr_lwp.pr_info.si_pid, getpid());
			SAME(PUTL(&p, PCRUN, round ? PRCSIG : 0), 0);
			if (!round)
				EVENTUALLY(p.word[SIGNALS + sig] == 1);
		}
	RUNS(&p);
	for (int sig = 1; sig <= 64; sig++)
		if (!of_libc(sig))
			SAME(p.word[SIGNALS + sig], 1);
	end(&p);
}

static void queued(void)
{
	struct proc p = start(all_kinds);
	sigset_t all;

	prfillset(&all);
	SAME(PUTP(&p, PCSTRACE, all), 0);
	SAME(PUT(&p, PCSTOP), 0);
	for (int i = 0; i < 50; i++) {
		union sigval v;

		v.sival_int = i;
		SAME(sigqueue(p.pid, 40, v), 0);
	}
	SAME(PUTL(&p, PCRUN, 0), 0);
	for (int i = 0; i < 50; i++) {
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SIGNALLED, 40);
		SAME(status(&p)->pr_lwp.pr_info.si_code, SI_QUEUE);
		SAME(status(&p)->pr_lwp.pr_info.si_value.sival_int, i);
		SAME(PUTL(&p, PCRUN, i % 2 ? PRCSIG : 0), 0);
	}
	EVENTUALLY(p.word[SIGNALS + 40] == 25);
	RUNS(&p);
	SAME(p.word[SIGNALS + 40], 25);
	end(&p);
}

static void codes(volatile long *w)
{
	timer_t timer;
	struct sigevent event;
	struct itimerspec soon = { { 0, 0 }, { 0, 10000000 } };
	union sigval v;

	logged = w;
	signal(SIGUSR1, logger);
	signal(SIGUSR2, logger);
	signal(SIGALRM, logger);
	signal(SIGCHLD, logger);
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	syscall(SYS_tgkill, getpid(), own_lwp(), SIGUSR1);
	v.sival_int = 9;
	sigqueue(getpid(), SIGUSR2, v);
	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGALRM;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &soon, NULL) != 0)
		_exit(9);
	while (w[SIGNALS + SIGALRM] == 0)
		w[COUNT]++;
	pid_t child = fork();
	if (child == 0)
		_exit(7);
	w[LAST] = child;
	for (;;)
		w[COUNT]++;
}

/* Codes are Solaris' numbers. */
static void senders(void)
{
	struct proc p = start(codes);
	sigset_t set;
	static const struct { int sig, code; } want[] = {
		{ SIGUSR1, SI_LWP }, { SIGUSR2, SI_QUEUE }, { SIGALRM, SI_TIMER }, { SIGCHLD, CLD_EXITED },
	};

	SAME(SI_LWP, -1);
	SAME(SI_QUEUE, -2);
	SAME(SI_TIMER, -3);
	prfillset(&set);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	p.word[GO] = 1;
	for (int i = 0; i < 4; i++) {
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SIGNALLED, want[i].sig);
		siginfo_t *info = &status(&p)->pr_lwp.pr_info;
		SAME(info->si_code, want[i].code);
		if (i == 1)
			SAME(info->si_value.sival_int, 9);
		if (i == 3)
			SAME(info->si_status, 7);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	RUNS(&p);
	end(&p);
}

/* A signal ends a call that sleeps: stop before the signal, then the end of the call. */
static void pauses(volatile long *w)
{
	logged = w;
	signal(SIGUSR1, logger);
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = logger;
	sigaction(SIGUSR1, &sa, NULL);
	w[READY] = 1;
	for (;;) {
		if (pause() != -1 || errno != EINTR)
			w[ERRORS]++;
		w[COUNT]++;
	}
}

static void in_a_sleeping_call(void)
{
	struct proc p = start(pauses);
	sigset_t sigs;
	sysset_t set;

	premptyset(&sigs);
	praddset(&sigs, SIGUSR1);
	premptyset(&set);
	praddset(&set, SYS_pause);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	for (int i = 0; i < 20; i++) {
		kill(p.pid, SIGUSR1);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SIGNALLED, SIGUSR1);
		SAME(status(&p)->pr_lwp.pr_syscall, SYS_pause);
		CHECK(status(&p)->pr_flags & PR_ASLEEP);
		/* Cleared, it sleeps on. */
		SAME(PUTL(&p, PCRUN, PRCSIG), 0);
		EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
		SAME(p.word[COUNT], i);
		kill(p.pid, SIGUSR1);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SIGNALLED, SIGUSR1);
		SAME(PUTL(&p, PCRUN, 0), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SYSEXIT, SYS_pause);
		SAME(status(&p)->pr_lwp.pr_errno, EINTR);
		SAME(PUTL(&p, PCRUN, 0), 0);
		EVENTUALLY(p.word[COUNT] == i + 1 && (status(&p)->pr_flags & PR_ASLEEP));
	}
	SAME(p.word[SIGNALS + SIGUSR1], 20);
	SAME(p.word[ERRORS], 0);
	end(&p);
}

/* A step into a handler, of a program that blocks the signals of steps: behind the handler it still does. */
static void stepped_into_a_handler(void)
{
	const int signals[] = { SIGUSR1, SIGTERM, 40 };
	struct proc p = start(logs);
	fltset_t faults;
	sigset_t held;
	siginfo_t info;

	premptyset(&faults);
	praddset(&faults, FLTTRACE);
	premptyset(&held);
	praddset(&held, SIGTRAP);
	praddset(&held, SIGUSR1);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTP(&p, PCSHOLD, held), 0);
	memset(&info, 0, sizeof info);
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
		unsigned long pc = status(&p)->pr_lwp.pr_reg[R_PC];
		sigset_t inside = held;

		info.si_signo = signals[i];
		SAME(PUTP(&p, PCSSIG, info), 0);
		SAME(PUTL(&p, PCRUN, PRSTEP), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_FAULTED, FLTTRACE);
		CHECK((unsigned long)status(&p)->pr_lwp.pr_reg[R_PC] != pc);
		SAME(p.word[SIGNALS + signals[i]], 0);
		/* In the handler its signal is blocked too. */
		praddset(&inside, signals[i]);
		SAME(memcmp(&status(&p)->pr_lwp.pr_lwphold, &inside, sizeof inside), 0);
		SAME(PUTL(&p, PCRUN, PRCFAULT), 0);
		EVENTUALLY(p.word[SIGNALS + signals[i]] == 1);
		RUNS(&p);
		SAME(PUT(&p, PCSTOP), 0);
		SAME(memcmp(&status(&p)->pr_lwp.pr_lwphold, &held, sizeof held), 0);
	}
	SAME(PUTL(&p, PCRUN, 0), 0);
	end(&p);
}

CASES({ "each", each }, { "queued", queued }, { "senders", senders }, { "in_a_sleeping_call", in_a_sleeping_call },
      { "stepped_into_a_handler", stepped_into_a_handler })
