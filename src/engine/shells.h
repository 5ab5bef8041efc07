#pragma once
#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
/* Workers of places that a command reaches, whose standard input is the lease: when it ends, the worker is told to end. For ssh://
 * and local://. One worker a place. */
struct engine;
struct err;
struct shells;

struct shells_spec {
	size_t n; /* places */
	/* Appends the words that run a shell command at place I, the command itself included. */
	void (*command)(void *ctx, size_t i, struct arena *, struct strv *argv);
	/* Its handle's stem, without blanks or quotes: "ssh-host". */
	const char *(*name)(void *ctx, size_t i);
	void *ctx;
	bool
	    sized; /* a worker has as many slots as is wanted of one; else as many as its place has */
	bool carry; /* the worker's file goes through standard input; else it is there */
	bool
	    tunnel; /* the command says on which port of its place calls come through to us */
};

/* What each command has to run at its place: it takes the script from its standard input. */
#define SHELLS_COMMAND "read -r n; eval \"$(head -c $n)\""

struct shells *shells_new(struct engine *, const struct shells_spec *, struct err *);
void shells_want(void *, unsigned slots);
void shells_retire(void *, const char *handle);
void shells_close(void *); /* waits some seconds for the workers to end */
