#pragma once
#include <stdbool.h>
#include <stddef.h>
/* DISTCC_AUTO_HOSTS, the list of hosts of the distcc-driver (distcc_build), between blanks:
 *
 *   [tcp://]HOST[:PORT[:STATS_PORT]]
 *   ssh://[USER@]HOST[:SSH_PORT][/PORT[/STATS_PORT]]          HOST may be [IPV6]
 *
 * Pure. */
struct err;

struct autohost {
	char *word; /* as written */
	bool ssh;
	char *user;                /* ssh, or NULL */
	char *name;                /* without brackets */
	unsigned ssh_port;         /* 0: ssh's own default */
	unsigned port, stats_port; /* 3632, 3633 where not given */
};

struct autohosts {
	struct autohost *v;
	size_t n;
};

/* -1: ERR names the word, its position (from 1), what is wrong, and the grammar; the list is then empty. */
int autohosts_parse(struct autohosts *, const char *text, struct err *);
void autohosts_free(struct autohosts *);
