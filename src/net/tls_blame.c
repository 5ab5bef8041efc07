/* Sentences for what OpenSSL refuses: what is wrong, seen from here, and what to do. */
#include "base/err.h"
#include "net/tls_impl.h"
#include "net/tls_stream.h"

#include <errno.h>
#include <openssl/err.h>

/* The other end said why it gives up. */
static int blame_alert(const struct tls_stream *s, int alert, struct err *e)
{
	const struct tls *t = s->tls;

	if (t->by_key)
		switch (alert) {
		case SSL_AD_HANDSHAKE_FAILURE:
		case SSL_AD_UNKNOWN_PSK_IDENTITY:
		case SSL_AD_DECRYPT_ERROR:
			return err_set(
			    e, 0, "it does not know %s: both sides want the same key file",
			    t->words);
		case SSL_AD_BAD_CERTIFICATE:
		case SSL_AD_UNKNOWN_CA:
		case SSL_AD_CERTIFICATE_UNKNOWN:
			return err_set(
			    e, 0, "it has another key than we, or a farm's certificate");
		}
	switch (alert) {
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_DECRYPT_ERROR:
		return err_set(e, 0,
			       "it does not accept %s: it is of another farm ('muster join "
			       "TOKEN' enrols)",
			       t->words);
	case SSL_AD_CERTIFICATE_EXPIRED:
		return err_set(e, 0, "%s has expired: 'muster join TOKEN' enrols anew",
			       t->words);
	case SSL_AD_CERTIFICATE_REVOKED: return err_set(e, 0, "%s was revoked", t->words);
	case SSL_AD_CERTIFICATE_REQUIRED:
		return err_set(
		    e, 0, "it wants a certificate of its farm: run 'muster join TOKEN'");
	case SSL_AD_HANDSHAKE_FAILURE:
		return err_set(e, 0,
			       "it has no certificate of a farm: it wants a key, perhaps");
	case SSL_AD_NO_APPLICATION_PROTOCOL:
		return err_set(e, 0,
			       s->purpose == TLS_ENROL
				   ? "it enrols nobody: name the machine of the scheduler"
				   : "it speaks something else than muster inside TLS");
	case SSL_AD_PROTOCOL_VERSION: return err_set(e, 0, "it has no TLS 1.3");
	}
	return err_set(e, 0, "it broke the encrypted connection off: %s",
		       SSL_alert_desc_string_long(alert));
}

static int blame_certificate(const struct tls_stream *s, struct err *e)
{
	if (s->other_kind)
		return err_set(e, 0, "it shows a farm's certificate and does not know %s",
			       s->tls->words);
	switch (SSL_get_verify_result(s->ssl)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return err_set(e, 0, "its certificate has expired (or a clock is wrong)");
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return err_set(
		    e, 0, "its certificate is not valid yet: one of the clocks is wrong");
	}
	return err_set(
	    e, 0,
	    s->tls->by_print
		? "it is not the farm that the token is of: somebody stands in between, or the "
		  "farm was made anew since"
		: "its certificate is not of this farm");
}

int tls_stream_blame(const struct tls_stream *s, struct err *e)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	const char *words = ERR_reason_error_string(code);

	ERR_clear_error();
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET)
		return blame_alert(s, reason - SSL_AD_REASON_OFFSET, e);
	if (s->other_key || (s->tls->by_key && s->side == TLS_ANSWERS && !s->ready &&
			     (reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM ||
			      reason == SSL_R_NO_SHARED_CIPHER)))
		return err_set(e, 0, "it does not have %s", s->tls->words);
	switch (reason) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED: return blame_certificate(s, e);
	case SSL_R_BINDER_DOES_NOT_VERIFY:
		return err_set(e, 0, "it does not have %s", s->tls->words);
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return err_set(e, 0, "it has no certificate of this farm");
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW: return err_set(e, 0, "it has no TLS 1.3");
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST: return err_set(e, EPROTO, "what it says is no TLS");
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
		return err_set(e, EPROTO, "what it sent was damaged or forged on its way");
	case SSL_R_NO_APPLICATION_PROTOCOL:
		return err_set(e, 0, "it wants something else than muster of us");
	}
	return err_set(e, EPROTO, "the encrypted connection failed: %s",
		       words ? words : "OpenSSL does not say why");
}
