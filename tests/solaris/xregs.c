/* xregs and PCSXREG: the wide registers of a process that keeps values in them. */
#define _FILE_OFFSET_BITS 64 /* Inode numbers are longer than a long of 32 bits. */
#include "pr.h"

enum { OUT = 64 };

/* Puts values into the two halves of ymm7 and shows what is in them at word OUT, round after round. */
static void wide(volatile long *w)
{
	static const uint64_t halves[4] __attribute__((aligned(32))) = { 0x1111, 0x1111, 0x2222, 0x2222 };

	w[READY] = 1;
	__asm__ volatile(
	    "vmovdqu (%0), %%ymm7\n"
	    "1: vmovdqu %%ymm7, (%1)\n"
	    "incl (%2)\n"
	    "jmp 1b"
	    :
	    : "r"(halves), "r"(w + OUT), "r"(w)
	    : "memory");
}

static uint64_t shown(const struct proc *p, int i)
{
	uint64_t value;

	memcpy(&value, (char *)(p->word + OUT) + 8 * i, sizeof value);
	return value;
}

static char image[8192];
static ssize_t size;

/* Reads xregs of an lwp. */
static void look(pid_t pid)
{
	int fd = open_lwp(pid, pid, "xregs", O_RDONLY);
	struct stat st;

	SAME(fstat(fd, &st), 0);
	size = pread(fd, image, sizeof image, 0);
	SAME(size, st.st_size);
	close(fd);
}

/* A block, or NULL if there is none. */
static char *block(uint32_t type)
{
	prxregset_hdr_t *head = (prxregset_hdr_t *)image;
	prxregset_info_t *info = (prxregset_info_t *)(head + 1);

	SAME(head->pr_type, PR_TYPE_XSAVE);
	SAME(head->pr_size, size);
	for (uint32_t i = 0; i < head->pr_ninfo; i++)
		if (info[i].pri_type == type)
			return image + info[i].pri_offset;
	return NULL;
}

/* The halves of register 7. */
static uint64_t *low(void)
{
	return (uint64_t *)(block(PRX_INFO_XSAVE) + 160 + 7 * 16);
}

static uint64_t *high(void)
{
	return (uint64_t *)(block(PRX_INFO_YMM) + 7 * 16);
}

static int set(const struct proc *p)
{
	return give(p->ctl, PCSXREG, image, size);
}

static int able(void)
{
	if (!__builtin_cpu_supports("avx"))
		fprintf(stderr, "no wide registers here\n");
	return __builtin_cpu_supports("avx");
}

static void changed(struct proc *p)
{
	uint64_t xcr0;

	SAME(PUT(p, PCSTOP), 0);
	look(p->pid);
	memcpy(&xcr0, block(PRX_INFO_XCR), sizeof xcr0);
	SAME(xcr0 & 7, 7);
	SAME(low()[0], 0x1111);
	SAME(low()[1], 0x1111);
	SAME(high()[0], 0x2222);
	SAME(high()[1], 0x2222);
	low()[1] = 0x3333;
	high()[0] = 0x4444;
	high()[1] = 0x5555;
	SAME(set(p), 0);
	look(p->pid);
	SAME(low()[0], 0x1111);
	SAME(low()[1], 0x3333);
	SAME(high()[1], 0x5555);
	SAME(PUTL(p, PCRUN, 0), 0);
	SAME(set(p), EBUSY);
	int fd = open_lwp(p->pid, p->pid, "xregs", O_RDONLY);
	SAME(pread(fd, image, sizeof image, 0), -1);
	SAME(errno, EBUSY);
	close(fd);
}

static void values(void)
{
	if (!able())
		return;
	struct proc p = start(wide);
	EVENTUALLY(p.word[COUNT]);
	changed(&p);
	EVENTUALLY(shown(&p, 3) == 0x5555);
	SAME(shown(&p, 0), 0x1111);
	SAME(shown(&p, 1), 0x3333);
	SAME(shown(&p, 2), 0x4444);
	RUNS(&p);
	end(&p);
}

/* Of a process of the data model of the program that is the third argument. */
static void others(void)
{
	struct proc p = { .pid = fork() };

	if (!able())
		return;
	if (p.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(arguments[3], arguments[3], mnt, "stay", NULL);
		_exit(126);
	}
	attach(&p, 0);
	for (uint64_t was = 0; was != 0x2222;) {
		SAME(PUT(&p, PCSTOP), 0);
		look(p.pid);
		was = high()[1];
		if (was != 0x2222)
			SAME(PUTL(&p, PCRUN, 0), 0);
	}
	high()[1] = 0x5555;
	SAME(set(&p), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	pause_ms(5);
	SAME(PUT(&p, PCSTOP), 0);
	look(p.pid);
	SAME(low()[0], 0x1111);
	SAME(high()[1], 0x5555);
	kill(p.pid, SIGKILL);
}

static void stay(void)
{
	wide(share());
}

/* What the format, or the processor, does not allow. */
static void wrong(void)
{
	static const struct {
		size_t at;
		uint32_t value;
	} cases[] = {
		{ 0, 2 },
		{ 4, 31 },
		{ 8, 1 },
		{ 12, 1 },
		{ 28, 0 },
		{ 28, 5000 },
		{ 32, 99 },
		{ 36, 1 },
		{ 40, 31 },
		{ 44, 16 },
		{ 44, 129 },
		{ 44, 1 << 20 },
	};
	static char good[sizeof image];

	if (!able())
		return;
	struct proc p = start(wide);
	EVENTUALLY(p.word[COUNT]);
	SAME(PUT(&p, PCSTOP), 0);
	look(p.pid);
	memcpy(good, image, sizeof good);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		memcpy(image, good, sizeof good);
		memcpy(image + cases[i].at, &cases[i].value, 4);
		SAME(set(&p), EINVAL);
	}
	memcpy(image, good, sizeof good);
	/* Another xcr0; a component that is not there; bytes that are reserved; bits of mxcsr that are none. */
	block(PRX_INFO_XCR)[0] ^= 4;
	SAME(set(&p), EINVAL);
	memcpy(image, good, sizeof good);
	block(PRX_INFO_XSAVE)[512 + 7] = 0x40;
	SAME(set(&p), EINVAL);
	memcpy(image, good, sizeof good);
	block(PRX_INFO_XSAVE)[512 + 24] = 1;
	SAME(set(&p), EINVAL);
	memcpy(image, good, sizeof good);
	block(PRX_INFO_XSAVE)[27] = 0x7f;
	SAME(set(&p), EINVAL);
	/* Nothing has come of all that. */
	look(p.pid);
	SAME(memcmp(image, good, size), 0);
	SAME(PUTL(&p, PCRUN, 0), 0);
	RUNS(&p);
	SAME(shown(&p, 3), 0x2222);
	end(&p);
}

CASES({ "values", values }, { "others", others }, { "stay", stay }, { "wrong", wrong })
