/* Every message to ctl and lwpctl: what it does to a real process, and how it fails. */
#include "pr.h"

static void pcnull(void)
{
	struct proc p = start(spin);

	SAME(PUT(&p, PCNULL), 0);
	SAME(status(&p)->pr_flags & (PR_STOPPED | PR_ISTOP | PR_DSTOP), 0);
	RUNS(&p);
	end(&p);
}

static void pcstop(void)
{
	struct proc p = start(spin);

	for (int i = 0; i < 50; i++) {
		SAME(PUT(&p, PCSTOP), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		SAME(status(&p)->pr_lwp.pr_lwpid, p.pid);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	RUNS(&p);
	SAME(PUT(&p, PCSTOP), 0);
	STANDS(&p);
	/* A second one has nothing to do. */
	SAME(PUT(&p, PCSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	end(&p);
}

static void pcdstop(void)
{
	struct proc p = start(spin);

	SAME(PUT(&p, PCDSTOP), 0);
	EVENTUALLY(IS_STOPPED(&p));
	STOPPED(&p, PR_REQUESTED, 0);
	/* One in an event stop is left as it is. */
	SAME(PUT(&p, PCDSTOP), 0);
	SAME(status(&p)->pr_flags & PR_DSTOP, 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	end(&p);

	/* One in a job control stop is marked, and stands when SIGCONT has come. */
	p = start(spin);
	kill(p.pid, SIGSTOP);
	SAME(waitpid(p.pid, NULL, WUNTRACED), p.pid);
	SAME(PUT(&p, PCDSTOP), 0);
	/* While it is being attached it may seem to run. */
	EVENTUALLY((status(&p)->pr_flags & (PR_STOPPED | PR_ISTOP | PR_DSTOP)) == (PR_STOPPED | PR_DSTOP));
	SAME(status(&p)->pr_lwp.pr_why, PR_JOBCONTROL);
	SAME(status(&p)->pr_lwp.pr_what, SIGSTOP);
	SAME(PUTL(&p, PCTWSTOP, 20), 0);
	SAME(status(&p)->pr_flags & PR_ISTOP, 0);
	kill(p.pid, SIGCONT);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	STANDS(&p);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	end(&p);
}

static void pcwstop(void)
{
	struct proc p = start(calls), q;
	struct timespec a, b;
	sysset_t set;

	/* A time that is over is no error. */
	clock_gettime(CLOCK_MONOTONIC, &a);
	SAME(PUTL(&p, PCTWSTOP, 50), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 50);
	SAME(IS_STOPPED(&p), 0);
	RUNS(&p);
	premptyset(&set);
	praddset(&set, SYS_getppid);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SYSENTRY, SYS_getppid);
	SAME(PUT(&p, PCWSTOP), 0);
	/* 0 and below: without a limit. */
	SAME(PUTL(&p, PCTWSTOP, 0), 0);
	SAME(PUTL(&p, PCTWSTOP, -5), 0);
	SAME(PUTL(&p, PCTWSTOP, 100000), 0);
	end(&p);

	/* On oneself. */
	q.pid = getpid();
	q.ctl = open_of(q.pid, "ctl", O_WRONLY);
	SAME(PUT(&q, PCWSTOP), EBUSY);
	SAME(PUTL(&q, PCTWSTOP, 1), EBUSY);

	/* What is waited for ends. */
	p = start(spin);
	pid_t killer = fork();
	if (killer == 0) {
		pause_ms(30);
		kill(p.pid, SIGKILL);
		_exit(0);
	}
	SAME(PUT(&p, PCWSTOP), ENOENT);
	SAME(PUT(&p, PCWSTOP), ENOENT);
	SAME(PUT(&p, PCNULL), ENOENT);
	SAME(waitpid(killer, NULL, 0), killer);
	end(&p);
}

static void pcrun(void)
{
	struct proc p = start(spin);

	/* Neither stopped nor asked to, whatever the flags. */
	SAME(PUTL(&p, PCRUN, 0), EBUSY);
	SAME(PUTL(&p, PCRUN, 0x40), EBUSY);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCRUN, 0x20), EINVAL);
	SAME(PUTL(&p, PCRUN, PRCSIG | 0x100), EINVAL);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUTL(&p, PCRUN, 0), EBUSY);
	/* Job control: only with a directive. */
	kill(p.pid, SIGSTOP);
	SAME(waitpid(p.pid, NULL, WUNTRACED), p.pid);
	SAME(PUTL(&p, PCRUN, 0), EBUSY);
	SAME(PUT(&p, PCDSTOP), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(status(&p)->pr_flags & PR_DSTOP, 0);
	STANDS(&p);
	kill(p.pid, SIGCONT);
	RUNS(&p);
	end(&p);
}

static void prcsig(void)
{
	struct proc p = start(logs);
	sigset_t set;

	premptyset(&set);
	praddset(&set, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	SAME(PUTL(&p, PCRUN, PRCSIG), 0);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGUSR1], 0);
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR1] == 1);
	RUNS(&p);
	end(&p);
}

static void traps(volatile long *w)
{
	logged = w;
	signal(SIGTRAP, logger);
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	for (;;) {
		__asm__ volatile("int3");
		w[COUNT]++;
	}
}

static void prcfault(void)
{
	struct proc p = start(traps);
	fltset_t set;

	premptyset(&set);
	praddset(&set, FLTBPT);
	SAME(PUTP(&p, PCSFAULT, set), 0);
	p.word[GO] = 1;
	for (int i = 0; i < 20; i++) {
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_FAULTED, FLTBPT);
		SAME(status(&p)->pr_lwp.pr_cursig, 0);
		SAME(status(&p)->pr_lwp.pr_info.si_signo, SIGTRAP);
		SAME(status(&p)->pr_lwp.pr_info.si_code, TRAP_BRKPT);
		SAME(PUTL(&p, PCRUN, PRCFAULT), 0);
	}
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(p.word[HELP], 0);
	/* Not cleared: the signal follows. */
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(p.word[HELP], 1);
	/* PCCFAULT does the same as PRCFAULT. */
	SAME(PUT(&p, PCCFAULT), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(p.word[HELP], 1);
	premptyset(&set);
	SAME(PUTP(&p, PCSFAULT, set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[HELP] > 10);
	end(&p);
}

static void prstep(void)
{
	struct proc p = start(sled_of_nops);
	fltset_t set;
	sigset_t sigs;
	long pc, steps = 0;

	premptyset(&set);
	praddset(&set, FLTTRACE);
	SAME(PUTP(&p, PCSFAULT, set), 0);
	SAME(PUT(&p, PCSTOP), 0);
	pc = status(&p)->pr_lwp.pr_reg[R_PC];
	for (int i = 0; i < 200; i++) {
		SAME(PUTL(&p, PCRUN, PRSTEP), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_FAULTED, FLTTRACE);
		SAME(status(&p)->pr_lwp.pr_info.si_code, TRAP_TRACE);
		SAME(status(&p)->pr_flags & PR_STEP, 0);
		SAME(PUT(&p, PCCFAULT), 0);
		steps += pc != status(&p)->pr_lwp.pr_reg[R_PC];
		pc = status(&p)->pr_lwp.pr_reg[R_PC];
	}
	SAME(steps, 200);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	/* Untraced, a step ends with SIGTRAP. */
	premptyset(&set);
	SAME(PUTP(&p, PCSFAULT, set), 0);
	premptyset(&sigs);
	praddset(&sigs, SIGTRAP);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCRUN, PRSTEP), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGTRAP);
	SAME(status(&p)->pr_lwp.pr_info.si_code, TRAP_TRACE);
	SAME(PUTL(&p, PCRUN, PRCSIG), 0);
	RUNS(&p);
	end(&p);
}

static void prsabort(void)
{
	struct proc p = start(calls);
	sysset_t entry, leave;

	premptyset(&entry);
	praddset(&entry, SYS_getppid);
	leave = entry;
	SAME(PUTP(&p, PCSENTRY, entry), 0);
	SAME(PUTP(&p, PCSEXIT, leave), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	for (int i = 0; i < 10; i++) {
		while (status(&p)->pr_lwp.pr_why == PR_SYSEXIT) {
			SAME(PUTL(&p, PCRUN, 0), 0);
			SAME(PUT(&p, PCWSTOP), 0);
		}
		STOPPED(&p, PR_SYSENTRY, SYS_getppid);
		SAME(PUTL(&p, PCRUN, PRSABORT), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		/* The exit is still told. */
		STOPPED(&p, PR_SYSEXIT, SYS_getppid);
		SAME(status(&p)->pr_lwp.pr_errno, EINTR);
	}
	premptyset(&entry);
	SAME(PUTP(&p, PCSENTRY, entry), 0);
	SAME(PUTP(&p, PCSEXIT, entry), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	RUNS(&p);
	SAME(p.word[ERRORS], 10);
	end(&p);

	/* Asleep in a call: it is broken off. */
	p = start(sleeper);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	SAME(PUT(&p, PCSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	CHECK(status(&p)->pr_flags & PR_ASLEEP);
	SAME(status(&p)->pr_lwp.pr_syscall, SYS_pause);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	SAME(p.word[COUNT], 0);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCRUN, PRSABORT), 0);
	EVENTUALLY(p.word[COUNT] == 1);
	end(&p);
}

static void prstop(void)
{
	struct proc p = start(calls);
	sysset_t set, none;
	sigset_t sigs;

	premptyset(&none);
	premptyset(&set);
	praddset(&set, SYS_getppid);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	for (int i = 0; i < 20; i++) {
		long was = p.word[COUNT];

		STOPPED(&p, PR_SYSENTRY, SYS_getppid);
		/* The call is made, and it stands before code of its own. */
		SAME(PUTL(&p, PCRUN, PRSTOP), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		SAME(p.word[COUNT], was);
		/* In user code it does not move. */
		long pc = status(&p)->pr_lwp.pr_reg[R_PC];
		SAME(PUTL(&p, PCRUN, PRSTOP), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		SAME(status(&p)->pr_lwp.pr_reg[R_PC], pc);
		SAME(PUTL(&p, PCRUN, 0), 0);
		SAME(PUT(&p, PCWSTOP), 0);
	}
	SAME(PUTP(&p, PCSENTRY, none), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[ERRORS], 0);
	end(&p);

	/* It stands before a current signal acts, as often as it is asked to; then the signal does. */
	p = start(logs);
	premptyset(&sigs);
	praddset(&sigs, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	long at = status(&p)->pr_lwp.pr_reg[R_PC];
	for (int i = 0; i < 3; i++) {
		SAME(PUTL(&p, PCRUN, PRSTOP), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		SAME(status(&p)->pr_lwp.pr_cursig, SIGUSR1);
		SAME(status(&p)->pr_lwp.pr_info.si_pid, getpid());
		SAME(status(&p)->pr_lwp.pr_reg[R_PC], at);
	}
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR1] == 1);
	/* Where it can be cleared; or set, instead of none. */
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(PUTL(&p, PCRUN, PRSTOP), 0);
	SAME(PUT(&p, PCCSIG), 0);
	SAME(status(&p)->pr_lwp.pr_cursig, 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGUSR1], 1);
	SAME(PUT(&p, PCSTOP), 0);
	siginfo_t info = { .si_signo = SIGUSR2, .si_code = SI_USER };
	SAME(PUTP(&p, PCSSIG, info), 0);
	at = status(&p)->pr_lwp.pr_reg[R_PC];
	SAME(PUTL(&p, PCRUN, PRSTOP), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(status(&p)->pr_lwp.pr_cursig, SIGUSR2);
	SAME(status(&p)->pr_lwp.pr_reg[R_PC], at);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR2] == 1);
	end(&p);

	/* One that would kill it. */
	p = start(spin);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(PUTL(&p, PCRUN, PRSTOP), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(PUTL(&p, PCRUN, PRCSIG), 0);
	RUNS(&p);
	end(&p);

	/* After a fault its signal is pending, and if traced it is seen behind the stop. */
	p = start(traps);
	fltset_t faults;
	premptyset(&faults);
	praddset(&faults, FLTBPT);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	premptyset(&sigs);
	praddset(&sigs, SIGTRAP);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_FAULTED, FLTBPT);
	SAME(prismember(&status(&p)->pr_lwp.pr_lwppend, SIGTRAP), 0);
	SAME(PUTL(&p, PCRUN, PRSTOP), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(status(&p)->pr_lwp.pr_cursig, 0);
	SAME(prismember(&status(&p)->pr_lwp.pr_lwppend, SIGTRAP), 1);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGTRAP);
	SAME(p.word[HELP], 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(p.word[HELP], 1);
	end(&p);
}

static void pccsig(void)
{
	struct proc p = start(logs);
	sigset_t set;

	premptyset(&set);
	praddset(&set, SIGTERM);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	kill(p.pid, SIGTERM);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(status(&p)->pr_lwp.pr_cursig, SIGTERM);
	SAME(status(&p)->pr_lwp.pr_info.si_pid, getpid());
	SAME(PUT(&p, PCCSIG), 0);
	SAME(status(&p)->pr_lwp.pr_cursig, 0);
	SAME(status(&p)->pr_lwp.pr_info.si_signo, 0);
	/* It still stands for what it stopped for. */
	STOPPED(&p, PR_SIGNALLED, SIGTERM);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGTERM], 0);
	end(&p);
}

static void pcssig(void)
{
	struct proc p = start(logs);
	siginfo_t info;
	sigset_t set;

	memset(&info, 0, sizeof info);
	/* Set on a stopped one: no stop of its own although it is traced, delivered when it runs. */
	prfillset(&set);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	SAME(PUT(&p, PCSTOP), 0);
	info.si_signo = SIGUSR2;
	info.si_code = SI_USER;
	info.si_pid = 4711;
	SAME(PUTP(&p, PCSSIG, info), 0);
	SAME(status(&p)->pr_lwp.pr_cursig, SIGUSR2);
	SAME(status(&p)->pr_lwp.pr_info.si_signo, SIGUSR2);
	SAME(status(&p)->pr_lwp.pr_info.si_pid, 4711);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR2] == 1);
	SAME(IS_STOPPED(&p), 0);
	/* 0 clears. */
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTP(&p, PCSSIG, info), 0);
	info.si_signo = 0;
	SAME(PUTP(&p, PCSSIG, info), 0);
	SAME(status(&p)->pr_lwp.pr_cursig, 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGUSR2], 1);
	/* It takes the place of the one that is current. */
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	info.si_signo = SIGHUP;
	SAME(PUTP(&p, PCSSIG, info), 0);
	SAME(status(&p)->pr_lwp.pr_cursig, SIGHUP);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGHUP] == 1);
	SAME(p.word[SIGNALS + SIGUSR1], 0);
	/* The mask is not consulted, and is the same behind the handler. */
	prsigset_t block;
	premptyset(&block);
	praddset(&block, SIGTERM);
	SAME(PUTP(&p, PCSHOLD, block), 0);
	SAME(PUT(&p, PCSTOP), 0);
	info.si_signo = SIGTERM;
	SAME(PUTP(&p, PCSSIG, info), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGTERM] == 1);
	RUNS(&p);
	SAME(IS_STOPPED(&p), 0);
	CHECK(prismember(&status(&p)->pr_lwp.pr_lwphold, SIGTERM));
	info.si_signo = -1;
	SAME(PUTP(&p, PCSSIG, info), EINVAL);
	info.si_signo = 75;
	SAME(PUTP(&p, PCSSIG, info), EINVAL);
	RUNS(&p);
	/* The same of one that runs: it makes no stop of its own, and the mask does not keep it. */
	info.si_signo = SIGALRM;
	SAME(PUTP(&p, PCSSIG, info), 0);
	EVENTUALLY(p.word[SIGNALS + SIGALRM] == 1);
	info.si_signo = SIGTERM;
	SAME(PUTP(&p, PCSSIG, info), 0);
	EVENTUALLY(p.word[SIGNALS + SIGTERM] == 2);
	RUNS(&p);
	SAME(IS_STOPPED(&p), 0);
	/* SIGKILL kills even from a stop, and what follows finds nobody. */
	SAME(PUT(&p, PCSTOP), 0);
	info.si_signo = SIGKILL;
	struct msg m = { 0 };
	add_long(&m, PCSSIG);
	add(&m, &info, sizeof info);
	SAME(put(p.ctl, &m), 0);
	SAME(PUT(&p, PCNULL), ENOENT);
	int wstat;
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGKILL);

	/* A sleeper is woken. */
	p = start(sleeper);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	memset(&info, 0, sizeof info);
	info.si_signo = SIGTERM;
	SAME(PUTP(&p, PCSSIG, info), 0);
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGTERM);
}

static void info_of(int sig, libc_siginfo_t *info, void *unused)
{
	(void)unused;
	logged[LAST] = info->si_code;
	logged[LAST + 1] = info->si_pid;
	logged[LAST + 2] = info->si_uid;
	logged[SIGNALS + sig]++;
}

static void tells(volatile long *w)
{
	struct sigaction sa;

	logged = w;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = info_of;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGUSR1, &sa, NULL);
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

static void pckill(void)
{
	struct proc p = start(tells);
	sigset_t set;
	struct msg m = { 0 };
	int wstat;

	SAME(PUTL(&p, PCKILL, SIGUSR1), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR1] == 1);
	SAME(p.word[LAST], SI_USER);
	/* Linux lets nobody name another as the sender of such a signal: the process is the file system's, the user is right. */
	SAME(p.word[LAST + 2], getuid());
	SAME(PUTL(&p, PCKILL, 0), EINVAL);
	SAME(PUTL(&p, PCKILL, -1), EINVAL);
	SAME(PUTL(&p, PCKILL, 75), EINVAL);
	/* It is sent, so it stops if it is traced. */
	premptyset(&set);
	praddset(&set, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	SAME(PUTL(&p, PCKILL, SIGUSR1), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	/* SIGKILL from a stop; the next message finds nobody. */
	add_long(&m, PCKILL);
	add_long(&m, SIGKILL);
	add_long(&m, PCNULL);
	SAME(put(p.ctl, &m), ENOENT);
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGKILL);
	close(p.ctl);
	close(p.st);

	/* To one lwp. */
	p = start(crowd);
	int ctl = open_lwp(p.pid, p.word[TIDS + 5], "lwpctl", O_WRONLY);
	premptyset(&set);
	praddset(&set, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	SAME(give_long(ctl, PCKILL, SIGUSR1), 0);
	SAME(give(ctl, PCWSTOP, NULL, 0), 0);
	LWP_STOPPED(&p, p.word[TIDS + 5], PR_SIGNALLED, SIGUSR1);
	end(&p);
}

static void pcunkill(void)
{
	struct proc p = start(logs);
	sigset_t set;

	premptyset(&set);
	praddset(&set, SIGUSR1);
	praddset(&set, SIGUSR2);
	praddset(&set, 40);
	SAME(PUTP(&p, PCSHOLD, set), 0);
	kill(p.pid, SIGUSR1);
	kill(p.pid, SIGUSR2);
	for (int i = 0; i < 3; i++)
		kill(p.pid, 40);
	SAME(prismember(&status(&p)->pr_sigpend, SIGUSR1) != 0, 1);
	SAME(PUTL(&p, PCUNKILL, SIGUSR1), 0);
	SAME(prismember(&status(&p)->pr_sigpend, SIGUSR1) != 0, 0);
	SAME(prismember(&status(&p)->pr_sigpend, SIGUSR2) != 0, 1);
	/* One instance of it. */
	SAME(PUTL(&p, PCUNKILL, 40), 0);
	/* None: no error. */
	SAME(PUTL(&p, PCUNKILL, SIGUSR1), 0);
	SAME(PUTL(&p, PCUNKILL, SIGKILL), EINVAL);
	SAME(PUTL(&p, PCUNKILL, 0), EINVAL);
	SAME(PUTL(&p, PCUNKILL, -3), EINVAL);
	SAME(PUTL(&p, PCUNKILL, 75), EINVAL);
	premptyset(&set);
	SAME(PUTP(&p, PCSHOLD, set), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR2] == 1 && p.word[SIGNALS + 40] == 2);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGUSR1], 0);
	end(&p);
}

static void pcshold(void)
{
	struct proc p = start(logs);
	sigset_t set;

	prfillset(&set);
	SAME(PUTP(&p, PCSHOLD, set), 0);
	SAME(prismember(&status(&p)->pr_lwp.pr_lwphold, SIGKILL) != 0, 0);
	SAME(prismember(&status(&p)->pr_lwp.pr_lwphold, SIGSTOP) != 0, 0);
	SAME(prismember(&status(&p)->pr_lwp.pr_lwphold, SIGINT) != 0, 1);
	kill(p.pid, SIGINT);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGINT], 0);
	/* On a stopped one it stays stopped, and is as it was. */
	SAME(PUT(&p, PCSTOP), 0);
	premptyset(&set);
	SAME(PUTP(&p, PCSHOLD, set), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(prismember(&status(&p)->pr_lwp.pr_lwphold, SIGINT) != 0, 0);
	STANDS(&p);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGINT] == 1);
	end(&p);

	/* A sleeper that may now be woken is woken. */
	p = start(sleeper);
	prfillset(&set);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	SAME(PUTP(&p, PCSHOLD, set), 0);
	kill(p.pid, SIGTERM);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	premptyset(&set);
	SAME(PUTP(&p, PCSHOLD, set), 0);
	int wstat;
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGTERM);
}

static void pcstrace(void)
{
	struct proc p = start(logs);
	sigset_t set;

	prfillset(&set);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	SAME(prismember(&status(&p)->pr_sigtrace, SIGKILL) != 0, 0);
	SAME(prismember(&status(&p)->pr_sigtrace, SIGINT) != 0, 1);
	SAME(prismember(&status(&p)->pr_sigtrace, 64) != 0, 1);
	kill(p.pid, SIGALRM);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGALRM);
	/* Replaced, not added to. */
	premptyset(&set);
	praddset(&set, SIGHUP);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	SAME(memcmp(&status(&p)->pr_sigtrace, &set, sizeof set), 0);
	STOPPED(&p, PR_SIGNALLED, SIGALRM);
	SAME(PUTL(&p, PCRUN, 0), 0);
	kill(p.pid, SIGINT);
	EVENTUALLY(p.word[SIGNALS + SIGINT] == 1 && p.word[SIGNALS + SIGALRM] == 1);
	kill(p.pid, SIGHUP);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGHUP);
	premptyset(&set);
	SAME(PUTP(&p, PCSTRACE, set), 0);
	STOPPED(&p, PR_SIGNALLED, SIGHUP);
	SAME(PUTL(&p, PCRUN, PRCSIG), 0);
	RUNS(&p);
	SAME(p.word[SIGNALS + SIGHUP], 0);
	end(&p);
}

static void pcsfault(void)
{
	struct proc p = start(traps);
	fltset_t set;

	prfillset(&set);
	SAME(PUTP(&p, PCSFAULT, set), 0);
	SAME(prismember(&status(&p)->pr_flttrace, FLTBPT) != 0, 1);
	SAME(prismember(&status(&p)->pr_flttrace, FLTWATCH) != 0, 1);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_FAULTED, FLTBPT);
	premptyset(&set);
	praddset(&set, FLTILL);
	SAME(PUTP(&p, PCSFAULT, set), 0);
	SAME(memcmp(&status(&p)->pr_flttrace, &set, sizeof set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[HELP] > 3);
	end(&p);
}

/* Makes two calls in turn, with arguments. */
static void two_calls(volatile long *w)
{
	w[READY] = 1;
	for (;;) {
		w[COUNT]++;
		if (syscall(SYS_lseek, 12345, 77, 1) != -1 || errno != EBADF)
			w[ERRORS]++;
		w[LAST] = syscall(SYS_getpid);
	}
}

static void pcsentry(void)
{
	struct proc p = start(two_calls);
	sysset_t set;

	premptyset(&set);
	praddset(&set, SYS_lseek);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(memcmp(&status(&p)->pr_sysentry, &set, sizeof set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	for (int i = 0; i < 10; i++) {
		long was = p.word[COUNT];
		pstatus_t *s = status(&p);

		STOPPED(&p, PR_SYSENTRY, SYS_lseek);
		SAME(s->pr_lwp.pr_syscall, SYS_lseek);
		SAME(s->pr_lwp.pr_nsysarg, 6);
		SAME(s->pr_lwp.pr_sysarg[0], 12345);
		SAME(s->pr_lwp.pr_sysarg[1], 77);
		SAME(s->pr_lwp.pr_sysarg[2], 1);
		SAME(PUTL(&p, PCRUN, 0), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		SAME(p.word[COUNT], was + 1);
	}
	/* Changed registers are changed arguments. */
	praddset(&set, SYS_getpid);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	premptyset(&set);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[ERRORS], 0);
	end(&p);
}

static void pcsexit(void)
{
	struct proc p = start(two_calls);
	sysset_t set;

	premptyset(&set);
	praddset(&set, SYS_lseek);
	praddset(&set, SYS_getpid);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(memcmp(&status(&p)->pr_sysexit, &set, sizeof set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	for (int i = 0; i < 20; i++) {
		pstatus_t *s = status(&p);

		SAME(s->pr_lwp.pr_why, PR_SYSEXIT);
		if (s->pr_lwp.pr_what == SYS_getpid) {
			SAME(s->pr_lwp.pr_errno, 0);
			SAME(s->pr_lwp.pr_rval1, p.pid);
			SAME(s->pr_lwp.pr_errpriv, -3);
		} else {
			SAME(s->pr_lwp.pr_what, SYS_lseek);
			SAME(s->pr_lwp.pr_errno, EBADF);
			SAME(s->pr_lwp.pr_sysarg[0], 12345);
		}
		SAME(PUTL(&p, PCRUN, 0), 0);
		SAME(PUT(&p, PCWSTOP), 0);
	}
	premptyset(&set);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	end(&p);

	/* A call that is under way when it is asked for stops on exit. */
	p = start(sleeper);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	praddset(&set, SYS_pause);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	signal(SIGCONT, SIG_DFL);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCRUN, PRSABORT), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SYSEXIT, SYS_pause);
	SAME(status(&p)->pr_lwp.pr_errno, EINTR);
	end(&p);
}

static void pcset(void)
{
	static const long modes[] = { PR_FORK, PR_RLC, PR_KLC, PR_ASYNC, PR_MSACCT, PR_BPTADJ, PR_MSFORK };
	struct proc p = start(spin);
	long all = 0;

	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
		SAME(PUTL(&p, PCSET, modes[i]), 0);
		all |= modes[i];
		SAME(status(&p)->pr_flags & all, all);
	}
	SAME(PUTL(&p, PCSET, 0x1), EINVAL);
	SAME(PUTL(&p, PCSET, PR_FORK | 0x10000000), EINVAL);
	SAME(PUTL(&p, PCUNSET, 0x1), EINVAL);
	SAME(status(&p)->pr_flags & all, all);
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
		SAME(PUTL(&p, PCUNSET, modes[i]), 0);
		all &= ~modes[i];
		SAME(status(&p)->pr_flags & (all | modes[i]), all);
	}
	RUNS(&p);
	end(&p);
}

static void pcsreg(void)
{
	struct proc p = start(two_calls);
	prgregset_t regs, back;
	sysset_t set;

	memset(regs, 0, sizeof regs);
	SAME(PUTP(&p, PCSREG, regs), EBUSY);
	premptyset(&set);
	praddset(&set, SYS_lseek);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	/* The first argument of the call, and what comes back. */
	memcpy(regs, status(&p)->pr_lwp.pr_reg, sizeof regs);
#ifdef __x86_64__
	SAME(regs[REG_RDI], 12345);
	regs[REG_RDI] = 54321;
#else
	SAME(regs[REG_EBX], 12345);
	regs[REG_EBX] = 54321;
#endif
	SAME(PUTP(&p, PCSREG, regs), 0);
	memcpy(back, status(&p)->pr_lwp.pr_reg, sizeof back);
	SAME(memcmp(regs, back, sizeof regs), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SYSEXIT, SYS_lseek);
#ifdef __x86_64__
	SAME(status(&p)->pr_lwp.pr_reg[REG_RDI], 54321);
#endif
	memcpy(regs, back, sizeof regs);
	memcpy(regs, status(&p)->pr_lwp.pr_reg, sizeof regs);
#ifdef __x86_64__
	regs[REG_RDI] = 12345;
#else
	regs[REG_EBX] = 12345;
#endif
	SAME(PUTP(&p, PCSREG, regs), 0);
	premptyset(&set);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[ERRORS], 0);
	SAME(PUTP(&p, PCSREG, regs), EBUSY);
	end(&p);
}

/* Counts rounds in which a register of the floating-point unit does not hold what was put there. */
static void floats(volatile long *w)
{
	double x = 1.5;

	w[READY] = 1;
	for (;;) {
#ifdef __x86_64__
		__asm__ volatile("movsd %0, %%xmm7" : : "m"(x) : "xmm7");
		for (volatile int i = 0; i < 1000; i++)
			;
		__asm__ volatile("movsd %%xmm7, %0" : "=m"(x));
#else
		__asm__ volatile("fldl %0" : : "m"(x));
		for (volatile int i = 0; i < 1000; i++)
			;
		__asm__ volatile("fstpl %0" : "=m"(x));
#endif
		w[LAST] = (long)(x * 100);
		w[COUNT]++;
	}
}

static void pcsfpreg(void)
{
	struct proc p = start(floats);
	prfpregset_t fp, back;
	double new = 7.25;
	int done = 0, unused = 0;

	memset(&fp, 0, sizeof fp);
	SAME(PUTP(&p, PCSFPREG, fp), EBUSY);
	for (int i = 0; i < 200 && !done; i++) {
		SAME(PUT(&p, PCSTOP), 0);
		memcpy(&fp, &status(&p)->pr_lwp.pr_fpreg, sizeof fp);
#ifdef __x86_64__
		memcpy((char *)&fp + 160 + 7 * 16, &new, sizeof new);
#else
		/* In the 80-bit format: 7.25 = 1.8125 * 2^2. Only while the register is in use. */
		static const unsigned char st0[10] = { 0, 0, 0, 0, 0, 0, 0, 0xe8, 1, 0x40 };
		unsigned tag = ((unsigned char *)&fp)[8] | ((unsigned char *)&fp)[9] << 8;
		if (tag == 0xffff) {
			unused++;
			SAME(PUTL(&p, PCRUN, 0), 0);
			RUNS(&p);
			continue;
		}
		memcpy((char *)&fp + 28, st0, sizeof st0);
		(void)new;
#endif
		SAME(PUTP(&p, PCSFPREG, fp), 0);
		memcpy(&back, &status(&p)->pr_lwp.pr_fpreg, sizeof back);
		SAME(memcmp(&fp, &back, sizeof fp), 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
		RUNS(&p);
		RUNS(&p);
		done = p.word[LAST] == 725;
	}
	CHECK(unused < 200);
	SAME(p.word[LAST], 725);
	end(&p);
}

static void elsewhere(volatile long *w);
static volatile long *volatile words;

static void __attribute__((noinline)) landing(void)
{
	for (;;)
		words[LAST]++;
}

static void elsewhere(volatile long *w)
{
	words = w;
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

static void pcsvaddr(void)
{
	struct proc p = start(elsewhere);
	long to = (long)landing;

	SAME(PUTL(&p, PCSVADDR, to), EBUSY);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCSVADDR, to), 0);
	SAME(status(&p)->pr_lwp.pr_reg[R_PC], to);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[LAST] > 0);
	STANDS(&p);
	end(&p);
}

static void pcnice(void)
{
	struct proc p = start(crowd);

	SAME(getpriority(PRIO_PROCESS, p.pid), 0);
	SAME(PUTL(&p, PCNICE, 5), 0);
	SAME(getpriority(PRIO_PROCESS, p.pid), 5);
	SAME(getpriority(PRIO_PROCESS, p.word[TIDS + 3]), 5);
	SAME(PUTL(&p, PCNICE, 3), 0);
	SAME(getpriority(PRIO_PROCESS, p.pid), 8);
	SAME(PUTL(&p, PCNICE, 100), 0);
	SAME(getpriority(PRIO_PROCESS, p.pid), 19);
	RUNS(&p);
	end(&p);
	if (getuid() == 0) {
		/* Upwards only with the right to do so: the open is by another user. */
		p = start(spin);
		SAME(PUTL(&p, PCNICE, -4), 0);
		SAME(getpriority(PRIO_PROCESS, p.pid), -4);
		end(&p);
		pid_t child = fork();
		if (child == 0) {
			if (setgid(65534) || setuid(65534))
				_exit(9);
			prctl(PR_SET_DUMPABLE, 1);
			struct proc q = start(spin);
			SAME(PUTL(&q, PCNICE, -4), EPERM);
			SAME(PUTL(&q, PCNICE, 4), 0);
			end(&q);
			_exit(0);
		}
		int wstat;
		SAME(waitpid(child, &wstat, 0), child);
		SAME(wstat, 0);
	}
}

static long place = 1234567;

static void pcread_pcwrite(void)
{
	struct proc p = start(spin);
	priovec_t v;
	long mine = 0;
	char *text = malloc(3 << 20), *end_of;

	memset(&v, 0, sizeof v);
	v.pio_base = &mine;
	v.pio_len = sizeof mine;
	v.pio_offset = (off_t)(long)&place;
	SAME(PUTP(&p, PCREAD, v), 0);
	SAME(mine, 1234567);
	mine = 7654321;
	SAME(PUTP(&p, PCWRITE, v), 0);
	mine = 0;
	SAME(PUTP(&p, PCREAD, v), 0);
	SAME(mine, 7654321);
	SAME(place, 1234567);
	/* Text, which is not writable to the process. */
	unsigned char byte, nop = 0x90;
	v.pio_base = &byte;
	v.pio_len = 1;
	v.pio_offset = (off_t)(long)landing;
	SAME(PUTP(&p, PCREAD, v), 0);
	SAME(byte, *(unsigned char *)landing);
	v.pio_base = &nop;
	SAME(PUTP(&p, PCWRITE, v), 0);
	v.pio_base = &byte;
	SAME(PUTP(&p, PCREAD, v), 0);
	SAME(byte, nop);
	/* Nothing there; running into a hole. */
	v.pio_offset = 16;
	SAME(PUTP(&p, PCREAD, v), EIO);
	SAME(PUTP(&p, PCWRITE, v), EIO);
	/* High addresses, which are negative offsets for a 32-bit program. */
	volatile long *high = share();
	end(&p);
	high[3] = 3;
	p = start(spin);
	v.pio_base = &mine;
	v.pio_len = sizeof mine;
	v.pio_offset = (off_t)(long)(high + 3);
	SAME(PUTP(&p, PCREAD, v), 0);
	SAME(mine, 3);
	mine = 4;
	SAME(PUTP(&p, PCWRITE, v), 0);
	SAME(high[3], 4);
	end_of = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	end(&p);
	munmap(end_of + 4096, 4096);
	p = start(spin);
	v.pio_base = text;
	v.pio_len = 8192;
	v.pio_offset = (off_t)(long)end_of;
	SAME(PUTP(&p, PCREAD, v), EIO);
	SAME(PUTP(&p, PCWRITE, v), EIO);
	/* Our own memory is not there. */
	v.pio_base = (void *)16;
	v.pio_len = 8;
	v.pio_offset = (off_t)(long)&place;
	SAME(PUTP(&p, PCREAD, v), EFAULT);
	SAME(PUTP(&p, PCWRITE, v), EFAULT);
	/* Ranges that wrap; nothing at all. */
	v.pio_base = &mine;
	v.pio_len = (size_t)-1;
	SAME(PUTP(&p, PCREAD, v), EINVAL);
	v.pio_len = 0;
	v.pio_offset = 16;
	SAME(PUTP(&p, PCREAD, v), 0);
	SAME(PUTP(&p, PCWRITE, v), 0);
	RUNS(&p);
	end(&p);
}

static volatile long over;

static void *counts(void *tid)
{
	*(volatile long *)tid = syscall(SYS_gettid);
	while (!over)
		pause_ms(1);
	return NULL;
}

/* What can only be done while the writing lwp stands is refused at once, if there are others too; of these it is done. */
static void to_oneself(void)
{
	struct proc p = { .pid = getpid() };
	volatile long other = 0;
	char cred[4096], reg[sizeof (prgregset_t)] = "";
	sigset_t hold, none, now;
	prwatch_t w;
	pthread_t thread;
	int fd;

	p.ctl = open_of(p.pid, "ctl", O_WRONLY);
	fd = open_of(p.pid, "cred", O_RDONLY);
	ssize_t n = pread(fd, cred, sizeof cred, 0);
	CHECK(n >= (ssize_t)sizeof (prcred_t));
	close(fd);
	fd = open_lwp(p.pid, own_lwp(), "lwpctl", O_WRONLY);
	premptyset(&hold);
	praddset(&hold, SIGUSR2);
	memset(&w, 0, sizeof w);
	void *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w.pr_vaddr = (uintptr_t)page;
	w.pr_size = 1 << 20;
	w.pr_wflags = WA_WRITE;
	for (int many = 0; many < 2; many++) {
		for (int i = 0; i < 2; i++) {
			int ctl = i ? fd : p.ctl;

			SAME(give(ctl, PCSHOLD, &hold, sizeof hold), EBUSY);
			SAME(give_long(ctl, PCUNKILL, SIGUSR2), EBUSY);
			SAME(give(ctl, PCSCREDX, cred, n), EBUSY);
			SAME(give(ctl, PCSCRED, cred, sizeof (prcred_t)), EBUSY);
			SAME(give(ctl, PCWATCH, &w, sizeof w), EBUSY);
			SAME(give_long(ctl, PCRUN, 0), EBUSY);
			SAME(give(ctl, PCSREG, reg, sizeof reg), EBUSY);
			SAME(give(ctl, PCAGENT, reg, sizeof reg), EBUSY);
			SAME(give_long(ctl, PCNICE, 0), 0);
			SAME(give_long(ctl, PCSZONE, 0), 0);
		}
		if (many)
			break;
		CHECK(pthread_create(&thread, NULL, counts, (void *)&other) == 0);
		EVENTUALLY(other);
	}
	CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && !sigismember(&now, SIGUSR2));
	int its = open_lwp(p.pid, other, "lwpctl", O_WRONLY);
	SAME(give(its, PCSHOLD, &hold, sizeof hold), 0);
	SAME(pthread_kill(thread, SIGUSR2), 0);
	/* It is held; so nobody dies of it, and it can be taken back. */
	SAME(give_long(its, PCUNKILL, SIGUSR2), 0);
	premptyset(&none);
	SAME(give(its, PCSHOLD, &none, sizeof none), 0);
	over = 1;
	SAME(pthread_join(thread, NULL), 0);
	close(its);
	close(fd);
	close(p.ctl);
}

static void pcszone(void)
{
	struct proc p = start(spin);
	char asrs[1024];

	memset(asrs, 0, sizeof asrs);
	SAME(PUTL(&p, PCSZONE, 0), 0);
	SAME(PUTL(&p, PCSZONE, 5), EINVAL);
	SAME(give(p.ctl, 28, asrs, sizeof asrs), EINVAL);
	RUNS(&p);
	end(&p);
}

/* The same through the file of one lwp: it alone is meant. */
static void lwpctl(void)
{
	struct proc p = start(crowd);
	long lwp = p.word[TIDS + 3], other = p.word[TIDS + 5];
	int ctl = open_lwp(p.pid, lwp, "lwpctl", O_WRONLY);
	sigset_t set;
	siginfo_t info;

	SAME(give(ctl, PCNULL, NULL, 0), 0);
	SAME(give_long(ctl, PCRUN, 0), EBUSY);
	SAME(give(ctl, PCSTOP, NULL, 0), 0);
	LWP_STOPPED(&p, lwp, PR_REQUESTED, 0);
	SAME(lwpstatus(&p, other)->pr_flags & (PR_STOPPED | PR_DSTOP), 0);
	/* The process does not stand. */
	SAME(status(&p)->pr_flags & PR_STOPPED, 0);
	RUNS(&p);
	/* The mask is its own. */
	premptyset(&set);
	praddset(&set, SIGUSR1);
	SAME(give(ctl, PCSHOLD, &set, sizeof set), 0);
	SAME(prismember(&lwpstatus(&p, lwp)->pr_lwphold, SIGUSR1) != 0, 1);
	SAME(prismember(&lwpstatus(&p, other)->pr_lwphold, SIGUSR1) != 0, 0);
	/* Registers. */
	prgregset_t regs;
	memcpy(regs, lwpstatus(&p, lwp)->pr_reg, sizeof regs);
	SAME(give(ctl, PCSREG, &regs, sizeof regs), 0);
	SAME(give_long(ctl, PCSVADDR, regs[R_PC]), 0);
	/* The current signal. */
	memset(&info, 0, sizeof info);
	info.si_signo = SIGURG;
	SAME(give(ctl, PCSSIG, &info, sizeof info), 0);
	SAME(lwpstatus(&p, lwp)->pr_cursig, SIGURG);
	SAME(lwpstatus(&p, other)->pr_cursig, 0);
	SAME(give(ctl, PCCSIG, NULL, 0), 0);
	SAME(lwpstatus(&p, lwp)->pr_cursig, 0);
	/* Sets are those of the process. */
	praddset(&set, SIGHUP);
	SAME(give(ctl, PCSTRACE, &set, sizeof set), 0);
	SAME(memcmp(&status(&p)->pr_sigtrace, &set, sizeof set), 0);
	SAME(give_long(ctl, PCSET, PR_ASYNC), 0);
	CHECK(status(&p)->pr_flags & PR_ASYNC);
	/* A step of it. */
	fltset_t trace;
	premptyset(&trace);
	praddset(&trace, FLTTRACE);
	SAME(give(ctl, PCSFAULT, &trace, sizeof trace), 0);
	SAME(give_long(ctl, PCRUN, PRSTEP), 0);
	SAME(give(ctl, PCWSTOP, NULL, 0), 0);
	LWP_STOPPED(&p, lwp, PR_FAULTED, FLTTRACE);
	SAME(give_long(ctl, PCRUN, PRCFAULT), 0);
	EVENTUALLY(!(lwpstatus(&p, lwp)->pr_flags & PR_STOPPED));
	SAME(give_long(ctl, PCTWSTOP, 10), 0);
	/* A directive alone can be taken back. */
	SAME(give(ctl, PCDSTOP, NULL, 0), 0);
	SAME(give(ctl, PCWSTOP, NULL, 0), 0);
	SAME(give_long(ctl, PCRUN, 0), 0);
	SAME(give_long(ctl, PCRUN, 0), EBUSY);
	end(&p);
}

static void systems(void)
{
	struct proc p = { 2, -1, -1, NULL };
	char comm[32] = "";
	int fd = open("/proc/2/comm", O_RDONLY);

	/* Where no thread of the kernel can be seen there is nothing to try. */
	if (fd < 0 || read(fd, comm, sizeof comm - 1) <= 0 || strcmp(comm, "kthreadd\n"))
		return;
	p.ctl = open_of(2, "ctl", O_WRONLY);
	SAME(PUT(&p, PCNULL), 0);
	SAME(PUT(&p, PCSTOP), EBUSY);
	SAME(PUTL(&p, PCRUN, 0), EBUSY);
}

CASES({ "pcnull", pcnull }, { "pcstop", pcstop }, { "pcdstop", pcdstop }, { "pcwstop", pcwstop }, { "pcrun", pcrun },
    { "prcsig", prcsig }, { "prcfault", prcfault }, { "prstep", prstep }, { "prsabort", prsabort }, { "prstop", prstop },
    { "pccsig", pccsig }, { "pcssig", pcssig }, { "pckill", pckill }, { "pcunkill", pcunkill }, { "pcshold", pcshold },
    { "pcstrace", pcstrace }, { "pcsfault", pcsfault }, { "pcsentry", pcsentry }, { "pcsexit", pcsexit },
    { "pcset", pcset }, { "pcsreg", pcsreg }, { "pcsfpreg", pcsfpreg }, { "pcsvaddr", pcsvaddr }, { "pcnice", pcnice },
    { "pcread_pcwrite", pcread_pcwrite }, { "to_oneself", to_oneself }, { "pcszone", pcszone }, { "lwpctl", lwpctl }, { "systems", systems })
