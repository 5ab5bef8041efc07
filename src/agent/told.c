#include "agent/told.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

/* How many bytes the well-formed, harmless character at P has; 0: it is none. */
static size_t harmless(const unsigned char *p)
{
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (n == 1)
		return p[0] >= 0x20 && p[0] != 0x7f;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool control = p[0] == 0xc2 && p[1] < 0xa0;
	bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool nobody = (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90);
	/* Characters that turn the direction of writing round, or end a line. */
	bool turns = p[0] == 0xe2 && ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
				      (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));

	return control || overlong || nobody || turns ? 0 : n;
}

void told_copy(char *out, size_t n, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	while (*p) {
		size_t one = harmless(p);
		size_t room = one ? one : 1;

		if (used + room >= n)
			break;
		if (one)
			memcpy(out + used, p, one);
		else
			out[used] = '?';
		used += room;
		p += room;
	}
	out[used] = 0;
}

char *told_dup(const char *text)
{
	size_t n = strlen(text) + 1;
	char *out = xmalloc(n);

	told_copy(out, n, text);
	return out;
}
