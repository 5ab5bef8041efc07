#pragma once
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether servers can compile: each is sent a file of one line, in distcc's protocol, all side by side. */
struct trial {
	const struct addrinfo *at; /* borrowed; NULL: not to be tried */
	bool passed;               /* it answered with the object */
	/* The rest is trial's own. */
	struct distcc_reader *reader;
	size_t sent;
	int fd;
	long began_ms;
};

/* COMPILER as it would be called there; PROTOCOL 1 to 3. Each server has LIMIT_MS. */
void trial_run(struct trial *, size_t n, const char *compiler, unsigned protocol,
	       long limit_ms);
