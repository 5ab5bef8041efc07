#include "wire/pack.h"

#include "base/mem.h"

#include <stdlib.h>
#include <zstd.h>

enum {
	LEVEL = 1,
	WINDOW_LOG_MAX = 23,
	STEP = 64 << 10
};

struct pack_writer {
	ZSTD_CCtx *z;
};

struct pack_reader {
	ZSTD_DCtx *z;
};

struct pack_writer *pack_writer_new(void)
{
	struct pack_writer *w = xcalloc(1, sizeof *w);

	w->z = ZSTD_createCCtx();
	if (!w->z ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->z, ZSTD_c_compressionLevel, LEVEL)))
		abort();
	return w;
}

void pack_writer_free(struct pack_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->z);
	free(w);
}

void pack_write(struct pack_writer *w, const void *p, size_t n, int flush, struct buf *out)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer to = {buf_room(out, STEP), STEP, 0};

		left = ZSTD_compressStream2(w->z, &to, &in,
					    flush ? ZSTD_e_flush : ZSTD_e_continue);
		if (ZSTD_isError(left))
			abort(); /* only a misuse or lack of memory can do this */
		out->len += to.pos;
	} while (in.pos < in.size || (flush && left));
}

struct pack_reader *pack_reader_new(void)
{
	struct pack_reader *r = xcalloc(1, sizeof *r);

	r->z = ZSTD_createDCtx();
	if (!r->z ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(r->z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		abort();
	return r;
}

void pack_reader_free(struct pack_reader *r)
{
	if (!r)
		return;
	ZSTD_freeDCtx(r->z);
	free(r);
}

int pack_read(struct pack_reader *r, const char **p, const char *end, size_t limit,
	      struct buf *out)
{
	ZSTD_inBuffer in = {*p, (size_t)(end - *p), 0};
	ZSTD_outBuffer to = {buf_room(out, limit), limit, 0};
	size_t result = ZSTD_decompressStream(r->z, &to, &in);

	*p += in.pos;
	out->len += to.pos;
	if (ZSTD_isError(result))
		return -1;
	return in.pos < in.size || to.pos == limit;
}
