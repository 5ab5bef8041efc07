#pragma once

/* One line an event. By default on standard error: "<N>key: words", N as syslog numbers
 * levels, so that journald reads them without a library. Bytes below 0x20 and 0x7f are
 * shown as \xNN: a foreign name can never forge a line. */
enum log_level {
	LOG_CRITICAL = 2,
	LOG_ERROR = 3,
	LOG_WARNING = 4,
	LOG_NOTICE = 5,
	LOG_INFO = 6,
	LOG_DEBUG = 7
};

/* NAME stands before each line; lines above LEVEL are dropped. The default is "muster",
 * NOTICE. */
void log_setup(const char *name, enum log_level level);
/* "critical", "error", … "debug", or syslog's short forms "crit", "err", "warn". 0, or
 * -1: no such level. */
int log_level_parse(const char *word, enum log_level *);
void log_line(enum log_level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* From now on lines go to SINK, TEXT already free of control bytes and without an end of
 * line; NULL: back to standard error. Files and syslog are in sys/logsink. */
void log_to(void (*sink)(enum log_level, const char *name, const char *text));
