/* pends SIGNAL CODE ADDRESS: when told sends itself this signal as the kernel would, and counts in word 0. The handler counts in
   word 1 what has come, and in word 2 what was not as it was sent. */
#include "target.h"

static siginfo_t sent;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    word[1]++;
    if (signal != sent.si_signo || info->si_code != sent.si_code || info->si_addr != sent.si_addr)
        word[2]++;
}

int main(int argc, char **argv)
{
    begin();
    if (argc < 4)
        return 97;
    sent.si_signo = atoi(argv[1]);
    sent.si_code = atoi(argv[2]);
    sent.si_addr = (void *)strtoul(argv[3], 0, 0);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(sent.si_signo, &action, 0);
    say("ready");
    wait_for_go();
    syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), sent.si_signo, &sent);
    for (;;)
        word[0]++;
}
