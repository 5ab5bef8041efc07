/* Any bytes as a kubeconfig's YAML. */
#include "base/err.h"
#include "engine/yaml.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = {0};
	json_t *o = yaml_read((const char *)data, n, &e);

	assert(!o == !!*e.text);
	json_decref(o);
	return 0;
}
