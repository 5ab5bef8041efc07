/* Any text as a list of schedulers, and as an address that another machine tells: what is taken is no option of any program, holds
 * nothing that a terminal obeys, and names a port. */
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/schedulers.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const char *address)
{
	const char *colon = strrchr(address, ':');

	assert(colon && colon > address && colon[1] && address[0] != '-');
	assert(atol(colon + 1) >= 0 && atol(colon + 1) <= 65535);
	for (const char *p = address; *p; p++)
		assert((unsigned char)*p > ' ' && *p != 0x7f && *p != ',' && *p != '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_FREE char *text = xstrndup((const char *)data, n);
	struct schedulers list;
	struct err e = {0};

	if (address_is_harmless(text))
		check(text);
	if (schedulers_parse(&list, text, &e)) {
		assert(e.text[0] && list.n == 0);
		return 0;
	}
	assert(list.n > 0 && list.n <= SCHEDULERS_MAX);
	for (size_t i = 0; i < list.n; i++) {
		for (size_t j = 0; j < i; j++)
			assert(strcmp(list.v[i], list.v[j]) != 0);
		assert(strrchr(list.v[i], ':'));
	}
	schedulers_free(&list);
	return 0;
}
