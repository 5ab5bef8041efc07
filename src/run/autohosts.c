/* Each word is read with a cursor that only goes forward. Names and users that begin
 * with '-' never get past here, since ssh would take them for its options. */
#include "run/autohosts.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\n\r\f\v";

/* How much of a word is cited. */
#define CITED 60

static bool take(const char **at, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*at, prefix, n) != 0)
		return false;
	*at += n;
	return true;
}

/* Bytes above ASCII are left to the resolver. */
static bool is_name_byte(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '.' || c == '-' || c == '_' || c >= 0x80;
}

/* WHAT P[0..N) is: the name of the host or of the user. */
static int check_name(const char *what, const char *p, size_t n, struct err *e)
{
	if (n == 0)
		return err_set(e, 0, "the name of the %s is missing", what);
	if (n > AUTOHOSTS_NAME)
		return err_set(e, 0, "the name of the %s is longer than %d bytes", what,
			       AUTOHOSTS_NAME);
	if (p[0] == '-')
		return err_set(e, 0, "the name of the %s begins with '-'", what);
	for (size_t i = 0; i < n; i++)
		if (!is_name_byte((unsigned char)p[i]))
			return err_set(e, 0, "'%c' stands in the name of the %s", p[i],
				       what);
	return 0;
}

/* Hexadecimal digits, colons and dots with two colons at least, perhaps a "%ZONE"; the
 * resolver looks closer. */
static bool is_ipv6(const char *p, size_t n)
{
	size_t colons = 0, length = strspn(p, "0123456789abcdefABCDEF:.");

	for (size_t i = 0; i < length && i < n; i++)
		colons += p[i] == ':';
	if (colons < 2)
		return false;
	if (length >= n)
		return length == n;
	return p[length] == '%' &&
	       check_name("zone", p + length + 1, n - length - 1, NULL) == 0;
}

static int parse_name(const char **at, struct autohost *h, struct err *e)
{
	const char *p = *at;
	bool brackets = take(&p, "[");
	size_t n = strcspn(p, brackets ? "]" : ":/");

	if (brackets && p[n] == '\0')
		return err_set(e, 0, "the ']' behind the IPv6 address is missing");
	if (brackets && !is_ipv6(p, n))
		return err_set(e, 0, "what stands in the brackets is no IPv6 address");
	if (!brackets && check_name("host", p, n, e))
		return -1;
	h->name = xstrndup(p, n);
	*at = p + n + brackets;
	return 0;
}

/* SIGN and a port, if SIGN is next; else *PORT stays. */
static int parse_port(const char **at, char sign, const char *what, unsigned *port,
		      struct err *e)
{
	if (**at != sign)
		return 0;
	const char *p = *at + 1;
	size_t n = strcspn(p, ":/");
	unsigned value = 0;

	for (size_t i = 0; i < n; i++)
		value = p[i] >= '0' && p[i] <= '9' && value <= 65535
			    ? value * 10 + (unsigned)(p[i] - '0')
			    : 65536;
	if (value == 0 || value > 65535)
		return err_set(e, 0,
			       "behind '%c' %s is expected, a number from 1 to 65535%s",
			       sign, what,
			       sign == ':' && memchr(p, ':', strlen(p))
				   ? " (an IPv6 address is written in brackets)"
				   : "");
	*port = value;
	*at = p + n;
	return 0;
}

static int parse_ssh(const char *p, struct autohost *h, struct err *e)
{
	const char *sign = strchr(p, '@');

	h->ssh = true;
	if (sign) {
		if (check_name("user", p, (size_t)(sign - p), e))
			return -1;
		h->user = xstrndup(p, (size_t)(sign - p));
		p = sign + 1;
	}
	if (parse_name(&p, h, e) || parse_port(&p, ':', "ssh's port", &h->ssh_port, e) ||
	    parse_port(&p, '/', "the port", &h->port, e) ||
	    parse_port(&p, '/', "the port of the statistics", &h->stats_port, e))
		return -1;
	return *p ? err_set(e, 0, "nothing may follow where '%.*s' stands", CITED, p) : 0;
}

static int parse_tcp(const char *p, struct autohost *h, struct err *e)
{
	if (strchr(p, '@'))
		return err_set(e, 0, "a user is only for ssh://");
	if (parse_name(&p, h, e) || parse_port(&p, ':', "the port", &h->port, e) ||
	    parse_port(&p, ':', "the port of the statistics", &h->stats_port, e))
		return -1;
	return *p ? err_set(e, 0, "nothing may follow where '%.*s' stands", CITED, p) : 0;
}

/* On an error H holds what was read so far. */
static int parse_word(const char *word, struct autohost *h, struct err *e)
{
	const char *p = word;

	*h = (struct autohost){.port = AUTOHOSTS_PORT, .stats_port = AUTOHOSTS_STATS_PORT};
	h->word = xstrdup(word);
	if (take(&p, "ssh://"))
		return parse_ssh(p, h, e);
	if (take(&p, "tcp://") || !strstr(p, "://"))
		return parse_tcp(p, h, e);
	return err_set(
	    e, 0, "'%.*s://' is neither tcp:// nor ssh://",
	    (int)(strstr(p, "://") - p) < CITED ? (int)(strstr(p, "://") - p) : CITED, p);
}

/* Puts in front of E's sentence which word it is about, and behind it the grammar. What
 * a terminal would obey is not shown. */
static int blame(const char *word, size_t number, struct err *e)
{
	if (!e)
		return -1;
	struct err why = *e;

	err_set(e, 0, "word %zu of the list, '%.*s': %.200s; a host is written %s", number,
		CITED, word, why.text, AUTOHOSTS_GRAMMAR);
	for (char *p = e->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return -1;
}

int autohosts_parse(struct autohosts *list, const char *text, struct err *e)
{
	*list = (struct autohosts){0};
	for (const char *p = text; *(p += strspn(p, blanks));) {
		size_t n = strcspn(p, blanks), number = list->n + 1;
		AUTO_FREE char *word = xstrndup(p, n);

		list->v = xreallocarray(list->v, number, sizeof *list->v);
		bool bad = parse_word(word, &list->v[list->n++], e) != 0;

		if (!bad && number > AUTOHOSTS_MAX)
			bad =
			    err_set(e, 0, "it is one more than the %d that a list may have",
				    AUTOHOSTS_MAX) != 0;
		if (bad) {
			autohosts_free(list);
			return blame(word, number, e);
		}
		p += n;
	}
	return 0;
}

void autohosts_free(struct autohosts *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].word);
		free(list->v[i].user);
		free(list->v[i].name);
	}
	free(list->v);
	*list = (struct autohosts){0};
}
