/* compile_status DIR PID: what DIR/PID/status says, in the way of a program for Solaris. */
#include <sys/types.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <procfs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *why(const lwpstatus_t *lwp, char *buf, size_t size)
{
	const char *name = "?";

	switch (lwp->pr_why) {
	case 0:
		return "-";
	case PR_REQUESTED:
		return "requested";
	case PR_SIGNALLED:
		name = "signal";
		break;
	case PR_SYSENTRY:
		name = "entry of call";
		break;
	case PR_SYSEXIT:
		name = "exit of call";
		break;
	case PR_FAULTED:
		name = "fault";
		break;
	case PR_JOBCONTROL:
		name = "job control";
		break;
	case PR_SUSPENDED:
		return "suspended";
	}
	(void)snprintf(buf, size, "%s %d", name, lwp->pr_what);
	return buf;
}

static void members(const char *name, const void *set, int last, int (*has)(const void *, int))
{
	int n;

	(void)printf("%s", name);
	for (n = 1; n <= last; n++) {
		if (has(set, n))
			(void)printf(" %d", n);
	}
	(void)printf("\n");
}

static int has_signal(const void *set, int n)
{
	return prismember((const sigset_t *)set, n);
}

static int has_fault(const void *set, int n)
{
	return prismember((const fltset_t *)set, n);
}

static int has_call(const void *set, int n)
{
	return prismember((const sysset_t *)set, n);
}

static void registers(const prgregset_t regs)
{
	int i;

	for (i = 0; i < NPRGREG; i++)
		(void)printf("%2d %0*lx%c", i, (int)(2 * sizeof(prgreg_t)), (unsigned long)regs[i], i % 4 == 3 ? '\n' : ' ');
	(void)printf("\npc %lx sp %lx fp %lx\n", (unsigned long)regs[R_PC], (unsigned long)regs[R_SP], (unsigned long)regs[R_FP]);
}

int main(int argc, char **argv)
{
	char path[1024], reason[64];
	pstatus_t status;
	ssize_t n;
	int fd;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: %s DIR PID\n", argv[0]);
		return 2;
	}
	(void)snprintf(path, sizeof path, "%s/%s/status", argv[1], argv[2]);
	if ((fd = open(path, O_RDONLY)) < 0 || (n = read(fd, &status, sizeof status)) < 0) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	(void)close(fd);
	if (n != (ssize_t)sizeof status) {
		(void)fprintf(stderr, "%s: %ld bytes instead of %lu\n", path, (long)n, (unsigned long)sizeof status);
		return 1;
	}

	(void)printf("pid %d ppid %d pgid %d sid %d lwps %d\n", (int)status.pr_pid, (int)status.pr_ppid,
	    (int)status.pr_pgid, (int)status.pr_sid, status.pr_nlwp);
	(void)printf("flags %x lwp %d %s\n", (unsigned)status.pr_flags, (int)status.pr_lwp.pr_lwpid,
	    why(&status.pr_lwp, reason, sizeof reason));
	(void)printf("model %s heap %lx+%lx stack %lx+%lx\n", status.pr_dmodel == PR_MODEL_NATIVE ? "native" : "other",
	    (ulong_t)status.pr_brkbase, (ulong_t)status.pr_brksize, (ulong_t)status.pr_stkbase, (ulong_t)status.pr_stksize);
	(void)printf("user %ld.%09ld system %ld.%09ld\n", (long)status.pr_utime.tv_sec, (long)status.pr_utime.tv_nsec,
	    (long)status.pr_stime.tv_sec, (long)status.pr_stime.tv_nsec);
	members("signals", &status.pr_sigtrace, 64, has_signal);
	members("faults", &status.pr_flttrace, FLTCPCOVF, has_fault);
	members("entry", &status.pr_sysentry, 512, has_call);
	members("exit", &status.pr_sysexit, 512, has_call);
	if (status.pr_lwp.pr_cursig != 0) {
		(void)printf("signal %d code %d address %p flags %x handler %d\n", status.pr_lwp.pr_cursig,
		    status.pr_lwp.pr_info.si_code, status.pr_lwp.pr_info.si_addr,
		    (unsigned)status.pr_lwp.pr_action.sa_flags, status.pr_lwp.pr_action.sa_handler != SIG_DFL);
	}
	if (status.pr_lwp.pr_altstack.ss_flags & SS_ONSTACK)
		(void)printf("on the stack at %p\n", status.pr_lwp.pr_altstack.ss_sp);
	if (status.pr_flags & PR_STOPPED)
		registers(status.pr_lwp.pr_reg);
	return 0;
}
