#include "engine/frames.h"

#include "base/err.h"

#include <string.h>

enum {
	DIGITS = 10 /* most of a length */
};

void frames_init(struct frames *f, enum frames_kind kind, size_t limit)
{
	*f = (struct frames){.kind = kind, .limit = limit};
}

void frames_free(struct frames *f)
{
	buf_free(&f->b);
}

/* The record at P[0..N): its bytes at *RECORD and how many there are; returns how many bytes it takes with what belongs to it. 0: it
 * is not whole. -1: it is none. */
static long cut_line(const struct frames *f, const char *p, size_t n, const char **record,
		     size_t *length, struct err *e)
{
	const char *end = memchr(p, '\n', n);

	*record = p;
	*length = end ? (size_t)(end - p) : n;
	if (*length > f->limit)
		return err_set(e, 0, "a line of more than %zu bytes came", f->limit);
	return end ? (long)*length + 1 : 0;
}

static long cut_record(const struct frames *f, const char *p, size_t n, const char **record,
		       size_t *length, struct err *e)
{
	size_t digits = 0, value = 0;

	for (; digits < n && p[digits] != '\n'; digits++) {
		if (p[digits] < '0' || p[digits] > '9' || digits == DIGITS)
			return err_set(e, 0, "what stands before a record is no length");
		value = value * 10 + (size_t)(p[digits] - '0');
	}
	if (digits == n)
		return 0;
	if (digits == 0)
		return err_set(e, 0, "a record has no length");
	if (value > f->limit)
		return err_set(e, 0, "a record of %zu bytes came, more than %zu", value,
			       f->limit);
	*record = p + digits + 1;
	*length = value;
	return n - digits - 1 < value ? 0 : (long)(digits + 1 + value);
}

int frames_feed(struct frames *f, const char *p, size_t n,
		int (*take)(void *ctx, const char *record, size_t n, struct err *),
		void *ctx, struct err *e)
{
	size_t used = 0, length = 0;
	const char *record = NULL;
	long whole = 0;

	buf_add(&f->b, p, n);
	while (used < f->b.len) {
		const char *at = f->b.data + used;
		size_t left = f->b.len - used;

		whole = f->kind == FRAMES_LINES
			    ? cut_line(f, at, left, &record, &length, e)
			    : cut_record(f, at, left, &record, &length, e);
		if (whole <= 0)
			break;
		used += (size_t)whole;
		if (length && take(ctx, record, length, e)) {
			whole = -1;
			break;
		}
	}
	buf_drop(&f->b, used);
	return whole < 0 ? -1 : 0;
}
