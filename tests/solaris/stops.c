/* Where an lwp stops, and in which order. */
#include "pr.h"

static void trace(struct proc *p, int a, int b)
{
	sigset_t set;

	premptyset(&set);
	praddset(&set, a);
	if (b)
		praddset(&set, b);
	SAME(PUTP(p, PCSTRACE, set), 0);
}

/* A traced stop signal stops twice: before its action, and by it. */
static void a_stop_signal_stops_twice(void)
{
	struct proc p = start(spin);

	trace(&p, SIGTSTP, SIGSTOP);
	for (int i = 0; i < 2; i++) {
		int sig = i ? SIGSTOP : SIGTSTP;

		setpgid(p.pid, 0);
		kill(p.pid, SIGSTOP == sig ? SIGSTOP : SIGTSTP);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SIGNALLED, sig);
		SAME(PUTL(&p, PCRUN, 0), 0);
		EVENTUALLY(status(&p)->pr_lwp.pr_why == PR_JOBCONTROL);
		SAME(status(&p)->pr_lwp.pr_what, sig);
		SAME(status(&p)->pr_flags & (PR_STOPPED | PR_ISTOP), PR_STOPPED);
		SAME(PUTL(&p, PCRUN, 0), EBUSY);
		STANDS(&p);
		kill(p.pid, SIGCONT);
		RUNS(&p);
	}
	end(&p);
}

/* Who is looked at. */
static pid_t marks;

static void marked(void)
{
	((volatile long *)logged)[GO] = 1;
	for (;;)
		((volatile long *)logged)[COUNT]++;
}

static void spins_below(volatile long *w)
{
	logged = w;
	spin(w);
}

/* In a job-control stop registers can be seen, and with a directive set; it stays one for its parent and for SIGCONT. */
static void registers_in_job_control(void)
{
	struct proc p = start(spins_below);
	lwpstatus_t first, *now;
	prgregset_t regs;
	prfpregset_t fp;
	sigset_t set;
	int wstat;

	/* Attached, and not directed to stop. */
	premptyset(&set);
	praddset(&set, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	kill(p.pid, SIGTSTP);
	SAME(waitpid(p.pid, &wstat, WUNTRACED), p.pid);
	EVENTUALLY(status(&p)->pr_lwp.pr_why == PR_JOBCONTROL);
	first = status(&p)->pr_lwp;
	CHECK(first.pr_reg[R_PC] != 0 && first.pr_reg[R_SP] != 0);
	SAME(PUTP(&p, PCSREG, first.pr_reg), EBUSY);
	SAME(PUT(&p, PCDSTOP), 0);
	for (int i = 0; i < 50; i++) {
		now = i % 2 ? &status(&p)->pr_lwp : lwpstatus(&p, p.pid);
		SAME(now->pr_why, PR_JOBCONTROL);
		SAME(now->pr_what, SIGTSTP);
		SAME(now->pr_flags & (PR_STOPPED | PR_ISTOP | PR_DSTOP), PR_STOPPED | PR_DSTOP);
		SAME(memcmp(now->pr_reg, first.pr_reg, sizeof first.pr_reg), 0);
		SAME(memcmp(&now->pr_tstamp, &first.pr_tstamp, sizeof first.pr_tstamp), 0);
	}
	memcpy(regs, first.pr_reg, sizeof regs);
	regs[R_PC] = (long)marked;
	regs[R_SP] = (regs[R_SP] - 1024) & ~15L;
	regs[R_SP] -= sizeof (long);
	SAME(PUTP(&p, PCSREG, regs), 0);
	fp = status(&p)->pr_lwp.pr_fpreg;
	SAME(PUTP(&p, PCSFPREG, fp), 0);
	now = &status(&p)->pr_lwp;
	SAME(now->pr_why, PR_JOBCONTROL);
	SAME(now->pr_reg[R_PC], marked);
	SAME(now->pr_reg[R_SP], regs[R_SP]);
	STANDS(&p);
	/* Nothing of it was told to its parent. */
	SAME(waitpid(p.pid, &wstat, WUNTRACED | WCONTINUED | WNOHANG), 0);
	SAME(p.word[GO], 0);
	kill(p.pid, SIGCONT);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(waitpid(p.pid, &wstat, WCONTINUED), p.pid);
	CHECK(WIFCONTINUED(wstat));
	SAME(status(&p)->pr_lwp.pr_reg[R_PC], marked);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[GO]);
	RUNS(&p);
	end(&p);
}

static void reads_marks(volatile long *w)
{
	lwpstatus_t s;

	for (;;) {
		int fd = open(path_of(marks, "lstatus"), O_RDONLY);

		if (fd < 0 || read(fd, &s, sizeof s) <= 0)
			_exit(0);
		close(fd);
		w[COUNT]++;
		w[READY] = 1;
	}
}

/* Stopped and continued again and again while somebody looks at its registers. */
static void job_control_under_eyes(void)
{
	struct proc p = start(crowd), r;
	sigset_t set;
	int wstat;

	premptyset(&set);
	praddset(&set, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	marks = p.pid;
	r = start_closed(reads_marks);
	for (int i = 0; i < 60; i++) {
		long was;

		kill(p.pid, i % 2 ? SIGSTOP : SIGTTIN);
		SAME(waitpid(p.pid, &wstat, WUNTRACED), p.pid);
		SAME(WSTOPSIG(wstat), i % 2 ? SIGSTOP : SIGTTIN);
		was = r.word[COUNT];
		if (i % 3)
			EVENTUALLY(r.word[COUNT] > was + 1);
		STANDS(&p);
		kill(p.pid, SIGCONT);
		SAME(waitpid(p.pid, &wstat, WCONTINUED), p.pid);
		CHECK(WIFCONTINUED(wstat));
		RUNS(&p);
		SAME(waitpid(p.pid, &wstat, WUNTRACED | WCONTINUED | WNOHANG), 0);
	}
	kill(r.pid, SIGKILL);
	SAME(waitpid(r.pid, NULL, 0), r.pid);
	end(&p);
}

static void ignores(volatile long *w)
{
	signal(SIGUSR1, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	spin(w);
}

static void an_ignored_signal_stops_if_traced(void)
{
	struct proc p = start(ignores);

	trace(&p, SIGUSR1, SIGWINCH);
	/* Of one that is ignored, and of one whose default is to be ignored. */
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	SAME((long)status(&p)->pr_lwp.pr_action.sa_handler, (long)SIG_IGN);
	SAME(PUTL(&p, PCRUN, 0), 0);
	kill(p.pid, SIGWINCH);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGWINCH);
	SAME(PUTL(&p, PCRUN, 0), 0);
	kill(p.pid, SIGINT);
	RUNS(&p);
	end(&p);
}

static void a_blocked_signal_does_not_stop(void)
{
	struct proc p = start(logs);
	sigset_t hold;

	premptyset(&hold);
	praddset(&hold, SIGUSR1);
	trace(&p, SIGUSR1, 0);
	SAME(PUTP(&p, PCSHOLD, hold), 0);
	kill(p.pid, SIGUSR1);
	SAME(PUTL(&p, PCTWSTOP, 30), 0);
	SAME(IS_STOPPED(&p), 0);
	RUNS(&p);
	premptyset(&hold);
	SAME(PUTP(&p, PCSHOLD, hold), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR1] == 1);
	end(&p);
}

static void sigkill_never_stops(void)
{
	struct proc p = start(spin);
	sigset_t all;
	int wstat;

	prfillset(&all);
	SAME(PUTP(&p, PCSTRACE, all), 0);
	SAME(PUT(&p, PCSTOP), 0);
	kill(p.pid, SIGKILL);
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGKILL);
	SAME(PUTL(&p, PCRUN, 0), ENOENT);
	/* The same from the stop before a signal, and at the entry of a call. */
	p = start(calls);
	SAME(PUTP(&p, PCSTRACE, all), 0);
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	kill(p.pid, SIGKILL);
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGKILL);
	sysset_t every;
	prfillset(&every);
	p = start(calls);
	SAME(PUTP(&p, PCSENTRY, every), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	kill(p.pid, SIGKILL);
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGKILL);
}

static void illegal(volatile long *w)
{
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	__asm__ volatile("ud2");
}

static void a_fault_comes_before_its_signal(void)
{
	struct proc p = start(illegal);
	fltset_t faults;
	int wstat;

	premptyset(&faults);
	praddset(&faults, FLTILL);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	trace(&p, SIGILL, 0);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_FAULTED, FLTILL);
	SAME(status(&p)->pr_lwp.pr_cursig, 0);
	/* Cleared, the instruction is made again. */
	for (int i = 0; i < 3; i++) {
		SAME(PUTL(&p, PCRUN, PRCFAULT), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_FAULTED, FLTILL);
	}
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGILL);
	SAME(status(&p)->pr_lwp.pr_cursig, SIGILL);
	SAME(status(&p)->pr_lwp.pr_info.si_signo, SIGILL);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGILL);
}

/* Signals that came while it stood, each by itself, and a request in between. */
static void signals_one_by_one(void)
{
	struct proc p = start(logs);
	static const int sent[] = { SIGTERM, 40, SIGHUP, SIGUSR1, 35 };
	int seen[65] = { 0 };
	sigset_t all;

	prfillset(&all);
	SAME(PUTP(&p, PCSTRACE, all), 0);
	SAME(PUT(&p, PCSTOP), 0);
	for (int i = 0; i < 5; i++)
		kill(p.pid, sent[i]);
	SAME(PUTL(&p, PCRUN, 0), 0);
	for (int i = 0; i < 5; i++) {
		SAME(PUT(&p, PCWSTOP), 0);
		SAME(status(&p)->pr_lwp.pr_why, PR_SIGNALLED);
		seen[status(&p)->pr_lwp.pr_what]++;
		/* Stops once more before it acts. */
		long before = p.word[HELP];
		SAME(PUTL(&p, PCRUN, PRSTOP), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, status(&p)->pr_lwp.pr_why, status(&p)->pr_lwp.pr_what);
		if (status(&p)->pr_lwp.pr_why == PR_REQUESTED)
			SAME(PUTL(&p, PCRUN, 0), 0);
		else
			seen[0]++;
		SAME(before <= p.word[HELP], 1);
	}
	for (int i = 0; i < 5; i++)
		SAME(seen[sent[i]] + seen[0] >= 1, 1);
	premptyset(&all);
	SAME(PUTP(&p, PCSTRACE, all), 0);
	if (IS_STOPPED(&p))
		SAME(PUTL(&p, PCRUN, 0), 0);
	for (int i = 0; i < 5; i++)
		EVENTUALLY(p.word[SIGNALS + sent[i]] == 1);
	end(&p);
}

/* A call that sleeps is not disturbed by stops. */
static void sleeps(volatile long *w)
{
	struct timespec t = { 0, 300000000 };
	struct pollfd none;
	int fds[2];
	char c;

	memset(&none, 0, sizeof none);
	if (pipe(fds) != 0)
		_exit(9);
	w[TIDS] = fds[1];
	w[READY] = 1;
	for (;;) {
		w[LAST] = 1;
		if (nanosleep(&t, NULL) != 0)
			w[ERRORS]++;
		w[LAST] = 2;
		if (poll(&none, 0, 200) != 0)
			w[ERRORS]++;
		w[LAST] = 3;
		if (alarm(0), usleep(100000) != 0)
			w[ERRORS]++;
		w[LAST] = 4;
		none.fd = fds[0];
		none.events = POLLIN;
		if (poll(&none, 1, 100) != 0 || (w[GO] && read(fds[0], &c, 1) != 1))
			w[ERRORS]++;
		w[COUNT]++;
	}
}

static void a_sleeping_call_is_not_disturbed(void)
{
	struct proc p = start(sleeps);
	int asleep = 0;

	while (p.word[COUNT] < 3) {
		SAME(PUT(&p, PCSTOP), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		asleep += (status(&p)->pr_flags & PR_ASLEEP) != 0;
		if (status(&p)->pr_flags & PR_ASLEEP)
			CHECK(status(&p)->pr_lwp.pr_syscall > 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
		pause_ms(2);
	}
	CHECK(asleep > 10);
	SAME(p.word[ERRORS], 0);
	end(&p);
}

CASES({ "a_stop_signal_stops_twice", a_stop_signal_stops_twice },
    { "registers_in_job_control", registers_in_job_control },
    { "job_control_under_eyes", job_control_under_eyes },
    { "an_ignored_signal_stops_if_traced", an_ignored_signal_stops_if_traced },
    { "a_blocked_signal_does_not_stop", a_blocked_signal_does_not_stop },
    { "sigkill_never_stops", sigkill_never_stops }, { "a_fault_comes_before_its_signal", a_fault_comes_before_its_signal },
    { "signals_one_by_one", signals_one_by_one }, { "a_sleeping_call_is_not_disturbed", a_sleeping_call_is_not_disturbed })
