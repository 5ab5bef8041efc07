#include "net/access.h"

#include "base/err.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* A list of networks, each an address and how many of its leading bits count. The bits
 * behind these are ignored, so "10.1.2.3/8" is 10.0.0.0/8. An IPv4 address that is
 * written, or connects, as ::ffff:1.2.3.4 is turned into the IPv4 address at the door;
 * inside, an IPv4 network never matches an IPv6 address nor the other way round ("::/0"
 * is every IPv6 address and no IPv4 one).
 *
 * distccd reads "1.2.3.4/x" as "everybody"; here a prefix that is no number is refused. */

enum {
	MAPPED_BITS = 96 /* what stands in front of the IPv4 address in ::ffff:1.2.3.4 */
};

struct network {
	int family;    /* AF_INET or AF_INET6 */
	unsigned bits; /* how many leading bits of ADDRESS count */
	unsigned char address[16];
};

struct access {
	struct network *v;
	size_t n;
};

struct access *access_new(void)
{
	return xcalloc(1, sizeof(struct access));
}

void access_free(struct access *a)
{
	if (!a)
		return;
	free(a->v);
	free(a);
}

static unsigned family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* The network of this one address. False: neither IPv4 nor IPv6. */
static bool network_of(const struct sockaddr *a, struct network *out)
{
	*out = (struct network){.family = a->sa_family};
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;

		memcpy(out->address, &in->sin_addr, 4);
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;

		memcpy(out->address, &in6->sin6_addr, 16);
	} else {
		return false;
	}
	out->bits = family_bits(out->family);
	return true;
}

static void unmap(struct network *n)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (n->family != AF_INET6 || n->bits < MAPPED_BITS ||
	    memcmp(n->address, mapped, sizeof mapped) != 0)
		return;
	memmove(n->address, n->address + sizeof mapped, 4);
	n->family = AF_INET;
	n->bits -= MAPPED_BITS;
}

static bool network_has(const struct network *n, const struct network *peer)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (n->family != peer->family || memcmp(n->address, peer->address, whole) != 0)
		return false;
	return rest == 0 || (n->address[whole] ^ peer->address[whole]) >> (8 - rest) == 0;
}

/* A number of one to three digits, or -1. */
static int parse_bits(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= 3 && strspn(text, "0123456789") == n ? atoi(text) : -1;
}

/* The address, or all the addresses, that NAME stands for. NULL: none. */
static struct addrinfo *resolve(const char *name, struct err *e)
{
	struct in_addr in;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;

	if (!*name) {
		err_set(e, 0, "an address or the name of a host is missing");
		return NULL;
	}
	/* The resolver would take "10" for 0.0.0.10. */
	if (strspn(name, "0123456789.") == strlen(name) &&
	    inet_pton(AF_INET, name, &in) != 1) {
		err_set(
		    e, 0,
		    "'%s' is no IPv4 address: four numbers are expected, as in 10.0.0.0/8",
		    name);
		return NULL;
	}
	if (strchr(name, ':'))
		hints.ai_flags = AI_NUMERICHOST;

	int r = getaddrinfo(name, NULL, &hints, &list);

	if (r == 0)
		return list;
	if (hints.ai_flags)
		err_set(e, 0, "'%s' is no IPv6 address", name);
	else
		err_set(e, 0, "look up '%s': %s", name, gai_strerror(r));
	return NULL;
}

static int add_all(struct access *a, const char *name, const char *prefix, struct err *e)
{
	struct addrinfo *list = resolve(name, e);
	size_t before = a->n;
	int bad = 0;

	if (!list)
		return -1;
	for (const struct addrinfo *at = list; at && !bad; at = at->ai_next) {
		struct network n;
		int bits;

		if (!network_of(at->ai_addr, &n))
			continue;
		bits = prefix ? parse_bits(prefix) : (int)n.bits;
		if (bits < 0 || bits > (int)n.bits) {
			bad = err_set(
			    e, 0,
			    "behind '/' a number of bits is expected, from 0 to %u, "
			    "and not '%s'",
			    n.bits, prefix);
			break;
		}
		n.bits = (unsigned)bits;
		unmap(&n);
		a->v = xreallocarray(a->v, a->n + 1, sizeof *a->v);
		a->v[a->n++] = n;
	}
	freeaddrinfo(list);
	if (bad)
		a->n = before;
	else if (a->n == before)
		bad = err_set(e, 0, "'%s' has no IPv4 or IPv6 address", name);
	return bad;
}

int access_add(struct access *a, const char *text, struct err *e)
{
	const char *slash = strchr(text, '/');
	AUTO_FREE char *name =
	    slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);

	if (add_all(a, name, slash ? slash + 1 : NULL, e))
		return err_wrap(e, "allow '%s'", text);
	return 0;
}

void access_add_private(struct access *a)
{
	static const char *const networks[] = {
	    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	    "fe80::/10",   "fc00::/7",   "::1",
	};

	for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
		int r = access_add(a, networks[i], NULL);

		assert(r == 0);
	}
}

bool access_is_empty(const struct access *a)
{
	return a->n == 0;
}

bool access_allows(const struct access *a, const struct sockaddr *address)
{
	struct network peer;

	if (!network_of(address, &peer))
		return false;
	unmap(&peer);
	for (size_t i = 0; i < a->n; i++)
		if (network_has(&a->v[i], &peer))
			return true;
	return false;
}
