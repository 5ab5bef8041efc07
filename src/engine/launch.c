/* A worker is started by a shell, since that is what every place has: it makes a folder, puts the key and the worker in it, waits for
 * the worker, and cleans up. What may not be there is said by the shell's own words on standard error. */
#include "engine/launch.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/base64.h"
#include "engine/engine.h"
#include "sys/fs.h"
#include "sys/spawn.h"

#include <stdint.h>
#include <unistd.h>

enum {
	LINE = 57, /* bytes of a line of 76 digits */
	GZIP_MS = 30000
};

void launch_script(struct buf *out, const struct launch *l)
{
	buf_str(out, "umask 077\n"
		     "d=$(mktemp -d \"${TMPDIR:-/tmp}/muster.XXXXXXXX\") || exit 1\n");
	buf_printf(out, "echo %s >\"$d/key\"\n", l->spec->key);
	buf_printf(out, "name=\"%s\" call=\"%s\" slots=\"%s\"\n", l->name, l->call,
		   l->slots);
	buf_str(out, l->fetch);
	buf_str(out, "trap \"kill -TERM \\$p 2>/dev/null\" TERM INT HUP\n"
		     "exec 3<&0\n");
	buf_printf(
	    out,
	    "\"$d/muster-worker\" --call \"$call\" --key-file \"$d/key\" --name \"$name\" "
	    "--state \"$d/state\" --idle %u ${slots:+--slots \"$slots\"} </dev/null 3<&- &\n"
	    "p=$!\n",
	    l->spec->idle_s);
	buf_str(out, "echo \"" LAUNCH_STARTED "\" >&2\n");
	if (l->leased)
		buf_str(
		    out,
		    "{ while read -r never; do :; done; kill -TERM $p; } <&3 &\nq=$!\n");
	/* A signal interrupts the first wait only. */
	buf_str(out, "wait $p; wait $p; status=$?\n");
	if (l->leased)
		buf_str(out, "kill $q 2>/dev/null\n");
	buf_str(out, "rm -rf \"$d\"\n"
		     "exit $status\n");
}

int launch_read(const struct engine_spec *spec, struct buf *out, struct err *e)
{
	return fs_read(spec->worker, LAUNCH_BINARY, out, e) ? err_wrap(e, "read the worker")
							    : 0;
}

int launch_gzip(const struct engine_spec *spec, struct buf *out, struct err *e)
{
	AUTO_FREE char *gzip = spawn_find("gzip"), *file = xstrdup(spec->worker);
	int status;

	if (!gzip)
		return err_set(e, 0, "pack the worker: gzip is not on PATH");
	/* -9 takes more than twice as long for half a percent. */
	char *argv[] = {gzip, (char[]){"-6nc"}, file, NULL};

	if (spawn_capture(argv, environ, NULL, LAUNCH_BINARY, GZIP_MS, out, NULL, &status,
			  e))
		return err_wrap(e, "pack the worker");
	if (status)
		return err_set(e, 0, "pack the worker: gzip failed with %s", spec->worker);
	return 0;
}

int launch_pack(const struct engine_spec *spec, struct buf *out, struct err *e)
{
	AUTO_BUF struct buf packed = {0};

	if (launch_gzip(spec, &packed, e))
		return -1;
	base64_put(out, packed.data, packed.len, LINE);
	return 0;
}
