/* gcore MOUNT PID FILE: writes an ELF core file of a stopped process, from the files that gcore of FreeBSD 4 reads. One of 32 bits
   writes those of processes of 32 bits. */
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

/* What a core file of i386 has in the place of prstatus_t and prpsinfo_t. */
struct status32 {
    int32_t info[3];
    int16_t cursig;
    uint32_t pending, held;
    int32_t pid, ppid, pgrp, sid, times[8];
    uint32_t regs[17];
    int32_t fpvalid;
};
struct info32 {
    char state, sname, zomb, nice;
    uint32_t flag;
    uint16_t uid, gid;
    int32_t pid, ppid, pgrp, sid;
    char fname[16], psargs[80];
};
_Static_assert(sizeof(struct status32) == 144 && sizeof(struct info32) == 124, "the structures of i386");

static struct {
    const char *name;
    int type;
    const void *bytes;
    size_t size;
} notes[3];

static size_t note_size(int i)
{
    return sizeof(Elf32_Nhdr) + 8 + notes[i].size;
}

static void put_note(FILE *out, int i)
{
    Elf32_Nhdr head = {strlen(notes[i].name) + 1, notes[i].size, notes[i].type};
    char name[8] = {0};
    strcpy(name, notes[i].name);
    put(out, &head, sizeof head);
    put(out, name, sizeof name);
    put(out, notes[i].bytes, notes[i].size);
    must(notes[i].size % 4 == 0);
}

/* Header and table of an ELF core file of one class. */
#define HEAD(bits, machine)                                                                                                   \
    do {                                                                                                                      \
        Elf##bits##_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS##bits, ELFDATA2LSB, EV_CURRENT},    \
                                 .e_type = ET_CORE,                                                                           \
                                 .e_machine = machine,                                                                        \
                                 .e_version = EV_CURRENT,                                                                     \
                                 .e_phoff = sizeof head,                                                                      \
                                 .e_ehsize = sizeof head,                                                                     \
                                 .e_phentsize = sizeof(Elf##bits##_Phdr),                                                     \
                                 .e_phnum = count + 1};                                                                       \
        put(out, &head, sizeof head);                                                                                         \
        size_t at = sizeof head + (count + 1) * sizeof(Elf##bits##_Phdr);                                                     \
        Elf##bits##_Phdr segment = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = size};                                     \
        put(out, &segment, sizeof segment);                                                                                   \
        at = (at + size + PAGE - 1) & -PAGE;                                                                                  \
        for (int i = 0; i < count; i++) {                                                                                     \
            const char *prot = segments[i].prot;                                                                              \
            segment = (Elf##bits##_Phdr){.p_type = PT_LOAD, .p_offset = at, .p_vaddr = segments[i].start, .p_align = PAGE};   \
            segment.p_filesz = segment.p_memsz = segments[i].end - segments[i].start;                                         \
            segment.p_flags = PF_R | (prot[1] == 'w' ? PF_W : 0) | (prot[2] == 'x' ? PF_X : 0);                               \
            put(out, &segment, sizeof segment);                                                                               \
            at += segment.p_filesz;                                                                                           \
        }                                                                                                                     \
    } while (0)

int main(int argc, char **argv)
{
    must(argc == 4);
    mounted = argv[1];
    pid_t pid = atoi(argv[2]);
    struct reg r = registers(pid);
    /* FXSAVE to a program of 64 bits; to one of 32 the 108 bytes of FNSAVE, and more. */
    unsigned char fp[512], page[PAGE];
    ssize_t fp_size = sizeof(long) == 8 ? 512 : 176;
    int fd = node(pid, "fpregs", O_RDONLY);
    must(fd >= 0 && read(fd, fp, fp_size) == fp_size);
    close(fd);
    char name[128] = {0}, kind[32] = {0};
    fd = node(pid, "status", O_RDONLY);
    must(fd >= 0 && read(fd, name, sizeof name - 1) > 0);
    close(fd);
    name[strcspn(name, " ")] = 0;
    fd = node(pid, "etype", O_RDONLY);
    must(fd >= 0 && read(fd, kind, sizeof kind - 1) > 0);
    close(fd);
    int narrow = !strcmp(kind, "Linux ELF32\n");
    must(narrow || !strcmp(kind, "Linux ELF64\n"));

    struct status32 status32 = {.pid = pid, .cursig = SIGSTOP};
    struct info32 info32 = {.pid = pid};
    snprintf(info32.fname, sizeof info32.fname, "%.15s", name);
#ifdef __x86_64__
    prstatus_t status = {.pr_pid = pid, .pr_cursig = SIGSTOP};
    unsigned long long regs[27] = {r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11,   r.r10, r.r9, r.r8, r.ax, r.rcx, r.rdx, r.rsi,
                                   r.rdi, -1,    r.pc,  r.cs,  r.flags, r.sp, r.ss, 0,     0,    r.ds, r.es, r.fs,  r.gs};
    memcpy(&status.pr_reg, regs, sizeof regs);
    prpsinfo_t info = {.pr_pid = pid};
    snprintf(info.pr_fname, sizeof info.pr_fname, "%.15s", name);
    uint32_t regs32[17] = {r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.ax, r.ds, r.es,
                           r.fs,  r.gs,  -1,    r.pc,  r.cs,  r.flags, r.sp, r.ss};
    notes[0].bytes = &status, notes[0].size = sizeof status;
    notes[1].bytes = &info, notes[1].size = sizeof info;
#else
    uint32_t regs32[17] = {r.ebx, r.ecx, r.edx, r.esi, r.edi, r.ebp, r.ax, r.ds, r.es,
                           r.fs,  r.gs,  -1,    r.pc,  r.cs,  r.flags, r.sp, r.ss};
    must(narrow);
#endif
    memcpy(status32.regs, regs32, sizeof regs32);
    if (narrow) {
        notes[0].bytes = &status32, notes[0].size = sizeof status32;
        notes[1].bytes = &info32, notes[1].size = sizeof info32;
    }
    int as_fxsave = narrow && sizeof(long) == 8;
    notes[0].name = notes[1].name = "CORE", notes[2].name = as_fxsave ? "LINUX" : "CORE";
    notes[0].type = NT_PRSTATUS, notes[1].type = NT_PRPSINFO, notes[2].type = as_fxsave ? NT_PRXFPREG : NT_FPREGSET;
    notes[2].bytes = fp, notes[2].size = sizeof(long) == 8 ? sizeof fp : 108;

    int count = read_map(pid), mem = node(pid, "mem", O_RDONLY);
    must(mem >= 0);
    FILE *out = fopen(argv[3], "w");
    must(out);
    size_t size = note_size(0) + note_size(1) + note_size(2);
    if (narrow)
        HEAD(32, EM_386);
    else
        HEAD(64, EM_X86_64);
    for (int i = 0; i < 3; i++)
        put_note(out, i);
    must(fseek(out, (ftell(out) + PAGE - 1) & -PAGE, SEEK_SET) == 0);
    for (int i = 0; i < count; i++)
        for (unsigned long a = segments[i].start; a < segments[i].end; a += PAGE) {
            must(pread(mem, page, PAGE, a) == (ssize_t)PAGE);
            put(out, page, PAGE);
        }
    must(fclose(out) == 0);
    return 0;
}
