/* How many lines the log gets of those who knock. */
#include "net/stranger.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

#define SEC ((int64_t)1000000000)

static unsigned out;

static void one_a_minute(void)
{
	unsigned lines = 0;

	for (int i = 0; i < 1000; i++)
		lines += stranger_may(i % 2 ? "10.0.0.1:5" : "10.0.0.1:70", SEC + i, &out);
	CHECK(lines == 1);
	CHECK(stranger_may("10.0.0.2:5", SEC, &out) && out == 0);
	CHECK(!stranger_may("10.0.0.1:5", 60 * SEC, &out));
	CHECK(stranger_may("10.0.0.1:5", 61 * SEC, &out) && out == 1000);
	CHECK(stranger_may("10.0.0.1:5", 122 * SEC, &out) && out == 0);
	CHECK(stranger_may("[fe80::1]:5", 122 * SEC, &out));
	CHECK(!stranger_may("[fe80::1]:6", 122 * SEC, &out));
	CHECK(stranger_may("[fe80::2]:5", 122 * SEC, &out));
	CHECK(stranger_may("nowhere", 122 * SEC, &out));
}

/* As many sources as anybody likes to invent. */
static void all_together(void)
{
	char from[40];
	unsigned lines = 0;

	for (int minute = 1; minute <= 3; minute++) {
		for (int i = 0; i < 5000; i++) {
			snprintf(from, sizeof from, "[2001:db8::%x:%x]:1", minute, i);
			lines += stranger_may(from, minute * 61 * SEC + i, &out);
		}
		CHECK(lines == (unsigned)minute * STRANGER_LINES);
	}
}

static char seen[3000];

static void keep(enum log_level level, const char *name, const char *text)
{
	(void)level;
	(void)name;
	snprintf(seen, sizeof seen, "%s", text);
}

static void words(void)
{
	log_to(keep);
	stranger_line(LOG_WARNING, "1.2.3.4:5", "turned away: %s", "why\nnot");
	CHECK(strcmp(seen, "client=1.2.3.4:5 turned away: why\\x0anot") == 0);
	seen[0] = 0;
	stranger_line(LOG_WARNING, "1.2.3.4:6", "turned away");
	CHECK(!seen[0]);
	log_to(NULL);
}

TESTS({"one line a source a minute", one_a_minute}, {"all sources together", all_together},
      {"what it says", words})
