/* Counts in word 0 and shows its effective user id in word 1. */
#include "target.h"

int main(void)
{
    begin();
    word[1] = geteuid() + 1;
    for (;;)
        word[0]++;
}
