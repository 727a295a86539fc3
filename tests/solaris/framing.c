/* Several messages in a write: how they are framed, what is done of a write that fails, and how a wait is broken off. */
#include "pr.h"
#include <sys/uio.h>

static sigset_t one(int sig)
{
	sigset_t set;

	premptyset(&set);
	praddset(&set, sig);
	return set;
}

static int traces(struct proc *p, int sig)
{
	sigset_t set = one(sig);

	return !memcmp(&status(p)->pr_sigtrace, &set, sizeof set);
}

static void add_set(struct msg *m, long code, int sig)
{
	sigset_t set = one(sig);

	add_long(m, code);
	add(m, &set, sizeof set);
}

static void several(void)
{
	struct proc p = start(calls);
	struct msg m = { 0 };
	sysset_t set;

	premptyset(&set);
	praddset(&set, SYS_getppid);
	add_long(&m, PCNULL);
	add_long(&m, PCSTOP);
	add_set(&m, PCSTRACE, SIGHUP);
	add_long(&m, PCSENTRY);
	add(&m, &set, sizeof set);
	add_long(&m, PCSET);
	add_long(&m, PR_RLC | PR_BPTADJ);
	add_long(&m, PCRUN);
	add_long(&m, 0);
	add_long(&m, PCTWSTOP);
	add_long(&m, 60000);
	SAME(put(p.ctl, &m), 0);
	STOPPED(&p, PR_SYSENTRY, SYS_getppid);
	CHECK(traces(&p, SIGHUP));
	SAME(status(&p)->pr_flags & (PR_RLC | PR_BPTADJ), PR_RLC | PR_BPTADJ);
	/* A thousand in a write. */
	for (int i = 0; i < 1000; i++)
		add_long(&m, PCNULL);
	add_set(&m, PCSTRACE, SIGINT);
	SAME(put(p.ctl, &m), 0);
	CHECK(traces(&p, SIGINT));
	end(&p);
}

static void the_first_that_fails_ends_it(void)
{
	struct proc p = start(spin);
	struct msg m = { 0 };

	add_set(&m, PCSTRACE, SIGHUP);
	add_long(&m, PCRUN);
	add_long(&m, 0);
	add_set(&m, PCSTRACE, SIGINT);
	SAME(put(p.ctl, &m), EBUSY);
	CHECK(traces(&p, SIGHUP));
	add_set(&m, PCSTRACE, SIGINT);
	add_long(&m, PCKILL);
	add_long(&m, 0);
	add_set(&m, PCSTRACE, SIGHUP);
	SAME(put(p.ctl, &m), EINVAL);
	CHECK(traces(&p, SIGINT));
	/* Two messages, the second bad. */
	add_long(&m, PCSTOP);
	add_long(&m, 99);
	SAME(put(p.ctl, &m), EINVAL);
	STOPPED(&p, PR_REQUESTED, 0);
	end(&p);
}

static void what_is_no_message(void)
{
	struct proc p = start(spin);
	struct msg m = { 0 };
	static const long wrong[] = { -1, 32, 33, 100, 0x7fffffff, (long)0x80000000 };

	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		add_set(&m, PCSTRACE, 1 + (int)i);
		add_long(&m, wrong[i]);
		SAME(put(p.ctl, &m), EINVAL);
		CHECK(traces(&p, 1 + (int)i));
	}
#ifdef __x86_64__
	SAME(give(p.ctl, (1L << 32) + PCSTOP, NULL, 0), EINVAL);
#endif
	/* An operand that is cut off, at each length. */
	for (size_t n = 0; n < sizeof (sysset_t); n += n < 8 ? 1 : 8) {
		sysset_t set;

		premptyset(&set);
		add_set(&m, PCSTRACE, n % 2 ? SIGHUP : SIGINT);
		add_long(&m, PCSENTRY);
		add(&m, &set, n);
		SAME(put(p.ctl, &m), EINVAL);
		CHECK(traces(&p, n % 2 ? SIGHUP : SIGINT));
	}
	/* Bytes behind the last message; less than a code. */
	for (size_t n = 1; n < sizeof (long); n++) {
		add_set(&m, PCSTRACE, 30 + (int)n);
		add(&m, "\0\0\0\0\0\0\0", n);
		SAME(put(p.ctl, &m), EINVAL);
		CHECK(traces(&p, 30 + (int)n));
		add(&m, "\0\0\0\0\0\0\0", n);
		SAME(put(p.ctl, &m), EINVAL);
	}
	SAME(status(&p)->pr_flags & (PR_STOPPED | PR_DSTOP), 0);
	end(&p);
}

static void ways_to_write(void)
{
	struct proc p = start(spin);
	struct msg m = { 0 };
	sigset_t set = one(SIGHUP);
	long code = PCSTRACE, null = PCNULL;
	struct iovec v[] = { { &code, sizeof code }, { &set, sizeof set }, { &null, sizeof null } };
	char c;

	SAME(write(p.ctl, &c, 0), 0);
	SAME(writev(p.ctl, v, 3), 2 * sizeof (long) + sizeof set);
	CHECK(traces(&p, SIGHUP));
	/* It is a stream, or a second thread could not write while the first waits: there is no offset to ignore. */
	add_set(&m, PCSTRACE, SIGINT);
	SAME(pwrite(p.ctl, m.b, m.n, 4096), -1);
	SAME(errno, ESPIPE);
	/* It cannot be read, and the status cannot be written. */
	int both = open_of(p.pid, "ctl", O_RDWR);
	SAME(read(both, &c, 1), -1);
	SAME(errno, EINVAL);
	SAME(write(p.st, &c, 1), -1);
	SAME(errno, EBADF);
	end(&p);
}

static void nothing(int sig)
{
	(void)sig;
}

/* A signal comes while the write waits: what came before is done, and the stop is still asked for. */
static void a_wait_is_broken_off(void)
{
	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		struct proc p = start(spin);
		struct msg m = { 0 };
		struct sigaction sa;
		struct itimerval often = { { 0, 20000 }, { 0, 50000 } }, never = { { 0, 0 }, { 0, 0 } };

		memset(&sa, 0, sizeof sa);
		sa.sa_handler = nothing;
		sa.sa_flags = flags;
		SAME(sigaction(SIGALRM, &sa, NULL), 0);
		setitimer(ITIMER_REAL, &often, NULL);
		add_set(&m, PCSTRACE, SIGHUP);
		add_long(&m, PCWSTOP);
		add_set(&m, PCSTRACE, SIGINT);
		int e = put(p.ctl, &m);
		setitimer(ITIMER_REAL, &never, NULL);
		SAME(e, EINTR);
		CHECK(traces(&p, SIGHUP));
		SAME(status(&p)->pr_flags & (PR_DSTOP | PR_STOPPED), 0);
		RUNS(&p);
		/* It cannot stop while job control holds it. */
		kill(p.pid, SIGSTOP);
		SAME(waitpid(p.pid, NULL, WUNTRACED), p.pid);
		setitimer(ITIMER_REAL, &often, NULL);
		e = PUT(&p, PCSTOP);
		setitimer(ITIMER_REAL, &never, NULL);
		SAME(e, EINTR);
		SAME(status(&p)->pr_flags & (PR_DSTOP | PR_ISTOP | PR_STOPPED), PR_DSTOP | PR_STOPPED);
		kill(p.pid, SIGCONT);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		end(&p);
	}
}

/* The sequences that programs for Solaris make. */
static void usual_sequences(void)
{
	struct proc p = start(calls);
	struct msg m = { 0 };
	sysset_t set;
	fltset_t faults;
	sigset_t none;

	/* Attach and stop, in two seconds at most. */
	add_long(&m, PCDSTOP);
	add_long(&m, PCTWSTOP);
	add_long(&m, 2000);
	SAME(put(p.ctl, &m), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	/* All exits, run, wait. */
	prfillset(&set);
	add_long(&m, PCSEXIT);
	add(&m, &set, sizeof set);
	add_long(&m, PCRUN);
	add_long(&m, 0);
	add_long(&m, PCWSTOP);
	SAME(put(p.ctl, &m), 0);
	STOPPED(&p, PR_SYSEXIT, SYS_getppid);
	/* Step. */
	premptyset(&set);
	premptyset(&faults);
	praddset(&faults, FLTTRACE);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	for (int i = 0; i < 20; i++) {
		add_long(&m, PCRUN);
		add_long(&m, PRCSIG | PRCFAULT | PRSTEP);
		add_long(&m, PCWSTOP);
		SAME(put(p.ctl, &m), 0);
		STOPPED(&p, PR_FAULTED, FLTTRACE);
	}
	/* Let go by hand. */
	premptyset(&none);
	premptyset(&faults);
	add_long(&m, PCSTRACE);
	add(&m, &none, sizeof none);
	add_long(&m, PCSFAULT);
	add(&m, &faults, sizeof faults);
	add_long(&m, PCSENTRY);
	add(&m, &set, sizeof set);
	add_long(&m, PCSEXIT);
	add(&m, &set, sizeof set);
	add_long(&m, PCRUN);
	add_long(&m, PRCSIG | PRCFAULT);
	SAME(put(p.ctl, &m), 0);
	RUNS(&p);
	/* Let go by closing. */
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCSET, PR_RLC), 0);
	close(p.ctl);
	RUNS(&p);
	SAME(p.word[ERRORS], 0);
	end(&p);
}

CASES({ "several", several }, { "the_first_that_fails_ends_it", the_first_that_fails_ends_it },
    { "what_is_no_message", what_is_no_message }, { "ways_to_write", ways_to_write },
    { "a_wait_is_broken_off", a_wait_is_broken_off }, { "usual_sequences", usual_sequences })
