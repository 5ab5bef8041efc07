#pragma once
#include <stdbool.h>
#include <stdint.h>
/* A distccd that is not muster's: protocols 1, 2 and 3 (wire/distcc.h), one connection a job, over TCP or through the user's
 * ssh. It tells nothing of its compilers, so each one is tried before it is used: a sample text compiled there and here must
 * give the same bytes.
 *
 *   dial ─► remote_up at once ─► query: sample there and here, bytes compared ─► remote_answer
 *   send_text (1, 2) or send_sources (3) ─► connect ─► request ─► reply ─► task_output*, task_result */
struct foreign;
struct preprocess_end;
struct remote;
struct task;
struct err;

struct foreign *foreign_new(struct remote *);
void foreign_free(struct foreign *); /* NULL is fine; closes all its connections */
/* It has answered in distcc's protocol once: before that it may as well be a muster worker that was not there. */
bool foreign_is_sure(const struct foreign *);
void foreign_dial(struct foreign *);
void foreign_query(struct foreign *, uint64_t compiler_key);
/* By protocol 3; false: not this one (foreign_way.h). */
bool foreign_send_sources(struct foreign *, struct task *);
void foreign_send_text(struct foreign *, struct task *, const struct preprocess_end *);
bool foreign_cancel(struct foreign *, struct task *); /* false: it has not heard of it */
/* Starts the remote's ssh command (remote->ssh): our end of its stdin and stdout, or -1. */
int foreign_ssh(struct remote *, struct err *);
