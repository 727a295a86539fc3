/* Sleeps in a call that a handled signal ends: read(2), nanosleep(2) or epoll_wait(2), by its argument. Word 0 counts the ends,
   word 1 those that were none by EINTR, word 2 the signals. */
#include "target.h"
#include <sys/epoll.h>

static void handler(int signal)
{
    word[2] += signal != 0;
}

int main(int argc, char **argv)
{
    begin();
    struct sigaction ends = { .sa_handler = handler };
    int ends_of_pipe[2], set = epoll_create1(0);
    struct timespec long_time = { 1000, 0 };
    struct epoll_event event;
    char byte;
    if (argc < 2 || sigaction(SIGUSR1, &ends, 0) || pipe(ends_of_pipe) || set < 0)
        return 97;
    say("ready");
    for (;;) {
        errno = 0;
        switch (argv[1][0]) {
        case 'r':
            word[3] = read(ends_of_pipe[0], &byte, 1);
            break;
        case 'n':
            word[3] = nanosleep(&long_time, 0);
            break;
        default:
            word[3] = epoll_wait(set, &event, 1, -1);
        }
        if (errno != EINTR)
            word[1]++;
        word[0]++;
    }
}
