/*
 * compile_truss DIR PID: follows the calls, signals and faults of a process until it ends, in the way of a program for
 * Solaris: messages to ctl in one writev, poll for the stop, PCRUN with what the stop wants.
 */
#include <sys/types.h>
#include <sys/fault.h>
#include <sys/procfs.h>
#include <sys/siginfo.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A message and its operand, as they stand in a write. */
typedef struct {
	long cmd;
	union {
		long flags;
		sigset_t signal;
		fltset_t fault;
		sysset_t syscall;
	} arg;
} ctl_t;

#define LENGTH(operand) (offsetof(ctl_t, arg) + sizeof(operand))

static const struct {
	int number;
	const char *name;
} calls[] = {
	{ SYS_read, "read" },
	{ SYS_write, "write" },
	{ SYS_open, "open" },
	{ SYS_close, "close" },
	{ SYS_execve, "execve" },
	{ SYS_exit, "exit" },
	{ SYS_exit_group, "exit_group" },
#ifdef SYS_forksys
	{ SYS_forksys, "fork" },
#else
	{ SYS_fork, "fork" },
#endif
	{ SYS_nanosleep, "nanosleep" },
};

static const char *dir;
static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = sig;
}

static void fail(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_file(const char *pid, const char *file, int flags)
{
	char path[1024];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s/%s", dir, pid, file);
	if ((fd = open(path, flags)) < 0)
		fail(path);
	return fd;
}

static const char *call_name(int number)
{
	static char buf[16];
	size_t i;

	for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (calls[i].number == number)
			return calls[i].name;
	}
	(void)snprintf(buf, sizeof buf, "sys#%d", number);
	return buf;
}

/* Everything that is to be set at the start, in one write. */
static void attach(int ctl)
{
	ctl_t stop, modes, signals, faults, entry, leave;
	struct iovec iov[6];

	stop.cmd = PCSTOP;
	iov[0].iov_base = (caddr_t)&stop;
	iov[0].iov_len = sizeof(long);

	modes.cmd = PCSET;
	modes.arg.flags = PR_FORK | PR_RLC | PR_BPTADJ;
	iov[1].iov_base = (caddr_t)&modes;
	iov[1].iov_len = LENGTH(modes.arg.flags);

	signals.cmd = PCSTRACE;
	prfillset(&signals.arg.signal);
	prdelset(&signals.arg.signal, SIGCLD);
	iov[2].iov_base = (caddr_t)&signals;
	iov[2].iov_len = LENGTH(signals.arg.signal);

	faults.cmd = PCSFAULT;
	premptyset(&faults.arg.fault);
	praddset(&faults.arg.fault, FLTBPT);
	praddset(&faults.arg.fault, FLTWATCH);
	praddset(&faults.arg.fault, FLTBOUNDS);
	iov[3].iov_base = (caddr_t)&faults;
	iov[3].iov_len = LENGTH(faults.arg.fault);

	entry.cmd = PCSENTRY;
	premptyset(&entry.arg.syscall);
	praddset(&entry.arg.syscall, SYS_exit);
	praddset(&entry.arg.syscall, SYS_exit_group);
	iov[4].iov_base = (caddr_t)&entry;
	iov[4].iov_len = LENGTH(entry.arg.syscall);

	leave.cmd = PCSEXIT;
	prfillset(&leave.arg.syscall);
	if (prismember(&leave.arg.syscall, SYS_brk))
		prdelset(&leave.arg.syscall, SYS_brk);
	iov[5].iov_base = (caddr_t)&leave;
	iov[5].iov_len = LENGTH(leave.arg.syscall);

	if (writev(ctl, iov, 6) < 0)
		fail("ctl");
}

static void run(int ctl, long flags)
{
	long message[2];

	message[0] = PCRUN;
	message[1] = flags;
	if (write(ctl, message, sizeof message) < 0 && errno != ENOENT)
		fail("PCRUN");
}

/* Memory of the process, through ctl. */
static size_t fetch(int ctl, uintptr_t from, void *to, size_t size)
{
	struct {
		long cmd;
		priovec_t io;
	} message;

	message.cmd = PCREAD;
	message.io.pio_base = to;
	message.io.pio_len = size;
	message.io.pio_offset = (off_t)from;
	return write(ctl, &message, sizeof message) < 0 ? 0 : size;
}

static void watch(int ctl, uintptr_t address, size_t size, int flags)
{
	struct {
		long cmd;
		prwatch_t area;
	} message;

	(void)memset(&message, 0, sizeof message);
	message.cmd = PCWATCH;
	message.area.pr_vaddr = address;
	message.area.pr_size = size;
	message.area.pr_wflags = flags;
	if (write(ctl, &message, sizeof message) < 0)
		(void)fprintf(stderr, "PCWATCH: %s\n", strerror(errno));
}

static void show_signal(const siginfo_t *info)
{
	(void)printf("    signal %d code %d errno %d", info->si_signo, info->si_code, info->si_errno);
	if (SI_FROMUSER(info)) {
		(void)printf(" from %d uid %u zone %d", (int)info->si_pid, (unsigned)info->si_uid, (int)info->si_zoneid);
		if (info->si_code == SI_QUEUE)
			(void)printf(" value %d", info->si_value.sival_int);
	} else {
		switch (info->si_signo) {
		case SIGCLD:
			(void)printf(" child %d status %d time %ld", (int)info->si_pid, info->si_status,
			    (long)(info->si_utime + info->si_stime));
			break;
		case SIGPOLL:
			(void)printf(" descriptor %d band %ld", info->si_fd, info->si_band);
			break;
		case SIGTRAP:
			if (info->si_code == TRAP_RWATCH || info->si_code == TRAP_WWATCH || info->si_code == TRAP_XWATCH)
				(void)printf(" watched, %s, pc %p", info->si_trapafter ? "after" : "before", info->si_pc);
			/* FALLTHROUGH */
		default:
			(void)printf(" address %p", (void *)info->si_addr);
		}
	}
	(void)printf("\n");
}

static void show_return(int ctl, const lwpstatus_t *lwp)
{
	char text[33];
	int i;

	(void)printf("%d: %s(", (int)lwp->pr_lwpid, call_name(lwp->pr_what));
	for (i = 0; i < lwp->pr_nsysarg; i++)
		(void)printf("%s%lx", i == 0 ? "" : ", ", (ulong_t)lwp->pr_sysarg[i]);
	if (lwp->pr_errno != 0)
		(void)printf(") %s\n", strerror(lwp->pr_errno));
	else
		(void)printf(") = %ld\n", lwp->pr_rval1);
	if (lwp->pr_what == SYS_write && lwp->pr_errno == 0) {
		size_t n = lwp->pr_rval1 < 32 ? (size_t)lwp->pr_rval1 : 32;

		text[fetch(ctl, (uintptr_t)lwp->pr_sysarg[1], text, n)] = '\0';
		(void)printf("    \"%s\"\n", text);
	}
}

/* Makes the process call getpid, in an agent of its own. */
static long agent_getpid(const char *pid, int ctl, const pstatus_t *status)
{
	struct {
		long cmd;
		prgregset_t reg;
	} create;
	ctl_t tracing;
	lwpstatus_t agent;
	long orders[3], result = -1;
	int lwpctl, lwpstatus;

	create.cmd = PCAGENT;
	(void)memcpy(create.reg, status->pr_lwp.pr_reg, sizeof create.reg);
#ifdef __x86_64__
	create.reg[REG_RAX] = PR_LINUX_SYSCALL(SYS_getpid);
	create.reg[REG_RIP] = (prgreg_t)(status->pr_lwp.pr_reg[R_PC] - 2);
#else
	create.reg[R_R0] = PR_LINUX_SYSCALL(SYS_getpid);
	create.reg[R_PC] = status->pr_lwp.pr_reg[R_PC] - 2;
#endif
	tracing.cmd = PCSEXIT;
	premptyset(&tracing.arg.syscall);
	praddset(&tracing.arg.syscall, SYS_getpid);
	if (write(ctl, &tracing, LENGTH(tracing.arg.syscall)) < 0 || write(ctl, &create, sizeof create) < 0)
		return -1;
	lwpctl = open_file(pid, "lwp/agent/lwpctl", O_WRONLY);
	lwpstatus = open_file(pid, "lwp/agent/lwpstatus", O_RDONLY);
	orders[0] = PCRUN;
	orders[1] = PRCSIG | PRCFAULT;
	orders[2] = PCWSTOP;
	if (write(lwpctl, orders, sizeof orders) == (ssize_t)sizeof orders
	    && pread(lwpstatus, &agent, sizeof agent, 0) == (ssize_t)sizeof agent
	    && agent.pr_flags & PR_AGENT && agent.pr_why == PR_SYSEXIT)
		result = agent.pr_errno != 0 ? -1 : (long)agent.pr_reg[R_R0];

	/* The agent ends itself, by a call that is traced. Until it has, nobody else can be run. */
	create.cmd = PCSREG;
	create.reg[R_R0] = PR_LINUX_SYSCALL(SYS_exit);
	orders[1] = 0;
	if (write(lwpctl, &create, sizeof create) < 0)
		result = -1;
	while (write(lwpctl, orders, sizeof orders) == (ssize_t)sizeof orders)
		continue;
	if (errno != ENOENT)
		result = -1;
	(void)close(lwpctl);
	(void)close(lwpstatus);
	return result;
}

int main(int argc, char **argv)
{
	int ctl, statusfd;
	struct sigaction act;
	sigset_t mask;
	pstatus_t status;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: %s DIR PID\n", argv[0]);
		return 2;
	}
	dir = argv[1];
	(void)setvbuf(stdout, NULL, _IOLBF, 0);

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	act.sa_handler = interrupt;
	act.sa_flags = 0;
	act.sa_mask = mask;
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigprocmask(SIG_UNBLOCK, &mask, NULL);

	ctl = open_file(argv[2], "ctl", O_WRONLY | O_EXCL);
	statusfd = open_file(argv[2], "status", O_RDONLY);
	attach(ctl);

	while (!interrupted) {
		struct pollfd fds;
		long flags = 0;
		ssize_t n;

		fds.fd = ctl;
		fds.events = POLLPRI;
		if (poll(&fds, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			fail("poll");
		}
		if (fds.revents & (POLLHUP | POLLERR | POLLNVAL))
			break;
		n = pread(statusfd, &status, sizeof status, 0);
		if (n < 0 && errno == ENOENT)
			break;
		if (n != (ssize_t)sizeof status)
			fail("status");
		if (!(status.pr_lwp.pr_flags & PR_ISTOP))
			continue;

		switch (status.pr_lwp.pr_why) {
		case PR_REQUESTED:
			(void)printf("pid by agent %ld\n", agent_getpid(argv[2], ctl, &status));
			watch(ctl, status.pr_brkbase, sizeof(long), WA_WRITE | WA_TRAPAFTER);
			break;
		case PR_SIGNALLED:
			show_signal(&status.pr_lwp.pr_info);
			if (status.pr_lwp.pr_cursig == SIGINT)
				flags |= PRCSIG;
			break;
		case PR_FAULTED:
			(void)printf("fault %d\n", status.pr_lwp.pr_what);
			show_signal(&status.pr_lwp.pr_info);
			if (status.pr_lwp.pr_what == FLTWATCH) {
				watch(ctl, status.pr_brkbase, 0, 0);
				flags |= PRCFAULT | PRSTEP;
			}
			break;
		case PR_SYSENTRY:
			(void)printf("enters %s\n", call_name(status.pr_lwp.pr_what));
			break;
		case PR_SYSEXIT:
			show_return(ctl, &status.pr_lwp);
			break;
		}
		run(ctl, flags);
	}
	(void)close(ctl);
	return 0;
}
