/* Our line beneath the output of a program: byte by byte, and on a small terminal which is fed the same program with
 * and without us. */
#include "run/footer.h"
#include "run/glyph.h"
#include "run/liveline.h"
#include "test.h"

#include <fcntl.h>
#include <string.h>

enum {
	WIDTH = 30,
	HEIGHT = 8,
	ROWS_MAX = 4000
};

struct cell {
	uint32_t code;
	int colour;
};

/* Rows are counted from the first there ever was; those above TOP have scrolled away. */
struct place {
	int row, column;
	int colour;
};

struct screen {
	struct cell cells[ROWS_MAX][WIDTH];
	int top;
	struct place at, saved, main;
	bool alternate;
	char sequence[64];
	size_t nsequence; /* > 0: within one, which begins with ESC */
};

static void down(struct screen *s)
{
	if (s->at.column == WIDTH)
		s->at.column--; /* the state behind the last column is lost by moving */
	s->at.row++;
	if (s->at.row == s->top + HEIGHT)
		s->top++;
}

static void clear(struct screen *s, int row, int from)
{
	for (int i = from; i < WIDTH; i++)
		s->cells[row][i] = (struct cell){0};
}

static void move(struct screen *s, int rows, int columns)
{
	s->at.row += rows;
	if (s->at.column == WIDTH)
		s->at.column--;
	s->at.column += columns;
	if (s->at.row < s->top)
		s->at.row = s->top;
	if (s->at.row >= s->top + HEIGHT)
		s->at.row = s->top + HEIGHT - 1;
	if (s->at.column < 0)
		s->at.column = 0;
	if (s->at.column >= WIDTH)
		s->at.column = WIDTH - 1;
}

static void csi(struct screen *s, const char *numbers, char final)
{
	int given = atoi(numbers), n = given ? given : 1;

	switch (final) {
	case 'A': move(s, -n, 0); break;
	case 'B': move(s, n, 0); break;
	case 'C': move(s, 0, n); break;
	case 'D': move(s, 0, -n); break;
	case 'G':
		s->at.column = 0;
		move(s, 0, n - 1);
		break;
	case 'H':
		s->at.row = s->top + n - 1;
		s->at.column = 0;
		break;
	case 'J':
		clear(s, s->at.row, given == 2 || s->at.column >= WIDTH ? 0 : s->at.column);
		for (int i = s->at.row + 1; i < s->top + HEIGHT; i++)
			clear(s, i, 0);
		for (int i = s->top; given == 2 && i < s->at.row; i++)
			clear(s, i, 0);
		break;
	case 'K':
		clear(s, s->at.row,
		      given == 2             ? 0
		      : s->at.column < WIDTH ? s->at.column
					     : WIDTH - 1);
		break;
	case 'm': s->at.colour = given; break;
	case 'h':
	case 'l':
		if (strcmp(numbers, "?1049") == 0) {
			s->alternate = final == 'h';
			if (s->alternate)
				s->main = s->at;
			else
				s->at = s->main;
		}
		break;
	default: CHECK(final == 0); /* a sequence that this terminal does not know */
	}
}

static void sequence_byte(struct screen *s, char c)
{
	s->sequence[s->nsequence++] = c;
	s->sequence[s->nsequence] = 0;
	bool is_csi = s->sequence[1] == '[', title = s->sequence[1] == ']';

	if (s->nsequence == 2 && (is_csi || title))
		return;
	if (is_csi && !(c >= 0x40 && c <= 0x7e))
		return;
	if (title && c != '\a')
		return;
	s->nsequence = 0;
	if (s->alternate && !(is_csi && c == 'l'))
		return; /* the other screen is not looked at */
	if (is_csi) {
		s->sequence[strlen(s->sequence) - 1] = 0;
		csi(s, s->sequence + 2, c);
	} else if (c == '7') {
		s->saved = s->at;
	} else if (c == '8') {
		s->at = s->saved;
	} else if (c == 'D') {
		down(s);
	} else {
		CHECK(title);
	}
}

static void character(struct screen *s, const struct glyph *g)
{
	if (s->at.column + (int)g->columns > WIDTH) {
		down(s);
		s->at.column = 0;
	}
	for (unsigned i = 0; i < g->columns; i++)
		s->cells[s->at.row][s->at.column++] =
		    (struct cell){i ? 0 : g->code, s->at.colour};
}

static void feed(struct screen *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		struct glyph g = glyph_next(p + i, n - i);

		if (s->nsequence > 0)
			sequence_byte(s, p[i]);
		else if (p[i] == '\033')
			s->sequence[s->nsequence++] = p[i];
		else if (s->alternate)
			;
		else if (p[i] == '\n') {
			down(s);
			s->at.column = 0;
		} else if (p[i] == '\r')
			s->at.column = 0;
		else if (p[i] == '\b')
			move(s, 0, -1);
		else if (p[i] == '\t')
			move(s, 0, s->at.column < WIDTH ? 8 - s->at.column % 8 : 0);
		else {
			character(s, &g);
			i += g.bytes - 1;
		}
		i++;
	}
}

static void row_text(const struct screen *s, int row, char out[5 * WIDTH])
{
	size_t n = 0;

	for (int i = 0; i < WIDTH; i++) {
		const struct cell *c = &s->cells[row][i];

		n += (size_t)sprintf(out + n, "%c", c->code ? (int)(c->code & 0x7f) : ' ');
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = 0;
}

/* WITH is WITHOUT and one row more, which says LINE (none: NULL): in the cursor's row or in the one below. */
static bool same(const struct screen *with, const struct screen *without, const char *line,
		 const struct footer *f)
{
	int extra =
	    f->drawn == FOOTER_HIDDEN ? -1 : with->at.row + (f->drawn == FOOTER_BELOW);
	int last = with->top > without->top ? with->top : without->top;
	char text[5 * WIDTH];

	if (memcmp(&with->at, &without->at, sizeof with->at) != 0)
		return false;
	if (!line != (extra < 0))
		return false;
	for (int i = 0; i < last + HEIGHT; i++) {
		if (i == extra) {
			row_text(with, i, text);
			if (strcmp(text, line) != 0)
				return false;
			row_text(without, i, text);
			if (*text)
				return false;
		} else if (memcmp(with->cells[i], without->cells[i],
				  sizeof with->cells[i]) != 0) {
			return false;
		}
	}
	return true;
}

static bool is_out(struct buf *out, const char *want)
{
	bool equal = out->len == strlen(want) &&
		     (out->len == 0 || memcmp(out->data, want, out->len) == 0);

	if (!equal)
		printf("# got %.*s\n", (int)out->len, out->data ? out->data : "");
	out->len = 0;
	return equal;
}

static void out(struct footer *f, struct buf *b, const char *s)
{
	footer_output(f, b, s, strlen(s));
}

static void exact_bytes(void)
{
	AUTO_BUF struct buf b = {0};
	struct footer f;

	footer_init(&f, WIDTH, HEIGHT);
	out(&f, &b, "");
	out(&f, &b, "cc a.c\n");
	CHECK(is_out(&b, "cc a.c\n")); /* no line yet: nothing of ours */
	footer_show(&f, &b, "one", 3);
	CHECK(is_out(&b, "\0337\033[mone\033[K\0338"));
	footer_show(&f, &b, "one", 3);
	CHECK(is_out(&b, "")); /* it stands there already */
	footer_show(&f, &b, "two", 3);
	CHECK(is_out(&b, "\0337\033[mtwo\033[K\0338"));
	out(&f, &b, "cc b.c\n");
	CHECK(is_out(&b, "\0337\033[m\033[J\0338cc b.c\n\0337\033[mtwo\033[K\0338"));
	/* ninja's status line: open, so ours is below it */
	out(&f, &b, "\r[1/9] CC x\033[K");
	CHECK(is_out(&b, "\0337\033[m\033[J\0338\r[1/9] CC x\033[K"
			 "\033D\033[A\0337\033[m\033[B\rtwo\033[K\0338"));
	out(&f, &b, "\r[2/9] CC y\033[K");
	CHECK(is_out(&b, "\0337\033[m\033[B\r\033[J\0338\r[2/9] CC y\033[K"
			 "\033D\033[A\0337\033[m\033[B\rtwo\033[K\0338"));
	footer_show(&f, &b, "", 0);
	CHECK(is_out(&b, "\0337\033[m\033[B\r\033[J\0338"));
	footer_show(&f, &b, "", 0);
	out(&f, &b, "\n");
	CHECK(is_out(&b, "\n"));
	footer_show(&f, &b, "0123456789012345678901234567890123456789", 40);
	CHECK(is_out(&b, "\0337\033[m01234567890123456789012345678\033[K\0338"));
	footer_show(&f, &b, "a\033[31m\nb", 8);
	CHECK(is_out(&b, "\0337\033[ma?[31m?b\033[K\0338"));
	footer_free(&f);
	buf_free(&b);
}

/* Drawing in the middle of these would change what the program's bytes mean. */
static void never_in_between(void)
{
	static const char *const open[] = {
	    "\033",      "\033[",
	    "\033[3",    "\033]0;title",
	    "\033(",     "\xe6\x97",
	    "\0337",     "\033[?1049h",
	    "\033[5;1H", "\033[2A",
	    "\033[2;5r", "012345678901234567890123456789", /* to the last column exactly */
	};
	static const char *const closed[] = {
	    "\033[0m",
	    "\033]0;title\a",
	    "\033]0;title\033\\",
	    "\033(B",
	    "\xe6\x97\xa5",
	    "\xff",
	    "\0337\033[9;1Hx\0338",
	    "\033[?1049hx\033[?1049l",
	    "\033[H\033[2J",
	    "\033[2A\n\n",
	    "012345678901234567890123456789x",
	    "\033[?25l",
	    "\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15m",
	};
	AUTO_BUF struct buf b = {0};
	struct footer f;

	for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
		footer_init(&f, WIDTH, HEIGHT);
		footer_show(&f, &b, "x", 1);
		out(&f, &b, open[i]);
		CHECK(f.drawn == FOOTER_HIDDEN);
		footer_show(&f, &b, "y", 1);
		CHECK(f.drawn == FOOTER_HIDDEN);
		footer_free(&f);
	}
	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
		footer_init(&f, WIDTH, HEIGHT);
		footer_show(&f, &b, "x", 1);
		out(&f, &b, closed[i]);
		if (!CHECK(f.drawn != FOOTER_HIDDEN))
			printf("# case %zu\n", i);
		footer_free(&f);
	}
}

static void sizes(void)
{
	AUTO_BUF struct buf b = {0};
	struct footer f;

	footer_init(&f, 19, HEIGHT);
	footer_show(&f, &b, "x", 1);
	CHECK(is_out(&b, "")); /* too narrow for anything of use */
	footer_resize(&f, &b, WIDTH, HEIGHT);
	CHECK(is_out(&b, "\0337\033[mx\033[K\0338"));
	footer_resize(&f, &b, WIDTH, 2);
	CHECK(is_out(&b, "\0337\033[m\033[J\0338"));
	footer_resize(&f, &b, WIDTH, HEIGHT);
	out(&f, &b, "half a line");
	CHECK(f.drawn == FOOTER_BELOW);
	footer_resize(&f, &b, WIDTH + 1, HEIGHT);
	CHECK(f.drawn == FOOTER_HIDDEN); /* where its end is now depends on the terminal */
	out(&f, &b, "\n");
	CHECK(f.drawn == FOOTER_HERE);
	footer_free(&f);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 12;
}

/* What programs write, in no order of sense; each piece leaves the cursor on the last row of its own. */
static void add_piece(struct buf *b, uint32_t *seed)
{
	static const char *const pieces[] = {
	    "cc -c a.c\n",
	    "\n",
	    "\r[12/97] CC \033[1mfoo.o\033[0m\033[K",
	    "\r[13/97] a status line that is just as wide as it may be!!!!!!\r\033[K",
	    "\033[31mred",
	    "\033[0m: warning: \xe2\x80\x98x\xe2\x80\x99 unused\r\n",
	    "10%\r20%\r",
	    "a long line that does not fit into one row of this terminal, and not into two\n",
	    "012345678901234567890123456789",
	    "\tTab\tTab\tTab\tTab\tTab",
	    "abc\b\bX\033[2D\033[Cy\033[7G",
	    "one\ntwo\nthree\n\033[3A\033[Kone'\n\033[Ktwo'\n\033[Kthree'\n",
	    "\n\033]0;a title\a",
	    "\n\0337\033[1Ashort\0338",
	    "\033[?1049h\033[5;5Hmenu\033[2J\033[?1049l",
	    "\xe6\x97\xa5\xe6\x9c\xac",
	    "Continue? [y] ",
	    "\r\033[K",
	};

	buf_str(b, pieces[next_random(seed) % (sizeof pieces / sizeof *pieces)]);
}

/* Splits the program's bytes anywhere, but within one character only where the terminal of this test can bear it. */
static void one_story(uint32_t seed)
{
	static const char *const lines[] = {"muster 12/97: 9 remote", "muster 13/97:", "m"};
	struct screen *with = calloc(1, sizeof *with), *without = calloc(1, sizeof *with);
	AUTO_BUF struct buf program = {0};
	AUTO_BUF struct buf b = {0};
	const char *line = NULL;
	struct footer f;
	unsigned ndrawn = 0;

	for (int i = 0; i < 200; i++)
		add_piece(&program, &seed);
	footer_init(&f, WIDTH, HEIGHT);
	for (size_t at = 0; at < program.len;) {
		size_t n = next_random(&seed) % 24 + 1;

		if (n > program.len - at)
			n = program.len - at;
		while (at + n < program.len && (program.data[at + n] & 0xc0) == 0x80)
			n++;
		if (next_random(&seed) % 4 == 0) {
			line = lines[next_random(&seed) % 3];
			footer_show(&f, &b, line, strlen(line));
		}
		footer_output(&f, &b, program.data + at, n);
		feed(with, b.data, b.len);
		feed(without, program.data + at, n);
		b.len = 0;
		at += n;
		ndrawn += f.drawn != FOOTER_HIDDEN;
		if (!CHECK(
			same(with, without, f.drawn == FOOTER_HIDDEN ? NULL : line, &f))) {
			printf("# seed %u, byte %zu\n", seed, at);
			break;
		}
	}
	CHECK(ndrawn > 100);
	footer_show(&f, &b, "", 0);
	feed(with, b.data, b.len);
	CHECK(same(with, without, NULL, &f));
	footer_free(&f);
	free(with);
	free(without);
}

static void stories(void)
{
	for (uint32_t seed = 1; seed <= 150 && !test_failed; seed++)
		one_story(seed * 7919);
}

static void wanted(void)
{
	CHECK(liveline_is_wanted(true, "xterm", NULL));
	CHECK(liveline_is_wanted(true, "xterm", "") &&
	      liveline_is_wanted(true, "xterm", "false"));
	CHECK(!liveline_is_wanted(false, "xterm", NULL));
	CHECK(!liveline_is_wanted(true, "dumb", NULL) &&
	      !liveline_is_wanted(true, "", NULL));
	CHECK(!liveline_is_wanted(true, NULL, NULL));
	CHECK(!liveline_is_wanted(true, "xterm", "true") &&
	      !liveline_is_wanted(true, "xterm", "1"));
}

/* A pipe stands for the terminal: what is read from it is what was written. */
static void effects(void)
{
	int fd[2];
	char got[200] = {0};

	CHECK(pipe2(fd, O_NONBLOCK) == 0);
	struct liveline *l = liveline_new(fd[1], true);

	CHECK(liveline_width(l) == 79); /* a pipe knows no size */
	liveline_output(l, "cc\n", 3);
	liveline_show(l, "line", 4);
	liveline_resized(l);
	liveline_free(l);
	CHECK(read(fd[0], got, sizeof got - 1) > 0);
	CHECK(strcmp(got, "cc\n\0337\033[mline\033[K\0338\0337\033[m\033[J\0338") == 0);
	l = liveline_new(fd[1], false);
	CHECK(liveline_width(l) == 0);
	liveline_show(l, "line", 4);
	liveline_output(l, "\033[31mcc", 7);
	liveline_resized(l);
	liveline_free(l);
	memset(got, 0, sizeof got);
	CHECK(read(fd[0], got, sizeof got - 1) == 7 && strcmp(got, "\033[31mcc") == 0);
	liveline_free(NULL);
}

TESTS({"the bytes of each step", exact_bytes},
      {"nothing is drawn where it would change what follows", never_in_between},
      {"sizes and their changes", sizes},
      {"on a terminal: the program's output and one row more", stories},
      {"when a line is wanted", wanted}, {"writing", effects})
