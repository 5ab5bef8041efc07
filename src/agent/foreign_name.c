#include "agent/foreign_name.h"

#include "agent/locate.h"
#include "base/arena.h"
#include "base/path.h"
#include "toolchain/toolchain.h"

#include <string.h>

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool foreign_name(struct arena *a, const struct toolchain *t, unsigned index,
		  struct foreign_name *out)
{
	const char *base = path_base(t->driver);
	bool cxx = strcmp(base, "c++") == 0;
	bool anybody = cxx || strcmp(base, "cc") == 0;
	bool clang = locate_is_clang(t->driver);

	*out = (struct foreign_name){.program = arena_strdup(a, base)};
	if (index == 0)
		return true;
	if (anybody) {
		base = clang ? (cxx ? "clang++" : "clang") : (cxx ? "g++" : "gcc");
		if (--index == 0) {
			out->program = base;
			return true;
		}
	}
	if (index > 1 || !t->target[0])
		return false;
	if (clang) {
		out->program = arena_strdup(a, base);
		out->target = t->target;
		return true;
	}
	out->program = arena_printf(a, "%s-%s", t->target, base);
	return begins(base, "gcc") || begins(base, "g++");
}
