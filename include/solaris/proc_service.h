/*
 * libc's <proc_service.h>, which speaks of the register sets of libc's own <sys/procfs.h>: Solaris' names are out of the way
 * while it is read.
 */
#pragma GCC system_header
#include <sys/procfs.h>
#pragma push_macro("prgregset_t")
#pragma push_macro("prfpregset_t")
#undef prgregset_t
#undef prfpregset_t
#include_next <proc_service.h>
#pragma pop_macro("prfpregset_t")
#pragma pop_macro("prgregset_t")
