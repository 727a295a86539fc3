/* descriptor [blocked]: counts in word 0 while it looks at a descriptor of its own, word 1: the errno that fcntl gives of it.
   blocked: a second thread looks, and the first is in a read that the test ends by GO; then word 2 is its result + 1 and word 3
   its errno. "ready FD". */
#include "target.h"

static int fd;

static void *look(void *unused)
{
    for (;;) {
        word[1] = fcntl(fd, F_GETFD) < 0 ? errno : 0;
        word[0]++;
        pause_ms(1);
    }
    return unused;
}

static void *finish(void *pipe)
{
    wait_for_go();
    return (void *)(intptr_t)write(*(int *)pipe, "x", 1);
}

int main(int argc, char **argv)
{
    begin();
    (void)argv;
    fd = open("/dev/null", O_RDONLY);
    int pipes[2];
    pthread_t t;
    char text[32], c;
    if (pipe(pipes))
        return 91;
    if (argc > 1) {
        pthread_create(&t, 0, look, 0);
        pthread_create(&t, 0, finish, &pipes[1]);
    }
    snprintf(text, sizeof text, "ready %d", fd);
    say(text);
    if (argc > 1) {
        long n = read(pipes[0], &c, 1);
        word[3] = n < 0 ? errno : 0;
        word[2] = n + 1;
    }
    look(0);
}
