/* fork, vfork, exec and exit under control. */
#include "pr.h"

static void forks(volatile long *w)
{
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		w[LAST + 1] = 1;
		/* Its parent may have ended before. */
		while (getppid() != 1)
			w[LAST]++;
		_exit(0);
	}
	w[HELP] = child;
	for (;;)
		w[COUNT]++;
}

static void fork_calls(sysset_t *set)
{
	premptyset(set);
#ifdef SYS_fork
	praddset(set, SYS_fork);
#endif
	praddset(set, SYS_clone);
	praddset(set, SYS_clone3);
	praddset(set, SYS_vfork);
}

/* With PR_FORK the child has the sets and the mode, and stands at the end of the call before it has run. */
static void followed(void)
{
	struct proc p = start(forks), child;
	sysset_t set;
	sigset_t sigs;
	fltset_t faults;

	fork_calls(&set);
	premptyset(&sigs);
	praddset(&sigs, SIGHUP);
	premptyset(&faults);
	praddset(&faults, FLTILL);
	SAME(PUTL(&p, PCSET, PR_FORK | PR_RLC | PR_ASYNC | PR_BPTADJ), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	pstatus_t *s = status(&p);
	SAME(s->pr_lwp.pr_why, PR_SYSEXIT);
	CHECK(prismember(&set, s->pr_lwp.pr_what));
	SAME(s->pr_lwp.pr_errno, 0);
	SAME(s->pr_lwp.pr_rval2, 0);
	long what = s->pr_lwp.pr_what;
	child = p;
	child.pid = s->pr_lwp.pr_rval1;
	CHECK(child.pid > 0 && child.pid != p.pid);
	attach(&child, 0);
	SAME(PUT(&child, PCWSTOP), 0);
	s = status(&child);
	STOPPED(&child, PR_SYSEXIT, what);
	/* It is told apart by the second value. */
	SAME(s->pr_lwp.pr_rval1, p.pid);
	SAME(s->pr_lwp.pr_rval2, 1);
	SAME(s->pr_flags & (PR_FORK | PR_RLC | PR_KLC | PR_ASYNC | PR_BPTADJ | PR_PTRACE), PR_FORK);
	SAME(memcmp(&s->pr_sysexit, &set, sizeof set), 0);
	SAME(memcmp(&s->pr_sigtrace, &sigs, sizeof sigs), 0);
	SAME(memcmp(&s->pr_flttrace, &faults, sizeof faults), 0);
	SAME(p.word[LAST + 1], 0);
	SAME(PUTL(&child, PCRUN, 0), 0);
	EVENTUALLY(p.word[LAST] > 0);
	SAME(p.word[HELP], 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[HELP] == child.pid);
	RUNS(&p);
	/* The child is traced by itself. */
	kill(child.pid, SIGHUP);
	SAME(PUT(&child, PCWSTOP), 0);
	STOPPED(&child, PR_SIGNALLED, SIGHUP);
	SAME(PUTL(&child, PCRUN, PRCSIG), 0);
	SAME(PUTL(&child, PCKILL, SIGKILL), 0);
	RUNS(&p);
	end(&p);
}

static void not_followed(void)
{
	struct proc p = start(forks), child;
	sysset_t set, none;

	premptyset(&none);
	fork_calls(&set);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	child.pid = status(&p)->pr_lwp.pr_rval1;
	child.word = p.word;
	EVENTUALLY(p.word[LAST] > 0);
	attach(&child, 0);
	SAME(status(&child)->pr_flags & (PR_FORK | PR_STOPPED), 0);
	SAME(memcmp(&status(&child)->pr_sysexit, &none, sizeof none), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(PUTL(&child, PCKILL, SIGKILL), 0);
	end(&p);
}

static void vforks(volatile long *w)
{
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	pid_t child = vfork();
	if (child == 0) {
		w[LAST + 1] = 1;
		while (w[GO] < 2)
			w[LAST]++;
		_exit(3);
	}
	w[HELP] = child;
	for (;;)
		w[COUNT]++;
}

static void at_vfork(struct proc *p, sysset_t *set)
{
	pstatus_t *s = status(p);
	SAME(s->pr_lwp.pr_why, PR_SYSEXIT);
	CHECK(prismember(set, s->pr_lwp.pr_what));
	CHECK(s->pr_lwp.pr_rval1 > 1);
	SAME(s->pr_lwp.pr_reg[R_R0], s->pr_lwp.pr_rval1);
	CHECK(s->pr_flags & PR_VFORKP);
	SAME(PUTP(p, PCAGENT, s->pr_lwp.pr_reg), EBUSY);
}

static void in_vfork(void)
{
	struct proc p = start(vforks), child;
	sysset_t set;

	fork_calls(&set);
	SAME(PUTL(&p, PCSET, PR_FORK), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	p.word[GO] = 1;
	/* The parent stands before it waits for the child. */
	SAME(PUT(&p, PCWSTOP), 0);
	at_vfork(&p, &set);
	child = p;
	child.pid = status(&p)->pr_lwp.pr_rval1;
	attach(&child, 0);
	SAME(PUT(&child, PCWSTOP), 0);
	SAME(status(&child)->pr_lwp.pr_why, PR_SYSEXIT);
	SAME(status(&child)->pr_lwp.pr_rval2, 1);
	SAME(p.word[LAST + 1], 0);
	SAME(status(&child)->pr_flags & PR_VFORKP, 0);
	SAME(PUTL(&child, PCRUN, 0), 0);
	EVENTUALLY(p.word[LAST] > 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	/* It waits, and its call has been shown. */
	EVENTUALLY(!(status(&p)->pr_flags & PR_STOPPED) && status(&p)->pr_flags & PR_VFORKP);
	p.word[GO] = 2;
	RUNS(&p);
	SAME(p.word[HELP], child.pid);
	SAME(status(&p)->pr_flags & PR_VFORKP, 0);
	end(&p);
}

/* The same of a child that nobody holds, which is done before its parent goes on; and a step, of one instruction. */
static void in_vfork_alone(void)
{
	struct proc p = start(vforks);
	sysset_t set;
	fltset_t faults;

	fork_calls(&set);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	premptyset(&faults);
	praddset(&faults, FLTTRACE);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	p.word[GO] = 2;
	SAME(PUT(&p, PCWSTOP), 0);
	EVENTUALLY(!(status(&p)->pr_flags & PR_VFORKP));
	SAME(p.word[LAST + 1], 1);
	pstatus_t s = *status(&p);
	SAME(s.pr_lwp.pr_why, PR_SYSEXIT);
	SAME(s.pr_lwp.pr_rval1, s.pr_lwp.pr_reg[R_R0]);
	SAME(PUTL(&p, PCRUN, PRSTEP), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_FAULTED, FLTTRACE);
	CHECK(status(&p)->pr_lwp.pr_reg[R_PC] != s.pr_lwp.pr_reg[R_PC]);
	SAME(PUTL(&p, PCRUN, PRCFAULT), 0);
	RUNS(&p);
	SAME(p.word[HELP], s.pr_lwp.pr_rval1);
	end(&p);
}

static void *idles(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Execs itself, with other lwps about. */
static void execs(volatile long *w)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, idles, NULL);
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	char *argv[] = { arguments[0], arguments[1], "as_new_program", NULL };
	char *env[] = { "A=1", NULL };
	execve(arguments[0], argv, env);
	_exit(99);
}

static void as_new_program(void)
{
	for (;;)
		syscall(SYS_getppid);
}

static void execed(void)
{
	struct proc p = start(execs);
	sysset_t set;
	sigset_t sigs;

	premptyset(&set);
	praddset(&set, SYS_execve);
	premptyset(&sigs);
	praddset(&sigs, SIGHUP);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTL(&p, PCSET, PR_RLC | PR_BPTADJ), 0);
	SAME(status(&p)->pr_nlwp, 4);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SYSENTRY, SYS_execve);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	/* The new image is there and has not run: the others are gone. */
	STOPPED(&p, PR_SYSEXIT, SYS_execve);
	SAME(status(&p)->pr_lwp.pr_errno, 0);
	SAME(status(&p)->pr_nlwp, 1);
	SAME(status(&p)->pr_lwp.pr_lwpid, p.pid);
	/* Sets and modes stay. */
	SAME(memcmp(&status(&p)->pr_sigtrace, &sigs, sizeof sigs), 0);
	SAME(memcmp(&status(&p)->pr_sysexit, &set, sizeof set), 0);
	SAME(status(&p)->pr_flags & (PR_RLC | PR_BPTADJ), PR_RLC | PR_BPTADJ);
	premptyset(&set);
	praddset(&set, SYS_getppid);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SYSENTRY, SYS_getppid);
	end(&p);
}

static void fails_to_exec(volatile long *w)
{
	w[READY] = 1;
	for (;;) {
		char *none[] = { NULL };

		w[COUNT]++;
		if (execve("/nonexistent", none, none) == -1 && errno == ENOENT)
			w[HELP]++;
	}
}

static void exec_that_fails(void)
{
	struct proc p = start(fails_to_exec);
	sysset_t set;

	premptyset(&set);
	praddset(&set, SYS_execve);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	for (int i = 0; i < 5; i++) {
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SYSEXIT, SYS_execve);
		SAME(status(&p)->pr_lwp.pr_errno, ENOENT);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	end(&p);
}

static void leaves(volatile long *w)
{
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	_exit(42);
}

/* The entry of the call is the last chance. */
static void exits(void)
{
	struct proc p = start(leaves);
	sysset_t set;
	int wstat;

	premptyset(&set);
	praddset(&set, SYS_exit);
	praddset(&set, SYS_exit_group);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SYSENTRY, SYS_exit_group);
	SAME(status(&p)->pr_lwp.pr_sysarg[0], 42);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), ENOENT);
	/* A zombie has no status any more, and no control. */
	pstatus_t s;
	SAME(pread(p.st, &s, sizeof s, 0), -1);
	SAME(errno, ENOENT);
	SAME(PUT(&p, PCNULL), ENOENT);
	SAME(open(path_of(p.pid, "ctl"), O_WRONLY), -1);
	SAME(errno, ENOENT);
	SAME(waitpid(p.pid, &wstat, 0), p.pid);
	SAME(WEXITSTATUS(wstat), 42);
	SAME(PUT(&p, PCNULL), ENOENT);
}


CASES({ "followed", followed }, { "not_followed", not_followed }, { "in_vfork", in_vfork }, { "in_vfork_alone", in_vfork_alone },
    { "execed", execed },
    { "exec_that_fails", exec_that_fails }, { "exits", exits }, { "as_new_program", as_new_program })
