/* again: when told, execs itself again and again. Word 0 counts programs. */
#include "target.h"

int main(int argc, char **argv)
{
    begin();
    if (word[0]++ == 0)
        say("ready");
    wait_for_go();
    execv(argv[0], argv);
    return 96 + !argc;
}
