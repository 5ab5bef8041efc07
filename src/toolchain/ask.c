#include "toolchain/ask.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/spawn.h"

#include <assert.h>
#include <stdint.h>
#include <sys/wait.h>

static void end_text(struct buf *b)
{
	if (b)
		*buf_room(b, 1) = 0;
}

int ask(const char *const *argv, const char *path, struct buf *out, struct buf *err_out,
	struct err *e)
{
	AUTO_FREE char *search = xasprintf("PATH=%s", path ? path : "");
	char locale[] = "LC_ALL=C";
	char *const env[] = {search, locale, NULL};
	char *copy[ASK_ARGS + 1];
	int status = 0;
	size_t n = 0;

	for (; argv[n]; n++) {
		assert(n < ASK_ARGS);
		copy[n] = (char *)(uintptr_t)argv[n];
	}
	copy[n] = NULL;
	if (spawn_capture(copy, env, "/", ASK_BYTES, ASK_MS, out, err_out, &status, e))
		return -1;
	end_text(out);
	end_text(err_out);
	if (WIFSIGNALED(status))
		return err_set(e, 0, "run %s: it was killed by signal %d", argv[0],
			       WTERMSIG(status));
	return WEXITSTATUS(status) != 0;
}
