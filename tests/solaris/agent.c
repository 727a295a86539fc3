/* PCAGENT: the agent lwp, what it may do and what it holds, how it ends, and what is left when its maker or the daemon dies. */
#define _FILE_OFFSET_BITS 64 /* Inode numbers are longer than a long of 32 bits. */
#include "agent.h"

static void must_be_whole(struct proc *p, int lwps)
{
	SAME(lwps_of(p->pid), lwps);
	SAME(p->word[ERRORS], 0);
	RUNS(p);
}

static void made(void)
{
	struct proc p = start(crowd);
	struct agent a, b;
	char path[64];
	psinfo_t spy;
	lwpstatus_t s;
	int fd, found = 0, agents = 0;

	SAME(agent_make(&p, &a), EBUSY);
	CHECK(access(path_of(p.pid, "lwp/agent"), F_OK) < 0 && errno == ENOENT);
	SAME(status(&p)->pr_agentid, 0);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(agent_make(&p, &a), 0);

	CHECK(a.lwp != 0 && a.lwp != p.pid);
	SAME(lwps_of(p.pid), 5);
	SAME(status(&p)->pr_nlwp, 5);
	SAME(status(&p)->pr_lwp.pr_lwpid, a.lwp);
	CHECK(status(&p)->pr_lwp.pr_flags & PR_AGENT);
	CHECK(!(lwpstatus(&p, p.pid)->pr_flags & PR_AGENT));
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(pread(a.st, &s, sizeof s, 0), sizeof s);
	SAME(s.pr_lwpid, a.lwp);
	SAME(memcmp(&s.pr_reg[R_SP], &a.reg[R_SP], sizeof s.pr_reg[0]), 0);
	CHECK((uintptr_t)s.pr_reg[R_PC] == a.text);
	/* All signals but two are blocked. */
	for (int sig = 1; sig <= 64; sig++)
		SAME(!!prismember(&s.pr_lwphold, sig), sig != SIGKILL && sig != SIGSTOP);

	/* It is listed under its number only. */
	DIR *d = opendir(path_of(p.pid, "lwp"));
	struct dirent *e;
	while ((e = readdir(d)) != NULL) {
		found += atol(e->d_name) == a.lwp;
		agents += !strcmp(e->d_name, "agent");
	}
	closedir(d);
	SAME(found, 1);
	SAME(agents, 0);

	fd = open_of(p.pid, "lwp/agent/spymaster", O_RDONLY);
	SAME(pread(fd, &spy, sizeof spy, 0), sizeof spy);
	SAME(spy.pr_pid, getpid());
	SAME(spy.pr_ppid, getppid());
	CHECK(labs((long)spy.pr_time.tv_sec - (long)time(NULL)) < 100);
	close(fd);
	snprintf(path, sizeof path, "lwp/%d/spymaster", (int)p.pid);
	fd = open_of(p.pid, path, O_RDONLY);
	SAME(read(fd, &spy, sizeof spy), 0);
	close(fd);

	/* There is one, and no other lwp runs. */
	SAME(agent_make(&p, &b), EBUSY);
	SAME(PUTL(&p, PCRUN, 0), EBUSY);
	fd = open_lwp(p.pid, p.pid, "lwpctl", O_WRONLY);
	SAME(give_long(fd, PCRUN, 0), EBUSY);
	SAME(give_long(fd, PCRUN, PRSTEP), EBUSY);
	close(fd);
	STANDS(&p);
	agent_end(&p, &a);
	CHECK(access(path_of(p.pid, "lwp/agent"), F_OK) < 0 && errno == ENOENT);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	must_be_whole(&p, 4);
	end(&p);
}

/* The agent makes calls in the process while the others stand. */
static void works(struct proc *p, struct agent *a)
{
	static const char path[] = "/proc/self/comm", stat[] = "/proc/self/stat";
	char *shared = (char *)(p->word + WORDS) - 64, own[64];
	long fd;

	SAME(agent_call(a, LINUX_NR(SYS_getpid), 0, 0, 0), p->pid);
	SAME(agent_call(a, LINUX_NR(SYS_gettid), 0, 0, 0), a->lwp);
	SAME(agent_call(a, LINUX_NR(SYS_close), 999, 0, 0), -EBADF);
	CHECK(access(path, F_OK) == 0);
	fd = agent_call(a, LINUX_NR(SYS_open), (long)stat, O_RDONLY, 0);
	CHECK(fd > 2);
	snprintf(own, sizeof own, "/proc/%d/fd/%ld", (int)p->pid, fd);
	CHECK(access(own, F_OK) == 0);
	memset(shared, 0, 64);
	CHECK(agent_call(a, LINUX_NR(SYS_read), fd, (long)shared, 60) > 10);
	SAME(atoi(shared), p->pid);
	SAME(agent_call(a, LINUX_NR(SYS_close), fd, 0, 0), 0);
	CHECK(access(own, F_OK) < 0);
}

static void calling(void)
{
	struct proc p = start(crowd);
	struct agent a;

	for (int i = 0; i < 20; i++) {
		SAME(PUT(&p, PCSTOP), 0);
		long was = p.word[COUNT] + p.word[TIDS + 2] + p.word[TIDS + 4] + p.word[TIDS + 6];
		SAME(agent_make(&p, &a), 0);
		works(&p, &a);
		SAME(was, p.word[COUNT] + p.word[TIDS + 2] + p.word[TIDS + 4] + p.word[TIDS + 6]);
		agent_end(&p, &a);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	must_be_whole(&p, 4);
	end(&p);
}

/* fork, vfork, exec and new lwps are not for the agent. */
static void forbidden(void)
{
	struct proc p = start(crowd);
	struct agent a;
	static const long calls[] = { SYS_fork, SYS_vfork, SYS_clone, SYS_execve };

	SAME(PUT(&p, PCSTOP), 0);
	SAME(agent_make(&p, &a), 0);
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
		SAME(agent_call(&a, LINUX_NR(calls[i]), 0, 0, 0), -ENOTSUP);
	SAME(lwps_of(p.pid), 5);
	/* Nor in a step. */
	const long none[6] = { 0 };
	agent_regs(&a, LINUX_NR(SYS_fork), none);
	SAME(give(a.ctl, PCSREG, a.reg, sizeof a.reg), 0);
	SAME(give_long(a.ctl, PCRUN, PRSTEP), ENOTSUP);
	SAME(agent_call(&a, LINUX_NR(SYS_getpid), 0, 0, 0), p.pid);
	agent_end(&p, &a);
	SAME(PUTL(&p, PCRUN, 0), 0);
	must_be_whole(&p, 4);
	end(&p);
}

/* Its maker dies; somebody else finds it and ends it. */
static void left(void)
{
	struct proc p = start(crowd);
	struct agent a;
	int wstat;
	pid_t maker;

	close(p.ctl);
	maker = fork();
	if (maker == 0) {
		p.ctl = open_of(p.pid, "ctl", O_WRONLY);
		SAME(PUT(&p, PCSTOP), 0);
		SAME(PUTL(&p, PCSET, PR_RLC), 0);
		SAME(agent_make(&p, &a), 0);
		_exit(0);
	}
	SAME(waitpid(maker, &wstat, 0), maker);
	SAME(wstat, 0);
	/* The last close was that of the maker, and nothing has come of it. */
	STANDS(&p);
	p.ctl = open_of(p.pid, "ctl", O_WRONLY);
	CHECK(status(&p)->pr_flags & PR_RLC);
	SAME(PUTL(&p, PCRUN, 0), EBUSY);
	a.text = gate_of(p.pid);
	agent_open(&p, &a);
	CHECK(a.lwp != 0);
	memcpy(a.reg, status(&p)->pr_lwp.pr_reg, sizeof a.reg);
	works(&p, &a);
	agent_end(&p, &a);
	STANDS(&p);
	/* This one is what the mode says. */
	close(p.ctl);
	must_be_whole(&p, 4);
	p.ctl = -1;
	end(&p);
}

/* Job control is for the others. */
static void jobs(void)
{
	struct proc p = start(crowd);
	struct agent a;

	SAME(PUT(&p, PCSTOP), 0);
	SAME(agent_make(&p, &a), 0);
	kill(p.pid, SIGSTOP);
	kill(p.pid, SIGTSTP);
	works(&p, &a);
	agent_end(&p, &a);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(waitpid(p.pid, NULL, WUNTRACED), p.pid);
	STANDS(&p);
	SAME(agent_make(&p, &a), EBUSY);
	kill(p.pid, SIGCONT);
	must_be_whole(&p, 4);
	end(&p);
}

/* Whoever sleeps in a call, and stands for the agent, sleeps on; a signal that one stands on is delivered afterwards. */
static void undisturbed(void)
{
	struct proc p = start(sleeper);
	struct agent a;
	sigset_t usr1;
	sysset_t getppids;

	for (int i = 0; i < 20; i++) {
		SAME(PUT(&p, PCSTOP), 0);
		SAME(agent_make(&p, &a), 0);
		works(&p, &a);
		agent_end(&p, &a);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	SAME(p.word[COUNT], 0);
	end(&p);

	p = start(logs);
	premptyset(&usr1);
	praddset(&usr1, SIGUSR1);
	SAME(PUTP(&p, PCSTRACE, usr1), 0);
	kill(p.pid, SIGUSR1);
	SAME(PUT(&p, PCWSTOP), 0);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	SAME(agent_make(&p, &a), 0);
	works(&p, &a);
	agent_end(&p, &a);
	STOPPED(&p, PR_SIGNALLED, SIGUSR1);
	SAME(p.word[SIGNALS + SIGUSR1], 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[SIGNALS + SIGUSR1] == 1);
	must_be_whole(&p, 1);
	end(&p);

	/* At the exit of a call, and at its entry. */
	p = start(calls);
	premptyset(&getppids);
	praddset(&getppids, SYS_getppid);
	for (int i = 0; i < 20; i++) {
		long code = i % 2 ? PCSENTRY : PCSEXIT;
		SAME(give(p.ctl, code, &getppids, sizeof getppids), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, i % 2 ? PR_SYSENTRY : PR_SYSEXIT, SYS_getppid);
		static lwpstatus_t before;
		before = status(&p)->pr_lwp;
		SAME(agent_make(&p, &a), 0);
		works(&p, &a);
		agent_end(&p, &a);
		STOPPED(&p, i % 2 ? PR_SYSENTRY : PR_SYSEXIT, SYS_getppid);
		SAME(memcmp(status(&p)->pr_lwp.pr_reg, before.pr_reg, sizeof before.pr_reg), 0);
		sysset_t no;
		premptyset(&no);
		SAME(give(p.ctl, code, &no, sizeof no), 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
		while (IS_STOPPED(&p))
			SAME(PUTL(&p, PCRUN, 0), 0);
		must_be_whole(&p, 1);
	}
	end(&p);
}

/* The process is killed while it has an agent. */
static void killed(void)
{
	for (int i = 0; i < 20; i++) {
		struct proc p = start(crowd);
		struct agent a;
		int wstat;

		SAME(PUT(&p, PCSTOP), 0);
		SAME(agent_make(&p, &a), 0);
		if (i % 2) {
			const long none[6] = { 0 };
			agent_regs(&a, LINUX_NR(SYS_pause), none);
			SAME(give(a.ctl, PCSREG, a.reg, sizeof a.reg), 0);
			SAME(give_long(a.ctl, PCRUN, 0), 0);
		}
		kill(p.pid, SIGKILL);
		SAME(waitpid(p.pid, &wstat, 0), p.pid);
		SAME(wstat, SIGKILL);
		SAME(give(a.ctl, PCWSTOP, NULL, 0), ENOENT);
		close(a.ctl);
		close(a.st);
		close(p.ctl);
		close(p.st);
	}
}

/* Makes lwps and joins them, and allocates memory, round after round; each in its own word. */
static void *nothing(void *at)
{
	return at;
}

static void *busily(void *at)
{
	volatile long *w = at;
	pthread_t t;
	void *back;

	for (;;) {
		char *memory = malloc(100 + w[0] % 5000);
		if (!memory || pthread_create(&t, NULL, nothing, memory) || pthread_join(t, &back) || back != memory)
			w[1]++;
		free(memory);
		w[0]++;
	}
	return NULL;
}

static void bustle(volatile long *w)
{
	pthread_t t;

	for (int i = 1; i < 3; i++)
		if (pthread_create(&t, NULL, busily, (void *)(w + SIGNALS + 2 * i)) != 0)
			_exit(94);
	w[READY] = 1;
	for (;;) {
		pid_t parent = getppid();
		pause_ms(1);
		w[COUNT]++;
		if (getppid() != parent)
			w[ERRORS]++;
	}
}

/* One after the other in a program whose lwps come and go; a thousand in both data models. */
static void many(void)
{
	struct proc p = start(bustle);
	struct agent a;
	volatile long *w = p.word + SIGNALS;

	/* Where many processes want the processor, each stop takes its time. */
	alarm(210);
	for (int i = 0; i < 500; i++) {
		SAME(PUT(&p, PCSTOP), 0);
		SAME(agent_make(&p, &a), 0);
		SAME(agent_call(&a, LINUX_NR(SYS_gettid), 0, 0, 0), a.lwp);
		agent_end(&p, &a);
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	for (int i = 1; i < 3; i++) {
		long was = w[2 * i];
		EVENTUALLY(w[2 * i] > was + 10);
		SAME(w[2 * i + 1], 0);
	}
	SAME(p.word[ERRORS], 0);
	RUNS(&p);
	end(&p);
}

/* The daemon, whose number is the third argument, is killed; the fourth says what the agent does at that time. */
static void orphaned(void)
{
	struct proc p = start(crowd);
	struct agent a;
	pid_t daemon = atoi(arguments[3]);
	const char *how = arguments[4];
	const long none[6] = { 0 };
	int ends[2];
	sysset_t all;

	CHECK(daemon > 1);
	SAME(pipe(ends), 0);
	SAME(PUT(&p, PCSTOP), 0);
	if (!strcmp(how, "often")) {
		/* At any moment. */
		struct msg m = { 0 };
		a.text = gate_of(p.pid);
		memcpy(a.reg, status(&p)->pr_lwp.pr_reg, sizeof a.reg);
		if (fork() == 0) {
			pause_ms(atoi(arguments[5]) % 40);
			kill(daemon, SIGKILL);
			_exit(0);
		}
		for (;;) {
			agent_regs(&a, LINUX_NR(SYS_exit), none);
			if (give(p.ctl, PCAGENT, a.reg, sizeof a.reg))
				break;
			int ctl = open(path_of(p.pid, "lwp/agent/lwpctl"), O_WRONLY | O_CLOEXEC);
			if (ctl < 0)
				break;
			add_long(&m, PCRUN);
			add_long(&m, 0);
			add_long(&m, PCWSTOP);
			int e = put(ctl, &m);
			close(ctl);
			if (e != ENOENT)
				break;
		}
	} else {
		SAME(agent_make(&p, &a), 0);
		if (!strcmp(how, "sleeps")) {
			/* In a call that nothing ends. */
			agent_regs(&a, LINUX_NR(SYS_pause), none);
		} else if (!strcmp(how, "entry")) {
			prfillset(&all);
			SAME(PUTP(&p, PCSENTRY, all), 0);
		}
		SAME(give(a.ctl, PCSREG, a.reg, sizeof a.reg), 0);
		if (strcmp(how, "stands"))
			SAME(give_long(a.ctl, PCRUN, 0), 0);
		if (!strcmp(how, "entry"))
			SAME(give(a.ctl, PCWSTOP, NULL, 0), 0);
		if (!strcmp(how, "sleeps")) {
			lwpstatus_t s;
			EVENTUALLY(pread(a.st, &s, sizeof s, 0) == sizeof s && s.pr_flags & PR_ASLEEP);
		}
		STANDS(&p);
		kill(daemon, SIGKILL);
	}
	EVENTUALLY(lwps_of(p.pid) == 4);
	for (int i = 1; i < 4; i++) {
		long was = p.word[TIDS + 2 * i];
		EVENTUALLY(p.word[TIDS + 2 * i] != was);
	}
	must_be_whole(&p, 4);
	end(&p);
}

/* The file system goes away: the program that unmounts it is what is left of the arguments. */
static void unmounted(void)
{
	struct proc p = start(crowd);
	struct agent a;
	const long none[6] = { 0 };
	pid_t child;
	int wstat;

	SAME(PUT(&p, PCSTOP), 0);
	SAME(agent_make(&p, &a), 0);
	if (!strcmp(arguments[3], "runs")) {
		agent_regs(&a, LINUX_NR(SYS_pause), none);
		SAME(give(a.ctl, PCSREG, a.reg, sizeof a.reg), 0);
		SAME(give_long(a.ctl, PCRUN, 0), 0);
	}
	STANDS(&p);
	close(a.ctl);
	close(a.st);
	close(p.ctl);
	close(p.st);
	child = fork();
	if (child == 0) {
		execv(arguments[4], arguments + 4);
		_exit(126);
	}
	SAME(waitpid(child, &wstat, 0), child);
	SAME(wstat, 0);
	EVENTUALLY(lwps_of(p.pid) == 4);
	must_be_whole(&p, 4);
	kill(p.pid, SIGKILL);
}

CASES({ "made", made }, { "calling", calling }, { "forbidden", forbidden }, { "left", left }, { "jobs", jobs },
    { "undisturbed", undisturbed }, { "killed", killed }, { "many", many }, { "orphaned", orphaned },
    { "unmounted", unmounted })
