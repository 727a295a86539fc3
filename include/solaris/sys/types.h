/*
 * libc's <sys/types.h> and the names of Solaris' that it lacks. Nothing of libc's is changed here: types that differ
 * (off_t, time_t, dev_t, id_t) keep libc's meaning, and the structures of <sys/procfs.h> do not use them.
 */
#pragma GCC system_header
#include_next <sys/types.h>

#ifndef PFS_SOLARIS_SYS_TYPES_H
#define PFS_SOLARIS_SYS_TYPES_H

#ifndef __ASSEMBLER__
#include <stdint.h>

typedef unsigned char uchar_t;
typedef unsigned short ushort_t;
typedef unsigned int uint_t;
typedef unsigned long ulong_t;
typedef long long longlong_t;
typedef unsigned long long u_longlong_t;
typedef longlong_t offset_t;
typedef longlong_t hrtime_t;

typedef unsigned int major_t;
typedef unsigned int minor_t;

typedef int taskid_t;
typedef int projid_t;
typedef int zoneid_t;
typedef int poolid_t;
typedef int ctid_t;
typedef int processorid_t;
typedef int psetid_t;

typedef enum { B_FALSE, B_TRUE } boolean_t;
#endif

#endif
