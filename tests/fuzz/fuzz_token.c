/* Any text as a token of a farm, and as the name in a certificate: it is refused, or what was read gives the same text
 * again. */
#include "base/buf.h"
#include "base/mem.h"
#include "farm/token.h"
#include "net/tls.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_FREE char *text = xstrndup((const char *)data, n);
	AUTO_BUF struct buf again = {0}, name = {0};
	struct token t;
	struct tls_who who, same;

	if (token_parse(&t, text, NULL) == 0) {
		token_print(&t, &again);
		assert(again.len == strlen(text) &&
		       memcmp(again.data, text, again.len) == 0);
	}
	if (tls_who_parse(&who, (const char *)data, n) == 0) {
		assert(tls_name_is_good(who.name, strlen(who.name)) && who.roles);
		assert(!(who.roles & ~(unsigned)TLS_ROLES));
		tls_who_print(&who, &name); /* roles in their own order */
		assert(name.len == n && tls_who_parse(&same, name.data, name.len) == 0);
		assert(same.roles == who.roles && strcmp(same.name, who.name) == 0);
	}
	return 0;
}
