/* The other name of <sys/siginfo.h>. */
#include <sys/siginfo.h>
