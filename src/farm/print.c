#include "farm/print.h"

#include "base/buf.h"
#include "base/mem.h"
#include "farm/authority.h"
#include "net/tls.h"
#include "net/trust.h"
#include "sys/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0 or -1. */
static int of_authority(const char *dir, char out[FARM_PRINT])
{
	AUTO_FREE char *path = xasprintf("%s/authority.pem", dir);
	AUTO_BUF struct buf pem = {0};
	uint8_t print[TLS_PRINT];

	if (fs_read(path, TLS_PEM_MAX, &pem, NULL) ||
	    authority_print_of((struct slice){pem.data, pem.len}, print, NULL))
		return -1;
	for (size_t i = 0; i < TLS_PRINT; i++)
		snprintf(out + 2 * i, 3, "%02x", print[i]);
	return 0;
}

void farm_print(const struct trust *t, char out[FARM_PRINT])
{
	const struct tls *first = trust_first(t);

	out[0] = 0;
	if (trust_farm(t)) {
		if (of_authority(trust_farm_dir(t), out))
			out[0] = 0;
	} else if (first) {
		const char *words = tls_words(first), *last = strrchr(words, ' ');

		snprintf(out, FARM_PRINT, "%s", last ? last + 1 : words);
	}
}
