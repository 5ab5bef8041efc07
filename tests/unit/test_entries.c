/* Names in a tree on the wire. */
#include "test.h"
#include "wire/entries.h"

#include <stdbool.h>
#include <string.h>

static char long_path[WIRE_PATH_MAX + 2];

static void add_all(struct buf *b)
{
	struct wire_entry file = {
	    .kind = 2, .path = "/p/a.h", .size = 0x123456789a, .mtime_s = -5, .mode = 0755};

	for (int i = 0; i < DIGEST_SIZE; i++)
		file.digest.b[i] = (uint8_t)(i * 9);
	wire_entry_put(b, &(struct wire_entry){.kind = 1, .path = "/p"});
	wire_entry_put(b, &file);
	wire_entry_put(b,
		       &(struct wire_entry){.kind = 3, .path = "/p/l", .target = "../a.h"});
	wire_entry_put(b, &(struct wire_entry){.kind = 4, .path = "/p/old"});
}

static void round_trip(void)
{
	AUTO_BUF struct buf b = {0};
	char path[WIRE_PATH_MAX], target[WIRE_PATH_MAX];
	struct wire_entry e;

	add_all(&b);
	struct cursor c = {b.data, b.data + b.len, 0};

	CHECK(wire_entry_get(&c, &e, path, target) == 1);
	CHECK(e.kind == 1 && strcmp(e.path, "/p") == 0 && e.path == path);
	CHECK(wire_entry_get(&c, &e, path, target) == 1);
	CHECK(e.kind == 2 && strcmp(e.path, "/p/a.h") == 0 && e.size == 0x123456789a);
	CHECK(e.mtime_s == -5 && e.mode == 0755 && e.digest.b[31] == (uint8_t)(31 * 9));
	CHECK(wire_entry_get(&c, &e, path, target) == 1);
	CHECK(e.kind == 3 && strcmp(e.path, "/p/l") == 0 &&
	      strcmp(e.target, "../a.h") == 0);
	CHECK(wire_entry_get(&c, &e, path, target) == 1);
	CHECK(e.kind == 4 && strcmp(e.path, "/p/old") == 0 && e.target[0] == 0);
	CHECK(wire_entry_get(&c, &e, path, target) == 0);
	CHECK(wire_entry_get(&c, &e, path, target) == 0);
}

/* How many entries the first N bytes hold; -1 when they end inside one. */
static int count(const struct buf *b, size_t n)
{
	char path[WIRE_PATH_MAX], target[WIRE_PATH_MAX];
	char *copy = malloc(n + 1); /* of its own, so that a look beyond it is seen */
	int entries = 0, r;
	struct wire_entry e;

	memcpy(copy, b->data, n);
	copy = realloc(copy, n ? n : 1);
	struct cursor c = {copy, copy + n, 0};

	while ((r = wire_entry_get(&c, &e, path, target)) > 0)
		entries++;
	free(copy);
	return r < 0 ? -1 : entries;
}

static void truncated(void)
{
	AUTO_BUF struct buf b = {0};
	size_t ends[5] = {0};
	char path[WIRE_PATH_MAX], target[WIRE_PATH_MAX];
	struct wire_entry e;

	add_all(&b);
	struct cursor c = {b.data, b.data + b.len, 0};

	for (int i = 0; i < 4; i++) {
		wire_entry_get(&c, &e, path, target);
		ends[i + 1] = (size_t)(c.p - b.data);
	}
	for (size_t n = 0; n <= b.len; n++) {
		int want = -1;

		for (int i = 0; i < 5; i++)
			if (ends[i] == n)
				want = i;
		if (!CHECK(count(&b, n) == want))
			printf("# %zu bytes\n", n);
	}
}

static int refused(const struct wire_entry *e)
{
	AUTO_BUF struct buf b = {0};

	wire_entry_put(&b, e);
	return count(&b, b.len) == -1;
}

static void malformed(void)
{
	AUTO_BUF struct buf b = {0};

	CHECK(refused(&(struct wire_entry){.kind = 0, .path = "/p"}));
	CHECK(refused(&(struct wire_entry){.kind = 5, .path = "/p"}));
	CHECK(refused(&(struct wire_entry){.kind = 255, .path = "/p"}));
	CHECK(refused(&(struct wire_entry){.kind = 1, .path = ""}));
	CHECK(refused(&(struct wire_entry){.kind = 3, .path = "/p", .target = ""}));
	buf_u8(&b, 1);
	buf_sized(&b, "/p\0x", 4);
	CHECK(count(&b, b.len) == -1);
	buf_free(&b);
	buf_u8(&b, 3);
	buf_sized(&b, "/p", 2);
	buf_sized(&b, "t\0", 2);
	CHECK(count(&b, b.len) == -1);
	buf_free(&b);
	buf_u8(&b, 1);
	buf_varint(&b, UINT64_MAX);
	buf_str(&b, "/p");
	CHECK(count(&b, b.len) == -1);
}

static void long_names(void)
{
	memset(long_path, 'x', sizeof long_path);
	long_path[0] = '/';
	long_path[WIRE_PATH_MAX - 1] = 0;
	CHECK(!refused(&(struct wire_entry){.kind = 1, .path = long_path}));
	CHECK(!refused(&(struct wire_entry){.kind = 3, .path = "/l", .target = long_path}));
	long_path[WIRE_PATH_MAX - 1] = 'x';
	long_path[WIRE_PATH_MAX] = 0;
	CHECK(refused(&(struct wire_entry){.kind = 1, .path = long_path}));
	CHECK(refused(&(struct wire_entry){.kind = 3, .path = "/l", .target = long_path}));
}

TESTS({"what is put comes back", round_trip}, {"an end inside an entry is seen", truncated},
      {"malformed entries are refused", malformed}, {"the longest names", long_names})
