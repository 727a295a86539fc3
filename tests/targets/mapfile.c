/* mapfile FILE: maps a file. "ready SHARED PRIVATE SIGNAL": errno of a shared mapping, of a private one, and what killed a child that
   looked at that, 0 if it saw something. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    int fd = open(argv[argc - 1], O_RDWR), shared, private, status = 0;
    if (fd < 0)
        return 90;
    errno = 0;
    mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    shared = errno;
    errno = 0;
    volatile char *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0x400000);
    private = errno;
    if (!fork())
        _exit(*at == 1);
    wait(&status);
    char text[64];
    snprintf(text, sizeof text, "ready %d %d %d", shared, private, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    say(text);
    for (;;)
        pause();
}
