#pragma once
#include "base/buf.h"
#include "net/tls.h"

#include <stdint.h>
/* One paste that lets a machine or a user into a farm: where to go, whom to believe there, and the right to join.
 *
 *   HOST:PORT/BASE64URL( u8 version, u8 roles, u32 expires, print, secret, check )
 *
 * The secret itself never crosses the network: what does is a digest over it and what only this connection's two ends
 * know, so that neither a listener nor somebody in between can use it. */
struct err;

enum {
	TOKEN_SECRET = 16,
	TOKEN_ID = 17, /* with its NUL */
	TOKEN_PROOF = 32,
	TOKEN_ADDRESS = 256,
	TOKEN_TEXT = 512
};

struct token {
	char address[TOKEN_ADDRESS];
	unsigned roles;   /* enum tls_role */
	uint32_t expires; /* seconds since 1970 */
	uint8_t print[TLS_PRINT];
	uint8_t secret[TOKEN_SECRET];
};

void token_print(const struct token *, struct buf *out);
/* 0; -1: it is none, or was not copied whole. Dates are not looked at. */
int token_parse(struct token *, const char *text, struct err *);
/* What the farm knows it by: tells nothing of the secret. */
void token_id(const uint8_t secret[TOKEN_SECRET], char id[TOKEN_ID]);
/* That who knows the secret wants this: BINDING is the connection's (tls_stream_export), TEXT what is asked for. */
void token_prove(const uint8_t secret[TOKEN_SECRET], const uint8_t binding[32],
		 struct slice text, uint8_t proof[TOKEN_PROOF]);
