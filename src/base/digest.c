#include "base/digest.h"

char *digest_hex(const struct digest *d, char out[DIGEST_HEX])
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = hex[d->b[i] >> 4];
		out[2 * i + 1] = hex[d->b[i] & 15];
	}
	out[2 * DIGEST_SIZE] = 0;
	return out;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int digest_parse(struct digest *d, const char *text)
{
	for (int i = 0; i < DIGEST_SIZE; i++) {
		int high = nibble(text[2 * i]);
		int low = high < 0 ? -1 : nibble(text[2 * i + 1]);

		if (low < 0)
			return -1;
		d->b[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
