#include "base/err.h"
#include "engine/yaml.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static int is(const char *text, const char *want)
{
	struct err e = {0};
	json_t *o = yaml_read(text, strlen(text), &e);
	char *got = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int same = got && strcmp(got, want) == 0;

	if (!same)
		printf("# got %s%s\n", got ? got : "", e.text);
	free(got);
	json_decref(o);
	return same;
}

static int refused(const char *text, const char *word)
{
	struct err e = {0};
	json_t *o = yaml_read(text, strlen(text), &e);

	json_decref(o);
	return !o && strstr(e.text, word);
}

static void blocks(void)
{
	CHECK(is("", "{}"));
	CHECK(is("a: 1\nb:\n  c: x y\n  d: true\n",
		 "{\"a\":\"1\",\"b\":{\"c\":\"x y\",\"d\":true}}"));
	CHECK(is("# c\n---\nl:\n- a\n- b: 1\n  c: 2\n-\n  d: 3\ne:\n",
		 "{\"l\":[\"a\",{\"b\":\"1\",\"c\":\"2\"},{\"d\":\"3\"}],\"e\":null}"));
	CHECK(is("l:\n  - name: n\n    user:\n      token: t\n  - name: m\n",
		 "{\"l\":[{\"name\":\"n\",\"user\":{\"token\":\"t\"}},{\"name\":\"m\"}]}"));
}

static void words(void)
{
	CHECK(is("a: \"x: # \\\"y\\\"\"\nb: 'it''s' # c\nc: http://h:1/#p\n",
		 "{\"a\":\"x: # \\\"y\\\"\",\"b\":\"it's\",\"c\":\"http://h:1/#p\"}"));
	CHECK(is("a: {}\nb: [1, \"x\"]\n", "{\"a\":{},\"b\":[1,\"x\"]}"));
	CHECK(
	    is("a: [eks, get-token, --name, 'x y', \"z\", http://h:1]\n",
	       "{\"a\":[\"eks\",\"get-token\",\"--name\",\"x y\",\"z\",\"http://h:1\"]}"));
	CHECK(is(
	    "a: {name: n, context: {user: u, on: true}, l: [ ]}\n",
	    "{\"a\":{\"name\":\"n\",\"context\":{\"user\":\"u\",\"on\":true},\"l\":[]}}"));
	CHECK(is("'k k': v\n\"q\": w\r\n", "{\"k k\":\"v\",\"q\":\"w\"}"));
	CHECK(is("t: |\n  one\n  two\nu: x\n", "{\"t\":\"one\\ntwo\\n\",\"u\":\"x\"}"));
	CHECK(is("{\"json\": [1]}", "{\"json\":[1]}"));
}

static void nonsense(void)
{
	CHECK(refused("a: 1\n  b: 2\n", "line 2"));
	CHECK(refused("a\n", "key: value"));
	CHECK(refused("a: \"x\n", "quoted"));
	CHECK(refused("a: *x\n", "anchors"));
	CHECK(refused("  a: 1\nb: 2\n", "line 2"));
	CHECK(refused("a: [1\n", "does not end"));
	CHECK(refused("a: [1, {b: 2]\n", "does not end"));
	CHECK(refused("a: {b}\n", "no value"));
	CHECK(refused("a: {{b: c}: d}\n", "a key is no word"));
	CHECK(refused("a: [x] y\n", "behind"));
	char deep[4000] = "";

	for (int i = 0; i < 60; i++) {
		memset(deep + strlen(deep), ' ', (size_t)i);
		strcat(deep, "a:\n");
	}
	CHECK(refused(deep, "deep"));
}

TESTS({"blocks", blocks}, {"words", words}, {"nonsense", nonsense})
