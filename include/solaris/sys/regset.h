/*
 * Registers: what index in pr_gregset_t is which, and the floating-point registers.
 *
 * REG_RIP and its like are enumerators and macros of libc's <sys/ucontext.h> as well, for the gregs of a ucontext_t, in
 * another order on x86-64. That header is read first; then the names become Solaris' indices. libc's are LIBC_REG_RIP ...
 * where libc has them (with _GNU_SOURCE). On i386 the orders are the same.
 *
 * With PFS_KEEP_LIBC_TYPES REG_* stay libc's, and Solaris' are PR_REG_RIP ..., which there are in any case.
 * R_PC, R_SP, R_FP, R_PS, R_R0 and R_R1 are always Solaris'.
 *
 * The bare names of i386 (EIP, UESP, CS ...) come with PFS_I386_REGISTER_NAMES only: they are short, and <sys/reg.h> has
 * them with other values.
 */
#ifndef PFS_SOLARIS_SYS_REGSET_H
#define PFS_SOLARIS_SYS_REGSET_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/ucontext.h>

#ifdef __x86_64__

#define PR_REG_R15 0
#define PR_REG_R14 1
#define PR_REG_R13 2
#define PR_REG_R12 3
#define PR_REG_R11 4
#define PR_REG_R10 5
#define PR_REG_R9 6
#define PR_REG_R8 7
#define PR_REG_RDI 8
#define PR_REG_RSI 9
#define PR_REG_RBP 10
#define PR_REG_RBX 11
#define PR_REG_RDX 12
#define PR_REG_RCX 13
#define PR_REG_RAX 14
#define PR_REG_TRAPNO 15
#define PR_REG_ERR 16
#define PR_REG_RIP 17
#define PR_REG_CS 18
#define PR_REG_RFL 19
#define PR_REG_RSP 20
#define PR_REG_SS 21
#define PR_REG_FS 22
#define PR_REG_GS 23
#define PR_REG_ES 24
#define PR_REG_DS 25
#define PR_REG_FSBASE 26
#define PR_REG_GSBASE 27

#define NPRGREG 28
#define R_PC PR_REG_RIP
#define R_PS PR_REG_RFL
#define R_SP PR_REG_RSP
#define R_FP PR_REG_RBP
#define R_R0 PR_REG_RAX
#define R_R1 PR_REG_RDX

#ifdef REG_RIP
enum {
	LIBC_REG_R8 = REG_R8,
	LIBC_REG_R9 = REG_R9,
	LIBC_REG_R10 = REG_R10,
	LIBC_REG_R11 = REG_R11,
	LIBC_REG_R12 = REG_R12,
	LIBC_REG_R13 = REG_R13,
	LIBC_REG_R14 = REG_R14,
	LIBC_REG_R15 = REG_R15,
	LIBC_REG_RDI = REG_RDI,
	LIBC_REG_RSI = REG_RSI,
	LIBC_REG_RBP = REG_RBP,
	LIBC_REG_RBX = REG_RBX,
	LIBC_REG_RDX = REG_RDX,
	LIBC_REG_RAX = REG_RAX,
	LIBC_REG_RCX = REG_RCX,
	LIBC_REG_RSP = REG_RSP,
	LIBC_REG_RIP = REG_RIP,
	LIBC_REG_ERR = REG_ERR,
	LIBC_REG_TRAPNO = REG_TRAPNO
};
#endif

#ifndef PFS_KEEP_LIBC_TYPES
#undef REG_R8
#undef REG_R9
#undef REG_R10
#undef REG_R11
#undef REG_R12
#undef REG_R13
#undef REG_R14
#undef REG_R15
#undef REG_RDI
#undef REG_RSI
#undef REG_RBP
#undef REG_RBX
#undef REG_RDX
#undef REG_RAX
#undef REG_RCX
#undef REG_RSP
#undef REG_RIP
#undef REG_ERR
#undef REG_TRAPNO
#define REG_R15 PR_REG_R15
#define REG_R14 PR_REG_R14
#define REG_R13 PR_REG_R13
#define REG_R12 PR_REG_R12
#define REG_R11 PR_REG_R11
#define REG_R10 PR_REG_R10
#define REG_R9 PR_REG_R9
#define REG_R8 PR_REG_R8
#define REG_RDI PR_REG_RDI
#define REG_RSI PR_REG_RSI
#define REG_RBP PR_REG_RBP
#define REG_RBX PR_REG_RBX
#define REG_RDX PR_REG_RDX
#define REG_RCX PR_REG_RCX
#define REG_RAX PR_REG_RAX
#define REG_TRAPNO PR_REG_TRAPNO
#define REG_ERR PR_REG_ERR
#define REG_RIP PR_REG_RIP
#define REG_CS PR_REG_CS
#define REG_RFL PR_REG_RFL
#define REG_RSP PR_REG_RSP
#define REG_SS PR_REG_SS
#define REG_FS PR_REG_FS
#define REG_GS PR_REG_GS
#define REG_ES PR_REG_ES
#define REG_DS PR_REG_DS
#define REG_FSBASE PR_REG_FSBASE
#define REG_GSBASE PR_REG_GSBASE
#endif

#else

#define PR_REG_GS 0
#define PR_REG_FS 1
#define PR_REG_ES 2
#define PR_REG_DS 3
#define PR_REG_EDI 4
#define PR_REG_ESI 5
#define PR_REG_EBP 6
#define PR_REG_ESP 7
#define PR_REG_EBX 8
#define PR_REG_EDX 9
#define PR_REG_ECX 10
#define PR_REG_EAX 11
#define PR_REG_TRAPNO 12
#define PR_REG_ERR 13
#define PR_REG_EIP 14
#define PR_REG_CS 15
#define PR_REG_EFL 16
#define PR_REG_UESP 17
#define PR_REG_SS 18

#define NPRGREG 19
#define R_PC PR_REG_EIP
#define R_PS PR_REG_EFL
#define R_SP PR_REG_UESP
#define R_FP PR_REG_EBP
#define R_R0 PR_REG_EAX
#define R_R1 PR_REG_EDX

#ifdef REG_EIP
enum {
	LIBC_REG_GS = REG_GS,
	LIBC_REG_FS = REG_FS,
	LIBC_REG_ES = REG_ES,
	LIBC_REG_DS = REG_DS,
	LIBC_REG_EDI = REG_EDI,
	LIBC_REG_ESI = REG_ESI,
	LIBC_REG_EBP = REG_EBP,
	LIBC_REG_ESP = REG_ESP,
	LIBC_REG_EBX = REG_EBX,
	LIBC_REG_EDX = REG_EDX,
	LIBC_REG_ECX = REG_ECX,
	LIBC_REG_EAX = REG_EAX,
	LIBC_REG_TRAPNO = REG_TRAPNO,
	LIBC_REG_ERR = REG_ERR,
	LIBC_REG_EIP = REG_EIP,
	LIBC_REG_CS = REG_CS,
	LIBC_REG_EFL = REG_EFL,
	LIBC_REG_UESP = REG_UESP,
	LIBC_REG_SS = REG_SS
};
#endif

#ifndef PFS_KEEP_LIBC_TYPES
#undef REG_GS
#undef REG_FS
#undef REG_ES
#undef REG_DS
#undef REG_EDI
#undef REG_ESI
#undef REG_EBP
#undef REG_ESP
#undef REG_EBX
#undef REG_EDX
#undef REG_ECX
#undef REG_EAX
#undef REG_TRAPNO
#undef REG_ERR
#undef REG_EIP
#undef REG_CS
#undef REG_EFL
#undef REG_UESP
#undef REG_SS
#define REG_GS PR_REG_GS
#define REG_FS PR_REG_FS
#define REG_ES PR_REG_ES
#define REG_DS PR_REG_DS
#define REG_EDI PR_REG_EDI
#define REG_ESI PR_REG_ESI
#define REG_EBP PR_REG_EBP
#define REG_ESP PR_REG_ESP
#define REG_EBX PR_REG_EBX
#define REG_EDX PR_REG_EDX
#define REG_ECX PR_REG_ECX
#define REG_EAX PR_REG_EAX
#define REG_TRAPNO PR_REG_TRAPNO
#define REG_ERR PR_REG_ERR
#define REG_EIP PR_REG_EIP
#define REG_CS PR_REG_CS
#define REG_EFL PR_REG_EFL
#define REG_UESP PR_REG_UESP
#define REG_SS PR_REG_SS
#endif

#ifdef PFS_I386_REGISTER_NAMES
#define GS PR_REG_GS
#define FS PR_REG_FS
#define ES PR_REG_ES
#define DS PR_REG_DS
#define EDI PR_REG_EDI
#define ESI PR_REG_ESI
#define EBP PR_REG_EBP
#define ESP PR_REG_ESP
#define EBX PR_REG_EBX
#define EDX PR_REG_EDX
#define ECX PR_REG_ECX
#define EAX PR_REG_EAX
#define TRAPNO PR_REG_TRAPNO
#define ERR PR_REG_ERR
#define EIP PR_REG_EIP
#define CS PR_REG_CS
#define EFL PR_REG_EFL
#define UESP PR_REG_UESP
#define SS PR_REG_SS
#endif

#endif

#define REG_PC R_PC
#define REG_PS R_PS
#define REG_SP R_SP
#define REG_FP R_FP
#define REG_R0 R_R0
#define REG_R1 R_R1

typedef long prgreg_t;
typedef prgreg_t pr_gregset_t[NPRGREG];

/* 16 bytes; on x86-64 on a boundary of 16. */
typedef union {
	long double _q;
	uint32_t _l[4];
} upad128_t;

#ifdef __x86_64__
struct pr_fpchip_state {
	uint16_t cw;
	uint16_t sw;
	uint8_t fctw;
	uint8_t __fx_rsvd;
	uint16_t fop;
	uint64_t rip;
	uint64_t rdp;
	uint32_t mxcsr;
	uint32_t mxcsr_mask;
	union {
		uint16_t fpr_16[5];
		upad128_t __fpr_pad;
	} st[8];
	upad128_t xmm[16];
	upad128_t __fx_ign2[6];
	uint32_t status;
	uint32_t xstatus;
};
#define PR_FP_WORDS_ 130
#else
struct pr_fpchip_state {
	uint32_t state[27];
	uint32_t status;
	uint32_t mxcsr;
	uint32_t xstatus;
	uint32_t __pad[2];
	upad128_t xmm[8];
};
#define PR_FP_WORDS_ 95
#endif

typedef struct {
	union {
		struct pr_fpchip_state fpchip_state;
		uint32_t f_fpregs[PR_FP_WORDS_];
	} fp_reg_set;
} pr_fpregset_t;

#endif
