/* A client of the mounted files: one request a line, one answer a line, so that the test can bound every wait. */
#include "target.h"
#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static unsigned char buf[1 << 20];
static char line[(2 << 20) + 64];

static void interrupted(int s)
{
    (void)s;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : 0;
    return at ? at - digits : -1;
}

static size_t from_hex(const char *hex, unsigned char *out)
{
    size_t n = 0;
    for (; digit(hex[2 * n]) >= 0 && digit(hex[2 * n + 1]) >= 0; n++)
        out[n] = digit(hex[2 * n]) << 4 | digit(hex[2 * n + 1]);
    return n;
}

static void answer(long result, size_t shown)
{
    printf("%ld ", result < 0 ? -(long)errno : result);
    for (size_t i = 0; i < shown; i++) {
        putchar_unlocked("0123456789abcdef"[buf[i] >> 4]);
        putchar_unlocked("0123456789abcdef"[buf[i] & 15]);
    }
    printf("\n");
    fflush(stdout);
}

/* Eight bytes of a file at this offset (0: where it is) by way of the page cache: spliced into a pipe, sent to a file, or from a mapping. */
static long cached(char how, int fd, long long offset)
{
    static int to[2], file;
    if (!file) {
        if (pipe(to) < 0)
            exit(2);
        file = memfd_create("sent", 0);
    }
    if (how == 's') {
        long n = splice(fd, offset ? &offset : 0, to[1], 0, 8, 0);
        return n > 0 ? read(to[0], buf, n) : n;
    }
    if (how == 'f') {
        off_t at = offset;
        long n = sendfile(file, fd, at ? &at : 0, 8);
        return n > 0 ? pread(file, buf, n, 0) : n;
    }
    char *map = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, offset);
    if (map == MAP_FAILED)
        return -1;
    /* The call says EFAULT where touching it would be a SIGBUS. */
    long n = write(to[1], map, 8);
    if (n > 0)
        n = read(to[0], buf, n);
    int failed = errno;
    munmap(map, 4096);
    errno = failed;
    return n;
}

int main(void)
{
    begin();
    struct sigaction sa = {.sa_handler = interrupted};
    sigaction(SIGINT, &sa, 0);
    say("ready");
    for (;;) {
        errno = 0;
        if (!fgets(line, sizeof line, stdin)) {
            if (errno == EINTR) {
                clearerr(stdin);
                continue;
            }
            return 0;
        }
        int at = 0, fd = 0;
        unsigned long long offset = 0;
        size_t size = 0;
        long n;
        switch (line[0]) {
        case 'o': /* o FLAGS PATH */
            sscanf(line, "o %d %n", &fd, &at);
            size = from_hex(line + at, buf);
            buf[size] = 0;
            answer(open((char *)buf, fd), 0);
            break;
        case 'c':
            sscanf(line, "c %d", &fd);
            answer(close(fd), 0);
            break;
        case 'a': /* a MASK PATH */
            sscanf(line, "a %d %n", &fd, &at);
            size = from_hex(line + at, buf);
            buf[size] = 0;
            answer(access((char *)buf, fd), 0);
            break;
        case 'f': { /* f FD FLAGS */
            int flags = 0;
            sscanf(line, "f %d %d", &fd, &flags);
            answer(fcntl(fd, F_SETFL, flags), 0);
            break;
        }
        case 'm': { /* m HOW FD OFFSET */
            char how;
            sscanf(line, "m %c %d %llu", &how, &fd, &offset);
            n = cached(how, fd, offset);
            answer(n, n < 0 ? 0 : n);
            break;
        }
        case 'e': { /* e FD EVENTS */
            struct epoll_event event = {0};
            sscanf(line, "e %d %u", &fd, &event.events);
            int set = epoll_create1(0);
            answer(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0 ? -1 : set, 0);
            break;
        }
        case 'E': { /* E SET TIMEOUT */
            struct epoll_event event = {0};
            int timeout = 0;
            sscanf(line, "E %d %d", &fd, &timeout);
            n = epoll_wait(fd, &event, 1, timeout);
            answer(n < 0 ? n : event.events, 0);
            break;
        }
        case 'w': /* w FD BYTES */
            sscanf(line, "w %d %n", &fd, &at);
            size = from_hex(line + at, buf);
            answer(write(fd, buf, size), 0);
            break;
        case 'W': /* W FD OFFSET BYTES */
            sscanf(line, "W %d %llu %n", &fd, &offset, &at);
            size = from_hex(line + at, buf);
            answer(syscall(SYS_pwrite64, fd, buf, size, offset), 0);
            break;
        case 'r': /* r FD SIZE */
            sscanf(line, "r %d %zu", &fd, &size);
            n = read(fd, buf, size);
            answer(n, n < 0 ? 0 : n);
            break;
        case 'R': /* R FD OFFSET SIZE */
            sscanf(line, "R %d %llu %zu", &fd, &offset, &size);
            n = syscall(SYS_pread64, fd, buf, size, offset);
            answer(n, n < 0 ? 0 : n);
            break;
        case 's': /* s PATH */
            sscanf(line, "s %n", &at);
            size = from_hex(line + at, buf);
            buf[size] = 0;
            struct stat st;
            n = lstat((char *)buf, &st);
            if (n == 0)
                n = sprintf((char *)buf, "%lu %llu %lu %lu %lu %lu %llu %llu %llu", (long)st.st_mode,
                            (long long)st.st_size, (long)st.st_nlink, (long)st.st_uid, (long)st.st_gid,
                            (long)st.st_blksize, (long long)st.st_blocks, (long long)st.st_ino, (long long)st.st_mtime);
            answer(n, n < 0 ? 0 : n);
            break;
        case 'p': { /* p FD EVENTS TIMEOUT */
            struct pollfd p = {0};
            int timeout = 0;
            sscanf(line, "p %d %hd %d", &p.fd, &p.events, &timeout);
            n = poll(&p, 1, timeout);
            answer(n < 0 ? n : p.revents, 0);
            break;
        }
        case 'i': { /* i FD NUMBER ARGUMENT */
            unsigned number;
            sscanf(line, "i %d %u %llu", &fd, &number, &offset);
            size = number >> 30 == 2 ? number >> 16 & 0x3fff : 0;
            n = size ? ioctl(fd, number, buf) : ioctl(fd, number, offset);
            answer(n, n < 0 ? 0 : size);
            break;
        }
        case 'k': /* k FD OFFSET */
            sscanf(line, "k %d %llu", &fd, &offset);
            answer(lseek(fd, offset, SEEK_SET) < 0 ? -1 : 0, 0);
            break;
        case 'l': /* l PATH */
            sscanf(line, "l %n", &at);
            size = from_hex(line + at, buf + sizeof buf / 2);
            buf[sizeof buf / 2 + size] = 0;
            n = readlink((char *)buf + sizeof buf / 2, (char *)buf, sizeof buf / 2);
            answer(n, n < 0 ? 0 : n);
            break;
        case 'd': { /* d PATH */
            sscanf(line, "d %n", &at);
            size = from_hex(line + at, buf);
            buf[size] = 0;
            DIR *dir = opendir((char *)buf);
            if (!dir) {
                answer(-1, 0);
                break;
            }
            n = 0;
            for (struct dirent *e; (e = readdir(dir)) && n < (long)sizeof buf - 300;)
                n += sprintf((char *)buf + n, "%s %llu %d\n", e->d_name, (long long)e->d_ino, e->d_type);
            closedir(dir);
            answer(n, n);
            break;
        }
        default:
            return 1;
        }
    }
}
