/* The same small file as pfs shows, served by libfuse: DIR/PID/holders with the text of the third argument.
 * file single|multi MOUNTPOINT PID TEXT */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECTORY = 2, HOLDERS = 3 };

static const char *pid, *text;
static size_t length;

static int attr(fuse_ino_t ino, struct stat *st) {
	memset(st, 0, sizeof *st);
	st->st_ino = ino;
	st->st_nlink = 1;
	st->st_mode = ino == HOLDERS ? S_IFREG | 0444 : S_IFDIR | 0555;
	return ino <= HOLDERS ? 0 : -1;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
	struct fuse_entry_param e = {.generation = 1, .entry_timeout = 1.0, .attr_timeout = 0.0};
	if (parent == FUSE_ROOT_ID && !strcmp(name, pid))
		e.ino = DIRECTORY;
	else if (parent == DIRECTORY && !strcmp(name, "holders"))
		e.ino = HOLDERS;
	else {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attr(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
	struct stat st;
	(void)fi;
	if (attr(ino, &st))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_attr(req, &st, 0.0);
}

static void open_(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
	if (ino != HOLDERS) {
		fuse_reply_err(req, EISDIR);
		return;
	}
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void read_(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi) {
	(void)ino, (void)fi;
	if ((size_t)off >= length)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_buf(req, text + off, length - off < size ? length - off : size);
}

static void release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
	(void)ino, (void)fi;
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = lookup, .getattr = getattr, .open = open_, .read = read_, .release = release};

int main(int argc, char **argv) {
	if (argc != 5)
		return 2;
	pid = argv[3];
	text = argv[4];
	length = strlen(text);
	char *words[] = {argv[0], "-o", "allow_other,fsname=file", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, words);
	struct fuse_session *s = fuse_session_new(&args, &ops, sizeof ops, NULL);
	if (!s || fuse_set_signal_handlers(s) || fuse_session_mount(s, argv[2]))
		return 1;
	puts("ready");
	fflush(stdout);
	if (!strcmp(argv[1], "single"))
		fuse_session_loop(s);
	else {
		struct fuse_loop_config *config = fuse_loop_cfg_create();
		fuse_session_loop_mt(s, config);
		fuse_loop_cfg_destroy(config);
	}
	fuse_session_unmount(s);
	fuse_remove_signal_handlers(s);
	fuse_session_destroy(s);
	return 0;
}
