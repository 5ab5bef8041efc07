/* A type byte and any bytes as that message's payload: either refused, or what was understood, put and got
 * again, is put as the same bytes. VIEW and TOOLCHAIN entries are read to their end as well. */
#include "base/mem.h"
#include "wire/entries.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_entries(const struct buf *b)
{
	static char path[WIRE_PATH_MAX], target[WIRE_PATH_MAX];
	struct cursor c = {b->data, b->data + b->len, 0};
	AUTO_BUF struct buf again = {0};
	struct wire_entry e;
	int r;

	while ((r = wire_entry_get(&c, &e, path, target)) > 0) {
		assert(path[0] && strlen(path) < WIRE_PATH_MAX);
		assert(strlen(target) < WIRE_PATH_MAX);
		wire_entry_put(&again, &e);
	}
	assert(r < 0 || (c.p == c.end && again.len <= b->len));
}

#define MESSAGE(number, NAME, lower, fields) \
	static void try_##lower(struct arena *a, const char *p, size_t n) \
	{ \
		struct message_##lower m, again; \
		AUTO_BUF struct buf one = {0}; \
		AUTO_BUF struct buf two = {0}; \
\
		if (message_get_##lower(&m, a, p, n)) \
			return; \
		message_put_##lower(&one, &m); \
		assert(message_get_##lower(&again, a, one.data + FRAME_HEADER, \
					   one.len - FRAME_HEADER) == 0); \
		message_put_##lower(&two, &again); \
		assert(one.len == two.len && memcmp(one.data, two.data, one.len) == 0); \
	}
#include "wire/messages.def"
#undef MESSAGE

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	struct arena *a = arena_new();
	AUTO_BUF struct buf b = {0};

	buf_room(&b, 1);
	buf_add(&b, data + 1, n - 1);
	switch (data[0]) {
#define MESSAGE(number, NAME, lower, fields) \
	case number: \
		try_##lower(a, b.data, b.len); \
		break;
#include "wire/messages.def"
#undef MESSAGE
	default: read_entries(&b);
	}
	arena_free(a);
	return 0;
}
