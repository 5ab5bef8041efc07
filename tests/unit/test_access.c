/* Who may connect. */
#include "base/err.h"
#include "net/access.h"
#include "test.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

/* The socket address of PEER, with a port that must not matter. */
static struct sockaddr_storage peer_address(const char *peer)
{
	struct sockaddr_storage all = {0};
	struct sockaddr_in *in = (void *)&all;
	struct sockaddr_in6 *in6 = (void *)&all;

	if (inet_pton(AF_INET, peer, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(4711);
		return all;
	}
	all = (struct sockaddr_storage){0};
	if (!CHECK(inet_pton(AF_INET6, peer, &in6->sin6_addr) == 1))
		printf("# '%s'\n", peer);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(4711);
	in6->sin6_scope_id = 1;
	return all;
}

static bool lets_in(const struct access *a, const char *peer)
{
	struct sockaddr_storage address = peer_address(peer);

	return access_allows(a, (const struct sockaddr *)&address);
}

/* Does the network RULE alone let PEER in? */
static bool allows(const char *rule, const char *peer)
{
	struct access *a = access_new();
	struct err e;
	bool yes = false;

	if (CHECK(access_add(a, rule, &e) == 0)) {
		CHECK(!access_is_empty(a));
		yes = lets_in(a, peer);
	} else {
		printf("# %s\n", e.text);
	}
	access_free(a);
	return yes;
}

/* Is RULE refused with a sentence that has PART, and does it then let nobody in? */
static int refused(const char *rule, const char *part)
{
	struct access *a = access_new();
	struct err e = {0};
	int ok = access_add(a, rule, &e) == -1 && strstr(e.text, part) &&
		 strncmp(e.text, "allow '", 7) == 0 && access_is_empty(a);

	if (!ok)
		printf("# '%s' gives '%s', not '%s'\n", rule, e.text, part);
	access_free(a);
	return ok;
}

static void nobody(void)
{
	struct access *a = access_new();

	CHECK(access_is_empty(a));
	CHECK(!lets_in(a, "127.0.0.1"));
	CHECK(!lets_in(a, "::1"));
	access_free(a);
	access_free(NULL);
}

static void ipv4(void)
{
	CHECK(allows("1.2.3.4", "1.2.3.4"));
	CHECK(!allows("1.2.3.4", "1.2.3.5"));
	CHECK(allows("1.2.3.4/32", "1.2.3.4"));
	CHECK(!allows("1.2.3.4/32", "1.2.3.5"));
	CHECK(allows("1.2.3.4/31", "1.2.3.5"));
	CHECK(!allows("1.2.3.4/31", "1.2.3.6"));
	CHECK(allows("10.0.0.0/8", "10.255.255.255"));
	CHECK(!allows("10.0.0.0/8", "11.0.0.0"));
	CHECK(!allows("10.0.0.0/8", "9.255.255.255"));
	CHECK(allows("172.16.0.0/12", "172.31.255.255"));
	CHECK(!allows("172.16.0.0/12", "172.32.0.0"));
	CHECK(!allows("172.16.0.0/12", "172.15.255.255"));
	CHECK(allows("0.0.0.0/1", "127.0.0.1"));
	CHECK(!allows("0.0.0.0/1", "128.0.0.1"));
	CHECK(allows("0.0.0.0/0", "255.255.255.255"));
	/* The bits behind the prefix are ignored. */
	CHECK(allows("10.1.2.3/8", "10.9.9.9"));
	CHECK(allows("172.31.1.2/12", "172.16.0.0"));
}

static void ipv6(void)
{
	CHECK(allows("::1", "::1"));
	CHECK(!allows("::1", "::2"));
	CHECK(allows("::1/128", "::1"));
	CHECK(allows("2001:db8::/33", "2001:db8:7fff::1"));
	CHECK(!allows("2001:db8::/33", "2001:db8:8000::1"));
	CHECK(allows("fe80::/10", "febf::1"));
	CHECK(!allows("fe80::/10", "fec0::1"));
	CHECK(allows("fe80::1:2/10", "fe80::3"));
	CHECK(allows("::/0", "2001:db8::1"));
}

static void families(void)
{
	CHECK(allows("1.2.3.4", "::ffff:1.2.3.4"));
	CHECK(allows("10.0.0.0/8", "::ffff:10.9.9.9"));
	CHECK(!allows("10.0.0.0/8", "::ffff:11.9.9.9"));
	CHECK(allows("::ffff:1.2.3.4", "1.2.3.4"));
	CHECK(allows("::ffff:10.0.0.0/104", "10.9.9.9"));
	CHECK(allows("::ffff:10.0.0.0/104", "::ffff:10.9.9.9"));
	CHECK(!allows("::ffff:10.0.0.0/104", "11.9.9.9"));
	CHECK(allows("::ffff:0:0/96", "11.9.9.9"));
	CHECK(!allows("::/0", "1.2.3.4"));
	CHECK(!allows("::/0", "::ffff:1.2.3.4"));
	CHECK(!allows("0.0.0.0/0", "::1"));
	/* The same bytes in the other family. */
	CHECK(!allows("102:304::", "1.2.3.4"));
	CHECK(!allows("102:304::/32", "1.2.3.4"));
	CHECK(!allows("1.2.3.4", "102:304::"));

	struct access *a = access_new();
	const struct sockaddr_un local = {.sun_family = AF_UNIX};

	CHECK(access_add(a, "::/0", NULL) == 0 && access_add(a, "0.0.0.0/0", NULL) == 0);
	CHECK(lets_in(a, "1.2.3.4") && lets_in(a, "::1"));
	CHECK(!access_allows(a, (const struct sockaddr *)&local));
	access_free(a);
}

static void several(void)
{
	struct access *a = access_new();

	CHECK(access_add(a, "1.2.3.4", NULL) == 0);
	CHECK(access_add(a, "1.2.3.4/x", NULL) == -1);
	CHECK(access_add(a, "10.0.0.0/8", NULL) == 0);
	CHECK(access_add(a, "fe80::/10", NULL) == 0);
	CHECK(lets_in(a, "1.2.3.4") && lets_in(a, "10.2.3.4") && lets_in(a, "fe80::1"));
	CHECK(!lets_in(a, "1.2.3.5") && !lets_in(a, "11.0.0.0") && !lets_in(a, "::1"));
	access_free(a);
}

static void private_networks(void)
{
	static const char *const in[] = {
	    "127.0.0.0",  "127.255.255.255", "10.0.0.0",    "10.255.255.255",
	    "172.16.0.0", "172.31.255.255",  "192.168.0.0", "192.168.255.255",
	    "fe80::1",    "febf::1",         "fc00::1",     "fdff::1",
	    "::1",        "::ffff:10.1.1.1",
	};
	static const char *const out[] = {
	    "126.255.255.255",
	    "128.0.0.0",
	    "9.255.255.255",
	    "11.0.0.0",
	    "172.15.255.255",
	    "172.32.0.0",
	    "192.167.255.255",
	    "192.169.0.0",
	    "8.8.8.8",
	    "fe00::1",
	    "fec0::1",
	    "fbff::1",
	    "2001:db8::1",
	    "::",
	    "::2",
	    "::ffff:8.8.8.8",
	};
	struct access *a = access_new();

	access_add_private(a);
	for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
		if (!CHECK(lets_in(a, in[i])))
			printf("# %s\n", in[i]);
	for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
		if (!CHECK(!lets_in(a, out[i])))
			printf("# %s\n", out[i]);
	access_free(a);
}

static void nonsense(void)
{
	CHECK(refused("1.2.3.4/33",
		      "a number of bits is expected, from 0 to 32, and not '33'"));
	CHECK(refused("::1/129", "from 0 to 128, and not '129'"));
	CHECK(refused("::ffff:1.2.3.4/129", "from 0 to 128"));
	CHECK(refused("1.2.3.4/", "not ''"));
	CHECK(refused("1.2.3.4/x", "not 'x'")); /* distccd then lets everybody in */
	CHECK(refused("1.2.3.4/8x", "not '8x'"));
	CHECK(refused("1.2.3.4/-1", "not '-1'"));
	CHECK(refused("1.2.3.4/+8", "not '+8'"));
	CHECK(refused("1.2.3.4/8/8", "not '8/8'"));
	CHECK(refused("1.2.3.4/4294967304", "not '4294967304'"));
	CHECK(refused("", "missing"));
	CHECK(refused("/8", "missing"));
	CHECK(refused("10", "four numbers are expected"));
	CHECK(refused("10/8", "four numbers are expected"));
	CHECK(refused("1.2.3.256", "four numbers are expected"));
	CHECK(refused("::g", "no IPv6 address"));
	CHECK(refused("[::1]/64", "no IPv6 address"));
}

/* "localhost" is in /etc/hosts where there is one; elsewhere there is nothing to be
 * seen. */
static void names(void)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	struct access *a = access_new();

	if (getaddrinfo("localhost", NULL, &hints, &list) == 0) {
		CHECK(access_add(a, "localhost", NULL) == 0);
		for (const struct addrinfo *at = list; at; at = at->ai_next)
			CHECK(access_allows(a, at->ai_addr));
		CHECK(!lets_in(a, "8.8.8.8"));
		freeaddrinfo(list);
		CHECK(refused("localhost/129", "a number of bits is expected"));
		CHECK(refused("localhost/x", "not 'x'"));
	} else {
		printf("# localhost has no address\n");
	}
	access_free(a);
}

TESTS({"nobody", nobody}, {"ipv4", ipv4}, {"ipv6", ipv6}, {"families", families},
      {"several", several}, {"private networks", private_networks}, {"nonsense", nonsense},
      {"names", names})
