/* The command for ssh, and a connection through programs that stand in for it. */
#include "agent/ssh.h"
#include "base/err.h"
#include "net/hostlist.h"
#include "sys/loop.h"
#include "test.h"

#include <string.h>
#include <sys/socket.h>

static struct arena *arena;

/* The words of the command with a '|' between them. */
static const char *command(const char *words, struct host h)
{
	struct strv argv = {0};
	struct err e = {0};
	char *line = arena_strdup(arena, "");

	if (ssh_command(arena, words, &h, &argv, &e))
		return arena_strdup(arena, e.text);
	for (size_t i = 0; i < argv.n; i++)
		line = arena_printf(arena, "%s%s%s", line, i ? "|" : "", argv.v[i]);
	return line;
}

#define HOST(...)                ((struct host){.kind = HOST_SSH, .name = (char[]){"far"}, __VA_ARGS__})
#define GIVES(words, host, line) CHECK(strcmp(command(words, host), line) == 0)

static void words(void)
{
	arena = arena_new();
	GIVES(NULL, HOST(),
	      "ssh|-o|BatchMode=yes|far|distccd|--inetd|--enable-tcp-insecure");
	GIVES("", HOST(), "ssh|-o|BatchMode=yes|far|distccd|--inetd|--enable-tcp-insecure");
	GIVES("  \t ", HOST(),
	      "ssh|-o|BatchMode=yes|far|distccd|--inetd|--enable-tcp-insecure");
	GIVES("ssh -p  22\t-v ", HOST(),
	      "ssh|-p|22|-v|-o|BatchMode=yes|far|distccd|--inetd|--enable-tcp-insecure");
	GIVES("/opt/bin/ssh -q", HOST(),
	      "/opt/bin/ssh|-q|-o|BatchMode=yes|far|distccd|--inetd|--enable-tcp-insecure");
	arena_free(arena);
}

static void other_programs(void)
{
	arena = arena_new();
	GIVES("rsh -x", HOST(), "rsh|-x|far|distccd|--inetd|--enable-tcp-insecure");
	GIVES("/usr/bin/myssh", HOST(),
	      "/usr/bin/myssh|far|distccd|--inetd|--enable-tcp-insecure");
	/* No shell: quotes and what else a shell heeds are bytes like others. */
	GIVES("sh 'a b' $HOME;x", HOST(),
	      "sh|'a|b'|$HOME;x|far|distccd|--inetd|--enable-tcp-insecure");
	arena_free(arena);
}

static void users_and_commands(void)
{
	arena = arena_new();
	GIVES("rsh", HOST(.user = (char[]){"me"}),
	      "rsh|-l|me|far|distccd|--inetd|--enable-tcp-insecure");
	GIVES("rsh", HOST(.user = (char[]){"me"}, .command = (char[]){"/opt/distccd"}),
	      "rsh|-l|me|far|/opt/distccd|--inetd|--enable-tcp-insecure");
	arena_free(arena);
}

static void too_many_words(void)
{
	char many[2 * SSH_WORDS + 3];

	arena = arena_new();
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 2 ? ' ' : 'x';
	many[2 * SSH_WORDS] = 0;
	CHECK(strncmp(command(many, HOST()), "x|x|", 4) == 0);
	many[2 * SSH_WORDS] = 'x';
	many[sizeof many - 1] = 0;
	CHECK(strstr(command(many, HOST()), "more than 64 words"));
	arena_free(arena);
}

/* -- connections ----------------------------------------------------------------------------- */

static struct loop *loop;
static char got[256];
static int fd;
static struct loop_watch *reading;

static void on_read(void *ctx, unsigned what)
{
	ssize_t n = recv(fd, got + strlen(got), sizeof got - strlen(got) - 1, 0);

	(void)ctx;
	(void)what;
	if (n > 0)
		return;
	loop_stop(loop, 0);
}

/* Runs until it closes; what it has sent is in GOT. */
static struct ssh *talk(const char *program)
{
	struct host h = HOST(.command = (char[]){"run"});
	struct err e = {0};
	struct ssh *s;

	loop = loop_new();
	s = ssh_start(loop, program, &h, &fd, &e);
	if (!s)
		return NULL;
	reading = loop_watch(loop, fd, LOOP_READ, on_read, NULL);
	loop_run(loop);
	loop_unwatch(reading);
	close(fd);
	return s;
}

static void a_connection(void)
{
	/* echo stands in for ssh: it says what it was told. */
	struct ssh *s = talk("echo word");

	CHECK(s);
	CHECK(strcmp(got, "word far run --inetd --enable-tcp-insecure\n") == 0);
	CHECK(strcmp(ssh_said(s), "") == 0);
	ssh_close(s);
}

static void a_failure(void)
{
	/* cat knows no such option. */
	struct ssh *s = talk("cat --nonsense");

	CHECK(s);
	CHECK(strcmp(got, "") == 0);
	CHECK(strlen(ssh_said(s)) > 0);
	CHECK(!strchr(ssh_said(s), '\n'));
	CHECK(strcmp(ssh_said(s), ssh_said(s)) == 0);
	ssh_close(s);
}

static void no_program(void)
{
	struct host h = HOST();
	struct err e = {0};

	loop = loop_new();
	CHECK(!ssh_start(loop, "/nonexistent/ssh", &h, &fd, &e));
	CHECK(strstr(e.text, "/nonexistent/ssh"));
	CHECK(fd == -1);
	CHECK(!ssh_start(loop, "no-such-program-anywhere", &h, &fd, &e));
	CHECK(strstr(e.text, "is not on PATH"));
	ssh_close(NULL);
}

TESTS({"DISTCC_SSH is split on blanks", words},
      {"only ssh gets BatchMode, and no shell is used", other_programs},
      {"users and commands", users_and_commands}, {"too many words", too_many_words},
      {"a connection", a_connection}, {"what it says when it fails", a_failure},
      {"no such program", no_program})
