/* Credentials. One SSL_CTX for each; it says who we are and whom we believe, and everything that is the same for all
 * connections. What is particular to one is in tls_stream.c.
 *
 * By a farm, OpenSSL checks the chain and the dates; who it is, what it may be and whether it was revoked is looked at
 * afterwards (tls_admit), also for a connection that went on with a ticket, and so that a refusal can be told in
 * words. */
#include "net/tls.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/pem.h"
#include "net/tls_impl.h"
#include "net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Both are of SHA-256, as a key's use demands. */
static const char ciphers[] = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
static const char *const alpn[] = {[TLS_MUSTER] = "muster", [TLS_ENROL] = "muster-enrol"};

static const unsigned char whose[] = "muster"; /* sessions: OpenSSL insists on a word */

enum {
	NPURPOSES = sizeof alpn / sizeof *alpn,
	PLACES_MAX = 4096
};

/* -- tickets --------------------------------------------------------------------------------- */

static void ticket_drop(struct tickets *all, struct ticket *t)
{
	HASH_DEL(all->by_place, t);
	SSL_SESSION_free(t->session);
	free(t);
}

static void tickets_drop_all(struct tickets *all)
{
	struct ticket *t, *next;

	HASH_ITER(hh, all->by_place, t, next)
	{
		ticket_drop(all, t);
	}
}

void tickets_keep(struct tickets *all, const char *place, SSL_SESSION *session)
{
	size_t n = strlen(place) + 1;
	struct ticket *t;

	HASH_FIND_STR(all->by_place, place, t);
	if (t) {
		SSL_SESSION_free(t->session);
		t->session = session;
		return;
	}
	if (HASH_COUNT(all->by_place) >= PLACES_MAX)
		tickets_drop_all(all);
	t = xcalloc(1, sizeof *t + n);
	memcpy(t->place, place, n);
	t->session = session;
	HASH_ADD_STR(all->by_place, place, t);
}

SSL_SESSION *tickets_take(struct tickets *all, const char *place)
{
	struct ticket *t;
	SSL_SESSION *session;

	HASH_FIND_STR(all->by_place, place, t);
	if (!t)
		return NULL;
	session = t->session;
	t->session = NULL;
	ticket_drop(all, t);
	return session;
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct tls_stream *s = SSL_get_app_data(ssl);

	if (s->side != TLS_DIALS || !s->place[0] || s->purpose != TLS_MUSTER)
		return 0;
	tickets_keep(s->tls->tickets, s->place, session);
	return 1; /* it is ours now */
}

/* -- what both sides say they want (ALPN) ---------------------------------------------------- */

static int choose_purpose(SSL *ssl, const unsigned char **out, unsigned char *n,
			  const unsigned char *offered, unsigned noffered, void *arg)
{
	struct tls_stream *s = SSL_get_app_data(ssl);

	(void)arg;
	for (unsigned i = 0; i < NPURPOSES; i++) {
		size_t length = strlen(alpn[i]);

		if (noffered != length + 1 || memcmp(offered + 1, alpn[i], length) != 0)
			continue;
		if (i == TLS_ENROL) {
			if (!s->enrols)
				break;
			/* A newcomer has no certificate yet, and needs the authority itself. */
			SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
			SSL_set_num_tickets(ssl, 0);
			SSL_add1_chain_cert(ssl, s->tls->authority);
		}
		s->purpose = (enum tls_purpose)i;
		*out = offered + 1;
		*n = (unsigned char)length;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* -- by a key -------------------------------------------------------------------------------- */

static SSL_SESSION *session_of_key(SSL *ssl, const struct tls *t)
{
	static const unsigned char aes128gcm[] = {0x13, 0x01};
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes128gcm);
	SSL_SESSION *s = SSL_SESSION_new();

	if (!s || !cipher || !SSL_SESSION_set1_master_key(s, t->key.b, KEY_SIZE) ||
	    !SSL_SESSION_set_cipher(s, cipher) ||
	    !SSL_SESSION_set1_id_context(s, whose, sizeof whose - 1) ||
	    !SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		abort();
	return s;
}

static int offer_key(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n,
		     SSL_SESSION **session)
{
	const struct tls_stream *s = SSL_get_app_data(ssl);
	const struct tls *t = s->tls;

	/* After a retry OpenSSL asks again, with the hash that it must have; ours is the only one there is. */
	(void)md;
	*id = (const unsigned char *)t->key_name;
	*n = strlen(t->key_name);
	*session = session_of_key(ssl, t);
	return 1;
}

static int find_key(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **session)
{
	struct tls_stream *s = SSL_get_app_data(ssl);
	const struct tls *t = s->tls;
	bool ours = n == strlen(t->key_name) && memcmp(id, t->key_name, n) == 0;

	s->other_key = !ours;
	*session = ours ? session_of_key(ssl, t) : NULL;
	return 1;
}

/* Whoever shows a certificate has not got the key. */
static int refuse_certificates(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_stream *s = SSL_get_app_data(ssl);

	(void)arg;
	s->other_kind = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static struct tls *tls_new(void)
{
	struct tls *t = xcalloc(1, sizeof *t);

	t->tickets = xcalloc(1, sizeof *t->tickets);
	return t;
}

static SSL_CTX *ctx_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, ciphers) ||
	    !SSL_CTX_set1_groups_list(ctx, "X25519:P-256") ||
	    !SSL_CTX_set1_sigalgs_list(ctx, "ed25519") ||
	    !SSL_CTX_set_session_id_context(ctx, whose, sizeof whose - 1))
		abort();
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(ctx, choose_purpose, NULL);
	return ctx;
}

struct tls *tls_from_key(const struct key *key)
{
	struct tls *t = tls_new();

	t->by_key = true;
	t->key = *key;
	key_name(key, t->key_name);
	snprintf(t->words, sizeof t->words, "the key %s", t->key_name);
	t->ctx = ctx_new();
	SSL_CTX_set_psk_use_session_callback(t->ctx, offer_key);
	SSL_CTX_set_psk_find_session_callback(t->ctx, find_key);
	SSL_CTX_set_cert_verify_callback(t->ctx, refuse_certificates, NULL);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_num_tickets(t->ctx, 0); /* a key is as quick as a ticket */
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	return t;
}

struct tls *tls_from_key_file(const char *path, struct err *e)
{
	struct key key;

	if (key_read(&key, path, e))
		return NULL;
	struct tls *t = tls_from_key(&key);

	key_forget(&key);
	return t;
}

/* -- by a farm ------------------------------------------------------------------------------- */

/* A certificate of AUTHORITY, whatever its dates. */
static bool is_signed_by(X509 *cert, X509 *authority)
{
	return X509_check_issued(authority, cert) == X509_V_OK &&
	       X509_verify(cert, X509_get0_pubkey(authority)) == 1;
}

static SSL_CTX *farm_ctx(X509 *authority, X509 *own, EVP_PKEY *key)
{
	SSL_CTX *ctx = ctx_new();
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);

	if (!X509_STORE_add_cert(store, authority) ||
	    SSL_CTX_use_certificate(ctx, own) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		abort(); /* all of it was looked at before */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx, 1);
	/* The same certificate dials and answers; its name says what its owner may be. */
	SSL_CTX_set_purpose(ctx, X509_PURPOSE_ANY);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_ticket);
	SSL_CTX_set_num_tickets(ctx, 1);
	return ctx;
}

/* What is wrong with what F says, before anything is changed; on success the three are the caller's. */
static int farm_parts(const struct tls_farm *f, X509 **authority, X509 **own,
		      EVP_PKEY **key, struct tls_who *who, struct err *e)
{
	*authority = pem_certificate(f->authority, TLS_CRL_MAX);
	*own = pem_certificate(f->certificate, TLS_CRL_MAX);
	*key = pem_private_key(f->key, TLS_CRL_MAX);
	if (!*authority)
		err_set(e, 0, "the certificate of the farm's authority makes no sense");
	else if (!*own || tls_who_of(who, *own))
		err_set(e, 0, "our certificate makes no sense");
	else if (!*key)
		err_set(e, 0, "the private key makes no sense");
	else if (X509_check_private_key(*own, *key) != 1)
		err_set(e, 0, "the private key is not that of our certificate");
	else if (!is_signed_by(*own, *authority))
		err_set(e, 0, "our certificate is of another authority than the farm's");
	else
		return 0;
	ERR_clear_error();
	X509_free(*authority);
	X509_free(*own);
	EVP_PKEY_free(*key);
	return -1;
}

int tls_renew(struct tls *t, const struct tls_farm *f, struct err *e)
{
	X509 *authority, *own;
	EVP_PKEY *key;
	struct tls_who who;

	if (farm_parts(f, &authority, &own, &key, &who, e))
		return -1;
	SSL_CTX_free(t->ctx); /* connections that stand keep theirs */
	X509_free(t->own);
	X509_free(t->authority);
	t->ctx = farm_ctx(authority, own, key);
	/* A list of another farm says nothing here, and must not keep this one's from being taken. */
	if (t->crl && X509_CRL_verify(t->crl, X509_get0_pubkey(authority)) != 1) {
		X509_CRL_free(t->crl);
		t->crl = NULL;
	}
	ERR_clear_error();
	t->authority = authority;
	t->own = own;
	t->self = who;
	snprintf(t->words, sizeof t->words, "the certificate of %s", who.name);
	tickets_drop_all(t->tickets);
	EVP_PKEY_free(key);
	return 0;
}

struct tls *tls_from_farm(const struct tls_farm *f, struct err *e)
{
	struct tls *t = tls_new();

	if (tls_renew(t, f, e) == 0)
		return t;
	tls_free(t);
	return NULL;
}

int tls_revoke(struct tls *t, struct slice pem, struct err *e)
{
	BIO *b = pem_bio(pem, TLS_CRL_MAX);
	X509_CRL *crl = b ? PEM_read_bio_X509_CRL(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	ERR_clear_error();
	if (!crl)
		return err_set(e, 0, "the list of revoked certificates makes no sense");
	if (X509_CRL_verify(crl, X509_get0_pubkey(t->authority)) != 1) {
		ERR_clear_error();
		X509_CRL_free(crl);
		return err_set(
		    e, 0, "the list of revoked certificates is not signed by the farm");
	}
	if (t->crl && ASN1_TIME_compare(X509_CRL_get0_lastUpdate(t->crl),
					X509_CRL_get0_lastUpdate(crl)) > 0) {
		X509_CRL_free(crl);
		return 0;
	}
	X509_CRL_free(t->crl);
	t->crl = crl;
	return 0;
}

/* -- to become one of a farm ----------------------------------------------------------------- */

/* The chain holds when it ends in the authority with the fingerprint that we were told. */
static int verify_by_print(X509_STORE_CTX *store, void *arg)
{
	const struct tls *t = arg;
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);

	for (int i = 0; i < sk_X509_num(sent); i++) {
		X509 *cert = sk_X509_value(sent, i);
		unsigned char print[EVP_MAX_MD_SIZE];
		unsigned n = 0;

		if (!X509_digest(cert, EVP_sha256(), print, &n) || n < TLS_PRINT ||
		    memcmp(print, t->print, TLS_PRINT) != 0)
			continue;
		STACK_OF(X509) *roots = sk_X509_new_null();

		if (!roots || !sk_X509_push(roots, cert))
			abort();
		X509_STORE_CTX_set0_trusted_stack(store, roots);
		int good = X509_verify_cert(store);

		X509_STORE_CTX_set0_trusted_stack(store, NULL);
		sk_X509_free(roots);
		return good;
	}
	X509_STORE_CTX_set_error(store, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
	return 0;
}

struct tls *tls_from_fingerprint(const void *fingerprint)
{
	struct tls *t = tls_new();

	t->by_print = true;
	memcpy(t->print, fingerprint, TLS_PRINT);
	snprintf(t->words, sizeof t->words, "a token");
	t->ctx = ctx_new();
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(t->ctx, verify_by_print, t);
	SSL_CTX_set_purpose(t->ctx, X509_PURPOSE_ANY);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	tickets_drop_all(t->tickets);
	free(t->tickets);
	SSL_CTX_free(t->ctx);
	X509_free(t->authority);
	X509_free(t->own);
	X509_CRL_free(t->crl);
	key_forget(&t->key);
	free(t);
}

/* -- questions ------------------------------------------------------------------------------- */

bool tls_is_farm(const struct tls *t)
{
	return t->own != NULL;
}

const char *tls_words(const struct tls *t)
{
	return t->words;
}

const struct tls_who *tls_self(const struct tls *t)
{
	return t->own ? &t->self : NULL;
}

int64_t tls_expires(const struct tls *t)
{
	struct tm tm;

	if (!t->own || !ASN1_TIME_to_tm(X509_get0_notAfter(t->own), &tm))
		return 0;
	return timegm(&tm);
}

int tls_stands(const struct tls *t, const struct tls_stream *s, struct err *e)
{
	X509 *cert = t->crl ? SSL_get0_peer_certificate(s->ssl) : NULL;
	X509_REVOKED *entry;

	if (cert && X509_CRL_get0_by_cert(t->crl, &entry, cert) == 1)
		return err_set(e, 0, "the certificate of %s was revoked", s->who.name);
	return 0;
}

int tls_admit(const struct tls *t, const struct tls_stream *s, unsigned roles,
	      struct err *e)
{
	char words[40];

	if (t->by_key)
		return 0; /* the handshake could not end without it */
	if (s->who.roles == 0)
		return err_set(e, 0, "it has no certificate of this farm");
	X509 *cert = SSL_get0_peer_certificate(s->ssl);

	if (tls_stands(t, s, e))
		return -1;
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return err_set(e, 0, "the certificate of %s has expired", s->who.name);
	if (!(s->who.roles & roles))
		return err_set(e, 0, "%s may only be %s in this farm", s->who.name,
			       tls_roles_words(s->who.roles, words));
	return 0;
}
