/*
 * libc's <sys/auxv.h> (getauxval, and AT_* by Linux' numbers, of which 0 to 9 and AT_RANDOM are Solaris' as well), with
 * auxv_t and the numbers that only Solaris has.
 */
#pragma GCC system_header
#include_next <sys/auxv.h>

#ifndef PFS_SOLARIS_SYS_AUXV_H
#define PFS_SOLARIS_SYS_AUXV_H

typedef struct {
	int a_type;
	union {
		long a_val;
		void *a_ptr;
		void (*a_fcn)(void);
	} a_un;
} auxv_t;

#define AT_SUN_UID 2000
#define AT_SUN_RUID 2001
#define AT_SUN_GID 2002
#define AT_SUN_RGID 2003
#define AT_SUN_LDELF 2004
#define AT_SUN_LDSHDR 2005
#define AT_SUN_LDNAME 2006
#define AT_SUN_LPAGESZ 2007
#define AT_SUN_PLATFORM 2008
#define AT_SUN_HWCAP 2009
#define AT_SUN_IFLUSH 2010
#define AT_SUN_CPU 2011
#define AT_SUN_EXECNAME 2014
#define AT_SUN_MMU 2015
#define AT_SUN_LDDATA 2016
#define AT_SUN_AUXFLAGS 2017
#define AT_SUN_EMULATOR 2018
#define AT_SUN_BRANDNAME 2019
#define AT_SUN_BRAND_AUX1 2020
#define AT_SUN_BRAND_AUX2 2021
#define AT_SUN_BRAND_AUX3 2022
#define AT_SUN_HWCAP2 2023
#define AT_SUN_BRAND_NROOT 2024
#define AT_SUN_BRAND_AUX4 2025
#define AT_SUN_COMMPAGE 2026
#define AT_SUN_FPTYPE 2027
#define AT_SUN_FPSIZE 2028

/* Bits of AT_SUN_AUXFLAGS. */
#define AF_SUN_SETUGID 0x1
#define AF_SUN_HWCAPVERIFY 0x2
#define AF_SUN_NOPLM 0x4

#endif
