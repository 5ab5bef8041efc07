#include "agent/manners.h"

#include "agent/locate.h"
#include "agent/shims.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/local.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_set(const struct local_request *r, const char *name, const char *value)
{
	const char *v = env_get(r->env, name);

	return v && (!value || strcmp(v, value) == 0);
}

bool manners_no_fallback(const struct local_request *r)
{
	return is_set(r, "DISTCC_FALLBACK", "0");
}

bool manners_no_retry(const struct local_request *r)
{
	return manners_no_fallback(r) || is_set(r, "DISTCC_SKIP_LOCAL_RETRY", NULL);
}

static bool is_wanted(const struct local_request *r, enum manners_level level)
{
	const char *log = env_get(r->env, "DISTCC_LOG");
	bool asked = is_set(r, "DISTCC_VERBOSE", "1") || (log && *log);

	switch (level) {
	case MANNERS_ERROR: return true;
	case MANNERS_WARNING: return asked || r->flags & LOCAL_DISTCC;
	case MANNERS_INFO: return asked;
	}
	return false;
}

void manners_say(struct shim *s, const struct local_request *r, enum manners_level level,
		 const char *fmt, ...)
{
	static const char *const severities[] = {"ERROR: ", "Warning: ", ""};
	char text[2048];
	va_list ap;

	if (!is_wanted(r, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	AUTO_FREE char *line =
	    xasprintf("distcc[%d] %s%s\n", shim_pid(s), severities[level], text);

	shim_log(s, line);
}
