/* A process of several lwps: which one speaks for it, what PCRUN consumes, who else stops. */
#include "pr.h"

#define LWPS 4

static long lwp_id(struct proc *p, int i)
{
	return p->word[TIDS + 2 * i + 1];
}

static volatile long *count_of(struct proc *p, int i)
{
	return p->word + (i ? TIDS + 2 * i : COUNT);
}

/* Four lwps that make one call each again and again when told; lwp i calls getppid with i as an argument. */
static volatile long *page;

static void *caller(void *n)
{
	long i = (long)n;

	page[TIDS + 2 * i + 1] = own_lwp();
	while (!page[GO])
		page[i ? TIDS + 2 * i : COUNT]++;
	for (;;) {
		page[i ? TIDS + 2 * i : COUNT]++;
		syscall(SYS_getppid, i);
	}
	return NULL;
}

static void callers(volatile long *w)
{
	pthread_t t;

	page = w;
	for (long i = 1; i < LWPS; i++)
		pthread_create(&t, NULL, caller, (void *)i);
	for (int i = 1; i < LWPS; i++)
		while (!w[TIDS + 2 * i + 1])
			sched_yield();
	w[READY] = 1;
	caller(NULL);
}

static int stands(struct proc *p, int i)
{
	return lwpstatus(p, lwp_id(p, i))->pr_flags & PR_ISTOP;
}

static void entries(struct proc *p, int on)
{
	sysset_t set;

	premptyset(&set);
	if (on)
		praddset(&set, SYS_getppid);
	SAME(PUTP(p, PCSENTRY, set), 0);
}

static void ids_in_order(void)
{
	struct proc p = start(callers);

	SAME(status(&p)->pr_nlwp, LWPS);
	SAME(PUT(&p, PCSTOP), 0);
	for (int i = 0; i < LWPS; i++)
		LWP_STOPPED(&p, lwp_id(&p, i), PR_REQUESTED, 0);
	/* All of them in one read of lstatus. */
	char all[65536];
	int fd = open_of(p.pid, "lstatus", O_RDONLY);
	prheader_t head;
	ssize_t n = read(fd, all, sizeof all);
	CHECK(n > (ssize_t)sizeof head);
	memcpy(&head, all, sizeof head);
	SAME(head.pr_nent, LWPS);
	SAME(n, (long)sizeof head + head.pr_nent * head.pr_entsize);
	for (int i = 0; i < LWPS; i++) {
		lwpstatus_t s;

		memcpy(&s, all + sizeof head + i * head.pr_entsize, sizeof s);
		CHECK(s.pr_flags & PR_ISTOP);
	}
	/* One PCRUN: all are set going. */
	SAME(PUTL(&p, PCRUN, 0), 0);
	for (int i = 0; i < LWPS; i++) {
		long was = *count_of(&p, i);
		EVENTUALLY(*count_of(&p, i) != was);
	}
	end(&p);
}

/* The stop of one on an event stops the others. */
static void a_synchronous_stop(void)
{
	struct proc p = start(callers);
	int at_entry = 0;

	entries(&p, 1);
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	/* An event, not a mere request, is what is shown. */
	STOPPED(&p, PR_SYSENTRY, SYS_getppid);
	for (int i = 0; i < LWPS; i++) {
		lwpstatus_t *s = lwpstatus(&p, lwp_id(&p, i));

		CHECK(s->pr_flags & PR_ISTOP);
		CHECK(s->pr_why == PR_SYSENTRY || s->pr_why == PR_REQUESTED);
		at_entry += s->pr_why == PR_SYSENTRY;
		if (s->pr_why == PR_SYSENTRY)
			SAME(s->pr_sysarg[0], i);
	}
	CHECK(at_entry >= 1);
	/* Each PCRUN takes one event from sight; the last sets all going. */
	entries(&p, 0);
	for (int left = at_entry; left > 0; left--) {
		STOPPED(&p, PR_SYSENTRY, SYS_getppid);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	for (int i = 0; i < LWPS; i++) {
		long was = *count_of(&p, i);
		EVENTUALLY(*count_of(&p, i) != was);
	}
	end(&p);
}

static void an_asynchronous_stop(void)
{
	struct proc p = start(callers);
	long seen[LWPS], lwp;

	SAME(PUTL(&p, PCSET, PR_ASYNC), 0);
	entries(&p, 1);
	/* One lwp alone gets there: the others are not told. */
	SAME(give(open_lwp(p.pid, lwp_id(&p, 1), "lwpctl", O_WRONLY), PCSTOP, NULL, 0), 0);
	RUNS(&p);
	SAME(status(&p)->pr_flags & PR_STOPPED, 0);
	CHECK(stands(&p, 1));
	CHECK(!stands(&p, 2));
	SAME(give_long(open_lwp(p.pid, lwp_id(&p, 1), "lwpctl", O_WRONLY), PCRUN, 0), 0);
	p.word[GO] = 1;
	for (int i = 0; i < LWPS; i++)
		EVENTUALLY(stands(&p, i));
	/* All four stand on events of their own. */
	for (int i = 0; i < LWPS; i++) {
		LWP_STOPPED(&p, lwp_id(&p, i), PR_SYSENTRY, SYS_getppid);
		seen[i] = 0;
	}
	SAME(PUT(&p, PCWSTOP), 0);
	for (int n = 0; n < LWPS; n++) {
		STOPPED(&p, PR_SYSENTRY, SYS_getppid);
		lwp = status(&p)->pr_lwp.pr_lwpid;
		for (int i = 0; i < LWPS; i++)
			if (lwp_id(&p, i) == lwp)
				seen[i]++;
		long counts[LWPS];
		for (int i = 0; i < LWPS; i++)
			counts[i] = *count_of(&p, i);
		if (n == LWPS - 1)
			entries(&p, 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
		if (n < LWPS - 1) {
			/* What was consumed stands by request, and nobody has moved. */
			LWP_STOPPED(&p, lwp, PR_REQUESTED, 0);
			for (int i = 0; i < LWPS; i++)
				SAME(*count_of(&p, i), counts[i]);
		}
	}
	for (int i = 0; i < LWPS; i++) {
		SAME(seen[i], 1);
		long was = *count_of(&p, i);
		EVENTUALLY(*count_of(&p, i) != was);
	}
	end(&p);
}

static void one_alone(void)
{
	struct proc p = start(callers);
	int ctl = open_lwp(p.pid, lwp_id(&p, 2), "lwpctl", O_WRONLY);

	SAME(PUT(&p, PCSTOP), 0);
	long was[LWPS];
	for (int i = 0; i < LWPS; i++)
		was[i] = *count_of(&p, i);
	/* Through lwpctl one runs. */
	SAME(give_long(ctl, PCRUN, 0), 0);
	EVENTUALLY(*count_of(&p, 2) != was[2]);
	for (int i = 0; i < LWPS; i++)
		if (i != 2)
			SAME(*count_of(&p, i), was[i]);
	/* What runs speaks for the process, which does not stand. */
	SAME(status(&p)->pr_lwp.pr_lwpid, lwp_id(&p, 2));
	SAME(status(&p)->pr_flags & PR_STOPPED, 0);
	SAME(PUTL(&p, PCTWSTOP, 10), 0);
	SAME(IS_STOPPED(&p), 0);
	SAME(give(ctl, PCSTOP, NULL, 0), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	/* Through ctl with a step, one alone. */
	for (int i = 0; i < LWPS; i++)
		was[i] = *count_of(&p, i);
	fltset_t trace;
	premptyset(&trace);
	praddset(&trace, FLTTRACE);
	SAME(PUTP(&p, PCSFAULT, trace), 0);
	for (int i = 0; i < 20; i++) {
		long lwp = status(&p)->pr_lwp.pr_lwpid;
		long pc = status(&p)->pr_lwp.pr_reg[R_PC];

		SAME(PUTL(&p, PCRUN, PRSTEP | PRCFAULT), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_FAULTED, FLTTRACE);
		SAME(status(&p)->pr_lwp.pr_lwpid, lwp);
		CHECK(status(&p)->pr_lwp.pr_reg[R_PC] != pc);
	}
	SAME(PUTL(&p, PCRUN, PRCFAULT), 0);
	for (int i = 0; i < LWPS; i++)
		EVENTUALLY(*count_of(&p, i) != was[i]);
	end(&p);
}

/* Two lwps in job control and others: a directive that is pending is all that PCRUN takes back. */
static void a_directive_is_taken_back(void)
{
	struct proc p = start(callers);

	kill(p.pid, SIGSTOP);
	SAME(waitpid(p.pid, NULL, WUNTRACED), p.pid);
	SAME(PUT(&p, PCDSTOP), 0);
	CHECK(status(&p)->pr_flags & PR_DSTOP);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(status(&p)->pr_flags & PR_DSTOP, 0);
	for (int i = 0; i < LWPS; i++)
		SAME(lwpstatus(&p, lwp_id(&p, i))->pr_flags & PR_DSTOP, 0);
	kill(p.pid, SIGCONT);
	RUNS(&p);
	end(&p);
}

static void *ends(void *unused)
{
	long *id = unused;

	*id = own_lwp();
	return NULL;
}

/* Makes an lwp that ends at once, each time it is told. */
static void makes(volatile long *w)
{
	long rounds = 0;

	w[READY] = 1;
	for (;;) {
		pthread_t t;
		long id = 0;

		w[COUNT]++;
		if (w[GO] == rounds)
			continue;
		if (pthread_create(&t, NULL, ends, &id) != 0)
			_exit(9);
		pthread_join(t, NULL);
		w[LAST] = id;
		rounds++;
	}
}

/* What stands at the entry of its end goes alone when it is consumed. */
static void at_its_end(void)
{
	struct proc p = start(makes);
	sysset_t set;

	premptyset(&set);
	praddset(&set, SYS_exit);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	for (long round = 1; round <= 3; round++) {
		p.word[GO] = round;
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SYSENTRY, SYS_exit);
		CHECK(status(&p)->pr_lwp.pr_lwpid != p.pid);
		SAME(status(&p)->pr_nlwp, 2);
		SAME(PUTL(&p, PCRUN, 0), 0);
		EVENTUALLY(p.word[LAST] && status(&p)->pr_nlwp == 1);
		if (IS_STOPPED(&p))
			SAME(PUTL(&p, PCRUN, 0), 0);
		RUNS(&p);
	}
	end(&p);
}

/* A new lwp begins at the end of the call that made it, if that is traced. */
static void lwp_create(void)
{
	struct proc p = start(makes);
	sysset_t set;
	long maker = 0, made = 0;

	premptyset(&set);
	praddset(&set, SYS_clone);
	praddset(&set, SYS_clone3);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	p.word[GO] = 1;
	for (int i = 0; i < 2; i++) {
		SAME(PUT(&p, PCWSTOP), 0);
		pstatus_t *s = status(&p);
		SAME(s->pr_lwp.pr_why, PR_SYSEXIT);
		CHECK(s->pr_lwp.pr_what == SYS_clone || s->pr_lwp.pr_what == SYS_clone3);
		if (s->pr_lwp.pr_lwpid == p.pid)
			maker++;
		else
			made++;
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	SAME(maker, 1);
	SAME(made, 1);
	EVENTUALLY(p.word[LAST]);
	RUNS(&p);
	end(&p);
}

/* A stop while lwps are made: nobody escapes it. */
static void nobody_escapes(void)
{
	struct proc p = start(makes);

	p.word[GO] = 1L << 30;
	for (int i = 0; i < 100; i++) {
		char path[64];
		long was;

		SAME(PUT(&p, PCSTOP), 0);
		was = p.word[COUNT];
		snprintf(path, sizeof path, "/proc/%d/task", (int)p.pid);
		SAME(p.word[COUNT], was);
		CHECK(IS_STOPPED(&p));
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	RUNS(&p);
	end(&p);
}

CASES({ "ids_in_order", ids_in_order }, { "a_synchronous_stop", a_synchronous_stop },
    { "an_asynchronous_stop", an_asynchronous_stop }, { "one_alone", one_alone },
    { "a_directive_is_taken_back", a_directive_is_taken_back }, { "at_its_end", at_its_end },
    { "lwp_create", lwp_create }, { "nobody_escapes", nobody_escapes })
