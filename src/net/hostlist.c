#include "net/hostlist.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/schedulers.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A list of hosts, read word by word with a cursor that only goes forward. What distcc
 * understands is understood the same; what distcc would pass over in silence, or take
 * for the name of a host that cannot exist ("a/3x", "a,lzo/3", "--randomise"), is
 * refused with a sentence: the wish behind it would be lost.
 *
 * Names, users and commands that begin with '-' never get past here, since ssh would
 * take them for its options. */

static const char blanks[] = " \t\n\r\f";

enum {
	DEFAULT_SLOTS = 4,
	DEFAULT_SLOTS_LOCAL = 2
};

/* How much of a piece of the list is cited. */
#define CITED 60

static bool same(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* P[0..N) as a decimal number from 1 to MOST; 0 when it is none. */
static unsigned number_of(const char *p, size_t n, unsigned most)
{
	unsigned value = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		value = value * 10 + (unsigned)(p[i] - '0');
		if (value > most)
			return 0;
	}
	return value;
}

/* Bytes above ASCII are left to the resolver. */
static bool is_name_byte(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '.' || c == '-' || c == '_' || c >= 0x80;
}

/* WHAT P[0..N) is: the name of a host or of a user. */
static int check_name(const char *what, const char *p, size_t n, struct err *e)
{
	int cited = n < CITED ? (int)n : CITED;

	if (n == 0)
		return err_set(e, 0, "the name of the %s is missing", what);
	if (n > HOSTLIST_NAME)
		return err_set(
		    e, 0, "the name of the %s is longer than the %d bytes that it may have",
		    what, HOSTLIST_NAME);
	if (p[0] == '-')
		return err_set(e, 0,
			       "the name of the %s begins with '-', as only the options "
			       "--randomize, --localslots=N and --localslots_cpp=N may",
			       what);
	for (size_t i = 0; i < n; i++)
		if (!is_name_byte((unsigned char)p[i]))
			return err_set(
			    e, 0,
			    "'%.*s' is no name of a %s, which has letters, digits, "
			    "'.', '-' and '_'",
			    cited, p, what);
	return 0;
}

/* P[0..N): an IPv6 address, perhaps with the "%ZONE" of a link-local one. */
static bool is_ipv6(const char *p, size_t n)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	const char *zone = memchr(p, '%', n);
	size_t length = zone ? (size_t)(zone - p) : n;

	if (length >= sizeof text)
		return false;
	memcpy(text, p, length);
	text[length] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 &&
	       (!zone || check_name("zone", zone + 1, n - length - 1, NULL) == 0);
}

/* NAME or [IPV6]. */
static int parse_name(const char **at, struct host *h, struct err *e)
{
	const char *p = *at;
	size_t n;

	if (*p == '[') {
		n = strcspn(++p, "]");
		if (p[n] == '\0')
			return err_set(e, 0, "the ']' behind the IPv6 address is missing");
		if (!is_ipv6(p, n))
			return err_set(e, 0, "what is in the brackets is no IPv6 address");
		*at = p + n + 1;
	} else {
		n = strcspn(p, ":/=,");
		if (n == 0 && *p == ':')
			return err_set(e, 0,
				       "the name of the host in front of ':' is missing "
				       "(an IPv6 address is written in brackets)");
		if (check_name("host", p, n, e))
			return -1;
		*at = p + n;
	}
	h->name = xstrndup(p, n);
	return 0;
}

/* "/N" or "=N". */
static int parse_slots(const char **at, struct host *h, struct err *e)
{
	const char *p = *at + 1;
	size_t n = strcspn(p, ":/=,");

	if (h->slots)
		return err_set(e, 0, "the number of jobs is given twice");
	h->slots = number_of(p, n, HOSTLIST_SLOTS);
	if (!h->slots)
		return err_set(e, 0,
			       "behind '%c' the number of jobs is expected, from 1 to %d, "
			       "and not '%.*s'",
			       p[-1], HOSTLIST_SLOTS, n < CITED ? (int)n : CITED, p);
	*at = p + n;
	return 0;
}

/* ":PORT" */
static int parse_port(const char **at, struct host *h, struct err *e)
{
	const char *p = *at + 1;
	size_t n = strcspn(p, "/=,");

	if (h->port)
		return err_set(e, 0, "the port is given twice");
	h->port = number_of(p, n, 65535);
	if (!h->port)
		return err_set(
		    e, 0,
		    "behind ':' the port is expected, from 1 to 65535, and not "
		    "'%.*s'%s",
		    n < CITED ? (int)n : CITED, p,
		    memchr(p, ':', n) ? " (an IPv6 address is written in brackets)" : "");
	*at = p + n;
	return 0;
}

/* What follows a name: in a tcp word port and number of jobs in either order, in an ssh
 * word the number and then the command, behind localhost the number. */
static int parse_details(const char **at, struct host *h, struct err *e)
{
	while (**at == '/' || **at == '=' || (**at == ':' && h->kind == HOST_TCP))
		if (**at == ':' ? parse_port(at, h, e) : parse_slots(at, h, e))
			return -1;
	if (**at != ':' || h->kind != HOST_SSH)
		return 0;

	const char *command = *at + 1;
	size_t n = strcspn(command, ",");

	if (command[0] == '-')
		return err_set(
		    e, 0, "the command begins with '-': ssh would take it for an option");
	if (n)
		h->command = xstrndup(command, n);
	*at = command + n;
	return 0;
}

/* ",OPTION" any number of times, to the end of the word. */
static int parse_options(const char *p, struct host *h, struct err *e)
{
	while (*p == ',') {
		size_t n = strcspn(++p, ",");

		if (same(p, n, "lzo"))
			h->lzo = true;
		else if (same(p, n, "cpp"))
			h->cpp = true;
		else if (same(p, n, "down"))
			h->down = true;
		else if (same(p, n, "plain"))
			h->plain = true;
		else if (same(p, n, "auth") || strncmp(p, "auth=", 5) == 0)
			return err_set(e, 0,
				       "the option 'auth' asks for GSS-API authentication, "
				       "which is not offered");
		else
			return err_set(
			    e, 0,
			    "'%.*s' is no option: ',lzo', ',cpp', ',down' and ',plain' are%s",
			    n < CITED ? (int)n : CITED, p,
			    memchr(p, '/', n)
				? " (the number of jobs is written before them)"
				: "");
		p += n;
	}
	if (*p)
		return err_set(e, 0, "'%.*s' cannot stand there: %s", CITED, p,
			       h->kind == HOST_LOCAL
				   ? "localhost/N is this machine without a daemon (one "
				     "that listens here is 127.0.0.1:PORT)"
				   : "':', '/' or ',' is expected");
	if (h->cpp && !h->lzo)
		return err_set(e, 0, "the option 'cpp' wants the option 'lzo' too");
	return 0;
}

/* "localhost" alone or with a number of jobs is this machine without a daemon;
 * "localhost:PORT" and "localhost,OPTION" are a daemon on this machine, as distcc has
 * it. */
static bool is_local(const char *word)
{
	size_t n = strcspn(word, "/=");

	return same(word, n, "localhost");
}

/* On an error H holds what was read so far. */
static int parse_host(const char *word, unsigned default_port, struct host *h,
		      struct err *e)
{
	const char *p = word, *sign = strchr(word, '@');

	if (sign) {
		h->kind = HOST_SSH;
		if (sign > word) {
			if (check_name("user", word, (size_t)(sign - word), e))
				return -1;
			h->user = xstrndup(word, (size_t)(sign - word));
		}
		p = sign + 1;
	} else {
		h->kind = is_local(word) ? HOST_LOCAL : HOST_TCP;
	}
	if (parse_name(&p, h, e) || parse_details(&p, h, e) || parse_options(p, h, e))
		return -1;
	if (h->kind == HOST_TCP && !h->port)
		h->port = default_port;
	h->word = xstrdup(word);
	return 0;
}

/* Is WORD "NAME=N" or "NAME/N"? Then *N is its number, or 0 for a bad one. */
static bool parse_setting(const char *word, const char *name, unsigned *n)
{
	size_t length = strcspn(word, "=/");

	if (!same(word, length, name))
		return false;
	*n = word[length]
		 ? number_of(word + length + 1, strlen(word + length + 1), HOSTLIST_SLOTS)
		 : 0;
	return true;
}

/* The last one counts. */
static int parse_schedulers(struct hostlist *list, const char *text, struct err *e)
{
	struct schedulers some;

	if (schedulers_parse(&some, text, e))
		return -1;
	schedulers_free(&some);
	free(list->schedulers);
	list->schedulers = xstrdup(text);
	return 0;
}

/* "+callers=BUILD"; AT is behind the '='. */
static int parse_callers(struct hostlist *list, const char *at, struct err *e)
{
	if (check_name("build", at, strlen(at), e))
		return -1;
	free(list->callers);
	list->callers = xstrdup(at);
	return 0;
}

/* A word that begins with "--" or '+': it speaks about the whole list. */
static int parse_global(struct hostlist *list, const char *word, struct err *e)
{
	static const char scheduler[] = "+scheduler=";
	unsigned n;

	if (strcmp(word, "--randomize") == 0) {
		list->randomize = true;
	} else if (strcmp(word, "+zeroconf") == 0) {
		list->zeroconf = true;
	} else if (strncmp(word, "+callers=", 9) == 0) {
		return parse_callers(list, word + 9, e);
	} else if (strncmp(word, scheduler, sizeof scheduler - 1) == 0) {
		return parse_schedulers(list, word + sizeof scheduler - 1, e);
	} else if (parse_setting(word, "--localslots", &n) && n) {
		list->localslots = n;
	} else if (parse_setting(word, "--localslots_cpp", &n) && n) {
		list->localslots_cpp = n;
	} else if (parse_setting(word, "--localslots", &n) ||
		   parse_setting(word, "--localslots_cpp", &n)) {
		return err_set(e, 0, "'=N' is expected behind it, with N from 1 to %d",
			       HOSTLIST_SLOTS);
	} else {
		return err_set(e, 0,
			       "it is no option for the list: --randomize, --localslots=N, "
			       "--localslots_cpp=N, +zeroconf and +scheduler=HOST are");
	}
	return 0;
}

static void host_free(struct host *h)
{
	free(h->word);
	free(h->user);
	free(h->name);
	free(h->command);
}

static int parse_word(struct hostlist *list, const char *word, unsigned default_port,
		      struct err *e)
{
	struct host h = {0};

	if (word[0] == '+' || strncmp(word, "--", 2) == 0)
		return parse_global(list, word, e);
	if (list->n == HOSTLIST_HOSTS)
		return err_set(e, 0,
			       "it is one more than the %d hosts that a list may have",
			       HOSTLIST_HOSTS);
	if (parse_host(word, default_port, &h, e)) {
		host_free(&h);
		return -1;
	}
	list->v = xreallocarray(list->v, list->n + 1, sizeof *list->v);
	list->v[list->n++] = h;
	return 0;
}

/* Says in front of E's sentence which word it is about. What a terminal would obey is
 * not shown. */
static int blame(const char *word, size_t number, struct err *e)
{
	if (!e)
		return -1;
	err_wrap(e, "word %zu of the list of hosts, '%.*s'", number, CITED, word);
	for (char *p = e->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return -1;
}

int hostlist_parse(struct hostlist *list, const char *text, unsigned default_port,
		   struct err *e)
{
	size_t number = 0;

	*list = (struct hostlist){0};
	for (const char *p = text; *(p += strspn(p, blanks));) {
		if (*p == '#') {
			p += strcspn(p, "\r\n");
			continue;
		}
		size_t n = strcspn(p, " \t\n\r\f#");
		AUTO_FREE char *word = xstrndup(p, n);
		int bad = n > HOSTLIST_WORD
			      ? err_set(e, 0, "it is longer than the %d bytes of a word",
					HOSTLIST_WORD)
			      : parse_word(list, word, default_port, e);

		number++;
		if (bad) {
			hostlist_free(list);
			return blame(word, number, e);
		}
		p += n;
	}
	return 0;
}

void hostlist_free(struct hostlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		host_free(&list->v[i]);
	free(list->v);
	free(list->callers);
	free(list->schedulers);
	*list = (struct hostlist){0};
}

char *host_address(const struct host *h)
{
	assert(h->kind == HOST_TCP);
	return strchr(h->name, ':') ? xasprintf("[%s]:%u", h->name, h->port)
				    : xasprintf("%s:%u", h->name, h->port);
}

unsigned hostlist_concurrency(const struct hostlist *list)
{
	unsigned sum = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct host *h = &list->v[i];

		if (h->down)
			continue;
		sum += h->slots                ? h->slots
		       : h->kind == HOST_LOCAL ? DEFAULT_SLOTS_LOCAL
					       : DEFAULT_SLOTS;
	}
	return sum;
}
