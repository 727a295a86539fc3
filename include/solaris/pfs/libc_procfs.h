/* libc's own <sys/procfs.h>. In a file of its own, because #include_next is allowed to system headers only. */
#pragma GCC system_header
#include_next <sys/procfs.h>
