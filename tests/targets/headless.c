/* A process whose first thread has ended; the second one says so, and counts. */
#include "target.h"

static void *count(void *unused)
{
    (void)unused;
    char path[64], state = 'R';
    snprintf(path, sizeof path, "/proc/%d/stat", getpid());
    while (state != 'Z') {
        FILE *f = fopen(path, "r");
        if (!f || fscanf(f, "%*d %*s %c", &state) != 1)
            exit(97);
        fclose(f);
    }
    say("ready");
    for (;;)
        word[16]++;
    return 0;
}

int main(void)
{
    begin();
    pthread_t t;
    pthread_create(&t, 0, count, 0);
    pthread_exit(0);
}
