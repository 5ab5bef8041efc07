/* Names of places. Only numbers are looked up here: that asks nobody. */
#include "base/err.h"
#include "net/address.h"
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static int resolves(const char *text, bool passive, const char *want)
{
	struct err e = {0};
	char got[ADDRESS_TEXT];
	struct addrinfo *list = address_resolve(text, passive, &e);

	if (!list) {
		printf("# '%s': %s\n", text, e.text);
		return 0;
	}
	int same = strcmp(address_text(list->ai_addr, got), want) == 0;

	if (!same)
		printf("# '%s' gives '%s', not '%s'\n", text, got, want);
	freeaddrinfo(list);
	return same;
}

static void good(void)
{
	CHECK(resolves("127.0.0.1:80", false, "127.0.0.1:80"));
	CHECK(resolves("127.0.0.1", false, "127.0.0.1:3690"));
	CHECK(resolves("127.0.0.1:0", true, "127.0.0.1:0"));
	CHECK(resolves("127.0.0.1:65535", false, "127.0.0.1:65535"));
	CHECK(resolves("[::1]:80", false, "[::1]:80"));
	CHECK(resolves("[::1]", false, "[::1]:3690"));
	CHECK(resolves("[127.0.0.1]:1", false, "127.0.0.1:1"));
}

static void everywhere(void)
{
	struct err e = {0};
	struct addrinfo *list = address_resolve(":3700", true, &e);

	CHECK(list && !address_is_loopback(list->ai_addr));
	if (list)
		freeaddrinfo(list);
	CHECK(!address_resolve(":3700", false, &e) &&
	      strcmp(e.text, "':3700' names no host") == 0);
	CHECK(!address_resolve("", false, &e) && strcmp(e.text, "'' names no host") == 0);
}

static void senseless(void)
{
	static const struct {
		const char *text, *says;
	} t[] = {
	    {"[::1",		       "'[::1' is no address: a '[' wants its ']' and then :PORT"    },
	    {"[::1]80",                    "'[::1]80' is no address: a '[' wants its ']' and then :PORT" },
	    {"::1",			"'::1': write an IPv6 address in brackets, [ADDRESS]:PORT"    },
	    {"fe80::1:80",
	     "'fe80::1:80': write an IPv6 address in brackets, [ADDRESS]:PORT"                           },
	    {"127.0.0.1:",                 "'127.0.0.1:': the port '' is no number from 0 to 65535"      },
	    {"127.0.0.1:x",                "'127.0.0.1:x': the port 'x' is no number from 0 to 65535"    },
	    {"127.0.0.1:65536",
	     "'127.0.0.1:65536': the port '65536' is no number from 0 to 65535"                          },
	    {"127.0.0.1:-1",               "'127.0.0.1:-1': the port '-1' is no number from 0 to 65535"  },
	    {"127.0.0.1:+1",               "'127.0.0.1:+1': the port '+1' is no number from 0 to 65535"  },
	    {"127.0.0.1: 1",               "'127.0.0.1: 1': the port ' 1' is no number from 0 to 65535"  },
	    {"[::1]:99999999999999999999",
	     "'[::1]:99999999999999999999': the port '99999999999999999999' is no number from 0 to 65535"},
	};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct err e = {0};

		CHECK(!address_resolve(t[i].text, false, &e));
		if (!CHECK(strcmp(e.text, t[i].says) == 0))
			printf("# %s\n", e.text);
	}
}

static bool loopback4(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	inet_pton(AF_INET, text, &a.sin_addr);
	return address_is_loopback((struct sockaddr *)&a);
}

static bool loopback6(const char *text)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};

	inet_pton(AF_INET6, text, &a.sin6_addr);
	return address_is_loopback((struct sockaddr *)&a);
}

static void loopback(void)
{
	struct sockaddr other = {.sa_family = AF_APPLETALK};
	struct sockaddr local = {.sa_family = AF_UNIX};
	char text[ADDRESS_TEXT];

	CHECK(loopback4("127.0.0.1") && loopback4("127.255.0.1"));
	CHECK(!loopback4("128.0.0.1") && !loopback4("0.0.0.0") && !loopback4("10.127.0.1"));
	CHECK(loopback6("::1") && !loopback6("::") && !loopback6("fe80::1"));
	CHECK(address_is_loopback(&local) && !address_is_loopback(&other));
	CHECK(strcmp(address_text(&other, text), "?") == 0);
}

static void harmless(void)
{
	static const char *const fine[] = {"10.0.0.9:3690", "h-1.example_x:0",
					   "[fe80::1%eth0]:65535", "[::1]:1"};
	static const char *const not [] = {"",
					   "h",
					   ":1",
					   "h:",
					   "h:x",
					   "h:65536",
					   "h:000001",
					   "-oX=y:1",
					   "@-oX:1",
					   "u@h:1",
					   "h:1,plain#:1",
					   "h:1,lzo:1",
					   "h :1",
					   "h\n:1",
					   "h\033:1",
					   "::1:80",
					   "[::1:80",
					   "[]:1",
					   "[-x]:1",
					   "[::1]80",
					   "h:1:1",
					   "h#:1",
					   "h/4:1",
					   "h;x:1",
					   "$(x):1",
					   "h:1 --randomize"};

	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		if (!CHECK(address_is_harmless(fine[i])))
			printf("# %s\n", fine[i]);
	for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
		if (!CHECK(!address_is_harmless(not [i])))
			printf("# %s\n", not [i]);
}

TESTS({"addresses", good}, {"an empty host is everywhere, or nowhere", everywhere},
      {"errors are sentences", senseless}, {"what is this machine", loopback},
      {"what others may tell", harmless})
