/* truss MOUNT PROGRAM...: runs a program and tells of its system calls, by the calls that truss of FreeBSD 3 to 6 makes. */
#include "bsd.h"
#include <sys/pioctl.h>

static void etype(pid_t pid)
{
    char text[64] = {0};
    int fd = node(pid, "etype", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    must(n > 0);
    text[n - 1] = 0;
    close(fd);
    printf("exec %s\n", text);
}

int main(int argc, char **argv)
{
    must(argc > 2);
    mounted = argv[1];
    char path[512];
    snprintf(path, sizeof path, "%s/curproc/mem", mounted);
    pid_t pid = vfork();
    must(pid >= 0);
    if (!pid) {
        int fd = open(path, O_WRONLY);
        if (fd < 0)
            _exit(3);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (ioctl(fd, PIOCBIS, S_EXEC | S_EXIT) || ioctl(fd, PIOCSFL, PF_LINGER))
            _exit(4);
        execvp(argv[2], argv + 2);
        ioctl(fd, PIOCBIC, ~0);
        _exit(127);
    }
    int status;
    struct procfs_status s;
    if (waitpid(pid, &status, WNOHANG) == pid) {
        printf("exit %d\n", WEXITSTATUS(status));
        return 0;
    }
    int fd = node(pid, "mem", O_RDWR);
    if (fd < 0 || ioctl(fd, PIOCWAIT, &s) || s.why == 0) {
        /* It could not be executed, and is on its way out. */
        must(waitpid(pid, &status, 0) == pid);
        printf("exit %d\n", WEXITSTATUS(status));
        return 0;
    }
    must(s.why == S_EXEC);
    close(fd);

    fd = node(pid, "mem", O_RDWR);
    must(fd >= 0 && ioctl(fd, PIOCSTATUS, &s) == 0 && s.events == (S_EXEC | S_EXIT) && s.why == S_EXEC);
    must(ioctl(fd, PIOCBIS, S_EXEC | S_SCE | S_SCX | S_CORE | S_EXIT | S_SIG) == 0);
    must(ioctl(fd, PIOCSFL, 0) == 0);
    int regs = node(pid, "regs", O_RDONLY);
    must(regs >= 0);
    unsigned long in = 0;
    for (int first = 1;; first = 0) {
        must(ioctl(fd, PIOCWAIT, &s) == 0);
        struct reg r;
        if (s.why == S_SCE || s.why == S_SCX) {
            must(lseek(regs, 0, SEEK_SET) == 0 && read(regs, &r, sizeof r) == sizeof r);
            if (s.why == S_SCE) {
                in = r.ax;
                printf("call %lu\n", in);
            } else if (!first) {
                /* What belongs to a call comes in pairs. */
                must(s.val == in || in == 0);
                printf("return %lu %lu%s\n", s.val, (unsigned long)r.ax, r.flags & 1 ? " error" : "");
            }
        } else if (s.why == S_EXEC) {
            etype(pid);
        } else if (s.why == S_EXIT) {
            printf("exit %lu\n", s.val >> 8);
        }
        if (ioctl(fd, PIOCCONT, 0) == -1 && kill(pid, 0) == -1 && errno == ESRCH)
            break;
        if (s.why == S_EXIT)
            break;
    }
    must(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return 0;
}
