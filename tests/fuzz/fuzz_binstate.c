/* Any bytes as a state file of distcc's clients: passed over, or every text in it is ended, and shows nothing that a
 * terminal obeys once it is cleaned. */
#include "cli/binstate.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct binstate s;
	char *copy = malloc(n + !n);

	memset(&s, 'x', sizeof s);
	memcpy(copy, data, n);
	if (binstate_parse(&s, copy, n)) {
		assert(s.phase && s.phase[0]);
		assert(memchr(s.file, 0, sizeof s.file) &&
		       memchr(s.host, 0, sizeof s.host));
		binstate_clean(s.file);
		for (const char *p = s.file; *p; p++)
			assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
	free(copy);
	return 0;
}
