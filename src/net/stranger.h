#pragma once
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

/* Log lines about those who are turned away or talk nonsense. Anybody can knock as often as he likes, and the log is a file on
 * somebody's disk: so each source (an address, whatever its port) gets one line a minute, which then tells how many were left
 * out, and all sources together STRANGER_LINES. */
enum {
	STRANGER_LINES = 100, /* a minute */
	STRANGER_SOURCES = 256
};

/* "client=FROM " and the words, if it is time for a line; FROM is "HOST:PORT". */
void stranger_line(enum log_level, const char *from, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Whether FROM may have a line at NOW (nanoseconds); then *LEFT_OUT is how many it did not get since its last one. */
bool stranger_may(const char *from, int64_t now, unsigned *left_out);
