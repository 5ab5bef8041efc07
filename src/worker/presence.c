/* A session counts that is local (on a seat, not through ssh), active (in front), of a user (not the greeter, not a
 * service). One of a terminal is idle when nobody has typed for PRESENCE_IDLE_S: the kernel moves a terminal's times
 * when it is read or written, to within 8 seconds. A graphical one is left when its desktop says so (worker/desk.h). Input
 * devices tell nothing: the kernel does not move their times, and reading them is not ours. */
#include "worker/presence.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/fs.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	SESSION_MAX = 1 << 16, /* most bytes of a session's file */
	SESSIONS_MAX = 1000    /* most sessions that are looked at */
};

/* The value of KEY in lines of KEY=VALUE, cut to SIZE; false: it is not there. */
static bool value_of(const char *text, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) != 0 || line[n] != '=')
			continue;
		snprintf(out, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
		return true;
	}
	*out = 0;
	return false;
}

static bool is(const char *text, const char *key, const char *wanted)
{
	char value[64];

	return value_of(text, key, value, sizeof value) && strcmp(value, wanted) == 0;
}

static bool terminal_is_idle(const char *root, const char *tty, int64_t now_s)
{
	struct stat st;

	if (!*tty || strstr(tty, ".."))
		return false;
	AUTO_FREE char *path = xasprintf("%s/dev/%s", root, tty);

	return stat(path, &st) == 0 && now_s - st.st_atim.tv_sec >= PRESENCE_IDLE_S;
}

struct look {
	const char *root;
	int64_t now_s;
	bool (*left)(void *ctx, const char *id);
	void *ctx;
};

/* ID: the session's, TEXT its file. */
static bool is_somebody(const struct look *l, const char *id, const char *session)
{
	char tty[64], seat[64];

	if (!is(session, "ACTIVE", "1") || !is(session, "CLASS", "user") ||
	    is(session, "REMOTE", "1") || !value_of(session, "SEAT", seat, sizeof seat))
		return false;
	if (!is(session, "TYPE", "tty"))
		return !l->left || !l->left(l->ctx, id);
	value_of(session, "TTY", tty, sizeof tty);
	return !terminal_is_idle(l->root, tty, l->now_s);
}

enum presence presence_look(const char *root, int64_t now_s,
			    bool (*left)(void *ctx, const char *session), void *ctx)
{
	const struct look look = {root, now_s, left, ctx};
	AUTO_FREE char *folder = xasprintf("%s/run/systemd/sessions", root);
	DIR *d = opendir(folder);
	enum presence found = PRESENCE_AWAY;
	size_t looked = 0;

	if (!d)
		return PRESENCE_UNKNOWN;
	for (const struct dirent *de; looked < SESSIONS_MAX && (de = readdir(d));) {
		AUTO_BUF struct buf b = {0};

		/* "3.ref" is a pipe, and no session. */
		if (strchr(de->d_name, '.'))
			continue;
		looked++;
		AUTO_FREE char *path = xasprintf("%s/%s", folder, de->d_name);

		if (fs_read(path, SESSION_MAX, &b, NULL))
			continue;
		buf_u8(&b, 0);
		if (is_somebody(&look, de->d_name, b.data))
			found = PRESENCE_PRESENT;
	}
	closedir(d);
	return found;
}
