#pragma once
#include "base/buf.h"
/* The service that lets machines and users into a farm, and keeps them in: it answers JOIN (wire/message.h) on connections that came
 * for it (TLS_ENROL). It is part of whoever listens for the farm: give enrol_accept to peer_server_enrol.
 *
 *   newcomer                                   farm
 *    │ "MSTR" JOIN {token, proof, name, request}│   with a token, whose secret the proof is made of
 *    │ "MSTR" JOIN {"", "", "", request} ─────► │   who has a certificate: a new one
 *    │ "MSTR" JOIN {"", "", "", ""} ──────────► │   who has one: only the list of revoked ones
 *    │ ◄──── "MSTR" JOINED {name, certificate, authority, revoked}, or REFUSED {why} */
struct enrol;
struct home;
struct loop;
struct sockaddr;
struct tls;
struct tls_stream;

enum {
	ENROL_MS = 10000,   /* a connection has so long for all of it */
	ENROL_AT_ONCE = 64, /* as many at once; then the oldest goes */
	ENROL_REQUEST_MAX = 16 << 10
};

/* Both are borrowed. TLS is what the listener shows; the list of revoked ones is kept up to date in it. */
struct enrol *enrol_new(struct loop *, struct home *, struct tls *);
void enrol_free(struct enrol *);
/* CTX is the struct enrol. */
void enrol_accept(void *ctx, int fd, struct tls_stream *, const struct buf *early,
		  const struct sockaddr *from);
