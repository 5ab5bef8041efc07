#pragma once
#include <stdbool.h>
#include <stdint.h>
/* A connection to a muster worker: all jobs of this agent there, what of our disk it has been told, the blobs it still
 * wants. Tells its remote what happens: remote_up, remote_down, remote_answer; tasks get their outputs from it. */
struct link;
struct peer;
struct peer_handler;
struct preprocess_end;
struct remote;
struct task;
struct tls;
struct err;

/* With TLS NULL in the clear. NULL: the address makes no sense. */
struct link *link_dial(struct remote *, const char *address, const struct tls *tls,
		       struct err *);
/* Over a peer that called us; from now on the link is the ctx of its handler, link_handler. */
struct link *link_answer(struct remote *, struct peer *);
extern const struct peer_handler link_handler;
/* Over a connected stream of any kind (consumed). */
struct link *link_adopt(struct remote *, int fd);
void link_close(struct link *); /* the remote is not told */
void link_query(struct link *, uint64_t compiler_key);
void link_send(struct link *, struct task *);
/* To a worker that takes only preprocessed source. */
void link_send_text(struct link *, struct task *, const struct preprocess_end *);
bool link_cancel(struct link *, struct task *); /* false: it has not heard of it */
uint64_t link_bytes_out(const struct link *);   /* on the wire, compressed */
uint64_t link_bytes_in(const struct link *);
