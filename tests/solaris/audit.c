/* What a program sees that knows Solaris to the byte: values that no message is about. */
#include "pr.h"
#include <dirent.h>
#include <sys/file.h>
#include <sys/mount.h>

/* The class without a nice value, and one that has it. */
static void classes(void)
{
	struct proc p = start(spin);
	struct sched_param param = { 10 };
	lwpsinfo_t info;
	int fd = open_lwp(p.pid, p.pid, "lwpsinfo", O_RDONLY);

	CHECK(pread(fd, &info, sizeof info, 0) == sizeof info);
	SAME(info.pr_nice, 20);
	CHECK(info.pr_oldpri > 0);
	SAME(info.pr_oldpri, 99 - info.pr_pri);
	SAME(PUTL(&p, PCNICE, 3), 0);
	CHECK(pread(fd, &info, sizeof info, 0) == sizeof info);
	SAME(info.pr_nice, 23);
	if (sched_setscheduler(p.pid, SCHED_RR, &param) == 0) {
		CHECK(pread(fd, &info, sizeof info, 0) == sizeof info);
		CHECK(!strcmp(info.pr_clname, "RT"));
		SAME(info.pr_nice, 0);
		SAME(info.pr_oldpri, 0);
		SAME(PUTL(&p, PCNICE, 1), EINVAL);
	}
	end(&p);
}


/* An lwp that has no nice value does not keep the others from theirs. */
static void nice_of_some(void)
{
	struct proc p = start(crowd);
	struct sched_param param = { 1 };
	lwpsinfo_t info;

	if (sched_setscheduler(p.word[TIDS + 1], SCHED_RR, &param) == 0) {
		SAME(PUTL(&p, PCNICE, 2), EINVAL);
		for (int i = 1; i < 4; i++) {
			int fd = open_lwp(p.pid, p.word[TIDS + 2 * i + 1], "lwpsinfo", O_RDONLY);

			CHECK(pread(fd, &info, sizeof info, 0) == sizeof info);
			SAME(info.pr_nice, 22);
			close(fd);
		}
	}
	end(&p);
}

/* Microstates are accounted unless somebody says that they are not to be. */
static void accounting(void)
{
	struct proc p = start(spin);
	psinfo_t info;
	int fd = open_of(p.pid, "psinfo", O_RDONLY);

	SAME(status(&p)->pr_flags & (PR_MSACCT | PR_MSFORK), PR_MSACCT | PR_MSFORK);
	SAME(PUTL(&p, PCUNSET, PR_MSFORK), 0);
	SAME(status(&p)->pr_flags & (PR_MSACCT | PR_MSFORK), PR_MSACCT);
	SAME(PUTL(&p, PCUNSET, PR_MSACCT), 0);
	SAME(PUTL(&p, PCSET, PR_MSFORK), 0);
	SAME(status(&p)->pr_flags & (PR_MSACCT | PR_MSFORK), PR_MSFORK);
	SAME(PUTL(&p, PCSET, PR_MSACCT), 0);
	SAME(status(&p)->pr_flags & (PR_MSACCT | PR_MSFORK), PR_MSACCT | PR_MSFORK);
	CHECK(pread(fd, &info, sizeof info, 0) == sizeof info);
	SAME(info.pr_flag, 0x02000000);
	end(&p);
}

static void execs(volatile long *w)
{
	static char *arguments[] = { "first", "second", "third one", NULL };
	static char *environment[] = { "A=1", NULL };

	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	if (w[HELP])
		syscall(SYS_execveat, AT_FDCWD, "/proc/self/exe", arguments, environment, 0);
	else
		execve("/proc/self/exe", arguments, environment);
	_exit(3);
}

/* An address of a 32-bit process may be beyond what an off_t holds. */
static int read_at(int as, uintptr_t address, void *to, size_t size)
{
	return pread64(as, to, size, (off64_t)address) == (ssize_t)size;
}

static void text_at(int as, uintptr_t address, const char *want)
{
	char text[64];

	memset(text, 0, sizeof text);
	CHECK(read_at(as, address, text, strlen(want) + 1));
	if (strcmp(text, want)) {
		fprintf(stderr, "\"%s\", not \"%s\"\n", text, want);
		exit(1);
	}
}

/* The arguments of an exec that has succeeded are those that the new program has. */
static void exec_arguments_of(int number, int at)
{
	struct proc p = start(execs);
	sysset_t set;
	pstatus_t *s;
	long *arg;
	uintptr_t argv[4], envp[2];
	int as = open_of(p.pid, "as", O_RDONLY);

	premptyset(&set);
	praddset(&set, number);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	p.word[HELP] = at;
	p.word[GO] = 1;
	SAME(PUT(&p, PCWSTOP), 0);
	s = status(&p);
	SAME(s->pr_lwp.pr_why, PR_SYSEXIT);
	SAME(s->pr_lwp.pr_errno, 0);
	arg = s->pr_lwp.pr_sysarg + at;
	text_at(as, arg[0], "/proc/self/exe");
	CHECK(read_at(as, arg[1], argv, sizeof argv));
	text_at(as, argv[0], "first");
	text_at(as, argv[2], "third one");
	SAME(argv[3], 0);
	CHECK(read_at(as, arg[2], envp, sizeof envp));
	text_at(as, envp[0], "A=1");
	SAME(envp[1], 0);
	end(&p);
}

static void exec_arguments(void)
{
	exec_arguments_of(SYS_execve, 0);
	exec_arguments_of(SYS_execveat, 1);
}

static void breaks(volatile long *w)
{
	char *now = sbrk(0);

	w[LAST] = (long)now;
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	w[HELP] = brk(now + 0x10000) == 0 ? 1 : -1;
	for (;;)
		w[COUNT]++;
}

/* The heap begins somewhere before there is one. */
static void heap(void)
{
	struct proc p = start(breaks);
	long end_of_heap = p.word[LAST];
	pstatus_t *s = status(&p);

	CHECK(s->pr_brkbase != 0);
	CHECK((long)(s->pr_brkbase + s->pr_brksize) >= end_of_heap);
	p.word[GO] = 1;
	EVENTUALLY(p.word[HELP]);
	SAME(p.word[HELP], 1);
	s = status(&p);
	CHECK((long)(s->pr_brkbase + s->pr_brksize) >= end_of_heap + 0x10000);
	end(&p);
}

/* The signal that stopped a process which nobody controls, as long as its parent has not been told. */
static void job_control(void)
{
	struct proc p = start(spin);
	siginfo_t info;

	SAME(kill(p.pid, SIGTSTP), 0);
	CHECK(waitid(P_PID, p.pid, &info, WSTOPPED | WNOWAIT) == 0);
	SAME(status(&p)->pr_flags & (PR_STOPPED | PR_ISTOP), PR_STOPPED);
	SAME(status(&p)->pr_lwp.pr_why, PR_JOBCONTROL);
	SAME(status(&p)->pr_lwp.pr_what, SIGTSTP);
	end(&p);
}

/* A child that tells its parent nothing, and one that does. */
static void silent(void)
{
	struct proc p = start(spin);
	volatile long *w = share();
	long child;

	SAME(status(&p)->pr_flags & PR_NOSIGCHLD, 0);
	child = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		spin(w);
	}
	CHECK(child > 0);
	EVENTUALLY(w[READY]);
	close(p.st);
	p.st = open_of(child, "status", O_RDONLY);
	SAME(status(&p)->pr_flags & PR_NOSIGCHLD, sizeof (long) == 8 ? PR_NOSIGCHLD : 0);
	kill(child, SIGKILL);
	SAME(waitpid(child, NULL, __WALL), child);
	end(&p);
}

/* No file here can be locked, nor can an open file through it, which others would not see locked. */
static void locks(void)
{
	static const char *const files[] = { "psinfo", "status", "as", "map", "ctl" };
	struct proc p = start(spin);
	char name[] = "/tmp/pfs-lock-XXXXXX";
	int real = mkstemp(name), fd;

	for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
		fd = open_of(p.pid, files[i], strcmp(files[i], "ctl") ? O_RDONLY : O_WRONLY);
		for (int whence = 0; whence < 2; whence++) {
			struct flock l = { .l_type = strcmp(files[i], "ctl") ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

			CHECK(fcntl(fd, whence ? F_SETLK : F_SETLKW, &l) < 0 && errno == ENOSYS);
			CHECK(fcntl(fd, whence ? F_GETLK : F_OFD_SETLK, &l) < 0 && errno == ENOSYS);
		}
		CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == ENOSYS);
		close(fd);
	}
	CHECK(real >= 0 && unlink(name) == 0);
	snprintf(name, sizeof name, "fd/%d", real);
	fd = open_of(getpid(), name, O_RDWR);
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	CHECK(fcntl(fd, F_SETLK, &l) < 0 && errno == ENOSYS);
	close(fd);
	end(&p);
}

/* Nothing can be made shorter or older. */
static void changes(void)
{
	static const char *const files[] = { "psinfo", "status", "as", "ctl", "lwpctl", "lwpname" };
	struct proc p = start(spin);

	for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
		char name[64];
		const char *path;

		snprintf(name, sizeof name, "lwp/%d/%s", (int)p.pid, files[i]);
		path = path_of(p.pid, strncmp(files[i], "lwp", 3) ? files[i] : name);
		CHECK(open(path, O_WRONLY | O_TRUNC) < 0 && errno == ENOSYS);
		CHECK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) < 0 && errno == ENOSYS);
		CHECK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST);
		CHECK(truncate(path, 0) < 0 && errno == ENOSYS);
		CHECK(utimensat(AT_FDCWD, path, NULL, 0) < 0 && errno == ENOSYS);
		CHECK(chmod(path, 0777) < 0 && errno == ENOSYS);
	}
	RUNS(&p);
	end(&p);
}

/* What is no message is that for a system process too. */
static void systems(void)
{
	struct proc kernel = { 2, -1, -1, NULL };
	static struct msg m;

	kernel.ctl = open(path_of(2, "ctl"), O_WRONLY);
	if (kernel.ctl < 0 || !(open_of(2, "status", O_RDONLY) >= 0))
		return;
	SAME(give(kernel.ctl, PCNULL, NULL, 0), 0);
	SAME(give(kernel.ctl, PCSTOP, NULL, 0), EBUSY);
	SAME(give(kernel.ctl, 99, NULL, 0), EINVAL);
	add_long(&m, PCNULL);
	add_long(&m, 99);
	SAME(put(kernel.ctl, &m), EINVAL);
	add_long(&m, PCSTOP);
	add_long(&m, 99);
	SAME(put(kernel.ctl, &m), EBUSY);
}

static void maps_zeros(volatile long *w)
{
	int fd = open("/dev/zero", O_RDWR);

	w[LAST] = (long)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	w[HELP] = (long)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	w[READY] = 1;
	for (;;) {
		while (!w[GO])
			w[COUNT]++;
		w[GO] = 0;
		w[ERRORS] = (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
}

/* Memory of zeros is nobody's file. */
static void zeros(void)
{
	static prxmap_t all[1000];
	struct proc p = start(maps_zeros);
	int fd = open_of(p.pid, "xmap", O_RDONLY), found = 0;
	ssize_t n = pread(fd, all, sizeof all, 0);

	CHECK(n > 0);
	for (unsigned i = 0; i < n / sizeof *all; i++) {
		if ((long)all[i].pr_vaddr != p.word[LAST] && (long)all[i].pr_vaddr != p.word[HELP])
			continue;
		found++;
		CHECK(all[i].pr_mflags & MA_ANON);
		CHECK(all[i].pr_dev == PRNODEV);
		SAME(all[i].pr_ino, 0);
		SAME(all[i].pr_mapname[0], 0);
	}
	SAME(found, 2);
	end(&p);
}

static int same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* As pmap does it: the map holds if its time is the same before and after it was read. */
static void time_of_map(void)
{
	static prmap_t all[1000];
	struct proc p = start(maps_zeros);
	int fd = open_of(p.pid, "map", O_RDONLY);
	struct stat before, after;

	CHECK(fstat(fd, &before) == 0);
	CHECK(pread(fd, all, sizeof all, 0) > 0);
	pause_ms(20);
	CHECK(fstat(fd, &after) == 0);
	CHECK(same_time(&before, &after));
	CHECK(stat(path_of(p.pid, "map"), &after) == 0);
	CHECK(same_time(&before, &after));
	p.word[GO] = 1;
	EVENTUALLY(p.word[ERRORS]);
	CHECK(fstat(fd, &after) == 0);
	CHECK(!same_time(&before, &after));
	CHECK(after.st_mtim.tv_sec >= before.st_mtim.tv_sec);
	CHECK(fstat(fd, &before) == 0);
	CHECK(same_time(&before, &after));
	end(&p);
}

static void makes_another_world(volatile long *w)
{
	static const char place[] = "/mnt";

	w[READY] = -1;
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("here", place, "tmpfs", 0, NULL) == 0 && chdir(place) == 0 && mkdir("pfs-audit", 0755) == 0 &&
	    chdir("pfs-audit") == 0 && close(creat("file", 0600)) == 0) {
		w[LAST] = open(".", O_RDONLY | O_DIRECTORY);
		w[READY] = 1;
	}
	for (;;)
		w[COUNT]++;
}

/* What a process in other mounts has as its directories is reached, whatever is there under the same names here. */
static void other_mounts(void)
{
	struct proc p = start(makes_another_world);
	struct stat st;
	char name[64];

	if (p.word[READY] == 1) {
		CHECK(stat("/mnt/pfs-audit", &st) < 0);
		CHECK(stat(path_of(p.pid, "cwd/file"), &st) == 0);
		SAME(st.st_mode, S_IFREG | 0600);
		CHECK(stat(path_of(p.pid, "root/mnt/pfs-audit/file"), &st) == 0);
		snprintf(name, sizeof name, "fd/%ld/file", p.word[LAST]);
		CHECK(stat(path_of(p.pid, name), &st) == 0);
	}
	end(&p);
}

/* The real user owns the link to himself. */
static void own_link(void)
{
	char name[4096];
	struct stat st;

	snprintf(name, sizeof name, "%s/self", mnt);
	CHECK(lstat(name, &st) == 0);
	SAME(st.st_uid, getuid());
	if (getuid() == 0) {
		CHECK(setresgid(1001, 0, 0) == 0);
		CHECK(setresuid(1000, 0, 0) == 0);
		CHECK(lstat(name, &st) == 0);
		SAME(st.st_uid, 1000);
		SAME(st.st_gid, 1001);
	}
}

/* An open file in Solaris' numbers, by the names that the header has for them. */
static void open_files(void)
{
	struct { prfdinfo_t info; char items[4096]; } d;
	char name[64];
	int file = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0600), fd;
	struct flock lock = { .l_type = F_WRLCK };

	CHECK(file >= 0);
	CHECK(fcntl(file, F_SETLK, &lock) == 0);
	snprintf(name, sizeof name, "fdinfo/%d", file);
	fd = open_of(getpid(), name, O_RDONLY);
	CHECK(read(fd, &d, sizeof d) > (ssize_t)offsetof(prfdinfo_t, pr_misc));
	SAME(d.info.pr_fd, file);
	SAME(d.info.pr_fileflags & ~(PR_O_LARGEFILE | PR_O_DIRECTORY), PR_O_RDWR | PR_O_APPEND | PR_O_NONBLOCK);
	SAME(d.info.pr_fdflags, 1);
	SAME(d.info.pr_locktype, PR_F_WRLCK);
	SAME(d.info.pr_lockpid, getpid());
}

/* Every file that is open for writing counts: an exclusive open finds it, and its close is the last. */
static void writers(void)
{
	struct proc p = start_closed(spin);
	int name = open_lwp(p.pid, p.pid, "lwpname", O_RDWR), as;

	CHECK(open(path_of(p.pid, "as"), O_RDWR | O_EXCL) < 0 && errno == EBUSY);
	attach(&p, 0);
	SAME(PUTL(&p, PCSET, PR_RLC), 0);
	SAME(PUT(&p, PCSTOP), 0);
	close(p.ctl);
	pause_ms(20);
	STOPPED(&p, PR_REQUESTED, 0);
	STANDS(&p);
	close(name);
	RUNS(&p);
	/* A reader is none. */
	name = open_lwp(p.pid, p.pid, "lwpname", O_RDONLY);
	as = open(path_of(p.pid, "as"), O_RDWR | O_EXCL);
	CHECK(as >= 0);
	CHECK(open(path_of(p.pid, "ctl"), O_WRONLY | O_EXCL) < 0 && errno == EBUSY);
	close(name);
	close(as);
	p.ctl = -1;
	end(&p);
}

static void *execs_beside(void *at)
{
	static char *arguments[] = { "first", NULL };
	volatile long *w = at;

	w[TIDS] = own_lwp();
	while (!w[GO])
		sched_yield();
	execve("/proc/self/exe", arguments, arguments + 1);
	return NULL;
}

static void execs_elsewhere(volatile long *w)
{
	pthread_t t;

	if (pthread_create(&t, NULL, execs_beside, (void *)w) != 0)
		_exit(94);
	while (!w[TIDS])
		sched_yield();
	w[READY] = 1;
	for (;;)
		pause();
}

/* An exec by another lwp than the first ends as one by the first does, under whose number it goes on. */
static void exec_by_another(void)
{
	for (int entry = 0; entry < 2; entry++) {
		struct proc p = start(execs_elsewhere);
		sysset_t set;

		premptyset(&set);
		praddset(&set, SYS_execve);
		SAME(PUTP(&p, PCSEXIT, set), 0);
		if (entry) {
			SAME(PUTP(&p, PCSENTRY, set), 0);
			p.word[GO] = 1;
			SAME(PUTL(&p, PCTWSTOP, 20000), 0);
			STOPPED(&p, PR_SYSENTRY, SYS_execve);
			SAME(status(&p)->pr_lwp.pr_lwpid, p.word[TIDS]);
			SAME(PUTL(&p, PCRUN, 0), 0);
		}
		p.word[GO] = 1;
		SAME(PUTL(&p, PCTWSTOP, 20000), 0);
		STOPPED(&p, PR_SYSEXIT, SYS_execve);
		SAME(status(&p)->pr_lwp.pr_lwpid, p.pid);
		SAME(status(&p)->pr_nlwp, 1);
		end(&p);
	}
}

static void reads(volatile long *w)
{
	int ends[2];
	char byte;

	if (pipe(ends) < 0)
		_exit(93);
	w[READY] = 1;
	w[LAST] = read(ends[0], &byte, 1);
	w[HELP] = errno;
	for (;;)
		w[COUNT]++;
}

/* A sleeping call that is aborted shows its exit, also if exits are traced only since it stands. */
static void abort_in_a_sleep(void)
{
	struct proc p = start(reads);
	sysset_t set;

	EVENTUALLY(status(&p)->pr_lwp.pr_syscall == SYS_read);
	SAME(PUT(&p, PCSTOP), 0);
	premptyset(&set);
	praddset(&set, SYS_read);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUTL(&p, PCRUN, PRSABORT), 0);
	SAME(PUTL(&p, PCTWSTOP, 20000), 0);
	STOPPED(&p, PR_SYSEXIT, SYS_read);
	SAME(status(&p)->pr_lwp.pr_errno, EINTR);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(p.word[LAST], -1);
	SAME(p.word[HELP], EINTR);
	end(&p);
}

static int pipe_ends[2];

static void polls(volatile long *w)
{
	struct pollfd one = { pipe_ends[0], POLLIN, 0 };

	w[READY] = 1;
	w[LAST] = syscall(SYS_poll, &one, 1, 60000);
	for (;;)
		w[COUNT]++;
}

/* The call that an lwp sleeps in is shown, and its end, also if calls are traced only since it stands, and has been let go before:
   it does not begin again. */
static void end_of_a_sleep(void)
{
	for (int stops = 1; stops <= 3; stops++) {
		sysset_t all;
		psinfo_t info;

		SAME(pipe(pipe_ends), 0);
		struct proc p = start(polls);
		EVENTUALLY(status(&p)->pr_lwp.pr_syscall == SYS_poll);
		for (int n = 1; n < stops; n++) {
			SAME(PUT(&p, PCSTOP), 0);
			SAME(PUTL(&p, PCRUN, 0), 0);
			EVENTUALLY(!(status(&p)->pr_flags & PR_STOPPED) && status(&p)->pr_flags & PR_ASLEEP);
			SAME(status(&p)->pr_lwp.pr_syscall, SYS_poll);
			int fd = open_of(p.pid, "psinfo", O_RDONLY);
			SAME(read(fd, &info, sizeof info), (ssize_t)sizeof info);
			close(fd);
			SAME(info.pr_lwp.pr_syscall, SYS_poll);
		}
		SAME(PUT(&p, PCSTOP), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		SAME(status(&p)->pr_lwp.pr_syscall, SYS_poll);
		prfillset(&all);
		SAME(PUTP(&p, PCSENTRY, all), 0);
		SAME(PUTP(&p, PCSEXIT, all), 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
		EVENTUALLY(!(status(&p)->pr_flags & PR_STOPPED) && status(&p)->pr_flags & PR_ASLEEP);
		SAME(write(pipe_ends[1], "", 1), 1);
		SAME(PUTL(&p, PCTWSTOP, 20000), 0);
		STOPPED(&p, PR_SYSEXIT, SYS_poll);
		SAME(status(&p)->pr_lwp.pr_rval1, 1);
		SAME(PUTL(&p, PCRUN, 0), 0);
		RUNS(&p);
		SAME(p.word[LAST], 1);
		end(&p);
		close(pipe_ends[0]);
		close(pipe_ends[1]);
	}
}

static void faults_traced(struct proc *p, int fault)
{
	fltset_t set;

	premptyset(&set);
	praddset(&set, fault);
	SAME(PUTP(p, PCSFAULT, set), 0);
}

static sysset_t getppid_alone(void)
{
	sysset_t set;

	premptyset(&set);
	praddset(&set, SYS_getppid);
	return set;
}

/* A step of one that sleeps is not over before the sleep is: who directs it to stop does not wait for that. */
static void step_into_a_sleep(void)
{
	for (int traced = 0; traced < 2; traced++) {
		struct proc p = start(sleeper);
		sysset_t all;

		EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
		faults_traced(&p, FLTTRACE);
		if (traced) {
			premptyset(&all);
			praddset(&all, SYS_pause);
			SAME(PUTP(&p, PCSEXIT, all), 0);
		}
		for (int i = 0; i < 3; i++) {
			SAME(PUT(&p, PCSTOP), 0);
			STOPPED(&p, PR_REQUESTED, 0);
			CHECK(status(&p)->pr_flags & PR_ASLEEP);
			SAME(status(&p)->pr_lwp.pr_syscall, SYS_pause);
			SAME(PUTL(&p, PCRUN, PRSTEP), 0);
			SAME(PUTL(&p, PCTWSTOP, 20), 0);
			SAME(status(&p)->pr_flags & (PR_ISTOP | PR_STEP), PR_STEP);
		}
		SAME(PUT(&p, PCSTOP), 0);
		/* A stop ends the step. */
		SAME(status(&p)->pr_flags & PR_STEP, 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
		EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
		SAME(p.word[COUNT], 0);
		end(&p);
	}
}

/* A step from the beginning or the end of a call makes one instruction of the program's own. */
static void step_from_a_call(void)
{
	struct proc p = start(calls);
	sysset_t set = getppid_alone(), none;

	premptyset(&none);
	faults_traced(&p, FLTTRACE);
	for (int i = 0; i < 6; i++) {
		long pc;

		SAME(PUTP(&p, PCSENTRY, *(i % 2 ? &set : &none)), 0);
		SAME(PUTP(&p, PCSEXIT, *(i % 2 ? &none : &set)), 0);
		SAME(PUTL(&p, PCTWSTOP, 20000), 0);
		STOPPED(&p, i % 2 ? PR_SYSENTRY : PR_SYSEXIT, SYS_getppid);
		pc = status(&p)->pr_lwp.pr_reg[R_PC];
		if (i > 3) {
			/* Nothing else is asked for. */
			SAME(PUTP(&p, PCSENTRY, none), 0);
			SAME(PUTP(&p, PCSEXIT, none), 0);
		}
		SAME(PUTL(&p, PCRUN, PRSTEP), 0);
		SAME(PUTL(&p, PCTWSTOP, 20000), 0);
		STOPPED(&p, PR_FAULTED, FLTTRACE);
		CHECK(status(&p)->pr_lwp.pr_reg[R_PC] != pc);
		SAME(PUTP(&p, PCSENTRY, none), 0);
		SAME(PUTP(&p, PCSEXIT, none), 0);
		SAME(PUTL(&p, PCRUN, PRCFAULT), 0);
		RUNS(&p);
	}
	SAME(p.word[ERRORS], 0);
	end(&p);
}

/* What is traced is seen in steps too: each beginning and each end of a call. */
static void steps_through_calls(void)
{
	for (int which = 1; which < 4; which++) {
		struct proc p = start(calls);
		sysset_t set = getppid_alone();
		long was, seen[8] = { 0 };

		faults_traced(&p, FLTTRACE);
		SAME(PUT(&p, PCSTOP), 0);
		if (which & 1)
			SAME(PUTP(&p, PCSENTRY, set), 0);
		if (which & 2)
			SAME(PUTP(&p, PCSEXIT, set), 0);
		was = p.word[COUNT];
		for (int i = 0; i < 20000 && p.word[COUNT] < was + 8; i++) {
			SAME(PUTL(&p, PCRUN, PRSTEP | PRCFAULT), 0);
			SAME(PUTL(&p, PCTWSTOP, 20000), 0);
			CHECK(IS_STOPPED(&p));
			seen[status(&p)->pr_lwp.pr_why & 7]++;
		}
		/* The first and the last may be half over. */
		CHECK(seen[PR_FAULTED] > 30);
		CHECK(which & 1 ? seen[PR_SYSENTRY] >= 7 && seen[PR_SYSENTRY] <= 8 : !seen[PR_SYSENTRY]);
		CHECK(which & 2 ? seen[PR_SYSEXIT] >= 7 && seen[PR_SYSEXIT] <= 8 : !seen[PR_SYSEXIT]);
		SAME(seen[PR_SIGNALLED] + seen[PR_REQUESTED], 0);
		SAME(PUTL(&p, PCRUN, PRCFAULT), 0);
		SAME(p.word[ERRORS], 0);
		end(&p);
	}
}

/* PRSTOP of one of which nothing else is asked. */
static void again_alone(void)
{
	struct proc p = start(spin);
	long pc;

	SAME(PUT(&p, PCSTOP), 0);
	pc = status(&p)->pr_lwp.pr_reg[R_PC];
	for (int i = 0; i < 5; i++) {
		SAME(PUTL(&p, PCRUN, PRSTOP), 0);
		SAME(PUTL(&p, PCTWSTOP, 20000), 0);
		STOPPED(&p, PR_REQUESTED, 0);
		SAME(status(&p)->pr_lwp.pr_reg[R_PC], pc);
	}
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	end(&p);

	p = start(sleeper);
	EVENTUALLY(status(&p)->pr_flags & PR_ASLEEP);
	SAME(PUT(&p, PCSTOP), 0);
	SAME(PUTL(&p, PCRUN, PRSABORT | PRSTOP), 0);
	SAME(PUTL(&p, PCTWSTOP, 20000), 0);
	STOPPED(&p, PR_REQUESTED, 0);
	SAME(p.word[COUNT], 0);
	SAME(status(&p)->pr_flags & PR_ASLEEP, 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	EVENTUALLY(p.word[COUNT] == 1);
	end(&p);
}

static void illegal(volatile long *w)
{
	logged = w;
	/* Caught, it is no reason to end. */
	signal(SIGUSR1, logger);
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	__asm__ volatile("ud2");
}

/* The current signal is one thing, the fault and the signal that is to come of it another. */
static void signal_at_a_fault(void)
{
	for (int i = 0; i < 4; i++) {
		struct proc p = start(illegal);
		siginfo_t info;
		int wstat;

		memset(&info, 0, sizeof info);
		info.si_signo = i == 3 ? SIGTERM : SIGUSR1;
		faults_traced(&p, FLTILL);
		p.word[GO] = 1;
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_FAULTED, FLTILL);
		if (i > 0) {
			SAME(PUTP(&p, PCSSIG, info), 0);
			SAME(status(&p)->pr_lwp.pr_cursig, info.si_signo);
			SAME(status(&p)->pr_lwp.pr_info.si_signo, SIGILL);
		}
		if (i < 2)
			SAME(PUT(&p, PCCSIG), 0);
		SAME(status(&p)->pr_lwp.pr_cursig, i < 2 ? 0 : info.si_signo);
		STOPPED(&p, PR_FAULTED, FLTILL);
		/* Cleared, the fault brings no signal; else it does. */
		SAME(PUTL(&p, PCRUN, i < 2 ? PRCSIG : i == 3 ? PRCFAULT : 0), 0);
		SAME(PUTL(&p, PCTWSTOP, 20000), ENOENT);
		SAME(waitpid(p.pid, &wstat, 0), p.pid);
		CHECK(WIFSIGNALED(wstat));
		SAME(WTERMSIG(wstat), i == 3 ? SIGTERM : SIGILL);
		close(p.ctl);
		close(p.st);
	}
}

/* States of lwps (<sys/proc.h> of Solaris). */
enum { SSLEEP = 1, SZOMB = 3, SSTOP = 4, SONPROC = 6 };

static void *goes_on(void *at)
{
	volatile long *w = at;

	w[READY] = 1;
	for (;;)
		w[COUNT]++;
	return NULL;
}

/* A process of a user whose first thread ends. */
static void headless(volatile long *w)
{
	pthread_t t;

	w[LAST] = 4711;
	CHECK(chdir("/tmp") == 0);
	if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(93);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pthread_create(&t, NULL, goes_on, (void *)w) != 0)
		_exit(94);
	syscall(SYS_exit, 0);
}

static int ended(pid_t pid)
{
	lwpsinfo_t info;
	int fd = open_lwp(pid, pid, "lwpsinfo", O_RDONLY), is;

	CHECK(read(fd, &info, sizeof info) == sizeof info);
	is = info.pr_state == SZOMB;
	close(fd);
	return is;
}

static void looks_at_headless(struct proc *p)
{
	static char buffer[1 << 16];
	psinfo_t info;
	struct stat st;
	priovec_t area;
	prcred_t own;
	long word = 0;
	int fd;

	attach(p, 0);
	fd = open_of(p->pid, "psinfo", O_RDONLY);
	CHECK(read(fd, &info, sizeof info) == sizeof info);
	SAME(info.pr_nlwp, 1);
	SAME(info.pr_nzomb, 1);
	SAME(info.pr_argc, 3);
	SAME(info.pr_dmodel, sizeof (long) == 8 ? PR_MODEL_LP64 : PR_MODEL_ILP32);
	CHECK(info.pr_size > 0 && info.pr_rssize > 0);
	/* As far as there is room. */
	CHECK(info.pr_psargs[0] != '\0');
	CHECK(strncmp(info.pr_psargs, program_invocation_name,
		strnlen(program_invocation_name, sizeof info.pr_psargs - 1)) == 0);
	SAME(status(p)->pr_dmodel, info.pr_dmodel);
	CHECK(status(p)->pr_stksize > 0 && status(p)->pr_brkbase > 0);
	static const char *const files[] = { "map", "xmap", "rmap", "auxv", "pagedata", "argv", "sigact" };
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
		fd = open_of(p->pid, files[i], O_RDONLY);
		if (read(fd, buffer, sizeof buffer) <= 0)
			fail_at(__LINE__, files[i]);
		close(fd);
	}
	CHECK(stat(path_of(p->pid, "cwd"), &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(stat(path_of(p->pid, "object/a.out"), &st) == 0 && st.st_size > 0);
	CHECK(lstat(path_of(p->pid, "fd/2"), &st) == 0);
	CHECK(lstat(path_of(p->pid, "fdinfo/2"), &st) == 0);
	CHECK(lstat(path_of(p->pid, "fd"), &st) == 0 && st.st_size > 2 * 16);
	CHECK(lstat(path_of(p->pid, "as"), &st) == 0 && st.st_size > 0);
	/* The sum of the dead, and the one that lives. */
	CHECK(stat(path_of(p->pid, "lusage"), &st) == 0);
	fd = open_of(p->pid, "lusage", O_RDONLY);
	SAME(read(fd, buffer, sizeof buffer), st.st_size);
	area.pio_base = &word;
	area.pio_len = sizeof word;
	area.pio_offset = (long)&p->word[LAST];
	SAME(PUTP(p, PCREAD, area), 0);
	SAME(word, 4711);
	SAME(PUT(p, PCSTOP), 0);
	STOPPED(p, PR_REQUESTED, 0);
	STANDS(p);
	/* A call is made in it. */
	if (geteuid() == 0) {
		fd = open_of(p->pid, "cred", O_RDONLY);
		CHECK(read(fd, &own, sizeof own) >= (ssize_t)sizeof own);
		close(fd);
		SAME(PUTP(p, PCSCRED, own), 0);
	}
	SAME(PUTL(p, PCRUN, 0), 0);
	RUNS(p);
}

static void *lives_shortly(void *at)
{
	volatile long *w = at;

	w[TIDS] = own_lwp();
	while (w[GO] == 0)
		pause_ms(1);
	return NULL;
}

/* A thread of it ends, and later the other one execs. */
static void loses_one_and_execs(volatile long *w)
{
	pthread_t t;

	pthread_create(&t, NULL, lives_shortly, (void *)w);
	while (w[TIDS] == 0)
		pause_ms(1);
	w[READY] = 1;
	pthread_join(t, NULL);
	w[LAST] = 1;
	while (w[GO] < 2)
		pause_ms(1);
	execl("/proc/self/exe", "stays", mnt, "stays", NULL);
}

/* What it becomes. */
static void stays(void)
{
	for (;;)
		pause();
}

/* The right is to the process: what came by the lwpctl of an lwp that has ended is not lost at an ordinary exec. */
static void by_an_lwp_that_ended(void)
{
	struct proc p = start_closed(loses_one_and_execs);
	int lwpctl = open_lwp(p.pid, p.word[TIDS], "lwpctl", O_WRONLY), st;
	sigset_t usr1;
	psinfo_t info;

	premptyset(&usr1);
	praddset(&usr1, SIGUSR1);
	SAME(give(lwpctl, PCSTRACE, &usr1, sizeof usr1), 0);
	SAME(give(lwpctl, PCSTOP, NULL, 0), 0);
	SAME(give_long(lwpctl, PCRUN, 0), 0);
	p.word[GO] = 1;
	EVENTUALLY(p.word[LAST]);
	/* It is still open for writing. */
	CHECK(open(path_of(p.pid, "ctl"), O_WRONLY | O_EXCL) < 0 && errno == EBUSY);
	p.word[GO] = 2;
	st = open_of(p.pid, "psinfo", O_RDONLY);
	EVENTUALLY(pread(st, &info, sizeof info, 0) == sizeof info && !strcmp(info.pr_fname, "exe"));
	attach(&p, 0);
	CHECK(!(status(&p)->pr_flags & (PR_RLC | PR_ISTOP)));
	CHECK(prismember(&status(&p)->pr_sigtrace, SIGUSR1));
	end(&p);
}

/* A process whose first thread has ended has all that it had, for whoever may control it. */
static void without_the_first(void)
{
	struct proc p = start_closed(headless);
	int wstat;
	pid_t other;

	EVENTUALLY(ended(p.pid));
	looks_at_headless(&p);
	close(p.ctl);
	close(p.st);
	for (int uid = 1000; uid <= 1001; uid++) {
		other = fork();
		CHECK(other >= 0);
		if (other == 0) {
			CHECK(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
			if (uid == 1000) {
				looks_at_headless(&p);
				_exit(0);
			}
			static const char *const files[] = { "as", "ctl", "map", "auxv", "status", "cred" };
			for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
				CHECK(open(path_of(p.pid, files[i]), i == 1 ? O_WRONLY : O_RDONLY) < 0 && errno == EACCES);
			_exit(0);
		}
		CHECK(waitpid(other, &wstat, 0) == other);
		SAME(wstat, 0);
	}
	attach(&p, 0);
	end(&p);
}

static void *works(void *at)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_nsec < 300000000);
	return at;
}

/* One lwp that sleeps, after others that have worked and ended. */
static void worked(volatile long *w)
{
	pthread_t t;

	if (pthread_create(&t, NULL, works, NULL) != 0 || pthread_join(t, NULL) != 0)
		_exit(94);
	w[READY] = 1;
	for (;;)
		pause();
}

static double seconds(timestruc_t t)
{
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double accounted(const prusage_t *u)
{
	return seconds(u->pr_utime) + seconds(u->pr_stime) + seconds(u->pr_slptime) + seconds(u->pr_wtime);
}

/* Times of a process are the sums of those of its lwps, the dead too, and no lwp has more of any than it has lived. */
static void sums(void)
{
	struct proc p = start(worked);
	static char buffer[1 << 14];
	prusage_t all, *dead, *one;
	prheader_t *header = (void *)buffer;
	int usage = open_of(p.pid, "usage", O_RDONLY), lusage = open_of(p.pid, "lusage", O_RDONLY);

	SAME(PUT(&p, PCSTOP), 0);
	CHECK(read(lusage, buffer, sizeof buffer) > 0);
	CHECK(read(usage, &all, sizeof all) == sizeof all);
	SAME(header->pr_nent, 2);
	dead = (void *)(buffer + sizeof *header);
	one = (void *)((char *)dead + header->pr_entsize);
	CHECK(seconds(dead->pr_utime) + seconds(dead->pr_stime) > 0.2);
	CHECK(accounted(dead) <= seconds(dead->pr_rtime) + 1e-6);
	CHECK(accounted(&all) <= seconds(all.pr_rtime) + 1e-6);
	CHECK(seconds(all.pr_slptime) >= seconds(one->pr_slptime) - 1e-6);
	CHECK(seconds(all.pr_rtime) >= seconds(one->pr_rtime) + seconds(dead->pr_rtime) - 1e-6);
	end(&p);
}

static siginfo_t of_number(int signo)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	info.si_signo = signo;
	return info;
}

/* SIGCONT, and a signal that stops, take what is pending of the other kind with them, whatever the lwp stands at. */
static void contraries(void)
{
	static const struct { int pending, current; } pairs[] = { { SIGTSTP, SIGCONT }, { SIGCONT, SIGTSTP } };

	for (unsigned i = 0; i < 2; i++)
		for (int signalled = 0; signalled < 2; signalled++) {
			struct proc p = start(logs);
			siginfo_t info = of_number(pairs[i].current);
			sigset_t set;

			premptyset(&set);
			praddset(&set, SIGUSR1);
			SAME(PUTP(&p, PCSTRACE, set), 0);
			if (signalled) {
				SAME(kill(p.pid, SIGUSR1), 0);
				SAME(PUT(&p, PCWSTOP), 0);
				STOPPED(&p, PR_SIGNALLED, SIGUSR1);
			} else
				SAME(PUT(&p, PCSTOP), 0);
			SAME(kill(p.pid, pairs[i].pending), 0);
			SAME(PUTP(&p, PCSSIG, info), 0);
			SAME(status(&p)->pr_lwp.pr_cursig, pairs[i].current);
			SAME(status(&p)->pr_lwp.pr_info.si_signo, pairs[i].current);
			SAME(PUTL(&p, PCRUN, 0), 0);
			EVENTUALLY(p.word[SIGNALS + pairs[i].current]);
			RUNS(&p);
			SAME(p.word[SIGNALS + pairs[i].current], 1);
			SAME(p.word[SIGNALS + pairs[i].pending], 0);
			SAME(p.word[SIGNALS + SIGUSR1], 0);
			SAME(prismember(&status(&p)->pr_sigpend, pairs[i].pending), 0);
			end(&p);
		}
}

/* A system process is of the kernel's model, and in no call. */
static void system_process(void)
{
	lwpsinfo_t one;
	int fd = open_lwp(2, 2, "lwpsinfo", O_RDONLY);
	struct proc p = { 2, -1, open_of(2, "status", O_RDONLY), NULL };

	CHECK(read(fd, &one, sizeof one) == sizeof one);
	SAME(one.pr_state, SSLEEP);
	SAME(one.pr_syscall, 0);
	if (sizeof (long) == 4) {
		pstatus_t s;

		/* Its addresses are not for those who have short ones. */
		SAME(pread(p.st, &s, sizeof s, 0), -1);
		SAME(errno, EOVERFLOW);
		SAME(read(open_of(2, "map", O_RDONLY), &s, sizeof s), 0);
		return;
	}
	SAME(status(&p)->pr_dmodel, PR_MODEL_LP64);
	SAME(status(&p)->pr_flags & (PR_ISSYS | PR_ASLEEP), PR_ISSYS);
	SAME(status(&p)->pr_lwp.pr_syscall, 0);
	SAME(status(&p)->pr_lwp.pr_nsysarg, 0);
}

/* Who reads about himself runs. The call that an lwp is in, it is in also when it stands. */
static void who_runs(void)
{
	lwpsinfo_t one;
	psinfo_t all;
	struct proc p = { getpid(), -1, open_of(getpid(), "status", O_RDONLY), NULL }, q;

	CHECK(read(open_of(p.pid, "psinfo", O_RDONLY), &all, sizeof all) == sizeof all);
	SAME(all.pr_lwp.pr_state, SONPROC);
	SAME(all.pr_lwp.pr_sname, 'O');
	CHECK(read(open_lwp(p.pid, p.pid, "lwpsinfo", O_RDONLY), &one, sizeof one) == sizeof one);
	SAME(one.pr_state, SONPROC);
	SAME(status(&p)->pr_flags & (PR_ASLEEP | PR_STOPPED), 0);
	SAME(status(&p)->pr_lwp.pr_syscall, 0);
	q = start(sleeper);
	SAME(PUT(&q, PCSTOP), 0);
	CHECK(status(&q)->pr_lwp.pr_syscall != 0);
	CHECK(read(open_lwp(q.pid, q.pid, "lwpsinfo", O_RDONLY), &one, sizeof one) == sizeof one);
	SAME(one.pr_state, SSTOP);
	SAME(one.pr_syscall, status(&q)->pr_lwp.pr_syscall);
	end(&q);
	q = start(spin);
	SAME(PUT(&q, PCSTOP), 0);
	CHECK(read(open_lwp(q.pid, q.pid, "lwpsinfo", O_RDONLY), &one, sizeof one) == sizeof one);
	SAME(one.pr_syscall, 0);
	end(&q);
}

/* Directories of who may control the process are opened by nobody else, also where the user is the same. */
static void directories(void)
{
	static const char *const names[] = { "fd", "fdinfo", "object", "path", "contracts" };
	struct proc p = start(sleeper);
	pid_t other;
	int wstat;

	/* A group of another's. */
	other = fork();
	CHECK(other >= 0);
	if (other == 0) {
		struct proc q;

		CHECK(setresuid(1000, 1000, 1000) == 0);
		q = start_closed(sleeper);
		CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
		for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
			CHECK(open(path_of(q.pid, names[i]), O_RDONLY) < 0);
			SAME(errno, EACCES);
		}
		kill(q.pid, SIGKILL);
		_exit(0);
	}
	CHECK(waitpid(other, &wstat, 0) == other);
	SAME(wstat, 0);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		CHECK(close(open_of(p.pid, names[i], O_RDONLY)) == 0);
	end(&p);
}

/* Every directory can be listed by whoever knows inodes of 32 bits only, and its entries are not one another. */
static void listings(void)
{
	static const char *const names[] = { "", "fd", "fdinfo", "path", "object", "lwp" };
	struct proc p;
	static ino_t seen[4096];

	for (int fd = 3; fd < 100; fd++)
		CHECK(dup(0) >= 0);
	p = start(crowd);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		DIR *dir = opendir(path_of(p.pid, names[i]));
		struct dirent *entry;
		struct stat st;
		char path[400];
		unsigned n = 0;

		CHECK(dir != NULL);
		for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
			snprintf(path, sizeof path, "%s/%s", names[i], entry->d_name);
			if (lstat(path_of(p.pid, path), &st) < 0)
				fail_at(__LINE__, path);
			SAME(st.st_ino, entry->d_ino);
			for (unsigned j = 0; j < n; j++)
				CHECK(seen[j] != st.st_ino);
			CHECK(n < sizeof seen / sizeof *seen);
			seen[n++] = st.st_ino;
		}
		SAME(errno, 0);
		CHECK(n > 4);
		closedir(dir);
	}
	end(&p);
}

/* The first lwp sleeps until it is told to end, the second counts. */
static void sleeps_first(volatile long *w)
{
	pthread_t t;

	w[TIDS] = own_lwp();
	if (pthread_create(&t, NULL, counting, (void *)(w + LAST)) != 0)
		_exit(94);
	w[READY] = 1;
	for (;;)
		pause();
}

static lwpsinfo_t speaks(pid_t pid)
{
	psinfo_t all;
	int fd = open_of(pid, "psinfo", O_RDONLY);

	CHECK(read(fd, &all, sizeof all) == sizeof all);
	close(fd);
	return all.pr_lwp;
}

/* In psinfo the same lwp speaks for the process as in status: one that runs, if any does. */
static void psinfo_of_several(void)
{
	struct proc p = start(sleeps_first);
	lwpsinfo_t one;
	int lwpctl;

	EVENTUALLY(p.word[LAST + 1]);
	EVENTUALLY(speaks(p.pid).pr_lwpid == p.word[LAST + 1]);
	one = speaks(p.pid);
	SAME(one.pr_state, 2);
	SAME(status(&p)->pr_lwp.pr_lwpid, one.pr_lwpid);
	/* Who stands does not speak while another sleeps. */
	lwpctl = open_lwp(p.pid, p.word[LAST + 1], "lwpctl", O_WRONLY);
	SAME(give(lwpctl, PCSTOP, NULL, 0), 0);
	one = speaks(p.pid);
	SAME(one.pr_lwpid, p.pid);
	SAME(one.pr_state, SSLEEP);
	SAME(status(&p)->pr_lwp.pr_lwpid, one.pr_lwpid);
	SAME(give_long(lwpctl, PCRUN, 0), 0);
	close(lwpctl);
	lwpctl = open_lwp(p.pid, p.pid, "lwpctl", O_WRONLY);
	SAME(give(lwpctl, PCSTOP, NULL, 0), 0);
	EVENTUALLY(speaks(p.pid).pr_lwpid == p.word[LAST + 1]);
	SAME(PUT(&p, PCSTOP), 0);
	one = speaks(p.pid);
	SAME(one.pr_state, SSTOP);
	SAME(status(&p)->pr_lwp.pr_lwpid, one.pr_lwpid);
	end(&p);
}

/* A value that a register cannot have changes no other one either. */
static void impossible_registers(void)
{
	struct proc p = start(spin);
	prgregset_t old, now;

	SAME(PUT(&p, PCSTOP), 0);
	memcpy(old, status(&p)->pr_lwp.pr_reg, sizeof old);
#ifdef __LP64__
	static const int bases[] = { REG_FSBASE, REG_GSBASE };

	for (unsigned i = 0; i < 2; i++) {
		memcpy(now, old, sizeof now);
		for (int n = 0; n < 10; n++)
			now[n] ^= 0x4242;
		now[bases[i]] = 1L << 63;
		SAME(PUTP(&p, PCSREG, now), EINVAL);
		SAME(memcmp(status(&p)->pr_lwp.pr_reg, old, sizeof old), 0);
		SAME(PUTP(&p, PCAGENT, now), EINVAL);
		EVENTUALLY(status(&p)->pr_agentid == 0);
	}
#endif
	memcpy(now, old, sizeof now);
	SAME(PUTP(&p, PCSREG, now), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	end(&p);
}

CASES({ "classes", classes }, { "nice_of_some", nice_of_some }, { "accounting", accounting },
    { "exec_arguments", exec_arguments }, { "heap", heap }, { "job_control", job_control }, { "changes", changes }, { "locks", locks }, { "silent", silent },
    { "systems", systems }, { "zeros", zeros }, { "time_of_map", time_of_map }, { "other_mounts", other_mounts },
    { "own_link", own_link }, { "open_files", open_files }, { "writers", writers },
    { "exec_by_another", exec_by_another }, { "abort_in_a_sleep", abort_in_a_sleep }, { "end_of_a_sleep", end_of_a_sleep },
    { "step_into_a_sleep", step_into_a_sleep }, { "step_from_a_call", step_from_a_call },
    { "steps_through_calls", steps_through_calls },     { "again_alone", again_alone }, { "signal_at_a_fault", signal_at_a_fault },
    { "without_the_first", without_the_first }, { "by_an_lwp_that_ended", by_an_lwp_that_ended }, { "stays", stays }, { "sums", sums }, { "contraries", contraries },
    { "system_process", system_process }, { "who_runs", who_runs }, { "directories", directories },
    { "listings", listings },
    { "psinfo_of_several", psinfo_of_several },
    { "impossible_registers", impossible_registers })
