/* gcore MOUNT PID FILE: writes an ELF core file of a stopped process, from the files that gcore of FreeBSD 4 reads. */
#include "bsd.h"
#include <elf.h>
#include <sys/procfs.h>

#define SEGMENTS_MAX 4096
#define PAGE 4096UL

static struct {
    unsigned long start, end;
    char prot[4];
} segments[SEGMENTS_MAX];

/* map is read at once, with a buffer that grows until it is large enough. */
static int read_map(pid_t pid)
{
    int fd = node(pid, "map", O_RDONLY), count = 0;
    must(fd >= 0);
    size_t size = 8192;
    char *text = 0;
    ssize_t n;
    do {
        size *= 2;
        text = realloc(text, size);
        must(text && lseek(fd, 0, SEEK_SET) == 0);
        n = read(fd, text, size - 1);
        must(n >= 0 || errno == EFBIG);
    } while (n < 0 || n == (ssize_t)size - 1);
    text[n] = 0;
    close(fd);
    for (char *line = strtok(text, "\n"); line && count < SEGMENTS_MAX; line = strtok(0, "\n")) {
        char type[16];
        must(sscanf(line, "%lx %lx %*d %*d %*x %3[-rwx] %*d %*d %*x %*s %*s %15s", &segments[count].start,
                    &segments[count].end, segments[count].prot, type) == 4);
        if (strcmp(type, "device") && segments[count].prot[0] == 'r')
            count++;
    }
    free(text);
    return count;
}

static void put(FILE *out, const void *bytes, size_t size)
{
    must(fwrite(bytes, 1, size, out) == size);
}

static void note(FILE *out, int type, const void *bytes, size_t size)
{
    Elf64_Nhdr head = {5, size, type};
    put(out, &head, sizeof head);
    put(out, "CORE\0\0\0", 8);
    put(out, bytes, size);
    must(size % 4 == 0);
}

static size_t note_size(size_t size)
{
    return sizeof(Elf64_Nhdr) + 8 + size;
}

int main(int argc, char **argv)
{
    must(argc == 4);
    mounted = argv[1];
    pid_t pid = atoi(argv[2]);
    struct reg r = registers(pid);
    unsigned char fp[512], page[PAGE];
    int fd = node(pid, "fpregs", O_RDONLY);
    must(fd >= 0 && read(fd, fp, sizeof fp) == sizeof fp);
    close(fd);
    char name[128] = {0};
    fd = node(pid, "status", O_RDONLY);
    must(fd >= 0 && read(fd, name, sizeof name - 1) > 0);
    close(fd);

    prstatus_t status = {.pr_pid = pid, .pr_cursig = SIGSTOP};
    unsigned long long regs[27] = {r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10,   r.r9, r.r8, r.ax, r.rcx, r.rdx,
                                   r.rsi, r.rdi, -1,    r.pc,  r.cs,  r.flags, r.sp, r.ss, 0,    0,    r.ds,  r.es,
                                   r.fs,  r.gs};
    memcpy(&status.pr_reg, regs, sizeof regs);
    prpsinfo_t info = {.pr_pid = pid};
    snprintf(info.pr_fname, sizeof info.pr_fname, "%.*s", (int)strcspn(name, " "), name);

    int count = read_map(pid), mem = node(pid, "mem", O_RDONLY);
    must(mem >= 0);
    FILE *out = fopen(argv[3], "w");
    must(out);
    size_t notes = note_size(sizeof status) + note_size(sizeof info) + note_size(sizeof fp);
    Elf64_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                       .e_type = ET_CORE,
                       .e_machine = EM_X86_64,
                       .e_version = EV_CURRENT,
                       .e_phoff = sizeof head,
                       .e_ehsize = sizeof head,
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = count + 1};
    put(out, &head, sizeof head);
    size_t at = sizeof head + (count + 1) * sizeof(Elf64_Phdr);
    Elf64_Phdr segment = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = notes};
    put(out, &segment, sizeof segment);
    at = (at + notes + PAGE - 1) & -PAGE;
    for (int i = 0; i < count; i++) {
        size_t size = segments[i].end - segments[i].start;
        const char *prot = segments[i].prot;
        segment = (Elf64_Phdr){.p_type = PT_LOAD,
                               .p_offset = at,
                               .p_vaddr = segments[i].start,
                               .p_filesz = size,
                               .p_memsz = size,
                               .p_flags = PF_R | (prot[1] == 'w' ? PF_W : 0) | (prot[2] == 'x' ? PF_X : 0),
                               .p_align = PAGE};
        put(out, &segment, sizeof segment);
        at += size;
    }
    note(out, NT_PRSTATUS, &status, sizeof status);
    note(out, NT_PRPSINFO, &info, sizeof info);
    note(out, NT_FPREGSET, fp, sizeof fp);
    must(fseek(out, (ftell(out) + PAGE - 1) & -PAGE, SEEK_SET) == 0);
    for (int i = 0; i < count; i++)
        for (unsigned long a = segments[i].start; a < segments[i].end; a += PAGE) {
            must(pread(mem, page, PAGE, a) == (ssize_t)PAGE);
            put(out, page, PAGE);
        }
    must(fclose(out) == 0);
    return 0;
}
