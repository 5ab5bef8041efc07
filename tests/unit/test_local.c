/* wire/local: what one side writes, the other reads; what nobody wrote is refused. */
#include "test.h"
#include "wire/local.h"

#include <stdint.h>
#include <string.h>

static char *ARGV[] = {(char[]){"gcc"}, (char[]){"-c"}, (char[]){""}, (char[]){"a b.c"},
		       NULL};
static char *ENV[] = {(char[]){"PATH=/usr/bin"}, (char[]){"ODD"}, NULL};

static struct local_request sample(void)
{
	return (struct local_request){.flags = LOCAL_STDERR_TTY,
				      .umask = 022,
				      .columns = 132,
				      .cwd_dev = 1,
				      .cwd_ino = UINT64_MAX,
				      .root_dev = 3,
				      .root_ino = 4,
				      .cwd = "/home/me",
				      .self = "/usr/bin/muster-cc",
				      .argv = ARGV,
				      .env = ENV,
				      .argc = 4,
				      .envc = 2};
}

/* The frame of sample(), to be freed; its payload begins at LOCAL_HEADER. */
static char *sample_frame(size_t *n)
{
	struct local_request r = sample();
	char *frame = NULL;

	CHECK(local_make_request(&r, &frame, n) == 0);
	return frame;
}

/* Parses a copy that ends where the heap block ends, so that a sanitizer sees any step
 * beyond. */
static int parse(struct local_request *r, const char *payload, size_t n)
{
	char *copy = malloc(n ? n : 1);

	memcpy(copy, payload, n);
	int ret = local_parse_request(r, copy, n);
	free(r->argv);
	free(copy);
	return ret;
}

static uint32_t word(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static void check_equal(const struct local_request *r)
{
	struct local_request want = sample();

	CHECK(r->version == LOCAL_VERSION && r->flags == want.flags &&
	      r->umask == want.umask);
	CHECK(r->columns == want.columns && r->argc == want.argc && r->envc == want.envc);
	CHECK(r->cwd_dev == want.cwd_dev && r->cwd_ino == want.cwd_ino);
	CHECK(r->root_dev == want.root_dev && r->root_ino == want.root_ino);
	CHECK(strcmp(r->cwd, want.cwd) == 0 && strcmp(r->self, want.self) == 0);
	for (uint32_t i = 0; i < want.argc; i++)
		CHECK(strcmp(r->argv[i], want.argv[i]) == 0);
	for (uint32_t i = 0; i < want.envc; i++)
		CHECK(strcmp(r->env[i], want.env[i]) == 0);
	CHECK(r->argv[want.argc] == NULL && r->env[want.envc] == NULL);
}

static void round_trip(void)
{
	size_t n = 0;
	char *frame = sample_frame(&n);
	struct local_request r;

	CHECK(word(frame) == n - LOCAL_HEADER);
	CHECK(frame[4] == LOCAL_REQUEST);
	CHECK(local_parse_request(&r, frame + LOCAL_HEADER, n - LOCAL_HEADER) == 0);
	check_equal(&r);
	CHECK(r.argv[0] > frame && r.env[1] < frame + n);
	free(r.argv);
	free(frame);
}

static void bare_request(void)
{
	struct local_request r = {.cwd = "/",
				  .self = "",
				  .argv = ARGV,
				  .argc = 1,
				  .env = ENV},
			     got;
	char *frame = NULL;
	size_t n = 0;

	CHECK(local_make_request(&r, &frame, &n) == 0);
	CHECK(local_parse_request(&got, frame + LOCAL_HEADER, n - LOCAL_HEADER) == 0);
	CHECK(got.envc == 0 && got.env[0] == NULL && got.argc == 1 && *got.self == 0);
	free(got.argv);
	free(frame);
}

static void every_truncation(void)
{
	size_t n = 0;
	char *frame = sample_frame(&n);
	struct local_request r;

	for (size_t cut = 0; cut < n - LOCAL_HEADER; cut++) {
		if (!CHECK(parse(&r, frame + LOCAL_HEADER, cut) == -1))
			printf("# at %zu bytes\n", cut);
		CHECK(r.argv == NULL);
	}
	frame = realloc(frame, n + 1);
	frame[n] = 0;
	CHECK(parse(&r, frame + LOCAL_HEADER, n - LOCAL_HEADER + 1) == -1);
	free(frame);
}

static void other_version(void)
{
	static const char payload[] = {LOCAL_VERSION + 1, 0, 0, 0, 'x'};
	struct local_request r;

	CHECK(parse(&r, payload, sizeof payload) == 0);
	CHECK(r.version == LOCAL_VERSION + 1 && r.argv == NULL && r.cwd == NULL);
	CHECK(parse(&r, payload, 4) == 0);
	CHECK(parse(&r, payload, 3) == -1);
}

/* A payload whose byte (or word) at AT is VALUE instead. */
static int parse_changed(size_t at, size_t width, uint32_t value)
{
	size_t n = 0;
	char *frame = sample_frame(&n);
	struct local_request r;

	for (size_t i = 0; i < width; i++)
		frame[LOCAL_HEADER + at + i] = (char)(value >> 8 * i);
	int ret = parse(&r, frame + LOCAL_HEADER, n - LOCAL_HEADER);
	free(frame);
	return ret;
}

static void malformed(void)
{
	enum {
		UMASK = 8,
		CWD = 48,
		CWD_TEXT = CWD + 4,
		CWD_NUL = CWD_TEXT + 8,
		SELF = CWD_NUL + 1
	};

	enum {
		ARGC = SELF + 4 + 18 + 1
	};

	CHECK(parse_changed(CWD, 4, 8) == 0); /* the offsets above are right */
	CHECK(parse_changed(ARGC, 4, 4) == 0);
	CHECK(parse_changed(UMASK, 4, 0777) == 0);
	CHECK(parse_changed(UMASK, 4, 01000) == -1);
	CHECK(parse_changed(CWD, 4, 7) == -1);
	CHECK(parse_changed(CWD, 4, 0xffffffff) == -1);
	CHECK(parse_changed(CWD_TEXT, 1, 'x') == -1); /* not absolute */
	CHECK(parse_changed(CWD_TEXT + 3, 1, 0) == -1);
	CHECK(parse_changed(CWD_NUL, 1, 'x') == -1);
	CHECK(parse_changed(ARGC, 4, 0) == -1);
	CHECK(parse_changed(ARGC, 4, 3) == -1);
	CHECK(parse_changed(ARGC, 4, 5) == -1);
	CHECK(parse_changed(ARGC, 4, 0xffffffff) == -1);
}

static void too_large(void)
{
	struct local_request r = sample();
	char *frame = NULL;
	size_t n = 0, length = LOCAL_MAX_REQUEST;
	char *big = malloc(length + 1);

	memset(big, 'x', length);
	big[length] = 0;
	char *argv[] = {big, NULL};
	r.argv = argv;
	r.argc = 1;
	CHECK(local_make_request(&r, &frame, &n) == -1);
	CHECK(frame == NULL);
	big[length - 200] = 0;
	CHECK(local_make_request(&r, &frame, &n) == 0);
	CHECK(n <= LOCAL_HEADER + LOCAL_MAX_REQUEST &&
	      parse(&r, frame + LOCAL_HEADER, n - 5) == 0);
	free(frame);
	free(big);
}

static const char *state, *runtime;

static const char *fake_getenv(const char *name)
{
	return strcmp(name, "MUSTER_STATE_DIR") == 0  ? state
	       : strcmp(name, "XDG_RUNTIME_DIR") == 0 ? runtime
						      : NULL;
}

static void check_dir(const char *s, const char *x, const char *want)
{
	char out[108] = "";

	state = s;
	runtime = x;
	int ret = local_socket_dir(out, sizeof out, 1000, fake_getenv);
	if (!CHECK(ret == (want ? 0 : -1)) || (want && !CHECK(strcmp(out, want) == 0)))
		printf("# got %d '%s', wanted '%s'\n", ret, out, want ? want : "nothing");
}

static void socket_dir(void)
{
	char text[108 + 1], out[108];

	check_dir("/state", "/run/user/1000", "/state");
	check_dir("", "/run/user/1000", "/run/user/1000/muster");
	check_dir(NULL, "", "/tmp/muster-1000");
	check_dir(NULL, NULL, "/tmp/muster-1000");
	check_dir("state", "/run/user/1000", NULL);
	check_dir(NULL, "run", "/tmp/muster-1000");
	memset(text, 'd', sizeof text);
	text[0] = '/';
	text[96] = 0; /* 96 and "/agent.sock" and the NUL are 108 */
	check_dir(text, NULL, text);
	text[96] = 'd';
	text[97] = 0;
	check_dir(text, NULL, NULL);
	state = "/state";
	CHECK(local_socket_dir(out, 7, 0, fake_getenv) == 0);
	CHECK(local_socket_dir(out, 6, 0, fake_getenv) == -1);
	state = runtime = NULL;
	CHECK(local_socket_dir(out, sizeof out, 0, fake_getenv) == 0);
	CHECK(strcmp(out, "/tmp/muster-0") == 0);
	CHECK(local_socket_dir(out, sizeof out, 4294967295U, fake_getenv) == 0);
	CHECK(strcmp(out, "/tmp/muster-4294967295") == 0);
}

TESTS({"a request comes back as it was", round_trip},
      {"a request with next to nothing", bare_request},
      {"no truncated or overlong request passes", every_truncation},
      {"another version is told apart", other_version}, {"malformed requests", malformed},
      {"a request over the limit is not made", too_large},
      {"where the agent listens", socket_dir})
