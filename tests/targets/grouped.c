/* grouped PROGRAM: execs it as the user and group `nobody` in the groups 1000 and 1001. */
#include "target.h"
#include <grp.h>

int main(int argc, char **argv)
{
    begin();
    gid_t groups[] = {1000, 1001};
    if (argc < 2 || setgroups(2, groups) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
        return 90;
    execl(argv[1], argv[1], (char *)0);
    return 91;
}
