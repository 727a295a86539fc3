/* killed MOUNT CASE: works on processes until the file system is gone, and finds them running then. Says "ready" when it works. */
#include "pr.h"

static int is_over(int e)
{
	return e == ENOTCONN || e == ECONNABORTED || e == EIO;
}

static void in_all_work(void)
{
	struct proc p = start(spin), q = start(calls), r = start(logs), s = start(sled_of_nops);
	struct proc *all[] = { &p, &q, &r, &s };
	sysset_t set;
	sigset_t sigs;
	fltset_t faults;
	int e = 0, n = 0;
	long sent = 0;

	premptyset(&set);
	praddset(&set, SYS_getppid);
	prfillset(&sigs);
	premptyset(&faults);
	praddset(&faults, FLTTRACE);
	e = PUTP(&q, PCSENTRY, set);
	e = e ? e : PUTP(&q, PCSEXIT, set);
	e = e ? e : PUTP(&r, PCSTRACE, sigs);
	e = e ? e : PUTP(&s, PCSFAULT, faults);
	SAME(e, 0);
	while (!is_over(e)) {
		struct msg m = { 0 };

		if (n++ == 20 && write(1, "ready\n", 6) != 6)
			_exit(9);
		e = PUT(&p, PCSTOP);
		e = is_over(e) ? e : PUTL(&p, PCRUN, 0);
		add_long(&m, PCTWSTOP);
		add_long(&m, 1000);
		add_long(&m, PCRUN);
		add_long(&m, 0);
		e = is_over(e) ? e : put(q.ctl, &m);
		if (!is_over(e)) {
			kill(r.pid, 40);
			sent++;
			add_long(&m, PCTWSTOP);
			add_long(&m, 1000);
			add_long(&m, PCRUN);
			add_long(&m, 0);
			e = put(r.ctl, &m);
		}
		e = is_over(e) ? e : PUT(&s, PCSTOP);
		for (int i = 0; i < 5 && !is_over(e); i++) {
			add_long(&m, PCRUN);
			add_long(&m, PRCFAULT | PRSTEP);
			add_long(&m, PCWSTOP);
			e = put(s.ctl, &m);
		}
		e = is_over(e) ? e : PUTL(&s, PCRUN, PRCFAULT);
	}
	for (int i = 0; i < 4; i++) {
		SAME(waitpid(all[i]->pid, NULL, WNOHANG), 0);
		RUNS(all[i]);
	}
	SAME(q.word[ERRORS], 0);
	EVENTUALLY(r.word[SIGNALS + 40] == sent);
}

CASES({ "in_all_work", in_all_work })
