/* remount: in a mount namespace of its own; each time the test counts up, mounts something or takes it away, and says so. */
#include "target.h"
#include <sys/mount.h>
#include <sys/stat.h>

int main(void)
{
    begin();
    char dir[300];
    snprintf(dir, sizeof dir, "%s.dir", getenv("PFS_SHARED"));
    if (mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) || mkdir(dir, 0700))
        return 97;
    say("ready");
    for (uint64_t n = 1;; n++) {
        while (word[GO] < n)
            pause_ms(1);
        if (n % 2 ? mount("none", dir, "tmpfs", 0, 0) : umount(dir))
            return 96;
        say("changed");
    }
}
