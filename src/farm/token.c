#include "farm/token.h"

#include "base/digest.h"
#include "base/err.h"
#include "sys/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION = 1,
	CHECK = 4, /* bytes of a digest: a token that was not copied whole */
	PAYLOAD = 2 + 4 + TLS_PRINT + TOKEN_SECRET + CHECK,
	ENCODED = PAYLOAD / 3 * 4
};

_Static_assert(PAYLOAD % 3 == 0, "it needs no padding");

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_check(char *payload)
{
	struct digest d;

	hash_bytes(payload, PAYLOAD - CHECK, &d);
	memcpy(payload + PAYLOAD - CHECK, d.b, CHECK);
}

void token_print(const struct token *t, struct buf *out)
{
	struct buf b = {0};

	buf_u8(&b, VERSION);
	buf_u8(&b, t->roles);
	buf_u32(&b, t->expires);
	buf_add(&b, t->print, TLS_PRINT);
	buf_add(&b, t->secret, TOKEN_SECRET);
	buf_add(&b, "0000", CHECK);
	put_check(b.data);
	buf_printf(out, "%s/", t->address);
	for (size_t i = 0; i < PAYLOAD; i += 3) {
		const unsigned char *p = (unsigned char *)b.data + i;
		unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];

		for (int shift = 18; shift >= 0; shift -= 6)
			buf_u8(out, (unsigned char)digits[v >> shift & 63]);
	}
	buf_free(&b);
}

/* ENCODED characters to PAYLOAD bytes. */
static bool decode(const char *text, char *out)
{
	for (size_t i = 0; i < ENCODED; i += 4) {
		unsigned v = 0;

		for (size_t k = 0; k < 4; k++) {
			const char *at = memchr(digits, text[i + k], sizeof digits - 1);

			if (!at)
				return false;
			v = v << 6 | (unsigned)(at - digits);
		}
		*out++ = (char)(v >> 16);
		*out++ = (char)(v >> 8);
		*out++ = (char)v;
	}
	return true;
}

int token_parse(struct token *t, const char *text, struct err *e)
{
	const char *slash = strrchr(text, '/');
	char payload[PAYLOAD], check[PAYLOAD];
	size_t n = slash ? (size_t)(slash - text) : 0;

	*t = (struct token){0};
	if (n == 0 || n >= TOKEN_ADDRESS || strlen(slash + 1) != ENCODED ||
	    !decode(slash + 1, payload))
		return err_set(
		    e, 0,
		    "this is no token of a farm, or not all of it: it looks like "
		    "HOST:PORT/%d letters, as 'muster farm token' prints it",
		    ENCODED);
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(e, 0, "the token's address makes no sense");
	memcpy(check, payload, PAYLOAD);
	put_check(check);
	if (memcmp(check, payload, PAYLOAD) != 0)
		return err_set(e, 0, "the token was mistyped, or not copied whole");
	struct cursor c = {payload, payload + PAYLOAD, 0};
	unsigned version = cursor_u8(&c);

	t->roles = cursor_u8(&c);
	t->expires = cursor_u32(&c);
	memcpy(t->print, cursor_bytes(&c, TLS_PRINT).p, TLS_PRINT);
	memcpy(t->secret, cursor_bytes(&c, TOKEN_SECRET).p, TOKEN_SECRET);
	memcpy(t->address, text, n);
	if (version != VERSION || !t->roles || t->roles & ~(unsigned)TLS_ROLES)
		return err_set(e, 0, "the token is of a newer muster: update this one");
	return 0;
}

void token_id(const uint8_t secret[TOKEN_SECRET], char id[TOKEN_ID])
{
	static const char purpose[] = "muster: the name of a token";
	char bytes[sizeof purpose + TOKEN_SECRET], hex[DIGEST_HEX];
	struct digest d;

	memcpy(bytes, purpose, sizeof purpose);
	memcpy(bytes + sizeof purpose, secret, TOKEN_SECRET);
	hash_bytes(bytes, sizeof bytes, &d);
	snprintf(id, TOKEN_ID, "%.16s", digest_hex(&d, hex));
}

void token_prove(const uint8_t secret[TOKEN_SECRET], const uint8_t binding[32],
		 struct slice text, uint8_t proof[TOKEN_PROOF])
{
	struct digest d;
	uint8_t both[32 + DIGEST_SIZE];
	unsigned n = TOKEN_PROOF;

	hash_bytes(text.p, text.n, &d);
	memcpy(both, binding, 32);
	memcpy(both + 32, d.b, DIGEST_SIZE);
	if (!HMAC(EVP_sha256(), secret, TOKEN_SECRET, both, sizeof both, proof, &n) ||
	    n != TOKEN_PROOF)
		abort();
}
