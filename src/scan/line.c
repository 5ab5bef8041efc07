/* Reading logical lines. Everything here works on the raw bytes, skipping splices where they are met,
 * so that a file is never copied. Finding a directive looks at each physical line start and behind each
 * end of a comment, whatever the lines before it were: a '#' inside a comment, a raw string or a spliced
 * line is taken too, a real one never missed. */
#include "scan/line.h"

#include <string.h>

static bool newline(char c)
{
	return c == '\n' || c == '\r';
}

size_t line_splice(const struct line *l, const char *p)
{
	const char *q = p;

	if (q < l->end && *q == '\\')
		q++;
	else if (l->trigraphs && l->end - q >= 3 && memcmp(q, "?\?/", 3) == 0)
		q += 3;
	else
		return 0;
	while (q < l->end && line_blank(*q))
		q++;
	if (q == l->end || !newline(*q))
		return 0;
	q += q + 1 < l->end && q[0] == '\r' && q[1] == '\n' ? 2 : 1;
	return (size_t)(q - p);
}

static void splices_skip(struct line *l)
{
	for (size_t n; (n = line_splice(l, l->p)) > 0;)
		l->p += n;
}

/* The next byte of the logical text without taking it; -1 at the end. */
static int peek(struct line *l)
{
	if (l->p < l->end && (*l->p == '\\' || *l->p == '?'))
		splices_skip(l);
	return l->p < l->end ? (unsigned char)*l->p : -1;
}

/* The byte behind the next one. */
static int peek_second(struct line *l)
{
	if (peek(l) < 0)
		return -1;
	struct line after = *l;

	after.p++;
	return peek(&after);
}

static void block_comment_skip(struct line *l)
{
	int last = 0;

	l->p++;
	peek(l);
	l->p++;
	for (int c; (c = peek(l)) >= 0; last = c) {
		l->p++;
		if (last == '*' && c == '/')
			return;
	}
}

/* Skips one comment when one starts here; a line comment is skipped up to its newline. */
static bool comment_skip(struct line *l)
{
	if (peek(l) != '/')
		return false;
	int second = peek_second(l);

	if (second == '*') {
		block_comment_skip(l);
		return true;
	}
	if (second != '/')
		return false;
	for (int c; (c = peek(l)) >= 0 && !newline((char)c);)
		l->p++;
	return true;
}

static void blanks_skip(struct line *l)
{
	for (;;) {
		int c = peek(l);

		if (c >= 0 && line_blank((char)c))
			l->p++;
		else if (!comment_skip(l))
			return;
	}
}

size_t line_word(struct line *l, char *out, size_t size)
{
	size_t n = 0;

	blanks_skip(l);
	for (int c; (c = peek(l)) >= 0 && line_ident((char)c); l->p++)
		if (n < size)
			out[n++] = (char)c;
	if (n == size)
		n = 0;
	out[n] = 0;
	return n;
}

/* Copies up to and with the next CLOSE on this line; when there is none, copies nothing. */
static bool span_copy(struct line *l, int close, bool escapes, struct buf *out)
{
	struct line at = *l;
	size_t start = out->len;

	buf_u8(out, (unsigned)peek(&at));
	at.p++;
	for (int c; (c = peek(&at)) >= 0 && !newline((char)c);) {
		buf_u8(out, (unsigned)c);
		at.p++;
		if (c == close) {
			l->p = at.p;
			return true;
		}
		if (escapes && c == '\\' && (c = peek(&at)) >= 0 && !newline((char)c)) {
			buf_u8(out, (unsigned)c);
			at.p++;
		}
	}
	out->len = start;
	return false;
}

void line_rest(struct line *l, bool header, struct buf *out)
{
	bool open[128] = {['<'] = true, ['"'] = true, ['\''] = true};

	blanks_skip(l);
	size_t start = out->len;

	for (int c; (c = peek(l)) >= 0 && !newline((char)c);) {
		bool name = header && out->len == start;
		bool paren = out->len > start && out->data[out->len - 1] == '(';

		/* Where one span found no end, no later one of its kind will (or need). */
		if (c < 128 && open[c] && (c != '<' || name || paren)) {
			if (span_copy(l, c == '<' ? '>' : c, c != '<' && !name, out))
				continue;
			open[c] = false;
		}
		if (line_blank((char)c) || comment_skip(l)) {
			blanks_skip(l);
			/* "( <" reads as "(<", so that the rule above sees it. */
			if (out->len > start && out->data[out->len - 1] != '(')
				buf_u8(out, ' ');
			continue;
		}
		buf_u8(out, (unsigned)c);
		l->p++;
	}
	if (out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
}

static bool starts_line(const char *p, const char *text)
{
	if (p - text == 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return true;
	while (p > text && line_blank(p[-1]))
		p--;
	if (p == text || newline(p[-1]))
		return true;
	if (p - text == 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return true;
	if (*--p != '/')
		return false;
	/* The end of a comment; a splice may stand between its two characters. */
	while (p > text && (line_blank(p[-1]) || newline(p[-1])))
		p--;
	if (p > text && p[-1] == '\\')
		return true;
	if (p - text >= 3 && memcmp(p - 3, "?\?/", 3) == 0)
		return true;
	return p > text && p[-1] == '*';
}

/* True when the sign "#", "%:" or "??=" is at P: then *BEHIND is behind it. */
static bool sign_at(const char *p, const char *end, const char **behind)
{
	struct line l = {p, end, false};

	*behind = p + (*p == '?' ? 3 : 1);
	if (*p == '#')
		return true;
	if (*p == '?')
		return end - p >= 3 && memcmp(p, "?\?=", 3) == 0;
	if (peek_second(&l) != ':')
		return false;
	l.p++;
	peek(&l);
	*behind = l.p + 1;
	return true;
}

const char *line_directive(const char *p, const char *text, const char *end, char sign)
{
	for (const char *behind; p < end && (p = memchr(p, sign, (size_t)(end - p))); p++)
		if (sign_at(p, end, &behind) && starts_line(p, text))
			return behind;
	return NULL;
}
