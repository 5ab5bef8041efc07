#include "base/err.h"
#include "engine/url.h"
#include "test.h"

#include <string.h>

static int refused(const char *text, const char *word)
{
	struct engine_url u;
	struct err e = {0};
	int failed = engine_url_parse(&u, text, &e);

	engine_url_free(&u);
	return failed && strstr(e.text, word);
}

static void parts(void)
{
	struct engine_url u;
	struct err e = {0};
	unsigned n = 7;

	CHECK(engine_url_parse(&u, "slurm://a,b?qos=x%20y&n=12&account=", &e) == 0);
	CHECK(strcmp(u.scheme, "slurm") == 0 && strcmp(u.place, "a,b") == 0);
	CHECK(u.places.n == 2 && strcmp(u.places.v[1], "b") == 0);
	CHECK(strcmp(engine_url_get(&u, "qos"), "x y") == 0);
	CHECK(strcmp(engine_url_get(&u, "account"), "") == 0);
	CHECK(!engine_url_get(&u, "time"));
	CHECK(engine_url_number(&u, "n", 1, 20, &n, &e) == 0 && n == 12);
	CHECK(engine_url_number(&u, "slots", 1, 20, &n, &e) == 0 && n == 12);
	CHECK(engine_url_number(&u, "n", 1, 11, &n, &e) && strstr(e.text, "1 to 11"));
	CHECK(engine_url_number(&u, "qos", 1, 11, &n, &e));
	engine_url_free(&u);
}

static void least(void)
{
	struct engine_url u;
	struct err e = {0};

	CHECK(engine_url_parse(&u, "SLURM://", &e) == 0);
	CHECK(strcmp(u.scheme, "slurm") == 0 && *u.place == 0 && u.places.n == 0);
	engine_url_free(&u);
	CHECK(engine_url_parse(&u, "slurm://part/?", &e) == 0);
	CHECK(strcmp(u.place, "part") == 0 && u.noptions == 0);
	engine_url_free(&u);
}

static void cut_before_decoded(void)
{
	struct engine_url u;
	struct err e = {0};

	CHECK(engine_url_parse(&u, "x://a%2Cb,c%3Fd?p=1%262&q=%3D", &e) == 0);
	CHECK(u.places.n == 2 && strcmp(u.places.v[0], "a,b") == 0);
	CHECK(strcmp(u.places.v[1], "c?d") == 0);
	CHECK(strcmp(engine_url_get(&u, "p"), "1&2") == 0);
	CHECK(strcmp(engine_url_get(&u, "q"), "=") == 0);
	engine_url_free(&u);
}

static void nonsense(void)
{
	char many[400] = "x://h?", *p = many + strlen(many);

	CHECK(refused("", "engine"));
	CHECK(refused("slurm:part", "engine"));
	CHECK(refused("://part", "engine"));
	CHECK(refused("sl urm://", "no name"));
	CHECK(refused("x://a,,b", "comma"));
	CHECK(refused("x://a%", "hexadecimal"));
	CHECK(refused("x://a%4", "hexadecimal"));
	CHECK(refused("x://a%zz", "hexadecimal"));
	CHECK(refused("x://a%00b", "hexadecimal"));
	CHECK(refused("x://a?b", "NAME=VALUE"));
	CHECK(refused("x://a?=b", "NAME=VALUE"));
	CHECK(refused("x://a?b=1&b=2", "twice"));
	for (int i = 0; i <= ENGINE_URL_OPTIONS; i++)
		p += sprintf(p, "a%d=1&", i);
	CHECK(refused(many, "more than"));
}

TESTS({"its parts", parts}, {"the least that is one", least},
      {"cut first, decoded then", cut_before_decoded}, {"nonsense", nonsense})
