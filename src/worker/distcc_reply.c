#include "worker/distcc_reply.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/distcc.h"
#include "wire/lzo.h"
#include "worker/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum part {
	HEAD,
	SERR,
	SOUT,
	DOTO,
	DOTD,
	END
};

enum {
	PIECE = 64 << 10,
	RUN_STDOUT = 0, /* run_open's numbers */
	RUN_STDERR = 1
};

struct distcc_reply {
	struct distcc_reply_spec is;
	enum part part;
	int fd; /* of a body that is sent in pieces, or -1 */
	uint64_t offset, size;
};

struct distcc_reply *distcc_reply_new(const struct distcc_reply_spec *spec)
{
	struct distcc_reply *r = xcalloc(1, sizeof *r);

	r->is = *spec;
	r->fd = -1;
	return r;
}

void distcc_reply_free(struct distcc_reply *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

bool distcc_reply_may_end(const struct distcc_reply *r)
{
	return r->part > DOTO;
}

static bool packs(const struct distcc_reply *r)
{
	return r->is.version >= 2;
}

static enum part next_part(const struct distcc_reply *r)
{
	if (r->part == DOTO && (r->is.version < 3 || r->is.status))
		return END;
	return r->part + 1;
}

static void put_body(const struct distcc_reply *r, struct buf *b, enum distcc_token token,
		     const void *p, size_t n)
{
	AUTO_BUF struct buf packed = {0};

	if (packs(r)) {
		lzo_pack(&packed, p, n);
		p = packed.data;
		n = packed.len;
	}
	distcc_put_bulk(b, token, n ? p : "", (uint32_t)n);
}

/* A block can only be packed as a whole. */
static int put_packed(struct distcc_reply *r, struct buf *b, enum distcc_token token,
		      struct err *e)
{
	void *p = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, r->fd, 0);

	if (p == MAP_FAILED)
		return err_set(e, errno, "read what the compiler wrote");
	put_body(r, b, token, p, r->size);
	munmap(p, r->size);
	return 0;
}

/* The next piece of the open body. */
static int put_piece(struct distcc_reply *r, struct buf *b, struct err *e)
{
	char *to = buf_room(b, PIECE);
	uint64_t left = r->size - r->offset;
	ssize_t n = pread(r->fd, to, left < PIECE ? left : PIECE, (off_t)r->offset);

	if (n <= 0)
		return err_set(e, n ? errno : EIO, "read what the compiler wrote");
	b->len += (size_t)n;
	r->offset += (uint64_t)n;
	return 0;
}

static int put_file(struct distcc_reply *r, struct buf *b, enum distcc_token token,
		    unsigned output, struct err *e)
{
	r->fd = run_open(r->is.run, output, &r->size, e);
	r->offset = 0;
	if (r->fd < 0)
		return -1;
	if (r->size > DISTCC_REPLY_BODY_MAX)
		return err_set(e, EFBIG, "send what the compiler wrote");
	if (r->size == 0 || !packs(r)) {
		distcc_put_bulk_head(b, token, (uint32_t)r->size);
		return 0;
	}
	r->offset = r->size;
	return put_packed(r, b, token, e);
}

static int put_part(struct distcc_reply *r, struct buf *b, struct err *e)
{
	const struct distcc_reply_spec *is = &r->is;
	bool ok = is->status == 0;

	switch (r->part) {
	case HEAD:
		distcc_put_number(b, DISTCC_DONE, is->version);
		distcc_put_number(b, DISTCC_STAT, (uint32_t)is->status);
		return 0;
	case SERR:
		if (is->run)
			return put_file(r, b, DISTCC_SERR, RUN_STDERR, e);
		put_body(r, b, DISTCC_SERR, is->said, strlen(is->said));
		return 0;
	case SOUT:
		if (is->run)
			return put_file(r, b, DISTCC_SOUT, RUN_STDOUT, e);
		distcc_put_bulk_head(b, DISTCC_SOUT, 0);
		return 0;
	case DOTO:
		if (ok && is->object != DISTCC_NO_FILE)
			return put_file(r, b, DISTCC_DOTO, is->object, e);
		distcc_put_bulk_head(b, DISTCC_DOTO, 0);
		return 0;
	case DOTD:
		if (is->deps != DISTCC_NO_FILE)
			return put_file(r, b, DISTCC_DOTD, is->deps, e);
		distcc_put_bulk_head(b, DISTCC_DOTD, 0);
		return 0;
	case END: break;
	}
	return 0;
}

int distcc_reply_some(struct distcc_reply *r, struct buf *b, struct err *e)
{
	if (r->part == END)
		return 1;
	if (r->fd < 0 && put_part(r, b, e))
		return -1;
	if (r->fd >= 0 && r->offset < r->size && put_piece(r, b, e))
		return -1;
	if (r->fd >= 0 && r->offset < r->size)
		return 0;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	r->part = next_part(r);
	return r->part == END;
}
