#pragma once
#include "run/progress.h"

/* What a build tool tells of how far it is: "[12/97]" (ninja, meson, bazel, waf), "[ 12%]" (cmake's makefiles), "[ 12%
 * 3/97]" (Android's ninja). Pure. */

enum {
	PROGRESS_TOOL_HEAD = 128 /* bytes of a line in which the words must stand */
};

struct progress_tool {
	uint64_t done, total; /* total 0: it has told nothing */
	bool percent;         /* done is of 100 */
	nsec
	    begin; /* when this count began: a tool may have several, one after the other */
	uint64_t begin_done;
	char head[PROGRESS_TOOL_HEAD]; /* of the line that is coming */
	size_t nhead;
	bool looked; /* this line's words were found */
};

void progress_tool_line(struct progress_tool *, nsec now, const char *line, size_t n);
void progress_tool_output(struct progress_tool *, nsec now, const char *bytes, size_t n);
/* Nanoseconds that the rest takes at the pace so far; -1: nothing sensible can be said. */
nsec progress_tool_left(const struct progress_tool *, nsec now);
