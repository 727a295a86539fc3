/* How a program makes an agent, has it make calls, and ends it. */
#ifndef AGENT_H
#define AGENT_H

#include "pr.h"
#include <dirent.h>

/* An agent; `text` is the address of an instruction of the process's that makes a call. */
struct agent {
	long lwp;
	int ctl, st;
	uintptr_t text;
	prgregset_t reg;
};

#define LINUX_NR(call) PR_LINUX_SYSCALL(call)

/* The address of a system-call instruction in the process's vdso. */
static inline uintptr_t gate_of(pid_t pid)
{
	static unsigned char image[16384];
	char path[64], line[512];
	unsigned long from = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "r");
	CHECK(maps != NULL);
	while (!from && fgets(line, sizeof line, maps))
		if (strstr(line, "[vdso]"))
			from = strtoul(line, NULL, 16);
	fclose(maps);
	CHECK(from != 0);
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = pread64(fd, image, sizeof image, from);
	close(fd);
	for (ssize_t i = 0; i + 1 < n; i++)
		if (sizeof (long) == 8 ? image[i] == 0x0f && image[i + 1] == 0x05 : image[i] == 0xcd && image[i + 1] == 0x80)
			return from + i;
	CHECK(!"a system-call instruction");
	return 0;
}

static inline void agent_regs(struct agent *a, long nr, const long arg[6])
{
	a->reg[R_PC] = a->text;
	a->reg[R_R0] = nr;
#ifdef __x86_64__
	static const int where[] = { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9 };
#else
	static const int where[] = { REG_EBX, REG_ECX, REG_EDX, REG_ESI, REG_EDI, REG_EBP };
#endif
	for (int i = 0; i < 6; i++)
		a->reg[where[i]] = arg[i];
}

/* Opens what is there of an agent. */
static inline void agent_open(const struct proc *p, struct agent *a)
{
	a->lwp = status(p)->pr_agentid;
	a->ctl = open_of(p->pid, "lwp/agent/lwpctl", O_WRONLY);
	a->st = open_of(p->pid, "lwp/agent/lwpstatus", O_RDONLY);
}

/* Makes an agent in a process that stands: 0, or the errno. */
static inline int agent_make(const struct proc *p, struct agent *a)
{
	static const long none[6];
	int e;

	a->text = gate_of(p->pid);
	memcpy(a->reg, status(p)->pr_lwp.pr_reg, sizeof a->reg);
	agent_regs(a, LINUX_NR(SYS_getpid), none);
	e = give(p->ctl, PCAGENT, a->reg, sizeof a->reg);
	if (e == 0)
		agent_open(p, a);
	return e;
}

/* Has it make a call: the result, or the errno below 0. */
static inline long agent_call(struct agent *a, long nr, long a0, long a1, long a2)
{
	const long arg[6] = { a0, a1, a2 };
	lwpstatus_t s;
	sysset_t all;
	struct msg m = { 0 };

	prfillset(&all);
	agent_regs(a, nr, arg);
	add_long(&m, PCSREG);
	add(&m, a->reg, sizeof a->reg);
	m.n = (m.n + sizeof (long) - 1) / sizeof (long) * sizeof (long);
	add_long(&m, PCSEXIT);
	add(&m, &all, sizeof all);
	add_long(&m, PCRUN);
	add_long(&m, 0);
	add_long(&m, PCWSTOP);
	SAME(put(a->ctl, &m), 0);
	SAME(pread(a->st, &s, sizeof s, 0), sizeof s);
	SAME(s.pr_why, PR_SYSEXIT);
	SAME(s.pr_lwpid, a->lwp);
	return s.pr_errno ? -s.pr_errno : s.pr_rval1;
}

/* Ends it and waits for that. */
static inline void agent_end(const struct proc *p, struct agent *a)
{
	const long none[6] = { 0 };
	sysset_t no;

	premptyset(&no);
	SAME(PUTP(p, PCSEXIT, no), 0);
	agent_regs(a, LINUX_NR(SYS_exit), none);
	SAME(give(a->ctl, PCSREG, a->reg, sizeof a->reg), 0);
	SAME(give_long(a->ctl, PCRUN, 0), 0);
	SAME(give(a->ctl, PCWSTOP, NULL, 0), ENOENT);
	SAME(status(p)->pr_agentid, 0);
	close(a->ctl);
	close(a->st);
}

/* Lwps of the process, by the kernel's count. */
static inline int lwps_of(pid_t pid)
{
	char path[64];
	int n = -2;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *d = opendir(path);
	CHECK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
