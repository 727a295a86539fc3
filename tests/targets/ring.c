/* A process with a worker thread of io_uring, which reads from a pipe. Says which thread that is, or "ready none" where io_uring
   is not allowed. When told it writes into the pipe and counts in word 1 what the ring has done: the result of the read is then
   in word 2. Counts in word 0. */
#include "target.h"
#include <dirent.h>
#include <linux/io_uring.h>

static int worker(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int found = 0;
    for (struct dirent *d; (d = readdir(tasks));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", d->d_name);
        int fd = open(path, O_RDONLY);
        if (fd >= 0 && read(fd, name, sizeof name - 1) > 0 && !strncmp(name, "iou-wrk", 7))
            found = atoi(d->d_name);
        close(fd);
    }
    closedir(tasks);
    return found;
}

int main(void)
{
    begin();
    struct io_uring_params p = {0};
    int ring = syscall(SYS_io_uring_setup, 4, &p), pipes[2], tid = 0;
    if (ring < 0 || pipe(pipes)) {
        say("ready none");
        for (;;)
            word[0]++;
    }
    int access = PROT_READ | PROT_WRITE, shared = MAP_SHARED | MAP_POPULATE;
    char *sq = mmap(0, p.sq_off.array + p.sq_entries * 4, access, shared, ring, IORING_OFF_SQ_RING);
    char *cq = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), access, shared, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *sqe = mmap(0, p.sq_entries * sizeof *sqe, access, shared, ring, IORING_OFF_SQES);
    static char buf[8];
    *sqe = (struct io_uring_sqe){
        .opcode = IORING_OP_READ, .flags = IOSQE_ASYNC, .fd = pipes[0], .addr = (uintptr_t)buf, .len = 8};
    ((unsigned *)(sq + p.sq_off.array))[0] = 0;
    __atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, 0, 0) != 1)
        return 97;
    while (!(tid = worker()))
        pause_ms(1);
    char text[32];
    snprintf(text, sizeof text, "ready %d", tid);
    say(text);
    for (int told = 0;;) {
        word[0]++;
        if (word[GO] && !told++ && write(pipes[1], "abc", 3) != 3)
            return 97;
        unsigned done = __atomic_load_n((unsigned *)(cq + p.cq_off.tail), __ATOMIC_ACQUIRE);
        if (done)
            word[2] = ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
        word[1] = done;
        /* The worker hands over what it has done when its process comes to the kernel. */
        syscall(SYS_getppid);
    }
}
