/* person NAME GROUPS [leader] [tty] [ids] [later]: has a name given in hexadecimal digits, so many supplementary groups (1000, 1001, ...),
   leads a session, has a controlling terminal, which takes a session, or has other effective ids than real ones (1 and 2). "ready
   TTY": the terminal's name below /dev. Sleeps. "later": changes its ids when told, sets word 1, and counts in word 2. */
#include "target.h"
#include <grp.h>
#include <sys/ioctl.h>

static int has(int argc, char **argv, const char *what)
{
    for (int i = 3; i < argc; i++)
        if (!strcmp(argv[i], what))
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    begin();
    char name[16] = {0}, text[64] = "ready";
    for (unsigned i = 0, byte; i < 15 && sscanf(argv[1] + 2 * i, "%2x", &byte) == 1; i++)
        name[i] = byte;
    prctl(PR_SET_NAME, name);
    gid_t groups[64];
    int n = atoi(argv[2]);
    for (int i = 0; i < n; i++)
        groups[i] = 1000 + i;
    if (setgroups(n, groups))
        return 90;
    if ((has(argc, argv, "leader") || has(argc, argv, "tty")) && setsid() < 0)
        return 91;
    if (has(argc, argv, "tty")) {
        int master = posix_openpt(O_RDWR | O_NOCTTY);
        grantpt(master);
        unlockpt(master);
        int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
        if (ioctl(tty, TIOCSCTTY, 0))
            return 92;
        snprintf(text, sizeof text, "ready %s", ptsname(master) + 5);
    }
    if (has(argc, argv, "ids") && (setresgid(2, 1, 1) || setresuid(2, 1, 1)))
        return 93;
    say(text);
    if (has(argc, argv, "later")) {
        wait_for_go();
        if (setresuid(-1, 1, -1))
            return 94;
        for (word[1] = 1;; word[2]++)
            pause_ms(1);
    }
    pause();
}
