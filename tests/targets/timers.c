/* Has a timer descriptor, whose number it says, and an interval timer, both of 10 ms. Words: 0 rounds, 1 alarms, 2 the most
   expirations that one read found. */
#include "target.h"
#include <sys/time.h>
#include <sys/timerfd.h>

static void rings(int s)
{
    (void)s;
    if (word[GO])
        word[1]++;
}

int main(void)
{
    begin();
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec spec = {{0, 10000000}, {0, 10000000}};
    struct itimerval alarm = {{0, 10000}, {0, 10000}};
    struct sigaction sa = {.sa_handler = rings, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &sa, 0);
    timerfd_settime(timer, 0, &spec, 0);
    setitimer(ITIMER_REAL, &alarm, 0);
    char text[32];
    snprintf(text, sizeof text, "ready %d", timer);
    say(text);
    for (;; word[0]++) {
        uint64_t n = 0;
        if (read(timer, &n, sizeof n) == sizeof n && n > word[2])
            word[2] = n;
    }
}
