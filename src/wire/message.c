#include "wire/message.h"

#include "wire/frame.h"

#include <string.h>

/* One put and one get a field type; the rest is generated from messages.def, so that the two
 * directions cannot disagree. */

static void put_u32(struct buf *b, const uint32_t *v)
{
	buf_varint(b, *v);
}

static void put_u64(struct buf *b, const uint64_t *v)
{
	buf_varint(b, *v);
}

static void put_str(struct buf *b, const char *const *v)
{
	buf_sized(b, *v ? *v : "", *v ? strlen(*v) : 0);
}

static void put_strv(struct buf *b, char *const *const *v)
{
	size_t n = 0;

	while (*v && (*v)[n])
		n++;
	buf_varint(b, n);
	for (size_t i = 0; i < n; i++)
		buf_sized(b, (*v)[i], strlen((*v)[i]));
}

static void put_raw(struct buf *b, const struct slice *v)
{
	buf_sized(b, v->p, v->n);
}

static void put_dig(struct buf *b, const struct digest *v)
{
	buf_add(b, v->b, sizeof v->b);
}

static void get_u32(struct cursor *c, struct arena *a, uint32_t *v)
{
	uint64_t wide = cursor_varint(c);

	(void)a;
	if (wide > UINT32_MAX)
		c->bad = 1;
	*v = (uint32_t)wide;
}

static void get_u64(struct cursor *c, struct arena *a, uint64_t *v)
{
	(void)a;
	*v = cursor_varint(c);
}

static void get_str(struct cursor *c, struct arena *a, const char **v)
{
	struct slice s = cursor_sized(c, FRAME_MAX);

	if (s.n && memchr(s.p, 0, s.n))
		c->bad = 1;
	*v = arena_strndup(a, s.p, s.n);
}

static void get_strv(struct cursor *c, struct arena *a, char *const **v)
{
	uint64_t n = cursor_varint(c);

	/* Each string takes at least its length byte: a count above what is left is a lie. */
	if (n > MESSAGE_STRINGS || n > (size_t)(c->end - c->p)) {
		c->bad = 1;
		n = 0;
	}
	char **list = arena_alloc(a, (n + 1) * sizeof *list);

	for (uint64_t i = 0; i < n; i++) {
		const char *s;

		get_str(c, a, &s);
		list[i] = (char *)(uintptr_t)s;
	}
	*v = list;
}

static void get_raw(struct cursor *c, struct arena *a, struct slice *v)
{
	(void)a;
	*v = cursor_sized(c, FRAME_MAX);
}

static void get_dig(struct cursor *c, struct arena *a, struct digest *v)
{
	struct slice s = cursor_bytes(c, DIGEST_SIZE);

	(void)a;
	memset(v, 0, sizeof *v);
	if (s.n == DIGEST_SIZE)
		memcpy(v->b, s.p, DIGEST_SIZE);
}

#define F(type, name) put_##type(b, &m->name);
#define MESSAGE(number, NAME, lower, fields) \
	void message_put_##lower(struct buf *b, const struct message_##lower *m) \
	{ \
		size_t begin = frame_begin(b, MESSAGE_##NAME); \
\
		fields frame_end(b, begin); \
	}
#include "wire/messages.def"
#undef MESSAGE
#undef F

#define F(type, name) get_##type(&c, a, &m->name);
#define MESSAGE(number, NAME, lower, fields) \
	int message_get_##lower(struct message_##lower *m, struct arena *a, const char *p, \
				size_t n) \
	{ \
		struct cursor c = {p, p + n, 0}; \
\
		fields return c.bad || c.p != c.end ? -1 : 0; \
	}
#include "wire/messages.def"
#undef MESSAGE
#undef F

const char *message_name(unsigned type)
{
	switch (type) {
#define MESSAGE(number, NAME, lower, fields) \
	case number: \
		return #NAME;
#include "wire/messages.def"
#undef MESSAGE
	default: return "?";
	}
}
