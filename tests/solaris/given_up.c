/* A writer that is interrupted, and is another program when what it asked for comes. given_up MOUNT CASE PID ADDRESS: the process has a
   page there that comes later. */
#include "pr.h"

#define PLACE ((char *)0x10000000)
#define SIZE 4096

static char *place(int c)
{
	char *page = mmap(PLACE, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	CHECK(page == PLACE);
	return memset(page, c, SIZE);
}

static void nothing(int sig)
{
	(void)sig;
}

static void reads(void)
{
	struct sigaction act = { .sa_handler = nothing };
	int ctl = open_of(atoi(arguments[3]), "ctl", O_WRONLY | O_CLOEXEC);
	priovec_t v;

	sigaction(SIGUSR1, &act, NULL);
	memset(&v, 0, sizeof v);
	v.pio_base = place('a');
	v.pio_len = SIZE;
	v.pio_offset = (off_t)strtoul(arguments[4], NULL, 0);
	SAME(give(ctl, PCREAD, &v, sizeof v), EINTR);
	char *argv[] = { arguments[0], (char *)mnt, "is_another", NULL };
	execv("/proc/self/exe", argv);
	_exit(99);
}

/* Says so, and looks at its memory when told. */
static void is_another(void)
{
	char *page = place('b'), line[16];

	puts("ready");
	fflush(stdout);
	CHECK(fgets(line, sizeof line, stdin) != NULL);
	for (int i = 0; i < SIZE; i++)
		SAME(page[i], 'b');
}

CASES({ "reads", reads }, { "is_another", is_another })
