/* Any bytes as a preprocessed text, of both families: it is fit, or there is a sentence why not. */
#include "base/mem.h"
#include "cc/preprocessed.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum cc_family families[] = {CC_GCC, CC_CLANG};

	char *text = xmalloc(n + 1); /* of its own size, so that a step too far is seen */

	memcpy(text, data, n);
	text[n] = 0;
	for (size_t i = 0; i < 2; i++) {
		const char *why = cc_preprocessed_text_unfit(families[i], text, n);

		assert(!why || why[0]);
	}
	free(text);
	return 0;
}
