#pragma once
#include "net/key.h"
#include "net/tls.h"
#include "net/tls_stream.h"

#include <openssl/ssl.h>
#include <uthash.h>

/* What tls.c and tls_stream.c both see of credentials. */

/* What a later connection to PLACE can begin with. */
struct ticket {
	UT_hash_handle hh;
	SSL_SESSION *session;
	char place[];
};

/* Changes while the credentials do not: behind a pointer, so that users may hold a const struct tls. */
struct tickets {
	struct ticket *by_place;
};

struct tls {
	SSL_CTX *ctx;
	bool by_key, by_print;
	struct key key;           /* by_key */
	char key_name[KEY_NAME];  /* what it is called on the wire */
	uint8_t print[TLS_PRINT]; /* by_print */
	X509 *authority, *own;    /* of a farm */
	X509_CRL *crl;            /* of a farm, or NULL */
	struct tls_who self;      /* of a farm */
	struct tickets *tickets;  /* by those who dial */
	char words[TLS_NAME + 32];
};

struct tls_stream {
	const struct tls *tls;
	SSL *ssl;
	BIO *in, *out; /* memory; SSL's own */
	enum tls_side side;
	enum tls_purpose purpose;
	bool enrols; /* answering: TLS_ENROL is served */
	bool ready;
	bool other_key;     /* a key was offered, and it is not ours */
	bool other_kind;    /* certificates where we have a key */
	struct tls_who who; /* roles 0: nobody that is certified */
	char place[];       /* "": none */
};

/* tls_words.c: E's sentence for a handshake or record of S that OpenSSL refused. Always -1. */
int tls_stream_blame(const struct tls_stream *, struct err *);
/* The one name in CERT to WHO; -1: it is none of a farm's. */
int tls_who_of(struct tls_who *, X509 *cert);
void tickets_keep(struct tickets *, const char *place, SSL_SESSION *); /* takes it */
SSL_SESSION *tickets_take(struct tickets *,
			  const char *place); /* the caller's; NULL: none */
