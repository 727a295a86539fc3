/* Programs of one data model and processes of the other. */
#include "pr.h"

/* The same program of the other model: its name ends with the number of bits. */
static const char *other_program(void)
{
	static char path[4096];
	size_t n = strlen(arguments[0]);

	snprintf(path, sizeof path, "%s", arguments[0]);
	strcpy(path + n - 2, sizeof (long) == 8 ? "32" : "64");
	return path;
}

static struct proc start_other(void)
{
	struct proc p = { 0, -1, -1, NULL };
	int fds[2];
	char c;

	CHECK(pipe(fds) == 0);
	p.pid = fork();
	if (p.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		close(fds[0]);
		execl(other_program(), other_program(), mnt, "target", (char *)NULL);
		_exit(99);
	}
	close(fds[1]);
	CHECK(read(fds[0], &c, 1) == 1);
	return p;
}

static void target(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(1, "r", 1) != 1)
		_exit(9);
	for (;;)
		syscall(SYS_getppid);
}

static void finish(struct proc *p)
{
	kill(p->pid, SIGKILL);
	SAME(waitpid(p->pid, NULL, 0), p->pid);
}

/* A 64-bit program controls a 32-bit one with its own structures; numbers of calls are the process's own. */
static void wide_and_narrow(void)
{
	struct proc p;
	sysset_t set;
	prgregset_t regs;
	priovec_t v;
	unsigned char byte;

	if (sizeof (long) != 8)
		return;
	p = start_other();
	attach(&p, 0);
	SAME(status(&p)->pr_dmodel, PR_MODEL_ILP32);
	premptyset(&set);
	praddset(&set, PR_SYSCALL(64)); /* getppid of i386 */
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	for (int i = 0; i < 10; i++) {
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, i % 2 ? PR_SYSEXIT : PR_SYSENTRY, PR_SYSCALL(64));
		SAME(status(&p)->pr_lwp.pr_syscall, PR_SYSCALL(64));
		if (i % 2)
			SAME(status(&p)->pr_lwp.pr_rval1, getpid());
		SAME(PUTL(&p, PCRUN, 0), 0);
	}
	premptyset(&set);
	SAME(PUTP(&p, PCSENTRY, set), 0);
	SAME(PUTP(&p, PCSEXIT, set), 0);
	SAME(PUT(&p, PCSTOP), 0);
	memcpy(regs, status(&p)->pr_lwp.pr_reg, sizeof regs);
	CHECK((unsigned long)regs[R_PC] <= 0xffffffffUL && regs[R_PC] != 0);
	SAME(regs[REG_CS], 0x23);
	SAME(PUTP(&p, PCSREG, regs), 0);
	SAME(PUTL(&p, PCSVADDR, regs[R_PC]), 0);
	/* It has 32 bits there. */
	SAME(PUTL(&p, PCSVADDR, regs[R_PC] | 0x700000000L), 0);
	SAME(status(&p)->pr_lwp.pr_reg[R_PC], regs[R_PC]);
	v.pio_base = &byte;
	v.pio_len = 1;
	v.pio_offset = regs[R_PC];
	SAME(PUTP(&p, PCREAD, v), 0);
	SAME(byte, status(&p)->pr_lwp.pr_instr);
	prfpregset_t fp;
	memcpy(&fp, &status(&p)->pr_lwp.pr_fpreg, sizeof fp);
	SAME(PUTP(&p, PCSFPREG, fp), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUTL(&p, PCKILL, SIGTERM), 0);
	SAME(waitpid(p.pid, NULL, 0), p.pid);
}

/* The other way round, what has addresses of the process overflows. */
static void narrow_and_wide(void)
{
	static const char *const overflow[] = { "status", "lstatus" };
	struct proc p;
	char bytes[4096], path[64];
	siginfo_t info;
	prgregset_t regs;
	prfpregset_t fp;
	priovec_t v;
	prwatch_t watch;
	sigset_t sigs;
	fltset_t faults;
	sysset_t calls;

	if (sizeof (long) != 4)
		return;
	p = start_other();
	p.ctl = open_of(p.pid, "ctl", O_WRONLY);
	for (unsigned i = 0; i < sizeof overflow / sizeof *overflow; i++) {
		int fd = open_of(p.pid, overflow[i], O_RDONLY);
		SAME(read(fd, bytes, sizeof bytes), -1);
		SAME(errno, EOVERFLOW);
		close(fd);
	}
	snprintf(path, sizeof path, "lwp/%d/lwpstatus", (int)p.pid);
	int fd = open_of(p.pid, path, O_RDONLY);
	SAME(read(fd, bytes, sizeof bytes), -1);
	SAME(errno, EOVERFLOW);
	memset(&info, 0, sizeof info);
	memset(&regs, 0, sizeof regs);
	memset(&fp, 0, sizeof fp);
	memset(&v, 0, sizeof v);
	memset(&watch, 0, sizeof watch);
	SAME(PUT(&p, PCSTOP), 0);
	info.si_signo = SIGHUP;
	SAME(PUTP(&p, PCSSIG, info), EOVERFLOW);
	SAME(PUTP(&p, PCSREG, regs), EOVERFLOW);
	SAME(PUTP(&p, PCSFPREG, fp), EOVERFLOW);
	SAME(PUTL(&p, PCSVADDR, 0), EOVERFLOW);
	SAME(PUTP(&p, PCWATCH, watch), EOVERFLOW);
	SAME(PUTP(&p, PCAGENT, regs), EOVERFLOW);
	SAME(PUTP(&p, PCREAD, v), EOVERFLOW);
	SAME(PUTP(&p, PCWRITE, v), EOVERFLOW);
	/* What has none works. */
	premptyset(&sigs);
	premptyset(&faults);
	premptyset(&calls);
	SAME(PUTP(&p, PCSTRACE, sigs), 0);
	SAME(PUTP(&p, PCSFAULT, faults), 0);
	SAME(PUTP(&p, PCSENTRY, calls), 0);
	SAME(PUTP(&p, PCSEXIT, calls), 0);
	SAME(PUTP(&p, PCSHOLD, sigs), 0);
	SAME(PUT(&p, PCCSIG), 0);
	SAME(PUT(&p, PCCFAULT), 0);
	SAME(PUTL(&p, PCNICE, 1), 0);
	SAME(PUTL(&p, PCUNKILL, SIGHUP), 0);
	SAME(PUTL(&p, PCSET, PR_RLC), 0);
	SAME(PUTL(&p, PCUNSET, PR_RLC), 0);
	SAME(PUTL(&p, PCTWSTOP, 10), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	SAME(PUTL(&p, PCKILL, SIGKILL), 0);
	finish(&p);
}

/* The same model: 32-bit structures with 32-bit registers. */
static void alike(void)
{
	struct proc p = start(calls);
	struct stat st;

	SAME(status(&p)->pr_dmodel, sizeof (long) == 8 ? PR_MODEL_LP64 : PR_MODEL_ILP32);
	SAME(fstat(p.st, &st), 0);
	SAME(st.st_size, sizeof (pstatus_t));
	SAME(sizeof (pstatus_t), sizeof (long) == 8 ? 1680 : 1136);
	SAME(PUT(&p, PCSTOP), 0);
	CHECK(status(&p)->pr_lwp.pr_reg[R_PC] != 0);
	CHECK(status(&p)->pr_lwp.pr_reg[R_SP] != 0);
	/* An area that wraps in the writer's words. */
	prwatch_t area = { 0 };
	area.pr_vaddr = (uintptr_t)-8;
	area.pr_size = 16;
	area.pr_wflags = WA_READ;
	SAME(PUTP(&p, PCWATCH, area), EINVAL);
	/* An lwp's own view of itself has the model of its own program. */
	end(&p);
}

CASES({ "wide_and_narrow", wide_and_narrow }, { "narrow_and_wide", narrow_and_wide }, { "alike", alike },
    { "target", target })
