/* killed MOUNT CASE: works on processes until the file system is gone, and finds them running then. Says "ready" when it works. */
#include "pr.h"
#include <dirent.h>

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

/* A set of signals of the process as the kernel shows it. */
static unsigned long long shown(pid_t pid, const char *name)
{
	char line[256], path[64];
	unsigned long long set = 0;
	size_t n = strlen(name);
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	CHECK((f = fopen(path, "r")) != NULL);
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, name, n) && line[n] == ':')
			CHECK(sscanf(line + n + 1, "%llx", &set) == 1);
	fclose(f);
	return set;
}

/* The four ids of an lwp in this line. */
static void ids_of(pid_t pid, long lwp, const char *name, unsigned long *to)
{
	char line[256], path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%ld/status", (int)pid, lwp);
	CHECK((f = fopen(path, "r")) != NULL);
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, name, 4))
			CHECK(sscanf(line + 4, "%lu %lu %lu %lu", to, to + 1, to + 2, to + 3) == 4);
	fclose(f);
}

/* One process gets a signal that it blocks, again and again, and the lwps of the other get other ids. */
static void in_signals_and_ids(void)
{
	const unsigned long long usr1 = 1 << (SIGUSR1 - 1);
	struct proc p = start(logs), q = start(crowd);
	volatile long *had = p.word + SIGNALS + SIGUSR1;
	int e = 0, n = 0, ids = geteuid() == 0;
	sigset_t blocked;
	siginfo_t info;
	prcred_t cred;
	long given = 0, before[4];

	premptyset(&blocked);
	praddset(&blocked, SIGUSR1);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTP(&p, PCSHOLD, blocked), 0);
	memset(&info, 0, sizeof info);
	info.si_signo = SIGUSR1;
	memset(&cred, 0, sizeof cred);
	while (!is_over(e)) {
		struct msg m = { 0 };

		if (n++ == 20 && write(1, "ready\n", 6) != 6)
			_exit(9);
		add_long(&m, PCSTOP);
		add_long(&m, PCSSIG);
		add(&m, &info, sizeof info);
		add_long(&m, PCRUN);
		add_long(&m, 0);
		e = put(p.ctl, &m);
		given += e == 0;
		/* Set again before it has come, it would come once. Without us it waits until it is let in. */
		EVENTUALLY(*had >= given || (is_over(access(mnt, F_OK) ? errno : 0) && shown(p.pid, "SigPnd") & usr1));
		cred.pr_ruid = cred.pr_suid = cred.pr_rgid = cred.pr_sgid = 1000 + n % 2;
		if (ids && !is_over(e))
			e = PUTP(&q, PCSCRED, cred);
	}
	RUNS(&p);
	RUNS(&q);
	/* The last one may have come, or wait, or not have been set. */
	CHECK(*had >= given - 1 && *had <= given + 1);
	/* While no handler runs the mask is as it was. */
	EVENTUALLY(shown(p.pid, "SigBlk") == usr1);
	/* No lwp was left behind. */
	for (int i = 0; i < 4; i++)
		before[i] = i ? q.word[TIDS + 2 * i] : q.word[COUNT];
	for (int i = 0; i < 4; i++)
		EVENTUALLY((i ? q.word[TIDS + 2 * i] : q.word[COUNT]) > before[i]);
}

/* The lwps of a process get other ids again and again: in the end all have the same. */
static void in_ids(void)
{
	struct proc q = start(crowd);
	prcred_t cred;
	int e = 0, n = 0;

	if (geteuid() != 0) {
		CHECK(write(1, "ready\n", 6) == 6);
		return;
	}
	memset(&cred, 0, sizeof cred);
	while (!is_over(e)) {
		if (n++ == 5 && write(1, "ready\n", 6) != 6)
			_exit(9);
		cred.pr_ruid = cred.pr_suid = cred.pr_rgid = cred.pr_sgid = 1000 + n % 2;
		e = PUTP(&q, PCSCRED, cred);
	}
	RUNS(&q);
	for (int i = 1; i < 4; i++) {
		unsigned long all[2][2][4];

		for (int k = 0; k < 2; k++)
			for (int name = 0; name < 2; name++)
				ids_of(q.pid, q.word[TIDS + 1 + 2 * i * k], name ? "Gid:" : "Uid:", all[k][name]);
		CHECK(!memcmp(all[0], all[1], sizeof all[0]));
	}
}

static char room[4 * 8192];

/* Counts, and writes everywhere when it is told to. */
static void roomy(volatile long *w)
{
	w[READY] = 1;
	for (;;) {
		w[COUNT]++;
		if (w[TIDS]) {
			memset(room, 1, sizeof room);
			w[TIDS] = 0;
		}
	}
}

static int descriptors(pid_t pid)
{
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	CHECK((dir = opendir(path)) != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Pages of a process are watched again and again, for which it makes a descriptor for us: none is left in it, and it writes there. */
static void in_watching(void)
{
	struct proc p = start(roomy);
	int had = descriptors(p.pid), e = 0, n = 0;
	prwatch_t watch;

	memset(&watch, 0, sizeof watch);
	watch.pr_vaddr = (uintptr_t)room + 8192;
	while (!is_over(e)) {
		if (n++ == 10 && write(1, "ready\n", 6) != 6)
			_exit(9);
		watch.pr_size = 8192;
		watch.pr_wflags = WA_WRITE;
		e = PUTP(&p, PCWATCH, watch);
		if (e == 0) {
			watch.pr_size = 0;
			watch.pr_wflags = 0;
			e = PUTP(&p, PCWATCH, watch);
		}
		CHECK(e == 0 || is_over(e));
	}
	RUNS(&p);
	EVENTUALLY(descriptors(p.pid) == had);
	p.word[TIDS] = 1;
	EVENTUALLY(p.word[TIDS] == 0);
	RUNS(&p);
}

CASES({ "in_watching", in_watching }, { "in_ids", in_ids }, { "in_all_work", in_all_work }, { "in_signals_and_ids", in_signals_and_ids })
