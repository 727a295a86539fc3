/* chain HOW N: execs itself N times, each time from a thread that is not the first, with others about. "lives": the first thread
   sleeps; "ends": it has ended. The last one exits with 42. Word 0 counts programs, word 1 sleeps that were broken off. */
#include "target.h"

static char **arguments;

static void *sleeps(void *unused)
{
    for (;;) {
        struct timespec t = {0, 1000000};
        if (nanosleep(&t, 0))
            word[1]++;
    }
    return unused;
}

static void *execs(void *unused)
{
    pause_ms(2);
    execv(arguments[0], arguments);
    exit(96);
    return unused;
}

int main(int argc, char **argv)
{
    begin();
    if (argc < 3)
        return 2;
    arguments = argv;
    if (word[0]++ == 0)
        say("ready");
    if (word[0] > strtoul(argv[2], 0, 10))
        return 42;
    pthread_t t;
    pthread_create(&t, 0, sleeps, 0);
    pthread_create(&t, 0, sleeps, 0);
    pthread_create(&t, 0, execs, 0);
    if (!strcmp(argv[1], "ends"))
        pthread_exit(0);
    sleeps(0);
}
