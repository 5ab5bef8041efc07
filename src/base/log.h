#pragma once

/* One line an event on standard error: "<N>key: words", N as syslog numbers levels, so that
 * journald reads them without a library. Bytes below 0x20 and 0x7f are shown as \xNN: a foreign
 * name can never forge a line. */
enum log_level {
	LOG_ERROR = 3,
	LOG_WARNING = 4,
	LOG_NOTICE = 5,
	LOG_INFO = 6,
	LOG_DEBUG = 7
};

/* NAME stands before each line; lines above LEVEL are dropped. The default is "muster", NOTICE. */
void log_setup(const char *name, enum log_level level);
void log_line(enum log_level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
