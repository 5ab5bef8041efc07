#pragma once
#include <stdint.h>
#include <string.h>

/* The name of some bytes: their SHA-256 (FIPS 180-4). Computed only in sys/hash. */
enum {
	DIGEST_SIZE = 32,
	DIGEST_HEX = 65
};

struct digest {
	uint8_t b[DIGEST_SIZE];
};

static inline int digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->b, b->b, DIGEST_SIZE) == 0;
}

/* Writes 64 lower-case hexadecimal digits and a NUL to OUT; returns OUT. */
char *digest_hex(const struct digest *, char out[DIGEST_HEX]);
/* 0, or -1 when TEXT does not begin with 64 hexadecimal digits. */
int digest_parse(struct digest *, const char *text);
