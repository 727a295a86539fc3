/* What programs for Solaris' /proc include; all of it is in <sys/procfs.h>. */
#include <sys/procfs.h>
