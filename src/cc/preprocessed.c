#include "cc/preprocessed.h"

#include "base/path.h"
#include "cc/language.h"
#include "cc/meaning.h"

#include <assert.h>
#include <string.h>

/* Parts a compile into "preprocess here" and "compile the text elsewhere".
 *
 * The words of the command are read once more, from left to right, and each goes to the
 * first step, to the second, to both or to none. What the rules below and the meanings
 * of options.def do not name goes to both: it is then an option that decides predefined
 * macros, code or warnings. What makes the two steps differ from one is found by
 * experiment and held by tests/unit/preprocessed_oracle.sh.
 *
 * The first step is a plain -E: GCC's -fdirectives-only keeps columns, but
 * __BASE_FILE__, __INCLUDE_LEVEL__, __DATE__ and #pragma GCC optimize then mean
 * something else in the second step, and DW_AT_producer tells of the option. With
 * Clang's -frewrite-includes no object was the same.
 *
 * It cannot fail: the worst answer is a WHY. */

enum use {
	USE_BOTH,
	USE_FIRST, /* used up by the preprocessor; or for the linker: clang warns of it there */
	USE_SECOND, /* of no use to the preprocessor, and clang would say so */
	USE_NONE,   /* heeded only where -E is asked for */
	USE_NEVER,  /* WHY */
};

/* A row of preprocessed.def. "-fno-X" whose row is "-fX" is never a USE_NEVER: switched
 * off, nothing stands against it. */
struct rule {
	const char *name;
	enum cc_family family;
	enum use use;
	const char *why;
};

#define PROFILE          "profiling and coverage name files of this machine"
#define E_OPTION         "an option that changes preprocessed text"
#define COMMAND          "the object records the command line"
#define POSITIONS        "the object tells of columns of the source"

#define FIRST(name)      {name, CC_FAMILY_BOTH, USE_FIRST, NULL},
#define BOTH(name)       {name, CC_FAMILY_BOTH, USE_BOTH, NULL},
#define NONE(name)       {name, CC_FAMILY_BOTH, USE_NONE, NULL},
#define NEVER(name, why) {name, CC_FAMILY_BOTH, USE_NEVER, why},
#define GCC(name, why)   {name, CC_GCC, USE_NEVER, why},

static const struct rule rules[] = {
#include "cc/preprocessed.def"
};

#undef FIRST
#undef BOTH
#undef NONE
#undef NEVER
#undef GCC

/* What is known while the words are read. */
struct parting {
	struct arena *arena;
	const struct cc_command *cmd;
	struct cc_preprocessed *out;
	struct strv words;         /* the first step's own words */
	const char *language_name; /* of the last -x before the source, or NULL */
	const char *output;        /* -o as given, or NULL */
	bool assembly;             /* -S */
	bool debug;                /* the last -g is not -g0 */
	bool md;                   /* -MD or -MMD */
	bool md_through;           /* the same inside -Wp, */
	bool has_mf, has_target;   /* -MF; -MT or -MQ */
	bool quiet;                /* -w */
	/* Whether these warnings are asked for. */
	bool indentation, statements, documentation;
	bool used_up;   /* something goes to the first step alone */
	bool no_distcc; /* a distccd 3.4 would refuse it */
};

static void never(struct parting *p, const char *why)
{
	if (!p->out->why)
		p->out->why = why;
}

static bool starts_with(const char *word, const char *start)
{
	return strncmp(word, start, strlen(start)) == 0;
}

static const struct rule *rule_find(enum cc_family family, const char *name)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		const struct rule *rule = &rules[i];
		size_t n = strlen(rule->name);
		bool fits = rule->name[n - 1] == '*' ? strncmp(rule->name, name, n - 1) == 0
						     : strcmp(rule->name, name) == 0;

		if (fits && (rule->family & family))
			return rule;
	}
	return NULL;
}

/* -Wp,A,B: what the preprocessor has used up afterwards. Anything else would be an
 * option of the compiler proper, which is the same program. */
static void part_wp(struct parting *p, const char *text)
{
	struct strv words = {0};

	for (;; text++) {
		size_t n = strcspn(text, ",");

		strv_add(p->arena, &words, arena_strndup(p->arena, text, n));
		text += n;
		if (!*text)
			break;
	}
	for (size_t i = 0; i < words.n; i++) {
		const char *arg;
		const struct cc_option *row =
		    cc_option_find(p->cmd->family, words.v[i], &arg);
		enum cc_meaning meaning =
		    row && row->disposition == CC_D_MODEL ? row->meaning : MEANS_NOTHING;

		switch (meaning) {
		case MEANS_DEFINE:
		case MEANS_UNDEFINE:
		case MEANS_INCLUDE:
		case MEANS_IMACROS:
		case MEANS_DIR:
		case MEANS_DIR_I: i += !arg; break;
		case MEANS_MD:
			p->md_through = true;
			i++;
			break;
		default: never(p, "-Wp, with an option that is not parted into two steps");
		}
	}
}

/* -Wa, and -Xassembler: nothing that reads files or tells of the assembly text. */
static void part_wa(struct parting *p, const char *text)
{
	if (strstr(text, "-I") || strstr(text, "-g"))
		never(p, "-Wa, with folders or debug information");
}

/* Where the words of an option go that options.def calls MODEL. */
static enum use part_model(struct parting *p, int meaning, const char *arg)
{
	switch ((enum cc_meaning)meaning) {
	case MEANS_DEFINE:
	case MEANS_UNDEFINE:
	case MEANS_INCLUDE:
	case MEANS_IMACROS:
	case MEANS_DIR:
	case MEANS_DIR_I: return USE_FIRST;
	case MEANS_MD: p->md = true; return USE_FIRST;
	case MEANS_MF: p->has_mf = true; return USE_FIRST;
	case MEANS_WP: part_wp(p, arg); return USE_FIRST;
	case MEANS_LANGUAGE:
		if (p->out->second_source == 0)
			p->language_name = strcmp(arg, "none") ? arg : NULL;
		return USE_FIRST;
	case MEANS_ASSEMBLY: p->assembly = true; return USE_NONE;
	case MEANS_COMPILE: return USE_NONE;
	case MEANS_OBJECT: p->output = arg; return USE_NONE;
	case MEANS_WA:
	case MEANS_XASSEMBLER: part_wa(p, arg); return USE_SECOND;
	case MEANS_EMIT_LLVM: return USE_SECOND;
	case MEANS_XCLANG:
	case MEANS_MLLVM: return USE_BOTH;
	case MEANS_NATIVE:
		if (strcmp(arg, "native") == 0)
			never(p, "native means the processor of this machine");
		return USE_BOTH;
	case MEANS_FILE_IN: never(p, "the compile reads a further file"); break;
	case MEANS_FILE_OUT: never(p, "the compile writes a further file"); break;
	case MEANS_PROFILE_USE:
	case MEANS_PROFILE_DIR: never(p, PROFILE); break;
	default: never(p, "an option that is not parted into two steps"); break;
	}
	return USE_NEVER;
}

/* -g and all that begins so: whether debug information is asked for. */
static void note_debug(struct parting *p, const char *level)
{
	static const char *const details[] = {
	    "as-loc",
	    "column-info",
	    "describe-",
	    "dwarf32",
	    "dwarf64",
	    "gnu-pubnames",
	    "inline-points",
	    "no-",
	    "pubnames",
	    "record-",
	    "simple-template-names",
	    "statement-frontiers",
	    "strict-dwarf",
	    "variable-",
	    "z",
	};

	for (size_t i = 0; i < sizeof details / sizeof details[0]; i++)
		if (starts_with(level, details[i]))
			return;
	p->debug = strcmp(level, "0") != 0 && strcmp(level, "gdb0") != 0;
}

/* Follows the switches of the warnings that only the sources can cause. */
static void note_warning(struct parting *p, const char *name)
{
	bool on = true;

	if (starts_with(name, "error="))
		name += strlen("error=");
	else if (starts_with(name, "no-") && !starts_with(name, "no-error")) {
		on = false;
		name += strlen("no-");
	}
	bool all = strcmp(name, "all") == 0;

	if (all || strcmp(name, "misleading-indentation") == 0)
		p->indentation = on;
	if (all || strcmp(name, "multistatement-macros") == 0)
		p->statements = on;
	if (starts_with(name, "documentation") || strcmp(name, "everything") == 0)
		p->documentation = on;
}

/* Notes what an option means that no row calls MODEL, and says where its words go. */
static enum use part_plain(struct parting *p, const struct cc_option *row, const char *word)
{
	bool negative = (starts_with(word, "-fno-") || starts_with(word, "-mno-")) &&
			!starts_with(row->name + 2, "no-");
	const struct rule *rule = rule_find(p->cmd->family, row->name);

	if (strcmp(row->name, "-g") == 0)
		note_debug(p, word + 2);
	else if (strcmp(word, "-w") == 0)
		p->quiet = true;
	else if (starts_with(word, "-W"))
		note_warning(p, word + 2);
	else if (starts_with(word, "-MT") || starts_with(word, "-MQ"))
		p->has_target = true;
	else if (starts_with(word, "-flto"))
		p->no_distcc = true;
	else if (starts_with(word, "-fsanitize=") &&
		 strcmp(word, "-fsanitize=thread") != 0 &&
		 strcmp(word, "-fsanitize=leak") != 0)
		never(p, POSITIONS);
	if (!rule)
		return USE_BOTH;
	if (rule->use == USE_NEVER) {
		if (negative)
			return USE_BOTH;
		never(p, rule->why);
	}
	return rule->use;
}

/* Hands the option at word I to where it belongs; returns how many words it took. */
static size_t part_option(struct parting *p, size_t i)
{
	const struct strv *words = &p->cmd->argv;
	const char *arg;
	const struct cc_option *row = cc_option_find(p->cmd->family, words->v[i], &arg);
	size_t took = 1;
	enum use use = USE_NEVER;

	assert(row); /* a command with an unknown option is not CC_REMOTE */
	if (row->shape != CC_FLAG && !arg) {
		arg = words->v[i + 1];
		took = 2;
	}
	switch (row->disposition) {
	case CC_D_MODEL: use = part_model(p, row->meaning, arg); break;
	case CC_D_PASS:
	case CC_D_PROBE: use = part_plain(p, row, words->v[i]); break;
	case CC_D_OUTPUT: never(p, "the compile writes a further file"); break;
	case CC_D_LOCAL:
	case CC_D_NOCOMPILE: assert(!"a command that is not CC_REMOTE"); break;
	}
	p->used_up = p->used_up || (use == USE_FIRST && row->meaning != MEANS_LANGUAGE);
	for (size_t k = 0; k < took; k++) {
		if (use == USE_FIRST || use == USE_BOTH)
			strv_add(p->arena, &p->words, words->v[i + k]);
		if (use == USE_SECOND || use == USE_BOTH)
			strv_add(p->arena, &p->out->second, words->v[i + k]);
	}
	return took;
}

static void part_words(struct parting *p)
{
	const struct strv *words = &p->cmd->argv;
	bool only_inputs = false;

	for (size_t i = 1; i < words->n;) {
		const char *word = words->v[i];

		if (!only_inputs && strcmp(word, "--") == 0) {
			only_inputs = true;
		} else if (!only_inputs && word[0] == '-' && word[1]) {
			i += part_option(p, i);
			continue;
		} else {
			/* The source; found again by its place in the second step. */
			p->out->second_source = i;
		}
		strv_add(p->arena, &p->words, word);
		i++;
	}
}

/* What the text is, or why there is none. */
static void judge_language(struct parting *p)
{
	const struct cc_command *cmd = p->cmd;
	const char *name = p->language_name ? p->language_name : path_suffix(cmd->source);

	switch (cmd->language) {
	case CC_LANG_C_CPP:
	case CC_LANG_CXX_CPP:
		if (strstr(name, "obj") || starts_with(name, ".m")) {
			never(p, "Objective-C is not preprocessed here");
			return;
		}
		if (cmd->family == CC_CLANG && p->used_up)
			never(p, "clang complains of options of the preprocessor");
		break;
	case CC_LANG_C:
	case CC_LANG_CXX: break;
	case CC_LANG_OBJC:
	case CC_LANG_OBJCXX: never(p, "Objective-C is not preprocessed here"); return;
	case CC_LANG_ASM:
	case CC_LANG_ASM_CPP:
	case CC_LANG_NONE: never(p, "assembler is not preprocessed here"); return;
	}
	bool cxx = cmd->language == CC_LANG_CXX || cmd->language == CC_LANG_CXX_CPP;

	p->out->suffix = cxx ? ".ii" : ".i";
	p->out->language = cxx ? "c++-cpp-output" : "cpp-output";
}

/* What is lost although the code is the same. A source that is text already loses it too:
 * GCC looks for the indentation in the file that a line marker names. */
static void judge_losses(struct parting *p)
{
	struct cc_preprocessed *out = p->out;
	bool clang = p->cmd->family == CC_CLANG;

	if (!p->quiet && (clang ? p->documentation : p->indentation || p->statements)) {
		out->loses |= CC_LOSES_WARNINGS;
		out->why = clang ? "-Wdocumentation needs the comments"
				 : "-Wmisleading-indentation needs the sources";
	}
	if (p->debug) {
		out->loses |= CC_LOSES_DEBUG;
		out->why = "-g tells of columns and files that preprocessing moves";
	}
}

/* The target of the dependency rule as the plain command derives it: GCC's driver names
 * the object for its own -MD only; the preprocessor alone knows the source. */
static const char *depfile_target(const struct parting *p)
{
	if (p->output && (p->md || p->cmd->family == CC_CLANG))
		return p->output;
	return arena_printf(p->arena, "%s.o",
			    path_stem(p->arena, path_base(p->cmd->source)));
}

static void build_first(struct parting *p)
{
	struct strv *first = &p->out->first;

	if (p->cmd->language == CC_LANG_C_CPP || p->cmd->language == CC_LANG_CXX_CPP)
		return;
	strv_add(p->arena, first, p->cmd->argv.v[0]);
	strv_add(p->arena, first, "-E");
	strv_add(p->arena, first, "-o");
	p->out->first_output = first->n;
	strv_add(p->arena, first, "");
	/* The text then tells of a precompiled header that the plain command reads;
	 * Clang's text holds it. */
	if (p->cmd->family == CC_GCC)
		strv_add(p->arena, first, "-fpch-preprocess");
	if (p->md && !p->has_mf && !p->md_through) {
		strv_add(p->arena, first, "-MF");
		strv_add(p->arena, first, p->cmd->depfile);
	}
	if ((p->md || p->md_through) && !p->has_target) {
		strv_add(p->arena, first, "-MQ");
		strv_add(p->arena, first, depfile_target(p));
	}
	for (size_t i = 0; i < p->words.n; i++)
		strv_add(p->arena, first, p->words.v[i]);
}

/* The source's own name where a distccd finds the language by it, else one that ends in
 * SUFFIX. */
static const char *source_for_distccd(const struct parting *p)
{
	static const char *const known[] = {
	    ".i", ".ii", ".c", ".cc", ".cpp", ".cxx", ".cp", ".c++", ".C",
	};

	const char *base = path_base(p->cmd->source);
	const char *suffix = path_suffix(base);
	bool text_is_cxx = strcmp(p->out->suffix, ".ii") == 0;

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		bool is_cxx = strcmp(known[i], ".c") != 0 && strcmp(known[i], ".i") != 0;

		if (strcmp(suffix, known[i]) == 0 && is_cxx == text_is_cxx)
			return base;
	}
	return arena_printf(p->arena, "%s%s", path_stem(p->arena, base), p->out->suffix);
}

/* A word beside the options that a distccd would take for the source or the object. */
static bool word_misleads_distccd(const char *word)
{
	return word[0] != '-' &&
	       (cc_kind_of_suffix(word) || strcmp(path_suffix(word), ".o") == 0);
}

/* The words that both ways of calling the second step share, then what differs. */
static void build_second(struct parting *p, struct strv shared)
{
	struct cc_preprocessed *out = p->out;
	const char *what = p->assembly ? "-S" : "-c";
	bool misleads = false;

	out->second = (struct strv){0};
	strv_add(p->arena, &out->second, p->cmd->argv.v[0]);
	strv_add(p->arena, &out->distcc, path_base(p->cmd->argv.v[0]));
	for (size_t i = 0; i < shared.n; i++) {
		strv_add(p->arena, &out->second, shared.v[i]);
		strv_add(p->arena, &out->distcc, shared.v[i]);
		misleads = misleads || word_misleads_distccd(shared.v[i]);
	}
	const char *object = path_base(p->cmd->object);
	const char *name = source_for_distccd(p);

	strv_add(p->arena, &out->second, "-x");
	strv_add(p->arena, &out->second, out->language);
	strv_add(p->arena, &out->second, what);
	out->second_source = out->second.n;
	strv_add(p->arena, &out->second,
		 arena_printf(p->arena, "%s%s",
			      path_stem(p->arena, path_base(p->cmd->source)), out->suffix));
	strv_add(p->arena, &out->second, "-o");
	out->second_object = out->second.n;
	strv_add(p->arena, &out->second, object);

	/* Without -x, g++ takes the text of a C source for C++; a word that begins with
	 * '-' is no source. */
	bool wrong_driver =
	    cc_driver_is_cxx(p->cmd->argv.v[0]) && strcmp(out->suffix, ".i") == 0;

	if (misleads || wrong_driver || p->no_distcc || name[0] == '-' ||
	    starts_with(name, "tmp.conftest.")) {
		out->distcc = (struct strv){0};
		return;
	}
	strv_add(p->arena, &out->distcc, what);
	strv_add(p->arena, &out->distcc, name);
	strv_add(p->arena, &out->distcc, "-o");
	strv_add(p->arena, &out->distcc, object);
}

const struct cc_preprocessed *cc_preprocess(struct arena *arena,
					    const struct cc_command *cc)
{
	struct cc_preprocessed *out = arena_alloc(arena, sizeof *out);
	struct parting p = {.arena = arena, .cmd = cc, .out = out};

	assert(cc->verdict == CC_REMOTE);
	part_words(&p);
	judge_language(&p);
	if (out->why) {
		out->second = (struct strv){0};
		return out;
	}
	judge_losses(&p);
	build_first(&p);
	build_second(&p, out->second);
	return out;
}
