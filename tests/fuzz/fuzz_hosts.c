/* Any text as a list of workers: each that is understood can be written and is understood the same. */
#include "agent/hosts.h"
#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_FREE char *text = xstrndup((const char *)data, n);
	struct hosts *all = hosts_parse(text);

	assert(!all->bad || all->bad[0]);
	for (size_t i = 0; i < all->n; i++) {
		const struct host *h = &all->v[i];
		AUTO_FREE char *word = h->slots ? xasprintf("%s/%u", h->address, h->slots)
						: xstrdup(h->address);

		assert(strchr(h->address, ':') && h->slots <= 10000);
		assert(hosts_have(all, h->address, h->slots));
		if (word[0] == '#')
			continue;
		struct hosts *again = hosts_parse(word);

		assert(again->n == 1 && !again->bad &&
		       hosts_have(again, h->address, h->slots));
		hosts_free(again);
	}
	hosts_free(all);
	return 0;
}
