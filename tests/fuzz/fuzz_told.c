/* Any bytes as what another machine told: what is shown of it holds nothing that a terminal obeys, and fits. */
#include "agent/told.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const char *out)
{
	for (const unsigned char *p = (const unsigned char *)out; *p; p++) {
		assert(*p >= 0x20 && *p != 0x7f);
		assert(*p != 0xc2 || p[1] >= 0xa0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1), room[16];

	memcpy(text, data, n);
	text[n] = 0;
	char *out = told_dup(text);

	check(out);
	assert(strlen(out) <= strlen(text));
	told_copy(room, sizeof room, text);
	check(room);
	assert(strncmp(room, out, strlen(room)) == 0);
	free(out);
	free(text);
	return 0;
}
