/* A line an event, whatever it holds. */
#include "base/log.h"
#include "test.h"

#include <string.h>

static char said[20000];

/* Standard error goes into a pipe while FN runs. */
static const char *heard(void (*fn)(void))
{
	int ends[2], saved = dup(STDERR_FILENO);

	if (pipe(ends))
		abort();
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	size_t n = 0;

	for (ssize_t got; (got = read(ends[0], said + n, sizeof said - 1 - n)) > 0;)
		n += (size_t)got;
	close(ends[0]);
	said[n] = 0;
	return said;
}

static void say_plain(void)
{
	log_line(LOG_NOTICE, "job=%d state=%s", 7, "done");
}

static void say_less(void)
{
	log_line(LOG_INFO, "unheard");
	log_line(LOG_DEBUG, "unheard");
	log_line(LOG_ERROR, "heard");
}

static void say_foreign(void)
{
	log_line(LOG_WARNING, "name=%s", "a\nb\t\x1b[31m\x7f\r\xc3\xa4\\");
}

static void say_much(void)
{
	char name[5000];

	memset(name, '\n', sizeof name);
	name[sizeof name - 1] = 0;
	log_line(LOG_ERROR, "%s", name);
	log_line(LOG_ERROR, "next");
}

static void plain(void)
{
	CHECK(strcmp(heard(say_plain), "<5>muster: job=7 state=done\n") == 0);
}

static void levels(void)
{
	CHECK(strcmp(heard(say_less), "<3>muster: heard\n") == 0);
	log_setup("agent", LOG_DEBUG);
	CHECK(strcmp(heard(say_less),
		     "<6>agent: unheard\n<7>agent: unheard\n<3>agent: heard\n") == 0);
}

static void foreign(void)
{
	CHECK(strcmp(heard(say_foreign),
		     "<4>muster: name=a\\x0ab\\x09\\x1b[31m\\x7f\\x0d\xc3\xa4\\\n") == 0);
}

static void cut(void)
{
	const char *text = heard(say_much);
	const char *end = strchr(text, '\n');

	CHECK(end && strcmp(end + 1, "<3>muster: next\n") == 0);
	CHECK(strncmp(text, "<3>muster: \\x0a\\x0a", 19) == 0);
}

static enum log_level sunk_level;
static char sunk[2048];

static void sink(enum log_level level, const char *name, const char *text)
{
	sunk_level = level;
	snprintf(sunk, sizeof sunk, "%s|%s", name, text);
}

static void elsewhere(void)
{
	log_to(sink);
	CHECK(strcmp(heard(say_foreign), "") == 0);
	CHECK(sunk_level == LOG_WARNING);
	CHECK(strcmp(sunk, "muster|name=a\\x0ab\\x09\\x1b[31m\\x7f\\x0d\xc3\xa4\\") == 0);
	CHECK(strcmp(heard(say_less), "") == 0);
	CHECK(strcmp(sunk, "muster|heard") == 0);
	log_to(NULL);
	CHECK(strcmp(heard(say_plain), "<5>muster: job=7 state=done\n") == 0);
}

static void level_words(void)
{
	static const struct {
		const char *word;
		enum log_level level;
	} words[] = {
	    {"critical", LOG_CRITICAL},
            {"error",    LOG_ERROR   },
            {"err",      LOG_ERROR   },
	    {"warning",  LOG_WARNING },
            {"warn",     LOG_WARNING },
            {"notice",   LOG_NOTICE  },
	    {"info",     LOG_INFO    },
            {"debug",    LOG_DEBUG   }
        };
	enum log_level level;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		CHECK(log_level_parse(words[i].word, &level) == 0 &&
		      level == words[i].level);
	level = LOG_INFO;
	CHECK(log_level_parse("", &level) == -1);
	CHECK(log_level_parse("WARNING", &level) == -1);
	CHECK(log_level_parse("debug ", &level) == -1);
	CHECK(level == LOG_INFO);
}

TESTS({"a line with its level and name", plain},
      {"lines above the level are dropped", levels}, {"control bytes are escaped", foreign},
      {"a long text is cut, and stays one line", cut},
      {"a sink takes the lines, cleaned", elsewhere}, {"levels by name", level_words})
