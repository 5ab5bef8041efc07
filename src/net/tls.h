#pragma once
#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* What this end proves of itself on encrypted connections, and whom it believes: TLS 1.3 and nothing older.
 *
 *   by a key      both ends have the same 32 bytes (net/key.h); who has them may all. New secrets for each connection
 *                 (X25519), so a key that leaks later opens nothing recorded earlier.
 *   by a farm     each has a certificate of the farm's own authority, which says its name and what it may be.
 *
 * Shared by any number of connections (net/peer.h, net/tls_stream.h), which it must outlive. */
struct err;
struct key;
struct tls;
struct tls_stream;

enum tls_role { /* what a certificate lets its owner be; bits */
	TLS_WORKER = 1,
	TLS_USER = 2,
	TLS_SCHEDULER = 4
};

enum {
	TLS_ROLES = 7,
	TLS_NAME = 64, /* bytes of a name, with its NUL */
	TLS_PEM_MAX = 64 << 10,
	TLS_CRL_MAX = 4 << 20
};

/* Who is at the other end, as the farm's authority certified it. */
struct tls_who {
	char name[TLS_NAME];
	unsigned roles;
};

/* Of a farm, PEM: the authority's certificate, our own and the key to it. */
struct tls_farm {
	struct slice authority, certificate, key;
};

struct tls *tls_from_key(const struct key *);
/* -1/NULL: a sentence. */
struct tls *tls_from_key_file(const char *path, struct err *);
struct tls *tls_from_farm(const struct tls_farm *, struct err *);
/* For enrolment, when we have nothing yet: the other end is believed if FINGERPRINT (TLS_PRINT bytes) is that of its
 * farm's authority. */
struct tls *tls_from_fingerprint(const void *fingerprint);
void tls_free(struct tls *);

/* New credentials, of the same farm as a rule, for connections from now on. -1: it keeps what it had. */
int tls_renew(struct tls *, const struct tls_farm *, struct err *);
/* The authority's list of certificates that count no more (PEM). An older list than the one that it has is ignored. */
int tls_revoke(struct tls *, struct slice crl, struct err *);
/* 0 when the other end of STREAM, whose handshake is over, may be one of ROLES. By a key, it may all. */
int tls_admit(const struct tls *, const struct tls_stream *, unsigned roles, struct err *);
/* The same later, for a connection that stands: -1 when who is there was revoked meanwhile. One that was only renewed goes on. */
int tls_stands(const struct tls *, const struct tls_stream *, struct err *);
bool tls_is_farm(const struct tls *);
/* "the key 0123456789abcdef", "the certificate of NAME": for log lines. */
const char *tls_words(const struct tls *);
const struct tls_who *tls_self(const struct tls *); /* NULL without a certificate */
/* Seconds since 1970 when our certificate ends; 0 without one. */
int64_t tls_expires(const struct tls *);

/* -- names in certificates -- */
enum {
	TLS_PRINT = 16 /* the first bytes of the SHA-256 of its certificate */
};

/* "muster://NAME/worker/user", the one subject alternative name of a certificate, to WHO. 0 or -1. */
int tls_who_parse(struct tls_who *, const char *uri, size_t n);
void tls_who_print(const struct tls_who *, struct buf *out); /* appends it, without NUL */
bool tls_name_is_good(const char *name, size_t n); /* letters, digits, '.', '-', '_' */
const char *tls_roles_words(unsigned roles, char out[40]); /* "worker, user" */
