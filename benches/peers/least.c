/* The least that a FUSE server can do who stops and runs: least DIR PID. One thread, without a library, which is the tracer itself.
 * It trusts everybody, and what is written is not looked into but for its first and last byte: into DIR/seat "stop" and "run", or
 * both in one write. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEAT = 2, ROOM = 1 << 17 };

static pid_t target;

static void give_up(const char *what) {
	perror(what);
	exit(1);
}

static int turn(const char *word, unsigned size) {
	int status;
	if (size && word[0] == 's' && (ptrace(PTRACE_INTERRUPT, target, 0, 0) || waitpid(target, &status, __WALL) != target))
		return -errno;
	if (size && word[size - 1] == 'n' && ptrace(PTRACE_CONT, target, 0, 0))
		return -errno;
	return 0;
}

static void attr(unsigned long node, struct fuse_attr *a) {
	a->ino = node;
	a->nlink = 1;
	a->mode = node == SEAT ? S_IFREG | 0600 : S_IFDIR | 0700;
}

/* The answer's size, or a negative errno. It is at `out`, which is all zeros. */
static int serve(const struct fuse_in_header *in, const void *arg, void *out) {
	switch (in->opcode) {
	case FUSE_INIT: {
		const struct fuse_init_in *wants = arg;
		struct fuse_init_out *o = out;
		o->major = FUSE_KERNEL_VERSION;
		o->minor = wants->minor < FUSE_KERNEL_MINOR_VERSION ? wants->minor : FUSE_KERNEL_MINOR_VERSION;
		o->max_write = 1 << 16;
		return sizeof *o;
	}
	case FUSE_GETATTR: {
		struct fuse_attr_out *o = out;
		attr(in->nodeid, &o->attr);
		o->attr_valid = 1000;
		return sizeof *o;
	}
	case FUSE_LOOKUP: {
		struct fuse_entry_out *o = out;
		if (strcmp(arg, "seat"))
			return -ENOENT;
		o->nodeid = SEAT;
		attr(SEAT, &o->attr);
		o->entry_valid = o->attr_valid = 1000;
		return sizeof *o;
	}
	case FUSE_OPEN: {
		struct fuse_open_out *o = out;
		o->open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH;
		return sizeof *o;
	}
	case FUSE_WRITE: {
		const struct fuse_write_in *w = arg;
		struct fuse_write_out *o = out;
		int error = turn((const char *)(w + 1), w->size);
		o->size = w->size;
		return error ? error : (int)sizeof *o;
	}
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		return 0;
	default:
		return -ENOSYS;
	}
}

int main(int argc, char **argv) {
	static char request[ROOM];
	char options[100];
	if (argc != 3)
		return 2;
	target = atoi(argv[2]);
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=40700,user_id=0,group_id=0", fd);
	if (fd < 0 || mount("least", argv[1], "fuse.least", MS_NOSUID | MS_NODEV, options))
		give_up(argv[1]);
	if (ptrace(PTRACE_SEIZE, target, 0, 0))
		give_up("seize");
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct {
			struct fuse_out_header head;
			char body[256];
		} reply = {0};
		ssize_t n = read(fd, request, sizeof request);
		if (n < 0 && errno == ENODEV)
			return 0;
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			continue;
		const struct fuse_in_header *in = (void *)request;
		if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET || in->opcode == FUSE_INTERRUPT)
			continue;
		int size = serve(in, in + 1, reply.body);
		reply.head.unique = in->unique;
		reply.head.error = size < 0 ? size : 0;
		reply.head.len = sizeof reply.head + (size < 0 ? 0 : size);
		if (write(fd, &reply, reply.head.len) < 0 && errno != ENOENT)
			give_up("/dev/fuse");
	}
}
