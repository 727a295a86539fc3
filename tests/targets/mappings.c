/* mappings N: has at least N mappings. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    int n = argc > 1 ? atoi(argv[1]) : 0;
    char *at = mmap(0, n * 4096L + 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < n; i += 2)
        if (mprotect(at + i * 4096L, 4096, PROT_NONE))
            return 90;
    say("ready");
    for (;;)
        pause();
}
