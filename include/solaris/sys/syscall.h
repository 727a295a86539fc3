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
#include <stdint.h>
#include <unistd.h>

/* Call n is bit (n - 1) % 32 of word (n - 1) / 32. */
typedef struct {
	uint32_t word[16];
} sysset_t;

/* One macro for each number of arguments: standard C does not allow an empty rest. */
#define syscall(...) PR_CALL_(__VA_ARGS__, 7, 6, 5, 4, 3, 2, 1, 0)(__VA_ARGS__)
#define PR_CALL_(a, b, c, d, e, f, g, n, ...) PR_CALL_##n##_
#define PR_CALL_1_(n) (syscall)(PR_LINUX_SYSCALL(n))
#define PR_CALL_2_(n, a) (syscall)(PR_LINUX_SYSCALL(n), a)
#define PR_CALL_3_(n, a, b) (syscall)(PR_LINUX_SYSCALL(n), a, b)
#define PR_CALL_4_(n, a, b, c) (syscall)(PR_LINUX_SYSCALL(n), a, b, c)
#define PR_CALL_5_(n, a, b, c, d) (syscall)(PR_LINUX_SYSCALL(n), a, b, c, d)
#define PR_CALL_6_(n, a, b, c, d, e) (syscall)(PR_LINUX_SYSCALL(n), a, b, c, d, e)
#define PR_CALL_7_(n, a, b, c, d, e, f) (syscall)(PR_LINUX_SYSCALL(n), a, b, c, d, e, f)
#endif

#endif
