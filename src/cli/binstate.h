#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
/* What the clients of distcc leave in $DISTCC_DIR/state for monitors: one file a process, "binstate_PID",
 * written anew at each phase. Anybody may have put anything there, and a file may be caught half written:
 * what makes no sense is passed over. */
struct err;

enum {
	BINSTATE_SIZE = 296,     /* of a file, on 64-bit machines */
	BINSTATE_NAME = 128,     /* of file and host in it, with the NUL */
	BINSTATE_FILES = 100000, /* of one folder are looked at */
};

struct binstate {
	long pid;
	const char *phase; /* a static word: "Compile" */
	char file[BINSTATE_NAME];
	char host[BINSTATE_NAME]; /* "" while none is chosen */
	int slot;
};

/* True when P is a whole file of this kind, whose task is not done. Never fails loudly. */
bool binstate_parse(struct binstate *, const void *p, size_t n);
/* Replaces control characters by '?': a foreign name shall not move the cursor. */
void binstate_clean(char *text);
/* The PID of a file called "binstate_PID"; 0 for another name. */
long binstate_pid(const char *name);
/* Appends a struct binstate to OUT for each file of the folder DIR that tells of a living process.
 * A folder that is not there is empty. 0, or -1 when it cannot be read. */
int binstate_collect(const char *dir, struct buf *out, struct err *);
