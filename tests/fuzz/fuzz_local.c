/* Any bytes as a REQUEST's payload: either refused, or they are exactly what
 * local_make_request writes for what was understood. */
#include "wire/local.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct local_request req;
	char *frame = NULL;
	size_t size = 0;

	if (local_parse_request(&req, (const char *)data, n) < 0 ||
	    req.version != LOCAL_VERSION) {
		assert(!req.argv);
		return 0;
	}
	assert(!req.argv[req.argc]);
	assert(!req.env[req.envc]);
	assert(local_make_request(&req, &frame, &size) == 0);
	assert(size == LOCAL_HEADER + n);
	assert(memcmp(frame + LOCAL_HEADER, data, n) == 0);
	free(frame);
	free(req.argv);
	return 0;
}
