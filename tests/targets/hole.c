/* hole [later [nobody]]: maps a page of a file whose file system, a process of its own, does not give it: "ready ADDRESS". Word 0 counts until
   the page is touched, the last one as user 65534. "later": word 2 says that it was asked for, and word 1 has it given, full of 'x'. The file system ends when the
   test says so, at the latest after a minute. */
#include "target.h"
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void answer(int dev, uint64_t unique, const void *body, size_t size)
{
    struct {
        struct fuse_out_header head;
        char body[4096];
    } out = {.head = {.len = sizeof out.head + size, .unique = unique}};
    memcpy(out.body, body, size);
    if (write(dev, &out, out.head.len) < 0)
        _exit(95);
}

static void serve(int dev)
{
    static char in[1 << 17];
    struct fuse_in_header *head = (void *)in;
    struct fuse_attr attr = {.ino = 1, .size = 4096, .mode = S_IFREG | 0755, .nlink = 1};
    uint64_t asked = 0;
    for (int tenths = 0; tenths < 600 && !word[GO];) {
        struct pollfd ready = {.fd = dev, .events = POLLIN};
        if (asked && word[1]) {
            char page[4096];
            memset(page, 'x', sizeof page);
            answer(dev, asked, page, sizeof page);
            asked = 0;
        }
        if (!poll(&ready, 1, 100)) {
            tenths++;
            continue;
        }
        if (read(dev, in, sizeof in) < 0)
            _exit(94);
        struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
        struct fuse_attr_out got = {.attr_valid = 60, .attr = attr};
        struct fuse_open_out opened = {.fh = 1};
        if (head->opcode == FUSE_INIT)
            answer(dev, head->unique, &init, sizeof init);
        else if (head->opcode == FUSE_GETATTR)
            answer(dev, head->unique, &got, sizeof got);
        else if (head->opcode == FUSE_OPEN)
            answer(dev, head->unique, &opened, sizeof opened);
        else if (head->opcode == FUSE_READ) {
            asked = head->unique;
            word[2] = 1;
        }
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    begin();
    (void)argv;
    char path[300], options[100], text[64];
    snprintf(path, sizeof path, "%s.hole", getenv("PFS_SHARED"));
    close(open(path, O_CREAT | O_WRONLY, 0700));
    int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof options, "fd=%d,rootmode=100000,user_id=0,group_id=0", dev);
    if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) || mount("hole", path, "fuse", 0, options))
        return 97;
    if (!fork())
        serve(dev);
    close(dev);
    int fd = open(path, O_RDONLY);
    /* Only now the kernel learns its size: behind its end nothing is asked for. */
    struct stat st;
    if (argc > 1 && (fstat(fd, &st) || st.st_size != 4096))
        return 95;
    void *page = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (fd < 0 || page == MAP_FAILED)
        return 96;
    /* Whose page it is; the place of the words is open. */
    if (argc > 2 && setresuid(65534, 65534, 65534))
        return 94;
    snprintf(text, sizeof text, "ready %lu", (unsigned long)page);
    say(text);
    for (;;)
        word[0]++;
}
