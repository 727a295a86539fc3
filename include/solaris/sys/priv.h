/* Privileges, as far as prpriv_t and pr_errpriv need them. */
#ifndef PFS_SOLARIS_SYS_PRIV_H
#define PFS_SOLARIS_SYS_PRIV_H

#include <stdint.h>

typedef int priv_t;

/* Privilege n is the bit 1 << (31 - n % 32) of word n / 32: the highest bit first, unlike the other sets. */
typedef uint32_t priv_chunk_t;

/* In pr_errpriv, where a call did not fail for want of one privilege. */
#define PRIV_ALL (-1)
#define PRIV_MULTIPLE (-2)
#define PRIV_NONE (-3)
#define PRIV_ALLZONE (-4)
#define PRIV_GLOBAL (-5)

/* Order of the sets in prpriv_t. */
#define PRIV_EFFECTIVE_INDEX 0
#define PRIV_INHERITABLE_INDEX 1
#define PRIV_PERMITTED_INDEX 2
#define PRIV_LIMIT_INDEX 3

/* What follows the sets: records that begin with their type and their size in bytes. */
typedef struct priv_info {
	uint32_t priv_info_type;
	uint32_t priv_info_size;
} priv_info_t;

typedef struct priv_info_uint {
	priv_info_t info;
	uint32_t val;
} priv_info_uint_t;

#define PRIV_INFO_FLAGS 4

#define PRIV_DEBUG 0x1
#define PRIV_AWARE 0x2
#define PRIV_AWARE_INHERIT 0x4
#define NET_MAC_AWARE 0x10
#define NET_MAC_AWARE_INHERIT 0x20
#define PRIV_AWARE_RESET 0x40
#define PRIV_XPOLICY 0x80
#define PRIV_PFEXEC 0x100

#endif
