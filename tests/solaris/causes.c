/* Each cause of a fault, by the number and the siginfo that Solaris has for it. */
#include "pr.h"
#include <setjmp.h>

static sigjmp_buf back;

static void over(int sig)
{
	(void)sig;
#ifdef __x86_64__
	/* Not with the alignment check, which is still on. */
	__asm__ volatile("pushf; andl $0xfffbffff, (%%rsp); popf" : : : "memory", "cc");
#endif
	logged[HELP]++;
	siglongjmp(back, 1);
}

static void illegal(void) { __asm__ volatile("ud2"); }
static void privileged(void) { __asm__ volatile("hlt"); }
static void in_out(void) { __asm__ volatile("inb $0x80, %%al" : : : "eax"); }
static void int3(void) { __asm__ volatile("int3"); }
static void int_3(void) { __asm__ volatile(".byte 0xcd, 3"); }
static void int1(void) { __asm__ volatile(".byte 0xf1"); }
static void unmapped(void) { *(volatile char *)16 = 1; }
static void divide(void)
{
	__asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" : : : "eax", "ecx", "edx", "cc");
}

static void *readable(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void protected(void) { *(volatile char *)readable() = 1; }
static void executed(void) { ((void (*)(void))readable())(); }

static void beyond(void)
{
	int fd = memfd_create("beyond", 0);

	*(volatile char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) = 1;
}

#ifdef __x86_64__
static void overflow(void) { __asm__ volatile("int $4"); }
static void canonical(void) { *(volatile char *)0x8000000000000000 = 1; }
static void aligned(void)
{
	static char bytes[64] __attribute__((aligned(64)));

	__asm__ volatile("pushf; orl $0x40000, (%%rsp); popf; movl 1(%0), %%eax" : : "r"(bytes) : "eax", "memory", "cc");
}
static void trace(void) { __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" : : : "memory", "cc"); }
static void sse(void)
{
	unsigned unmasked = 0x1d80;
	volatile float a = 1, b = 0;

	__asm__ volatile("ldmxcsr %0" : : "m"(unmasked));
	a = a / b;
}
#else
static void overflow(void) { __asm__ volatile("movb $0x7f, %%al; addb $1, %%al; into" : : : "eax", "cc"); }
static void bound(void)
{
	int bounds[2] = { 0, 1 };

	__asm__ volatile("bound %0, %1" : : "r"(5), "m"(bounds) : "memory");
}
#endif
static void x87(void)
{
	unsigned short unmasked = 0x37b;

	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(unmasked));
}

struct cause {
	const char *name;
	void (*happen)(void);
	int fault, sig, code;
};

static const struct cause causes[] = {
	{ "illegal", illegal, FLTILL, SIGILL, ILL_ILLOPN },
	{ "privileged", privileged, FLTPRIV, SIGSEGV, SEGV_MAPERR },
	{ "in", in_out, FLTPRIV, SIGSEGV, SEGV_MAPERR },
	{ "int3", int3, FLTBPT, SIGTRAP, TRAP_BRKPT },
	{ "int 3", int_3, FLTBPT, SIGTRAP, TRAP_BRKPT },
	{ "int1", int1, FLTBPT, SIGTRAP, TRAP_BRKPT },
	{ "unmapped", unmapped, FLTBOUNDS, SIGSEGV, SEGV_MAPERR },
	{ "protected", protected, FLTBOUNDS, SIGSEGV, SEGV_ACCERR },
	{ "executed", executed, FLTBOUNDS, SIGSEGV, SEGV_ACCERR },
	{ "beyond", beyond, FLTACCESS, SIGBUS, BUS_ADRERR },
	{ "divide", divide, FLTIZDIV, SIGFPE, FPE_INTDIV },
	{ "x87", x87, FLTFPE, SIGFPE, FPE_FLTDIV },
	{ "overflow", overflow, FLTIOVF, SIGSEGV, SEGV_MAPERR },
#ifdef __x86_64__
	{ "sse", sse, FLTFPE, SIGFPE, FPE_FLTDIV },
	{ "canonical", canonical, FLTBOUNDS, SIGSEGV, SEGV_MAPERR },
	{ "aligned", aligned, FLTACCESS, SIGBUS, BUS_ADRALN },
	{ "trace", trace, FLTTRACE, SIGTRAP, TRAP_TRACE },
#else
	{ "bound", bound, FLTBOUNDS, SIGSEGV, SEGV_MAPERR },
#endif
};

static const struct cause *cause;

static void does(volatile long *w)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction sa;

	logged = w;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = over;
	for (int i = 0; i < 5; i++)
		sigaction(sigs[i], &sa, NULL);
	w[READY] = 1;
	while (!w[GO])
		w[COUNT]++;
	if (!sigsetjmp(back, 1))
		cause->happen();
	for (;;)
		w[COUNT]++;
}

static void each(void)
{
	for (unsigned i = 0; i < sizeof causes / sizeof *causes; i++) {
		fltset_t faults;
		sigset_t sigs;

		cause = &causes[i];
		fprintf(stderr, "%s\n", cause->name);
		struct proc p = start(does);
		prfillset(&faults);
		prfillset(&sigs);
		SAME(PUTP(&p, PCSFAULT, faults), 0);
		SAME(PUTP(&p, PCSTRACE, sigs), 0);
		p.word[GO] = 1;
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_FAULTED, cause->fault);
		SAME(status(&p)->pr_lwp.pr_cursig, 0);
		SAME(status(&p)->pr_lwp.pr_info.si_signo, cause->sig);
		SAME(status(&p)->pr_lwp.pr_info.si_code, cause->code);
		/* Its signal follows. */
		SAME(PUTL(&p, PCRUN, 0), 0);
		SAME(PUT(&p, PCWSTOP), 0);
		STOPPED(&p, PR_SIGNALLED, cause->sig);
		SAME(status(&p)->pr_lwp.pr_info.si_code, cause->code);
		SAME(p.word[HELP], 0);
		SAME(PUTL(&p, PCRUN, 0), 0);
		RUNS(&p);
		SAME(p.word[HELP], 1);
		end(&p);
	}
}

CASES({ "each", each })
