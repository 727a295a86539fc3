/* The bare ptrace loop: tracer PID TURNS. Each turn seizes and interrupts every thread, waits until all have stopped, and
 * detaches. Prints two numbers, in nanoseconds: a turn, and the part of it until all stood (medians). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>

static long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
	long x = *(const long *)a, y = *(const long *)b;
	return (x > y) - (x < y);
}

static void check(long result, const char *what) {
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

int main(int argc, char **argv) {
	static pid_t tids[4096];
	int n = 0;
	if (argc != 3)
		return 2;
	int turns = atoi(argv[2]);
	char path[64];
	snprintf(path, sizeof path, "/proc/%s/task", argv[1]);
	DIR *d = opendir(path);
	if (!d)
		return 1;
	for (struct dirent *e; (e = readdir(d)) && n < 4096;)
		if (e->d_name[0] != '.')
			tids[n++] = atoi(e->d_name);
	closedir(d);
	long *turn = calloc(turns, sizeof *turn), *stood = calloc(turns, sizeof *stood);
	for (int t = 0; t < turns; t++) {
		long start = now();
		for (int i = 0; i < n; i++)
			check(ptrace(PTRACE_SEIZE, tids[i], 0, 0), "seize");
		for (int i = 0; i < n; i++)
			check(ptrace(PTRACE_INTERRUPT, tids[i], 0, 0), "interrupt");
		for (int i = 0; i < n; i++) {
			int status;
			check(waitpid(tids[i], &status, __WALL), "wait");
		}
		stood[t] = now() - start;
		for (int i = 0; i < n; i++)
			check(ptrace(PTRACE_DETACH, tids[i], 0, 0), "detach");
		turn[t] = now() - start;
	}
	qsort(turn, turns, sizeof *turn, compare);
	qsort(stood, turns, sizeof *stood, compare);
	printf("%ld %ld\n", turn[turns / 2], stood[turns / 2]);
	return 0;
}
