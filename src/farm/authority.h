#pragma once
#include "base/buf.h"
#include "net/tls.h"

#include <stddef.h>
#include <stdint.h>
/* The farm's own certification authority (Ed25519, X.509), in memory: it makes itself, signs who joins, and lists whom it
 * revoked. Texts are PEM. Times are seconds since 1970 and are given in. */
struct authority;
struct err;

enum {
	AUTHORITY_DAYS = 3650,
	AUTHORITY_SERIAL = 33,  /* of a certificate: 32 hexadecimal digits, and a NUL */
	AUTHORITY_SLACK_S = 300 /* certificates begin so much earlier: clocks differ */
};

/* A new one for the farm NAME: its certificate, and the key, which is nobody else's. */
void authority_make(const char *name, int64_t now, struct buf *certificate,
		    struct buf *key);
/* NULL: a sentence. */
struct authority *authority_open(struct slice certificate, struct slice key, struct err *);
void authority_free(struct authority *);
/* The beginning of the SHA-256 of its certificate. */
void authority_print(const struct authority *, uint8_t out[TLS_PRINT]);
struct slice authority_certificate(const struct authority *);
/* The same from the certificate alone. 0 or -1. */
int authority_print_of(struct slice certificate, uint8_t out[TLS_PRINT], struct err *);

/* A certificate for the key of REQUEST, which proves that its maker has it; all else in REQUEST is ignored. */
int authority_sign(const struct authority *, struct slice request, const struct tls_who *,
		   int64_t begins, int64_t ends, char serial[AUTHORITY_SERIAL],
		   struct buf *certificate, struct err *);
/* The list of SERIALS that count no more. */
int authority_revoked(const struct authority *, const char *const *serials, size_t n,
		      int64_t now, struct buf *crl, struct err *);

/* A node's own key, and its request to be certified. */
void authority_make_key(struct buf *key);
int authority_make_request(struct slice key, struct buf *request, struct err *);
