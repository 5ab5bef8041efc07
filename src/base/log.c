#include "base/log.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *log_name = "muster";
static enum log_level log_limit = LOG_NOTICE;

void log_setup(const char *name, enum log_level level)
{
	log_name = name;
	log_limit = level;
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
	AUTO_BUF struct buf line = {0};

	if (!isatty(STDERR_FILENO))
		buf_printf(&line, "<%d>", (int)level);
	buf_printf(&line, "%s: ", log_name);
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f)
			buf_printf(&line, "\\x%02x", c);
		else
			buf_u8(&line, c);
	}
	buf_str(&line, "\n");
	/* One write, so that lines of several processes do not mix; nothing to do if it fails. */
	ssize_t n = write(STDERR_FILENO, line.data, line.len);
	(void)n;
}
