/* stderr MEM PROGRAM: opens a file for reading and writing, makes it its standard error, and execs PROGRAM, when told. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    int fd = open(argv[1], O_RDWR);
    if (argc < 3 || fd < 0)
        return 90;
    char text[32];
    snprintf(text, sizeof text, "ready %d", fd);
    say(text);
    wait_for_go();
    dup2(fd, 2);
    execl(argv[2], argv[2], (char *)0);
    return 91;
}
