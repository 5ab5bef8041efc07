/* The tokens of the distcc protocol, read in whatever pieces they come, and written.
 *
 * What is waited for, and where each token leads (³ in version 3, * while ARGC or NFIL announced more):
 *
 *   DIST ─────────► ARGC ─► ARGV ─────► DOTI ─► end
 *     └─³► CDIR ─────┘      ▲ * │ └─³► NFIL ─► NAME ─► FILE or LINK ─► end
 *                           └───┘        │      ▲   *       │           ▲
 *                                        │      └───────────┘           │
 *                                        └── of none ───────────────────┘
 *   DONE ─► STAT ─► SERR ─► SOUT ─► DOTO ─► end
 *                                     └─³ when STAT was 0 ─► DOTD ─► end
 *
 * Invariant: what is called depends on the bytes alone, not on where they were split, but for the pieces of
 * bulk. No more is kept than the head of a token or one string, and of a string only what has come: a length
 * is held against its limit before the first byte behind it is taken.
 *
 * Happy path: feed_head (four letters, then eight digits) → begin_token → feed_string or feed_bulk →
 * end_token, until the state is ENDED.
 * It fails on a token out of turn, a number that is none, one above its limit, a NUL in a string, bytes behind
 * the end, and when a handler does; then the reader is BROKEN and stays so. */
#include "wire/distcc.h"

#include "base/err.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORD = 4,
	DIGITS = 8,
	HEAD = WORD + DIGITS,
	VERSION_MAX = 3,
	SOURCES = 3 /* the version that sends the sources, and gets dependencies back */
};

/* What the number behind a token's letters is. */
enum body {
	NUMBER, /* a value */
	STRING, /* the length of a text that is given on whole */
	BULK    /* the length of bytes that are given on as they come */
};

struct token {
	char word[WORD + 1];
	enum body body;
	bool counted; /* one of those that ARGC or NFIL announced */
	const char *rest;
};

#define TOKEN(word, body, counted) \
	[DISTCC_##word] = {#word, body, counted, "the rest of " #word}
static const struct token tokens[] = {
    TOKEN(DIST, NUMBER, false), TOKEN(CDIR, STRING, false), TOKEN(ARGC, NUMBER, false),
    TOKEN(ARGV, STRING, true),  TOKEN(DOTI, BULK, false),   TOKEN(NFIL, NUMBER, false),
    TOKEN(NAME, STRING, false), TOKEN(FILE, BULK, true),    TOKEN(LINK, STRING, true),
    TOKEN(DONE, NUMBER, false), TOKEN(STAT, NUMBER, false), TOKEN(SERR, BULK, false),
    TOKEN(SOUT, BULK, false),   TOKEN(DOTO, BULK, false),   TOKEN(DOTD, BULK, false),
};
static_assert(sizeof tokens / sizeof *tokens == DISTCC_NTOKENS, "every token has its row");

enum state {
	WAIT_DIST,
	WAIT_CDIR,
	WAIT_ARGC,
	WAIT_ARGV,
	WAIT_DOTI,
	WAIT_NFIL,
	WAIT_NAME,
	WAIT_SOURCE,
	WAIT_DONE,
	WAIT_STAT,
	WAIT_SERR,
	WAIT_SOUT,
	WAIT_DOTO,
	WAIT_DOTD,
	ENDED,
	BROKEN
};

static const char *const waits[] = {
    [WAIT_DIST] = "the DIST token",
    [WAIT_CDIR] = "the CDIR token",
    [WAIT_ARGC] = "the ARGC token",
    [WAIT_ARGV] = "the ARGV token",
    [WAIT_DOTI] = "the DOTI token",
    [WAIT_NFIL] = "the NFIL token",
    [WAIT_NAME] = "the NAME token",
    [WAIT_SOURCE] = "the FILE or LINK token",
    [WAIT_DONE] = "the DONE token",
    [WAIT_STAT] = "the STAT token",
    [WAIT_SERR] = "the SERR token",
    [WAIT_SOUT] = "the SOUT token",
    [WAIT_DOTO] = "the DOTO token",
    [WAIT_DOTD] = "the DOTD token",
    [ENDED] = "nothing",
    [BROKEN] = "nothing",
};

enum when {
	ALWAYS,
	MORE,         /* ARGC or NFIL announced more than has come */
	WITH_SOURCES, /* in version 3 */
	WITH_DEPS     /* in version 3, when the status is 0 */
};

/* The drawing above: in state AT only the tokens that have a row may come; the first of these rows that holds
 * once the token has come whole leads on. */
static const struct rule {
	enum state at;
	enum distcc_token token;
	enum when when;
	enum state then;
} rules[] = {
    {WAIT_DIST,   DISTCC_DIST, WITH_SOURCES, WAIT_CDIR  },
    {WAIT_DIST,   DISTCC_DIST, ALWAYS,       WAIT_ARGC  },
    {WAIT_CDIR,   DISTCC_CDIR, ALWAYS,       WAIT_ARGC  },
    {WAIT_ARGC,   DISTCC_ARGC, ALWAYS,       WAIT_ARGV  },
    {WAIT_ARGV,   DISTCC_ARGV, MORE,         WAIT_ARGV  },
    {WAIT_ARGV,   DISTCC_ARGV, WITH_SOURCES, WAIT_NFIL  },
    {WAIT_ARGV,   DISTCC_ARGV, ALWAYS,       WAIT_DOTI  },
    {WAIT_DOTI,   DISTCC_DOTI, ALWAYS,       ENDED      },
    {WAIT_NFIL,   DISTCC_NFIL, MORE,         WAIT_NAME  },
    {WAIT_NFIL,   DISTCC_NFIL, ALWAYS,       ENDED      },
    {WAIT_NAME,   DISTCC_NAME, ALWAYS,       WAIT_SOURCE},
    {WAIT_SOURCE, DISTCC_FILE, MORE,         WAIT_NAME  },
    {WAIT_SOURCE, DISTCC_FILE, ALWAYS,       ENDED      },
    {WAIT_SOURCE, DISTCC_LINK, MORE,         WAIT_NAME  },
    {WAIT_SOURCE, DISTCC_LINK, ALWAYS,       ENDED      },
    {WAIT_DONE,   DISTCC_DONE, ALWAYS,       WAIT_STAT  },
    {WAIT_STAT,   DISTCC_STAT, ALWAYS,       WAIT_SERR  },
    {WAIT_SERR,   DISTCC_SERR, ALWAYS,       WAIT_SOUT  },
    {WAIT_SOUT,   DISTCC_SOUT, ALWAYS,       WAIT_DOTO  },
    {WAIT_DOTO,   DISTCC_DOTO, WITH_DEPS,    WAIT_DOTD  },
    {WAIT_DOTO,   DISTCC_DOTO, ALWAYS,       ENDED      },
    {WAIT_DOTD,   DISTCC_DOTD, ALWAYS,       ENDED      },
};

enum {
	NRULES = sizeof rules / sizeof *rules
};

struct distcc_reader {
	struct distcc_limits limits;
	struct distcc_handler handler;
	void *ctx;
	const char *what; /* "request" or "reply" */
	enum state at;
	uint32_t version; /* of DIST, or the one that DONE must give back */
	uint32_t status;  /* STAT */
	uint32_t left;    /* counted tokens still to come */
	uint64_t strings; /* bytes of all strings announced so far */

	char head[HEAD]; /* of a token: nhead bytes have come */
	size_t nhead;
	enum distcc_token token; /* its letters, once nhead has reached WORD */
	bool in_body;            /* its head is whole, its body is not */
	uint32_t length, offset; /* of the body, and how much of it has come */
	struct buf text;         /* the string that is coming */
};

static struct distcc_reader *reader_new(const struct distcc_limits *limits,
					const struct distcc_handler *handler, void *ctx)
{
	struct distcc_reader *r = xcalloc(1, sizeof *r);

	r->limits = *limits;
	r->handler = *handler;
	r->ctx = ctx;
	return r;
}

struct distcc_reader *distcc_reader_request(const struct distcc_limits *limits,
					    const struct distcc_handler *handler, void *ctx)
{
	struct distcc_reader *r = reader_new(limits, handler, ctx);

	r->what = "request";
	r->at = WAIT_DIST;
	return r;
}

struct distcc_reader *distcc_reader_reply(uint32_t version,
					  const struct distcc_limits *limits,
					  const struct distcc_handler *handler, void *ctx)
{
	struct distcc_reader *r = reader_new(limits, handler, ctx);

	assert(version <= VERSION_MAX);
	r->what = "reply";
	r->at = WAIT_DONE;
	r->version = version;
	return r;
}

void distcc_reader_free(struct distcc_reader *r)
{
	if (!r)
		return;
	buf_free(&r->text);
	free(r);
}

bool distcc_reader_ended(const struct distcc_reader *r)
{
	return r->at == ENDED;
}

const char *distcc_reader_waits_for(const struct distcc_reader *r)
{
	return r->in_body && r->at != BROKEN ? tokens[r->token].rest : waits[r->at];
}

static bool holds(const struct distcc_reader *r, enum when when)
{
	switch (when) {
	case ALWAYS: return true;
	case MORE: return r->left > 0;
	case WITH_SOURCES: return r->version == SOURCES;
	case WITH_DEPS: return r->version == SOURCES && r->status == 0;
	}
	abort();
}

static bool may_come(enum state at, enum distcc_token token)
{
	for (size_t i = 0; i < NRULES; i++)
		if (rules[i].at == at && rules[i].token == token)
			return true;
	return false;
}

static enum state next_state(const struct distcc_reader *r)
{
	for (size_t i = 0; i < NRULES; i++)
		if (rules[i].at == r->at && rules[i].token == r->token &&
		    holds(r, rules[i].when))
			return rules[i].then;
	abort(); /* the last row of each token is ALWAYS */
}

/* The token has come and was handled whole. */
static int end_token(struct distcc_reader *r, struct err *err)
{
	if (tokens[r->token].counted)
		r->left--;
	r->in_body = false;
	r->at = next_state(r);
	return r->at == ENDED ? r->handler.end(r->ctx, err) : 0;
}

/* Foreign bytes for a sentence: what is not plain text as \xNN. */
static const char *show(char out[4 * DIGITS + 1], const char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	char *to = out;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	*to = 0;
	return out;
}

static int know_token(struct distcc_reader *r, struct err *err)
{
	char shown[4 * DIGITS + 1];

	for (unsigned t = 0; t < DISTCC_NTOKENS; t++)
		if (memcmp(r->head, tokens[t].word, WORD) == 0 && may_come(r->at, t)) {
			r->token = t;
			return 0;
		}
	return err_set(err, 0, "%s was expected, but \"%s\" came", waits[r->at],
		       show(shown, r->head, WORD));
}

/* Exactly eight hexadecimal digits; no blank, no sign, no prefix. */
static int read_digits(const char *p, uint32_t *value)
{
	*value = 0;
	for (size_t i = 0; i < DIGITS; i++) {
		char c = p[i];
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned)(c - 'A') + 10;
		else
			return -1;
		*value = *value << 4 | digit;
	}
	return 0;
}

static int take_number(struct distcc_reader *r, uint32_t value, struct err *err)
{
	switch (r->token) {
	case DISTCC_DIST:
		if (value > VERSION_MAX)
			return err_set(err, 0,
				       "it is of version %" PRIu32 "; known are 1 to %d",
				       value, VERSION_MAX);
		r->version = value;
		break;
	case DISTCC_DONE:
		if (value != r->version)
			return err_set(err, 0,
				       "it is of version %" PRIu32
				       ", the request was of version %" PRIu32,
				       value, r->version);
		break;
	case DISTCC_ARGC:
		if (value == 0)
			return err_set(err, 0,
				       "ARGC is 0, but a command has a compiler at least");
		if (value > r->limits.args)
			return err_set(err, 0,
				       "ARGC is %" PRIu32 ", above the limit of %" PRIu32
				       " arguments",
				       value, r->limits.args);
		r->left = value;
		break;
	case DISTCC_NFIL:
		if (value > r->limits.files)
			return err_set(err, 0,
				       "NFIL is %" PRIu32 ", above the limit of %" PRIu32
				       " files",
				       value, r->limits.files);
		r->left = value;
		break;
	case DISTCC_STAT: r->status = value; break;
	default: abort(); /* no other token is a number */
	}
	if (r->handler.number(r->ctx, r->token, value, err) < 0)
		return -1;
	return end_token(r, err);
}

/* The string has come whole. */
static int end_string(struct distcc_reader *r, struct err *err)
{
	buf_u8(&r->text, 0);
	if (strlen(r->text.data) != r->length)
		return err_set(err, 0, "%s holds a NUL", tokens[r->token].word);
	if (r->handler.string(r->ctx, r->token, r->text.data, r->length, err) < 0)
		return -1;
	return end_token(r, err);
}

static int begin_string(struct distcc_reader *r, struct err *err)
{
	const char *word = tokens[r->token].word;

	if (r->length > r->limits.string)
		return err_set(err, 0,
			       "%s has %" PRIu32 " bytes, above the limit of %" PRIu32
			       " for one string",
			       word, r->length, r->limits.string);
	if (r->strings > r->limits.strings || r->length > r->limits.strings - r->strings)
		return err_set(err, 0,
			       "with this %s of %" PRIu32
			       " bytes its strings are above their limit of %" PRIu64
			       " bytes together",
			       word, r->length, r->limits.strings);
	r->strings += r->length;
	r->text.len = 0;
	return r->length > 0 ? 0 : end_string(r, err);
}

/* The next N bytes of the body of bulk; its last end the token. */
static int take_bulk(struct distcc_reader *r, const char *p, uint32_t n, struct err *err)
{
	if (r->handler.bulk(r->ctx, r->token, r->length, r->offset, p, n, err) < 0)
		return -1;
	r->offset += n;
	return r->offset < r->length ? 0 : end_token(r, err);
}

static int begin_bulk(struct distcc_reader *r, struct err *err)
{
	if (r->length > r->limits.bulk)
		return err_set(err, 0,
			       "%s has %" PRIu32 " bytes, above the limit of %" PRIu32
			       " for one body",
			       tokens[r->token].word, r->length, r->limits.bulk);
	return r->length > 0 ? 0 : take_bulk(r, "", 0, err);
}

/* The head has come whole. */
static int begin_token(struct distcc_reader *r, struct err *err)
{
	char shown[4 * DIGITS + 1];
	uint32_t value;

	if (read_digits(r->head + WORD, &value) < 0)
		return err_set(err, 0,
			       "%s is followed by \"%s\", which is not eight hex digits",
			       tokens[r->token].word, show(shown, r->head + WORD, DIGITS));
	if (tokens[r->token].body == NUMBER)
		return take_number(r, value, err);
	r->in_body = true;
	r->length = value;
	r->offset = 0;
	return tokens[r->token].body == STRING ? begin_string(r, err) : begin_bulk(r, err);
}

/* At most N bytes from the front of IN. */
static struct slice take(struct slice *in, size_t n)
{
	struct slice s = {in->p, in->n < n ? in->n : n};

	in->p += s.n;
	in->n -= s.n;
	return s;
}

static int feed_head(struct distcc_reader *r, struct slice *in, struct err *err)
{
	if (r->at == ENDED)
		return err_set(err, 0, "there are bytes behind its end");
	size_t goal = r->nhead < WORD ? WORD : HEAD;
	struct slice s = take(in, goal - r->nhead);

	memcpy(r->head + r->nhead, s.p, s.n);
	r->nhead += s.n;
	if (r->nhead < goal)
		return 0;
	if (goal == WORD)
		return know_token(r, err);
	r->nhead = 0;
	return begin_token(r, err);
}

static int feed_string(struct distcc_reader *r, struct slice *in, struct err *err)
{
	struct slice s = take(in, r->length - r->offset);

	buf_add(&r->text, s.p, s.n);
	r->offset += (uint32_t)s.n;
	return r->offset < r->length ? 0 : end_string(r, err);
}

static int feed_bulk(struct distcc_reader *r, struct slice *in, struct err *err)
{
	struct slice s = take(in, r->length - r->offset);

	return take_bulk(r, s.p, (uint32_t)s.n, err);
}

static int feed_some(struct distcc_reader *r, struct slice *in, struct err *err)
{
	if (!r->in_body)
		return feed_head(r, in, err);
	return tokens[r->token].body == STRING ? feed_string(r, in, err)
					       : feed_bulk(r, in, err);
}

int distcc_reader_feed(struct distcc_reader *r, const void *p, size_t n, struct err *err)
{
	struct slice in = {p, n};

	if (r->at == BROKEN)
		return err_set(err, 0, "reading a distcc %s: it has failed before",
			       r->what);
	while (in.n > 0)
		if (feed_some(r, &in, err) < 0) {
			r->at = BROKEN;
			buf_free(&r->text);
			return err_wrap(err, "reading a distcc %s", r->what);
		}
	return 0;
}

static void put_head(struct buf *b, enum distcc_token token, enum body body, uint32_t value)
{
	assert(tokens[token].body == body);
	buf_printf(b, "%s%08" PRIx32, tokens[token].word, value);
}

void distcc_put_number(struct buf *b, enum distcc_token token, uint32_t value)
{
	put_head(b, token, NUMBER, value);
}

void distcc_put_string(struct buf *b, enum distcc_token token, const char *s)
{
	size_t n = strlen(s);

	assert(n <= UINT32_MAX);
	put_head(b, token, STRING, (uint32_t)n);
	buf_add(b, s, n);
}

void distcc_put_bulk_head(struct buf *b, enum distcc_token token, uint32_t n)
{
	put_head(b, token, BULK, n);
}

void distcc_put_bulk(struct buf *b, enum distcc_token token, const void *p, uint32_t n)
{
	distcc_put_bulk_head(b, token, n);
	buf_add(b, p, n);
}
