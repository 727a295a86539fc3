/* beside MOUNT CASE LINUX: the same process through this flavour and through `linux`, mounted at LINUX by the same daemon. */
#include "pr.h"

static int other;

static int say(const char *text)
{
	return write(other, text, strlen(text)) < 0 ? errno : 0;
}

static struct proc begin(void (*body)(volatile long *))
{
	struct proc p = start(body);
	char path[4096];

	snprintf(path, sizeof path, "%s/%d/ctl", arguments[3], (int)p.pid);
	other = open(path, O_WRONLY);
	CHECK(other >= 0);
	return p;
}

static void suspended(void)
{
	struct proc p = begin(spin);

	/* Stopped by the other: no event stop here, and not ours to run. */
	SAME(say("stop"), 0);
	SAME(status(&p)->pr_flags & (PR_STOPPED | PR_ISTOP), PR_STOPPED);
	SAME(status(&p)->pr_lwp.pr_why, PR_SUSPENDED);
	SAME(status(&p)->pr_lwp.pr_what, 0);
	SAME(PUTL(&p, PCRUN, 0), EBUSY);
	SAME(PUT(&p, PCWSTOP), 0);
	/* Asked for here as well, it stands until both let it run. */
	SAME(PUT(&p, PCSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(say("run"), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	STANDS(&p);
	SAME(say("stop"), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(status(&p)->pr_lwp.pr_why, PR_SUSPENDED);
	STANDS(&p);
	SAME(say("run"), 0);
	RUNS(&p);
	/* Stopped here, the other's run does not run it. */
	SAME(PUT(&p, PCSTOP), 0);
	SAME(say("run"), EBUSY);
	STANDS(&p);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	end(&p);
}

static void mixed(volatile long *w)
{
	logged = w;
	signal(40, logger);
	signal(SIGTRAP, logger);
	pid_t parent = getppid();
	w[READY] = 1;
	for (;;) {
		w[COUNT]++;
		errno = 0;
		if (syscall(SYS_getppid) != parent)
			w[ERRORS]++;
	}
}

static unsigned next(unsigned n)
{
	static unsigned long long x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x % n);
}

/* Ten thousand operations: it runs in the end, and got each signal once. */
static void random_operations(void)
{
	static const char *const words[] = { "stop", "run", "trace in all", "trace in none", "trace sig all", "trace sig none", "run", "trace out all", "trace out none" };
	struct proc p = begin(mixed);
	sysset_t calls;
	sigset_t sigs;
	fltset_t faults;
	long sent = 0;
	int many = getenv("PFS_TEST_OPERATIONS") ? atoi(getenv("PFS_TEST_OPERATIONS")) : 10000;

	prfillset(&faults);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	for (int i = 0; i < many; i++) {
		int e = 0;

		switch (next(12)) {
		case 0:
			e = PUT(&p, PCSTOP);
			break;
		case 1:
			e = PUT(&p, PCDSTOP);
			break;
		case 2:
			e = PUTL(&p, PCTWSTOP, 1);
			break;
		case 3:
		case 4:
			/* The trap of a step is a fault: whoever does not clear it gets its signal. */
			e = PUTL(&p, PCRUN, PRCFAULT | (next(4) ? 0 : PRSTEP));
			break;
		case 5:
			e = PUTL(&p, PCRUN, PRCFAULT | PRSTOP);
			break;
		case 6:
			premptyset(&sigs);
			if (next(2))
				praddset(&sigs, 40);
			e = PUTP(&p, PCSTRACE, sigs);
			break;
		case 7:
			premptyset(&calls);
			if (next(2))
				praddset(&calls, SYS_getppid);
			e = PUTP(&p, next(2) ? PCSENTRY : PCSEXIT, calls);
			break;
		case 8:
			/* No more than one is pending: they are counted by the program. */
			e = kill(p.pid, 40);
			sent++;
			break;
		default:
			e = say(words[next(sizeof words / sizeof *words)]);
			break;
		}
		if (e != 0 && e != EBUSY) {
			int wstat = 0;

			waitpid(p.pid, &wstat, WNOHANG);
			fprintf(stderr, "operation %d: errno %d, wait status %#x\n", i, e, wstat);
			exit(1);
		}
	}
	premptyset(&calls);
	premptyset(&sigs);
	SAME(PUTP(&p, PCSENTRY, calls), 0);
	SAME(PUTP(&p, PCSEXIT, calls), 0);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	/* It may be held by nobody there. */
	int last = say("trace in none\ntrace out none\ntrace sig none\nrun");
	CHECK(last == 0 || last == EBUSY);
	/* A step that is under way would still stop it. */
	SAME(PUT(&p, PCSTOP), 0);
	for (int e = 0; e == 0 || status(&p)->pr_flags & PR_ISTOP;)
		e = PUTL(&p, PCRUN, PRCFAULT);
	RUNS(&p);
	EVENTUALLY(p.word[SIGNALS + 40] == sent);
	SAME(p.word[ERRORS], 0);
	/* With both gone nothing is left. */
	SAME(PUTL(&p, PCSET, PR_RLC), 0);
	close(p.ctl);
	close(other);
	RUNS(&p);
	p.ctl = -1;
	end(&p);
}

CASES({ "suspended", suspended }, { "random_operations", random_operations })
