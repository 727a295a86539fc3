/* Has something of everything that can be looked at. "ready PAGE FILE DIRECTORY PIPE TCP UNIX PORT SHMID SHARED ARGV ENVP SCRATCH":
   a page of 0x5a behind which nothing is mapped; descriptors of a file (read only, for appending, closed on exec), a directory, a
   pipe, a listening socket and one of a UNIX name; its port; System V memory and its address; where the arguments are; a descriptor of a file without a name, to read and write. SIGUSR1 is
   ignored, SIGUSR2 caught. Its name is "shows!". "shows wait" sleeps, else it counts in word 0. */
#include "target.h"
#include <arpa/inet.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

static void handler(int s)
{
    (void)s;
}

int main(int argc, char **argv, char **envp)
{
    begin();
    prctl(PR_SET_NAME, "shows!");
    unsigned char *page = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page += 4096;
    memset(page, 0x5a, 4096);
    munmap(page - 4096, 4096);
    munmap(page + 4096, 4096);
    int file = open("/etc/passwd", O_RDONLY | O_APPEND | O_CLOEXEC);
    lseek(file, 5, SEEK_SET);
    int dir = open("/etc", O_RDONLY | O_DIRECTORY);
    int pipes[2];
    if (pipe(pipes))
        return 90;
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    if (bind(tcp, (void *)&in, sizeof in) || listen(tcp, 1) || getsockname(tcp, (void *)&in, &len))
        return 91;
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "pfs-test-%d", getpid());
    if (bind(local, (void *)&un, sizeof un) || listen(local, 1))
        return 92;
    int shm = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600);
    void *shared = shmat(shm, 0, 0);
    shmctl(shm, IPC_RMID, 0);
    char name[] = "/tmp/pfs-test-XXXXXX";
    int scratch = mkstemp(name);
    unlink(name);
    if (write(scratch, "scratch", 7) != 7)
        return 93;
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handler);
    char text[250];
    snprintf(text, sizeof text, "ready %lu %d %d %d %d %d %d %d %lu %lu %lu %d", (unsigned long)page, file, dir, pipes[0], tcp,
             local, ntohs(in.sin_port), shm, (unsigned long)shared, (unsigned long)argv, (unsigned long)envp, scratch);
    say(text);
    while (argc > 1)
        pause();
    for (;;)
        word[0]++;
}
