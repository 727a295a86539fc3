/* What every client of the flavours bsd44 and freebsd has in common. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64 /* as everywhere in BSD */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *mounted; /* where */

#define must(condition)                                                                     \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

static int node(pid_t pid, const char *name, int flags)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%d/%s", mounted, (int)pid, name);
    return open(path, flags | O_CLOEXEC);
}

/* Writes a message that must be taken. */
#define order(ctl, word) must(write(ctl, word, strlen(word)) == (ssize_t)strlen(word))

/* Registers as FreeBSD has them on this machine. */
struct reg {
#ifdef __x86_64__
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, ax;
    uint32_t trapno;
    uint16_t fs, gs;
    uint32_t err;
    uint16_t es, ds;
    uint64_t pc, cs, flags, sp, ss;
#else
    uint32_t fs, es, ds, edi, esi, ebp, isp, ebx, edx, ecx, ax, trapno, err, pc, cs, flags, sp, ss, gs;
#endif
};

static inline struct reg registers(pid_t pid)
{
    struct reg r;
    int fd = node(pid, "regs", O_RDONLY);
    must(fd >= 0 && read(fd, &r, sizeof r) == sizeof r);
    close(fd);
    return r;
}
