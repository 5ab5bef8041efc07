/* The command line of distccd: a table (distccd_options.def) tells the names, where a
 * value goes, its limits and its help. Words are read as popt reads them, which distccd
 * uses: "--name value", "--name=value", "-x value", "-xvalue", "-x=value"; numbers may
 * be hexadecimal; names are never abbreviated; a later value replaces an earlier one;
 * "--" ends the options. What distccd takes without a murmur although it means nothing
 * (words that are no options, a log level that does not exist) becomes a warning here,
 * since start scripts live with it. */
#include "worker/distccd_options.h"

#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	HEADING, /* of the help; no option */
	FLAG,    /* a bool becomes true */
	TEXT,    /* a const char * */
	NUMBER,  /* an int from MIN to MAX */
	ALLOW,
	LEVEL,
	VERBOSE,
	DAEMON,
	WIZARD,
	IGNORED,
	HELP,
	VERSION,
	REFUSED
};

struct row {
	enum kind kind;
	char letter;              /* 0: none */
	const char *name, *value; /* VALUE stands for what follows; NULL: nothing does */
	const char *help;         /* NULL: not in the help */
	size_t at;                /* in struct distccd_options */
	int min, max;
};

#define AT(field)               offsetof(struct distccd_options, field)
#define SECTION(title)          {.kind = HEADING, .help = title},
#define FLAG(word, what, field) {.kind = FLAG, .name = word, .help = what, .at = AT(field)},
#define TEXT(c, word, arg, what, field) \
	{.kind = TEXT, \
	 .letter = c, \
	 .name = word, \
	 .value = arg, \
	 .help = what, \
	 .at = AT(field)},
#define NUMBER(c, word, arg, what, field, least, most) \
	{.kind = NUMBER, \
	 .letter = c, \
	 .name = word, \
	 .value = arg, \
	 .help = what, \
	 .at = AT(field), \
	 .min = least, \
	 .max = most},
#define ACTION(what_kind, c, word, arg, what) \
	{.kind = what_kind, .letter = c, .name = word, .value = arg, .help = what},

static const struct row rows[] = {
#include "worker/distccd_options.def"
};

struct parse {
	struct distccd_options *options;
	struct arena *arena;
	struct err *e;
	bool daemon;
};

/* The option that WORD begins with "--NAME", and behind '=' its value; NULL when there
 * is none. */
static const struct row *find_long(const char *word, const char **value)
{
	size_t n = strcspn(word, "=");

	*value = word[n] ? word + n + 1 : NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *name = rows[i].name;

		if (name && strlen(name) == n && memcmp(name, word, n) == 0)
			return &rows[i];
	}
	return NULL;
}

/* The same for "-xVALUE"; all options of one letter take a value. */
static const struct row *find_short(const char *word, const char **value)
{
	*value = word[1] == '=' ? word + 2 : word[1] ? word + 1 : NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].letter && rows[i].letter == word[0])
			return &rows[i];
	return NULL;
}

/* WORD is what a complaint names: the value, or the whole word that it was part of. */
static int put_number(struct parse *p, const struct row *row, const char *value,
		      const char *word)
{
	char *end;

	errno = 0;
	long v = strtol(value, &end, 0);

	if (end == value || *end)
		return err_set(p->e, 0, "%s: invalid numeric value", word);
	if (errno == ERANGE || v < INT_MIN || v > INT_MAX)
		return err_set(p->e, 0, "%s: number too large or too small", word);
	if (v < row->min || v > row->max) {
		if (row->max == INT_MAX)
			return err_set(p->e, 0, "--%s argument must not be less than %d",
				       row->name, row->min);
		return err_set(p->e, 0, "--%s argument must be between %d and %d",
			       row->name, row->min, row->max);
	}
	memcpy((char *)p->options + row->at, &(int){(int)v}, sizeof(int));
	return 0;
}

static void warn(struct parse *p, const char *sentence)
{
	strv_add(p->arena, &p->options->warnings, sentence);
}

static int put(struct parse *p, const struct row *row, const char *value, const char *word)
{
	struct distccd_options *o = p->options;

	switch (row->kind) {
	case HEADING:
	case IGNORED: break;
	case FLAG: memcpy((char *)o + row->at, &(bool){true}, sizeof(bool)); break;
	case TEXT: memcpy((char *)o + row->at, &value, sizeof value); break;
	case NUMBER: return put_number(p, row, value, word);
	case ALLOW: strv_add(p->arena, &o->allow, value); break;
	case LEVEL:
		if (log_level_parse(value, &o->log_level))
			warn(p, arena_printf(p->arena,
					     "invalid --log-level argument \"%s\"", value));
		break;
	case VERBOSE: o->log_level = LOG_DEBUG; break;
	case DAEMON: p->daemon = true; break;
	case WIZARD:
		p->daemon = o->no_detach = o->no_fork = o->log_stderr = true;
		o->log_level = LOG_DEBUG;
		break;
	case HELP: o->action = DISTCCD_HELP; break;
	case VERSION: o->action = DISTCCD_VERSION; break;
	case REFUSED:
		return err_set(p->e, 0,
			       "--%s: GSS-API authentication is not offered here; --allow "
			       "tells who is let in, and distcc over ssh knows users",
			       row->name);
	}
	return 0;
}

/* One option; it may take the next word as well. */
static int parse_option(struct parse *p, char *const **at)
{
	const char *word = *(*at)++, *value;
	bool is_long = word[1] == '-';
	const struct row *row =
	    is_long ? find_long(word + 2, &value) : find_short(word + 1, &value);

	if (!row)
		return err_set(p->e, 0, "%s: unknown option", word);
	if (!row->value)
		return value
			   ? err_set(p->e, 0, "%s: option does not take an argument", word)
			   : put(p, row, NULL, word);
	if (value)
		return put(p, row, value, word);
	if (!**at)
		return err_set(p->e, 0, "%s: missing argument", word);
	value = *(*at)++;
	return put(p, row, value, value);
}

int distccd_options_parse(struct distccd_options *o, struct arena *arena,
			  char *const argv[], bool stdin_is_socket, struct err *e)
{
	struct parse p = {.options = o, .arena = arena, .e = e};
	bool words_only = false;

	*o = (struct distccd_options){
	    .nice = DISTCCD_NICE,
	    .oom_score_adj = DISTCCD_UNSET,
	    .port = DISTCCD_PORT,
	    .stats_port = DISTCCD_STATS_PORT,
	    .log_level = LOG_NOTICE,
	};
	for (char *const *at = *argv ? argv + 1 : argv;
	     *at && o->action == DISTCCD_SERVE;) {
		if (words_only || **at != '-' || !(*at)[1]) {
			warn(&p,
			     arena_printf(arena, "\"%s\" is no option, and ignored", *at));
			at++;
		} else if (strcmp(*at, "--") == 0) {
			words_only = true;
			at++;
		} else if (parse_option(&p, &at)) {
			return -1;
		}
	}
	if (!p.daemon && stdin_is_socket)
		o->inetd = true;
	return 0;
}

void distccd_help(struct buf *out)
{
	buf_str(out, "Usage: distccd [OPTION]...\n"
		     "Compiles for the clients of distcc that are let in.\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		char words[64];

		if (!row->help)
			continue;
		if (row->kind == HEADING) {
			buf_printf(out, "\n%s:\n", row->help);
			continue;
		}
		snprintf(words, sizeof words, "%c%c%s--%s%s%s", row->letter ? '-' : ' ',
			 row->letter ? row->letter : ' ', row->letter ? ", " : "  ",
			 row->name, row->value ? " " : "", row->value ? row->value : "");
		buf_printf(out, "  %-30s %s\n", words, row->help);
	}
	buf_str(out,
		"\nWithout --daemon and --inetd: what standard input is, a socket or not, "
		"decides.\nNobody is let in by the network without --allow or "
		"--allow-private.\n");
}

const char distccd_triplet[] =
#if defined __x86_64__
    "x86_64-pc-linux-gnu";
#elif defined __i386__
    "i686-pc-linux-gnu";
#elif defined __aarch64__
    "aarch64-unknown-linux-gnu";
#elif defined __arm__
    "arm-unknown-linux-gnueabihf";
#elif defined __riscv && __riscv_xlen == 64
    "riscv64-unknown-linux-gnu";
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
    "powerpc64le-unknown-linux-gnu";
#elif defined __s390x__
    "s390x-ibm-linux-gnu";
#else
    "unknown-unknown-linux-gnu";
#endif

void distccd_version(struct buf *out, const char *version)
{
	buf_printf(out,
		   "distccd %s %s\n  (protocols 1, 2 and 3) (default port %d)\n"
		   "  part of muster, an independent implementation\n",
		   version, distccd_triplet, DISTCCD_PORT);
}
