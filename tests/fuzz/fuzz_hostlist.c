/* Any text as a list of hosts: it is refused with a sentence that names a word, or all
 * that it holds is within bounds, is nothing that ssh would take for an option, and each
 * host's word alone means the same host. */
#include "base/err.h"
#include "base/mem.h"
#include "net/hostlist.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int alike(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_host(const struct host *h)
{
	assert(h->name[0] && h->name[0] != '-' && strlen(h->name) <= HOSTLIST_NAME);
	assert(!h->user || (h->user[0] && h->user[0] != '-'));
	assert(!h->command || (h->command[0] && h->command[0] != '-'));
	assert(h->kind == HOST_SSH || (!h->user && !h->command));
	assert(h->kind == HOST_TCP ? h->port >= 1 && h->port <= 65535 : h->port == 0);
	assert(h->slots <= HOSTLIST_SLOTS && (!h->cpp || h->lzo));
	if (h->kind == HOST_TCP) {
		AUTO_FREE char *address = host_address(h);

		assert(strrchr(address, ':') > address);
	}

	struct hostlist alone;
	int r = hostlist_parse(&alone, h->word, 3632, NULL);

	assert(r == 0 && alone.n == 1);
	const struct host *again = &alone.v[0];

	assert(again->kind == h->kind && again->port == h->port &&
	       again->slots == h->slots);
	assert(again->lzo == h->lzo && again->cpp == h->cpp && again->down == h->down &&
	       again->plain == h->plain);
	assert(alike(again->name, h->name) && alike(again->user, h->user));
	assert(alike(again->command, h->command) && alike(again->word, h->word));
	hostlist_free(&alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_FREE char *text = xstrndup((const char *)data, n);
	struct hostlist list;
	struct err e = {0};

	if (hostlist_parse(&list, text, 3632, &e)) {
		assert(strncmp(e.text, "word ", 5) == 0 && list.n == 0 && !list.v);
		return 0;
	}
	assert(!e.text[0] && list.n <= HOSTLIST_HOSTS);
	assert(list.localslots <= HOSTLIST_SLOTS && list.localslots_cpp <= HOSTLIST_SLOTS);
	assert(hostlist_concurrency(&list) <= list.n * HOSTLIST_SLOTS);
	for (size_t i = 0; i < list.n; i++)
		check_host(&list.v[i]);
	hostlist_free(&list);
	return 0;
}
