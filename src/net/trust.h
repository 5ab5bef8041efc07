#pragma once
#include <stdint.h>
/* What a user of this machine, or a worker on it, has to prove himself with: a farm's certificate, a key, both or nothing. They
 * are files, looked at again and again, since both may come, change and go while an agent runs.
 *
 *   key    $MUSTER_KEY_FILE, else $XDG_CONFIG_HOME/muster/key, else ~/.config/muster/key, else for root /etc/muster/key
 *   farm   $MUSTER_FARM_DIR, else …/muster/farm in the same places: authority.pem certificate.pem key.pem revoked.pem
 *
 * Who has either never speaks to another machine in the clear unasked, nor takes it for an old distccd: a host of the
 * list says ",plain" where that is meant. This machine's own loopback is no other machine. */
struct err;
struct peer;
struct tls;
struct trust;

struct trust *trust_new(void);
void trust_free(struct trust *); /* after all connections that were made with it */
/* Finds and reads the files, at most once a second for the same places. GETENV_FN is asked for the variables. */
void trust_look(struct trust *, const char *(*getenv_fn)(void *ctx, const char *name),
		void *ctx, int64_t now);
/* Only finds them. */
void trust_find(struct trust *, const char *(*getenv_fn)(void *ctx, const char *name),
		void *ctx);
/* What is wrong with them, or "". Nobody is dialled then but hosts that may be spoken to in the clear. */
const char *trust_wrong(const struct trust *);
/* What is tried first, whatever it lets us be; NULL: there is nothing. */
const struct tls *trust_first(const struct trust *);
/* What a listener proves itself with that wants to be one of ROLES in a farm: the certificate if it says so, else the key;
 * NULL: it has neither. */
const struct tls *trust_listen(const struct trust *, unsigned roles);
/* The farm's certificate, or NULL. */
const struct tls *trust_farm(const struct trust *);
/* How a host is dialled first. CLEAR: its word says ",plain". 0 and *OUT, NULL: in the clear; -1: not at all. */
int trust_dial(const struct trust *, int clear, const struct tls **out, struct err *);
/* In down() of a peer that was dialled with LAST and did not come up: 1 and *OUT when it is worth to be dialled again at once with
 * something else; 0: no; WHY may then be told better. */
int trust_retry(const struct trust *, const struct peer *, const struct tls *last,
		const struct tls **out, struct err *why);
/* The folder of the farm's files, whether it is there or not; borrowed. NULL: no home. */
const char *trust_farm_dir(const struct trust *);
