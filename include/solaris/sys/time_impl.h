/* timestruc_t, the time in the structures of <sys/procfs.h>: two longs in both data models. */
#ifndef PFS_SOLARIS_SYS_TIME_IMPL_H
#define PFS_SOLARIS_SYS_TIME_IMPL_H

#include <sys/select.h>
#include <sys/types.h>

/*
 * It is libc's struct timespec wherever that is two longs, so that programs may mix them. With -m32 -D_TIME_BITS=64 that
 * one is larger, and timestruc_t is a type of its own.
 */
#if defined __i386__ && defined __USE_TIME_BITS64
typedef struct {
	long tv_sec;
	long tv_nsec;
} timestruc_t;
#else
typedef struct timespec timestruc_t;
#endif

#endif
