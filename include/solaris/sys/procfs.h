/*
 * The structured /proc of Solaris and illumos, for programs on Linux that read it from a mount of pfs:
 *
 *     pfs mount -t solaris DIR          cc -I include/solaris program.c
 *
 * Structures, codes and their numbers are Solaris', in the data model that the program is compiled for (-m64 or -m32).
 * What is numbered by the system it comes from keeps Linux' numbers:
 *
 *     signals, errno, wait statuses, SI_*                    Linux'
 *     system calls                                           Linux' plus one, by the table of the target (<sys/syscall.h>)
 *     faults, codes of faults, pr_flags, reasons, MA_*, WA_*, flags of an action        Solaris'
 *     all numbers in fdinfo: flags of open(2), locks, families and types of sockets     Solaris', named PR_O_* ... here
 *
 * Sets begin with member 1 at bit 0 of the first word.
 *
 * Where libc has a type of the same name but another layout, the structures use types of our own:
 *
 *     here             for                   differs from libc's
 *     prsigset_t       sigset_t              16 bytes instead of 128
 *     prsiginfo_t      siginfo_t             256 or 128 bytes, other offsets
 *     pr_sigaction     struct sigaction      order, flags
 *     prstack_t        stack_t               order
 *     timestruc_t      struct timespec       two longs, also with _TIME_BITS=64
 *     prdev_t          dev_t                 a long; PR_MAJOR and PR_MINOR take it apart, not libc's major and minor
 *     proff_t          off_t                 a long, also with _FILE_OFFSET_BITS=64
 *     prid_t           id_t                  signed
 *     pr_gregset_t     prgregset_t           order, number
 *     pr_fpregset_t    prfpregset_t          order
 *
 * So that sources need no change, the names of Solaris' that a program uses are then made to mean ours, by macros:
 * <sys/siginfo.h> (signals), <sys/regset.h> (REG_*) and the end of this file say which. PFS_KEEP_LIBC_TYPES leaves all of
 * them to libc. syscall() is a macro in any case, since SYS_* are.
 *
 * libc has a <sys/procfs.h> of its own, about core files. It is read from here, so both are there whichever of them a
 * header asks for: elf_prstatus, prstatus_t, prpsinfo_t, psaddr_t, lwpid_t are libc's. The two names that both have,
 * prgregset_t and prfpregset_t, are ours by macros; libc's are libc_prgregset_t and libc_prfpregset_t. <thread_db.h> and
 * <proc_service.h>, which take libc's, are read with the macros out of the way.
 */
#ifndef PFS_SOLARIS_SYS_PROCFS_H
#define PFS_SOLARIS_SYS_PROCFS_H

#include <pfs/libc_procfs.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/fault.h>
#include <sys/priv.h>
#include <sys/regset.h>
#include <sys/secflags.h>
#include <sys/siginfo.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time_impl.h>
#include <sys/types.h>

typedef prgregset_t libc_prgregset_t;
typedef prfpregset_t libc_prfpregset_t;

typedef int prid_t;
typedef unsigned long prdev_t;
typedef long proff_t;

#define PRNODEV ((prdev_t)-1)
#ifdef __x86_64__
#define PR_MINOR_BITS_ 32
#else
#define PR_MINOR_BITS_ 18
#endif
#define PR_MAJOR(dev) ((major_t)((prdev_t)(dev) >> PR_MINOR_BITS_))
#define PR_MINOR(dev) ((minor_t)((prdev_t)(dev) & ((1UL << PR_MINOR_BITS_) - 1)))

/* Messages for ctl and lwpctl: a long with the code, then the operand. */
#define PCNULL 0L    /* nothing */
#define PCSTOP 1L    /* PCDSTOP and PCWSTOP */
#define PCDSTOP 2L   /* direct to stop */
#define PCWSTOP 3L   /* wait for the stop */
#define PCTWSTOP 4L  /* the same, at most so many ms: long */
#define PCRUN 5L     /* run: long of PRCSIG ... */
#define PCCSIG 6L    /* clear the current signal */
#define PCCFAULT 7L  /* clear the current fault */
#define PCSSIG 8L    /* set the current signal: siginfo_t */
#define PCKILL 9L    /* send a signal: long */
#define PCUNKILL 10L /* take a pending signal back: long */
#define PCSHOLD 11L  /* set the signal mask: sigset_t */
#define PCSTRACE 12L /* signals to trace: sigset_t */
#define PCSFAULT 13L /* faults to trace: fltset_t */
#define PCSENTRY 14L /* calls to trace on entry: sysset_t */
#define PCSEXIT 15L  /* calls to trace on exit: sysset_t */
#define PCSET 16L    /* set modes: long of PR_FORK ... */
#define PCUNSET 17L  /* clear modes: long */
#define PCSREG 18L   /* set the registers: prgregset_t */
#define PCSFPREG 19L /* set the floating-point registers: prfpregset_t */
#define PCSXREG 20L  /* set the extended registers: prxregset_hdr_t and what follows */
#define PCNICE 21L   /* add to the nice value: long */
#define PCSVADDR 22L /* set the pc: long */
#define PCWATCH 23L  /* set or clear a watched area: prwatch_t */
#define PCAGENT 24L  /* create the agent: prgregset_t */
#define PCREAD 25L   /* read memory: priovec_t */
#define PCWRITE 26L  /* write memory: priovec_t */
#define PCSCRED 27L  /* set the ids: prcred_t */
#define PCSASRS 28L  /* not on x86 */
#define PCSPRIV 29L  /* set the privileges: prpriv_t */
#define PCSZONE 30L  /* set the zone: long */
#define PCSCREDX 31L /* set the ids and the groups: prcred_t */

/* Flags of PCRUN. */
#define PRCSIG 0x01   /* clear the current signal */
#define PRCFAULT 0x02 /* clear the current fault */
#define PRSTEP 0x04   /* one instruction */
#define PRSABORT 0x08 /* abort the call */
#define PRSTOP 0x10   /* stop again as soon as possible */

/* pr_flags of a thread ... */
#define PR_STOPPED 0x00000001 /* stopped */
#define PR_ISTOP 0x00000002   /* in a stop of /proc */
#define PR_DSTOP 0x00000004   /* directed to stop */
#define PR_STEP 0x00000008    /* to step */
#define PR_ASLEEP 0x00000010  /* asleep in a call */
#define PR_PCINVAL 0x00000020 /* nothing can be read at the pc */
#define PR_ASLWP 0x00000040   /* never set */
#define PR_AGENT 0x00000080   /* the agent */
#define PR_DETACH 0x00000100  /* detached */
#define PR_DAEMON 0x00000200  /* a daemon */
#define PR_IDLE 0x00000400    /* an idle thread */
/* ... of the process ... */
#define PR_ISSYS 0x00001000     /* a process of the kernel */
#define PR_VFORKP 0x00002000    /* waits for a vforked child */
#define PR_ORPHAN 0x00004000    /* its group is orphaned */
#define PR_NOSIGCHLD 0x00008000 /* no SIGCHLD at its end */
#define PR_WAITPID 0x00010000   /* only waitid on this very pid reaps it */
/* ... and modes, which PCSET and PCUNSET change. */
#define PR_FORK 0x00100000   /* children inherit the tracing */
#define PR_RLC 0x00200000    /* run on last close */
#define PR_KLC 0x00400000    /* kill on last close */
#define PR_ASYNC 0x00800000  /* a stop stops one thread */
#define PR_MSACCT 0x01000000 /* microstates are accounted */
#define PR_BPTADJ 0x02000000 /* the pc goes back to the breakpoint */
#define PR_PTRACE 0x04000000 /* ptrace(2) */
#define PR_MSFORK 0x08000000 /* children inherit PR_MSACCT */

/* pr_why. */
#define PR_REQUESTED 1
#define PR_SIGNALLED 2
#define PR_SYSENTRY 3
#define PR_SYSEXIT 4
#define PR_JOBCONTROL 5
#define PR_FAULTED 6
#define PR_SUSPENDED 7
#define PR_CHECKPOINT 8
#define PR_BRAND 9

/* pr_dmodel. */
#define PR_MODEL_UNKNOWN 0
#define PR_MODEL_ILP32 1
#define PR_MODEL_LP64 2
#ifdef __x86_64__
#define PR_MODEL_NATIVE PR_MODEL_LP64
#else
#define PR_MODEL_NATIVE PR_MODEL_ILP32
#endif

#define PRCLSZ 8
#define PRSYSARGS 8
#define PRFNSZ 16
#define PRARGSZ 80
#define PRLWPNAMESZ 16
#define PRMAPSZ 64
#ifndef THREAD_NAME_MAX
#define THREAD_NAME_MAX 32
#endif

/* lwpstatus, and the entries of lstatus. */
typedef struct lwpstatus {
	int pr_flags;
	prid_t pr_lwpid;
	short pr_why;
	short pr_what;
	short pr_cursig;
	short pr_pad1;
	prsiginfo_t pr_info;
	prsigset_t pr_lwppend;
	prsigset_t pr_lwphold;
	struct pr_sigaction pr_action;
	prstack_t pr_altstack;
	uintptr_t pr_oldcontext;
	short pr_syscall;
	short pr_nsysarg;
	int pr_errno;
	long pr_sysarg[PRSYSARGS];
	long pr_rval1;
	long pr_rval2;
	char pr_clname[PRCLSZ];
	timestruc_t pr_tstamp;
	timestruc_t pr_utime;
	timestruc_t pr_stime;
#ifdef __x86_64__
	int pr_filler[3];
#else
	int pr_filler[7];
#endif
	int pr_errpriv;
	uintptr_t pr_ustack;
	ulong_t pr_instr;
	pr_gregset_t pr_reg;
	pr_fpregset_t pr_fpreg;
} lwpstatus_t;

/* status. */
typedef struct pstatus {
	int pr_flags;
	int pr_nlwp;
	pid_t pr_pid;
	pid_t pr_ppid;
	pid_t pr_pgid;
	pid_t pr_sid;
	prid_t pr_aslwpid;
	prid_t pr_agentid;
	prsigset_t pr_sigpend;
	uintptr_t pr_brkbase;
	size_t pr_brksize;
	uintptr_t pr_stkbase;
	size_t pr_stksize;
	timestruc_t pr_utime;
	timestruc_t pr_stime;
	timestruc_t pr_cutime;
	timestruc_t pr_cstime;
	prsigset_t pr_sigtrace;
	fltset_t pr_flttrace;
	sysset_t pr_sysentry;
	sysset_t pr_sysexit;
	char pr_dmodel;
	char pr_pad[3];
	taskid_t pr_taskid;
	projid_t pr_projid;
	int pr_nzomb;
	zoneid_t pr_zoneid;
	int pr_filler[15];
	lwpstatus_t pr_lwp;
} pstatus_t;

/* lwpsinfo, and the entries of lpsinfo. */
typedef struct lwpsinfo {
	int pr_flag;
	prid_t pr_lwpid;
	uintptr_t pr_addr;
	uintptr_t pr_wchan;
	char pr_stype;
	char pr_state;
	char pr_sname;
	char pr_nice;
	short pr_syscall;
	char pr_oldpri;
	char pr_cpu;
	int pr_pri;
	ushort_t pr_pctcpu;
	ushort_t pr_pad;
	timestruc_t pr_start;
	timestruc_t pr_time;
	char pr_clname[PRCLSZ];
	char pr_name[PRLWPNAMESZ];
	processorid_t pr_onpro;
	processorid_t pr_bindpro;
	psetid_t pr_bindpset;
	int pr_lgrp;
	int pr_filler[4];
} lwpsinfo_t;

/* psinfo. */
typedef struct psinfo {
	int pr_flag;
	int pr_nlwp;
	pid_t pr_pid;
	pid_t pr_ppid;
	pid_t pr_pgid;
	pid_t pr_sid;
	uid_t pr_uid;
	uid_t pr_euid;
	gid_t pr_gid;
	gid_t pr_egid;
	uintptr_t pr_addr;
	size_t pr_size;
	size_t pr_rssize;
	size_t pr_pad1;
	prdev_t pr_ttydev;
	ushort_t pr_pctcpu;
	ushort_t pr_pctmem;
	timestruc_t pr_start;
	timestruc_t pr_time;
	timestruc_t pr_ctime;
	char pr_fname[PRFNSZ];
	char pr_psargs[PRARGSZ];
	int pr_wstat;
	int pr_argc;
	uintptr_t pr_argv;
	uintptr_t pr_envp;
	char pr_dmodel;
	char pr_pad2[3];
	taskid_t pr_taskid;
	projid_t pr_projid;
	int pr_nzomb;
	poolid_t pr_poolid;
	zoneid_t pr_zoneid;
	prid_t pr_contract;
	int pr_filler[1];
	lwpsinfo_t pr_lwp;
} psinfo_t;

/* Head of lstatus, lpsinfo and lusage. The next entry is pr_entsize further on, which is more than the structure. */
typedef struct prheader {
	long pr_nent;
	long pr_entsize;
} prheader_t;

/* usage, lwpusage, and the entries of lusage. */
typedef struct prusage {
	prid_t pr_lwpid;
	int pr_count;
	timestruc_t pr_tstamp;
	timestruc_t pr_create;
	timestruc_t pr_term;
	timestruc_t pr_rtime;
	timestruc_t pr_utime;
	timestruc_t pr_stime;
	timestruc_t pr_ttime;
	timestruc_t pr_tftime;
	timestruc_t pr_dftime;
	timestruc_t pr_kftime;
	timestruc_t pr_ltime;
	timestruc_t pr_slptime;
	timestruc_t pr_wtime;
	timestruc_t pr_stoptime;
	timestruc_t filltime[6];
	ulong_t pr_minf;
	ulong_t pr_majf;
	ulong_t pr_nswap;
	ulong_t pr_inblk;
	ulong_t pr_oublk;
	ulong_t pr_msnd;
	ulong_t pr_mrcv;
	ulong_t pr_sigs;
	ulong_t pr_vctx;
	ulong_t pr_ictx;
	ulong_t pr_sysc;
	ulong_t pr_ioch;
	ulong_t filler[10];
} prusage_t;

/* map, rmap. */
typedef struct prmap {
	uintptr_t pr_vaddr;
	size_t pr_size;
	char pr_mapname[PRMAPSZ];
	offset_t pr_offset;
	int pr_mflags;
	int pr_pagesize;
	int pr_shmid;
	int pr_filler[1];
} prmap_t;

/* xmap. */
typedef struct prxmap {
	uintptr_t pr_vaddr;
	size_t pr_size;
	char pr_mapname[PRMAPSZ];
	offset_t pr_offset;
	int pr_mflags;
	int pr_pagesize;
	int pr_shmid;
	prdev_t pr_dev;
	uint64_t pr_ino;
	size_t pr_rss;
	size_t pr_anon;
	size_t pr_locked;
	size_t pr_pad;
	uint64_t pr_hatpagesize;
#ifdef __x86_64__
	ulong_t pr_filler[7];
#else
	ulong_t pr_filler[6];
#endif
} prxmap_t;

#define MA_EXEC 0x01
#define MA_WRITE 0x02
#define MA_READ 0x04
#define MA_SHARED 0x08
#define MA_BREAK 0x10
#define MA_STACK 0x20
#define MA_ANON 0x40
#define MA_ISM 0x80
#define MA_NORESERVE 0x100
#define MA_SHM 0x200
#define MA_RESERVED1 0x400

/* cred, which has pr_ngroups groups. */
typedef struct prcred {
	uid_t pr_euid;
	uid_t pr_ruid;
	uid_t pr_suid;
	gid_t pr_egid;
	gid_t pr_rgid;
	gid_t pr_sgid;
	int pr_ngroups;
	gid_t pr_groups[1];
} prcred_t;

/* priv, which has pr_nsets sets of pr_setsize words, and pr_infosize bytes of priv_info records behind them. */
typedef struct prpriv {
	uint32_t pr_nsets;
	uint32_t pr_setsize;
	uint32_t pr_infosize;
	priv_chunk_t pr_sets[1];
} prpriv_t;

/* secflags. */
typedef struct prsecflags {
	uint32_t pr_version;
	char pr_pad[4];
	secflagset_t pr_effective;
	secflagset_t pr_inherit;
	secflagset_t pr_lower;
	secflagset_t pr_upper;
} prsecflags_t;

#define PRSECFLAGS_VERSION_1 1
#define PRSECFLAGS_VERSION_CURRENT PRSECFLAGS_VERSION_1

/* watch, and the operand of PCWATCH. */
typedef struct prwatch {
	uintptr_t pr_vaddr;
	size_t pr_size;
	int pr_wflags;
	int pr_pad;
} prwatch_t;

#define WA_EXEC 0x01
#define WA_WRITE 0x02
#define WA_READ 0x04
#define WA_TRAPAFTER 0x08

/* Operand of PCREAD and PCWRITE. */
typedef struct priovec {
	void *pio_base;
	size_t pio_len;
	proff_t pio_offset;
} priovec_t;

/* pagedata: this, then for each mapping a prasmap_t and a byte for each page, to a multiple of 8. */
typedef struct prpageheader {
	timestruc_t pr_tstamp;
	long pr_nmap;
	long pr_npage;
} prpageheader_t;

typedef struct prasmap {
	uintptr_t pr_vaddr;
	size_t pr_npage;
	char pr_mapname[PRMAPSZ];
	offset_t pr_offset;
	int pr_mflags;
	int pr_pagesize;
	int pr_shmid;
	int pr_filler[1];
} prasmap_t;

#define PG_MODIFIED 0x01
#define PG_REFERENCED 0x02
#define PG_HWMAPPED 0x04

/* Head of an item in prfdinfo_t: size with the head, a multiple of 4. */
typedef struct pr_misc_header {
	uint32_t pr_misc_size;
	uint32_t pr_misc_type;
} pr_misc_header_t;

/* fdinfo/n. */
typedef struct prfdinfo {
	int pr_fd;
	mode_t pr_mode;
	uint64_t pr_ino;
	offset_t pr_size;
	offset_t pr_offset;
	uid_t pr_uid;
	gid_t pr_gid;
	major_t pr_major;
	minor_t pr_minor;
	major_t pr_rmajor;
	minor_t pr_rminor;
	int pr_fileflags;
	int pr_fdflags;
	short pr_locktype;
	pid_t pr_lockpid;
	int pr_locksysid;
	pid_t pr_peerpid;
	int pr_filler[25];
	char pr_peername[PRFNSZ];
	/* Items, up to one of size 0 and type -1. */
	__extension__ uint8_t pr_misc[];
} prfdinfo_t;

#define PR_PATHNAME 0
#define PR_SOCKETNAME 1
#define PR_PEERSOCKNAME 2
#define PR_SOCKOPTS_BOOL_OPTS 3
#define PR_SOCKOPT_LINGER 4
#define PR_SOCKOPT_SNDBUF 5
#define PR_SOCKOPT_RCVBUF 6
#define PR_SOCKOPT_IP_NEXTHOP 7
#define PR_SOCKOPT_IPV6_NEXTHOP 8
#define PR_SOCKOPT_TYPE 9
#define PR_SOCKOPT_TCP_CONGESTION 11
#define PR_SOCKFILTERS_PRIV 14

/* Bits of PR_SOCKOPTS_BOOL_OPTS. */
#define PR_SO_DEBUG (1 << 0)
#define PR_SO_REUSEADDR (1 << 1)
#define PR_SO_REUSEPORT (1 << 2)
#define PR_SO_KEEPALIVE (1 << 3)
#define PR_SO_DONTROUTE (1 << 4)
#define PR_SO_BROADCAST (1 << 5)
#define PR_SO_OOBINLINE (1 << 7)
#define PR_SO_DGRAM_ERRIND (1 << 8)
#define PR_SO_ALLZONES (1 << 9)
#define PR_SO_MAC_EXEMPT (1 << 10)
#define PR_SO_EXCLBIND (1 << 11)
#define PR_SO_PASSIVE_CONNECT (1 << 12)
#define PR_SO_ACCEPTCONN (1 << 13)
#define PR_UDP_NAT_T_ENDPOINT (1 << 14)
#define PR_SO_VRRP (1 << 15)
#define PR_SO_MAC_IMPLICIT (1 << 16)

/* Numbers in prfdinfo_t and its items. They are Solaris': O_*, F_*, AF_* and SOCK_* of libc are others. */
#define PR_O_ACCMODE 0x3 /* of pr_fileflags */
#define PR_O_RDONLY 0x0
#define PR_O_WRONLY 0x1
#define PR_O_RDWR 0x2
#define PR_O_APPEND 0x8
#define PR_O_SYNC 0x10
#define PR_O_DSYNC 0x40
#define PR_O_NONBLOCK 0x80
#define PR_O_LARGEFILE 0x2000
#define PR_O_NOFOLLOW 0x20000
#define PR_O_DIRECTORY 0x1000000
#define PR_O_DIRECT 0x2000000
#define PR_F_RDLCK 1 /* of pr_locktype */
#define PR_F_WRLCK 2
#define PR_F_UNLCK 3
#define PR_AF_UNIX 1 /* of PR_SOCKETNAME and PR_PEERSOCKNAME */
#define PR_AF_INET 2
#define PR_AF_INET6 26
#define PR_SOCK_DGRAM 1 /* of PR_SOCKOPT_TYPE */
#define PR_SOCK_STREAM 2
#define PR_SOCK_RAW 4
#define PR_SOCK_RDM 5
#define PR_SOCK_SEQPACKET 6

/* Three structures that are in core files only. */
typedef struct prfdinfo_core {
	int pr_fd;
	mode_t pr_mode;
	uid_t pr_uid;
	gid_t pr_gid;
	major_t pr_major;
	minor_t pr_minor;
	major_t pr_rmajor;
	minor_t pr_rminor;
	uint64_t pr_ino;
	offset_t pr_offset;
	offset_t pr_size;
	int pr_fileflags;
	int pr_fdflags;
	char pr_path[1024];
} prfdinfo_core_t;

typedef struct prlwpname {
	uint64_t pr_lwpid;
	char pr_lwpname[THREAD_NAME_MAX];
} prlwpname_t;

typedef struct prupanic {
	uint32_t pru_version;
	uint32_t pru_flags;
	uint8_t pru_data[1024];
} prupanic_t;

#define PRUPANIC_VERSION_1 1
#define PRUPANIC_FLAG_MSG_VALID 1
#define PRUPANIC_FLAG_MSG_ERROR 2
#define PRUPANIC_FLAG_MSG_TRUNC 4

/* xregs, and the operand of PCSXREG: head, pr_ninfo records, and the blocks that these lead to. */
typedef struct prxregset_hdr {
	uint32_t pr_type;
	uint32_t pr_size;
	uint32_t pr_flags;
	uint32_t pr_pad[4];
	uint32_t pr_ninfo;
} prxregset_hdr_t;

typedef struct prxregset_info {
	uint32_t pri_type;
	uint32_t pri_flags;
	uint32_t pri_size;
	uint32_t pri_offset;
} prxregset_info_t;

#define PR_TYPE_XSAVE 1

#define PRX_INFO_XCR 1
#define PRX_INFO_XSAVE 2
#define PRX_INFO_YMM 3
#define PRX_INFO_OPMASK 4
#define PRX_INFO_ZMM 5
#define PRX_INFO_HI_ZMM 6

typedef struct prxregset_xcr {
	uint64_t prx_xcr_xcr0;
	uint64_t prx_xcr_xfd;
	uint64_t prx_xcr_pad[2];
} prxregset_xcr_t;

/*
 * Members of the three kinds of sets, by number; the set may be any of them, or libc's. What lies beyond the end of a set
 * is no member and cannot be added.
 */
#define praddset(set, n) pr_add_((set), sizeof *(set), (unsigned long)(n))
#define prdelset(set, n) pr_del_((set), sizeof *(set), (unsigned long)(n))
#define prismember(set, n) pr_is_member_((set), sizeof *(set), (unsigned long)(n))
#define prfillset(set) ((void)memset((set), 0xff, sizeof *(set)))
#define premptyset(set) ((void)memset((set), 0, sizeof *(set)))

/* By bytes, which are in the order of the words on these machines and may be looked at whatever type the set has. */
static __inline__ void pr_add_(void *set, size_t size, unsigned long n)
{
	if (n - 1 < 8 * size)
		((unsigned char *)set)[(n - 1) / 8] |= (unsigned char)(1 << (n - 1) % 8);
}

static __inline__ void pr_del_(void *set, size_t size, unsigned long n)
{
	if (n - 1 < 8 * size)
		((unsigned char *)set)[(n - 1) / 8] &= (unsigned char)~(1 << (n - 1) % 8);
}

static __inline__ int pr_is_member_(const void *set, size_t size, unsigned long n)
{
	return n - 1 < 8 * size && (((const unsigned char *)set)[(n - 1) / 8] >> (n - 1) % 8 & 1);
}

/* From here on the names mean ours. */
#ifndef PFS_KEEP_LIBC_TYPES
#define prgregset_t pr_gregset_t
#define prfpregset_t pr_fpregset_t
#endif

#endif
