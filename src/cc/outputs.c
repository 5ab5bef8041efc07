#include "cc/outputs.h"

#include "base/path.h"
#include "cc/language.h"

#include <string.h>

/* Names every file that a compile may write.
 *
 * Both compilers name side files (.d .dwo .gcno .su .ci) after the object: -o without its last suffix,
 * in the folder of the object; without -o, the base name of the source without its suffix, in the
 * current folder. They differ with -save-temps (gcc after the object, clang after the source) and,
 * with -S, in where clang puts the .dwo. Of a hidden object (".x") some side files are named ".x.su"
 * and some ".su"; both are listed. A listed file need not be written; only the object must.
 *
 * Fails when side files would stand beside /dev/null, and for dependencies on standard output. */

struct namer {
	struct arena *arena;
	struct cc_command *cmd;
	size_t cap;
};

/* The folder and the name before the suffix of some file, as text. */
struct place {
	const char *dir, *stem;
	bool hidden; /* the name is a dot and some letters: is it a stem or a suffix? */
};

static void output_add(struct namer *n, struct place at, const char *suffix, bool must)
{
	struct cc_command *cmd = n->cmd;

	if (cmd->noutputs == n->cap) {
		size_t cap = n->cap ? 2 * n->cap : 8;
		struct cc_output *grown = arena_alloc(n->arena, cap * sizeof *grown);

		if (cmd->noutputs)
			memcpy(grown, cmd->outputs, cmd->noutputs * sizeof *grown);
		cmd->outputs = grown;
		n->cap = cap;
	}
	cmd->outputs[cmd->noutputs++] = (struct cc_output){at.dir, at.stem, suffix, must};
}

/* The file PATH itself. */
static void output_add_file(struct namer *n, const char *path, bool must)
{
	struct place at = {.dir = path_dir(n->arena, path)};
	const char *base = path_base(path);

	if (strcmp(path, "/dev/null") == 0)
		return;
	if (must && *path_suffix(base)) {
		at.stem = path_stem(n->arena, base);
		output_add(n, at, path_suffix(base), must);
		return;
	}
	at.stem = base;
	output_add(n, at, "", must);
}

/* A file named after the object: STEM + SUFFIX, and SUFFIX alone for a hidden object. */
static void output_add_side(struct namer *n, struct place at, const char *suffix)
{
	output_add(n, at, suffix, false);
	if (at.hidden) {
		at.stem = "";
		output_add(n, at, suffix, false);
	}
}

static void name_temps(struct namer *n, const struct cc_writes *w, struct place object,
		       struct place source)
{
	struct place at = n->cmd->family == CC_CLANG ? source : object;
	const char *preprocessed = cc_preprocessed_suffix(n->cmd->language);

	at.dir = w->temps == CC_TEMPS_OBJ ? object.dir : "";
	if (preprocessed)
		output_add_side(n, at, preprocessed);
	if (n->cmd->language != CC_LANG_ASM && n->cmd->language != CC_LANG_ASM_CPP)
		output_add_side(n, at, ".s");
	if (n->cmd->family == CC_CLANG)
		output_add_side(n, at, ".bc");
}

static bool is_preprocessed(enum cc_language language)
{
	return language == CC_LANG_C_CPP || language == CC_LANG_CXX_CPP ||
	       language == CC_LANG_ASM;
}

static void name_depfile(struct namer *n, const struct cc_writes *w, struct place object)
{
	const char *file = w->cpp_depfile ? w->cpp_depfile : w->depfile;

	if (!w->md || is_preprocessed(n->cmd->language))
		return;
	if (!file) {
		object.stem = object.hidden ? "" : object.stem;
		output_add(n, object, ".d", false);
		n->cmd->depfile = path_join(n->arena, object.dir,
					    arena_printf(n->arena, "%s.d", object.stem));
		return;
	}
	output_add_file(n, file, false);
	if (strcmp(file, "/dev/null") != 0)
		n->cmd->depfile = file;
}

static void name_sides(struct namer *n, const struct cc_writes *w, struct place object,
		       struct place source)
{
	name_depfile(n, w, object);
	if (w->dwo)
		output_add_side(n, object, ".dwo");
	if (w->dwo && w->assembly && n->cmd->family == CC_CLANG)
		output_add_side(n, source, ".dwo");
	if (w->gcno)
		output_add_side(n, object, ".gcno");
	if (w->su)
		output_add_side(n, object, ".su");
	if (w->ci)
		output_add_side(n, object, ".ci");
	if (w->temps != CC_TEMPS_NONE)
		name_temps(n, w, object, source);
	for (size_t i = 0; i < w->files.n; i++)
		output_add_file(n, w->files.v[i], false);
}

static const char *object_suffix(const struct cc_writes *w)
{
	if (w->assembly)
		return w->emit_llvm ? ".ll" : ".s";
	return w->emit_llvm ? ".bc" : ".o";
}

static struct place place_of(struct arena *arena, const char *path)
{
	const char *base = path_base(path);

	return (struct place){
	    .dir = path_dir(arena, path),
	    .stem = path_stem(arena, base),
	    .hidden = base[0] == '.' && *path_suffix(base) == '\0',
	};
}

const char *cc_outputs_name(struct arena *arena, struct cc_command *cmd,
			    const struct cc_writes *w)
{
	struct namer n = {arena, cmd, 0};
	struct place source = place_of(arena, path_base(cmd->source));
	bool dep_beside = w->md && !w->depfile && !w->cpp_depfile;

	if (w->md && strcmp(w->cpp_depfile ? w->cpp_depfile
			    : w->depfile   ? w->depfile
					   : "",
			    "-") == 0)
		return "-MF - writes dependencies to standard output";
	if (w->output && strcmp(w->output, "/dev/null") == 0 &&
	    (dep_beside || w->dwo || w->gcno || w->su || w->ci ||
	     w->temps != CC_TEMPS_NONE))
		return "-o /dev/null leaves side files without a name";
	cmd->object = w->output
			  ? w->output
			  : arena_printf(arena, "%s%s", source.stem, object_suffix(w));
	output_add_file(&n, cmd->object, true);
	name_sides(&n, w, place_of(arena, cmd->object), source);
	return NULL;
}

/* The path, without ".gcda", of the profile beside the object. */
static char *profile_stem(struct arena *arena, const struct cc_command *cmd)
{
	return path_stem(arena, cmd->object);
}

void cc_profile_inputs(struct arena *arena, struct cc_command *cmd)
{
	const char *use = cmd->profile_use;

	if (!cmd->profile_use_given) {
		cmd->profile_use = NULL; /* a -fprofile-dir= alone reads nothing */
		return;
	}
	if (*use)
		strv_add(arena, &cmd->inputs, use);
	if (cmd->family == CC_CLANG) {
		strv_add(arena, &cmd->inputs, path_join(arena, use, "default.profdata"));
		return;
	}
	const char *name = arena_printf(arena, "%s.gcda", profile_stem(arena, cmd));

	strv_add(arena, &cmd->inputs,
		 *use ? arena_printf(arena, "%s/%s", use, name) : name);
}

char *cc_profile_name(struct arena *arena, const struct cc_command *cmd, const char *cwd)
{
	if (!cmd->profile_use_given || cmd->family == CC_CLANG || !cmd->object)
		return NULL;

	char *stem = profile_stem(arena, cmd);
	char *path = path_join(arena, cwd, stem);

	if (!*cmd->profile_use)
		return arena_printf(arena, "%s.gcda", path);
	if (stem[0] == '/')
		return arena_printf(arena, "%s/%s.gcda", cmd->profile_use, stem);

	/* '/' becomes '#', and ".." becomes "^". */
	size_t n = 0;

	for (const char *p = path; *p;) {
		size_t part = strcspn(p, "/");

		if (part == 2 && p[0] == '.' && p[1] == '.')
			path[n++] = '^';
		else
			for (size_t i = 0; i < part; i++)
				path[n++] = p[i];
		p += part;
		if (*p) {
			path[n++] = '#';
			p++;
		}
	}
	path[n] = '\0';
	return arena_printf(arena, "%s/%s.gcda", cmd->profile_use, path);
}
