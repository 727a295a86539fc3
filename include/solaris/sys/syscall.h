/*
 * System calls, by Linux' numbers plus one: that is how they are written in the structures and sets of <sys/procfs.h>,
 * in which 0 stands for "no call" and is in no set.
 *
 * The numbers are those of the table that a program compiled like this one uses: x86-64's with -m64, i386's with -m32.
 * pr_syscall, pr_what and the sets hold numbers of the *target's* table. A 64-bit program that controls a 32-bit one must
 * translate: the tables share names, but hardly a number.
 *
 * Calls that only Solaris has have no name here, so that a program can ask for them with #ifdef.
 *
 * A register holds what Linux wants there: PR_LINUX_SYSCALL(SYS_getpid) is what goes into rax. The same is done to the
 * first argument of syscall(), by a macro; (syscall)(...), in parentheses, is libc's function, which takes Linux' number.
 */
#ifndef PFS_SOLARIS_SYS_SYSCALL_H
#define PFS_SOLARIS_SYS_SYSCALL_H

/* Linux' __NR_*; libc's own <sys/syscall.h> is not read, or a call not listed below would come with the wrong number. */
#include <asm/unistd.h>

/* Number in structures and sets of a Linux number, and back. */
#define PR_SYSCALL(n) ((n) + 1)
#define PR_LINUX_SYSCALL(n) ((n) - 1)

#include <pfs/syscall_names.h>

#ifndef __ASSEMBLER__
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

/* Call n is bit (n - 1) % 32 of word (n - 1) / 32. */
typedef struct {
	uint32_t word[16];
} sysset_t;

/* Strict standards have no syscall(). */
#if !defined __GLIBC__ || defined __USE_MISC
/* As libc's, which passes on as many words as a call can take, too: those that were not given are looked at by no call. */
static __inline__ long pr_syscall(long n, ...)
{
	long a[6];
	int i;
	va_list rest;

	va_start(rest, n);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(rest, long);
	va_end(rest);
	return syscall(PR_LINUX_SYSCALL(n), a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define syscall(...) pr_syscall(__VA_ARGS__)
#endif
#endif

#endif
