/* The client's words are read by the same model as everybody's (cc/command). It is asked twice: first which word
 * is the source, then, when ours have taken the place of the client's names, whether the command may run.
 * The second time the source has a neutral name, since that of a configure probe would be a reason to compile
 * at home, and the client has already decided that it does not.
 *
 * Invariant: what is not refused reads only what the client sent and the compiler itself, and writes nothing
 * that the protocol could not bring back. What would be lost silently, as distccd loses -gsplit-dwarf's .dwo,
 * is refused: the client then compiles at home. */
#include "worker/distcc_command.h"

#include "base/path.h"
#include "cc/command.h"
#include "cc/language.h"
#include "cc/meaning.h"

#include <string.h>

/* An option with its argument, or another word. */
struct item {
	size_t at, took;
	const struct cc_option *row; /* NULL: an input, or an option that is not known */
	const char *arg; /* behind the option in its word, or the next word; NULL: none */
};

static struct item item_at(enum cc_family family, char *const argv[], size_t i)
{
	struct item it = {.at = i, .took = 1};

	if (argv[i][0] != '-' || argv[i][1] == '\0')
		return it;
	it.row = cc_option_find(family, argv[i], &it.arg);
	if (it.row && it.row->shape != CC_FLAG && !it.arg && argv[i + 1]) {
		it.arg = argv[i + 1];
		it.took = 2;
	}
	return it;
}

static bool has_meaning(const struct item *it, enum cc_meaning meaning)
{
	return it->row && it->row->disposition == CC_D_MODEL &&
	       it->row->meaning == (int)meaning;
}

static bool is_named(const struct item *it, const char *const *names)
{
	for (; it->row && *names; names++)
		if (strcmp(it->row->name, *names) == 0)
			return true;
	return false;
}

/* What only the preprocessor reads. */
static bool is_for_preprocessor(const struct item *it)
{
	static const enum cc_meaning meanings[] = {
	    MEANS_DEFINE, MEANS_UNDEFINE,     MEANS_INCLUDE, MEANS_IMACROS,
	    MEANS_DIR_I,  MEANS_DIR,          MEANS_MD,      MEANS_MF,
	    MEANS_WP,     MEANS_XPREPROCESSOR};

	static const char *const names[] = {"-MT", "-MQ", "-MP", "-MG", "-MV", NULL};

	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (has_meaning(it, meanings[i]))
			return true;
	return is_named(it, names);
}

/* Objects that name, or were made from, files which the protocol does not carry. The model lets them travel
 * because muster's own protocol does. */
static bool is_profiling(const struct item *it)
{
	static const char *const starts[] = {"-fprofile",    "-fauto-profile",
					     "-fcs-profile", "--coverage",
					     "-coverage",    "-ftest-coverage"};

	for (size_t i = 0; it->row && i < sizeof starts / sizeof *starts; i++)
		if (strncmp(it->row->name, starts[i], strlen(starts[i])) == 0)
			return strcmp(it->row->name, "-fprofile-prefix-map=") != 0;
	return false;
}

/* The name by which -x takes what preprocessing leaves of a source of the language NAME. */
static const char *preprocessed_language(const char *name)
{
	static const char *const names[][2] = {
	    {"c",             "cpp-output"              },
	    {"c++",           "c++-cpp-output"          },
	    {"objective-c",   "objective-c-cpp-output"  },
	    {"objective-c++", "objective-c++-cpp-output"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i][0]) == 0)
			return names[i][1];
	return name;
}

/* While the words are rewritten. */
struct rewrite {
	struct arena *arena;
	enum distcc_form form;
	char *const *argv;
	const char *source;       /* the word of ARGV, by its address … */
	const char *source_named; /* … and what stands in its place */
	const struct distcc_command *command;
	const char *target; /* of the dependency rule, unless the client names one */
	enum cc_family family;
};

/* IT with another argument, in the same spelling. */
static void add_with(const struct rewrite *r, struct strv *out, const struct item *it,
		     const char *arg)
{
	const char *word = r->argv[it->at];

	if (it->took == 2) {
		strv_add(r->arena, out, word);
		strv_add(r->arena, out, arg);
		return;
	}
	strv_add(r->arena, out,
		 arena_printf(r->arena, "%.*s%s", (int)(it->arg - word), word, arg));
}

static void add_item(const struct rewrite *r, struct strv *out, const struct item *it)
{
	bool text = r->form != DISTCC_FILES;

	if (!it->row && r->argv[it->at] == r->source)
		strv_add(r->arena, out, r->source_named);
	else if (has_meaning(it, MEANS_OBJECT) && it->arg)
		add_with(r, out, it, r->command->object);
	else if (text && has_meaning(it, MEANS_LANGUAGE) && it->arg)
		add_with(r, out, it, preprocessed_language(it->arg));
	else if (text ? is_for_preprocessor(it) : has_meaning(it, MEANS_MF))
		return;
	else
		for (size_t i = 0; i < it->took; i++)
			strv_add(r->arena, out, r->argv[it->at + i]);
}

/* The words to run. The client's own dependency file is left out, ours is asked for instead. */
static struct strv words(const struct rewrite *r)
{
	static const char *const targets[] = {"-MT", "-MQ", NULL};
	struct strv out = {0};
	bool object = false, deps = false, target = false;

	strv_add(r->arena, &out, r->argv[0]);
	for (size_t i = 1; r->argv[i];) {
		struct item it = item_at(r->family, r->argv, i);

		object = object || has_meaning(&it, MEANS_OBJECT);
		deps = deps || has_meaning(&it, MEANS_MD);
		target = target || is_named(&it, targets);
		add_item(r, &out, &it);
		i += it.took;
	}
	if (!object) {
		strv_add(r->arena, &out, "-o");
		strv_add(r->arena, &out, r->command->object);
	}
	if (r->form != DISTCC_FILES)
		return out;
	if (!deps)
		strv_add(r->arena, &out, "-MMD");
	if (!target) {
		strv_add(r->arena, &out, "-MQ");
		strv_add(r->arena, &out, r->target);
	}
	strv_add(r->arena, &out, "-MF");
	strv_add(r->arena, &out, r->command->deps);
	return out;
}

static const char *text_suffix(const struct cc_command *cc)
{
	const char *suffix = path_suffix(cc->source), *plain;

	switch (cc->language) {
	case CC_LANG_C_CPP: plain = strcmp(suffix, ".mi") == 0 ? suffix : ".i"; break;
	case CC_LANG_CXX_CPP: plain = strcmp(suffix, ".mii") == 0 ? suffix : ".ii"; break;
	default: plain = cc_preprocessed_suffix(cc->language); break;
	}
	return plain ? plain : suffix;
}

static bool is_preprocessed(const struct cc_command *cc)
{
	return cc->language == CC_LANG_C_CPP || cc->language == CC_LANG_CXX_CPP;
}

static bool is_assembler(const struct cc_command *cc)
{
	return cc->language == CC_LANG_ASM || cc->language == CC_LANG_ASM_CPP;
}

/* The last option has its argument: else it would take one of our words for it. */
static bool is_complete(const struct rewrite *r)
{
	struct item it = {0};

	for (size_t i = 1; r->argv[i]; i += it.took)
		it = item_at(r->family, r->argv, i);
	return !it.row || it.row->shape == CC_FLAG || it.arg;
}

/* Why the command, in our words, must not run here; NULL: it may. */
static const char *judge(struct arena *a, const struct rewrite *r, char *const *argv)
{
	const struct cc_command *cc = cc_parse(a, argv, NULL);
	bool files = r->form == DISTCC_FILES;

	if (cc->verdict != CC_REMOTE)
		return cc->why;
	for (size_t i = 1; argv[i];) {
		struct item it = item_at(r->family, argv, i);

		if (is_profiling(&it))
			return "a profile's files stay on the client's machine";
		i += it.took;
	}
	if (cc->march_native)
		return "-march=native means another processor here";
	if (cc->profile_use_given || cc->inputs.n)
		return "it reads a file that the protocol does not carry";
	if (is_assembler(cc))
		return "the protocol carries no assembler sources";
	if (files ? !cc->depfile || strcmp(cc->depfile, r->command->deps) != 0
		  : cc->depfile != NULL)
		return "its dependency file is named in a way that is not followed";
	if (cc->noutputs != (files ? 2 : 1))
		return "it writes a further file, which the protocol cannot bring back";
	if (!files && !is_preprocessed(cc))
		return "its language has no preprocessed form";
	if (r->form == DISTCC_TEXT_BARE && (cc->nmacros || cc->nforced || cc->dirs.n))
		return "an unconfined compile may read its text and write its object, nothing "
		       "else";
	return NULL;
}

/* The object that a command without -o writes. */
static const char *default_object(struct arena *a, const struct rewrite *r)
{
	bool assembly = false;

	for (size_t i = 1; r->argv[i];) {
		struct item it = item_at(r->family, r->argv, i);

		assembly = assembly || has_meaning(&it, MEANS_ASSEMBLY);
		i += it.took;
	}
	return arena_printf(a, "%s%s", path_stem(a, path_base(r->source)),
			    assembly ? ".s" : ".o");
}

struct distcc_command *distcc_command_read(struct arena *a, char *const argv[],
					   enum distcc_form form, const char *dir)
{
	struct distcc_command *c = arena_alloc(a, sizeof *c);
	const struct cc_command *cc = cc_parse(a, argv, NULL);
	struct rewrite r = {a, form, argv, cc->source, NULL, c, NULL, cc->family};

	c->source = cc->source;
	if (cc->verdict == CC_NOT_A_COMPILE || !cc->source)
		c->refused = cc->why ? cc->why : "names no source";
	else if (*path_base(cc->source) == '\0')
		c->refused = "the source has no name";
	else if (cc->object && strcmp(cc->object, "-") == 0)
		c->refused = "-o - writes to standard output";
	else if (!is_complete(&r))
		c->refused = "the command line is incomplete";
	if (c->refused)
		return c;
	const char *suffix =
	    form == DISTCC_FILES ? path_suffix(cc->source) : text_suffix(cc);

	c->object = arena_printf(a, "%s/muster-object.o", dir);
	r.target = cc->object && *cc->object ? cc->object : default_object(a, &r);
	if (form == DISTCC_FILES) {
		c->deps = arena_printf(a, "%s/muster-deps.d", dir);
	} else {
		c->text_name =
		    arena_printf(a, "%s%s", path_stem(a, path_base(cc->source)), suffix);
	}
	r.source_named = arena_printf(a, "%s/source%s", dir, suffix);
	c->refused = judge(a, &r, words(&r).v);
	if (c->refused)
		return c;
	r.source_named =
	    form == DISTCC_FILES ? cc->source : arena_printf(a, "%s/%s", dir, c->text_name);
	c->argv = words(&r);
	return c;
}
