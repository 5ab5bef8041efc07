#include "cc/meaning.h"
#include "cc/options.h"
#include "cc/parse.h"

#include <string.h>

/* Options that a driver hands through to its parts: -Wp, -Xpreprocessor, -Wa, -Xassembler, -Xclang,
 * -mllvm.
 *
 * The words for the preprocessor follow all others on its command line, so they are read last and
 * their -MD FILE wins over -MF. Clang's driver reads a "-Wp,-MD,FILE" itself, in its place. What is
 * not understood is a reason to compile here. */

void through_split(struct parse *p, struct strv *list, const char *text)
{
	for (;;) {
		size_t n = strcspn(text, ",");

		strv_add(p->arena, list, arena_strndup(p->arena, text, n));
		if (!text[n])
			return;
		text += n + 1;
	}
}

static bool is_md(const char *word)
{
	return strcmp(word, "-MD") == 0 || strcmp(word, "-MMD") == 0;
}

bool through_clang_depfile(struct parse *p, const char *text)
{
	struct strv words = {0};

	through_split(p, &words, text);
	if (words.n != 2 || !is_md(words.v[0]) || !*words.v[1])
		return false;
	p->writes.md = true;
	p->writes.depfile = words.v[1];
	return true;
}

/* The agent's probe must hand these words to the preprocessor as well, in their order. */
static void probe_add(struct parse *p, const char *word)
{
	strv_add(p->arena, &p->cmd->probe_args, "-Xpreprocessor");
	strv_add(p->arena, &p->cmd->probe_args, word);
}

static bool is_probed(const struct cc_option *row)
{
	return row->disposition == CC_D_PROBE || row->meaning == MEANS_DIR ||
	       row->meaning == MEANS_DIR_I;
}

/* One option for the preprocessor at word I; returns how many words it took, 0 when unknown. */
static size_t preprocessor_option(struct parse *p, size_t i)
{
	const struct strv *words = &p->cpp_words;
	const char *word = words->v[i], *arg;

	if (is_md(word)) {
		/* The preprocessor's own -MD takes the file. */
		if (i + 1 == words->n)
			return 0;
		p->writes.md = true;
		p->writes.cpp_depfile = words->v[i + 1];
		return 2;
	}

	const struct cc_option *row = cc_option_find(p->cmd->family, word, &arg);

	if (!row || strncmp(word, "-W", 2) == 0)
		return row && row->disposition == CC_D_PASS ? 1 : 0;

	size_t took = 1;

	if (row->shape != CC_FLAG && !arg) {
		if (i + 1 == words->n)
			return 0;
		arg = words->v[i + 1];
		took = 2;
	}
	if (row->disposition == CC_D_MODEL) {
		/* The assembler does not get these folders. */
		int meaning = row->meaning == MEANS_DIR_I ? MEANS_DIR : row->meaning;

		if (!parse_preprocessor_option(p, meaning, arg))
			return 0;
	} else if (row->disposition != CC_D_PASS && row->disposition != CC_D_PROBE) {
		return 0;
	}
	for (size_t k = 0; k < took && is_probed(row); k++)
		probe_add(p, words->v[i + k]);
	return took;
}

void through_preprocessor(struct parse *p)
{
	for (size_t i = 0; i < p->cpp_words.n;) {
		size_t took = preprocessor_option(p, i);

		if (took == 0) {
			parse_local(
			    p,
			    "-Wp, or -Xpreprocessor with an option that is not followed");
			return;
		}
		i += took;
	}
}

/* True for options of the assembler that write files or print what holds only here. */
static bool assembler_must_be_here(const char *word)
{
	static const char *const starts[] = {
	    "-a",          "-o",     "-v",         "-V",           "--MD",
	    "--version",   "--help", "--target-h", "--statistics", "--listing-",
	    "--alternate", "--mri",  "-M",         "--itbl",       "--save-temps",
	};

	/* --alternate and --mri change the language that the scanner reads. */
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
		if (strncmp(word, starts[i], strlen(starts[i])) == 0)
			return true;
	return word[0] != '-' || word[1] == '\0';
}

void through_assembler(struct parse *p)
{
	const struct strv *words = &p->asm_words;

	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->v[i];

		if (strncmp(word, "-I", 2) == 0 && word[2]) {
			strv_add(p->arena, &p->asm_last_dirs, word + 2);
		} else if (strcmp(word, "-I") == 0 && i + 1 < words->n) {
			strv_add(p->arena, &p->asm_last_dirs, words->v[++i]);
		} else if ((strcmp(word, "--defsym") == 0 ||
			    strcmp(word, "--debug-prefix-map") == 0) &&
			   i + 1 < words->n) {
			i++;
		} else if (assembler_must_be_here(word)) {
			parse_local(
			    p, "-Wa, or -Xassembler with an option that is not followed");
			return;
		}
	}
	for (size_t i = 0; i < p->asm_last_dirs.n; i++)
		strv_add(p->arena, &p->cmd->asm_dirs, p->asm_last_dirs.v[i]);
}

static bool starts_with_one(const char *word, const char *const *starts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(word, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

bool through_clang_is_harmless(const char *word)
{
	static const char *const names[] = {
	    "-disable-O0-optnone",
	    "-disable-lifetime-markers",
	    "-disable-llvm-optzns",
	    "-disable-llvm-passes",
	    "-disable-llvm-verifier",
	    "-fcolor-diagnostics",
	    "-fcomplete-member-pointers",
	    "-fdebug-pass-manager",
	    "-fexperimental-assignment-tracking",
	    "-fno-pch-timestamp",
	    "-fno-signed-char",
	    "-fno-validate-pch",
	    "-fuse-ctor-homing",
	    "-menable-no-infs",
	    "-msave-temp-labels",
	    "-no-opaque-pointers",
	    "-opaque-pointers",
	    "-target-feature",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(word, names[i]) == 0)
			return true;
	return word[0] == '+'; /* the argument of -target-feature */
}

bool through_llvm_is_harmless(const char *word)
{
	static const char *const starts[] = {
	    "-aarch64-",
	    "-align-all-",
	    "-arm-",
	    "-asan-",
	    "-disable-",
	    "-enable-",
	    "-generate-arange-section",
	    "-hwasan-",
	    "-import-instr-limit=",
	    "-inline-",
	    "-inlinehint-",
	    "-instcombine-",
	    "-min-jump-table-entries=",
	    "-msan-",
	    "-regalloc=",
	    "-sanitizer-coverage-",
	    "-simplifycfg-",
	    "-sroa-",
	    "-tsan-",
	    "-ubsan-",
	    "-unroll-",
	    "-vectorize-",
	    "-x86-",
	};

	return starts_with_one(word, starts, sizeof starts / sizeof starts[0]);
}
