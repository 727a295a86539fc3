/* paged: writes to pages of its own as the test says. The argument is their kind: private, shared, huge, or file (a private mapping
 * of one). The test puts arguments into words 1 and 2 and a command into GO; when it is done, GO is 0 again and word 0 counts.
 * "ready AREA FUNCTION" in decimal: AREA is the first of PAGES pages. Words 3 to 5: traps that its handler got, the last one's si_code
 * and si_addr. Word 10 + i: rounds of thread i. Word 8: the value that was asked for. */
#include "traps.h"

#define PAGES 8
#define SIZE (PAGES * 4096)
#define INSIDE (4096 + 2048) /* where the test begins to watch */

static volatile uint8_t *area;

static void write_at(int at, int size, uint64_t value)
{
    switch (size) {
    case 1: *(volatile uint8_t *)&area[at] = value; break;
    case 2: *(volatile uint16_t *)&area[at] = value; break;
    case 4: *(volatile uint32_t *)&area[at] = value; break;
    case 8: *(volatile uint64_t *)&area[at] = value; break;
    }
}

/* One word beside the area and one in it, in the first and in the last of its pages. */
static void round_of(int i, uint32_t n)
{
    volatile uint32_t *slot = (volatile uint32_t *)area;
    slot[4096 / 4 + i] = n;
    slot[INSIDE / 4 + i] = n;
    slot[(INSIDE + 2 * 4096) / 4 + i] += 1;
    slot[(INSIDE + 3 * 4096) / 4 + i] = n;
    word[10 + i]++;
}

static void *rounds(void *i)
{
    for (uint64_t n = 1; n <= word[2]; n++)
        round_of((intptr_t)i, n);
    return (void *)(intptr_t)syscall(SYS_gettid);
}

static void *for_ever(void *i)
{
    for (uint64_t n = 1;; n++)
        round_of((intptr_t)i, n);
    return 0;
}

static void threads(int n, void *(*what)(void *), int join)
{
    pthread_t all[64];
    for (intptr_t i = 0; i < n; i++)
        if (pthread_create(&all[i], 0, what, (void *)i))
            _exit(97);
    for (int i = 0; join && i < n; i++) {
        void *tid;
        pthread_join(all[i], &tid);
        word[100 + i] = (intptr_t)tid;
    }
}

static void *call_for_ever(void *unused)
{
    (void)unused;
    int ends[2];
    if (pipe(ends))
        _exit(95);
    for (;;) {
        if (write(ends[1], "12345678", 8) != 8 || read(ends[0], (void *)&area[INSIDE], 8) != 8)
            _exit(94);
        word[9]++;
    }
}

/* Lends its memory to a child until word 6 is set. */
static void *lends(void *unused)
{
    (void)unused;
    pid_t pid = vfork();
    if (pid == 0) {
        word[10] = 1;
        while (!word[6])
            pause_ms(1);
        _exit(5);
    }
    waitpid(pid, 0, 0);
    word[12] = 1;
    return 0;
}

static void child(pid_t pid)
{
    int status = -1;
    if (pid == 0) {
        for (int page = 0; page < PAGES; page++)
            write_at(page * 4096 + 2048, 8, 5);
        _exit(area[INSIDE] == 5 ? 5 : 6);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 5)
        _exit(96);
}

static void command(uint64_t what, char **argv)
{
    int at = word[1], size = word[2], ends[2];
    switch (what) {
    case 1: write_at(at, size, 7); break;
    case 2: word[8] = *(volatile uint64_t *)&area[at]; break;
    case 3: asm volatile("rep stosb" : : "D"(area + at), "c"((long)size), "a"(9) : "memory"); break;
    case 4: threads(at, rounds, 1); break;
    case 5: threads(at, for_ever, 0); break;
    case 6: child(fork()); break;
    case 7: child(vfork()); break;
    case 8: execv("/proc/self/exe", argv); break;
    case 9:
        if (pipe(ends) || write(ends[1], "12345678", 8) != 8 || read(ends[0], (void *)&area[at], size) != size)
            _exit(94);
        close(ends[0]);
        close(ends[1]);
        break;
    case 10: word[8] = munmap((void *)&area[at], size); break;
    case 11: word[8] = (uintptr_t)mmap((void *)&area[at], size, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 12:
        /* To another place; what was there is there no more. */
        area = mremap((void *)area, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, area + 16 * SIZE);
        word[8] = (uintptr_t)area;
        break;
    case 13: count_traps(SIGTRAP, 0); break;
    case 14: mask_traps(SIG_BLOCK); break;
    case 15: mask_traps(SIG_UNBLOCK); break;
    case 16: {
        /* A handler on a stack that is watched. */
        stack_t stack = {.ss_sp = (void *)area, .ss_size = SIZE};
        sigaltstack(&stack, 0);
        count_traps(SIGUSR1, SA_ONSTACK);
        raise(SIGUSR1);
        stack.ss_flags = SS_DISABLE;
        sigaltstack(&stack, 0);
        break;
    }
    case 17: {
        pthread_t t;
        pthread_create(&t, 0, call_for_ever, 0);
        break;
    }
    case 18: signal(SIGTRAP, SIG_IGN); break;
    case 21: {
        pthread_t t;
        pthread_create(&t, 0, lends, 0);
        break;
    }
    case 20: word[8] = (uintptr_t)__builtin_frame_address(0); break;
    case 19: word[8] = signal(SIGTRAP, SIG_IGN) == SIG_IGN; break;
    }
}

int main(int argc, char **argv)
{
    begin();
    const char *kind = argc > 1 ? argv[1] : "private";
    int flags = (strcmp(kind, "shared") ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS;
    size_t room = strcmp(kind, "huge") ? SIZE : 4 << 20;
    int fd = -1;
    if (!strcmp(kind, "file")) {
        fd = fileno(tmpfile());
        flags = MAP_PRIVATE;
        if (ftruncate(fd, room + (2 << 20)))
            return 92;
    }
    uint8_t *p = mmap(0, room + (2 << 20), PROT_READ | PROT_WRITE, flags, fd, 0);
    if (p == MAP_FAILED)
        return 93;
    area = p;
    if (room != SIZE) {
        area = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & -(uintptr_t)(2 << 20));
        madvise((void *)area, 2 << 20, MADV_HUGEPAGE);
        area[0] = 1;
    }
    char text[80];
    snprintf(text, sizeof text, "ready %llu 0", (unsigned long long)(uintptr_t)area);
    word[GO] = 0;
    say(text);
    for (;;) {
        wait_for_go();
        command(word[GO], argv);
        word[GO] = 0;
        word[0]++;
    }
}
