/* A distccd of protocol 3 compiles below a temporary folder, and puts that folder's name in front of the absolute paths of
 * some options. Hence the same object can be had only where the compiler sees relative paths: the names of the user's
 * files, as __FILE__ and messages tell them, are then those of the command. The system's headers are sent like other
 * files, so that its own, which may be of another version, are not read.
 *
 *   -g         its debug information names the temporary folder (distccd 3.4, DWARF 5)
 *   -MD …      the dependency file that comes back is broken into lines by the length of other names
 *   env        does not travel: SOURCE_DATE_EPOCH, CPATH and the like
 *
 * What is forbidden here goes as preprocessed text, which is as right and costs more of this machine. */
#include "agent/foreign_way.h"

#include "agent/locate.h"
#include "agent/plan.h"
#include "cc/preprocessed.h"
#include "net/hostlist.h"

#include <string.h>

/* How words begin that name folders which are not moved, or that change what names mean. */
static const char *const odd_words[] = {
    "--",
    "-B",
    "-I-",
    "-Wp,",
    "-Xpreprocessor",
    "-fdebug-prefix",
    "-ffile-prefix",
    "-fmacro-prefix",
    "-fplugin",
    "-idirafter",
    "-imultilib",
    "-iprefix",
    "-isysroot",
    "-iwith",
    "-nostdinc",
    "-specs",
    "-x",
};

static const char *const odd_env[] = {"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
				      "SOURCE_DATE_EPOCH"};

static bool has_odd_word(const struct strv *argv)
{
	for (size_t i = 1; i < argv->n; i++)
		for (size_t k = 0; k < sizeof odd_words / sizeof *odd_words; k++)
			if (strncmp(argv->v[i], odd_words[k], strlen(odd_words[k])) == 0)
				return true;
	return false;
}

static bool has_odd_env(const struct plan *p)
{
	for (size_t i = 0; p->env.n && i < sizeof odd_env / sizeof *odd_env; i++) {
		const char *value = env_get(p->env.v, odd_env[i]);

		if (value && *value)
			return true;
	}
	return false;
}

static bool names_absolute_paths(const struct cc_command *cc)
{
	if (cc->source[0] == '/')
		return true;
	for (size_t i = 0; i < cc->dirs.n; i++)
		if (cc->dirs.v[i][0] == '/')
			return true;
	for (size_t i = 0; i < cc->nforced; i++)
		if (cc->forced[i].name[0] == '/')
			return true;
	return false;
}

const char *foreign_way_forbids(const struct plan *p)
{
	const struct cc_command *cc = p->command;

	if (cc->family != CC_GCC)
		return "only GCC can be told all its folders";
	if (cc->language != CC_LANG_C && cc->language != CC_LANG_CXX)
		return "its source is not C or C++";
	if (!p->two || !p->two->distcc.n)
		return "a distccd would refuse the command";
	if (p->two->loses & CC_LOSES_DEBUG)
		return "debug information would name a folder of the server";
	if (cc->depfile)
		return "the dependency file would have other line breaks";
	if (cc->noutputs != 1)
		return "it writes further files";
	if (cc->march_native)
		return "native means the server's processor";
	if (names_absolute_paths(cc))
		return "it names absolute paths";
	if (has_odd_word(&cc->argv))
		return "it has an option that is not moved to the server's folder";
	if (has_odd_env(p))
		return "its environment does not travel";
	return NULL;
}

enum foreign_way foreign_way(const struct plan *p, const struct host *h)
{
	if (!h->lzo)
		return FOREIGN_PLAIN;
	return h->cpp && !foreign_way_forbids(p) ? FOREIGN_SOURCES : FOREIGN_PACKED;
}
