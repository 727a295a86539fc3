/* fenced HOW: counts in word 0. "ignored": SIGTRAP is ignored; "blocked": it is blocked; "handled": it has a handler, which counts
   in word 1; "filter": a seccomp filter kills the process at a close, and at getpid. When told it uses what it set up: raises
   SIGTRAP and counts in word 2. */
#include "target.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

static void handler(int s)
{
    (void)s;
    word[1]++;
}

int main(int argc, char **argv)
{
    begin();
    const char *how = argc > 1 ? argv[1] : "";
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTRAP);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {5, code};
    if (!strcmp(how, "ignored"))
        signal(SIGTRAP, SIG_IGN);
    if (!strcmp(how, "blocked"))
        sigprocmask(SIG_BLOCK, &set, 0);
    if (!strcmp(how, "handled") || !strcmp(how, "blocked"))
        signal(SIGTRAP, handler);
    int pid = getpid();
    if (!strcmp(how, "filter") && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &filter)))
        return 97;
    say("ready");
    while (!word[GO])
        word[0]++;
    if (strcmp(how, "filter"))
        syscall(SYS_tgkill, pid, pid, SIGTRAP);
    word[2]++;
    if (!strcmp(how, "filter"))
        syscall(SYS_getpid);
    for (;;)
        word[0]++;
}
