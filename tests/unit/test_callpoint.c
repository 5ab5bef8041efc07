#include "base/err.h"
#include "engine/callpoint.h"
#include "engine/url.h"
#include "test.h"

#include <string.h>

/* 192.0.2.1 is kept for documents: no machine has it. */
static int find(const char *url, const char *outside, struct callpoint *c, struct err *e)
{
	struct engine_url u;
	int failed = engine_url_parse(&u, url, e) || callpoint_find(&u, outside, c, e);

	engine_url_free(&u);
	return failed;
}

static int gives(const char *url, const char *outside, const char *listen, const char *call)
{
	struct callpoint c;
	struct err e = {0};
	char told[CALLPOINT_MAX];

	if (find(url, outside, &c, &e)) {
		printf("# %s\n", e.text);
		return 0;
	}
	callpoint_told(&c, "10.0.0.1:4000", told);
	if (strcmp(c.listen, listen) == 0 && strcmp(told, call) == 0)
		return 1;
	printf("# %s: listens at %s, workers call %s\n", url, c.listen, told);
	return 0;
}

static void both_the_same(void)
{
	CHECK(gives("local://1", NULL, "127.0.0.1", "10.0.0.1:4000"));
	CHECK(gives("local://1?listen=127.0.0.3", NULL, "127.0.0.3", "10.0.0.1:4000"));
	CHECK(gives("local://1?call=127.0.0.2", NULL, "127.0.0.2", "10.0.0.1:4000"));
	CHECK(gives("local://1?call=127.0.0.2:77", NULL, "127.0.0.2:77", "10.0.0.1:4000"));
	/* With IPv6 here, and without. */
	CHECK(gives("local://1?call=[::1]:5", NULL, "[::1]:5", "10.0.0.1:4000") ||
	      gives("local://1?call=[::1]:5", NULL, "127.0.0.1:5", "[::1]:5"));
}

static void another_outside(void)
{
	CHECK(gives("slurm://?call=192.0.2.1:7000&listen=127.0.0.1", NULL, "127.0.0.1:7000",
		    "192.0.2.1:7000"));
	CHECK(gives("slurm://?call=192.0.2.1:7000&listen=127.0.0.1:8000", NULL,
		    "127.0.0.1:8000", "192.0.2.1:7000"));
	CHECK(gives("local://1?call=192.0.2.1:7000", NULL, "127.0.0.1:7000",
		    "192.0.2.1:7000"));
	CHECK(gives("local://1?call=[2001:db8::1]:7000", NULL, "127.0.0.1:7000",
		    "[2001:db8::1]:7000"));
	/* The port that was given to the door. */
	CHECK(gives("slurm://?call=192.0.2.1&listen=127.0.0.1", NULL, "127.0.0.1",
		    "192.0.2.1:4000"));
}

static void by_the_environment(void)
{
	CHECK(gives("slurm://?listen=127.0.0.1", "192.0.2.1:7000", "127.0.0.1:7000",
		    "192.0.2.1:7000"));
	CHECK(gives("slurm://?call=127.0.0.2:1", "192.0.2.1:7000", "127.0.0.2:1",
		    "10.0.0.1:4000"));
	CHECK(gives("local://1", "192.0.2.1:7000", "127.0.0.1", "10.0.0.1:4000"));
	CHECK(gives("ssh://h", "192.0.2.1:7000", "127.0.0.1", "10.0.0.1:4000"));
	CHECK(gives("local://1", "", "127.0.0.1", "10.0.0.1:4000"));
}

static void refused(void)
{
	struct callpoint c;
	struct err e = {0};
	char url[800] = "slurm://?listen=127.0.0.1&call=";

	CHECK(find("local://1?call=192.0.2.1", NULL, &c, &e) &&
	      strstr(e.text, "is no address of this machine"));
	memset(url + strlen(url), 'a', 400);
	CHECK(find(url, NULL, &c, &e) && strstr(e.text, "too long"));
}

TESTS({"both_the_same", both_the_same}, {"another_outside", another_outside},
      {"by_the_environment", by_the_environment}, {"refused", refused})
