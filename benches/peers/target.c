/* Processes to look at. Each prints one line when it is ready, and ends with its standard input.
 * target threads N      N threads that sleep
 * target memory MIB     touched memory; prints its address
 * target calls          for each line of input, a number: makes so many getppid calls, prints the nanoseconds of all
 * target calls N        the same once, without input
 * target hits           prints the address of a function; for each line of input, a number: calls it so many times, prints the
 *                       nanoseconds of all
 * target hits N         the same once, without input
 * target sleepers N     N processes that sleep */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *rest(void *unused) {
	for (;;)
		pause();
	return unused;
}

static void ready(unsigned long n) {
	printf("%lu\n", n);
	fflush(stdout);
}

static long calls(long n) {
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (long i = 0; i < n; i++)
		syscall(SYS_getppid);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
}

__attribute__((noinline)) void hit(void) {
	__asm__ volatile("nop");
}

static long hits(long n) {
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (long i = 0; i < n; i++)
		hit();
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
}

int main(int argc, char **argv) {
	char line[64];
	if (argc < 2)
		return 2;
	long n = argc > 2 ? atol(argv[2]) : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(argv[1], "threads")) {
		pthread_attr_t attr;
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 64 << 10);
		for (long i = 1; i < n; i++) {
			pthread_t t;
			if (pthread_create(&t, &attr, rest, NULL))
				return 1;
		}
		ready(0);
		rest(NULL);
	} else if (!strcmp(argv[1], "memory")) {
		char *p = mmap(NULL, n << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return 1;
		for (long i = 0; i < n << 20; i++)
			p[i] = (char)(i * 31);
		ready((unsigned long)p);
		rest(NULL);
	} else if (!strcmp(argv[1], "calls")) {
		if (argc > 2) {
			ready(calls(n));
			return 0;
		}
		ready(0);
		while (fgets(line, sizeof line, stdin))
			ready(calls(atol(line)));
	} else if (!strcmp(argv[1], "hits")) {
		if (argc > 2) {
			ready(hits(n));
			return 0;
		}
		ready((unsigned long)hit);
		while (fgets(line, sizeof line, stdin))
			ready(hits(atol(line)));
	} else if (!strcmp(argv[1], "sleepers")) {
		for (long i = 0; i < n; i++) {
			pid_t pid = fork();
			if (pid < 0) {
				perror("fork");
				return 1;
			}
			if (pid == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				if (getppid() == 1)
					return 1;
				rest(NULL);
			}
		}
		ready(n);
		rest(NULL);
	}
	return 0;
}
