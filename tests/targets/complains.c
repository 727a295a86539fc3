/* Writes to its standard error at the address of something of its own, and reads it from there. Words: 1 errno of the write, 2 errno
   of the read, 3 its effective user and one, 4 whether it is as it was. Then counts in word 0. */
#include "target.h"

static char mine[] = "as it was", read_back[16];

int main(void)
{
    begin();
    word[3] = geteuid() + 1;
    word[1] = pwrite(2, "written over", 9, (off_t)mine) < 0 ? errno : 0;
    word[2] = pread(2, read_back, 9, (off_t)mine) < 0 ? errno : 0;
    word[4] = !strcmp(mine, "as it was");
    for (;;)
        word[0]++;
}
