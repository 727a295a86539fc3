/* rare MOUNT PID NAME...: what nobody asks of these files is refused, at once, and hurts nobody. */
#include "bsd.h"
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#define refused(call) must((call) < 0)

int main(int argc, char **argv)
{
    must(argc > 3);
    mounted = argv[1];
    for (int i = 3; i < argc; i++) {
        char path[512], buffer[64];
        snprintf(path, sizeof path, "%s/%s/%s", mounted, argv[2], argv[i]);
        refused(getxattr(path, "user.x", buffer, sizeof buffer));
        refused(setxattr(path, "user.x", "y", 1, 0));
        refused(removexattr(path, "user.x"));
        must(listxattr(path, buffer, sizeof buffer) <= 0);
        for (int mode = 0; mode < 3; mode++) {
            int fd = open(path, mode | O_CLOEXEC);
            if (fd < 0)
                continue;
            refused(fallocate(fd, 0, 0, 4096));
            struct pollfd p = {fd, POLLIN | POLLOUT, 0};
            must(poll(&p, 1, 1000) >= 0);
            fsync(fd);
            flock(fd, LOCK_SH | LOCK_NB);
            refused(ioctl(fd, 0x5413, buffer));
            refused(ioctl(fd, _IOWR('p', 8, buffer), buffer));
            refused(lseek(fd, -1, SEEK_SET));
            refused(pread(fd, buffer, 1, -1));
            refused(pwrite(fd, "x", 1, -1));
            struct iovec iov[2] = {{buffer, 1}, {buffer, 0}};
            must(readv(fd, iov, 2) <= 1);
            void *at = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
            must(at == MAP_FAILED);
            close(fd);
        }
    }
    return 0;
}
