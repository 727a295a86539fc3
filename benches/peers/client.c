/* Clients in C. Of the flavour solaris, as for Solaris:
 * client MOUNT calls PID        traces every call of PID, entry and exit, one stop after the other, reading lwpstatus at each
 * client MOUNT hits PID ADDR    has a breakpoint at ADDR: at each hit reads lwpstatus and goes on behind it
 * client MOUNT psinfo           reads psinfo of all processes; prints the nanoseconds and how many there were
 * The first two print a number when PID runs under them, and end with it. Of the flavour linux:
 * client MOUNT events PID       reads an event for every entry and exit of PID's calls, which stop nobody; prints a number when they
 *                               come, and ends with PID, or with the first event that is missing */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <procfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fault.h>
#include <time.h>
#include <unistd.h>

/* Messages of one write. */
static struct {
	size_t n;
	char b[4096];
} m;

static void put(const void *p, size_t n) {
	memcpy(m.b + m.n, p, n);
	m.n += n;
}

static void put_long(long n) {
	put(&n, sizeof n);
}

static void run(long flags) {
	put_long(PCRUN);
	put_long(flags);
}

/* Ends the program when its process has ended. */
static void send(int ctl) {
	if (write(ctl, m.b, m.n) != (ssize_t)m.n) {
		if (errno == ENOENT || errno == ESRCH)
			exit(0);
		perror("ctl");
		exit(1);
	}
	m.n = 0;
}

static int file(const char *mount, const char *pid, const char *name, int flags) {
	char path[4096];
	snprintf(path, sizeof path, "%s/%s/%s", mount, pid, name);
	int fd = open(path, flags);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void ready(void) {
	puts("0");
	fflush(stdout);
}

/* Why the one lwp stands. */
static int why(int status) {
	lwpstatus_t s;
	if (pread(status, &s, sizeof s, 0) != sizeof s) {
		if (errno == ENOENT || errno == ESRCH)
			exit(0);
		perror("lwpstatus");
		exit(1);
	}
	return s.pr_why;
}

static int wrong(const char *what) {
	fprintf(stderr, "stopped for another reason than %s\n", what);
	return 1;
}

static int calls(int ctl, int status) {
	sysset_t all;
	prfillset(&all);
	put_long(PCSTOP);
	put_long(PCSENTRY);
	put(&all, sizeof all);
	put_long(PCSEXIT);
	put(&all, sizeof all);
	run(0);
	send(ctl);
	ready();
	put_long(PCWSTOP);
	for (;;) {
		send(ctl);
		int w = why(status);
		if (w != PR_SYSENTRY && w != PR_SYSEXIT)
			return wrong("a call");
		run(0);
		put_long(PCWSTOP);
	}
}

static void text(unsigned long at, const void *byte) {
	priovec_t area = { (void *)byte, 1, at };
	put_long(PCWRITE);
	put(&area, sizeof area);
}

static int hits(int ctl, int status, unsigned long at) {
	static const unsigned char int3 = 0xcc;
	static unsigned char was;
	priovec_t area = { &was, 1, at };
	fltset_t faults;
	premptyset(&faults);
	praddset(&faults, FLTBPT);
	praddset(&faults, FLTTRACE);
	put_long(PCSTOP);
	put_long(PCREAD);
	put(&area, sizeof area);
	put_long(PCSET);
	put_long(PR_BPTADJ);
	put_long(PCSFAULT);
	put(&faults, sizeof faults);
	text(at, &int3);
	run(0);
	send(ctl);
	ready();
	put_long(PCWSTOP);
	for (;;) {
		send(ctl);
		if (why(status) != PR_FAULTED)
			return wrong("the breakpoint");
		text(at, &was);
		run(PRCFAULT | PRSTEP);
		put_long(PCWSTOP);
		text(at, &int3);
		run(PRCFAULT);
		put_long(PCWSTOP);
	}
}

static int psinfo(const char *mount) {
	struct timespec a, b;
	long n = 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	DIR *dir = opendir(mount);
	struct dirent *e;
	while (dir && (e = readdir(dir))) {
		char path[4096];
		psinfo_t info;
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof path, "%s/%s/psinfo", mount, e->d_name);
		int fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		n += read(fd, &info, sizeof info) == sizeof info;
		close(fd);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%ld %ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec, n);
	return 0;
}

static int events(int seat) {
	static const char order[] = "mode report\ntrace in all\ntrace out all";
	static char b[1 << 20];
	size_t left = 0;
	unsigned long last = 0;
	ssize_t n;
	if (write(seat, order, sizeof order - 1) < 0)
		return 1;
	ready();
	while ((n = read(seat, b + left, sizeof b - left)) > 0) {
		char *line = b, *end;
		for (left += n; (end = memchr(line, '\n', b + left - line)); line = end + 1) {
			static const char head[] = "{\"seq\":";
			if (strncmp(line, head, sizeof head - 1) || strtoul(line + sizeof head - 1, NULL, 10) != ++last)
				return wrong("an event");
		}
		left -= line - b;
		memmove(b, line, left);
	}
	return n < 0;
}

int main(int argc, char **argv) {
	if (argc == 3 && !strcmp(argv[2], "psinfo"))
		return psinfo(argv[1]);
	if (argc < 4)
		return 2;
	if (!strcmp(argv[2], "events"))
		return events(file(argv[1], argv[3], "seat", O_RDWR));
	char lwp[64];
	snprintf(lwp, sizeof lwp, "lwp/%s/lwpstatus", argv[3]);
	int ctl = file(argv[1], argv[3], "ctl", O_WRONLY);
	int status = file(argv[1], argv[3], lwp, O_RDONLY);
	if (!strcmp(argv[2], "calls"))
		return calls(ctl, status);
	return argc > 4 ? hits(ctl, status, strtoul(argv[4], NULL, 0)) : 2;
}
