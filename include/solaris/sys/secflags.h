/* Security flags of a process, as far as prsecflags_t needs them. */
#ifndef PFS_SOLARIS_SYS_SECFLAGS_H
#define PFS_SOLARIS_SYS_SECFLAGS_H

#include <stdint.h>

typedef uint64_t secflagset_t;

/* Flag f is the bit 1 << f. */
typedef enum {
	PROC_SEC_ASLR = 0,
	PROC_SEC_FORBIDNULLMAP = 1,
	PROC_SEC_NOEXECSTACK = 2
} secflag_t;

#define secflag_isset(set, flag) ((((set) >> (flag)) & 1) != 0)

#endif
