/* Has pages of several kinds: "ready END NONE SHARED PRIVATE": the last page before a hole, of 0x5a; one that cannot be read, of 0x77;
   one of a shared file that cannot be written (the page with the test, of which it shows word 1); a private one that cannot be
   written, of 0x66. Shows in word 1 what the test puts into word 2. */
#include "target.h"

static unsigned char *page(int fill, int protection)
{
    unsigned char *at = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(at + 4096, 4096);
    memset(at, fill, 4096);
    mprotect(at, 4096, protection);
    return at;
}

int main(void)
{
    begin();
    int fd = open(getenv("PFS_SHARED"), O_RDONLY);
    void *shared = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    /* The upper page first, or the lower one would be put before it. */
    unsigned char *end = mmap(0, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(end, 3 * 4096);
    end = mmap(end + 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(end, 0x5a, 4096);
    unsigned char *none = page(0x77, PROT_NONE), *private = page(0x66, PROT_READ);
    char text[99];
    snprintf(text, sizeof text, "ready %lu %lu %lu %lu", (unsigned long)end, (unsigned long)none, (unsigned long)shared,
             (unsigned long)private);
    say(text);
    for (;;)
        word[1] = word[2];
}
