#pragma once
#include "base/buf.h"
#include "base/digest.h"
#include "cas/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>
/* One worker as the agent knows it: its address, its connection, what of our disk it has been told, and the
 * blobs it still wants. */
struct agent;
struct peer;
struct task;
struct upload;
struct err;

struct remote {
	uint64_t id; /* key; the scheduler's worker id */
	struct agent *agent;
	char *address, *name;
	unsigned limit;    /* slots to use at most, from the host list; 0: all it has */
	struct peer *peer; /* while dialling or connected */
	bool up, confined;
	unsigned slots, running;
	int64_t unnamed_since; /* when the host list last named it; 0: it does now */
	uint64_t njobs, nfailures;
	char why[512]; /* why it is down, or takes no jobs */

	/* what the other side has been told, of this connection */
	uint64_t *sent_nodes; /* by node id: the node's stamp when it was sent, 0 never */
	size_t nsent_nodes;
	uint64_t
	    *sent_files; /* by file id: all the file stands on was sent, up to this stamp */
	size_t nsent_files;
	size_t gone; /* how many of disk_gone() it has heard of */

	struct upload *first, *last; /* blobs it wants, in the order of asking */
	UT_hash_handle hh;
};

struct remote *remote_new(struct agent *, const char *address, unsigned limit);
void remote_free(struct remote *); /* its tasks must have left */
void remote_dial(struct remote *);
void remote_query(struct remote *, uint64_t compiler_ref);
void remote_send(struct remote *, struct task *);
void remote_cancel(struct remote *, struct task *);
