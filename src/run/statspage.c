/* distccd's page of statistics: an HTTP reply with bare line ends, and in it
 *
 *   <distccstats>
 *   dcc_max_kids 18
 *   dcc_load1 2.90
 *   dcc_free_mem 9000 MB        (releases after 3.4)
 *   </distccstats>
 *
 * in any order, among others. A page that does not end, has no limit of jobs, or numbers
 * that make no sense, is none: who sends such is not to be given jobs. */
#include "run/capacity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_MAX = 10000,
	NUMBER_MAX = 24 /* most bytes of a number */
};

static const double free_mb_max = 1e12;

/* The place behind WORD in P[0..N), or NULL. */
static const char *behind(const char *p, size_t n, const char *word)
{
	const char *at = memmem(p, n, word, strlen(word));

	return at ? at + strlen(word) : NULL;
}

/* The number in the line "\nNAME number…" of P[0..N) is put into *VALUE. False: no such
 * line, or no number in it. The page's end is a '<', so that a line is always ended. */
static bool read_field(const char *p, size_t n, const char *name, double *value)
{
	const char *at = behind(p, n, name);
	char text[NUMBER_MAX + 1];

	if (!at)
		return false;
	size_t length = (size_t)(p + n - at);
	const char *end = memchr(at, '\n', length);

	if (end)
		length = (size_t)(end - at);
	if (length > NUMBER_MAX)
		return false;
	memcpy(text, at, length);
	text[length] = '\0';
	text[strcspn(text, " \r")] = '\0';
	char *stop;

	/* strtod also takes blanks, hexadecimal and "nan". */
	if (!*text || strspn(text, "-.0123456789") != strlen(text))
		return false;
	*value = strtod(text, &stop);
	return *stop == '\0' && isfinite(*value);
}

int capacity_read_page(struct capacity *c, const char *page, size_t n)
{
	const char *body = behind(page, n, "<distccstats>");
	size_t left = body ? (size_t)(page + n - body) : 0;
	const char *end = body ? memmem(body, left, "\n</distccstats>", 15) : NULL;
	double kids, load, free_mb;

	if (!end)
		return -1;
	left = (size_t)(end - body);
	if (!read_field(body, left, "\ndcc_max_kids ", &kids) || kids < 1 ||
	    kids > SLOTS_MAX || kids != (unsigned)kids)
		return -1;
	c->slots = (unsigned)kids;
	c->load = read_field(body, left, "\ndcc_load1 ", &load) && load >= 0 ? load : -1;
	c->free_mb = read_field(body, left, "\ndcc_free_mem ", &free_mb) && free_mb >= 0 &&
			     free_mb <= free_mb_max
			 ? (int64_t)free_mb
			 : -1;
	return 0;
}
