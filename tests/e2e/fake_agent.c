/* An agent that does what the shim's environment says, for tests of the shim alone.
 *
 * FAKE_START, read once:  "hang": never listens;  "slow": listens after 100 ms;  "deaf": hangs
 * up on whoever connects.
 * FAKE_REPLY, read from each request: words with commas between them, done in turn:
 *   out=TEXT err=TEXT big=BYTES keep exit=STATUS local local=PROGRAM: that frame
 *   ms=N: wait   huge: a header that announces 4 GiB   garbage: bytes of no sense
 *   silence: say nothing until the shim hangs up   hangup: hang up
 * In the state folder: "starts" gets a line a start, "pid" our pid, "fds" what we have open
 * besides the ready pipe, "request" what was asked last, "events" a line for each lease and
 * each silence that the shim has ended. */
#include "base/buf.h"
#include "wire/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char *get_env(const char *name)
{
	return getenv(name);
}

static void wait_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* Adds a line to a file of the state folder, which is our current one. */
static void note(const char *file, const char *line)
{
	FILE *f = fopen(file, "a");

	if (!f)
		exit(1);
	fprintf(f, "%s\n", line);
	fclose(f);
}

static void send_bytes(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t m = send(fd, at, n, MSG_NOSIGNAL);

		if (m < 0)
			_exit(0);
		at += m;
		n -= (size_t)m;
	}
}

static void send_frame(int fd, enum local_type type, const void *p, size_t n)
{
	AUTO_BUF struct buf b = {0};

	buf_u32(&b, (uint32_t)n);
	buf_u8(&b, type);
	buf_add(&b, p, n);
	send_bytes(fd, b.data, b.len);
}

static void send_big(int fd, size_t n)
{
	char line[1 << 10];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (; n >= sizeof line; n -= sizeof line)
		send_frame(fd, LOCAL_OUT, line, sizeof line);
}

static void send_local(int fd, const char *program)
{
	AUTO_BUF struct buf b = {0};

	buf_u32(&b, (uint32_t)strlen(program));
	buf_add(&b, program, strlen(program) + 1);
	send_frame(fd, LOCAL_LOCAL, b.data, b.len);
}

static void send_exit(int fd, int status)
{
	AUTO_BUF struct buf b = {0};

	buf_u32(&b, (uint32_t)status);
	send_frame(fd, LOCAL_EXIT, b.data, b.len);
}

static void until_hangup(int fd, const char *event)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
	note("events", event);
	_exit(0);
}

static void reply_word(int fd, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value - word) : strlen(word);

	value = value ? value + 1 : "";
#define IS(name) (n == sizeof(name) - 1 && memcmp(word, name, n) == 0)
	if (IS("out"))
		send_frame(fd, LOCAL_OUT, value, strlen(value));
	else if (IS("err"))
		send_frame(fd, LOCAL_ERR, value, strlen(value));
	else if (IS("big"))
		send_big(fd, strtoul(value, NULL, 10));
	else if (IS("keep"))
		send_frame(fd, LOCAL_KEEP, "", 0);
	else if (IS("exit"))
		send_exit(fd, atoi(value));
	else if (IS("ms"))
		wait_ms(atol(value));
	else if (IS("huge"))
		send_bytes(fd, "\377\377\377\377\3", 5);
	else if (IS("garbage"))
		send_bytes(fd, "\2\0\0\0\12345678", 9);
	else if (IS("silence"))
		until_hangup(fd, "silence ended");
	else if (IS("local")) {
		send_local(fd, value);
		until_hangup(fd, "lease ended");
	}
#undef IS
}

static void write_request(const struct local_request *r)
{
	FILE *f = fopen("request", "w");

	if (!f)
		exit(1);
	fprintf(f, "cwd %s\nself %s\numask %03o\nflags %u\ncolumns %u\n", r->cwd, r->self,
		r->umask, r->flags, r->columns);
	for (uint32_t i = 0; i < r->argc; i++)
		fprintf(f, "arg %s\n", r->argv[i]);
	for (uint32_t i = 0; i < r->envc; i++)
		fprintf(f, "env %s\n", r->env[i]);
	fclose(f);
}

static void read_all(int fd, char *p, size_t n)
{
	while (n > 0) {
		ssize_t m = read(fd, p, n);

		if (m <= 0)
			_exit(1);
		p += m;
		n -= (size_t)m;
	}
}

static void serve(int fd)
{
	char header[LOCAL_HEADER];
	struct local_request r;

	read_all(fd, header, sizeof header);
	struct cursor c = {header, header + sizeof header, 0};
	uint32_t n = cursor_u32(&c);
	char *payload = malloc(n ? n : 1);
	read_all(fd, payload, n);
	if (cursor_u8(&c) != LOCAL_REQUEST || local_parse_request(&r, payload, n) < 0) {
		note("events", "malformed request");
		_exit(1);
	}
	write_request(&r);
	for (uint32_t i = 0; i < r.envc; i++)
		if (strncmp(r.env[i], "FAKE_REPLY=", 11) == 0)
			for (char *w = strtok(r.env[i] + 11, ","); w; w = strtok(NULL, ","))
				reply_word(fd, w);
	_exit(0);
}

static void note_open_files(int ready)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	if (!d)
		exit(1);
	while ((e = readdir(d)))
		if (atoi(e->d_name) > 2 && atoi(e->d_name) != ready &&
		    atoi(e->d_name) != dirfd(d))
			note("fds", e->d_name);
	closedir(d);
}

int main(int argc, char **argv)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "agent.sock"};
	const char *start = getenv("FAKE_START");
	char dir[108], text[32];
	int ready = argc == 3 && strcmp(argv[1], "--ready-fd") == 0 ? atoi(argv[2]) : -1;

	if (local_socket_dir(dir, sizeof dir, geteuid(), get_env) < 0 || chdir(dir) < 0 ||
	    ready < 0)
		return 1;
	signal(SIGCHLD, SIG_IGN);
	note("starts", "start");
	snprintf(text, sizeof text, "%d", (int)getpid());
	remove("pid");
	note("pid", text);
	note_open_files(ready);
	if (start && strcmp(start, "hang") == 0)
		wait_ms(60000);
	if (start && strcmp(start, "slow") == 0)
		wait_ms(100);
	remove("agent.sock");
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s, (struct sockaddr *)&at, sizeof at) < 0 || listen(s, 16) < 0 ||
	    write(ready, "", 1) != 1)
		return 1;
	close(ready);
	for (;;) {
		int fd = accept(s, NULL, NULL);

		if (fd >= 0 && (!start || strcmp(start, "deaf") != 0) && fork() == 0) {
			close(s);
			serve(fd);
		}
		close(fd);
	}
}
