/* Any bytes as a distcc request or reply; the first byte says which, the second how they are cut. Whatever the
 * cuts: the same calls, the same end, the same sentence; nothing beyond the limits is given on or held; and what
 * was understood to its end, put again, is the same bytes but for the case of the digits. */
#include "base/err.h"
#include "wire/distcc.h"

#include <assert.h>
#include <ctype.h>
#include <sanitizer/allocator_interface.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Small enough to be met by small inputs. */
static const struct distcc_limits limits = {
    .args = 9, .files = 7, .string = 300, .strings = 1000, .bulk = 2000};

enum {
	HELD_MAX = 1024 /* what a string of 300 bytes and its NUL may grow to, and some */
};

/* What has been called so far, in constant memory. */
struct seen {
	uint64_t hash;
	uint64_t strings;
	uint32_t args, files, names;
	uint32_t offset; /* of the bulk that is expected next */
	bool ended;
	struct buf *again; /* NULL, or where all is put again; then bulk must come whole */
};

static void mix(struct seen *s, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->hash = (s->hash ^ ((const uint8_t *)p)[i]) * 1099511628211u;
}

static void mix_call(struct seen *s, enum distcc_token t, uint32_t value)
{
	uint32_t v[] = {t, value};

	assert(!s->ended);
	mix(s, v, sizeof v);
}

static int on_number(void *ctx, enum distcc_token t, uint32_t value, struct err *err)
{
	struct seen *s = ctx;

	(void)err;
	assert(s->offset == 0);
	assert(t != DISTCC_DIST || value <= 3);
	assert(t != DISTCC_ARGC || (value > 0 && value <= limits.args));
	assert(t != DISTCC_NFIL || value <= limits.files);
	if (t == DISTCC_ARGC)
		s->args = value;
	if (t == DISTCC_NFIL)
		s->files = value;
	mix_call(s, t, value);
	if (s->again)
		distcc_put_number(s->again, t, value);
	return 0;
}

static int on_string(void *ctx, enum distcc_token t, const char *p, size_t n,
		     struct err *err)
{
	struct seen *s = ctx;

	(void)err;
	assert(s->offset == 0);
	assert(n <= limits.string && strlen(p) == n);
	s->strings += n;
	assert(s->strings <= limits.strings);
	assert(t != DISTCC_ARGV || s->args-- > 0);
	assert(t != DISTCC_NAME || ++s->names <= s->files);
	mix_call(s, t, (uint32_t)n);
	mix(s, p, n);
	if (s->again)
		distcc_put_string(s->again, t, p);
	return 0;
}

static int on_bulk(void *ctx, enum distcc_token t, uint32_t total, uint32_t offset,
		   const void *p, size_t n, struct err *err)
{
	struct seen *s = ctx;

	(void)err;
	assert(total <= limits.bulk && offset == s->offset && n <= total - offset);
	assert(n > 0 || total == 0);
	if (offset == 0)
		mix_call(s, t, total);
	mix(s, p, n);
	s->offset = offset + n == total ? 0 : offset + (uint32_t)n;
	if (s->again && n == total)
		distcc_put_bulk(s->again, t, p, total);
	return 0;
}

static int on_end(void *ctx, struct err *err)
{
	struct seen *s = ctx;

	(void)err;
	assert(!s->ended && s->offset == 0 && s->args == 0 && s->names == s->files);
	s->ended = true;
	return 0;
}

static const struct distcc_handler handler = {on_number, on_string, on_bulk, on_end};

/* Reads P[0..N) in pieces of 1 to CUT bytes, or in one piece when CUT is 0. */
static int play(unsigned kind, const uint8_t *p, size_t n, unsigned cut, struct seen *s,
		struct err *err)
{
	struct distcc_reader *r = kind % 5 == 4
				      ? distcc_reader_request(&limits, &handler, s)
				      : distcc_reader_reply(kind % 5, &limits, &handler, s);
	size_t before = __sanitizer_get_current_allocated_bytes();
	int failed = 0;

	for (size_t at = 0, k; at < n && !failed; at += k) {
		k = cut ? at * 7 % cut + 1 : n;
		k = k < n - at ? k : n - at;
		failed = distcc_reader_feed(r, p + at, k, err);
		assert(s->again ||
		       __sanitizer_get_current_allocated_bytes() <= before + HELD_MAX);
	}
	const char *waited = distcc_reader_waits_for(r);

	mix(s, waited, strlen(waited));
	assert(distcc_reader_ended(r) == (s->ended && !failed));
	if (failed) {
		uint64_t hash = s->hash;
		struct err later;

		assert(distcc_reader_feed(r, p, n, &later) == -1 && s->hash == hash);
	}
	distcc_reader_free(r);
	return failed;
}

static bool same_but_case(const uint8_t *p, const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (p[i] != (uint8_t)b->data[i] &&
		    (!isxdigit(p[i]) || tolower(p[i]) != b->data[i]))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 3)
		return 0;
	unsigned kind = data[0], cuts[] = {1, 2, data[1] + 1u};
	struct err err = {0};
	AUTO_BUF struct buf again = {0};
	struct seen whole = {.again = &again};
	int failed = play(kind, data + 2, n - 2, 0, &whole, &err);

	assert(!failed || strncmp(err.text, "reading a distcc ", 17) == 0);
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		struct seen s = {0};
		struct err e = {0};

		assert(play(kind, data + 2, n - 2, cuts[i], &s, &e) == failed);
		assert(s.hash == whole.hash && strcmp(e.text, err.text) == 0);
	}
	if (whole.ended && !failed)
		assert(again.len == n - 2 && same_but_case(data + 2, &again));
	return 0;
}
