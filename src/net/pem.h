#pragma once
#include "base/buf.h"

#include <openssl/types.h>
#include <stddef.h>
/* Texts in PEM (RFC 7468) as OpenSSL's objects, for net/tls and farm/authority. Longer than MAX bytes, or no such thing: NULL.
 * What is given is the caller's. */
BIO *pem_bio(struct slice, size_t max); /* borrows the text */
X509 *pem_certificate(struct slice, size_t max);
EVP_PKEY *pem_private_key(struct slice, size_t max);
