/* Any bytes as an order to a cage: refused, or it can be put again. */
#include "base/mem.h"
#include "worker/order.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_BUF struct buf again = {0};
	struct order o, second;

	if (order_get(&o, (const char *)data, n))
		return 0;
	const char **lower = xcalloc(o.spec.nlower, sizeof *lower);

	for (size_t i = 0; i < o.spec.nlower; i++)
		lower[i] = o.lower[i].path;
	o.spec.lower = lower;
	order_put(&again, &o.spec);
	assert(again.len <= n); /* texts may hold a NUL, numbers be longer than they need */
	assert(order_get(&second, again.data, again.len) == 0);
	assert(second.spec.nlower == o.spec.nlower && second.spec.nbinds == o.spec.nbinds);
	order_free(&second);
	order_free(&o);
	free(lower);
	return 0;
}
