/*
 * What the structures of <sys/procfs.h> know of signals, in Solaris' layout: prsigset_t, prsiginfo_t,
 * struct pr_sigaction, prstack_t.
 *
 * libc has its own types under the names that Solaris gives these, and its functions take them. A program for Solaris'
 * /proc uses those names for both. So, after all headers of libc that build other types from them are read:
 *
 *     sigset_t, siginfo_t, struct sigaction, stack_t and SA_* are ours by macros, and the functions that take one of them
 *     (sigprocmask, sigaction, waitid ...) are inline functions that translate and call libc's.
 *
 *     libc's own types are libc_sigset_t, libc_siginfo_t, libc_sigaction_t and libc_stack_t. Two things still use them:
 *     ucontext_t, and handlers that are installed with SA_SIGINFO; libc calls those with what the kernel made.
 *
 *     With PFS_KEEP_LIBC_TYPES defined there are none of these macros; the program writes prsigset_t, PRSA_SIGINFO ...
 *     where it means ours, and pr_sigset_to_libc and its like where it wants to pass one to libc.
 *
 * Headers of other libraries that have such a type in a structure or a prototype belong before this one.
 *
 * The names of the members (si_pid, si_addr, sa_handler ...) are macros of libc that lead into inner unions. The inner
 * unions here have the same names, so the very same macros find the members of either type.
 */
#ifndef PFS_SOLARIS_SYS_SIGINFO_H
#define PFS_SOLARIS_SYS_SIGINFO_H

#if !defined __x86_64__ && !defined __i386__ || defined __x86_64__ && defined __ILP32__
#error "the structures of /proc are those of x86-64 and i386"
#endif

/* Everything in libc that has one of the types inside must be read before the names change their meaning. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time_impl.h>
#include <sys/types.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
/* Read by <signal.h> too, but not in every dialect. */
#include <bits/types/siginfo_t.h>

typedef sigset_t libc_sigset_t;
typedef siginfo_t libc_siginfo_t;
typedef stack_t libc_stack_t;

/* Signal n is bit (n - 1) % 32 of word (n - 1) / 32. */
typedef struct {
	uint32_t __sigbits[4];
} prsigset_t;

typedef struct {
	void *ss_sp;
	size_t ss_size;
	int ss_flags;
} prstack_t;

/* The macros named like members of the inner structures rest while those are declared. */
#pragma push_macro("si_pid")
#pragma push_macro("si_uid")
#pragma push_macro("si_utime")
#pragma push_macro("si_status")
#pragma push_macro("si_stime")
#pragma push_macro("si_addr")
#pragma push_macro("si_fd")
#pragma push_macro("si_band")
#undef si_pid
#undef si_uid
#undef si_utime
#undef si_status
#undef si_stime
#undef si_addr
#undef si_fd
#undef si_band

/* In both data models the parts of a siginfo are laid out in longs; an int then fills the first half of one. */
#define PR_LONG_ __attribute__((__aligned__(__SIZEOF_LONG__)))

typedef struct prsiginfo {
	int si_signo;
	int si_code;
	int si_errno;
	union {
		/* To 32 longs in all. */
#ifdef __x86_64__
		long _pad[30];
#else
		long _pad[29];
#endif
		struct {
			pid_t si_pid;
			PR_LONG_ uid_t si_uid;
			PR_LONG_ __sigval_t _value;
			long _pad;
			int _ctid;
			int _zoneid;
		} _kill;
		struct {
			pid_t _pid;
			PR_LONG_ uid_t _uid;
			PR_LONG_ __sigval_t si_sigval;
		} _rt;
		struct {
			pid_t _pid;
			PR_LONG_ clock_t si_utime;
			int si_status;
			PR_LONG_ clock_t si_stime;
		} _sigchld;
		struct {
			void *si_addr;
			int _trapno;
			PR_LONG_ void *_pc;
		} _sigfault;
		struct {
			int si_fd;
			PR_LONG_ long si_band;
		} _sigpoll;
		struct {
			int32_t _entity;
		} _rctl;
		/* libc looks for si_syscall here. */
		struct {
			void *_call_addr;
			timestruc_t _tstamp;
			short _syscall;
			char _nsysarg;
			char _fault;
			long _sysarg[8];
			int _mstate[10];
		} _sigsys;
	} _sifields;
} prsiginfo_t;

#pragma pop_macro("si_band")
#pragma pop_macro("si_fd")
#pragma pop_macro("si_addr")
#pragma pop_macro("si_stime")
#pragma pop_macro("si_status")
#pragma pop_macro("si_utime")
#pragma pop_macro("si_uid")
#pragma pop_macro("si_pid")

/* Members that only Solaris has. */
#define si_ctid _sifields._kill._ctid
#define si_zoneid _sifields._kill._zoneid
#define si_trapno _sifields._sigfault._trapno
#define si_trapafter _sifields._sigfault._trapno
#define si_pc _sifields._sigfault._pc
#define si_entity _sifields._rctl._entity
#define si_faddr _sifields._sigsys._call_addr
#define si_tstamp _sifields._sigsys._tstamp
#define si_nsysarg _sifields._sigsys._nsysarg
#define si_fault _sifields._sigsys._fault
#define si_sysarg _sifields._sigsys._sysarg
#define si_mstate _sifields._sigsys._mstate

/* Flags of an action, by Solaris' numbers. */
#define PRSA_ONSTACK 0x00000001
#define PRSA_RESETHAND 0x00000002
#define PRSA_RESTART 0x00000004
#define PRSA_SIGINFO 0x00000008
#define PRSA_NODEFER 0x00000010
#define PRSA_NOCLDWAIT 0x00010000
#define PRSA_NOCLDSTOP 0x00020000

/* libc hides the handlers in a union of its own only where it has both of them. */
#ifdef sa_handler
#define PR_HANDLER_ __sigaction_handler
#else
#define PR_HANDLER_
#endif

struct pr_sigaction {
	int sa_flags;
#pragma push_macro("sa_handler")
#pragma push_macro("sa_sigaction")
#undef sa_handler
#undef sa_sigaction
	__extension__ union {
		void (*sa_handler)(int);
		/* libc's type: as a handler it is libc that calls it. */
		void (*sa_sigaction)(int, libc_siginfo_t *, void *);
	} PR_HANDLER_;
#pragma pop_macro("sa_sigaction")
#pragma pop_macro("sa_handler")
	prsigset_t sa_mask;
#ifdef __i386__
	int sa_resv[2];
#endif
};

/*
 * Codes. Those of faults are Solaris': the names that both have mean the same numbers in libc, which is why they are only
 * filled in here for dialects in which libc has none. Those of signals that a process sent (SI_USER, SI_QUEUE ...) are
 * Solaris', too, and mean other numbers than in libc: PRSI_QUEUE is always ours, SI_QUEUE with libc's types libc's.
 */
#define SI_NOINFO 32767
#define SI_DTRACE 2050
#define SI_RCTL 2049
#define SI_LWP (-1)
#define PRSI_QUEUE (-2)
#define PRSI_TIMER (-3)
#define PRSI_ASYNCIO (-4)
#define PRSI_MESGQ (-5)
#ifndef SI_FROMUSER
#define SI_FROMUSER(info) ((info)->si_code <= 0)
#define SI_FROMKERNEL(info) ((info)->si_code > 0)
#endif

#define FPE_FLTDEN 9
/* 3 to 5 are other things to Linux, which libc calls TRAP_BRANCH, TRAP_HWBKPT and TRAP_UNK; those are not seen here. */
#define TRAP_RWATCH 3
#define TRAP_WWATCH 4
#define TRAP_XWATCH 5
#define TRAP_DTRACE 6

#ifndef SI_USER
#define SI_USER 0
#endif
#ifndef ILL_ILLOPC
#define ILL_ILLOPC 1
#define ILL_ILLOPN 2
#define ILL_ILLADR 3
#define ILL_ILLTRP 4
#define ILL_PRVOPC 5
#define ILL_PRVREG 6
#define ILL_COPROC 7
#define ILL_BADSTK 8
#endif
#ifndef FPE_INTDIV
#define FPE_INTDIV 1
#define FPE_INTOVF 2
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define FPE_FLTSUB 8
#endif
#ifndef SEGV_MAPERR
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#endif
#ifndef BUS_ADRALN
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define BUS_OBJERR 3
#endif
#ifndef TRAP_BRKPT
#define TRAP_BRKPT 1
#define TRAP_TRACE 2
#endif
#ifndef CLD_EXITED
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_TRAPPED 4
#define CLD_STOPPED 5
#define CLD_CONTINUED 6
#endif
#ifndef SIGCLD
#define SIGCLD SIGCHLD
#endif

/*
 * Between libc's sets and ours. The kernel knows 64 signals, in 8 bytes that are the same in both. libc's set is 128 bytes
 * long, and some of its functions copy it as a whole: none of them is ever given a pointer to one of ours.
 */
#define PR_KERNEL_SIGSET_ 8

static __inline__ void pr_sigset_to_libc(libc_sigset_t *to, const prsigset_t *from)
{
	memset(to, 0, sizeof *to);
	memcpy(to, from, PR_KERNEL_SIGSET_);
}

static __inline__ void pr_sigset_from_libc(prsigset_t *to, const libc_sigset_t *from)
{
	memset(to, 0, sizeof *to);
	memcpy(to, from, PR_KERNEL_SIGSET_);
}

/* The code of a sender, which is Linux' number. A program may queue a signal with any code below 0. */
static __inline__ int pr_sender_(int code)
{
	switch (code) {
	case 0:
		return SI_USER;
	case -2:
		return PRSI_TIMER;
	case -3:
		return PRSI_MESGQ;
	case -4:
		return PRSI_ASYNCIO;
	case -6:
		return SI_LWP;
	default:
		return PRSI_QUEUE;
	}
}

static __inline__ void pr_siginfo_from_libc(prsiginfo_t *to, const libc_siginfo_t *from)
{
	memset(to, 0, sizeof *to);
	to->si_signo = from->si_signo;
	to->si_code = from->si_code;
	to->si_errno = from->si_errno;
	if (SI_FROMUSER(from)) {
		to->si_code = pr_sender_(from->si_code);
		if (to->si_code != PRSI_TIMER) {
			to->si_pid = from->si_pid;
			to->si_uid = from->si_uid;
		}
		if (to->si_code != SI_USER && to->si_code != SI_LWP)
			to->si_value = from->si_value;
		return;
	}
	switch (from->si_signo) {
	case SIGCHLD:
		to->si_pid = from->si_pid;
		to->si_status = from->si_status;
		to->si_utime = from->si_utime;
		to->si_stime = from->si_stime;
		break;
	case SIGPOLL:
		to->si_fd = from->si_fd;
		to->si_band = from->si_band;
		break;
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
		to->si_addr = from->si_addr;
		break;
	default:
		break;
	}
}

/* The functions of libc, with our types. Each is there if libc's is, in the dialect that the program is written in. */

static __inline__ int pr_sigemptyset(prsigset_t *set)
{
	memset(set, 0, sizeof *set);
	return 0;
}

static __inline__ int pr_sigfillset(prsigset_t *set)
{
	memset(set, 0xff, sizeof *set);
	return 0;
}

static __inline__ int pr_is_signal_(int sig)
{
	if (sig >= 1 && sig <= 8 * PR_KERNEL_SIGSET_)
		return 1;
	errno = EINVAL;
	return 0;
}

static __inline__ int pr_sigaddset(prsigset_t *set, int sig)
{
	if (!pr_is_signal_(sig))
		return -1;
	set->__sigbits[(sig - 1) / 32] |= UINT32_C(1) << (sig - 1) % 32;
	return 0;
}

static __inline__ int pr_sigdelset(prsigset_t *set, int sig)
{
	if (!pr_is_signal_(sig))
		return -1;
	set->__sigbits[(sig - 1) / 32] &= ~(UINT32_C(1) << (sig - 1) % 32);
	return 0;
}

static __inline__ int pr_sigismember(const prsigset_t *set, int sig)
{
	if (!pr_is_signal_(sig))
		return -1;
	return (int)(set->__sigbits[(sig - 1) / 32] >> (sig - 1) % 32 & 1);
}

/* A set for libc to read: a copy. Where libc takes a null pointer, it gets one. */
static __inline__ const libc_sigset_t *pr_libc_set_(libc_sigset_t *copy, const prsigset_t *set)
{
	pr_sigset_to_libc(copy, set);
	return copy;
}

#define PR_LIBC_SET_OR_NULL_(copy, set) ((set) == NULL ? NULL : pr_libc_set_((copy), (set)))

#ifdef __USE_POSIX
typedef struct sigaction libc_sigaction_t;

static __inline__ int pr_sigprocmask(int how, const prsigset_t *set, prsigset_t *old)
{
	libc_sigset_t in, out;
	int r = sigprocmask(how, PR_LIBC_SET_OR_NULL_(&in, set), &out);

	if (r == 0 && old != NULL)
		pr_sigset_from_libc(old, &out);
	return r;
}

static __inline__ int pr_sigsuspend(const prsigset_t *set)
{
	libc_sigset_t in;

	return sigsuspend(pr_libc_set_(&in, set));
}

static __inline__ int pr_sigpending(prsigset_t *set)
{
	libc_sigset_t out;
	int r = sigpending(&out);

	if (r == 0)
		pr_sigset_from_libc(set, &out);
	return r;
}

#ifdef SA_RESTART
static __inline__ void pr_sigaction_to_libc(libc_sigaction_t *to, const struct pr_sigaction *from)
{
	memset(to, 0, sizeof *to);
	to->sa_handler = from->sa_handler;
	pr_sigset_to_libc(&to->sa_mask, &from->sa_mask);
	to->sa_flags = (from->sa_flags & PRSA_RESETHAND ? (int)SA_RESETHAND : 0)
	    | (from->sa_flags & PRSA_RESTART ? SA_RESTART : 0)
	    | (from->sa_flags & PRSA_SIGINFO ? SA_SIGINFO : 0)
	    | (from->sa_flags & PRSA_NODEFER ? SA_NODEFER : 0)
	    | (from->sa_flags & PRSA_NOCLDWAIT ? SA_NOCLDWAIT : 0)
	    | (from->sa_flags & PRSA_NOCLDSTOP ? SA_NOCLDSTOP : 0);
#ifdef SA_ONSTACK
	to->sa_flags |= from->sa_flags & PRSA_ONSTACK ? SA_ONSTACK : 0;
#endif
}

static __inline__ void pr_sigaction_from_libc(struct pr_sigaction *to, const libc_sigaction_t *from)
{
	memset(to, 0, sizeof *to);
	to->sa_handler = from->sa_handler;
	pr_sigset_from_libc(&to->sa_mask, &from->sa_mask);
	to->sa_flags = (from->sa_flags & (int)SA_RESETHAND ? PRSA_RESETHAND : 0)
	    | (from->sa_flags & SA_RESTART ? PRSA_RESTART : 0)
	    | (from->sa_flags & SA_SIGINFO ? PRSA_SIGINFO : 0)
	    | (from->sa_flags & SA_NODEFER ? PRSA_NODEFER : 0)
	    | (from->sa_flags & SA_NOCLDWAIT ? PRSA_NOCLDWAIT : 0)
	    | (from->sa_flags & SA_NOCLDSTOP ? PRSA_NOCLDSTOP : 0);
#ifdef SA_ONSTACK
	to->sa_flags |= from->sa_flags & SA_ONSTACK ? PRSA_ONSTACK : 0;
#endif
}

static __inline__ int pr_sigaction(int sig, const struct pr_sigaction *act, struct pr_sigaction *old)
{
	libc_sigaction_t in, out;
	int r;

	if (act != NULL)
		pr_sigaction_to_libc(&in, act);
	r = sigaction(sig, act == NULL ? NULL : &in, &out);
	if (r == 0 && old != NULL)
		pr_sigaction_from_libc(old, &out);
	return r;
}
#endif

/* These copy libc's whole set. */
static __inline__ int pr_posix_spawnattr_setsigmask(posix_spawnattr_t *attr, const prsigset_t *set)
{
	libc_sigset_t in;

	return posix_spawnattr_setsigmask(attr, pr_libc_set_(&in, set));
}

static __inline__ int pr_posix_spawnattr_setsigdefault(posix_spawnattr_t *attr, const prsigset_t *set)
{
	libc_sigset_t in;

	return posix_spawnattr_setsigdefault(attr, pr_libc_set_(&in, set));
}

static __inline__ int pr_posix_spawnattr_getsigmask(const posix_spawnattr_t *attr, prsigset_t *set)
{
	libc_sigset_t out;
	int r = posix_spawnattr_getsigmask(attr, &out);

	if (r == 0)
		pr_sigset_from_libc(set, &out);
	return r;
}

static __inline__ int pr_posix_spawnattr_getsigdefault(const posix_spawnattr_t *attr, prsigset_t *set)
{
	libc_sigset_t out;
	int r = posix_spawnattr_getsigdefault(attr, &out);

	if (r == 0)
		pr_sigset_from_libc(set, &out);
	return r;
}
#endif

#ifdef __USE_POSIX199506
static __inline__ int pr_pthread_sigmask(int how, const prsigset_t *set, prsigset_t *old)
{
	libc_sigset_t in, out;
	int r = pthread_sigmask(how, PR_LIBC_SET_OR_NULL_(&in, set), &out);

	if (r == 0 && old != NULL)
		pr_sigset_from_libc(old, &out);
	return r;
}

static __inline__ int pr_sigwait(const prsigset_t *set, int *sig)
{
	libc_sigset_t in;

	return sigwait(pr_libc_set_(&in, set), sig);
}
#endif

#ifdef __USE_POSIX199309
static __inline__ int pr_sigtimedwait(const prsigset_t *set, prsiginfo_t *info, const struct timespec *limit)
{
	libc_sigset_t in;
	libc_siginfo_t out;
	int r = sigtimedwait(pr_libc_set_(&in, set), &out, limit);

	if (r > 0 && info != NULL)
		pr_siginfo_from_libc(info, &out);
	return r;
}

static __inline__ int pr_sigwaitinfo(const prsigset_t *set, prsiginfo_t *info)
{
	return pr_sigtimedwait(set, info, NULL);
}
#endif

#if defined __USE_XOPEN_EXTENDED || defined __USE_XOPEN2K8
static __inline__ int pr_waitid(idtype_t type, id_t id, prsiginfo_t *info, int options)
{
	libc_siginfo_t out;
	int r;

	/* With WNOHANG and no news libc may leave it as it was. */
	memset(&out, 0, sizeof out);
	r = waitid(type, id, &out, options);
	if (r == 0 && info != NULL)
		pr_siginfo_from_libc(info, &out);
	return r;
}
#endif

#if defined __USE_XOPEN_EXTENDED || defined __USE_MISC
static __inline__ int pr_sigaltstack(const prstack_t *stack, prstack_t *old)
{
	libc_stack_t in, out;
	int r;

	if (stack != NULL) {
		in.ss_sp = stack->ss_sp;
		in.ss_size = stack->ss_size;
		in.ss_flags = stack->ss_flags;
	}
	r = sigaltstack(stack == NULL ? NULL : &in, &out);
	if (r == 0 && old != NULL) {
		memset(old, 0, sizeof *old);
		old->ss_sp = out.ss_sp;
		old->ss_size = out.ss_size;
		old->ss_flags = out.ss_flags;
	}
	return r;
}
#endif

#ifdef __USE_XOPEN2K
static __inline__ int pr_pselect(int n, fd_set *in, fd_set *out, fd_set *exc, const struct timespec *limit,
    const prsigset_t *set)
{
	libc_sigset_t mask;

	return pselect(n, in, out, exc, limit, PR_LIBC_SET_OR_NULL_(&mask, set));
}
#endif

#ifdef __USE_GNU
static __inline__ int pr_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit, const prsigset_t *set)
{
	libc_sigset_t mask;

	return ppoll(fds, n, limit, PR_LIBC_SET_OR_NULL_(&mask, set));
}
#endif

/* From here on the names mean ours. */
#ifndef PFS_KEEP_LIBC_TYPES
#define sigset_t prsigset_t
#define siginfo_t prsiginfo_t
#define stack_t prstack_t
/* The structure and the function. */
#define sigaction pr_sigaction

#define sigemptyset pr_sigemptyset
#define sigfillset pr_sigfillset
#define sigaddset pr_sigaddset
#define sigdelset pr_sigdelset
#define sigismember pr_sigismember
#define sigprocmask pr_sigprocmask
#define sigsuspend pr_sigsuspend
#define sigpending pr_sigpending
#define sigwait pr_sigwait
#define sigwaitinfo pr_sigwaitinfo
#define sigtimedwait pr_sigtimedwait
#define sigaltstack pr_sigaltstack
#define pthread_sigmask pr_pthread_sigmask
#define posix_spawnattr_setsigmask pr_posix_spawnattr_setsigmask
#define posix_spawnattr_getsigmask pr_posix_spawnattr_getsigmask
#define posix_spawnattr_setsigdefault pr_posix_spawnattr_setsigdefault
#define posix_spawnattr_getsigdefault pr_posix_spawnattr_getsigdefault
#define waitid pr_waitid
#define pselect pr_pselect
#define ppoll pr_ppoll

#undef SI_QUEUE
#undef SI_TIMER
#undef SI_ASYNCIO
#undef SI_MESGQ
#define SI_QUEUE PRSI_QUEUE
#define SI_TIMER PRSI_TIMER
#define SI_ASYNCIO PRSI_ASYNCIO
#define SI_MESGQ PRSI_MESGQ

#undef SA_ONSTACK
#undef SA_RESETHAND
#undef SA_RESTART
#undef SA_SIGINFO
#undef SA_NODEFER
#undef SA_NOCLDWAIT
#undef SA_NOCLDSTOP
#define SA_ONSTACK PRSA_ONSTACK
#define SA_RESETHAND PRSA_RESETHAND
#define SA_RESTART PRSA_RESTART
#define SA_SIGINFO PRSA_SIGINFO
#define SA_NODEFER PRSA_NODEFER
#define SA_NOCLDWAIT PRSA_NOCLDWAIT
#define SA_NOCLDSTOP PRSA_NOCLDSTOP
#endif

#endif
