/* What every target has in common: it dies with its starter, says when it is ready, and shares a page with the test. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

#define GO 7 /* the word by which the test says: now */

static volatile uint64_t *word;

static void begin(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(getenv("PFS_SHARED"), O_RDWR);
    word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (fd < 0 || word == MAP_FAILED)
        exit(99);
}

static void say(const char *text)
{
    char line[256];
    int n = snprintf(line, sizeof line, "%s\n", text);
    if (write(1, line, n) != n)
        exit(98);
}

static inline void pause_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

static inline void wait_for_go(void)
{
    while (!word[GO])
        pause_ms(1);
}
