#include "net/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

BIO *pem_bio(struct slice pem, size_t max)
{
	return pem.n > max ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
}

X509 *pem_certificate(struct slice pem, size_t max)
{
	BIO *b = pem_bio(pem, max);
	X509 *cert = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	ERR_clear_error();
	return cert;
}

EVP_PKEY *pem_private_key(struct slice pem, size_t max)
{
	BIO *b = pem_bio(pem, max);
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	ERR_clear_error();
	return key;
}
