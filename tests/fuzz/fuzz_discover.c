/* Any bytes as a line of avahi-browse: it makes no sense, or every field is bounded and ended. */
#include "net/discover_line.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct discover_line line;
	char *copy = malloc(n + !n);

	memset(&line, 'x', sizeof line);
	memcpy(copy, data, n);
	if (discover_line_parse(&line, copy, n)) {
		assert(memchr(line.interface, 0, sizeof line.interface));
		assert(memchr(line.name, 0, sizeof line.name));
		assert(memchr(line.domain, 0, sizeof line.domain));
		if (line.sign == DISCOVER_RESOLVED) {
			assert(memchr(line.address, 0, sizeof line.address));
			assert(line.port > 0 && line.port < 65536);
			assert(line.slots <= DISCOVER_SLOTS);
		}
	}
	free(copy);
	return 0;
}
