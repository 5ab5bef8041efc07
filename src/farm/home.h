#pragma once
#include "base/buf.h"
#include "farm/token.h"
#include "net/tls.h"

#include <stddef.h>
#include <stdint.h>
/* Where a farm lives: a folder, mode 0700, on the machine of its scheduler.
 *
 *   authority.pem authority.key          who signs
 *   certificate.pem key.pem              of the machine itself, role scheduler: what it serves with
 *   revoked.pem                          the signed list of what counts no more
 *   members                              a line for each certificate: SERIAL NAME ROLES BEGINS ENDS
 *   tokens                               a line for each token that still counts: ID SECRET ROLES USES EXPIRES
 *   revoked                              serials
 *   address                              where members reach it; missing: nobody said
 *
 * Several processes may use it at once: each call locks the folder, reads, and replaces whole files. Times are seconds
 * since 1970 and given in. */
struct err;
struct home;

enum {
	HOME_CERTIFICATE_S = 30 * 86400, /* how long a certificate counts */
	HOME_MEMBERS_MAX = 100000,
	HOME_RENEWALS_MAX =
	    6, /* certificates of one member that count at a time; two or three as a rule */
	HOME_TOKENS_MAX = 1000
};

/* Where the farm of this user is if he did not say, malloc'ed; NULL: there is no HOME. */
char *home_usual_dir(void);
/* A new farm in DIR, which must not hold one. 0 or -1. */
int home_make(const char *dir, const char *name, int64_t now, struct err *);
struct home *home_open(const char *dir, struct err *);
void home_free(struct home *); /* NULL is fine */
/* Our own credentials, to serve with; as they are now. NULL: a sentence. */
struct tls *home_tls(struct home *, struct err *);
/* A token, printed to TEXT: for ROLES, USES times, for SECONDS. */
int home_token(struct home *, const char *address, unsigned roles, unsigned uses,
	       int64_t seconds, int64_t now, struct buf *text, struct err *);

/* Somebody wants a certificate for the key of REQUEST. */
struct home_ask {
	const char *token; /* the id of one, or "": WHO asks to go on */
	struct slice proof;
	uint8_t binding[32]; /* of his connection */
	const char *name;
	struct slice request; /* PEM; with "" WHO only wants the list of revoked ones */
	const struct tls_who *who; /* he showed a good certificate, or NULL */
};

/* 0 and what he gets (appended); -1: a sentence for him. */
int home_join(struct home *, const struct home_ask *, int64_t now, struct buf *certificate,
	      struct err *);
/* Appends the list of revoked certificates, PEM; nothing when there is none. */
int home_revoked(struct home *, struct buf *crl, struct err *);
struct slice home_authority(const struct home *);
/* All certificates of NAME count no more. 0; -1: nobody is called that. */
int home_revoke(struct home *, const char *name, int64_t now, struct err *);
/* Where members reach 'farm serve': HOST:PORT, remembered. Empty: nobody said. */
int home_set_address(struct home *, const char *address, struct err *);
int home_address(struct home *, struct buf *text, struct err *);
/* Calls back for each member whose certificate counts. */
int home_members(struct home *, int64_t now,
		 void (*call)(void *ctx, const struct tls_who *, int64_t ends), void *ctx,
		 struct err *);
