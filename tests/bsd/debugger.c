/* debugger MOUNT PROGRAM: begins to debug a program in the way the README of 1993 says, stops it at the first instruction of its
   own, and lets it end. */
#include "bsd.h"

int main(int argc, char **argv)
{
    must(argc == 3);
    mounted = argv[1];
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        kill(getpid(), SIGSTOP);
        execl(argv[2], argv[2], (char *)0);
        _exit(127);
    }
    int ctl = node(child, "ctl", O_WRONLY), mem = node(child, "mem", O_RDWR), regs = node(child, "regs", O_RDWR);
    must(ctl >= 0 && mem >= 0 && regs >= 0);
    order(ctl, "wait");
    order(ctl, "attach");
    order(ctl, "run");
    /* The trap after exec. */
    order(ctl, "wait");
    struct reg r = registers(child);
    unsigned char text, trap = 0xcc;
    must(pread(mem, &text, 1, r.pc) == 1 && pwrite(mem, &trap, 1, r.pc) == 1);
    order(ctl, "run");
    order(ctl, "wait");
    unsigned long at = r.pc;
    r = registers(child);
    must(r.pc == at + 1);
    r.pc = at;
    must(pwrite(mem, &text, 1, at) == 1 && pwrite(regs, &r, sizeof r, 0) == sizeof r);
    order(ctl, "step");
    order(ctl, "wait");
    must(registers(child).pc != at);
    order(ctl, "detach");
    int status;
    must(waitpid(child, &status, 0) == child);
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}
