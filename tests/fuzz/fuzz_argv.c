/* A compiler's command from the input: words divided by NUL, the last of them the text that every response
 * file has. Whatever is asked, the answer keeps the promises of cc/command.h. */
#include "base/buf.h"
#include "cc/command.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *read_response(void *ctx, struct arena *a, const char *name)
{
	return strcmp(name, "absent") == 0 ? NULL : arena_strdup(a, ctx);
}

static void check(const struct cc_command *c)
{
	assert(c && c->argv.n > 0 && !c->argv.v[c->argv.n]);
	if (c->verdict != CC_REMOTE) {
		assert(c->why && c->why[0]);
		return;
	}
	bool object = false;

	assert(c->source && c->object && c->noutputs > 0);
	for (size_t i = 0; i < c->noutputs; i++) {
		assert(c->outputs[i].dir && c->outputs[i].stem && c->outputs[i].suffix);
		object |= c->outputs[i].must;
	}
	assert(object);
	for (size_t i = 0; i < c->nmacros; i++)
		assert(c->macros[i].text);
	for (size_t i = 0; i < c->nforced; i++)
		assert(c->forced[i].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	AUTO_BUF struct buf text = {0};
	struct strv argv = {0};

	buf_add(&text, data, n);
	buf_u8(&text, 0);
	strv_add(a, &argv, "gcc");
	for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
		strv_add(a, &argv, text.data + at);
	struct cc_reader reader = {.ctx = argv.v[argv.n - 1], .read = read_response};

	argv.v[--argv.n] = NULL;
	if (argv.n == 0)
		strv_add(a, &argv, "gcc");
	check(cc_parse(a, argv.v, &reader));
	argv.v[0] = (char[]){"clang++"};
	check(cc_parse(a, argv.v, NULL));
	arena_free(a);
	return 0;
}
