#pragma once
#include <stdbool.h>
#include <stddef.h>

/* A list of workers as text: words "HOST[:PORT][/SLOTS]" between blanks, commas or line ends; '#' begins a
 * comment up to the end of the line. */
struct host {
	char *address;  /* with its port */
	unsigned slots; /* use at most so many; 0: all */
};

struct hosts {
	struct host *v;
	size_t n;
	char *bad; /* the first word that makes no sense, or NULL */
};

struct hosts *hosts_parse(const char *text);
bool hosts_have(const struct hosts *, const char *address, unsigned slots);
void hosts_free(struct hosts *);
