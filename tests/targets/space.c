/* space SPACES [ARGS]: starts the program $PFS_STARTS in namespaces of its own and ends with it. Letters of SPACES: p a pid
   namespace, u a user namespace in which its user is 0 and nobody else has a number, o one in which its user has the number that
   he has here and so no capability, m a mount namespace, i one of IPC, n a network of its own, c one of control groups, h the host
   name "jailed". Then may come: @N in the user namespace of process N, :N as user N, =N with the process id N, /DIR (with m) with DIR over /proc. Word
   500: its process id as seen from here. */
#include "target.h"
#include <grp.h>
#include <linux/sched.h>
#include <sys/mount.h>

static void put(pid_t pid, const char *file, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(90);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    begin();
    char *spaces = argc > 1 ? argv[1] : "", *program = getenv("PFS_STARTS"), *user = strchr(spaces, ':'),
         *number = strchr(spaces, '='), *dir = strchr(spaces, '/'), *house = strchr(spaces, '@'), map[64], c;
    size_t letters = strcspn(spaces, "@:=/");
    pid_t wanted = number ? atoi(number + 1) : 0;
    struct clone_args how = {.exit_signal = SIGCHLD, .set_tid = number ? (uintptr_t)&wanted : 0, .set_tid_size = !!number};
    how.flags |= memchr(spaces, 'm', letters) ? CLONE_NEWNS : 0;
    how.flags |= memchr(spaces, 'p', letters) ? CLONE_NEWPID : 0;
    int is_zero = !!memchr(spaces, 'u', letters);
    how.flags |= is_zero || memchr(spaces, 'o', letters) ? CLONE_NEWUSER : 0;
    how.flags |= memchr(spaces, 'h', letters) ? CLONE_NEWUTS : 0;
    how.flags |= memchr(spaces, 'i', letters) ? CLONE_NEWIPC : 0;
    how.flags |= memchr(spaces, 'n', letters) ? CLONE_NEWNET : 0;
    how.flags |= memchr(spaces, 'c', letters) ? CLONE_NEWCGROUP : 0;
    int ready[2], status;
    if (pipe2(ready, O_CLOEXEC))
        return 91;
    pid_t child = syscall(SYS_clone3, &how, sizeof how);
    if (child < 0) {
        perror("clone");
        return 92;
    }
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ready[1]);
        if (read(ready[0], &c, 1) != 1)
            _exit(93);
        if (house) {
            snprintf(map, sizeof map, "/proc/%d/ns/user", atoi(house + 1));
            int door = open(map, O_RDONLY | O_CLOEXEC);
            if (door < 0 || setns(door, CLONE_NEWUSER))
                _exit(97);
        }
        if (how.flags & CLONE_NEWUTS && sethostname("jailed", 6))
            _exit(96);
        if (dir && (mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) || mount(dir, "/proc", 0, MS_BIND, 0)))
            _exit(94);
        if (user && (setgroups(0, 0) || setgid(atoi(user + 1)) || setuid(atoi(user + 1))))
            _exit(94);
        argv[1] = program;
        execv(program, argv + 1);
        _exit(95);
    }
    if (how.flags & CLONE_NEWUSER) {
        put(child, "setgroups", "deny");
        snprintf(map, sizeof map, "%d %d 1", is_zero ? 0 : getuid(), getuid());
        put(child, "uid_map", map);
        snprintf(map, sizeof map, "%d %d 1", is_zero ? 0 : getgid(), getgid());
        put(child, "gid_map", map);
    }
    word[500] = child;
    if (write(ready[1], "x", 1) != 1)
        return 96;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
