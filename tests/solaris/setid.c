/* Exec of a set-id program by a process that others control. Run as root; the controller is another user. setid MOUNT CASE PROGRAM,
   which is set-id to root and says nothing, and can be executed by all. */
#include "pr.h"
#include <dirent.h>

#define USER 65534

/* Becomes the program when told. */
static void execs(volatile long *w)
{
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	char *argv[] = { arguments[3], (char *)mnt, "as_new_program", NULL };
	execv(arguments[3], argv);
	_exit(99);
}

static void as_new_program(void)
{
	CHECK(setresuid(0, 0, 0) == 0);
	for (;;)
		syscall(SYS_getppid);
}

/* Does this as the user, in a process that is waited for. */
static void as_user(void (*f)(struct proc *), struct proc *p)
{
	int wstat;
	pid_t child = fork();

	if (child == 0) {
		CHECK(setgid(USER) == 0 && setuid(USER) == 0);
		f(p);
		_exit(0);
	}
	SAME(waitpid(child, &wstat, 0), child);
	SAME(wstat, 0);
}

static struct proc begin_as_user(void)
{
	struct proc p = { 0, -1, -1, share() };

	p.pid = fork();
	if (p.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setgid(USER) || setuid(USER))
			_exit(98);
		prctl(PR_SET_DUMPABLE, 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execs(p.word);
	}
	EVENTUALLY(p.word[READY]);
	return p;
}

static void controls(struct proc *p)
{
	sysset_t set;
	pstatus_t s;
	struct pollfd f;
	static const char *const names[] = { "fd", "fdinfo", "path", "object" };
	DIR *dirs[sizeof names / sizeof *names];
	int psinfo;

	attach(p, 0);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		CHECK(dirs[i] = opendir(path_of(p->pid, names[i])));
	psinfo = open_of(p->pid, "psinfo", O_RDONLY);
	premptyset(&set);
	praddset(&set, SYS_getppid);
	SAME(PUTP(p, PCSEXIT, set), 0);
	p->word[GO] = 1;
	/* Who waits is told. */
	SAME(PUT(p, PCWSTOP), EAGAIN);
	SAME(PUT(p, PCNULL), EAGAIN);
	SAME(PUTL(p, PCRUN, 0), EAGAIN);
	SAME(pread(p->st, &s, sizeof s, 0), -1);
	SAME(errno, EAGAIN);
	f.fd = p->st;
	f.events = POLLPRI;
	SAME(poll(&f, 1, -1), 1);
	SAME(f.revents, POLLERR);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK(readdir(dirs[i]) == NULL);
		SAME(errno, EAGAIN);
		closedir(dirs[i]);
	}
	/* What everybody may read stays. */
	char info[4096];
	CHECK(pread(psinfo, info, sizeof info, 0) > 0);
	p->word[LAST] = 1;
	while (p->word[HELP] == 0)
		pause_ms(1);
	/* Closing lets it run, unless a privileged one has come. */
	close(p->ctl);
}

static void stands_for_who_may(void)
{
	struct proc p = begin_as_user(), q;
	int wstat;
	pid_t child = fork();

	if (child == 0) {
		CHECK(setgid(USER) == 0 && setuid(USER) == 0);
		controls(&p);
		_exit(0);
	}
	EVENTUALLY(p.word[LAST] == 1);
	/* It stands before the new program, PR_RLC is set, and the dead descriptors do not count. */
	q = p;
	q.ctl = open_of(p.pid, "ctl", O_WRONLY | O_EXCL);
	q.st = open_of(p.pid, "status", O_RDONLY);
	SAME(PUT(&q, PCWSTOP), 0);
	STOPPED(&q, PR_REQUESTED, 0);
	CHECK(status(&q)->pr_flags & PR_RLC);
	p.word[HELP] = 1;
	SAME(waitpid(child, &wstat, 0), child);
	SAME(wstat, 0);
	/* It goes on for the new one, with the sets of before. */
	STOPPED(&q, PR_REQUESTED, 0);
	SAME(PUTL(&q, PCRUN, 0), 0);
	SAME(PUT(&q, PCWSTOP), 0);
	STOPPED(&q, PR_SYSEXIT, SYS_getppid);
	end(&q);
}

static void runs_when_the_dead_close(void)
{
	struct proc p = begin_as_user(), q;
	int wstat;
	pid_t child = fork();

	if (child == 0) {
		CHECK(setgid(USER) == 0 && setuid(USER) == 0);
		controls(&p);
		_exit(0);
	}
	EVENTUALLY(p.word[LAST] == 1);
	q = p;
	q.st = open_of(p.pid, "status", O_RDONLY);
	EVENTUALLY(IS_STOPPED(&q));
	p.word[HELP] = 1;
	SAME(waitpid(child, &wstat, 0), child);
	SAME(wstat, 0);
	EVENTUALLY(!(status(&q)->pr_flags & (PR_STOPPED | PR_RLC)));
	q.ctl = -1;
	end(&q);
}

static void sets_and_closes(struct proc *p)
{
	sigset_t set;

	attach(p, 0);
	premptyset(&set);
	praddset(&set, SIGHUP);
	SAME(PUTP(p, PCSTRACE, set), 0);
}

/* Without a writer, all tracing is over. */
static void nobody_writes(void)
{
	struct proc p = begin_as_user();
	sigset_t none;

	as_user(sets_and_closes, &p);
	p.st = open_of(p.pid, "status", O_RDONLY);
	CHECK(prismember(&status(&p)->pr_sigtrace, SIGHUP));
	p.word[GO] = 1;
	premptyset(&none);
	EVENTUALLY(!memcmp(&status(&p)->pr_sigtrace, &none, sizeof none));
	SAME(status(&p)->pr_flags & (PR_STOPPED | PR_RLC), 0);
	p.ctl = -1;
	end(&p);
}

static volatile long is_traced;

/* Sees the exec by what it has lost, and closes. */
static void kills_and_closes(struct proc *p)
{
	sigset_t set;

	attach(p, 0);
	SAME(PUTL(p, PCSET, PR_KLC), 0);
	premptyset(&set);
	praddset(&set, SIGHUP);
	if (is_traced)
		SAME(PUTP(p, PCSTRACE, set), 0);
	p->word[GO] = 1;
	EVENTUALLY(PUT(p, PCNULL) == EAGAIN);
	/* One that is traced stands in front of its first instruction. */
	if (!is_traced)
		EVENTUALLY(kill(p->pid, 0) < 0 && errno == EPERM);
}

/* Who may not kill the new program does not do it by PR_KLC. */
static void kill_on_last_close(void)
{
	for (is_traced = 0; is_traced < 2; is_traced++) {
		struct proc p = begin_as_user();

		as_user(kills_and_closes, &p);
		p.st = open_of(p.pid, "status", O_RDONLY);
		EVENTUALLY(!(status(&p)->pr_flags & (PR_KLC | PR_STOPPED | PR_ISTOP)));
		CHECK(kill(p.pid, 0) == 0 && !(status(&p)->pr_flags & PR_RLC));
		p.ctl = -1;
		end(&p);
	}
}

/* A write that waits over the exec, and would then take the new program over. */
static void takes_over(struct proc *p)
{
	static struct msg m;
	sigset_t set;

	prfillset(&set);
	add_long(&m, PCTWSTOP);
	add_long(&m, 3000);
	add_long(&m, PCSTOP);
	add_long(&m, PCSVADDR);
	add_long(&m, 0x41414141);
	add_long(&m, PCSTRACE);
	add(&m, &set, sizeof set);
	add_long(&m, PCRUN);
	add_long(&m, 0);
	add_long(&m, PCSTOP);
	SAME(put(p->ctl, &m), EAGAIN);
}

static void waits(struct proc *p)
{
	SAME(PUT(p, PCWSTOP), EAGAIN);
}

/* Its own wait keeps the process in sight, so that the exec is seen. */
static void polls(struct proc *p)
{
	struct pollfd f = { p->st, POLLPRI, 0 };

	SAME(poll(&f, 1, -1), 1);
	SAME(f.revents, POLLERR);
}

static int is_attached(pid_t pid)
{
	char path[64], line[256];
	int tracer = 0;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		sscanf(line, "TracerPid: %d", &tracer);
	fclose(f);
	return tracer != 0;
}

/* True of one that sleeps in a call. */
static int sleeps(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	CHECK(f != NULL);
	CHECK(fscanf(f, "%*d (%*[^)]) %c", &state) == 1);
	fclose(f);
	return state == 'S';
}

/* Nobody traces the process. Each of these waits for it as the user, and is told at the exec; nothing is done to the new program. */
static void told(void (*const f[])(struct proc *), int n)
{
	struct proc p = begin_as_user();
	pid_t child[4];
	sigset_t none;
	int wstat;

	for (int i = 0; i < n; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			CHECK(setgid(USER) == 0 && setuid(USER) == 0);
			attach(&p, 0);
			p.word[LAST] = i + 1;
			f[i](&p);
			_exit(0);
		}
		EVENTUALLY(p.word[LAST] == i + 1 && sleeps(child[i]));
	}
	EVENTUALLY(is_attached(p.pid));
	p.word[GO] = 1;
	for (int i = 0; i < n; i++) {
		SAME(waitpid(child[i], &wstat, 0), child[i]);
		SAME(wstat, 0);
	}
	p.st = open_of(p.pid, "status", O_RDONLY);
	premptyset(&none);
	CHECK(!memcmp(&status(&p)->pr_sigtrace, &none, sizeof none));
	EVENTUALLY(!is_attached(p.pid));
	SAME(status(&p)->pr_flags & (PR_STOPPED | PR_ISTOP | PR_RLC), 0);
	p.ctl = -1;
	end(&p);
}

static void a_long_write(void)
{
	told((void (*const[])(struct proc *)) { takes_over }, 1);
}

static void who_waits(void)
{
	told((void (*const[])(struct proc *)) { polls, waits, waits }, 3);
}

/* The one who may still is not disturbed, nor does his right help the others. */
static void one_may_still(void)
{
	struct proc p = begin_as_user(), q;
	int wstat;
	pid_t child = fork();

	if (child == 0) {
		CHECK(setgid(USER) == 0 && setuid(USER) == 0);
		attach(&p, 0);
		p.word[LAST] = 1;
		takes_over(&p);
		_exit(0);
	}
	EVENTUALLY(p.word[LAST] == 1 && sleeps(child));
	EVENTUALLY(is_attached(p.pid));
	q = p;
	attach(&q, 0);
	sysset_t set;
	premptyset(&set);
	praddset(&set, SYS_getppid);
	SAME(PUTP(&q, PCSEXIT, set), 0);
	p.word[GO] = 1;
	SAME(PUT(&q, PCWSTOP), 0);
	STOPPED(&q, PR_SYSEXIT, SYS_getppid);
	SAME(waitpid(child, &wstat, 0), child);
	SAME(wstat, 0);
	STOPPED(&q, PR_SYSEXIT, SYS_getppid);
	end(&q);
}

CASES({ "a_long_write", a_long_write }, { "who_waits", who_waits }, { "one_may_still", one_may_still },
    { "stands_for_who_may", stands_for_who_may }, { "runs_when_the_dead_close", runs_when_the_dead_close },
    { "nobody_writes", nobody_writes }, { "kill_on_last_close", kill_on_last_close }, { "as_new_program", as_new_program })
