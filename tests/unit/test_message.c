/* Every message of messages.def, generated from it as the code is: what is put comes back, and nothing
 * else is taken for it. */
#include "base/mem.h"
#include "test.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <stdbool.h>
#include <string.h>

/* A value that differs from field to field and from SEED to SEED. */
static unsigned seed;
static char text[64];

static void fill_u32(struct arena *a, uint32_t *v)
{
	(void)a;
	seed = seed * 2654435761u + 12345;
	*v = seed % 5 ? seed : UINT32_MAX;
}

static void fill_u64(struct arena *a, uint64_t *v)
{
	uint32_t low, high;

	fill_u32(a, &low);
	fill_u32(a, &high);
	*v = (uint64_t)high << 32 | low;
}

static void fill_str(struct arena *a, const char **v)
{
	uint32_t n;

	fill_u32(a, &n);
	*v = n % 4 ? arena_printf(a, "text %u \xff\n", n) : "";
}

static void fill_strv(struct arena *a, char *const **v)
{
	struct strv l = {0};
	uint32_t n;

	fill_u32(a, &n);
	for (uint32_t i = 0; i < n % 5 + 1; i++) {
		const char *s;

		fill_str(a, &s);
		strv_add(a, &l, s);
	}
	*v = l.v;
}

static void fill_raw(struct arena *a, struct slice *v)
{
	uint32_t n;

	fill_u32(a, &n);
	v->n = n % sizeof text;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 37);
	v->p = text;
}

static void fill_dig(struct arena *a, struct digest *v)
{
	for (size_t i = 0; i < sizeof v->b; i++) {
		uint32_t n;

		fill_u32(a, &n);
		v->b[i] = (uint8_t)(n >> 8);
	}
}

static bool same_u32(const uint32_t *a, const uint32_t *b)
{
	return *a == *b;
}

static bool same_u64(const uint64_t *a, const uint64_t *b)
{
	return *a == *b;
}

static bool same_str(const char *const *a, const char *const *b)
{
	return strcmp(*a, *b) == 0;
}

static bool same_strv(char *const *const *a, char *const *const *b)
{
	size_t i = 0;

	for (; (*a)[i] && (*b)[i]; i++)
		if (strcmp((*a)[i], (*b)[i]) != 0)
			return false;
	return !(*a)[i] && !(*b)[i];
}

static bool same_raw(const struct slice *a, const struct slice *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static bool same_dig(const struct digest *a, const struct digest *b)
{
	return digest_equal(a, b);
}

/* for each message: put one (SEED decides what), and get it from exactly N bytes */
#define F(type, name) fill_##type(a, &m.name);
#define MESSAGE(number, NAME, lower, fields) \
	static void put_##lower(struct arena *a, struct buf *b) \
	{ \
		struct message_##lower m; \
		fields message_put_##lower(b, &m); \
	}
#include "wire/messages.def"
#undef MESSAGE
#undef F
#define F(type, name) fill_##type(a, &m.name);
#define MESSAGE(number, NAME, lower, fields) \
	static struct message_##lower want_##lower(struct arena *a) \
	{ \
		struct message_##lower m; \
		fields return m; \
	}
#include "wire/messages.def"
#undef MESSAGE
#undef F
#define F(type, name) same &= same_##type(&want.name, &got.name);
#define MESSAGE(number, NAME, lower, fields) \
	static int get_##lower(struct arena *a, const char *p, size_t n, bool compare) \
	{ \
		struct message_##lower got; \
		bool same = true; \
\
		if (message_get_##lower(&got, a, p, n)) \
			return -1; \
		if (compare) { \
			struct message_##lower want = want_##lower(a); \
			fields \
		} \
		return same; \
	}
#include "wire/messages.def"
#undef MESSAGE
#undef F

static const struct kind {
	unsigned number;
	const char *name;
	void (*put)(struct arena *, struct buf *);
	int (*get)(struct arena *, const char *p, size_t n, bool compare);
} kinds[] = {

#define MESSAGE(number, NAME, lower, fields) {number, #NAME, put_##lower, get_##lower},
#include "wire/messages.def"
#undef MESSAGE
};

enum {
	KINDS = sizeof kinds / sizeof *kinds,
	SEEDS = 25
};

static int get(const struct kind *k, struct arena *a, const char *p, size_t n, bool compare)
{
	AUTO_FREE char *copy = xmalloc(n); /* so that a look beyond it is seen */

	if (n)
		memcpy(copy, p, n);
	return k->get(a, copy, n, compare);
}

static void round_trips(void)
{
	for (size_t k = 0; k < KINDS; k++)
		for (unsigned s = 0; s < SEEDS; s++) {
			struct arena *a = arena_new();
			AUTO_BUF struct buf b = {0};
			struct frame f = {0};

			seed = s;
			kinds[k].put(a, &b);
			CHECK(frame_first(b.data, b.len, &f) == 1);
			CHECK(f.type == kinds[k].number && FRAME_HEADER + f.n == b.len);
			seed = s;
			if (!CHECK(get(&kinds[k], a, f.payload, f.n, true) == 1))
				printf("# %s, seed %u\n", kinds[k].name, s);
			arena_free(a);
		}
}

static void wrong_lengths(void)
{
	for (size_t k = 0; k < KINDS; k++)
		for (unsigned s = 0; s < SEEDS; s++) {
			struct arena *a = arena_new();
			AUTO_BUF struct buf b = {0};

			seed = s;
			kinds[k].put(a, &b);
			size_t n = b.len - FRAME_HEADER;

			for (size_t cut = 0; cut < n; cut++)
				if (!CHECK(get(&kinds[k], a, b.data + FRAME_HEADER, cut,
					       false) == -1))
					printf("# %s, %zu bytes\n", kinds[k].name, cut);
			buf_u8(&b, 0);
			CHECK(get(&kinds[k], a, b.data + FRAME_HEADER, n + 1, false) == -1);
			arena_free(a);
		}
}

static void names(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		CHECK(strcmp(message_name(kinds[k].number), kinds[k].name) == 0);
		for (size_t i = 0; i < k; i++)
			CHECK(kinds[i].number != kinds[k].number);
	}
	CHECK(strcmp(message_name(0), "?") == 0 && strcmp(message_name(255), "?") == 0);
}

/* JOB is the one with lists: its numbers, then CWD, then argv. */
static void job_head(struct buf *b, uint64_t argc)
{
	buf_varint(b, 1);
	for (int i = 0; i < 4; i++)
		buf_varint(b, 0);
	buf_sized(b, "/", 1);
	buf_varint(b, argc);
}

/* No environment, and the two words. */
static void job_tail(struct buf *b)
{
	for (int i = 0; i < 3; i++)
		buf_varint(b, 0);
}

static int get_job_of(const struct buf *b, struct message_job *m, struct arena *a)
{
	return message_get_job(m, a, b->data, b->len);
}

static void lying_counts(void)
{
	static const uint64_t lies[] = {2,
					3,
					1000,
					MESSAGE_STRINGS,
					MESSAGE_STRINGS + 1,
					UINT32_MAX,
					SIZE_MAX / 8,
					UINT64_MAX};
	struct arena *a = arena_new();
	AUTO_BUF struct buf b = {0};
	struct message_job m;

	job_head(&b, 1);
	buf_sized(&b, "gcc", 3);
	job_tail(&b);
	CHECK(get_job_of(&b, &m, a) == 0);
	CHECK(strcmp(m.argv[0], "gcc") == 0 && !m.argv[1] && !m.env[0]);
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		b.len = 0;
		job_head(&b, lies[i]);
		buf_sized(&b, "gcc", 3);
		job_tail(&b);
		CHECK(get_job_of(&b, &m, a) == -1);
	}
	arena_free(a);
}

static void too_many_strings(void)
{
	struct arena *a = arena_new();
	AUTO_BUF struct buf b = {0};
	struct message_job m;

	for (int more = 0; more < 2; more++) {
		b.len = 0;
		job_head(&b, MESSAGE_STRINGS + (unsigned)more);
		for (int i = 0; i < MESSAGE_STRINGS + more; i++)
			buf_sized(&b, "", 0);
		job_tail(&b);
		CHECK(get_job_of(&b, &m, a) == -more);
	}
	arena_free(a);
}

static void values(void)
{
	struct arena *a = arena_new();
	AUTO_BUF struct buf b = {0};
	struct message_toolchain_answer t;
	struct message_need need;

	/* a u32 that is none; a NUL inside a text; a length beyond the payload */
	buf_varint(&b, (uint64_t)UINT32_MAX + 1);
	buf_varint(&b, 1);
	buf_sized(&b, "why", 3);
	CHECK(message_get_toolchain_answer(&t, a, b.data, b.len) == -1);
	b.len = 0;
	buf_varint(&b, UINT32_MAX);
	buf_varint(&b, 1);
	buf_sized(&b, "why", 3);
	CHECK(message_get_toolchain_answer(&t, a, b.data, b.len) == 0 &&
	      t.ref == UINT32_MAX);
	b.data[b.len - 2] = 0;
	CHECK(message_get_toolchain_answer(&t, a, b.data, b.len) == -1);
	b.len = 0;
	buf_varint(&b, FRAME_MAX + 1);
	CHECK(message_get_need(&need, a, b.data, b.len) == -1);
	arena_free(a);
}

static void nulls(void)
{
	struct arena *a = arena_new();
	AUTO_BUF struct buf b = {0};
	struct message_job m = {.id = 1};

	message_put_job(&b, &m);
	CHECK(message_get_job(&m, a, b.data + FRAME_HEADER, b.len - FRAME_HEADER) == 0);
	CHECK(m.argv && !m.argv[0]);
	arena_free(a);
}

TESTS({"every message comes back", round_trips},
      {"cut or prolonged, none is taken", wrong_lengths}, {"names and numbers", names},
      {"counts that lie", lying_counts},
      {"the greatest list, and one more", too_many_strings},
      {"values out of range", values}, {"NULL is written as empty", nulls})
