#include "worker/bare_command.h"

#include "cc/command.h"
#include "wire/message.h"

#include <string.h>

bool bare_is_wellformed(const struct message_job *m)
{
	uint32_t argc = 0;

	if (!(m->flags & WIRE_JOB_PREPROCESSED))
		return true;
	while (m->argv[argc])
		argc++;
	return m->source > 0 && m->source < argc && m->object > 1 && m->object < argc &&
	       m->source != m->object && m->argv[m->source][0] == '/' &&
	       strcmp(m->argv[m->object - 1], "-o") == 0;
}

/* Whether a compiler heeds these there or not. */
static bool is_of_no_use(const char *word)
{
	static const char *const beginnings[] = {"-M", "-Wp,", "-Wa,-I", "-Wl,",
						 "-fuse-ld"};

	for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
		if (strncmp(word, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

enum {
	FEATURE_WORDS = 4
};

/* What the agent makes of Clang's -march=native: "-Xclang -target-feature -Xclang -avx512f". */
static bool is_feature(char *const *argv)
{
	static const char *const words[] = {"-Xclang", "-target-feature", "-Xclang"};

	for (size_t i = 0; i < FEATURE_WORDS - 1; i++)
		if (!argv[i] || strcmp(argv[i], words[i]) != 0)
			return false;
	return argv[FEATURE_WORDS - 1] && strchr("+-", argv[FEATURE_WORDS - 1][0]);
}

const char *caged_refuses(struct arena *a, const struct message_job *m)
{
	static const char specs[] = "-specs=/";
	struct strv argv = {0};

	for (size_t i = 0; m->argv[i]; i++) {
		if (i == 1 && strncmp(m->argv[i], specs, sizeof specs - 1) == 0)
			continue;
		if (is_feature(&m->argv[i]))
			i += FEATURE_WORDS - 1;
		else
			strv_add(a, &argv, m->argv[i]);
	}
	const struct cc_command *cc = cc_parse(a, argv.v, NULL);

	return cc->verdict == CC_REMOTE ? NULL : cc->why;
}

const char *bare_refuses(struct arena *a, const struct message_job *m)
{
	if (!(m->flags & WIRE_JOB_PREPROCESSED))
		return "it cannot confine compiles, and takes only preprocessed source";
	for (size_t i = 1; m->argv[i]; i++)
		if (is_of_no_use(m->argv[i]))
			return "a word that is of no use with preprocessed source";
	const struct cc_command *cc = cc_parse(a, m->argv, NULL);

	if (cc->verdict != CC_REMOTE)
		return cc->why;
	if (cc->nmacros || cc->nforced || cc->dirs.n || cc->inputs.n || cc->depfile ||
	    cc->noutputs != 1 || strcmp(cc->source, m->argv[m->source]) != 0 ||
	    strcmp(cc->object, m->argv[m->object]) != 0 ||
	    (cc->language != CC_LANG_C_CPP && cc->language != CC_LANG_CXX_CPP))
		return "an unconfined compile may read its text and write its object, nothing else";
	return NULL;
}
