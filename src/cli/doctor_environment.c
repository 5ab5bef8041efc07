/* Variables that keep compiles here, that nobody reads, or that change what muster does. */
#include "cli/doctor.h"
#include "cli/doctor_machine.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_BYTES = 64
};

static bool is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(name, *list) != 0)
		list++;
	return *list;
}

static const char *value_of(const char *const env[], const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=' && (*env)[n + 1])
			return *env + n + 1;
	return NULL;
}

/* ---- the locale ---- */

static bool is_utf8(const char *charset)
{
	char plain[8] = "";
	size_t n = 0;

	for (; *charset; charset++)
		if (isalnum((unsigned char)*charset) && n < sizeof plain - 1)
			plain[n++] = (char)tolower((unsigned char)*charset);
	return strcmp(plain, "utf8") == 0;
}

/* A locale with which compiles travel: C, or LANGUAGE.UTF-8 (agent/locale). */
static bool travels(const char *locale)
{
	static const char *const builtin[] = {"C", "POSIX", NULL};
	const char *dot = strchr(locale, '.');

	return is_one_of(locale, builtin) ||
	       (dot && is_utf8(dot + 1) && !strchr(locale, '/') && !strchr(locale, '@'));
}

static void judge_locale(struct doctor *d, const char *const env[])
{
	const char *all = value_of(env, "LC_ALL"), *lang = value_of(env, "LANG");
	const char *bad = NULL;

	if (all) {
		bad = travels(all) ? NULL : all;
	} else {
		bad = lang && !travels(lang) ? lang : NULL;
		for (; !bad && *env; env++) {
			const char *value = strchr(*env, '=');

			if (strncmp(*env, "LC_", 3) == 0 && value && value[1] &&
			    !travels(value + 1))
				bad = value + 1;
		}
	}
	if (!bad) {
		doctor_say(d, DOCTOR_ENVIRONMENT, DOCTOR_OK,
			   "The locale is one that travels.");
		return;
	}
	doctor_say(
	    d, DOCTOR_ENVIRONMENT, DOCTOR_WRONG,
	    "The locale %s is not a plain UTF-8 one: the compilers' messages cannot be "
	    "promised to be the same elsewhere, so every compile runs here.",
	    bad);
	doctor_advise(d, "export LC_ALL=C.UTF-8, at least for builds.");
}

/* ---- single variables ---- */

static void judge_redirections(struct doctor *d, const char *const env[])
{
	static const char *const names[] = {
	    "GCC_EXEC_PREFIX",     "COMPILER_PATH", "DEPENDENCIES_OUTPUT",
	    "SUNPRO_DEPENDENCIES", "CCC_ADD_ARGS",  "CCC_OVERRIDE_OPTIONS",
	    "COLLECT_GCC",         "LD_PRELOAD",    NULL};

	for (size_t i = 0; names[i]; i++) {
		if (!value_of(env, names[i]))
			continue;
		doctor_say(
		    d, DOCTOR_ENVIRONMENT, DOCTOR_WRONG,
		    "%s is set, which changes what the compiler does in ways that do "
		    "not travel: every compile runs here.",
		    names[i]);
		doctor_advise(d, "unset %s, unless the build needs it.", names[i]);
	}
}

static void judge_own(struct doctor *d, const char *name, const char *value)
{
	static const char *const known[] = {"MUSTER_AGENT",
					    "MUSTER_AGENT_TIMEOUT_MS",
					    "MUSTER_CALL",
					    "MUSTER_COMPRESS_ALWAYS",
					    "MUSTER_EXACT",
					    "MUSTER_FARM_DIR",
					    "MUSTER_KEY_FILE",
					    "MUSTER_WORKER_KEY_FD",
					    "MUSTER_WORKER_KEY_FILE",
					    "MUSTER_HOSTS",
					    "MUSTER_IDLE_SECONDS",
					    "MUSTER_LEVEL",
					    "MUSTER_LOCAL_SLOTS",
					    "MUSTER_PEER_TIMEOUT_MS",
					    "MUSTER_RUN",
					    "MUSTER_FARM",
					    "MUSTER_PARTITION",
					    "MUSTER_PRIORITY",
					    "MUSTER_SCHEDULER",
					    "MUSTER_STATE_DIR",
					    "MUSTER_STATIC_WORKER",
					    NULL};

	if (strcmp(name, "MUSTER_LEVEL") == 0 && *value) {
		doctor_say(
		    d, DOCTOR_ENVIRONMENT, DOCTOR_WRONG,
		    "MUSTER_LEVEL=%s says that this shell runs below a muster-cc: every "
		    "compile runs here.",
		    value);
		doctor_advise(d, "unset MUSTER_LEVEL.");
	} else if (!is_one_of(name, known)) {
		doctor_say(d, DOCTOR_ENVIRONMENT, DOCTOR_WRONG,
			   "%s is set, and no program of muster knows it.", name);
		doctor_advise(d,
			      "Is it misspelt? muster-cc(1) and muster-agent(1) name those "
			      "that count.");
	}
}

static void judge_distcc(struct doctor *d, const char *name, const char *value)
{
	static const char *const known[] = {"DISTCC_AUTO_COMPILER_MEMORY",
					    "DISTCC_AUTO_EARLY_LOCAL_JOBS",
					    "DISTCC_AUTO_FALLBACK_LOCAL_JOBS",
					    "DISTCC_AUTO_HOSTS",
					    "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS",
					    "DISTCC_CMDLIST",
					    "DISTCC_CMDLIST_NUMWORDS",
					    "DISTCC_DIR",
					    "DISTCC_FALLBACK",
					    "DISTCC_HOSTS",
					    "DISTCC_IO_TIMEOUT",
					    "DISTCC_LOCATION",
					    "DISTCC_LOG",
					    "DISTCC_POTENTIAL_HOSTS",
					    "DISTCC_SKIP_LOCAL_RETRY",
					    "DISTCC_SSH",
					    "DISTCC_VERBOSE",
					    NULL};

	if (strcmp(name, "DISTCC_FALLBACK") == 0 && strcmp(value, "0") == 0) {
		doctor_say(
		    d, DOCTOR_ENVIRONMENT, DOCTOR_NOTE,
		    "DISTCC_FALLBACK=0: a compile that no worker can do fails instead "
		    "of running here.");
		doctor_advise(d, "unset DISTCC_FALLBACK, unless that is meant.");
	} else if (!is_one_of(name, known)) {
		doctor_say(d, DOCTOR_ENVIRONMENT, DOCTOR_NOTE,
			   "%s is set and does nothing: muster has no use for it.", name);
		doctor_advise(d, "It may stay for distcc's sake.");
	}
}

void doctor_environment_judge(struct doctor *d, const char *const env[])
{
	judge_locale(d, env);
	judge_redirections(d, env);
	for (const char *const *e = env; *e; e++) {
		const char *value = strchr(*e, '=');
		char name[NAME_MAX_BYTES];
		size_t n = value ? (size_t)(value - *e) : 0;

		if (n == 0 || n >= sizeof name)
			continue;
		memcpy(name, *e, n);
		name[n] = 0;
		if (strncmp(name, "MUSTER_", 7) == 0)
			judge_own(d, name, value + 1);
		else if (strncmp(name, "DISTCC_", 7) == 0)
			judge_distcc(d, name, value + 1);
	}
}
