/* The words between shim and agent (see local.h for the conversation).
 *
 * A REQUEST is written with its exact size known beforehand, so that building it is one
 * allocation: it happens once a compile. Reading one allocates nothing but the two arrays,
 * whose size the payload's own length bounds (a string takes at least five bytes), so that
 * no announced count can make us allocate more than a small multiple of what was really
 * sent. Every byte of a well-formed payload is meaningful: what is parsed and made again
 * gives the same bytes. */
#include "wire/local.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIXED = 4 * 4 + 4 * 8, /* the numbers before the first string */
	STRING_EXTRA = 4 + 1,  /* a string's length word and its NUL */
	UMASK_MAX = 0777,
	/* 108 is the size of sockaddr_un.sun_path, which a pure folder does not see. */
	DIR_MAX = 108 - sizeof "/agent.sock",
};

/* The next string, where it lies; NULL (and c->bad) when it is not there whole with a NUL
 * at its end and nowhere else. (Found from its NUL, since memchr takes away the const.) */
static char *read_string(struct cursor *c)
{
	size_t n = cursor_u32(c);
	struct slice s = cursor_bytes(c, n + 1);
	char *nul = memchr(s.p, 0, s.n);

	if (!nul || nul != s.p + n)
		c->bad = 1;
	return c->bad ? NULL : nul - n;
}

/* COUNT strings and the NULL behind them. */
static void read_strings(struct cursor *c, char **out, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		out[i] = read_string(c);
	out[count] = NULL;
}

/* A count of strings that the rest of the payload has room for. */
static uint32_t read_count(struct cursor *c)
{
	uint32_t count = cursor_u32(c);

	if (count > (size_t)(c->end - c->p) / STRING_EXTRA)
		c->bad = 1;
	return c->bad ? 0 : count;
}

/* The environment's count, which stands behind ARGC strings; 0 when it is not to be
 * believed. */
static uint32_t peek_envc(struct cursor c, uint32_t argc)
{
	for (uint32_t i = 0; i < argc && !c.bad; i++)
		read_string(&c);
	return read_count(&c);
}

int local_parse_request(struct local_request *req, const char *payload, size_t n)
{
	struct cursor c = {payload, payload + n, 0};

	*req = (struct local_request){0};
	uint32_t version = cursor_u32(&c);
	if (c.bad || n > LOCAL_MAX_REQUEST)
		return -1;
	if (version != LOCAL_VERSION) {
		req->version = version;
		return 0;
	}
	struct local_request r = {.version = version};
	r.flags = cursor_u32(&c);
	r.umask = cursor_u32(&c);
	r.columns = cursor_u32(&c);
	r.cwd_dev = cursor_u64(&c);
	r.cwd_ino = cursor_u64(&c);
	r.root_dev = cursor_u64(&c);
	r.root_ino = cursor_u64(&c);
	r.cwd = read_string(&c);
	r.self = read_string(&c);
	r.argc = read_count(&c);
	if (c.bad || r.argc == 0 || r.umask > UMASK_MAX || r.cwd[0] != '/')
		return -1;
	r.envc = peek_envc(c, r.argc);
	r.argv = xreallocarray(NULL, (size_t)r.argc + r.envc + 2, sizeof *r.argv);
	r.env = r.argv + r.argc + 1;
	read_strings(&c, r.argv, r.argc);
	c.bad |= cursor_u32(&c) != r.envc;
	read_strings(&c, r.env, r.envc);
	if (c.bad || c.p != c.end) {
		free(r.argv);
		return -1;
	}
	*req = r;
	return 0;
}

static void add_string(struct buf *b, const char *s)
{
	size_t n = strlen(s);

	buf_u32(b, (uint32_t)n);
	buf_add(b, s, n + 1);
}

static size_t strings_size(char *const *v, uint32_t count)
{
	size_t size = 4;

	for (uint32_t i = 0; i < count; i++)
		size += strlen(v[i]) + STRING_EXTRA;
	return size;
}

static void add_strings(struct buf *b, char *const *v, uint32_t count)
{
	buf_u32(b, count);
	for (uint32_t i = 0; i < count; i++)
		add_string(b, v[i]);
}

int local_make_request(const struct local_request *req, char **frame, size_t *n)
{
	size_t size = FIXED + strlen(req->cwd) + strlen(req->self) + STRING_EXTRA +
		      STRING_EXTRA + strings_size(req->argv, req->argc) +
		      strings_size(req->env, req->envc);

	if (size > LOCAL_MAX_REQUEST)
		return -1;
	struct buf b = {xmalloc(LOCAL_HEADER + size), 0, LOCAL_HEADER + size};
	buf_u32(&b, (uint32_t)size);
	buf_u8(&b, LOCAL_REQUEST);
	buf_u32(&b, LOCAL_VERSION);
	buf_u32(&b, req->flags);
	buf_u32(&b, req->umask);
	buf_u32(&b, req->columns);
	buf_u64(&b, req->cwd_dev);
	buf_u64(&b, req->cwd_ino);
	buf_u64(&b, req->root_dev);
	buf_u64(&b, req->root_ino);
	add_string(&b, req->cwd);
	add_string(&b, req->self);
	add_strings(&b, req->argv, req->argc);
	add_strings(&b, req->env, req->envc);
	*frame = b.data;
	*n = b.len;
	return 0;
}

/* HEAD and TAIL joined in OUT, with room for the socket's name behind them. */
static int join(char *out, size_t size, const char *head, const char *tail)
{
	size_t h = strlen(head), t = strlen(tail);

	if (h + t >= size || h + t > DIR_MAX || head[0] != '/')
		return -1;
	stpcpy(stpcpy(out, head), tail);
	return 0;
}

int local_socket_dir(char *out, size_t size, unsigned uid,
		     const char *(*getenv_fn)(const char *))
{
	const char *state = getenv_fn("MUSTER_STATE_DIR");
	const char *runtime = getenv_fn("XDG_RUNTIME_DIR");
	char digits[3 * sizeof uid + 1];
	char *p = digits + sizeof digits;

	if (state && *state)
		return join(out, size, state, "");
	if (runtime && *runtime == '/')
		return join(out, size, runtime, "/muster");
	*--p = 0;
	do
		*--p = (char)('0' + uid % 10);
	while (uid /= 10);
	return join(out, size, "/tmp/muster-", p);
}
