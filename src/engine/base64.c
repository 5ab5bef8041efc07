#include "engine/base64.h"

#include "base/buf.h"

#include <openssl/evp.h>

enum {
	STEP = 3 << 16 /* bytes encoded at once where there are no lines */
};

void base64_put(struct buf *out, const char *p, size_t n, size_t line)
{
	for (size_t at = 0; at < n;) {
		size_t most = line ? line : STEP;
		size_t some = n - at < most ? n - at : most;
		unsigned char *to = (unsigned char *)buf_room(out, (some + 2) / 3 * 4 + 1);

		out->len +=
		    (size_t)EVP_EncodeBlock(to, (const unsigned char *)p + at, (int)some);
		if (line)
			buf_u8(out, '\n');
		at += some;
	}
}
