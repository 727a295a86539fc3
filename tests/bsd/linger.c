/* linger MOUNT PID: leaves a process stopped on a signal. */
#include "bsd.h"
#include <sys/pioctl.h>

int main(int argc, char **argv)
{
    must(argc == 3);
    mounted = argv[1];
    int fd = node(atoi(argv[2]), "mem", O_RDWR);
    struct procfs_status s;
    must(fd >= 0);
    must(ioctl(fd, PIOCSFL, PF_LINGER) == 0 && ioctl(fd, PIOCBIS, S_SIG) == 0);
    must(kill(atoi(argv[2]), SIGCONT) == 0);
    must(ioctl(fd, PIOCWAIT, &s) == 0 && s.why == S_SIG && s.val == SIGCONT);
    return 0;
}
