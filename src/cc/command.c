#include "cc/command.h"

#include "base/path.h"
#include "cc/language.h"
#include "cc/meaning.h"
#include "cc/parse.h"
#include "cc/response.h"

#include <string.h>

/* What a compiler command line means.
 *
 * The words are read once, from left to right; each option finds its row in the table, and the row
 * says what becomes of the command. Nothing is rewritten: a command that travels is run elsewhere as
 * it is, so all that matters is that nothing is overlooked: what it reads, what it writes, what
 * decides its search path. Therefore every doubt is a reason to compile here: an option that is not
 * known, a missing argument, a second source.
 *
 * Happy path: expand response files, read the words, read what is handed through to preprocessor and
 * assembler, judge, name the outputs. It cannot fail: the worst answer is CC_LOCAL. */

void parse_local(struct parse *p, const char *why)
{
	if (!p->local)
		p->local = why;
}

static void parse_incomplete(struct parse *p)
{
	parse_local(p, "the command line is incomplete");
}

static void macro_add(struct parse *p, bool undef, const char *text)
{
	struct cc_command *cmd = p->cmd;

	if (cmd->nmacros == p->macros_cap) {
		size_t cap = p->macros_cap ? 2 * p->macros_cap : 32;
		struct cc_macro *grown = arena_alloc(p->arena, cap * sizeof *grown);

		if (cmd->nmacros)
			memcpy(grown, cmd->macros, cmd->nmacros * sizeof *grown);
		cmd->macros = grown;
		p->macros_cap = cap;
	}
	cmd->macros[cmd->nmacros++] = (struct cc_macro){undef, text};
}

static void forced_add(struct parse *p, bool imacros, const char *name)
{
	struct cc_command *cmd = p->cmd;

	if (cmd->nforced == p->forced_cap) {
		size_t cap = p->forced_cap ? 2 * p->forced_cap : 4;
		struct cc_forced *grown = arena_alloc(p->arena, cap * sizeof *grown);

		if (cmd->nforced)
			memcpy(grown, cmd->forced, cmd->nforced * sizeof *grown);
		cmd->forced = grown;
		p->forced_cap = cap;
	}
	cmd->forced[cmd->nforced++] = (struct cc_forced){imacros, name};
}

bool parse_preprocessor_option(struct parse *p, int meaning, const char *arg)
{
	switch ((enum cc_meaning)meaning) {
	case MEANS_DEFINE: macro_add(p, false, arg); return true;
	case MEANS_UNDEFINE: macro_add(p, true, arg); return true;
	case MEANS_INCLUDE: forced_add(p, false, arg); return true;
	case MEANS_IMACROS: forced_add(p, true, arg); return true;
	case MEANS_DIR_I: strv_add(p->arena, &p->cmd->asm_dirs, arg); /* fallthrough */
	case MEANS_DIR: strv_add(p->arena, &p->cmd->dirs, arg); return true;
	case MEANS_MF: p->writes.depfile = arg; return true;
	default: return false;
	}
}

/* The options that ask for a further output. */
static void parse_output_option(struct parse *p, int meaning, const char *arg)
{
	struct cc_writes *w = &p->writes;

	switch ((enum cc_meaning)meaning) {
	case MEANS_DWO: w->dwo = true; break;
	case MEANS_GCNO: w->gcno = true; break;
	case MEANS_SU: w->su = true; break;
	case MEANS_CI: w->ci = true; break;
	case MEANS_SAVE_TEMPS:
		/* Without an argument: gcc puts them beside the object, clang in the current folder. */
		if (arg ? strcmp(arg, "obj") == 0 : p->cmd->family == CC_GCC)
			w->temps = CC_TEMPS_OBJ;
		else
			w->temps = CC_TEMPS_CWD;
		if (arg && strcmp(arg, "obj") != 0 && strcmp(arg, "cwd") != 0)
			parse_local(p,
				    "-save-temps= with another argument than obj or cwd");
		break;
	default: parse_local(p, "an option writes a file that is not named"); break;
	}
}

/* The options that hand words through to a part of the compiler. */
static bool parse_through_option(struct parse *p, int meaning, const char *arg)
{
	switch ((enum cc_meaning)meaning) {
	case MEANS_WP:
		if (p->cmd->family != CC_CLANG || !through_clang_depfile(p, arg))
			through_split(p, &p->cpp_words, arg);
		return true;
	case MEANS_XPREPROCESSOR: strv_add(p->arena, &p->cpp_words, arg); return true;
	case MEANS_WA: through_split(p, &p->asm_words, arg); return true;
	case MEANS_XASSEMBLER: strv_add(p->arena, &p->asm_words, arg); return true;
	case MEANS_XCLANG:
		if (!through_clang_is_harmless(arg))
			parse_local(p, "-Xclang with an option that is not followed");
		return true;
	case MEANS_MLLVM:
		if (!through_llvm_is_harmless(arg))
			parse_local(p, "-mllvm with an option that is not followed");
		return true;
	default: return false;
	}
}

static void parse_object(struct parse *p, const char *arg)
{
	if (!*arg)
		parse_incomplete(p);
	if (p->noutputs++ > 0)
		parse_local(p, "-o is given twice");
	if (strcmp(arg, "-") == 0)
		parse_local(p, "-o - writes to standard output");
	p->writes.output = arg;
}

static void parse_model_option(struct parse *p, int meaning, const char *arg)
{
	struct cc_command *cmd = p->cmd;

	if (parse_preprocessor_option(p, meaning, arg) ||
	    parse_through_option(p, meaning, arg))
		return;
	switch ((enum cc_meaning)meaning) {
	case MEANS_COMPILE: p->compile = true; break;
	case MEANS_ASSEMBLY: p->compile = p->writes.assembly = true; break;
	case MEANS_OBJECT: parse_object(p, arg); break;
	case MEANS_LANGUAGE: p->language_name = strcmp(arg, "none") ? arg : NULL; break;
	case MEANS_EMIT_LLVM: p->writes.emit_llvm = true; break;
	case MEANS_VERBOSE:
		p->verbose = true;
		parse_local(p, "-v prints what the compiler runs");
		break;
	case MEANS_MD: p->writes.md = true; break;
	case MEANS_NATIVE:
		if (strcmp(arg, "native") == 0)
			cmd->march_native = true;
		break;
	case MEANS_FILE_IN: strv_add(p->arena, &cmd->inputs, arg); break;
	case MEANS_FILE_OUT: strv_add(p->arena, &p->writes.files, arg); break;
	case MEANS_PROFILE_USE:
		cmd->profile_use_given = true;
		if (arg || !cmd->profile_use)
			cmd->profile_use = arg ? arg : "";
		break;
	case MEANS_PROFILE_DIR:
		if (cmd->family == CC_GCC)
			cmd->profile_use = arg;
		break;
	default: parse_local(p, "an option is not followed"); break;
	}
}

/* True when the option belongs to what the agent asks the compiler about. */
static bool is_probed(const struct cc_option *row)
{
	if (row->disposition == CC_D_PROBE)
		return true;
	if (row->disposition != CC_D_MODEL)
		return false;
	switch ((enum cc_meaning)row->meaning) {
	case MEANS_DIR:
	case MEANS_DIR_I:
	case MEANS_LANGUAGE:
	case MEANS_NATIVE:
	case MEANS_XCLANG:
	case MEANS_MLLVM: return true;
	default: return false;
	}
}

static void option_apply(struct parse *p, const struct cc_option *row, const char *arg)
{
	switch (row->disposition) {
	case CC_D_PASS:
	case CC_D_PROBE: break;
	case CC_D_MODEL: parse_model_option(p, row->meaning, arg); break;
	case CC_D_OUTPUT: parse_output_option(p, row->meaning, arg); break;
	case CC_D_LOCAL:
		if (strcmp(row->name, "-fsyntax-only") == 0)
			p->checks_only = true;
		parse_local(p, row->why);
		break;
	case CC_D_NOCOMPILE:
		if (!p->no_compile || row->meaning == MEANS_ASKS) {
			p->no_compile = row->why;
			p->no_compile_asks = row->meaning == MEANS_ASKS;
		}
		break;
	}
}

/* A reason for an unknown option: its name without an argument, so that the reasons can be counted. */
static const char *unknown_option(struct arena *arena, const char *word)
{
	enum {
		LONGEST = 48
	};

	size_t n = strcspn(word, "=,/");

	return arena_printf(arena, "unknown option %.*s", (int)(n < LONGEST ? n : LONGEST),
			    word);
}

/* Reads the option at word I; returns how many words it took. */
static size_t parse_option(struct parse *p, size_t i)
{
	const struct strv *words = &p->cmd->argv;
	const char *word = words->v[i], *arg;
	const struct cc_option *row = cc_option_find(p->cmd->family, word, &arg);
	size_t took = 1;

	if (!row) {
		parse_local(p, unknown_option(p->arena, word));
		return 1;
	}
	if (row->shape != CC_FLAG && !arg) {
		if (i + 1 == words->n) {
			parse_incomplete(p);
			return 1;
		}
		arg = words->v[i + 1];
		took = 2;
	}
	option_apply(p, row, arg);
	for (size_t k = 0; k < took && is_probed(row); k++)
		strv_add(p->arena, &p->cmd->probe_args, words->v[i + k]);
	return took;
}

static enum cc_language language_under_driver(const struct parse *p,
					      enum cc_language language)
{
	if (p->language_name || !cc_driver_is_cxx(p->cmd->argv.v[0]))
		return language;
	if (language == CC_LANG_C)
		return CC_LANG_CXX;
	return language == CC_LANG_C_CPP ? CC_LANG_CXX_CPP : language;
}

static void parse_input(struct parse *p, const char *word)
{
	const struct cc_input_kind *kind =
	    p->language_name ? cc_kind_of_name(p->language_name) : cc_kind_of_suffix(word);

	if (p->language_name && !kind)
		parse_local(p, "the language named by -x is not known");
	if (strcmp(word, "-") == 0) {
		p->stdin_source = true;
		p->nsources++;
		return;
	}
	if (!p->language_name && !kind) {
		p->nlinked++;
		return;
	}
	p->nsources++;
	p->cmd->source = word;
	if (kind && kind->why) {
		p->makes_header = p->makes_header || strstr(kind->name, "header") ||
				  strncmp(kind->name, ".h", 2) == 0;
		parse_local(p, kind->why);
	} else if (kind) {
		p->cmd->language = language_under_driver(p, kind->language);
	}
}

static void parse_words(struct parse *p)
{
	const struct strv *words = &p->cmd->argv;

	for (size_t i = 1; i < words->n;) {
		const char *word = words->v[i];

		if (p->only_inputs || word[0] != '-' || word[1] == '\0') {
			parse_input(p, word);
			i++;
		} else if (p->cmd->family == CC_CLANG && strcmp(word, "--") == 0) {
			p->only_inputs = true;
			i++;
		} else {
			i += parse_option(p, i);
		}
	}
	through_preprocessor(p);
	through_assembler(p);
}

static bool is_configure_probe(const struct cc_command *cmd)
{
	return cmd->source && strncmp(path_base(cmd->source), "conftest.", 9) == 0;
}

static bool is_project_probe(const char *path)
{
	return path && (strstr(path, "/CMakeScratch/TryCompile") ||
			strstr(path, "CMakeTmp/") || strstr(path, "/meson-private/tmp"));
}

/* Why the command compiles nothing, or NULL. */
static const char *not_a_compile(struct parse *p)
{
	if (p->no_compile) {
		p->cmd->cheap = p->no_compile_asks;
		return p->no_compile;
	}
	if (p->nsources == 0 && p->nlinked == 0 && p->verbose) {
		p->cmd->cheap = true;
		return "asks the compiler about itself";
	}
	if (p->nsources == 0)
		return p->nlinked > 0 && !p->compile ? "links" : "names no source";
	if (!p->compile && !p->checks_only && !p->makes_header)
		return "links";
	return NULL;
}

/* Why the compile must run here, or NULL. */
static const char *local_reason(struct parse *p)
{
	struct cc_command *cmd = p->cmd;

	if (is_configure_probe(cmd))
		return "a configure probe (conftest) is cheaper here";
	if (is_project_probe(cmd->source) || is_project_probe(p->writes.output))
		return "a configure probe (try_compile) is cheaper here";
	if (p->stdin_source)
		return "the source is read from standard input";
	if (p->nsources > 1)
		return "several sources in one command";
	if (p->local)
		return p->local;
	if (p->nlinked > 0)
		return "an input for the linker stands beside the source";
	if (p->writes.assembly &&
	    (cmd->language == CC_LANG_ASM || cmd->language == CC_LANG_ASM_CPP))
		return "-S of an assembler source writes nothing";
	if (*path_base(cmd->source) == '\0')
		return "the source has no name";
	return cc_outputs_name(p->arena, cmd, &p->writes);
}

struct cc_command *cc_parse(struct arena *arena, char *const argv[],
			    const struct cc_reader *reader)
{
	struct cc_command *cmd = arena_alloc(arena, sizeof *cmd);
	struct parse p = {.arena = arena, .cmd = cmd};

	cmd->verdict = CC_NOT_A_COMPILE;
	if (!argv[0] || !(cmd->family = cc_family_of(argv[0]))) {
		for (size_t i = 0; argv[i]; i++)
			strv_add(arena, &cmd->argv, argv[i]);
		cmd->why = "is not a compiler that is known";
		return cmd;
	}
	const char *unread = cc_response_expand(arena, argv, reader, &cmd->argv);

	if (unread) {
		cmd->verdict = CC_LOCAL;
		cmd->why = unread;
		return cmd;
	}
	parse_words(&p);
	cmd->object = p.writes.output;
	if ((cmd->why = not_a_compile(&p)))
		return cmd;
	cmd->why = local_reason(&p);
	cmd->verdict = cmd->why ? CC_LOCAL : CC_REMOTE;
	if (!cmd->why)
		cc_profile_inputs(arena, cmd);
	return cmd;
}
