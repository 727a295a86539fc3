/* watched: does to its memory what the test says. The test puts arguments into words 1 and 2 and a command into GO; when it is
 * done, GO is 0 again and word 0 counts. "ready AREA FUNCTION" in decimal. Words 3 to 5: traps that its handler got, the last one's
 * si_code and si_addr. Word 10 + i: writes by thread i. */
#include "traps.h"

static volatile union {
    uint8_t b[64];
    uint64_t align;
} area __attribute__((aligned(64)));

static volatile int calls;

static void __attribute__((noinline)) function(void)
{
    calls++;
}

static void write_at(int at, int size, uint64_t value)
{
    switch (size) {
    case 1: *(volatile uint8_t *)&area.b[at] = value; break;
    case 2: *(volatile uint16_t *)&area.b[at] = value; break;
    case 4: *(volatile uint32_t *)&area.b[at] = value; break;
    case 8: *(volatile uint64_t *)&area.b[at] = value; break;
    }
}

static uint64_t read_at(int at, int size)
{
    switch (size) {
    case 1: return *(volatile uint8_t *)&area.b[at];
    case 2: return *(volatile uint16_t *)&area.b[at];
    case 4: return *(volatile uint32_t *)&area.b[at];
    default: return *(volatile uint64_t *)&area.b[at];
    }
}

static void *writer(void *i)
{
    for (uint64_t n = 0; n < word[2]; n++) {
        write_at(0, 4, n);
        word[10 + (intptr_t)i]++;
    }
    return 0;
}

static void *writes_for_ever(void *i)
{
    for (uint64_t n = 0;; n++) {
        write_at(0, 4, n);
        word[10 + (intptr_t)i]++;
    }
    return 0;
}

static void threads(int n, void *(*what)(void *), int join)
{
    pthread_t all[64];
    for (intptr_t i = 0; i < n; i++)
        if (pthread_create(&all[i], 0, what, (void *)i))
            _exit(97);
    for (int i = 0; join && i < n; i++)
        pthread_join(all[i], 0);
}

static void *executes(void *argv)
{
    execv("/proc/self/exe", argv);
    return 0;
}

static void child(pid_t pid)
{
    int status = -1;
    if (pid == 0) {
        write_at(0, 4, 1);
        _exit(5);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 5)
        _exit(96);
}

static void command(uint64_t what, char **argv)
{
    int at = word[1], size = word[2], ends[2];
    switch (what) {
    case 1: write_at(at, size, 7); break;
    case 2: word[8] = read_at(at, size); break;
    case 3: function(); break;
    case 4: threads(at, writer, 1); break;
    case 5: threads(at, writes_for_ever, 0); break;
    case 6: child(fork()); break;
    case 7: child(vfork()); break;
    case 8: execv("/proc/self/exe", argv); break;
    case 9:
    case 10:
        if (pipe(ends))
            _exit(95);
        if (what == 9 ? write(ends[1], "12345678", 8) != 8 || read(ends[0], (void *)&area.b[at], size) != size
                      : write(ends[1], (void *)&area.b[at], size) != size)
            _exit(94);
        close(ends[0]);
        close(ends[1]);
        break;
    case 11: mask_traps(SIG_BLOCK); break;
    case 12: mask_traps(SIG_UNBLOCK); break;
    case 13: count_traps(SIGTRAP, 0); break;
    case 14: signal(SIGTRAP, SIG_IGN); break;
    case 16: {
        pthread_t t;
        pthread_create(&t, 0, executes, argv);
        pthread_join(t, 0);
        break;
    }
    case 15: word[9] = signal(SIGTRAP, SIG_IGN) == SIG_IGN; break;
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    begin();
    char text[80];
    snprintf(text, sizeof text, "ready %llu %llu", (unsigned long long)(uintptr_t)&area, (unsigned long long)(uintptr_t)function);
    word[GO] = 0;
    say(text);
    for (;;) {
        wait_for_go();
        command(word[GO], argv);
        word[GO] = 0;
        word[0]++;
    }
}
