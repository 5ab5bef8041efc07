#include "cli/ask.h"

#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "wire/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PATIENCE_S = 20
};

static const char *env_of_process(const char *name)
{
	return getenv(name);
}

/* Reads frames until EXIT: its status, or -1. */
static int read_answer(int fd, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf in = {0};

	for (;;) {
		enum {
			STEP = 65536
		};
		struct cursor c = {in.data, in.data + in.len, 0};
		uint32_t n = cursor_u32(&c);
		unsigned type = cursor_u8(&c);

		if (!c.bad && n > LOCAL_MAX_REPLY)
			return err_set(e, 0, "the agent's answer makes no sense");
		if (!c.bad && (size_t)(c.end - c.p) >= n) {
			if (type == LOCAL_EXIT)
				return cursor_u32(&c)
					   ? err_set(e, 0, "the agent does not know this")
					   : 0;
			if (type == LOCAL_LOCAL)
				return err_set(
				    e, 0,
				    "the agent is of another version; 'muster stop' ends it");
			if (type == LOCAL_OUT)
				buf_add(out, c.p, n);
			buf_drop(&in, LOCAL_HEADER + n);
			continue;
		}
		ssize_t got = read(fd, buf_room(&in, STEP), STEP);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return err_set(e, 0, "the agent does not answer");
		if (got <= 0)
			return err_set(e, 0, "the agent hung up");
		in.len += (size_t)got;
	}
}

/* Sends B whole and reads the answer. */
static int converse(const struct buf *b, struct buf *out, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[sizeof address.sun_path];
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (local_socket_dir(dir, sizeof dir, getuid(), env_of_process) ||
	    (size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s/agent.sock",
			     dir) >= sizeof address.sun_path)
		return err_set(e, 0,
			       "the state folder's path is too long, or not absolute");
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return 1;
		return err_set(e, errno, "reach the agent at %s", address.sun_path);
	}
	const struct timeval patience = {.tv_sec = PATIENCE_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (fs_write_all(fd, b->data, b->len, e))
		return err_wrap(e, "ask the agent");
	return read_answer(fd, out, e);
}

int ask_agent(const char *what, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf b = {0};
	size_t n = strlen(what);

	buf_u32(&b, (uint32_t)(4 + n + 1));
	buf_u8(&b, LOCAL_QUERY);
	buf_u32(&b, (uint32_t)n);
	buf_add(&b, what, n + 1);
	return converse(&b, out, e);
}

static uint32_t count(char **list)
{
	uint32_t n = 0;

	while (list[n])
		n++;
	return n;
}

int ask_to_explain(char **argv, struct buf *out, struct err *e)
{
	AUTO_FREE char *cwd = getcwd(NULL, 0), *dir = fs_program_dir();
	AUTO_FREE char *self = xasprintf("%s/muster-cc", dir ? dir : "");
	mode_t mask = umask(0);
	struct stat here, root;
	struct buf b = {0};

	umask(mask);
	if (!cwd || stat(".", &here) || stat("/", &root))
		return err_set(e, errno, "look at the current folder");
	struct local_request r = {
	    .version = LOCAL_VERSION,
	    .flags = LOCAL_EXPLAIN,
	    .umask = mask,
	    .cwd_dev = here.st_dev,
	    .cwd_ino = here.st_ino,
	    .root_dev = root.st_dev,
	    .root_ino = root.st_ino,
	    .cwd = cwd,
	    .self = self,
	    .argv = argv,
	    .env = environ,
	    .argc = count(argv),
	    .envc = count(environ),
	};

	if (local_make_request(&r, &b.data, &b.len))
		return err_set(e, E2BIG, "ask about a command so long");
	int status = converse(&b, out, e);

	free(b.data);
	return status;
}
