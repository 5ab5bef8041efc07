/* Any bytes as a dependency file: refused, or a list of words, each within the text. */
#include "base/arena.h"
#include "cc/depfile.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	struct strv out = {0};
	size_t bytes = 0;

	if (depfile_parse(a, (const char *)data, n, &out) == 0)
		for (size_t i = 0; i < out.n; i++) {
			assert(out.v[i] && out.v[i][0]);
			bytes += strlen(out.v[i]);
		}
	assert(bytes <= n);
	arena_free(a);
	return 0;
}
