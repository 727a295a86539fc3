/* procctl MOUNT PID...: asks for no more events of these processes, and lets them go on. */
#include "bsd.h"
#include <sys/pioctl.h>

int main(int argc, char **argv)
{
    mounted = argv[1];
    for (int i = 2; i < argc; i++) {
        int fd = node(atoi(argv[i]), "mem", O_RDWR);
        must(fd >= 0);
        must(ioctl(fd, PIOCBIC, ~0) == 0);
        must(ioctl(fd, PIOCCONT, 0) == 0 || errno == EINVAL);
        close(fd);
    }
    return 0;
}
