/* A cursor that only goes forward; the first thing that is not as it should be ends it. */
#include "net/discover_line.h"

#include "base/buf.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The next field; the last one has no ';' behind it, and after it P is NULL. */
static struct slice field(struct cursor *c)
{
	if (!c->p) {
		c->bad = 1;
		return (struct slice){"", 0};
	}
	const char *start = c->p, *end = memchr(start, ';', (size_t)(c->end - start));

	c->p = end ? end + 1 : NULL;
	return (struct slice){start, (size_t)((end ? end : c->end) - start)};
}

static bool is(struct slice f, const char *word)
{
	return f.n == strlen(word) && memcmp(f.p, word, f.n) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One byte of P[0..N), which may be escaped, goes to *OUT. How many bytes that took; 0: it makes no sense. */
static size_t plain_byte(const char *p, size_t n, char *out)
{
	if (*p != '\\') {
		*out = *p;
		return *p != 0;
	}
	if (n < 2 || !p[1])
		return 0;
	*out = p[1];
	if (!is_digit(p[1]))
		return 2;
	if (n < 4 || !is_digit(p[2]) || !is_digit(p[3]))
		return 0;
	int value = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');

	*out = (char)value;
	return value > 0 && value < 256 ? 4 : 0;
}

/* F without its escapes, as a string of at most LIMIT bytes. */
static bool unescape(struct slice f, char *out, size_t limit)
{
	size_t length = 0, used;

	for (size_t i = 0; i < f.n; i += used) {
		used = plain_byte(f.p + i, f.n - i, &out[length]);
		if (!used || length++ == limit)
			return false;
	}
	out[length] = 0;
	return length > 0;
}

/* From 1 to MOST; 0: it is no such number. */
static unsigned number(const char *p, size_t n, unsigned most)
{
	unsigned value = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_digit(p[i]))
			return 0;
		value = value * 10 + (unsigned)(p[i] - '0');
		if (value > most)
			return 0;
	}
	return value;
}

static bool is_interface(struct slice f)
{
	if (f.n == 0 || f.n >= IF_NAMESIZE || f.p[0] == '-')
		return false;
	for (size_t i = 0; i < f.n; i++) {
		char c = f.p[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* False for what is nobody's: unspecified, multicast, broadcast. */
static bool reach_of_ipv4(const struct in_addr *in, enum discover_reach *reach)
{
	uint32_t a = ntohl(in->s_addr);

	*reach = a >> 24 == 127      ? DISCOVER_LOOPBACK
		 : a >> 16 == 0xa9fe ? DISCOVER_LINK_LOCAL
				     : DISCOVER_IPV4;
	return a >> 24 != 0 && a >> 28 < 0xe;
}

static bool reach_of_ipv6(const struct in6_addr *a, enum discover_reach *reach)
{
	*reach = IN6_IS_ADDR_LOOPBACK(a)    ? DISCOVER_LOOPBACK
		 : IN6_IS_ADDR_LINKLOCAL(a) ? DISCOVER_LINK_LOCAL
					    : DISCOVER_IPV6;
	return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a) &&
	       !IN6_IS_ADDR_V4MAPPED(a) && !IN6_IS_ADDR_V4COMPAT(a);
}

static bool parse_address(struct discover_line *l, struct slice f)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;

	if (f.n >= sizeof text || memchr(f.p, 0, f.n))
		return false;
	memcpy(text, f.p, f.n);
	text[f.n] = 0;
	snprintf(l->address, sizeof l->address, "%s", text);
	if (inet_pton(AF_INET, text, &v4) == 1)
		return reach_of_ipv4(&v4, &l->reach);
	if (inet_pton(AF_INET6, text, &v6) != 1 || !reach_of_ipv6(&v6, &l->reach))
		return false;
	if (l->reach == DISCOVER_LINK_LOCAL)
		snprintf(l->address, sizeof l->address, "%s%%%s", text, l->interface);
	return true;
}

static void hear(struct discover_line *l, const char *word)
{
	static const char *const keys[] = {"jobs=", "slots="};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		size_t n = strlen(keys[i]);

		if (!l->slots && strncasecmp(word, keys[i], n) == 0)
			l->slots = number(word + n, strlen(word + n), DISCOVER_SLOTS);
	}
	/* One that is too long is nobody's that we know. */
	if (strncasecmp(word, "print=", 6) == 0)
		snprintf(l->print, sizeof l->print, "%.*s", DISCOVER_PRINT, word + 6);
}

/* "WORD" "WORD" … to the line's end. A word that cannot be a string is passed over. */
static bool parse_txt(struct discover_line *l, const char *p, const char *end)
{
	char word[DISCOVER_TXT + 1];

	while (p < end) {
		if (*p++ != '"')
			return false;
		const char *close = p;

		while (close < end && *close != '"')
			close += *close == '\\' ? 2 : 1;
		if (close >= end)
			return false;
		if (unescape((struct slice){p, (size_t)(close - p)}, word, DISCOVER_TXT))
			hear(l, word);
		p = close + 1;
		if (p < end && *p++ != ' ')
			return false;
	}
	return true;
}

static bool parse_sign(struct discover_line *l, struct slice f)
{
	l->sign = is(f, "+")   ? DISCOVER_THERE
		  : is(f, "=") ? DISCOVER_RESOLVED
			       : DISCOVER_GONE;
	return l->sign != DISCOVER_GONE || is(f, "-");
}

bool discover_line_parse(struct discover_line *l, const char *line, size_t n)
{
	struct cursor c = {.p = line, .end = line + n};

	*l = (struct discover_line){0};
	if (!parse_sign(l, field(&c)))
		return false;
	struct slice interface = field(&c), protocol = field(&c), name = field(&c);

	field(&c); /* the type, which was asked for */
	struct slice domain = field(&c);

	if (c.bad || !is_interface(interface) ||
	    (!is(protocol, "IPv4") && !is(protocol, "IPv6")))
		return false;
	memcpy(l->interface, interface.p, interface.n);
	l->ipv6 = is(protocol, "IPv6");
	if (!unescape(name, l->name, DISCOVER_NAME) ||
	    !unescape(domain, l->domain, DISCOVER_DOMAIN))
		return false;
	if (l->sign != DISCOVER_RESOLVED)
		return true;
	field(&c); /* the host's name: its address is next */
	struct slice address = field(&c), port = field(&c);

	if (c.bad || !parse_address(l, address))
		return false;
	l->port = number(port.p, port.n, 65535);
	return l->port && parse_txt(l, c.p ? c.p : c.end, c.end);
}
