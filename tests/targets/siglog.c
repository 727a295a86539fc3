/* siglog [blocked|ignored]: writes down what the handler of each signal is given: word 0 counts them, and from word 32 on there are
   four words each: number, si_code, value or status, sender. "blocked": all signals are blocked until word 6 is set; "ignored":
   SIGUSR1, SIGUSR2, SIGTRAP and SIGHUP are ignored. When told it makes a child that exits with 44, and a timer whose value is
   77 goes off once. */
#include "target.h"

static void handler(int s, siginfo_t *info, void *context)
{
    (void)context;
    volatile uint64_t *entry = word + 32 + 4 * word[0];
    if (word[0] >= 110)
        return;
    entry[0] = s;
    entry[1] = info->si_code;
    entry[2] = s == SIGCHLD ? info->si_status : info->si_value.sival_int;
    entry[3] = info->si_code == SI_TIMER ? 0 : info->si_pid;
    word[0]++;
}

int main(int argc, char **argv)
{
    begin();
    const char *how = argc > 1 ? argv[1] : "";
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigfillset(&sa.sa_mask);
    for (int s = 1; s <= 64; s++)
        sigaction(s, &sa, 0);
    int ignored[] = {SIGUSR1, SIGUSR2, SIGTRAP, SIGHUP};
    for (int i = 0; i < 4 && !strcmp(how, "ignored"); i++)
        signal(ignored[i], SIG_IGN);
    sigset_t all, old;
    sigfillset(&all);
    if (!strcmp(how, "blocked"))
        sigprocmask(SIG_BLOCK, &all, &old);
    say("ready");
    for (int done = 0;; pause_ms(1)) {
        if (word[6] && !strcmp(how, "blocked"))
            sigprocmask(SIG_UNBLOCK, &all, 0);
        if (!word[GO] || done++)
            continue;
        if (!fork())
            _exit(44);
        timer_t timer;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_int = 77};
        struct itimerspec spec = {.it_value.tv_nsec = 1};
        timer_create(CLOCK_MONOTONIC, &event, &timer);
        timer_settime(timer, 0, &spec, 0);
    }
}
