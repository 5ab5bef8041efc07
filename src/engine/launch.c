/* A worker is started by a shell, since that is what every place has: it makes a folder, puts the key and the worker in it, waits for
 * the worker, and cleans up. What may not be there is said by the shell's own words on standard error. */
#include "engine/launch.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "sys/fs.h"
#include "sys/spawn.h"

#include <stdint.h>
#include <unistd.h>

enum {
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

static void base64(struct buf *out, const unsigned char *p, size_t n)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	enum {
		LINE = 57 /* bytes of a line of 76 digits */
	};

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 |
			     (uint32_t)(i + 1 < n ? p[i + 1] : 0) << 8 |
			     (i + 2 < n ? p[i + 2] : 0);

		for (int k = 0; k < 4; k++)
			buf_u8(out, k == 3 && i + 2 >= n ? '='
				    : k == 2 && i + 1 >= n
					? '='
					: (unsigned)digits[v >> (18 - 6 * k) & 63]);
		if (i % LINE == LINE - 3 || i + 3 >= n)
			buf_u8(out, '\n');
	}
}

int launch_gzip(const struct engine_spec *spec, struct buf *out, struct err *e)
{
	AUTO_FREE char *gzip = spawn_find("gzip"), *file = xstrdup(spec->worker);
	int status;

	if (!gzip)
		return err_set(e, 0, "pack the worker: gzip is not on PATH");
	char *argv[] = {gzip, (char[]){"-9nc"}, file, NULL};

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
	base64(out, (const unsigned char *)packed.data, packed.len);
	return 0;
}
