#include "base/log.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void standard_error(enum log_level level, const char *name, const char *text);

static const char *log_name = "muster";
static enum log_level log_limit = LOG_NOTICE;
static void (*log_sink)(enum log_level, const char *name,
			const char *text) = standard_error;

void log_setup(const char *name, enum log_level level)
{
	log_name = name;
	log_limit = level;
}

void log_to(void (*sink)(enum log_level, const char *name, const char *text))
{
	log_sink = sink ? sink : standard_error;
}

int log_level_parse(const char *word, enum log_level *level)
{
	static const struct {
		const char *word;
		enum log_level level;
	} levels[] = {
	    {"critical", LOG_CRITICAL},
            {"crit",     LOG_CRITICAL},
            {"error",    LOG_ERROR   },
	    {"err",      LOG_ERROR   },
            {"warning",  LOG_WARNING },
            {"warn",     LOG_WARNING },
	    {"notice",   LOG_NOTICE  },
            {"info",     LOG_INFO    },
            {"debug",    LOG_DEBUG   },
	};

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		if (strcmp(word, levels[i].word) == 0) {
			*level = levels[i].level;
			return 0;
		}
	}
	return -1;
}

static void standard_error(enum log_level level, const char *name, const char *text)
{
	AUTO_BUF struct buf line = {0};

	if (!isatty(STDERR_FILENO))
		buf_printf(&line, "<%d>", (int)level);
	buf_printf(&line, "%s: %s\n", name, text);
	/* One write, so that lines of several processes do not mix; nothing to do if it fails. */
	ssize_t n = write(STDERR_FILENO, line.data, line.len);
	(void)n;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	if (level > log_limit)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	AUTO_BUF struct buf clean = {0};

	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f)
			buf_printf(&clean, "\\x%02x", c);
		else
			buf_u8(&clean, c);
	}
	buf_u8(&clean, 0);
	log_sink(level, log_name, clean.data);
}
