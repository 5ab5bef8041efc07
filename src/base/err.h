#pragma once

/* What went wrong, told once, by the one who knows. Lives on the caller's stack.
 * A function that can fail because of the world returns -1 (or NULL) and fills one of these;
 * its caller adds what it was doing with err_wrap and returns -1 in turn. Libraries never log
 * an error that they return, and never exit. */
struct err {
	int code;       /* an errno value; 0 when no errno fits */
	char text[508]; /* "put 3fa9…: open /var/cache/x: No space left on device" */
};

/* Fills E (which may be NULL) and returns -1. With CODE > 0, ": strerror(CODE)" is appended. */
int err_set(struct err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "what I was doing: " in front of E's text and returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
