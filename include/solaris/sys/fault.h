/* Faults, by Solaris' numbers. */
#ifndef PFS_SOLARIS_SYS_FAULT_H
#define PFS_SOLARIS_SYS_FAULT_H

#define FLTILL 1      /* illegal instruction */
#define FLTPRIV 2     /* privileged instruction */
#define FLTBPT 3      /* breakpoint */
#define FLTTRACE 4    /* single step */
#define FLTACCESS 5   /* alignment, or a file that is too short under its mapping */
#define FLTBOUNDS 6   /* address that is not mapped or is protected */
#define FLTIOVF 7     /* integer overflow */
#define FLTIZDIV 8    /* integer division by zero */
#define FLTFPE 9      /* floating point */
#define FLTSTACK 10   /* stack that cannot grow */
#define FLTPAGE 11    /* page fault that can be mended */
#define FLTWATCH 12   /* watchpoint */
#define FLTCPCOVF 13  /* counter of the processor ran over */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Fault n is bit (n - 1) % 32 of word (n - 1) / 32. */
typedef struct {
	uint32_t word[4];
} fltset_t;
#endif

#endif
