/* headless [filter]: a process whose first thread has ended; the second one says so, and counts. "filter": that has a seccomp filter,
   which the first had not, and which kills the process at a close. */
#include "target.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

static int filtered;

static void filter(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog all = {4, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &all))
        exit(96);
}

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
    if (filtered)
        filter();
    say("ready");
    for (;;)
        word[16]++;
    return 0;
}

int main(int argc, char **argv)
{
    begin();
    filtered = argc > 1 && !strcmp(argv[1], "filter");
    pthread_t t;
    pthread_create(&t, 0, count, 0);
    pthread_exit(0);
}
