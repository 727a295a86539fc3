/*
 * watch DIR PID: a debugger's watchpoints, as a program for Solaris sets them. Orders come in lines on standard input; each is
 * answered by one line: "ok ...", or "error ERRNO".
 */
#include <sys/types.h>
#include <sys/fault.h>
#include <sys/procfs.h>
#include <sys/siginfo.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
	long cmd;
	union {
		long flags;
		prwatch_t watch;
		fltset_t fault;
	} arg;
} ctl_t;

static char dir[4096];
static int ctlfd = -1;

static int name(const char *file, int flags)
{
	char path[4200];

	snprintf(path, sizeof (path), "%s/%s", dir, file);
	return (open(path, flags));
}

/* Writes one message whose operand has this size. */
static int tell(const ctl_t *ctl, size_t operand)
{
	size_t size = offsetof(ctl_t, arg) + operand;

	return (write(ctlfd, ctl, size) == (ssize_t)size ? 0 : errno);
}

static int simple(long cmd)
{
	ctl_t ctl;

	ctl.cmd = cmd;
	return (tell(&ctl, 0));
}

static int flagged(long cmd, long flags)
{
	ctl_t ctl;

	ctl.cmd = cmd;
	ctl.arg.flags = flags;
	return (tell(&ctl, sizeof (ctl.arg.flags)));
}

static int watch(unsigned long long addr, unsigned long long size, int flags)
{
	ctl_t ctl;

	memset(&ctl, 0, sizeof (ctl));
	ctl.cmd = PCWATCH;
	ctl.arg.watch.pr_vaddr = (uintptr_t)addr;
	ctl.arg.watch.pr_size = (size_t)size;
	ctl.arg.watch.pr_wflags = flags;
	return (tell(&ctl, sizeof (ctl.arg.watch)));
}

static int trace(void)
{
	ctl_t ctl;

	ctl.cmd = PCSFAULT;
	premptyset(&ctl.arg.fault);
	praddset(&ctl.arg.fault, FLTWATCH);
	praddset(&ctl.arg.fault, FLTTRACE);
	return (tell(&ctl, sizeof (ctl.arg.fault)));
}

static int status(pstatus_t *ps)
{
	int fd = name("status", O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, ps, sizeof (*ps));
	int error = size < 0 ? errno : size == (ssize_t)sizeof (*ps) ? 0 : EIO;

	if (fd >= 0)
		(void) close(fd);
	return (error);
}

/* What the process stands on. */
static int standing(char *text, size_t size)
{
	pstatus_t ps;
	lwpstatus_t *lwp = &ps.pr_lwp;
	int error = status(&ps);

	if (error == 0)
		snprintf(text, size, "%d %d %d %d %llu %d %d", lwp->pr_why, lwp->pr_what, lwp->pr_info.si_signo,
		    lwp->pr_info.si_code, (unsigned long long)(uintptr_t)lwp->pr_info.si_addr,
		    (int)lwp->pr_info.si_trapafter,
		    (unsigned long long)(uintptr_t)lwp->pr_info.si_pc == (unsigned long long)(uintptr_t)lwp->pr_reg[R_PC]);
	return (error);
}

/* Counts the touches of watched areas until there are so many; tells of each if that is wanted. */
static int count(long hits, int telling)
{
	pstatus_t ps;
	int error = 0;

	while (hits > 0 && error == 0) {
		if ((error = simple(PCWSTOP)) != 0 || (error = status(&ps)) != 0)
			break;
		if (ps.pr_lwp.pr_why == PR_FAULTED && ps.pr_lwp.pr_what == FLTWATCH) {
			hits--;
			if (telling)
				printf("%d %llu %d\n", (int)ps.pr_lwp.pr_lwpid,
				    (unsigned long long)(uintptr_t)ps.pr_lwp.pr_info.si_addr,
				    (int)ps.pr_lwp.pr_info.si_trapafter);
		}
		error = flagged(PCRUN, PRCFAULT);
		/* All events of one stop are taken from sight one by one; it runs after the last. */
		if (error == EBUSY)
			error = 0;
	}
	return (error);
}

static int list(char *text, size_t size)
{
	prwatch_t all[64];
	struct stat st;
	int fd = name("watch", O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, all, sizeof (all));
	int error = got < 0 || fstat(fd, &st) < 0 ? errno : 0;
	size_t used = 0;
	ssize_t i;

	if (fd >= 0)
		(void) close(fd);
	if (error == 0 && st.st_size != got)
		error = EIO;
	text[0] = 0;
	for (i = 0; error == 0 && i < got / (ssize_t)sizeof (all[0]); i++)
		used += snprintf(text + used, size - used, "%s%llu,%llu,%d", i ? " " : "",
		    (unsigned long long)(uintptr_t)all[i].pr_vaddr, (unsigned long long)all[i].pr_size, all[i].pr_wflags);
	return (error);
}

int main(int argc, char **argv)
{
	char line[256], word[32], text[4000];

	if (argc != 3)
		return (2);
	snprintf(dir, sizeof (dir), "%s/%s", argv[1], argv[2]);
	if ((ctlfd = name("ctl", O_WRONLY)) < 0) {
		printf("error %d\n", errno);
		return (1);
	}
	printf("ok\n");
	fflush(stdout);
	while (fgets(line, sizeof (line), stdin) != NULL) {
		unsigned long long a = 0, b = 0;
		int flags = 0, error = EINVAL;

		text[0] = 0;
		if (sscanf(line, "%31s %llu %llu %d", word, &a, &b, &flags) < 1)
			continue;
		if (strcmp(word, "watch") == 0)
			error = watch(a, b, flags);
		else if (strcmp(word, "trace") == 0)
			error = trace();
		else if (strcmp(word, "stop") == 0)
			error = simple(PCSTOP);
		else if (strcmp(word, "wait") == 0 && (error = simple(PCWSTOP)) == 0)
			error = standing(text, sizeof (text));
		else if (strcmp(word, "run") == 0)
			error = flagged(PCRUN, (long)a);
		else if (strcmp(word, "set") == 0)
			error = flagged(PCSET, (long)a);
		else if (strcmp(word, "count") == 0)
			error = count((long)a, 0);
		else if (strcmp(word, "tell") == 0)
			error = count((long)a, 1);
		else if (strcmp(word, "list") == 0)
			error = list(text, sizeof (text));
		if (error != 0)
			printf("error %d\n", error);
		else
			printf("ok%s%s\n", text[0] ? " " : "", text);
		fflush(stdout);
	}
	return (0);
}
