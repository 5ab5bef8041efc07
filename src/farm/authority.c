/* X.509 by OpenSSL, as little of it as will do: one root, leaves directly below it, one name in each (net/tls.h).
 * What was made here is what net/tls reads; whatever comes from outside is checked before it is used, and OpenSSL's
 * refusal to make something of good parts is our bug. */
#include "farm/authority.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/pem.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	SERIAL_BYTES = (AUTHORITY_SERIAL - 1) / 2,
	CRL_DAYS =
	    3650 /* an old list is better than none: its age is no reason to refuse */
};

struct authority {
	X509 *cert;
	EVP_PKEY *key;
	struct buf pem;
};

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (!key)
		abort();
	return key;
}

/* -- PEM ------------------------------------------------------------------------------------- */

/* Frees B. */
static void add_bio(BIO *b, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	buf_add(out, p, (size_t)n);
	BIO_free(b);
}

static void add_key(EVP_PKEY *key, struct buf *out)
{
	BIO *b = BIO_new(BIO_s_secmem());

	if (!b || !PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL))
		abort();
	add_bio(b, out);
}

static void add_certificate(X509 *cert, struct buf *out)
{
	BIO *b = BIO_new(BIO_s_mem());

	if (!b || !PEM_write_bio_X509(b, cert))
		abort();
	add_bio(b, out);
}

static EVP_PKEY *key_of(struct slice pem)
{
	EVP_PKEY *key = pem_private_key(pem, TLS_PEM_MAX);

	if (key && EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* -- parts of certificates ------------------------------------------------------------------- */

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);

	if (!x || !X509_add_ext(cert, x, -1))
		abort();
	X509_EXTENSION_free(x);
}

static void set_name(X509_NAME *name, const char *text)
{
	if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)text, -1, -1, 0))
		abort();
}

/* 127 random bits: never negative, never used twice. */
static void set_serial(ASN1_INTEGER *to, char text[AUTHORITY_SERIAL])
{
	unsigned char bytes[SERIAL_BYTES];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		abort();
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);

	if (!n || !BN_to_ASN1_INTEGER(n, to))
		abort();
	BN_free(n);
	for (size_t i = 0; text && i < sizeof bytes; i++) {
		static const char digits[] = "0123456789abcdef";

		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
		text[2 * i + 2] = 0;
	}
}

static X509 *new_certificate(EVP_PKEY *public, int64_t begins, int64_t ends,
			     char serial[AUTHORITY_SERIAL])
{
	X509 *cert = X509_new();

	if (!cert || !X509_set_version(cert, X509_VERSION_3) ||
	    !X509_set_pubkey(cert, public) ||
	    !ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)begins) ||
	    !ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)ends))
		abort();
	set_serial(X509_get_serialNumber(cert), serial);
	return cert;
}

/* -- the authority --------------------------------------------------------------------------- */

void authority_make(const char *name, int64_t now, struct buf *certificate, struct buf *key)
{
	EVP_PKEY *pair = new_key();
	X509 *cert = new_certificate(pair, now - AUTHORITY_SLACK_S,
				     now + AUTHORITY_DAYS * 86400LL, NULL);

	/* A member may be called as the farm is (both by the host's name, if nothing is said): with the same subject as its
	 * issuer its certificate would count as signed by itself. */
	if (!X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "O", MBSTRING_ASC,
					(const unsigned char *)"muster farm", -1, -1, 0))
		abort();
	set_name(X509_get_subject_name(cert), name);
	if (!X509_set_issuer_name(cert, X509_get_subject_name(cert)))
		abort();
	extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(cert, cert, NID_subject_key_identifier, "hash");
	if (!X509_sign(cert, pair, NULL))
		abort();
	add_certificate(cert, certificate);
	add_key(pair, key);
	X509_free(cert);
	EVP_PKEY_free(pair);
}

struct authority *authority_open(struct slice certificate, struct slice key, struct err *e)
{
	X509 *cert = pem_certificate(certificate, TLS_PEM_MAX);
	EVP_PKEY *pair = key_of(key);

	if (!cert || !pair || X509_check_private_key(cert, pair) != 1) {
		ERR_clear_error();
		X509_free(cert);
		EVP_PKEY_free(pair);
		err_set(e, 0,
			!cert   ? "the authority's certificate makes no sense"
			: !pair ? "the authority's key makes no sense"
				: "the authority's key is not that of its certificate");
		return NULL;
	}
	struct authority *a = xcalloc(1, sizeof *a);

	a->cert = cert;
	a->key = pair;
	add_certificate(cert, &a->pem);
	return a;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
	buf_free(&a->pem);
	free(a);
}

struct slice authority_certificate(const struct authority *a)
{
	return (struct slice){a->pem.data, a->pem.len};
}

static void print_of(const X509 *cert, uint8_t out[TLS_PRINT])
{
	unsigned n = 0;
	uint8_t print[EVP_MAX_MD_SIZE];

	if (!X509_digest(cert, EVP_sha256(), print, &n) || n < TLS_PRINT)
		abort();
	memcpy(out, print, TLS_PRINT);
}

void authority_print(const struct authority *a, uint8_t out[TLS_PRINT])
{
	print_of(a->cert, out);
}

int authority_print_of(struct slice certificate, uint8_t out[TLS_PRINT], struct err *e)
{
	X509 *cert = pem_certificate(certificate, TLS_PEM_MAX);

	if (!cert)
		return err_set(e, 0, "the authority's certificate makes no sense");
	print_of(cert, out);
	X509_free(cert);
	return 0;
}

/* -- nodes ----------------------------------------------------------------------------------- */

/* The public key of a request that was signed with its private one. The caller's; NULL: none. */
static EVP_PKEY *requested_key(struct slice request)
{
	BIO *b = pem_bio(request, TLS_PEM_MAX);
	X509_REQ *req = b ? PEM_read_bio_X509_REQ(b, NULL, NULL, NULL) : NULL;
	EVP_PKEY *public = req ? X509_REQ_get_pubkey(req) : NULL;

	if (public && (EVP_PKEY_get_id(public) != EVP_PKEY_ED25519 ||
		       X509_REQ_verify(req, public) != 1)) {
		EVP_PKEY_free(public);
		public = NULL;
	}
	X509_REQ_free(req);
	BIO_free(b);
	ERR_clear_error();
	return public;
}

int authority_sign(const struct authority *a, struct slice request,
		   const struct tls_who *who, int64_t begins, int64_t ends,
		   char serial[AUTHORITY_SERIAL], struct buf *certificate, struct err *e)
{
	EVP_PKEY *public = requested_key(request);
	AUTO_BUF struct buf uri = {0};

	assert(tls_name_is_good(who->name, strlen(who->name)));
	assert(who->roles && !(who->roles & ~(unsigned)TLS_ROLES));
	if (!public)
		return err_set(e, 0, "the request for a certificate makes no sense");
	X509 *cert = new_certificate(public, begins, ends, serial);

	buf_str(&uri, "URI:");
	tls_who_print(who, &uri);
	buf_u8(&uri, 0);
	set_name(X509_get_subject_name(cert), who->name);
	if (!X509_set_issuer_name(cert, X509_get_subject_name(a->cert)))
		abort();
	extend(cert, a->cert, NID_basic_constraints, "critical,CA:FALSE");
	extend(cert, a->cert, NID_key_usage, "critical,digitalSignature");
	extend(cert, a->cert, NID_ext_key_usage, "clientAuth,serverAuth");
	extend(cert, a->cert, NID_authority_key_identifier, "keyid");
	extend(cert, a->cert, NID_subject_alt_name, uri.data);
	if (!X509_sign(cert, a->key, NULL))
		abort();
	add_certificate(cert, certificate);
	X509_free(cert);
	EVP_PKEY_free(public);
	return 0;
}

static ASN1_INTEGER *serial_of(const char *text)
{
	BIGNUM *n = NULL;
	ASN1_INTEGER *serial = NULL;

	if (strlen(text) == AUTHORITY_SERIAL - 1 &&
	    BN_hex2bn(&n, text) == AUTHORITY_SERIAL - 1)
		serial = BN_to_ASN1_INTEGER(n, NULL);
	BN_free(n);
	return serial;
}

static int add_revoked(X509_CRL *crl, const char *text, ASN1_TIME *when, struct err *e)
{
	ASN1_INTEGER *serial = serial_of(text);
	X509_REVOKED *r = X509_REVOKED_new();

	if (!serial) {
		X509_REVOKED_free(r);
		return err_set(e, 0, "'%s' is no serial number of a certificate", text);
	}
	if (!r || !X509_REVOKED_set_serialNumber(r, serial) ||
	    !X509_REVOKED_set_revocationDate(r, when) || !X509_CRL_add0_revoked(crl, r))
		abort();
	ASN1_INTEGER_free(serial);
	return 0;
}

int authority_revoked(const struct authority *a, const char *const *serials, size_t n,
		      int64_t now, struct buf *out, struct err *e)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)now),
		  *next = ASN1_TIME_set(NULL, (time_t)(now + CRL_DAYS * 86400LL));
	int r = 0;

	if (!crl || !when || !next || !X509_CRL_set_version(crl, X509_CRL_VERSION_2) ||
	    !X509_CRL_set_issuer_name(crl, X509_get_subject_name(a->cert)) ||
	    !X509_CRL_set1_lastUpdate(crl, when) || !X509_CRL_set1_nextUpdate(crl, next))
		abort();
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_revoked(crl, serials[i], when, e);
	if (r == 0) {
		BIO *b = BIO_new(BIO_s_mem());

		X509_CRL_sort(crl);
		if (!X509_CRL_sign(crl, a->key, NULL) || !b ||
		    !PEM_write_bio_X509_CRL(b, crl))
			abort();
		add_bio(b, out);
	}
	X509_CRL_free(crl);
	ASN1_TIME_free(when);
	ASN1_TIME_free(next);
	return r;
}

void authority_make_key(struct buf *key)
{
	EVP_PKEY *pair = new_key();

	add_key(pair, key);
	EVP_PKEY_free(pair);
}

int authority_make_request(struct slice key, struct buf *request, struct err *e)
{
	EVP_PKEY *pair = key_of(key);
	X509_REQ *req = X509_REQ_new();
	BIO *b = BIO_new(BIO_s_mem());

	if (!pair) {
		X509_REQ_free(req);
		BIO_free(b);
		return err_set(e, 0, "our private key makes no sense");
	}
	if (!req || !b || !X509_REQ_set_version(req, X509_REQ_VERSION_1) ||
	    !X509_REQ_set_pubkey(req, pair) || !X509_REQ_sign(req, pair, NULL) ||
	    !PEM_write_bio_X509_REQ(b, req))
		abort();
	add_bio(b, request);
	X509_REQ_free(req);
	EVP_PKEY_free(pair);
	return 0;
}
