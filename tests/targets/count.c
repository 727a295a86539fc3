/* count THREADS [storm]: every thread counts in a word of its own (of 480); a storm is threads that make and end threads. */
#include "target.h"

static int threads = 1;

static void *counter(void *i)
{
    for (;;) {
        word[16 + (intptr_t)i % 480]++;
        if (i)
            pause_ms(1 + threads / 20);
    }
    return 0;
}

static void *born(void *unused)
{
    word[15]++;
    return unused;
}

static void *storm(void *unused)
{
    for (;;) {
        pthread_t t;
        if (!pthread_create(&t, 0, born, 0))
            pthread_join(t, 0);
    }
    return unused;
}

int main(int argc, char **argv)
{
    begin();
    pthread_t t;
    if (argc > 1)
        threads = atoi(argv[1]);
    for (intptr_t i = 1; i < threads; i++)
        pthread_create(&t, 0, counter, (void *)i);
    for (int i = 0; argc > 2 && i < 3; i++)
        pthread_create(&t, 0, storm, 0);
    say("ready");
    counter(0);
}
