/* Prints what <sys/pioctl.h> says. In words that C of 1989 and C++ have in common; the header comes first, and twice. */
#include <sys/pioctl.h>
#include <sys/pioctl.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SHOW(name) printf(#name " %#lx\n", (unsigned long)name)
#define PLACE(field) printf(#field " %lu\n", (unsigned long)offsetof(struct procfs_status, field))

int main(void)
{
    struct procfs_status status;
    memset(&status, 0, sizeof status);
    printf("size %lu\n", (unsigned long)sizeof status);
    PLACE(state);
    PLACE(flags);
    PLACE(events);
    PLACE(why);
    PLACE(val);
    SHOW(PIOCBIS);
    SHOW(PIOCBIC);
    SHOW(PIOCSFL);
    SHOW(PIOCWAIT);
    SHOW(PIOCCONT);
    SHOW(PIOCSTATUS);
    SHOW(PIOCGFL);
    SHOW(S_EXEC);
    SHOW(S_SIG);
    SHOW(S_SCE);
    SHOW(S_SCX);
    SHOW(S_CORE);
    SHOW(S_EXIT);
    SHOW(S_ALLSTOPS);
    SHOW(PF_LINGER);
    SHOW(PF_ISUGID);
    SHOW(PF_FORK);
    return ioctl(-1, PIOCSTATUS, &status) == -1 && ioctl(-1, PIOCBIS, S_ALLSTOPS) == -1 ? 0 : 1;
}
