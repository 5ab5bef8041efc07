#pragma once
#include "base/arena.h"

#include <stdbool.h>
/* The user's own ssh as a connection: one process, one socketpair for its standard input and output. Whatever
 * it needs (keys, an agent, ProxyJump, multiplexing) is the user's set-up; what it must not do is ask, since nobody
 * is there to answer. */
struct err;
struct host;
struct loop;
struct ssh;

enum {
	SSH_WORDS = 64 /* most words of DISTCC_SSH */
};

/* The command for HOST: WORDS (DISTCC_SSH; NULL or blank: "ssh") split on blanks, no shell, no quotes; when its program is
 * called ssh, "-o BatchMode=yes" behind the user's own words, which therefore win; then [-l USER] HOST, and what
 * is to run there as distcc has it. -1 with ERR: too many words. */
int ssh_command(struct arena *, const char *words, const struct host *, struct strv *argv,
		struct err *);
/* Starts that. *FD is our end, the caller's, not blocking. NULL: it cannot be started. */
struct ssh *ssh_start(struct loop *, const char *words, const struct host *, int *fd,
		      struct err *);
/* The last line that it has said on stderr so far, or "". */
const char *ssh_said(struct ssh *);
/* To be called when FD has been closed, which ends it; if it has not gone soon it is killed. NULL is fine. */
void ssh_close(struct ssh *);
