#pragma once
#include <stdbool.h>
#include <stdint.h>
/* One connection: a worker, an agent or a person, as its ENROLL says. */
struct buf;
struct guest;
struct peer;
struct place;
struct server;
struct sockaddr;

/* For peer_listen: CTX is the server. */
extern const struct peer_handler guest_handler;
void *guest_accept(void *ctx, struct peer *, const char *from);
bool guest_admitted(void *ctx, const struct sockaddr *from); /* for peer_server_admit */

struct guest *guest_by_id(const struct server *, uint64_t id);
const char *guest_user(const struct guest *); /* for people */
const char *guest_name(const struct guest *); /* as it says; perhaps "" */
void guest_send(struct guest *, struct buf *);
/* Tells WORKER that this agent may run no more than SLOTS jobs there, and whether those beyond end at once. */
void guest_evict(struct guest *, struct guest *worker, unsigned slots, bool ends,
		 const char *why);
bool guest_was_evicted(const struct guest *);
bool guest_asks_in_vain(
    const struct guest *);           /* for a host that speaks distcc's protocol */
void guest_doom(struct guest *);     /* it is closed next */
bool guests_purge(struct server *);  /* closes those; true: some still read why */
void guests_expire(struct server *); /* dooms who has not enrolled in time */
/* A host has come: those who declared what they hold of it did so too early. */
void guests_redeclare(struct server *, const struct place *);
void guests_close(struct server *);
