/* execs HOW [PROGRAM]: "thread": with other threads about, a thread that is not the leader execs PROGRAM when told; "self": the
   leader does; "vfork": stays in vfork until told. What follows counts in word 0. */
#include "target.h"

static char **arguments;

static void *sleeper(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *execer(void *unused)
{
    wait_for_go();
    execl(arguments[2], arguments[2], "count", (char *)0);
    _exit(96);
    return unused;
}

int main(int argc, char **argv)
{
    begin();
    arguments = argv;
    if (argc > 1 && !strcmp(argv[1], "count")) {
        for (;;)
            word[0]++;
    }
    if (argc > 1 && !strcmp(argv[1], "vfork")) {
        say("ready");
        if (!vfork()) {
            while (!word[GO])
                ;
            execl("/bin/true", "true", (char *)0);
            _exit(95);
        }
        for (;;)
            word[0]++;
    }
    pthread_t t;
    if (argc > 1 && !strcmp(argv[1], "thread")) {
        for (int i = 0; i < 3; i++)
            pthread_create(&t, 0, sleeper, 0);
        pthread_create(&t, 0, execer, 0);
        say("ready");
        sleeper(0);
    }
    say("ready");
    execer(0);
}
