#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	e->code = code;
	va_start(ap, fmt);
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (code > 0 && n >= 0 && (size_t)n < sizeof e->text)
		snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", strerror(code));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	struct err outer;
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	int n = vsnprintf(outer.text, sizeof outer.text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	if ((size_t)n >= sizeof outer.text)
		n = (int)sizeof outer.text - 1;
	/* Too long a story loses its end, not its beginning. */
	size_t room = sizeof outer.text - (size_t)n;

	if (snprintf(outer.text + n, room, ": %s", e->text) < 0)
		return -1;
	memcpy(e->text, outer.text, sizeof e->text);
	return -1;
}
