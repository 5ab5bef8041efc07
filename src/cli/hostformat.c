/* The format comes from a person or a variable: it is taken apart here and never given to printf. */
#include "cli/hostformat.h"

#include "base/err.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A width of more digits than a name has bytes makes no sense. */
enum {
	WIDTH_MAX = 63
};

/* Behind the conversion that begins at P, or NULL. *WIDTH, *ZERO: what it says. */
static const char *conversion(const char *p, int *width, int *zero)
{
	*zero = *++p == '0';
	*width = 0;
	for (; isdigit((unsigned char)*p); p++) {
		*width = *width * 10 + (*p - '0');
		if (*width > WIDTH_MAX)
			return NULL;
	}
	return *p == 'd' && (*zero || *width == 0) ? p + 1 : NULL;
}

int hostformat_check(const char *format, struct err *e)
{
	const char *percent = strchr(format, '%');
	int width, zero;
	const char *rest = percent ? conversion(percent, &width, &zero) : NULL;

	if (!rest || strchr(rest, '%'))
		return err_set(e, 0,
			       "the format '%s' must have one %%d, or %%03d or the like",
			       format);
	return 0;
}

char *hostformat_name(const char *format, unsigned number)
{
	const char *percent = strchr(format, '%');
	int width = 0, zero = 0;
	const char *rest = conversion(percent, &width, &zero);

	return xasprintf("%.*s%0*u%s", (int)(percent - format), format, width ? width : 1,
			 number, rest);
}
