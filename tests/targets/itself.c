/* itself PATH: writes stop to its own ctl file, then counts in word 0. Word 1: errno of the write. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    int fd = argc > 1 ? open(argv[1], O_WRONLY) : -1;
    say("ready");
    wait_for_go();
    if (write(fd, "stop\n", 5) != 5)
        word[1] = errno;
    for (;;)
        word[0]++;
}
