/* One question at a time, and not more often than every ASK_MS: presence is looked at with each report. One that is not answered
 * (no loginctl, no bus, a logind that hangs) leaves the user where he is. */
#include "worker/desk.h"

#include "base/err.h"
#include "base/mem.h"
#include "sys/child.h"
#include "sys/loop.h"
#include "sys/spawn.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ASK_MS = 15000,
	PATIENCE_MS = 10000,
	ANSWER_MAX = 4096,
	SESSION_NAME = 64
};

struct desk {
	struct loop *loop;
	struct child *child; /* the question under way, or NULL */
	int answer;          /* its output, or -1 */
	char session[SESSION_NAME];
	nsec asked; /* 0: never */
	bool left;
};

struct desk *desk_new(struct loop *l)
{
	struct desk *d = xcalloc(1, sizeof *d);

	d->loop = l;
	d->answer = -1;
	return d;
}

static void end_question(struct desk *d)
{
	child_free(d->child);
	d->child = NULL;
	if (d->answer >= 0)
		close(d->answer);
	d->answer = -1;
}

void desk_free(struct desk *d)
{
	if (!d)
		return;
	end_question(d);
	free(d);
}

static bool says(const char *text, const char *line)
{
	const char *at = strstr(text, line);
	size_t n = strlen(line);

	return at && (at == text || at[-1] == '\n') && (at[n] == '\n' || at[n] == 0);
}

bool desk_hints_left(const char *text)
{
	return says(text, "IdleHint=yes") || says(text, "LockedHint=yes");
}

static void on_answered(void *ctx, int status)
{
	struct desk *d = ctx;
	char text[ANSWER_MAX];
	ssize_t n = read(d->answer, text, sizeof text - 1);

	text[n > 0 ? n : 0] = 0;
	d->left = status == 0 && desk_hints_left(text);
	end_question(d);
}

static void ask(struct desk *d)
{
	AUTO_FREE char *program = spawn_find("loginctl");
	char show[] = "show-session", idle[] = "--property=IdleHint",
	     locked[] = "--property=LockedHint";
	char *argv[] = {program, show, d->session, idle, locked, NULL};
	int ends[2];

	if (!program || spawn_pipe(ends))
		return;
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC), out = ends[1];
	int stdio[] = {null, out, null};

	d->answer = ends[0];
	if (null > STDERR_FILENO)
		d->child = child_start_bound(d->loop, argv, stdio, on_answered, d, NULL);
	if (!d->child)
		end_question(d);
}

bool desk_left(void *desk, const char *session)
{
	struct desk *d = desk;
	size_t n = strlen(session);

	if (n == 0 || n >= SESSION_NAME || session[0] == '-')
		return false;
	if (strcmp(session, d->session) != 0) {
		end_question(d);
		snprintf(d->session, sizeof d->session, "%s", session);
		d->left = false;
		d->asked = 0;
	}
	if (d->child && loop_now() - d->asked >= LOOP_MS(PATIENCE_MS)) {
		end_question(d);
		d->left = false;
	}
	if (!d->child && (!d->asked || loop_now() - d->asked >= LOOP_MS(ASK_MS))) {
		d->asked = loop_now();
		ask(d);
	}
	return d->left;
}
