/*
 * Runs what <sys/procfs.h> does to libc's names: our types passed to libc's functions, and back. Says nothing and exits
 * with 0 if all is well. C and C++.
 */
#include <sys/procfs.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <thread_db.h>
#include <unistd.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			(void)fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #what, errno); \
			exit(1); \
		} \
	} while (0)

static void sets(void)
{
	struct {
		uint32_t before;
		sysset_t calls;
		fltset_t faults;
		prsigset_t signals;
		uint32_t after;
	} all;
	unsigned n, members = 0;
	const prsigset_t *constant = &all.signals;

	memset(&all, 0, sizeof all);
	praddset(&all.calls, 1);
	praddset(&all.calls, 512);
	praddset(&all.faults, 33);
	praddset(&all.signals, 64);
	CHECK(all.calls.word[0] == 1 && all.calls.word[15] == 0x80000000);
	CHECK(all.faults.word[1] == 1 && all.signals.__sigbits[1] == 0x80000000);
	CHECK(prismember(&all.calls, 512) == 1 && prismember(&all.calls, 511) == 0 && prismember(constant, 64));

	/* What is no member of a set: 0, and what is behind its end. */
	praddset(&all.calls, 0);
	praddset(&all.calls, 513);
	praddset(&all.signals, 129);
	praddset(&all.signals, -1);
	CHECK(all.before == 0 && all.after == 0 && !prismember(&all.calls, 0) && !prismember(&all.calls, 513));
	prdelset(&all.calls, 513);
	CHECK(all.faults.word[0] == 0);

	prfillset(&all.calls);
	for (n = 0; n <= 600; n++)
		members += (unsigned)prismember(&all.calls, n);
	CHECK(members == 512 && all.before == 0 && all.faults.word[0] == 0);
	prdelset(&all.calls, SYS_read);
	CHECK(!prismember(&all.calls, SYS_read));
	premptyset(&all.calls);
	CHECK(!prismember(&all.calls, 1));
}

static void calls(void)
{
	CHECK(PR_LINUX_SYSCALL(SYS_getpid) == __NR_getpid && PR_SYSCALL(__NR_getpid) == SYS_getpid);
	CHECK(syscall(SYS_getpid) == getpid());
	CHECK((syscall)(__NR_getpid) == getpid());
	CHECK(syscall(SYS_kill, getpid(), 0) == 0);
	CHECK(syscall(getpid() > 0 ? SYS_dup2 : SYS_read, -1, -1) == -1 && errno == EBADF);
	CHECK(syscall(SYS_lseek, -1, 0L, SEEK_SET) == -1 && errno == EBADF);
	CHECK(syscall(SYS_rt_sigaction, SIGINT, (void *)0, (void *)0, 8) == 0);
	CHECK(syscall(SYS_prctl, 38, 1, 0, 0, 0) == 0);
#ifndef __cplusplus
	/* Commas within braces are not between arguments. */
	CHECK(syscall(SYS_rt_sigaction, SIGUSR1, (unsigned long[]){ 1, 0, 0, 0, 0 }, 0, 8) == 0);
#endif
	CHECK(syscall(SYS_close, (int)syscall(SYS_dup, 2)) == 0);
	CHECK(syscall(SYS_futex, &errno, 1, 0, (void *)0, (void *)0, 0) == 0);
#ifdef SYS_forksys
#error "a name that Linux does not have"
#endif
}

static void indices(void)
{
	pr_gregset_t regs;
	libc_prgregset_t theirs;

	CHECK(sizeof regs / sizeof regs[0] == NPRGREG);
	/* It takes libc's registers, although prgregset_t means ours; else this would not compile. */
	CHECK(sizeof td_thr_getgregs(NULL, theirs) == sizeof(td_err_e) && sizeof theirs != sizeof regs);
#ifdef __x86_64__
	CHECK(R_PC == 17 && PR_REG_RIP == 17 && LIBC_REG_RIP == 16);
#ifdef PFS_KEEP_LIBC_TYPES
	CHECK(REG_RIP == 16);
#else
	CHECK(REG_RIP == 17);
#endif
#else
	CHECK(R_PC == 14 && PR_REG_EIP == 14 && LIBC_REG_EIP == 14 && REG_EIP == 14);
#endif
	CHECK(PR_MAJOR(((prdev_t)5 << PR_MINOR_BITS_) + 7) == 5 && PR_MINOR(((prdev_t)5 << PR_MINOR_BITS_) + 7) == 7);
}

static volatile sig_atomic_t handled, sender;

static void handle(int sig)
{
	handled = sig;
}

/* libc calls it: the siginfo is libc's, and the same names of its members mean libc's places. */
static void handle_info(int sig, libc_siginfo_t *info, void *context)
{
	ucontext_t *uc = (ucontext_t *)context;

	handled = sig;
	sender = info->si_pid;
	if (uc == NULL || info->si_uid != getuid())
		abort();
}

#ifndef PFS_KEEP_LIBC_TYPES
static void libc_functions(void)
{
	struct {
		sigset_t set;
		uint32_t after[4];
	} old;
	sigset_t set;
	siginfo_t info;
	stack_t stack;
	struct sigaction act;
	struct timespec none = { 0, 0 };
	posix_spawnattr_t attr;
	union sigval value;
	pid_t child;
	int sig;

	CHECK(sizeof set == 16 && sizeof info == 32 * sizeof(long) && sizeof act == 32);
	memset(&old, 0xaa, sizeof old);

	/* A full set has the two signals in it that libc keeps for itself, for which it copies the set. */
	prfillset(&set);
	CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	CHECK(sigprocmask(SIG_SETMASK, NULL, &old.set) == 0);
	CHECK(prismember(&old.set, SIGUSR1) && !prismember(&old.set, SIGKILL) && !prismember(&old.set, 65));
	CHECK(old.after[0] == 0xaaaaaaaa && old.after[3] == 0xaaaaaaaa);
	CHECK(sigemptyset(&set) == 0 && pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
	CHECK(sigaddset(&set, SIGUSR1) == 0 && sigismember(&set, SIGUSR1) == 1 && sigismember(&set, SIGUSR2) == 0);
	CHECK(sigdelset(&set, SIGUSR2) == 0 && sigaddset(&set, SIGUSR2) == 0 && sigismember(&set, SIGUSR2) == 1);
	CHECK(sigdelset(&set, SIGUSR2) == 0 && sigismember(&set, SIGUSR2) == 0);
	CHECK(sigaddset(&set, 0) == -1 && errno == EINVAL && sigaddset(&set, 65) == -1 && sigismember(&set, -1) == -1);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);

	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(sigpending(&old.set) == 0 && prismember(&old.set, SIGUSR1) && old.after[0] == 0xaaaaaaaa);
	CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_signo == SIGUSR1 && info.si_code == SI_USER);
	CHECK(info.si_pid == getpid() && info.si_uid == getuid() && SI_FROMUSER(&info));
	CHECK(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
	value.sival_ptr = &value;
	CHECK(sigqueue(getpid(), SIGUSR1, value) == 0 && sigtimedwait(&set, &info, &none) == SIGUSR1);
	CHECK(info.si_code == SI_QUEUE && info.si_value.sival_ptr == &value && info.si_ptr == &value);
	CHECK(kill(getpid(), SIGUSR1) == 0 && sigwait(&set, &sig) == 0 && sig == SIGUSR1);

	memset(&act, 0, sizeof act);
	act.sa_handler = handle;
	act.sa_flags = SA_RESTART | SA_NODEFER;
	act.sa_mask = set;
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	CHECK(kill(getpid(), SIGUSR1) == 0 && handled == 0);
	sigemptyset(&set);
	CHECK(sigsuspend(&set) == -1 && errno == EINTR && handled == SIGUSR1);
	CHECK(kill(getpid(), SIGUSR1) == 0 && ppoll(NULL, 0, NULL, &set) == -1 && errno == EINTR);
	CHECK(kill(getpid(), SIGUSR1) == 0 && pselect(0, NULL, NULL, NULL, NULL, &set) == -1 && errno == EINTR);
	memset(&act, 0, sizeof act);
	CHECK(sigaction(SIGUSR1, NULL, &act) == 0 && act.sa_handler == handle);
	CHECK(act.sa_flags == (SA_RESTART | SA_NODEFER) && act.sa_flags == 0x14 && prismember(&act.sa_mask, SIGUSR1));
	act.sa_sigaction = handle_info;
	act.sa_flags = SA_SIGINFO | SA_RESETHAND;
	CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
	CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0 && kill(getpid(), SIGUSR1) == 0 && sender == getpid());
	CHECK(sigaction(SIGUSR1, NULL, &act) == 0 && act.sa_handler == SIG_DFL);

	memset(&stack, 0, sizeof stack);
	stack.ss_size = 1 << 16;
	stack.ss_sp = malloc(stack.ss_size);
	CHECK(sigaltstack(&stack, NULL) == 0);
	stack.ss_sp = NULL;
	stack.ss_size = 0;
	CHECK(sigaltstack(NULL, &stack) == 0 && stack.ss_size == 1 << 16 && stack.ss_sp != NULL && stack.ss_flags == 0);
	stack.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&stack, NULL) == 0);
	free(stack.ss_sp);

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	CHECK(posix_spawnattr_init(&attr) == 0 && posix_spawnattr_setsigmask(&attr, &set) == 0);
	CHECK(posix_spawnattr_setsigdefault(&attr, &set) == 0);
	memset(&old, 0xaa, sizeof old);
	CHECK(posix_spawnattr_getsigmask(&attr, &old.set) == 0 && memcmp(&set, &old.set, sizeof set) == 0);
	CHECK(posix_spawnattr_getsigdefault(&attr, &old.set) == 0 && memcmp(&set, &old.set, sizeof set) == 0);
	CHECK(old.after[0] == 0xaaaaaaaa && posix_spawnattr_destroy(&attr) == 0);

	CHECK((child = fork()) != -1);
	if (child == 0)
		_exit(42);
	CHECK(waitid(P_PID, (id_t)child, &info, WEXITED) == 0 && info.si_signo == SIGCLD);
	CHECK(info.si_pid == child && info.si_status == 42 && info.si_code == CLD_EXITED);
	CHECK(waitid(P_ALL, 0, &info, WEXITED) == -1 && errno == ECHILD);
}
#else
static void libc_functions(void)
{
	prsigset_t ours;
	sigset_t set;
	struct sigaction act;
	struct pr_sigaction action;

	/* The macros for the members of a set work on libc's as well. */
	CHECK(sizeof set != sizeof ours && sigemptyset(&set) == 0);
	praddset(&set, SIGUSR1);
	CHECK(sigismember(&set, SIGUSR1) == 1 && sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	pr_sigset_from_libc(&ours, &set);
	CHECK(prismember(&ours, SIGUSR1) && !prismember(&ours, SIGUSR2));
	praddset(&ours, SIGUSR2);
	pr_sigset_to_libc(&set, &ours);
	CHECK(sigismember(&set, SIGUSR2) == 1 && sigismember(&set, SIGTERM) == 0);
	CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);

	memset(&action, 0, sizeof action);
	action.sa_sigaction = handle_info;
	action.sa_flags = PRSA_SIGINFO;
	pr_sigaction_to_libc(&act, &action);
	CHECK(act.sa_flags == SA_SIGINFO && sigaction(SIGUSR1, &act, NULL) == 0);
	CHECK(kill(getpid(), SIGUSR1) == 0 && sender == getpid());
	act.sa_handler = handle;
	pr_sigaction_from_libc(&action, &act);
	CHECK(action.sa_handler == handle && action.sa_flags == PRSA_SIGINFO);
}
#endif

/* Members of both kinds of siginfo by the same names. */
static void siginfos(void)
{
	pstatus_t status;
	libc_siginfo_t theirs;
	prsiginfo_t ours;

	memset(&status, 0, sizeof status);
	memset(&theirs, 0, sizeof theirs);
	status.pr_lwp.pr_info.si_addr = &status;
	CHECK(memcmp((char *)&status.pr_lwp.pr_info + 8 + sizeof(void *), "\0\0\0\0", 4) != 0);
	theirs.si_signo = SIGSEGV;
	theirs.si_code = SEGV_MAPERR;
	theirs.si_addr = &theirs;
	pr_siginfo_from_libc(&ours, &theirs);
	CHECK(ours.si_addr == &theirs && ours.si_code == SEGV_MAPERR);
	theirs.si_signo = SIGCHLD;
	theirs.si_code = CLD_KILLED;
	theirs.si_pid = 5;
	theirs.si_uid = 6;
	theirs.si_status = 9;
	theirs.si_utime = 7;
	theirs.si_stime = 8;
	pr_siginfo_from_libc(&ours, &theirs);
	CHECK(ours.si_pid == 5 && ours.si_status == 9 && ours.si_utime == 7 && ours.si_stime == 8);
}

int main(void)
{
	(void)handle;
	sets();
	calls();
	indices();
	libc_functions();
	siginfos();
	return 0;
}
