/* A table of sources, of fixed size and the process's own, as the log is. Who is not in it takes the place of the one that was
 * told of longest ago. A source that is forgotten so may be told of again within its minute; the sum over all sources is what
 * bounds the log. */
#include "net/stranger.h"

#include "sys/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	SOURCE = 64 /* of its text, with the NUL; what is longer is cut */
};

struct source {
	char text[SOURCE];
	nsec told; /* when it had a line */
	unsigned left_out;
};

static const nsec minute = LOOP_MS(60000);

static struct source sources[STRANGER_SOURCES];
static unsigned nsources;

/* Lines of the present minute. */
static struct {
	nsec since;
	unsigned lines, left_out;
} all;

/* FROM without its port. */
static void source_text(const char *from, char out[SOURCE])
{
	const char *colon = strrchr(from, ':');

	snprintf(out, SOURCE, "%.*s", colon ? (int)(colon - from) : SOURCE - 1, from);
}

/* The one of that text, or one to be filled: a free one, else the oldest. */
static struct source *source_find(const char *text)
{
	struct source *oldest = sources;

	for (unsigned i = 0; i < nsources; i++) {
		if (strcmp(sources[i].text, text) == 0)
			return &sources[i];
		if (sources[i].told < oldest->told)
			oldest = &sources[i];
	}
	struct source *s = nsources < STRANGER_SOURCES ? &sources[nsources++] : oldest;

	*s = (struct source){0};
	return s;
}

bool stranger_may(const char *from, int64_t now, unsigned *left_out)
{
	char text[SOURCE];

	source_text(from, text);
	struct source *s = source_find(text);

	if (s->text[0] && now - s->told < minute) {
		s->left_out++;
		return false;
	}
	if (now - all.since >= minute || all.since == 0) {
		unsigned missed = all.left_out;

		all.since = now;
		all.lines = all.left_out = 0;
		if (missed)
			log_line(LOG_WARNING,
				 "%u lines about others who were turned away were left out",
				 missed);
	}
	*left_out = s->left_out;
	snprintf(s->text, sizeof s->text, "%s", text);
	s->told = now;
	s->left_out = 0;
	if (all.lines++ < STRANGER_LINES)
		return true;
	all.left_out++;
	return false;
}

void stranger_line(enum log_level level, const char *from, const char *fmt, ...)
{
	char text[1024], more[80] = "";
	unsigned left_out;
	va_list args;

	if (!stranger_may(from, loop_now(), &left_out))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (left_out)
		snprintf(more, sizeof more, " (and %u more from there since the last line)",
			 left_out);
	log_line(level, "client=%s %s%s", from, text, more);
}
