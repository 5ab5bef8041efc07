#pragma once
#include "base/buf.h"
#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* What the files of a link share. Everything in it is of one connection and forgotten with it. */
struct peer;
struct plan;
struct remote;
struct task;
struct text;
struct tls;
struct upload;
struct loop_timer;
struct preprocess_end;

struct link {
	struct remote *remote;
	struct peer *peer;
	const struct tls *tls; /* it was dialled with, or NULL */

	/* what the other side has been told */
	uint64_t *sent_nodes; /* by node id: the node's stamp when it was sent, 0 never */
	size_t nsent_nodes;
	uint64_t
	    *sent_files; /* by file id: all the file stands on was sent, up to this stamp */
	size_t nsent_files;
	size_t gone; /* how many of disk_gone() it has heard of */

	struct upload *first, *last; /* blobs it wants, in the order of asking */
	struct text *texts;          /* utlist: preprocessed sources of jobs under way */

	/* whether it lives (link_vigil.c) */
	struct loop_timer *vigil; /* NULL: it never had a job */
	uint64_t vigil_in, vigil_out;
	int64_t vigil_looked, vigil_heard, vigil_bulk;
	bool
	    vigil_full; /* more waited for the socket, when it was looked at, than it takes at once */
};

/* -- link_vigil.c: it has a job, and must say something from time to time -- */
void link_watch(struct link *);
void link_watch_end(struct link *);

/* -- link_view.c: appends to OUT the VIEW messages that bring the other side up to date -- */
void link_tell_plan(struct link *, const struct plan *, struct buf *out);
/* Names NAME as a file with these bytes; with D NULL it is gone. */
void link_tell_text(struct link *, const char *name, const struct digest *d, uint64_t size,
		    struct buf *out);
void link_forget_views(struct link *);

/* -- link_blobs.c: bytes on their way up -- */
void link_upload(struct link *, const struct digest *); /* it asked for this blob */
void link_pump(struct link *);                          /* as much as the socket takes */
/* Keeps the text of TASK until link_drop_text, and names it; the name is valid until then. */
const char *link_keep_text(struct link *, const struct task *, const char *suffix,
			   const struct preprocess_end *);
/* Tells that it is gone; false when there was none. */
bool link_drop_text(struct link *, const struct task *);
void link_forget_blobs(struct link *);
