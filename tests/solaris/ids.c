/* PCSCRED, PCSCREDX and PCSPRIV: every lwp gets the ids or none does; who may ask, and who can. */
#include "pr.h"
#include <grp.h>

enum { USER = 61234, GROUP = 61235, NOBODY = 65534 };

static char text[65536];

/* A field of the kernel's status of an lwp. */
static const char *field(pid_t pid, long lwp, const char *name)
{
	char path[64], *at;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/task/%ld/status", (int)pid, lwp);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	CHECK(n > 0);
	text[n] = 0;
	at = strstr(text, name);
	CHECK(at != NULL);
	at += strlen(name) + 1;
	at[strcspn(at, "\n")] = 0;
	return at + strspn(at, " \t");
}

/* Real, effective and saved, of each lwp of a crowd. */
static void have(const struct proc *p, const char *name, long real, long effective, long saved)
{
	for (int i = 0; i < 4; i++) {
		long r, e, s;
		CHECK(sscanf(field(p->pid, p->word[TIDS + 2 * i + 1], name), "%ld %ld %ld", &r, &e, &s) == 3);
		SAME(r, real);
		SAME(e, effective);
		SAME(s, saved);
	}
}

static int groups(const struct proc *p, long lwp)
{
	const char *at = field(p->pid, lwp, "\nGroups");
	int n = 0;

	while (*at) {
		n++;
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return n;
}

/* The kernel forgets with whom a process is to die when its ids change: kept here, to be killed when a check fails. */
static pid_t started;

static void kill_started(void)
{
	if (started > 0)
		kill(started, SIGKILL);
}

static struct proc begin(void (*body)(volatile long *))
{
	struct proc p = start(body);

	if (!started)
		atexit(kill_started);
	started = p.pid;
	return p;
}

static int is_root(void)
{
	if (geteuid() != 0)
		fprintf(stderr, "not root: nothing tested\n");
	return geteuid() == 0;
}

static prcred_t cred(uid_t real, uid_t effective, uid_t saved)
{
	prcred_t c = { 0 };

	c.pr_ruid = real;
	c.pr_euid = effective;
	c.pr_suid = saved;
	c.pr_rgid = c.pr_egid = c.pr_sgid = GROUP;
	return c;
}

static int scred(const struct proc *p, prcred_t c)
{
	return PUTP(p, PCSCRED, c);
}

static int with_groups(const struct proc *p, prcred_t c, int n)
{
	static char operand[28 + 4 * 2000];

	c.pr_ngroups = n;
	memcpy(operand, &c, 28);
	for (int i = 0; i < n; i++) {
		gid_t g = 70000 + i;
		memcpy(operand + 28 + 4 * i, &g, 4);
	}
	return give(p->ctl, PCSCREDX, operand, 28 + 4 * (n ? n : 1));
}

static void given(void)
{
	if (!is_root())
		return;
	struct proc p = begin(crowd);
	prcred_t c = cred(USER, USER, 0);
	int before = groups(&p, p.pid);

	/* While it runs; the groups are as they were. */
	c.pr_ngroups = 77;
	SAME(scred(&p, c), 0);
	have(&p, "\nUid", USER, USER, 0);
	have(&p, "\nGid", GROUP, GROUP, GROUP);
	SAME(groups(&p, p.pid), before);
	RUNS(&p);
	/* Back, which it can because of the saved id. */
	SAME(scred(&p, (prcred_t){ 0 }), 0);
	have(&p, "\nUid", 0, 0, 0);
	have(&p, "\nGid", 0, 0, 0);
	/* While it stands, with groups. */
	static const int counts[] = { 3, 2000, 0, 1 };
	SAME(PUT(&p, PCSTOP), 0);
	for (int i = 0; i < 4; i++) {
		SAME(with_groups(&p, (prcred_t){ 0 }, counts[i]), 0);
		for (int k = 0; k < 4; k++)
			SAME(groups(&p, p.word[TIDS + 2 * k + 1]), counts[i]);
	}
	STANDS(&p);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(with_groups(&p, cred(USER, USER, USER), 5), 0);
	have(&p, "\nUid", USER, USER, USER);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	/* It has lost its privilege now, and the kernel does not let it have another id. */
	SAME(scred(&p, (prcred_t){ 0 }), EPERM);
	SAME(with_groups(&p, cred(USER, USER, USER), 2), EPERM);
	have(&p, "\nUid", USER, USER, USER);
	SAME(groups(&p, p.pid), 5);
	RUNS(&p);
	started = -1;
	end(&p);
	/* One that sleeps is not disturbed. */
	p = begin(sleeper);
	SAME(with_groups(&p, cred(USER, USER, USER), 4), 0);
	SAME(groups(&p, p.pid), 4);
	SAME(p.word[COUNT], 0);
	started = -1;
	end(&p);
}

static void refused(void)
{
	if (!is_root())
		return;
	struct proc p = begin(crowd);
	prcred_t c = cred((uid_t)-1, 0, 0);

	SAME(scred(&p, c), EINVAL);
	c = cred(0, 0, 0);
	c.pr_sgid = (gid_t)-1;
	SAME(scred(&p, c), EINVAL);
	c = cred(0, 0, 0);
	c.pr_ngroups = -1;
	SAME(give(p.ctl, PCSCREDX, &c, sizeof c), EINVAL);
	c.pr_ngroups = 65537;
	SAME(give(p.ctl, PCSCREDX, &c, sizeof c), EINVAL);
	have(&p, "\nUid", 0, 0, 0);

	started = -1;
	end(&p);
	/* At the entry of a call, which is made afterwards; job control is in the way. */
	p = begin(calls);
	sysset_t set;
	premptyset(&set);
	praddset(&set, SYS_getppid);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUT(&p, PCWSTOP), 0);
	SAME(with_groups(&p, cred(USER, USER, USER), 9), 0);
	SAME(atol(field(p.pid, p.pid, "\nUid")), USER);
	SAME(groups(&p, p.pid), 9);
	STOPPED(&p, PR_SYSENTRY, SYS_getppid);
	premptyset(&set);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[ERRORS], 0);
	kill(p.pid, SIGSTOP);
	SAME(waitpid(p.pid, NULL, WUNTRACED), p.pid);
	SAME(scred(&p, cred(USER, USER, USER)), EBUSY);
	started = -1;
	end(&p);

	/* A writer without privilege, on a process of his own. */
	pid_t child = fork();
	if (child == 0) {
		SAME(setgroups(0, NULL), 0);
		SAME(setresgid(NOBODY, NOBODY, NOBODY), 0);
		SAME(setresuid(NOBODY, NOBODY, NOBODY), 0);
		prctl(PR_SET_DUMPABLE, 1);
		p = begin(sleeper);
		c = cred(NOBODY, NOBODY, NOBODY);
		c.pr_rgid = c.pr_egid = c.pr_sgid = NOBODY;
		SAME(scred(&p, c), EPERM);
		SAME(scred(&p, cred(0, 0, 0)), EPERM);
		SAME(p.word[COUNT], 0);
		started = -1;
	end(&p);
		_exit(0);
	}
	int wstat;
	SAME(waitpid(child, &wstat, 0), child);
	SAME(wstat, 0);
}

/* The last lwp has no privilege: what the others were given is taken back. */
static void *weak(void *at)
{
	volatile long *w = at;

	if (syscall(SYS_setresuid, USER, USER, USER) != 0)
		_exit(93);
	w[1] = own_lwp();
	for (;;)
		w[0]++;
	return NULL;
}

static void uneven(volatile long *w)
{
	pthread_t t;

	w[TIDS + 1] = own_lwp();
	for (int i = 1; i < 4; i++) {
		if (pthread_create(&t, NULL, i == 3 ? weak : counting, (void *)(w + TIDS + 2 * i)) != 0)
			_exit(94);
		while (!w[TIDS + 2 * i + 1])
			sched_yield();
	}
	w[READY] = 1;
	for (;;)
		w[COUNT]++;
}

static void taken_back(void)
{
	if (!is_root())
		return;
	struct proc p = begin(uneven);
	int before = groups(&p, p.pid);

	SAME(with_groups(&p, cred(USER, USER, 0), 7), EPERM);
	for (int i = 0; i < 4; i++) {
		long lwp = p.word[TIDS + 2 * i + 1];
		SAME(atol(field(p.pid, lwp, "\nUid")), i == 3 ? USER : 0);
		SAME(atol(field(p.pid, lwp, "\nGid")), 0);
		SAME(groups(&p, lwp), before);
	}
	RUNS(&p);
	started = -1;
	end(&p);
}

/* One bit for each capability, the highest first. */
static void privileges(void)
{
	static const char *const names[] = { "\nCapEff", "\nCapInh", "\nCapPrm", "\nCapBnd" };
	struct {
		uint32_t nsets, setsize, infosize, set[4][2], info[3];
	} v = { 4, 2, 0, { { 0 } }, { PRIV_INFO_FLAGS, 12, 0 } }, other;
	struct proc p = begin(spin);

	for (int i = 0; i < 4; i++) {
		unsigned long long mask = strtoull(field(p.pid, p.pid, names[i]), NULL, 16);
		for (int n = 0; n < 64; n++)
			if (mask >> n & 1)
				v.set[i][n / 32] |= 1u << (31 - n % 32);
	}
	SAME(give(p.ctl, PCSPRIV, &v, 44), 0);
	v.infosize = 12;
	SAME(PUTP(&p, PCSPRIV, v), 0);
	other = v;
	other.info[2] = PRIV_DEBUG;
	SAME(PUTP(&p, PCSPRIV, other), EPERM);
	other.info[0] = 5;
	SAME(PUTP(&p, PCSPRIV, other), EINVAL);
	other = v;
	other.set[PRIV_EFFECTIVE_INDEX][0] ^= 1;
	SAME(PUTP(&p, PCSPRIV, other), EPERM);
	other = v;
	other.nsets = 2;
	other.setsize = 4;
	SAME(PUTP(&p, PCSPRIV, other), EINVAL);
	other = v;
	other.infosize = 1 << 20;
	SAME(PUTP(&p, PCSPRIV, other), EINVAL);
	RUNS(&p);
	started = -1;
	end(&p);
}

CASES({ "given", given }, { "refused", refused }, { "taken_back", taken_back }, { "privileges", privileges })
