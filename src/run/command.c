/* What a build's command says about jobs, and saying it. The tool is found by its name behind the programs that only run
 * another one (run/through); then its variables are read, then its words, later ones winning over earlier ones, as the
 * tools do it. Each tool is a row of a table: which options take a value, so that "-C -j8" is a folder, and which one
 * is the number of jobs.
 *
 * What is not understood is never changed: an unknown tool keeps its words, and a number that is none is left for the
 * tool to complain about. tests/unit/build_command_oracle.sh compares with the installed tools. */
#include "run/command.h"

#include "base/path.h"
#include "run/options.h"
#include "run/through.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct tool {
	const char *name; /* for people */
	const char *jobs; /* long name of -j, or "" */
	bool zero;        /* 0 is a number of jobs, and means no limit */
	struct syntax syntax;
} tools[] = {

#define SYNTAX(...) \
	{ \
		__VA_ARGS__, false \
	}
#define TOOL(kind, name, jobs, zero, ...) [kind] = {name, jobs, zero, SYNTAX(__VA_ARGS__)},
#include "run/tools.def"
};

enum variable {
	MAKEFLAGS,
	GNUMAKEFLAGS,
	CMAKE_LEVEL,
	SAMUFLAGS,
	SCONSFLAGS,
	CARGO_JOBS,
	VARIABLES
};

static const char *const variable_names[VARIABLES] = {
    "MAKEFLAGS", "GNUMAKEFLAGS", "CMAKE_BUILD_PARALLEL_LEVEL",
    "SAMUFLAGS", "SCONSFLAGS",   "CARGO_BUILD_JOBS"};

/* The variables as the tool will see them. */
struct variables {
	const char *value[VARIABLES];
};

static void variable_set(void *ctx, const char *name, size_t name_len, const char *value)
{
	struct variables *v = ctx;

	for (int i = 0; i < VARIABLES; i++) {
		if (!name || (strlen(variable_names[i]) == name_len &&
			      memcmp(variable_names[i], name, name_len) == 0))
			v->value[i] = value;
	}
}

/* What -j VALUE means to TOOL. */
static int jobs_read(const struct tool *tool, const char *value)
{
	long n = 0;

	if (!value)
		return *tool->syntax.number ? BUILD_JOBS_UNLIMITED : BUILD_JOBS_NONE;
	if (!*value)
		return BUILD_JOBS_NONE;
	for (; *value; value++) {
		if (!isdigit((unsigned char)*value))
			return BUILD_JOBS_NONE;
		n = n * 10 + (*value - '0');
		if (n > BUILD_JOBS_MOST)
			n = BUILD_JOBS_MOST;
	}
	return n == 0 && tool->zero ? BUILD_JOBS_UNLIMITED : (int)n;
}

static void jobs_set(struct build_command *c, int jobs, const char *from)
{
	c->jobs = jobs;
	c->jobs_from = from;
}

/* meson hands --ninja-args on: "-j8", "-j,8" or "['-v', '-j8']". */
static const char *ninja_args_jobs(const char *args)
{
	const char *j = args ? strstr(args, "-j") : NULL;

	return j ? j + 2 + strspn(j + 2, "', ") : NULL;
}

static void jobs_in_ninja_args(struct build_command *c, const struct option *o,
			       const char *from)
{
	const char *value = ninja_args_jobs(o->value);
	char digits[16] = "";

	if (!value)
		return;
	snprintf(digits, sizeof digits, "%.*s", (int)strspn(value, "0123456789"), value);
	jobs_set(c, jobs_read(&tools[BUILD_NINJA], digits), from);
}

/* Takes up what the options of TOOL say; FROM NULL: the word itself says it. */
static void jobs_in_options(struct build_command *c, enum build_tool kind,
			    struct options *options, const char *from)
{
	const struct tool *tool = &tools[kind];
	const char *attached = "parallel";
	struct option o;

	while (options_next(options, &o)) {
		const char *value = o.value;
		const char *word = from ? from : options->v[o.at];

		if (o.letter == 't' && kind == BUILD_NINJA)
			return; /* the rest belongs to the subtool */
		if (kind == BUILD_MESON && option_is(&o, 0, "ninja-args"))
			jobs_in_ninja_args(c, &o, word);
		else if (kind == BUILD_CMAKE && o.name &&
			 strncmp(o.name, attached, 8) == 0 &&
			 isdigit((unsigned char)o.name[8]))
			jobs_set(c, jobs_read(tool, o.name + 8), word);
		else if (option_is(&o, 'j', tool->jobs))
			jobs_set(c,
				 jobs_read(tool, value && kind == BUILD_CMAKE
						     ? value + (*value == '=')
						     : value),
				 word);
	}
}

/* The words of a variable, with make's quoting of blanks. DASH: the first may be letters without their dash. */
static struct strv variable_words(struct arena *arena, const char *text, bool dash)
{
	struct strv words = {0};

	while (*(text += strspn(text, " \t\n"))) {
		char *word = arena_alloc(arena, strlen(text) + 2), *end = word;
		size_t n = strcspn(text, " \t\n");

		if (dash && !words.n && *text != '-' && !memchr(text, '=', n))
			*end++ = '-';
		for (; *text && !strchr(" \t\n", *text); text++) {
			if (*text == '\\' && text[1])
				text++;
			*end++ = *text;
		}
		strv_add(arena, &words, word);
	}
	return words;
}

static void jobs_in_variable(struct build_command *c, enum build_tool kind,
			     const struct variables *v, enum variable which)
{
	if (!v->value[which])
		return;
	struct arena *arena = arena_new();
	struct strv words = variable_words(arena, v->value[which],
					   kind == BUILD_MAKE && which == MAKEFLAGS);
	struct options options = options_of(&tools[kind].syntax, words.v, 0, words.n);

	jobs_in_options(c, kind, &options, variable_names[which]);
	arena_free(arena);
}

static void jobs_in_number(struct build_command *c, const struct variables *v,
			   enum variable which)
{
	const char *value = v->value[which];

	if (value && *value)
		jobs_set(c, jobs_read(&tools[BUILD_CARGO], value), variable_names[which]);
}

static void jobs_in_environment(struct build_command *c, const struct variables *v)
{
	switch (c->tool) {
	case BUILD_CMAKE:
	case BUILD_UNKNOWN:
	case BUILD_MAKE:
		jobs_in_variable(c, BUILD_MAKE, v, GNUMAKEFLAGS);
		jobs_in_variable(c, BUILD_MAKE, v, MAKEFLAGS);
		if (c->tool != BUILD_MAKE)
			jobs_in_number(c, v, CMAKE_LEVEL);
		break;
	case BUILD_BMAKE: jobs_in_variable(c, BUILD_BMAKE, v, MAKEFLAGS); break;
	case BUILD_NINJA: jobs_in_variable(c, BUILD_NINJA, v, SAMUFLAGS); break;
	case BUILD_MESON: break;
	case BUILD_SCONS: jobs_in_variable(c, BUILD_SCONS, v, SCONSFLAGS); break;
	case BUILD_CARGO: jobs_in_number(c, v, CARGO_JOBS); break;
	}
}

static bool any_of(const char *list, const char *word, size_t n)
{
	for (const char *p = list; (p = strchr(p, ' ')) && p[1]; p++) {
		if (strncmp(p + 1, word, n) == 0 && p[1 + n] == ' ')
			return true;
	}
	return false;
}

/* By the name of its file, without a version behind ("make-4.4") or a target in front ("mingw32-make"). */
static enum build_tool tool_named(const char *word)
{
	const char *name = path_base(word);
	const char *dash = strchr(name, '-');
	size_t n = strlen(name);

	if (dash && isdigit((unsigned char)dash[1]) &&
	    strspn(dash + 1, "0123456789.") == strlen(dash + 1))
		n = (size_t)(dash - name);
	if (any_of(" make gmake gnumake ", name, n))
		return BUILD_MAKE;
	if (any_of(" bmake pmake ", name, n))
		return BUILD_BMAKE;
	if (any_of(" ninja ninja-build samu ", name, n))
		return BUILD_NINJA;
	if (any_of(" cmake cmake3 ", name, n))
		return BUILD_CMAKE;
	if (any_of(" meson meson.py ", name, n))
		return BUILD_MESON;
	if (any_of(" scons scons-3 scons3 scons.py ", name, n))
		return BUILD_SCONS;
	if (any_of(" cargo ", name, n))
		return BUILD_CARGO;
	const char *last = strrchr(name, '-');
	if (last && (strcmp(last, "-make") == 0 || strcmp(last, "-gmake") == 0))
		return BUILD_MAKE;
	return BUILD_UNKNOWN;
}

/* Index behind the subcommand that builds, with the tool's own options before it; 0: it is another one. */
static size_t subcommand_end(enum build_tool kind, char *const argv[], size_t at, size_t n)
{
	static const struct syntax before = {
	    .value = "CZ", .long_value = " color config explain ", .stops = true};
	const char *builds =
	    kind == BUILD_MESON
		? " compile "
		: " build b check c test t run r bench rustc doc d rustdoc install clippy ";
	struct options options;
	struct option o;

	if (kind == BUILD_CARGO && at < n && argv[at][0] == '+') /* of rustup */
		at++;
	options = options_of(&before, argv, at, n);
	while (options_next(&options, &o))
		;
	at = options.at;
	return at < n && any_of(builds, argv[at], strlen(argv[at])) ? at + 1 : 0;
}

/* Index of the first word that may be an option about jobs; 0: the tool is not told to build. */
static size_t options_begin(enum build_tool kind, char *const argv[], size_t tool_at,
			    size_t n)
{
	switch (kind) {
	case BUILD_CMAKE:
		return tool_at + 1 < n && strcmp(argv[tool_at + 1], "--build") == 0
			   ? tool_at + 2
			   : 0;
	case BUILD_MESON:
	case BUILD_CARGO: return subcommand_end(kind, argv, tool_at + 1, n);
	default: return tool_at + 1;
	}
}

static void command_line_parse(struct build_command *c, char *const argv[], size_t n)
{
	size_t begin = options_begin(c->tool, argv, c->tool_at, n);

	if (c->tool == BUILD_UNKNOWN || begin == 0) {
		c->tool = BUILD_UNKNOWN;
		c->name = path_base(argv[c->tool_at]);
		return;
	}
	c->name = tools[c->tool].name;
	struct options options = options_of(&tools[c->tool].syntax, argv, begin, n);
	jobs_in_options(c, c->tool, &options, NULL);
	c->insert_at = begin;
	if (c->tool != BUILD_CMAKE)
		return;
	/* The folder comes first, so we go last, before the options of the tool below, which is make or one whose -j is
	 * written like make's. */
	c->insert_at = options.dashes ? options.at - 1 : n;
	options = options_of(&tools[BUILD_MAKE].syntax, argv, options.at, n);
	jobs_in_options(c, BUILD_MAKE, &options, NULL);
}

static bool holds_jobserver(const char *makeflags)
{
	return makeflags && (strstr(makeflags, "--jobserver-auth=") ||
			     strstr(makeflags, "--jobserver-fds="));
}

void build_command_parse(struct build_command *c, char *const argv[],
			 const char *(*getenv_fn)(void *ctx, const char *name), void *ctx)
{
	struct variables v = {{NULL}};
	size_t n = 0;

	while (argv[n])
		n++;
	*c = (struct build_command){.tool = BUILD_UNKNOWN};
	for (int i = 0; i < VARIABLES; i++)
		v.value[i] = getenv_fn(ctx, variable_names[i]);
	struct through through = through_parse(argv, n, variable_set, &v);
	if (through.at < n) {
		c->tool_at = through.at;
		c->own_environment = through.own_environment;
		c->tool = tool_named(argv[c->tool_at]);
	}
	if (strcmp(path_base(argv[c->tool_at]), "samu") != 0)
		v.value[SAMUFLAGS] = NULL;
	if (options_begin(c->tool, argv, c->tool_at, n) == 0)
		c->tool = BUILD_UNKNOWN;
	c->makeflags = v.value[MAKEFLAGS];
	c->inside_make = holds_jobserver(c->makeflags);
	jobs_in_environment(c, &v);
	command_line_parse(c, argv, n);
}

/* Whether somebody else has said it to the tool, so that we must not. */
static bool told_already(const struct build_command *c)
{
	bool joins = c->tool == BUILD_UNKNOWN || c->tool == BUILD_MAKE ||
		     c->tool == BUILD_CMAKE || c->tool == BUILD_CARGO;

	if (c->inside_make && joins)
		return true; /* a number of its own would make it leave the jobserver */
	if (!c->jobs_from)
		return false;
	/* A ninja below cmake does not read make's variables. */
	return c->tool != BUILD_CMAKE ||
	       (strcmp(c->jobs_from, variable_names[MAKEFLAGS]) != 0 &&
		strcmp(c->jobs_from, variable_names[GNUMAKEFLAGS]) != 0);
}

struct strv build_command_tell(struct arena *arena, const struct build_command *c,
			       char *const argv[], unsigned n, struct strv *env)
{
	struct strv out = {0};
	bool tell = n > 0 && !told_already(c);
	char *word = arena_printf(arena, "-j%u", n);

	for (size_t i = 0; argv[i] || i == c->insert_at; i++) {
		if (tell && c->tool != BUILD_UNKNOWN && i == c->insert_at)
			strv_add(arena, &out, word);
		if (!argv[i])
			break;
		strv_add(arena, &out, argv[i]);
	}
	if (tell && c->tool == BUILD_UNKNOWN) {
		strv_add(arena, env,
			 arena_printf(arena, "%s=%s", variable_names[MAKEFLAGS],
				      build_command_makeflags(arena, c, word)));
		strv_add(arena, env,
			 arena_printf(arena, "%s=%u", variable_names[CMAKE_LEVEL], n));
	}
	return out;
}

char *build_command_makeflags(struct arena *arena, const struct build_command *c,
			      const char *words)
{
	const char *old = c->makeflags ? c->makeflags : "";
	const char *dashes = old;

	/* Behind "--" are variables. */
	while ((dashes = strstr(dashes, "--")) &&
	       ((dashes > old && dashes[-1] != ' ') || (dashes[2] && dashes[2] != ' ')))
		dashes += 2;
	size_t n = dashes ? (size_t)(dashes - old) : strlen(old);
	while (n && old[n - 1] == ' ')
		n--;
	return arena_printf(arena, "%.*s%s%s%s%s", (int)n, old, n ? " " : "", words,
			    dashes ? " " : "", dashes ? dashes : "");
}
