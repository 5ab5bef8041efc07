#pragma once
/* Which list of hosts applies: MUSTER_HOSTS, even when it is empty; else DISTCC_HOSTS; else ~/.config/muster/hosts; else distcc's files
 * (net/hostlist.h). */
struct err;

enum {
	HOSTCHOICE_DISTCC_PORT = 3632
};

struct hostchoice {
	char *text;
	char *from;    /* a variable's name, or a file's path */
	unsigned port; /* of hosts that name none */
};

/* GETENV_FN is asked for the variables. 0; -1 with a sentence: there is no list, or the one that applies cannot be used. */
int hostchoice_find(struct hostchoice *,
		    const char *(*getenv_fn)(void *ctx, const char *name), void *ctx,
		    struct err *);
void hostchoice_free(struct hostchoice *); /* its content */
/* muster's own file, whether it exists or not, to be freed by the caller; NULL: there is no home folder. */
char *hostchoice_file(const char *(*getenv_fn)(void *ctx, const char *name), void *ctx);
