/* Words count only at the beginning of a line (behind colours and a carriage return). A count that falls, or whose total
 * becomes another, is a new one: a generator that ran first, the next of several builds. Only within one count is the
 * pace judged. */
#include "run/progress_tool.h"

#include <ctype.h>
#include <string.h>

enum {
	COUNT_MAX = 100000000,
	LEFT_LEAST_DONE = 3,   /* and at least */
	LEFT_LEAST_SHARE = 50, /* one of so many, before a pace is believed */
	LEFT_LEAST_S = 5
};

/* Behind blanks, carriage returns and escape sequences (ESC [ … letter). */
static void skip_colours(struct cursor *c)
{
	while (c->p < c->end) {
		if (*c->p == '\r' || *c->p == ' ') {
			c->p++;
		} else if (*c->p == '\033' && c->end - c->p > 1 && c->p[1] == '[') {
			c->p += 2;
			while (c->p < c->end && !isalpha((unsigned char)*c->p))
				c->p++;
			if (c->p < c->end)
				c->p++;
		} else {
			return;
		}
	}
}

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && *c->p == ' ')
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

static bool take_number(struct cursor *c, uint64_t *v)
{
	const char *from = c->p;

	for (*v = 0; c->p < c->end && isdigit((unsigned char)*c->p) && *v <= COUNT_MAX;
	     c->p++)
		*v = *v * 10 + (uint64_t)(*c->p - '0');
	return c->p > from && *v <= COUNT_MAX;
}

/* "12/97" or "12 / 97", and then no more of the same word. */
static bool take_fraction(struct cursor *c, uint64_t *done, uint64_t *total)
{
	if (!take_number(c, done))
		return false;
	skip_blanks(c);
	if (!take(c, '/'))
		return false;
	skip_blanks(c);
	return take_number(c, total) && c->p < c->end && (*c->p == ']' || *c->p == ' ') &&
	       *total > 0 && *done <= *total;
}

static void told(struct progress_tool *t, nsec now, uint64_t done, uint64_t total,
		 bool percent)
{
	bool other = t->total == 0 || percent != t->percent || total > 2 * t->total ||
		     t->total > 2 * total;

	/* Jobs that run side by side may tell theirs out of order. */
	if (other || done + total / 20 + 1 < t->done) {
		t->begin = now;
		t->begin_done = done;
		t->done = done;
	} else if (done > t->done) {
		t->done = done;
	}
	t->total = total;
	t->percent = percent;
	if (t->done > total)
		t->done = total;
	if (t->begin_done > t->done)
		t->begin_done = t->done;
}

static bool look(struct progress_tool *t, nsec now, const char *line, size_t n)
{
	struct cursor c = {line, line + n, 0};
	uint64_t done, total, percent;

	skip_colours(&c);
	if (!take(&c, '[') || !memchr(c.p, ']', (size_t)(c.end - c.p)))
		return false;
	skip_blanks(&c);
	const char *number = c.p;

	if (take_fraction(&c, &done, &total)) {
		told(t, now, done, total, false);
		return true;
	}
	c.p = number;
	if (!take_number(&c, &percent) || !take(&c, '%') || percent > 100)
		return false;
	skip_blanks(&c);
	if (take_fraction(&c, &done, &total))
		told(t, now, done, total, false);
	else
		told(t, now, percent, 100, true);
	return true;
}

void progress_tool_line(struct progress_tool *t, nsec now, const char *line, size_t n)
{
	look(t, now, line, n < PROGRESS_TOOL_HEAD ? n : PROGRESS_TOOL_HEAD);
}

void progress_tool_output(struct progress_tool *t, nsec now, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r') {
			t->nhead = 0;
			t->looked = false;
		} else if (!t->looked && t->nhead < sizeof t->head) {
			t->head[t->nhead++] = bytes[i];
			/* A status line on a terminal has no end: its words are enough. */
			if (bytes[i] == ']')
				t->looked = look(t, now, t->head, t->nhead);
		}
	}
}

nsec progress_tool_left(const struct progress_tool *t, nsec now)
{
	uint64_t here = t->done - t->begin_done, all = t->total - t->begin_done;
	nsec elapsed = now - t->begin;

	if (t->total == 0 || t->done >= t->total ||
	    elapsed < LEFT_LEAST_S * (nsec)1000000000 || here < LEFT_LEAST_DONE ||
	    here < all / LEFT_LEAST_SHARE)
		return -1;
	return (nsec)((double)elapsed * (double)(t->total - t->done) / (double)here);
}
