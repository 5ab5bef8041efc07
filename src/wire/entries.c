#include "wire/entries.h"

#include <string.h>

enum {
	FILE_KIND = 2,
	LINK_KIND = 3,
	LAST_KIND = 4
};

void wire_entry_put(struct buf *b, const struct wire_entry *e)
{
	buf_u8(b, e->kind);
	buf_sized(b, e->path, strlen(e->path));
	if (e->kind == FILE_KIND) {
		buf_add(b, e->digest.b, DIGEST_SIZE);
		buf_varint(b, e->size);
		buf_u64(b, (uint64_t)e->mtime_s);
		buf_varint(b, e->mode);
	} else if (e->kind == LINK_KIND) {
		buf_sized(b, e->target, strlen(e->target));
	}
}

static void get_text(struct cursor *c, char *out)
{
	struct slice s = cursor_sized(c, WIRE_PATH_MAX - 1);

	if (s.n == 0 || memchr(s.p, 0, s.n))
		c->bad = 1;
	memcpy(out, s.p, s.n);
	out[s.n] = 0;
}

int wire_entry_get(struct cursor *c, struct wire_entry *e, char *path, char *target)
{
	if (c->p == c->end && !c->bad)
		return 0;
	*e = (struct wire_entry){.kind = cursor_u8(c), .path = path, .target = target};
	target[0] = 0;
	get_text(c, path);
	if (e->kind == FILE_KIND) {
		struct slice s = cursor_bytes(c, DIGEST_SIZE);

		if (s.n)
			memcpy(e->digest.b, s.p, s.n);
		e->size = cursor_varint(c);
		e->mtime_s = (int64_t)cursor_u64(c);
		e->mode = (unsigned)cursor_varint(c);
	} else if (e->kind == LINK_KIND) {
		get_text(c, target);
	} else if (e->kind == 0 || e->kind > LAST_KIND) {
		c->bad = 1;
	}
	return c->bad ? -1 : 1;
}
