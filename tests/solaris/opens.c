/* Who writes: exclusive opens, a process's own files, and what happens when the last writer closes. */
#include "pr.h"

static int try(struct proc *p, const char *name, int flags)
{
	int fd = open(path_of(p->pid, name), flags);

	return fd < 0 ? -errno : fd;
}

static void exclusive(void)
{
	struct proc p = start_closed(spin);
	int a = try(&p, "ctl", O_WRONLY | O_EXCL), b;

	CHECK(a >= 0);
	SAME(try(&p, "ctl", O_WRONLY | O_EXCL), -EBUSY);
	/* Advisory: others come in that do not ask for it. */
	b = try(&p, "ctl", O_WRONLY);
	CHECK(b >= 0);
	close(a);
	SAME(try(&p, "ctl", O_WRONLY | O_EXCL), -EBUSY);
	close(b);
	/* A close is over when it has returned. */
	for (int i = 0; i < 500; i++) {
		a = try(&p, i % 2 ? "ctl" : "as", O_WRONLY | O_EXCL);
		CHECK(a >= 0);
		close(a);
	}
	/* Files of lwps count, too. */
	a = open_lwp(p.pid, p.pid, "lwpctl", O_WRONLY);
	SAME(try(&p, "ctl", O_WRONLY | O_EXCL), -EBUSY);
	close(a);
	/* Readers do not, and do not care. */
	a = try(&p, "status", O_RDONLY | O_EXCL);
	CHECK(a >= 0);
	b = try(&p, "ctl", O_WRONLY | O_EXCL);
	CHECK(b >= 0);
	CHECK(try(&p, "status", O_RDONLY | O_EXCL) >= 0);
	close(b);
	p.ctl = p.st = -1;
	end(&p);
}

static void opens_itself(volatile long *w)
{
	w[LAST] = open(path_of(getpid(), "ctl"), O_WRONLY);
	w[LAST + 1] = open(path_of(getpid(), "ctl"), O_WRONLY | O_EXCL);
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

static void of_oneself(void)
{
	struct proc p = start_closed(opens_itself);
	int a, b;

	CHECK(p.word[LAST] >= 0 && p.word[LAST + 1] >= 0);
	/* They count for nobody. */
	a = try(&p, "ctl", O_WRONLY | O_EXCL);
	CHECK(a >= 0);
	SAME(try(&p, "ctl", O_WRONLY | O_EXCL), -EBUSY);
	SAME(give(a, PCSTOP, NULL, 0), 0);
	SAME(give_long(a, PCSET, PR_RLC), 0);
	close(a);
	RUNS(&p);
	EVENTUALLY((b = try(&p, "ctl", O_WRONLY | O_EXCL)) >= 0);
	p.ctl = b;
	end(&p);
}

static void stops_itself(volatile long *w)
{
	int fd = open(path_of(getpid(), "ctl"), O_WRONLY);

	w[READY] = 1;
	w[LAST] = give(fd, PCSTOP, NULL, 0);
	for (;;)
		w[COUNT]++;
}

static void stop_oneself(void)
{
	struct proc p = start(stops_itself);

	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	STANDS(&p);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[LAST], 0);
	end(&p);
}

static void run_on_last_close(void)
{
	struct proc p = start(calls);
	sysset_t set;
	sigset_t sigs;
	fltset_t faults;
	int other, third;

	prfillset(&set);
	prfillset(&sigs);
	prfillset(&faults);
	SAME(PUTL(&p, PCSET, PR_RLC | PR_ASYNC), 0);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	/* A second writer, a dup, and a descriptor that a child has: only the last counts. */
	other = open_of(p.pid, "ctl", O_WRONLY);
	third = dup(p.ctl);
	int hold[2];
	CHECK(pipe(hold) == 0);
	pid_t child = fork();
	if (child == 0) {
		char c;

		close(hold[1]);
		close(other);
		close(third);
		if (read(hold[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(hold[0]);
	close(p.ctl);
	CHECK(IS_STOPPED(&p));
	close(other);
	CHECK(IS_STOPPED(&p));
	close(third);
	STANDS(&p);
	CHECK(IS_STOPPED(&p));
	/* A reader does not keep it. */
	close(hold[1]);
	RUNS(&p);
	pstatus_t *s = status(&p);
	premptyset(&set);
	premptyset(&sigs);
	premptyset(&faults);
	SAME(memcmp(&s->pr_sigtrace, &sigs, sizeof sigs), 0);
	SAME(memcmp(&s->pr_flttrace, &faults, sizeof faults), 0);
	SAME(memcmp(&s->pr_sysentry, &set, sizeof set), 0);
	SAME(memcmp(&s->pr_sysexit, &set, sizeof set), 0);
	SAME(s->pr_flags & (PR_RLC | PR_KLC), 0);
	SAME(s->pr_flags & PR_ASYNC, PR_ASYNC);
	SAME(waitpid(child, NULL, 0), child);
	RUNS(&p);
	SAME(p.word[ERRORS], 0);
	p.ctl = -1;
	end(&p);
}

/* In the middle of a step: its trap must not kill. */
static void run_on_last_close_in_a_step(void)
{
	for (int i = 0; i < 20; i++) {
		struct proc p = start(spin);
		fltset_t faults;

		premptyset(&faults);
		praddset(&faults, FLTTRACE);
		SAME(PUTL(&p, PCSET, PR_RLC), 0);
		SAME(PUTP(&p, PCSFAULT, faults), 0);
		SAME(PUT(&p, PCSTOP), 0);
		SAME(PUTL(&p, PCRUN, PRSTEP), 0);
		if (i % 2) {
			SAME(PUT(&p, PCWSTOP), 0);
			STOPPED(&p, PR_FAULTED, FLTTRACE);
		}
		if (i % 4 == 3) {
			/* Its event has been seen. */
			SAME(PUTL(&p, PCRUN, PRSTOP), 0);
			STOPPED(&p, PR_REQUESTED, 0);
		}
		close(p.ctl);
		RUNS(&p);
		SAME(status(&p)->pr_flags & (PR_STOPPED | PR_STEP), 0);
		p.ctl = -1;
		end(&p);
	}
}

static void kill_on_last_close(void)
{
	for (int i = 0; i < 4; i++) {
		struct proc p = start(spin);
		int wstat;

		/* It wins over the other. */
		SAME(PUTL(&p, PCSET, i % 2 ? PR_KLC : PR_KLC | PR_RLC), 0);
		if (i / 2)
			SAME(PUT(&p, PCSTOP), 0);
		close(p.ctl);
		SAME(waitpid(p.pid, &wstat, 0), p.pid);
		CHECK(WIFSIGNALED(wstat) && WTERMSIG(wstat) == SIGKILL);
		close(p.st);
	}
}

static void neither(void)
{
	struct proc p = start(calls);
	sigset_t sigs;
	sysset_t set;

	premptyset(&set);
	praddset(&set, SYS_getppid);
	premptyset(&sigs);
	praddset(&sigs, SIGHUP);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	close(p.ctl);
	STANDS(&p);
	STOPPED(&p, PR_SYSENTRY, SYS_getppid);
	SAME(memcmp(&status(&p)->pr_sigtrace, &sigs, sizeof sigs), 0);
	SAME(memcmp(&status(&p)->pr_sysentry, &set, sizeof set), 0);
	/* Who comes next goes on with it. */
	p.ctl = open_of(p.pid, "ctl", O_WRONLY | O_EXCL);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SYSENTRY, SYS_getppid);
	SAME(PUTL(&p, PCSET, PR_RLC), 0);
	SAME(PUTL(&p, PCUNSET, PR_RLC), 0);
	close(p.ctl);
	CHECK(IS_STOPPED(&p));
	p.ctl = -1;
	end(&p);
}

/* A writer that dies closes. */
static void a_writer_dies(void)
{
	struct proc p = start(spin);
	pid_t child = fork();

	if (child == 0) {
		int fd = open_of(p.pid, "ctl", O_WRONLY);

		close(p.ctl);
		give_long(fd, PCSET, PR_RLC);
		give(fd, PCSTOP, NULL, 0);
		kill(getpid(), SIGKILL);
	}
	close(p.ctl);
	SAME(waitpid(child, NULL, 0), child);
	RUNS(&p);
	EVENTUALLY(!(status(&p)->pr_flags & (PR_RLC | PR_STOPPED)));
	p.ctl = -1;
	end(&p);
}

CASES({ "exclusive", exclusive }, { "of_oneself", of_oneself }, { "stop_oneself", stop_oneself },
    { "run_on_last_close", run_on_last_close }, { "run_on_last_close_in_a_step", run_on_last_close_in_a_step },
    { "kill_on_last_close", kill_on_last_close }, { "neither", neither }, { "a_writer_dies", a_writer_dies })
