/* #if expressions by precedence climbing. Signed 64-bit arithmetic that wraps; a value that would depend
 * on anything finer (unsigned comparison, overflow) is unknown when it could matter: negative numbers
 * and shifts of them make the result unknown. */
#include "scan/expr.h"

#include <stdlib.h>
#include <string.h>

enum {
	NESTING_MAX = 200
};

struct value {
	bool known;
	int64_t v;
};

struct parser {
	const struct intern *names;
	const struct token *p, *end;
	int depth;
	bool bad;
};

static const struct value unknown = {false, 0};

static const char *text_at(const struct parser *e, size_t ahead)
{
	if ((size_t)(e->end - e->p) <= ahead)
		return "";
	return intern_text(e->names, e->p[ahead].spelling);
}

static const struct {
	char text[3];
	int level;
} operators[] = {
  /* Longer ones first. */
    {"||", 1 },
    {"&&", 2 },
    {"==", 6 },
    {"!=", 6 },
    {"<=", 7 },
    {">=", 7 },
    {"<<", 8 },
    {">>", 8 },
    {"|",  3 },
    {"^",  4 },
    {"&",  5 },
    {"<",  7 },
    {">",  7 },
    {"+",  9 },
    {"-",  9 },
    {"*",  10},
    {"/",  10},
    {"%",  10},
};

/* The operator at hand as an index, or -1; *N is how many tokens it takes. */
static int operator_at(const struct parser *e, size_t *n)
{
	const char *a = text_at(e, 0), *b = text_at(e, 1);
	bool joined = *b && !b[1] && !e->p[1].space;

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		const char *t = operators[i].text;

		if (*a != *t || a[1] || (t[1] && !(joined && *b == t[1])))
			continue;
		*n = t[1] ? 2 : 1;
		return (int)i;
	}
	return -1;
}

static struct value logic(const char *op, struct value a, struct value b)
{
	bool is_or = *op == '|';

	if ((a.known && !a.v == !is_or) || (b.known && !b.v == !is_or))
		return (struct value){true, is_or};
	return a.known && b.known ? (struct value){true, !is_or} : unknown;
}

static struct value arithmetic(const char *op, int64_t a, int64_t b)
{
	struct value r = {true, 0};

	switch (*op) {
	case '=': r.v = a == b; break;
	case '!': r.v = a != b; break;
	case '<': r.v = op[1] == '=' ? a <= b : a < b; break;
	case '>': r.v = op[1] == '=' ? a >= b : a > b; break;
	case '|': r.v = a | b; break;
	case '^': r.v = a ^ b; break;
	case '&': r.v = a & b; break;
	case '+': r.known = !__builtin_add_overflow(a, b, &r.v); break;
	case '-': r.known = !__builtin_sub_overflow(a, b, &r.v); break;
	case '*': r.known = !__builtin_mul_overflow(a, b, &r.v); break;
	case '/': r = b > 0 ? (struct value){true, a / b} : unknown; break;
	default: r = b > 0 ? (struct value){true, a % b} : unknown; break;
	}
	return r;
}

static struct value binary(const char *op, struct value a, struct value b)
{
	if (strcmp(op, "&&") == 0 || strcmp(op, "||") == 0)
		return logic(op, a, b);
	if (strcmp(op, "&") == 0 && ((a.known && a.v == 0) || (b.known && b.v == 0)))
		return (struct value){true, 0};
	if (!a.known || !b.known)
		return unknown;
	bool bits = strchr("&|^=!", *op);

	if (!bits && (a.v < 0 || b.v < 0))
		return unknown;
	if (strcmp(op, "<<") == 0)
		return b.v < 32 && a.v < INT32_MAX ? (struct value){true, a.v << b.v}
						   : unknown;
	if (strcmp(op, ">>") == 0)
		return b.v < 63 ? (struct value){true, a.v >> b.v} : unknown;
	return arithmetic(op, a.v, b.v);
}

static struct value ternary_read(struct parser *e);

static struct value number(const char *text)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 0);

	while (*end && strchr("uUlLzZ", *end))
		end++;
	return *end == 0 && v <= INT64_MAX ? (struct value){true, (int64_t)v} : unknown;
}

static struct value name_value(struct parser *e, const char *name)
{
	static const char *const words[] = {"true",  "and", "or",     "not",   "bitand",
					    "bitor", "xor", "not_eq", "compl", "defined"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		e->bad |= strcmp(words[i], name) == 0;
	/* A call of what no text defines is the compiler's own, or an error. */
	e->bad |= strcmp(text_at(e, 0), "(") == 0;
	return (struct value){true, 0};
}

static struct value unary_read(struct parser *e)
{
	const char *t = text_at(e, 0);
	struct value v = unknown;

	if (e->p == e->end || ++e->depth > NESTING_MAX) {
		e->bad = true;
		return unknown;
	}
	unsigned kind = e->p++->kind;

	if (kind == TOKEN_NUMBER) {
		v = number(t);
	} else if (kind == TOKEN_NAME) {
		v = name_value(e, t);
	} else if (strcmp(t, "(") == 0) {
		v = ternary_read(e);
		e->bad |= strcmp(text_at(e, 0), ")") != 0;
		e->p += e->p < e->end;
	} else if (strcmp(t, "!") == 0) {
		v = unary_read(e);
		v.v = !v.v;
	} else if (strcmp(t, "+") == 0) {
		v = unary_read(e);
	} else if (strcmp(t, "-") == 0) {
		v = unary_read(e);
		v.v = -v.v;
	} else if (strcmp(t, "~") == 0) {
		v = unary_read(e);
		v.v = ~v.v;
	} else if (*t != '\'' && strcmp(t, "?\?") != 0) {
		e->bad = true;
	}
	e->depth--;
	return v;
}

static struct value binary_read(struct parser *e, int level)
{
	struct value left = unary_read(e);
	size_t n;

	for (int i;
	     !e->bad && (i = operator_at(e, &n)) >= 0 && operators[i].level >= level;) {
		e->p += n;
		left =
		    binary(operators[i].text, left, binary_read(e, operators[i].level + 1));
	}
	return left;
}

static struct value ternary_read(struct parser *e)
{
	struct value c = binary_read(e, 1);

	if (e->bad || strcmp(text_at(e, 0), "?") != 0)
		return c;
	e->p++;
	struct value yes = ternary_read(e);

	e->bad |= strcmp(text_at(e, 0), ":") != 0;
	e->p += e->p < e->end;
	struct value no = ternary_read(e);

	return !c.known ? unknown : c.v ? yes : no;
}

enum verdict expr_verdict(const struct intern *names, const struct token *v, size_t n)
{
	struct parser e = {.names = names, .p = v, .end = v + n};
	struct value r = ternary_read(&e);

	if (e.bad || e.p != e.end || !r.known)
		return VERDICT_MAYBE;
	return r.v ? VERDICT_TRUE : VERDICT_FALSE;
}
