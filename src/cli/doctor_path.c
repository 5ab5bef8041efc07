/* Which program a build gets when it says `gcc`, and whether that one is ours. For a
 * name, the first on PATH is called, so what counts is the order of the folders:
 *
 *   [folder of ccache]  [folder of links to muster-cc]  folders of compilers */
#include "cli/doctor_path.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/path.h"
#include "cli/doctor.h"

#include <stdlib.h>
#include <string.h>

/* A list of names, each once, in the order in which they came. */
struct names {
	const char **v;
	size_t n;
};

static void names_add(struct names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], name) == 0)
			return;
	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = name;
}

static const char *names_text(const struct doctor *d, const struct names *l)
{
	return doctor_names(d->arena, l->v, l->n);
}

/* The first program NAME of KIND; PROGRAM_NONE: of any kind that can be called. */
static const struct program *first(const struct path_facts *f, const char *name,
				   enum program_kind kind)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct program *p = &f->v[i];

		if (strcmp(p->name, name) == 0 &&
		    (kind ? p->kind == kind : p->kind != PROGRAM_STALE))
			return p;
	}
	return NULL;
}

/* The first folder with links of ours; ndirs: there is none. */
static size_t own_folder(const struct path_facts *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].kind == PROGRAM_OURS)
			return f->v[i].dir;
	return f->ndirs;
}

/* ---- compilers ---- */

/* Those that everybody knows stand first. */
static void list_real(const struct doctor *d, const struct path_facts *f, struct names *l)
{
	static const char *const usual[] = {"gcc", "g++", "clang", "clang++", "cc", "c++"};

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		const struct program *p = first(f, usual[i], PROGRAM_REAL);

		if (p)
			names_add(l, path_join(d->arena, f->dirs[p->dir], p->name));
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct program *p = &f->v[i];

		if (first(f, p->name, PROGRAM_REAL) == p)
			names_add(l, path_join(d->arena, f->dirs[p->dir], p->name));
	}
}

static void judge_compilers(struct doctor *d, const struct path_facts *f)
{
	struct names real = {0}, hollow = {0};

	list_real(d, f, &real);
	for (size_t i = 0; i < f->n; i++) {
		const struct program *p = &f->v[i];

		if ((p->kind == PROGRAM_CCACHE || p->kind == PROGRAM_WRAPPER) &&
		    !first(f, p->name, PROGRAM_REAL))
			names_add(&hollow, p->name);
	}
	if (real.n) {
		doctor_say(d, DOCTOR_COMPILERS, DOCTOR_OK, "%zu on PATH: %s.", real.n,
			   names_text(d, &real));
	} else {
		doctor_say(
		    d, DOCTOR_COMPILERS, DOCTOR_WRONG,
		    "No C or C++ compiler is on PATH: nothing can be compiled here, "
		    "and workers are asked for the compilers that this machine has.");
		doctor_advise(d, "Install one (gcc, clang), or put its folder on PATH.");
	}
	if (real.n && hollow.n) {
		doctor_say(d, DOCTOR_COMPILERS, DOCTOR_NOTE,
			   "Behind the wrappers called %s there is no compiler of that "
			   "name on PATH, so whoever calls them gets an error.",
			   names_text(d, &hollow));
		doctor_advise(d, "Install these compilers, or remove the links.");
	}
	free(real.v);
	free(hollow.v);
}

/* ---- the folder of links ---- */

static void judge_front(struct doctor *d, const struct path_facts *f, const char *own)
{
	struct names before = {0}, folders = {0};

	for (size_t i = 0; i < f->n; i++) {
		const struct program *p = &f->v[i], *called = first(f, p->name, 0);

		if (p->kind != PROGRAM_OURS || called->dir >= p->dir ||
		    (called->kind != PROGRAM_REAL && called->kind != PROGRAM_WRAPPER))
			continue;
		names_add(&before, p->name);
		names_add(&folders, f->dirs[called->dir]);
	}
	if (before.n) {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_WRONG,
			   "%s stands before %s on PATH, so %s there %s called and muster "
			   "is not asked.",
			   names_text(d, &folders), own, names_text(d, &before),
			   before.n == 1 ? "is" : "are");
		doctor_advise(d, "Put ours in front: export PATH=\"%s:$PATH\".", own);
	} else {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_OK,
			   "%s, our folder, stands before the compilers on PATH.", own);
	}
	free(before.v);
	free(folders.v);
}

static void judge_ccache_order(struct doctor *d, const struct path_facts *f,
			       const char *own)
{
	const char *folder = NULL;
	bool behind = false;

	for (size_t i = 0; i < f->n && !behind; i++) {
		const struct program *p = &f->v[i];
		const struct program *ours =
		    p->kind == PROGRAM_CCACHE ? first(f, p->name, PROGRAM_OURS) : NULL;

		if (!ours)
			continue;
		folder = f->dirs[p->dir];
		behind = ours->dir < p->dir;
	}
	if (!folder)
		return;
	if (behind) {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_WRONG,
			   "%s, ccache's folder, stands behind %s on PATH: the cache is "
			   "never asked, and what it holds is compiled again.",
			   folder, own);
		doctor_advise(d, "Put it in front of ours: export PATH=\"%s:$PATH\".",
			      folder);
	} else {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_OK,
			   "%s, ccache's folder, stands before ours: what the cache holds "
			   "needs no worker.",
			   folder);
	}
}

/* Links that lead nowhere, and compilers without a link. */
static void judge_content(struct doctor *d, const struct path_facts *f, size_t own)
{
	struct names broken = {0}, hollow = {0}, missing = {0};
	size_t dir = own;

	for (size_t i = 0; i < f->n; i++) {
		const struct program *p = &f->v[i];

		if (p->kind == PROGRAM_STALE) {
			names_add(&broken, p->name);
			dir = own < f->ndirs ? own : p->dir;
		} else if (p->kind == PROGRAM_OURS && !first(f, p->name, PROGRAM_REAL)) {
			names_add(&hollow, p->name);
		} else if (p->kind == PROGRAM_REAL && own < f->ndirs &&
			   !first(f, p->name, PROGRAM_OURS)) {
			names_add(&missing, p->name);
		}
	}
	if (broken.n) {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_WRONG,
			   "In %s, %s %s to a muster-cc that is gone: the shell passes by "
			   "and calls the next compiler on PATH.",
			   f->dirs[dir], names_text(d, &broken),
			   broken.n == 1 ? "leads" : "lead");
		doctor_advise(d, "Make them anew: muster links %s.", f->dirs[dir]);
	}
	if (hollow.n) {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_WRONG,
			   "In %s, %s %s to muster-cc without a compiler of that name on "
			   "PATH: a call ends with an error.",
			   f->dirs[dir], names_text(d, &hollow),
			   hollow.n == 1 ? "is a link" : "are links");
		doctor_advise(d, "Remove what is stale: muster links %s.", f->dirs[dir]);
	}
	if (missing.n) {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_NOTE,
			   "%s has no link called %s: compiles by such a name stay here.",
			   f->dirs[dir], names_text(d, &missing));
		doctor_advise(d, "Add what is missing: muster links %s.", f->dirs[dir]);
	}
	free(broken.v);
	free(hollow.v);
	free(missing.v);
}

/* ---- CC and CXX ---- */

static bool has_slash(const char *value)
{
	return memchr(value, '/', strcspn(value, " \t"));
}

/* True when a build that obeys the variable comes to us. */
static bool judge_variable(struct doctor *d, const struct named_program *p, bool links,
			   bool prefix)
{
	if (!p->value)
		return false;
	switch (p->kind) {
	case PROGRAM_OURS:
		doctor_say(d, DOCTOR_LINKS, DOCTOR_OK, "%s=%s leads to muster.",
			   p->variable, p->value);
		return true;
	case PROGRAM_NONE:
	case PROGRAM_STALE:
		doctor_say(
		    d, DOCTOR_LINKS, DOCTOR_WRONG,
		    "%s=%s: there is no such program, so a build that obeys it fails.",
		    p->variable, p->value);
		doctor_advise(d, "Correct it, or unset %s.", p->variable);
		return false;
	case PROGRAM_CCACHE: return prefix || links;
	case PROGRAM_REAL:
	case PROGRAM_WRAPPER: break;
	}
	if (links && (has_slash(p->value) || p->kind == PROGRAM_WRAPPER)) {
		doctor_say(d, DOCTOR_LINKS, DOCTOR_WRONG,
			   "%s=%s passes our links by: a build that obeys it compiles "
			   "without muster.",
			   p->variable, p->value);
		doctor_advise(d, "Unset it, or export %s=\"muster-cc %s\".", p->variable,
			      p->value);
	}
	return false;
}

static void judge_ways(struct doctor *d, const struct path_facts *f, bool links)
{
	bool prefix = f->ccache_prefix.kind == PROGRAM_OURS, way = links || prefix;

	for (size_t i = 0; i < 2; i++)
		way |= judge_variable(d, &f->cc[i], links, prefix);
	if (way)
		return;
	doctor_say(d, DOCTOR_LINKS, DOCTOR_NOTE,
		   "Nothing sends the builds of this shell to muster: no folder of our "
		   "links is on PATH, and neither CC nor CXX names muster-cc.");
	doctor_advise(
	    d, "Say muster run make, or make CC=\"muster-cc gcc\" "
	       "CXX=\"muster-cc g++\", or fill a folder with links: muster links DIR.");
}

/* ---- ccache ---- */

/* Does ccache call us by a link of a compiler's name? */
static bool ccache_finds_links(const struct path_facts *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct program *p = &f->v[i];
		const struct program *ours =
		    p->kind == PROGRAM_CCACHE ? first(f, p->name, PROGRAM_OURS) : NULL;

		if (ours && ours->dir > p->dir)
			return true;
	}
	return false;
}

void doctor_ccache_judge(struct doctor *d, const struct path_facts *f)
{
	const struct named_program *prefix = &f->ccache_prefix;

	if (!f->ccache_version) {
		doctor_say(d, DOCTOR_CCACHE, DOCTOR_OK,
			   "ccache is not installed; it is not needed.");
		return;
	}
	doctor_say(d, DOCTOR_CCACHE, DOCTOR_OK, "ccache %s%s%s%s.", f->ccache_version,
		   prefix->value ? ", and CCACHE_PREFIX=" : "",
		   prefix->value ? prefix->value : "",
		   prefix->kind == PROGRAM_OURS ? " sends what it lacks to muster" : "");
	if (prefix->value && prefix->kind != PROGRAM_OURS) {
		doctor_say(d, DOCTOR_CCACHE, DOCTOR_WRONG,
			   "CCACHE_PREFIX=%s %s: what ccache has to compile does not come "
			   "to muster.",
			   prefix->value,
			   prefix->kind == PROGRAM_NONE || prefix->kind == PROGRAM_STALE
			       ? "is no program"
			       : "is not muster-cc");
		doctor_advise(d, "export CCACHE_PREFIX=muster-cc.");
	}
	if (f->ccache_disabled)
		doctor_say(d, DOCTOR_CCACHE, DOCTOR_NOTE,
			   "CCACHE_DISABLE is set: ccache only passes compiles on.");
	if (!prefix->value && !f->ccache_checks_content && ccache_finds_links(f)) {
		doctor_say(
		    d, DOCTOR_CCACHE, DOCTOR_NOTE,
		    "ccache takes our link for the compiler, one of unknown kind that "
		    "it knows by size and time: it finds less in the cache, and does "
		    "not notice when the compiler behind is updated.");
		doctor_advise(d,
			      "export CCACHE_PREFIX=muster-cc and leave our folder off "
			      "PATH; or at least CCACHE_COMPILERCHECK='%%compiler%% -v'.");
	}
}

void doctor_path_judge(struct doctor *d, const struct path_facts *f)
{
	size_t own = own_folder(f);

	judge_compilers(d, f);
	if (own < f->ndirs) {
		judge_front(d, f, f->dirs[own]);
		judge_ccache_order(d, f, f->dirs[own]);
	}
	judge_content(d, f, own);
	judge_ways(d, f, own < f->ndirs);
}
