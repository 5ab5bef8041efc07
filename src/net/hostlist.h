#pragma once
#include <stdbool.h>
#include <stddef.h>
/* A list of machines as text, in distcc's grammar (distcc(1), "HOST SPECIFICATIONS"), which MUSTER_HOSTS shares:
 *
 *   list   = words between blanks; '#' begins a comment up to the line's end
 *   local  = localhost[/N]
 *   ssh    = [USER]@HOST[/N][:COMMAND][,OPTION]*
 *   tcp    = HOST[:PORT][/N][,OPTION]* | HOST[/N][:PORT][,OPTION]* ; HOST may be [IPV6]
 *   OPTION = lzo | cpp | auth[=NAME] | down | plain
 *   global = --randomize | --localslots=N | --localslots_cpp=N | +zeroconf       ('/N' may be written '=N')
 *          | +callers=BUILD
 *          | +scheduler=HOST[:PORT][,HOST[:PORT]]*                                (net/schedulers.h)
 *
 * Pure: text in, a structure out. A list with a word that makes no sense is an error as a whole. */
struct err;

enum {
	HOSTLIST_HOSTS = 10000, /* most hosts of a list */
	HOSTLIST_SLOTS = 10000, /* most jobs of a host */
	HOSTLIST_WORD = 4096,   /* most bytes of a word */
	HOSTLIST_NAME = 255,    /* most bytes of the name of a host or user */
	HOSTLIST_FILE = 1 << 20 /* most bytes of a file */
};

enum host_kind {
	HOST_LOCAL,
	HOST_TCP,
	HOST_SSH,
	HOST_CALLER /* never in a list: a worker that connected to us (agent/callers) */
};

struct host {
	enum host_kind kind;
	char *word;     /* as it was written */
	char *user;     /* ssh, or NULL; of a caller: the build whose door it came to */
	char *name;     /* host name or address, without brackets */
	char *command;  /* ssh: what to run there, or NULL */
	unsigned port;  /* tcp; the default of the list if none was given */
	unsigned slots; /* the number given, or 0: none was */
	bool lzo, cpp;  /* cpp: preprocesses there (distcc's "pump mode"); needs lzo */
	bool down;      /* to be left out for now */
	bool
	    plain; /* may be spoken to without encryption, whatever keys we have (net/trust.h) */
};

struct hostlist {
	struct host *v;
	size_t n;
	bool randomize, zeroconf;
	unsigned localslots, localslots_cpp; /* 0: not given */
	char *callers;    /* the build whose called workers may be used, or NULL */
	char *schedulers; /* as it was written; NULL: none */
};

/* -1: ERR says which word, what is wrong with it, and what was expected; LIST is then empty. */
int hostlist_parse(struct hostlist *list, const char *text, unsigned default_port,
		   struct err *);
void hostlist_free(struct hostlist *); /* its content; the structure may be used again */
/* "HOST:PORT" or "[V6]:PORT" of a tcp host, to be freed by the caller. */
char *host_address(const struct host *);
/* How many jobs at once `distcc -j` says: 4 for a remote host and 2 for localhost where no number was given.
 * A host that is down adds nothing. */
unsigned hostlist_concurrency(const struct hostlist *);

/* The text of the list that applies: $DISTCC_HOSTS even when it is empty, else $DISTCC_DIR/hosts
 * (~/.distcc/hosts), else /etc/distcc/hosts (SYSTEM_FILE). The first that exists and may be read wins. GETENV_FN is asked
 * for the variables. *FROM: which one it is, in words for people. Both are the caller's to free.
 * NULL: there is none, and ERR tells where it was looked for, or why the one that applies cannot be used. */
char *hostlist_find(const char *(*getenv_fn)(void *ctx, const char *name), void *ctx,
		    const char *system_file, char **from, struct err *);
