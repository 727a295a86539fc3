/* A client like truss(1): all entries and exits of busy lwps, none lost, in the order of each lwp; and one like a debugger:
   breakpoints in a process of ten lwps, none missed. */
#include "pr.h"

#define LWPS 3
#define ROUNDS 100

static volatile long *page;

/* Each round makes three calls in a fixed order, the first with the number of the round. */
static void *busy(void *n)
{
	long i = (long)n;

	page[TIDS + 2 * i] = own_lwp();
	while (!page[GO])
		sched_yield();
	for (long round = 0; round < ROUNDS; round++) {
		syscall(SYS_getppid, round);
		syscall(SYS_lseek, -1, round, 0);
		syscall(SYS_getpgid, 0);
	}
	page[TIDS + 2 * i + 1] = 1;
	for (;;)
		pause();
	return NULL;
}

static void busy_lwps(volatile long *w)
{
	pthread_t t;

	page = w;
	for (long i = 1; i < LWPS; i++)
		pthread_create(&t, NULL, busy, (void *)i);
	for (int i = 1; i < LWPS; i++)
		while (!w[TIDS + 2 * i])
			sched_yield();
	w[READY] = 1;
	busy(NULL);
}

static void calls_of(int asynchronous)
{
	static const int order[] = { SYS_getppid, SYS_lseek, SYS_getpgid };
	struct proc p = start(busy_lwps);
	sysset_t set;
	long seen[LWPS] = { 0 }, total = 0;

	premptyset(&set);
	for (int i = 0; i < 3; i++)
		praddset(&set, order[i]);
	if (asynchronous)
		SAME(PUTL(&p, PCSET, PR_ASYNC), 0);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	p.word[GO] = 1;
	while (total < LWPS * ROUNDS * 6L) {
		int i = 0;
		lwpstatus_t *s;

		SAME(PUT(&p, PCWSTOP), 0);
		s = &status(&p)->pr_lwp;
		while (i < LWPS && p.word[TIDS + 2 * i] != s->pr_lwpid)
			i++;
		CHECK(i < LWPS);
		if (s->pr_why == PR_REQUESTED) {
			SAME(PUTL(&p, PCRUN, 0), 0);
			continue;
		}
		long call = seen[i] / 2 % 3, round = seen[i] / 6;
		SAME(s->pr_why, seen[i] % 2 ? PR_SYSEXIT : PR_SYSENTRY);
		SAME(s->pr_what, order[call]);
		if (call == 0)
			SAME(s->pr_sysarg[0], round);
		if (call == 1)
			SAME(s->pr_sysarg[1], round);
		seen[i]++;
		total++;
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	for (int i = 0; i < LWPS; i++) {
		SAME(seen[i], ROUNDS * 6);
		EVENTUALLY(p.word[TIDS + 2 * i + 1]);
	}
	end(&p);
}

static void all_calls(void)
{
	calls_of(0);
}

#define THREADS 10

/* How often a breakpoint is hit, all lwps together. */
static long total_hits(void)
{
	const char *n = getenv("PFS_TEST_HITS");

	return n ? atol(n) / THREADS * THREADS : 10000;
}

static volatile long hits[THREADS];

static void __attribute__((noinline)) place(long i)
{
	__asm__ volatile("nop" : : : "memory");
	hits[i]++;
}

static void *hitter(void *n)
{
	long i = (long)n, most = total_hits();

	page[TIDS + 2 * i] = own_lwp();
	while (!page[GO])
		sched_yield();
	for (long round = 0; round < most / THREADS; round++) {
		place(i);
		page[TIDS + 2 * i + 1] = hits[i];
	}
	for (;;)
		pause();
	return NULL;
}

static void hitters(volatile long *w)
{
	pthread_t t;

	page = w;
	for (long i = 1; i < THREADS; i++)
		pthread_create(&t, NULL, hitter, (void *)i);
	for (int i = 1; i < THREADS; i++)
		while (!w[TIDS + 2 * i])
			sched_yield();
	w[READY] = 1;
	hitter(NULL);
}

static int poke(struct proc *p, long at, unsigned char byte)
{
	priovec_t v;

	memset(&v, 0, sizeof v);
	v.pio_base = &byte;
	v.pio_len = 1;
	v.pio_offset = (off_t)at;
	return PUTP(p, PCWRITE, v);
}

/* A breakpoint is stepped over by its lwp alone, so that no other runs past it meanwhile. */
static void breakpoints(void)
{
	struct proc p = start(hitters);
	unsigned char was = *(unsigned char *)place;
	fltset_t faults;
	long seen[THREADS] = { 0 }, total = 0, most = total_hits();
	int ctls[THREADS];

	premptyset(&faults);
	praddset(&faults, FLTBPT);
	praddset(&faults, FLTTRACE);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	SAME(PUTL(&p, PCSET, PR_BPTADJ), 0);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(poke(&p, (long)place, 0xcc), 0);
	for (int i = 0; i < THREADS; i++)
		ctls[i] = open_lwp(p.pid, p.word[TIDS + 2 * i], "lwpctl", O_WRONLY);
	SAME(PUTL(&p, PCRUN, 0), 0);
	p.word[GO] = 1;
	while (total < most) {
		struct msg m = { 0 };
		lwpstatus_t *s;
		int i = 0;

		SAME(PUT(&p, PCWSTOP), 0);
		s = &status(&p)->pr_lwp;
		if (s->pr_why == PR_REQUESTED) {
			SAME(PUTL(&p, PCRUN, 0), 0);
			continue;
		}
		SAME(s->pr_why, PR_FAULTED);
		SAME(s->pr_what, FLTBPT);
		SAME(s->pr_reg[R_PC], (long)place);
		while (i < THREADS && p.word[TIDS + 2 * i] != s->pr_lwpid)
			i++;
		CHECK(i < THREADS);
		seen[i]++;
		total++;
		SAME(poke(&p, (long)place, was), 0);
		add_long(&m, PCRUN);
		add_long(&m, PRCFAULT | PRSTEP);
		add_long(&m, PCWSTOP);
		SAME(put(ctls[i], &m), 0);
		LWP_STOPPED(&p, p.word[TIDS + 2 * i], PR_FAULTED, FLTTRACE);
		SAME(poke(&p, (long)place, 0xcc), 0);
		SAME(give(ctls[i], PCCFAULT, NULL, 0), 0);
		/* Takes the event of the step from sight; the rest waits until those of the others have been seen. */
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		SAME(seen[i], most / THREADS);
		EVENTUALLY(p.word[TIDS + 2 * i + 1] == most / THREADS);
	}
	end(&p);
}

static void all_calls_asynchronously(void)
{
	calls_of(1);
}

CASES({ "all_calls", all_calls }, { "all_calls_asynchronously", all_calls_asynchronously }, { "breakpoints", breakpoints })
