/* Any text as a URL of an engine. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/url.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_FREE char *text = xstrndup((const char *)data, n);
	struct engine_url u;
	struct err e = {0};
	unsigned number = 1;
	int failed = engine_url_parse(&u, text, &e);

	assert(!failed == !*e.text);
	if (!failed)
		for (size_t i = 0; i < u.noptions; i++) {
			assert(engine_url_get(&u, u.options[i].name) == u.options[i].value);
			engine_url_number(&u, u.options[i].name, 1, 9, &number, &e);
		}
	assert(number >= 1 && number <= 9);
	engine_url_free(&u);
	return 0;
}
