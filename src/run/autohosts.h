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

enum {
	AUTOHOSTS_MAX = 1000,       /* most hosts of a list */
	AUTOHOSTS_NAME = 255,       /* most bytes of the name of a host or user */
	AUTOHOSTS_PORT = 3632,      /* where none is given */
	AUTOHOSTS_STATS_PORT = 3633 /* likewise */
};

#define AUTOHOSTS_GRAMMAR \
	"[tcp://]HOST[:PORT[:STATS_PORT]] or " \
	"ssh://[USER@]HOST[:SSH_PORT][/PORT[/STATS_PORT]]"

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

/* -1: ERR names the word, its position (from 1), what is wrong, and the grammar; the
 * list is then empty. */
int autohosts_parse(struct autohosts *, const char *text, struct err *);
void autohosts_free(struct autohosts *); /* its content; the structure may be used again */
