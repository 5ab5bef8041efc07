/* Recursive descent over lines: each has an indentation; a block is the lines that are indented alike, a deeper one belongs to the
 * line above it. "- key: value" is a list's entry, and the first line of a mapping that is indented by where KEY stands: the dash is
 * then taken for a blank. */
#include "engine/yaml.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct line {
	char *text;      /* without what stands before and behind it */
	unsigned indent; /* columns */
	unsigned number;
};

struct yaml {
	char *copy;
	struct line *v;
	size_t n, at;
	struct err *e;
};

static json_t *fail(const struct yaml *y, const char *what)
{
	err_set(y->e, 0, "line %u: %s", y->at < y->n ? y->v[y->at].number : 0, what);
	return NULL;
}

/* -- lines ----------------------------------------------------------------------------------- */

/* Ends LINE before a comment that stands outside of quotes. */
static void cut_comment(char *line)
{
	char quote = 0;

	for (char *p = line; *p; p++) {
		if (quote) {
			if (*p == '\\' && quote == '"' && p[1])
				p++;
			else if (*p == quote)
				quote = 0;
		} else if ((*p == '"' || *p == '\'') &&
			   (p == line || strchr(" :-[{,", p[-1]))) {
			quote = *p;
		} else if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
			*p = 0;
			return;
		}
	}
}

/* The lines that say something. Those of a block text are kept whole, comments and all, since nobody asks for their words. */
static void split(struct yaml *y)
{
	unsigned number = 0;

	for (char *rest = y->copy, *line; (line = strsep(&rest, "\n"));) {
		unsigned indent = (unsigned)strspn(line, " ");

		number++;
		cut_comment(line + indent);
		size_t n = strlen(line);

		while (n > indent && strchr(" \t\r", line[n - 1]))
			line[--n] = 0;
		if (n == indent || strncmp(line, "---", 3) == 0 || *line == '%')
			continue;
		y->v = xreallocarray(y->v, y->n + 1, sizeof *y->v);
		y->v[y->n++] = (struct line){line + indent, indent, number};
	}
}

/* -- words ----------------------------------------------------------------------------------- */

/* The word that P begins with, decoded into OUT; returns what stands behind it. NULL: its quote does not end. */
static const char *read_quoted(const char *p, struct buf *out)
{
	char quote = *p++;

	for (; *p; p++) {
		if (*p == quote) {
			if (quote != '\'' || p[1] != '\'')
				return p + 1;
			p++;
		} else if (*p == '\\' && quote == '"' && p[1]) {
			p++;
			buf_u8(out, *p == 'n'   ? '\n'
				    : *p == 't' ? '\t'
						: (unsigned char)*p);
			continue;
		}
		buf_u8(out, (unsigned char)*p);
	}
	return NULL;
}

static json_t *word(const struct yaml *y, const char *p);

/* -- braces and brackets --------------------------------------------------------------------- */

static json_t *flow(const struct yaml *y, const char **p, unsigned depth);

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* A quoted word, or one that ends before a character of ENDS, or before a ':' that ends a key. */
static json_t *flow_word(const struct yaml *y, const char **p, const char *ends)
{
	AUTO_BUF struct buf b = {0};
	const char *from = *p, *end = from;

	if (*from == '{' || *from == '[')
		return fail(y, "a key is no word");
	if (*from == '"' || *from == '\'') {
		end = read_quoted(from, &b);
		if (!end)
			return fail(y, "a quoted word does not end as it should");
	} else {
		while (*end && !strchr(ends, *end) &&
		       (*end != ':' || !strchr(" ,]}", end[1])))
			end++;
	}
	size_t n = (size_t)(end - from);

	*p = skip_blanks(end);
	while (n && from[n - 1] == ' ')
		n--;
	AUTO_FREE char *text = xstrndup(from, n);

	return word(y, text);
}

/* One entry of the mapping O: "KEY: VALUE". */
static int flow_entry(const struct yaml *y, json_t *o, const char **p, unsigned depth)
{
	json_t *key = flow_word(y, p, ",}"), *value = NULL;

	if (key && json_is_string(key) && **p == ':') {
		*p = skip_blanks(*p + 1);
		value = flow(y, p, depth);
	} else if (key) {
		fail(y, "a key in braces has no value");
	}
	int failed = !value || json_object_set_new(o, json_string_value(key), value);

	json_decref(key);
	return failed;
}

/* What begins at *P, which then stands behind it. */
static json_t *flow(const struct yaml *y, const char **p, unsigned depth)
{
	bool list = **p == '[';
	char end = list ? ']' : '}';

	if (!list && **p != '{')
		return flow_word(y, p, ",]}");
	if (depth == YAML_DEPTH)
		return fail(y, "it is nested too deeply");
	json_t *o = list ? json_array() : json_object();
	int failed = 0;

	*p = skip_blanks(*p + 1);
	while (!failed && **p && **p != end) {
		failed = list ? json_array_append_new(o, flow(y, p, depth + 1))
			      : flow_entry(y, o, p, depth + 1);
		if (!failed && **p == ',')
			*p = skip_blanks(*p + 1);
		else if (!failed && **p != end)
			break;
	}
	if (!failed && **p == end) {
		*p = skip_blanks(*p + 1);
		return o;
	}
	json_decref(o);
	return failed ? NULL
		      : fail(y, "what is in braces or brackets does not end as it should");
}

static json_t *flow_whole(const struct yaml *y, const char *p)
{
	json_t *o = flow(y, &p, 0);

	if (!o || !*p)
		return o;
	json_decref(o);
	return fail(y, "something stands behind braces or brackets");
}

static json_t *word(const struct yaml *y, const char *p)
{
	AUTO_BUF struct buf b = {0};

	if (*p == '"' || *p == '\'') {
		const char *end = read_quoted(p, &b);

		if (!end || *end)
			return fail(y, "a quoted word does not end as it should");
		json_t *o = json_stringn(b.len ? b.data : "", b.len);

		return o ? o : fail(y, "this is no UTF-8");
	}
	if (*p == '{' || *p == '[') {
		json_t *o = json_loads(p, JSON_DECODE_ANY, NULL);

		return o ? o : flow_whole(y, p);
	}
	if (*p == '&' || *p == '*' || *p == '!')
		return fail(y, "anchors and tags are not known here");
	if (strcmp(p, "true") == 0 || strcmp(p, "false") == 0)
		return json_boolean(*p == 't');
	if (strcmp(p, "null") == 0 || strcmp(p, "~") == 0)
		return json_null();
	json_t *o = json_string(p);

	return o ? o : fail(y, "this is no UTF-8");
}

/* Cuts "key: value" in place: VALUE is "" when nothing follows. The key, decoded into B; NULL: it is no such line. */
static const char *key_of(char *p, struct buf *b, char **value)
{
	const char *end;

	if (*p == '"' || *p == '\'') {
		end = read_quoted(p, b);
		if (!end || *end != ':')
			return NULL;
	} else {
		end = strstr(p, ": ");
		if (!end) {
			size_t n = strlen(p);

			if (n == 0 || p[n - 1] != ':')
				return NULL;
			end = p + n - 1;
		}
		buf_add(b, p, (size_t)(end - p));
	}
	if (end[1] && end[1] != ' ')
		return NULL;
	buf_u8(b, 0);
	*value = p + (end - p) + 1;
	*value += strspn(*value, " ");
	return b->data;
}

/* -- blocks ---------------------------------------------------------------------------------- */

static json_t *read_block(struct yaml *y, unsigned indent, unsigned depth);

/* What is indented deeper than INDENT, as one text. */
static json_t *read_text(struct yaml *y, unsigned indent)
{
	AUTO_BUF struct buf b = {0};

	for (; y->at < y->n && y->v[y->at].indent > indent; y->at++)
		buf_printf(&b, "%s\n", y->v[y->at].text);
	json_t *o = json_stringn(b.len ? b.data : "", b.len);

	return o ? o : fail(y, "this is no UTF-8");
}

/* The value behind a key or a dash of the line before the present one, which was indented by INDENT. */
static json_t *read_value(struct yaml *y, char *value, unsigned indent, bool list_too,
			  unsigned depth)
{
	if (*value == '|' || *value == '>')
		return read_text(y, indent);
	if (*value) {
		y->at--; /* for the sentence */
		json_t *o = word(y, value);

		y->at++;
		return o;
	}
	if (y->at < y->n &&
	    (y->v[y->at].indent > indent ||
	     (list_too && y->v[y->at].indent == indent && *y->v[y->at].text == '-')))
		return read_block(y, y->v[y->at].indent, depth + 1);
	return json_null();
}

static json_t *read_list(struct yaml *y, unsigned indent, unsigned depth)
{
	json_t *list = json_array();

	while (y->at < y->n && y->v[y->at].indent == indent &&
	       (strncmp(y->v[y->at].text, "- ", 2) == 0 ||
		strcmp(y->v[y->at].text, "-") == 0)) {
		struct line *l = &y->v[y->at];
		AUTO_BUF struct buf b = {0};
		unsigned step = 1 + (unsigned)strspn(l->text + 1, " ");
		char *value;
		json_t *o;

		l->text += step;
		if (*l->text && *l->text != '{' && *l->text != '[' &&
		    key_of(l->text, &b, &value)) {
			l->indent += step;
			o = read_block(y, l->indent, depth + 1);
		} else {
			y->at++;
			o = read_value(y, l->text, indent, false, depth);
		}
		if (!o || json_array_append_new(list, o)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *read_mapping(struct yaml *y, unsigned indent, unsigned depth)
{
	json_t *o = json_object();

	while (y->at < y->n && y->v[y->at].indent == indent) {
		AUTO_BUF struct buf b = {0};
		char *value;
		const char *key = key_of(y->v[y->at].text, &b, &value);
		json_t *v = NULL;

		if (key) {
			y->at++;
			v = read_value(y, value, indent, true, depth);
		} else {
			fail(y, "'key: value' is expected");
		}
		if (v && json_object_set_new(o, key, v)) {
			v = NULL;
			fail(y, "this is no UTF-8");
		}
		if (!v) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static json_t *read_block(struct yaml *y, unsigned indent, unsigned depth)
{
	const char *text = y->v[y->at].text;

	if (depth > YAML_DEPTH)
		return fail(y, "too deep");
	json_t *o = strncmp(text, "- ", 2) == 0 || strcmp(text, "-") == 0
			? read_list(y, indent, depth)
			: read_mapping(y, indent, depth);

	if (o && y->at < y->n && y->v[y->at].indent > indent) {
		json_decref(o);
		return fail(y, "this is indented without a reason");
	}
	return o;
}

json_t *yaml_read(const char *text, size_t n, struct err *e)
{
	struct yaml y = {.copy = xstrndup(text, n), .e = e};
	json_t *o = json_loadb(text, n, 0, NULL);

	if (!o) {
		split(&y);
		o = y.n ? read_block(&y, y.v[0].indent, 0) : json_object();
		if (o && y.at < y.n) {
			json_decref(o);
			o = fail(&y, "this does not belong to what stands before it");
		}
	}
	free(y.v);
	free(y.copy);
	return o;
}
