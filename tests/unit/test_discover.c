/* What avahi-browse prints, as it was seen and as nobody should ever see it, and the hosts that follow from it. */
#include "base/buf.h"
#include "base/mem.h"
#include "net/discover_line.h"
#include "net/discover_set.h"
#include "test.h"

#include <string.h>

/* From memory of just that size, so that a read past the end is seen. */
static bool parse(struct discover_line *l, const char *text, size_t n)
{
	char *copy = xmalloc(n ? n : 1);

	memcpy(copy, text, n);
	bool good = discover_line_parse(l, copy, n);

	free(copy);
	return good;
}

static bool good(struct discover_line *l, const char *text)
{
	return parse(l, text, strlen(text));
}

static bool bad(const char *text)
{
	struct discover_line l;

	return !good(&l, text);
}

#define PLACE   "eth0;IPv4;distcc\\064vm;_distcc._tcp;local"
#define AT      "=;" PLACE ";vm.local;10.9.9.1;3632"
#define ADDR(a) "=;eth0;IPv6;a;_distcc._tcp;local;vm.local;" a ";3632;"

static void there(void)
{
	struct discover_line l;

	CHECK(good(&l, "+;" PLACE) && l.sign == DISCOVER_THERE);
	CHECK(strcmp(l.interface, "eth0") == 0 && !l.ipv6);
	CHECK(strcmp(l.name, "distcc@vm") == 0 && strcmp(l.domain, "local") == 0);
	CHECK(good(&l, "-;wl-p2.1_x;IPv6;a;_distcc._tcp;local") && l.ipv6 &&
	      l.sign == DISCOVER_GONE);
}

/* As avahi-browse 0.8 printed it for the name `distcc@test; b\x ü"q` and the TXT word `od=a "b" c\d;e ü`. */
static void resolved(void)
{
	struct discover_line l;

	CHECK(good(&l,
		   "=;v0;IPv4;distcc\\064test\\059\\032b\\\\x\\032\\195\\188\\034q;"
		   "_distcc._tcp;local;testbox.local;10.9.9.1;3632;"
		   "\"od=a \\\"b\\\" c\\\\d;e \\195\\188\" "
		   "\"cc_machine=x86_64-linux-gnu\" \"jobs=4\" \"cpus=2\" \"txtvers=1\""));
	CHECK(l.sign == DISCOVER_RESOLVED && l.port == 3632 && l.slots == 4);
	CHECK(strcmp(l.name, "distcc@test; b\\x \303\274\"q") == 0);
	CHECK(strcmp(l.address, "10.9.9.1") == 0 && l.reach == DISCOVER_IPV4);
}

static void addresses(void)
{
	struct discover_line l;

	CHECK(good(&l, ADDR("fe80::1")) && l.reach == DISCOVER_LINK_LOCAL &&
	      strcmp(l.address, "fe80::1%eth0") == 0);
	CHECK(good(&l, ADDR("fd00::7")) && l.reach == DISCOVER_IPV6 &&
	      strcmp(l.address, "fd00::7") == 0);
	CHECK(good(&l, ADDR("::1")) && l.reach == DISCOVER_LOOPBACK);
	CHECK(good(&l, ADDR("127.0.0.1")) && l.reach == DISCOVER_LOOPBACK);
	CHECK(good(&l, ADDR("169.254.3.4")) && l.reach == DISCOVER_LINK_LOCAL &&
	      strcmp(l.address, "169.254.3.4") == 0);
	CHECK(bad(ADDR("")) && bad(ADDR("vm.local")) && bad(ADDR("10.9.9")) &&
	      bad(ADDR("10.9.9.1 ")) && bad(ADDR("1.2.3.4,lzo")) && bad(ADDR("[::1]")));
	CHECK(bad(ADDR("0.0.0.0")) && bad(ADDR("224.0.0.1")) &&
	      bad(ADDR("255.255.255.255")));
	CHECK(bad(ADDR("::")) && bad(ADDR("ff02::fb")) && bad(ADDR("::ffff:10.0.0.1")) &&
	      bad(ADDR("fe80::1%eth1")));
	CHECK(bad(ADDR("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb")));
}

static void ports(void)
{
	struct discover_line l;

	CHECK(good(&l, "=;" PLACE ";h;10.9.9.1;65535;") && l.port == 65535);
	CHECK(bad("=;" PLACE ";h;10.9.9.1;0;") && bad("=;" PLACE ";h;10.9.9.1;65536;") &&
	      bad("=;" PLACE ";h;10.9.9.1;;") && bad("=;" PLACE ";h;10.9.9.1;-1;") &&
	      bad("=;" PLACE ";h;10.9.9.1;+80;") && bad("=;" PLACE ";h;10.9.9.1;80x;") &&
	      bad("=;" PLACE ";h;10.9.9.1;4294967376;"));
}

static unsigned slots(const char *txt)
{
	struct discover_line l;
	char text[1024];

	snprintf(text, sizeof text, AT ";%s", txt);
	return good(&l, text) ? l.slots : 99999;
}

static void txt(void)
{
	struct discover_line l;
	char text[1024], many[300];

	CHECK(good(&l, AT) && l.slots == 0); /* none at all */
	CHECK(slots("") == 0 && slots("\"\"") == 0);
	CHECK(slots("\"jobs=8\"") == 8 && slots("\"JOBS=8\"") == 8 &&
	      slots("\"slots=3\"") == 3 && slots("\"a=b\" \"jobs=10000\"") == 10000);
	CHECK(slots("\"\\106obs=8\"") == 8); /* an escaped j */
	CHECK(slots("\"jobs=0\"") == 0 && slots("\"jobs=10001\"") == 0 &&
	      slots("\"jobs=-1\"") == 0 && slots("\"jobs=4 \"") == 0 &&
	      slots("\"jobs=\"") == 0 && slots("\"jobs\"") == 0 &&
	      slots("\"xjobs=4\"") == 0);
	CHECK(slots("\"jobs=2\" \"jobs=3\"") == 2);
	CHECK(slots("\"x=\\000\" \"jobs=3\"") == 3 && slots("\"x=\\999\" \"jobs=3\"") == 3);
	CHECK(slots("\"x=\" jobs=9 \\\"\" \"jobs=3\"") == 99999);
	CHECK(slots("\"x=\\\" jobs=9\" \"jobs=3\"") == 3);
	CHECK(slots("x") == 99999 && slots("\"") == 99999 && slots("\"x") == 99999 &&
	      slots("\"x\\\"") == 99999 && slots("\"x\\") == 99999 &&
	      slots("\"a\"\"b\"") == 99999);
	memset(many, 'x', sizeof many);
	snprintf(text, sizeof text, "\"%.256s\" \"jobs=3\"", many);
	CHECK(slots(text) == 3);
	snprintf(text, sizeof text, "\"jobs=5\" \"%.255s\"", many);
	CHECK(slots(text) == 5);
}

static void hostile(void)
{
	struct discover_line l;
	char text[1024], many[400];

	CHECK(bad("") && bad(";") && bad("+") && bad("+;") && bad("=;;;;;;;;;") &&
	      bad("*;" PLACE) && bad("+-;" PLACE) && bad("Failed to resolve") &&
	      bad("+;eth0;IPv4;name;type"));
	CHECK(bad("=;" PLACE) && bad("=;" PLACE ";h") && bad("=;" PLACE ";h;10.0.0.1"));
	CHECK(bad("+;;IPv4;a;t;local") && bad("+;-x;IPv4;a;t;local") &&
	      bad("+;e th;IPv4;a;t;local") && bad("+;e%x;IPv4;a;t;local") &&
	      bad("+;sixteen-bytes-00;IPv4;a;t;local") && bad("+;e;IPv5;a;t;local") &&
	      bad("+;e;;a;t;local"));
	CHECK(good(&l, "+;fifteen-bytes-0;IPv4;a;t;local"));
	CHECK(bad("+;e;IPv4;;t;local") && bad("+;e;IPv4;a;t;") &&
	      bad("+;e;IPv4;a\\;t;local") && bad("+;e;IPv4;a\\1;t;local") &&
	      bad("+;e;IPv4;a\\12;t;local") && bad("+;e;IPv4;\\000;t;local") &&
	      bad("+;e;IPv4;\\256;t;local") && bad("+;e;IPv4;a;t;local\\"));
	CHECK(!parse(&l, "+;e;IPv4;a\0b;t;local", 20));
	CHECK(!parse(&l, "+;e\0;IPv4;a;t;local", 19));
	CHECK(!parse(&l, "=;e;IPv4;a;t;local;h;10.0.0.1\0;1;", 33));
	memset(many, 'x', sizeof many);
	snprintf(text, sizeof text, "+;e;IPv4;%.63s;t;%.255s", many, many);
	CHECK(good(&l, text) && strlen(l.name) == 63 && strlen(l.domain) == 255);
	snprintf(text, sizeof text, "+;e;IPv4;%.64s;t;local", many);
	CHECK(bad(text));
	snprintf(text, sizeof text, "+;e;IPv4;a;t;%.256s", many);
	CHECK(bad(text));
}

/* Cut anywhere, and with each byte changed to those that mean something: nothing is read that is not there. */
static void mutilated(void)
{
	static const char line[] = AT ";\"a=\\\"\\195\" \"jobs=4\"";
	static const char bytes[] = ";\"\\ =+-9\n\377";
	struct discover_line l;
	char text[sizeof line];

	for (size_t n = 0; n < sizeof line; n++)
		parse(&l, line, n);
	for (size_t i = 0; i < sizeof line - 1; i++)
		for (size_t k = 0; k < sizeof bytes; k++) {
			memcpy(text, line, sizeof line);
			text[i] = bytes[k];
			if (!parse(&l, text, sizeof line - 1))
				continue;
			CHECK(memchr(l.name, 0, sizeof l.name) &&
			      memchr(l.address, 0, sizeof l.address));
			CHECK(strspn(l.address, "0123456789.") == strlen(l.address));
		}
}

/* -- the set --------------------------------------------------------------------------------- */

static struct discover_set *set;

/* What applying it said, or -1: it is no line. */
static int apply(const char *text)
{
	struct discover_line l;

	return good(&l, text) ? discover_set_apply(set, 0, &l) : -1;
}

static const char *only; /* the farm that is meant */

static bool hosts_are(const char *expected)
{
	AUTO_BUF struct buf text = {0};

	discover_set_hosts(set, only, &text);
	buf_u8(&text, 0);
	if (strcmp(text.data, expected) == 0)
		return true;
	printf("# hosts: %s\n", text.data);
	return false;
}

#define V4(where, name, address) \
	"=;" where ";IPv4;" name ";t;local;h;" address ";3632;\"jobs=4\""
#define V6(where, name, address) \
	"=;" where ";IPv6;" name ";t;local;h;" address ";3632;\"jobs=4\""
#define GONE4(where, name) "-;" where ";IPv4;" name ";t;local"
#define GONE6(where, name) "-;" where ";IPv6;" name ";t;local"

static void comes_and_goes(void)
{
	set = discover_set_new();
	CHECK(hosts_are(""));
	CHECK(apply("+;eth0;IPv4;b;t;local") == 0 && hosts_are(""));
	CHECK(apply(V4("eth0", "b", "10.0.0.2")) == 1 && hosts_are("10.0.0.2:3632/4"));
	CHECK(apply(V4("eth0", "a", "10.0.0.3")) == 1 &&
	      hosts_are("10.0.0.3:3632/4 10.0.0.2:3632/4"));
	CHECK(apply(GONE4("eth0", "c")) == 0 && apply(GONE4("eth1", "b")) == 0 &&
	      apply(GONE6("eth0", "b")) == 0 && apply("-;eth0;IPv4;b;t;other") == 0);
	CHECK(hosts_are("10.0.0.3:3632/4 10.0.0.2:3632/4"));
	CHECK(apply(GONE4("eth0", "b")) == 1 && hosts_are("10.0.0.3:3632/4"));
	/* The same one, with other words. */
	CHECK(apply("=;eth0;IPv4;a;t;local;h;10.0.0.4;1;") == 1 && hosts_are("10.0.0.4:1"));
	CHECK(apply(V6("eth0", "z", "fe80::2")) == 1 &&
	      hosts_are("10.0.0.4:1 [fe80::2%eth0]:3632/4"));
	discover_set_clear(set, 0);
	CHECK(hosts_are(""));
	discover_set_free(set);
}

static void one_host_a_service(void)
{
	set = discover_set_new();
	apply(V6("v0", "a", "fe80::9"));
	apply(V4("lo", "a", "127.0.0.1"));
	apply(V6("v1", "a", "fd00::9"));
	apply(V4("v1", "a", "10.0.8.1"));
	apply(V4("v0", "a", "10.0.9.1"));
	CHECK(hosts_are("10.0.8.1:3632/4"));
	/* It stays there while it may, whatever else comes … */
	apply(GONE4("v0", "a"));
	apply(V4("v0", "a", "10.0.7.1"));
	CHECK(hosts_are("10.0.8.1:3632/4"));
	/* … and then takes the next best. */
	apply(GONE4("v1", "a"));
	CHECK(hosts_are("10.0.7.1:3632/4"));
	apply(GONE4("v0", "a"));
	CHECK(hosts_are("[fd00::9]:3632/4"));
	apply(GONE6("v1", "a"));
	CHECK(hosts_are("[fe80::9%v0]:3632/4"));
	apply(GONE6("v0", "a"));
	CHECK(hosts_are("127.0.0.1:3632/4"));
	apply(GONE4("lo", "a"));
	CHECK(hosts_are(""));
	discover_set_free(set);
}

static void two_sources(void)
{
	struct discover_line l;

	set = discover_set_new();
	CHECK(good(&l, V4("e", "b", "10.0.0.2")) && discover_set_apply(set, 1, &l));
	CHECK(good(&l, V4("e", "b", "10.0.0.9")) && discover_set_apply(set, 0, &l));
	CHECK(good(&l, V4("e", "a", "10.0.0.1")) && discover_set_apply(set, 1, &l));
	CHECK(hosts_are("10.0.0.9:3632/4 10.0.0.1:3632/4 10.0.0.2:3632/4"));
	CHECK(good(&l, GONE4("e", "a")) && !discover_set_apply(set, 0, &l));
	discover_set_clear(set, 1);
	CHECK(hosts_are("10.0.0.9:3632/4"));
	discover_set_free(set);
}

static void has_a_limit(void)
{
	char text[128];
	AUTO_BUF struct buf hosts = {0};
	size_t words = 1;

	set = discover_set_new();
	for (int i = 0; i < DISCOVER_SET_MAX; i++) {
		snprintf(text, sizeof text, V4("e", "s%d", "10.0.%d.%d"), i, i / 256,
			 i % 256);
		if (!CHECK(apply(text) == 1))
			break;
	}
	CHECK(apply(V4("e", "one-more", "10.1.0.0")) == 0);
	CHECK(apply(V4("e", "s0", "10.2.0.0")) == 1);
	discover_set_hosts(set, NULL, &hosts);
	for (size_t i = 0; i < hosts.len; i++)
		words += hosts.data[i] == ' ';
	CHECK(words == DISCOVER_SET_MAX);
	CHECK(apply(GONE4("e", "s7")) == 1 && apply(V4("e", "one-more", "10.1.0.0")) == 1);
	discover_set_free(set);
}

/* A farm's own, by its fingerprint. */
static void farms(void)
{
	static const char line[] = "=;e;IPv4;%s;t;local;h;10.0.0.%d;1;\"farm=x\"%s";
	static const char *const prints[] = {"", " \"print=aa\"", " \"print=ab\""};
	char text[200];

	set = discover_set_new();
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, line, (const char[]){(char)('a' + i), 0}, i + 1,
			 prints[i]);
		CHECK(apply(text) == 1);
	}
	only = "";
	CHECK(hosts_are("10.0.0.1:1"));
	only = "ab";
	CHECK(hosts_are("10.0.0.3:1"));
	only = "a";
	CHECK(hosts_are(""));
	only = NULL;
	CHECK(hosts_are("10.0.0.1:1 10.0.0.2:1 10.0.0.3:1"));
	discover_set_free(set);
}

TESTS({"there and gone", there}, {"resolved", resolved}, {"addresses", addresses},
      {"ports", ports}, {"txt", txt}, {"hostile lines", hostile}, {"mutilated", mutilated},
      {"services come and go", comes_and_goes},
      {"a service is one host at its best address", one_host_a_service},
      {"two sources", two_sources}, {"farms by their fingerprint", farms},
      {"a limit on announcements", has_a_limit})
