/* gcc is asked for each program by name. It answers with the bare name when it would search PATH
 * for it, or when there is none: then PATH is searched here too.
 *
 * clang is one program, but it chooses header folders by which GCC installations it finds: folders
 * lib/gcc/TRIPLET/VERSION with a crtbegin.o in them (in 32/ and x32/ for those modes), and by
 * which header folders exist. Its dry run names all of them. */
#include "toolchain/parts.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/path.h"
#include "toolchain/ask.h"
#include "toolchain/libs.h"
#include "toolchain/tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int parts_program(struct tree *t, const char *program, struct err *e)
{
	char real[PATH_MAX];
	int r = tree_add(t, program, real, e);

	if (r <= 0)
		return r;
	return libs_add(t, real, e) ? -1 : 1;
}

/* The first executable file NAME in the folders of PATH, or NULL. */
static char *path_search(struct arena *a, const char *path, const char *name)
{
	while (path && *path) {
		size_t n = strcspn(path, ":");
		char *file = path_join(a, arena_strndup(a, path, n), name);
		struct stat st;

		if (file[0] == '/' && stat(file, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(file, X_OK) == 0)
			return file;
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* Both families look which of these exist, and take only those for their lists. */
static int multilib_add(struct tree *t, struct err *e)
{
	static const char *const folders[] = {"/lib32",     "/lib64",     "/libx32",
					      "/usr/lib32", "/usr/lib64", "/usr/libx32"};

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (tree_add(t, folders[i], NULL, e) < 0)
			return -1;
	return 0;
}

/* One line of an answer, in the arena. NULL: the driver does not know the question, or E. */
static char *ask_line(struct arena *a, const char *driver, const char *question,
		      const char *path, struct err *e)
{
	const char *argv[] = {driver, question, NULL};
	AUTO_BUF struct buf out = {0};
	int r = ask(argv, path, &out, NULL, e);

	if (r) {
		if (r > 0)
			err_set(e, 0, "%s does not understand %s", driver, question);
		return NULL;
	}
	return arena_strndup(a, out.data, strcspn(out.data, "\n"));
}

/* 1, 0: it has none; -1. */
static int gcc_program(struct tree *t, struct arena *a, const char *driver,
		       const char *name, const char *path, struct err *e)
{
	char *answer =
	    ask_line(a, driver, arena_printf(a, "-print-prog-name=%s", name), path, e);

	if (!answer)
		return -1;
	if (answer[0] != '/')
		answer = path_search(a, path, answer);
	return answer ? parts_program(t, answer, e) : 0;
}

/* The lists of folders where gcc looks for programs and libraries: it drops what does not
 * exist, and shows the rest with -v. "libraries: =/usr/lib/gcc/…/12/:/lib/…" */
static int gcc_folders(struct tree *t, const char *driver, const char *path, struct err *e)
{
	const char *argv[] = {driver, "-print-search-dirs", NULL};
	AUTO_BUF struct buf out = {0};

	int r = ask(argv, path, &out, NULL, e);

	if (r)
		return r < 0 ? -1
			     : err_set(e, 0, "%s does not understand %s", driver, argv[1]);
	for (char *save = NULL, *word = strtok_r(out.data, "\n:=", &save); word;
	     word = strtok_r(NULL, "\n:=", &save))
		if (word[0] == '/' && tree_add(t, word, NULL, e) < 0)
			return -1;
	return 0;
}

static int gcc_all(struct tree *t, struct arena *a, const char *driver, const char *path,
		   struct err *e)
{
	static const char *const compilers[] = {"cc1", "cc1plus", "cc1obj", "cc1objplus"};
	int found = 0;

	for (size_t i = 0; i < sizeof compilers / sizeof compilers[0]; i++) {
		int r = gcc_program(t, a, driver, compilers[i], path, e);

		if (r < 0)
			return -1;
		found += r;
	}
	if (!found)
		return err_set(e, ENOENT, "%s has neither cc1 nor cc1plus", driver);
	int assembler = gcc_program(t, a, driver, "as", path, e);

	if (assembler <= 0)
		return assembler ? -1 : err_set(e, ENOENT, "%s has no assembler", driver);
	/* Splits the debug information for -gsplit-dwarf. */
	if (gcc_program(t, a, driver, "objcopy", path, e) < 0)
		return -1;
	char *specs = ask_line(a, driver, "-print-file-name=specs", path, e);

	if (!specs)
		return -1;
	if (specs[0] == '/' && tree_add(t, specs, NULL, e) < 0)
		return -1;
	return gcc_folders(t, driver, path, e);
}

int parts_gcc(struct tree *t, const char *driver, const char *path, struct err *e)
{
	struct arena *a = arena_new();
	int r = multilib_add(t, e) ? -1 : gcc_all(t, a, driver, path, e);

	arena_free(a);
	return r;
}

/* The words of a dry run's command line: each in double quotes, '\' before '"', '\' and '$'. */
static void words_split(struct arena *a, const char *line, struct strv *words)
{
	for (const char *p = strchr(line, '"'); p; p = strchr(p, '"')) {
		char *word = arena_alloc(a, strlen(p)), *to = word;

		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1])
				p++;
			*to++ = *p;
		}
		strv_add(a, words, word);
		if (!*p)
			return;
		p++;
	}
}

static int clang_command(struct tree *t, const struct strv *words, struct err *e)
{
	static const char *const folders[] = {"-internal-isystem",
					      "-internal-externc-isystem", "-resource-dir"};

	if (words->n < 2 || words->v[0][0] != '/')
		return 0;
	if (strcmp(words->v[1], "-cc1") != 0)
		return parts_program(t, words->v[0], e) < 0 ? -1 : 0;
	for (size_t i = 2; i + 1 < words->n; i++)
		for (size_t k = 0; k < sizeof folders / sizeof folders[0]; k++)
			if (strcmp(words->v[i], folders[k]) == 0 &&
			    words->v[i + 1][0] == '/' &&
			    tree_add(t, words->v[i + 1], NULL, e) < 0)
				return -1;
	return 0;
}

/* Calls EACH for all names in DIR but those with a dot in front. */
static int names_each(struct tree *t, struct arena *a, const char *dir,
		      int (*each)(struct tree *, struct arena *, const char *,
				  struct err *),
		      struct err *e)
{
	DIR *d = opendir(dir);
	int r = 0;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : err_set(e, errno, "read %s", dir);
	for (struct dirent *x; r == 0 && (x = readdir(d));)
		if (x->d_name[0] != '.')
			r = each(t, a, path_join(a, dir, x->d_name), e);
	closedir(d);
	return r;
}

static int version_add(struct tree *t, struct arena *a, const char *dir, struct err *e)
{
	static const char *const modes[] = {"", "32/", "64/", "x32/"};
	struct stat st;

	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		return 0;
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (tree_add(t, arena_printf(a, "%s/%scrtbegin.o", dir, modes[i]), NULL,
			     e) < 0)
			return -1;
	return tree_add(t, dir, NULL, e) < 0 ? -1 : 0;
}

static int triplet_add(struct tree *t, struct arena *a, const char *dir, struct err *e)
{
	return names_each(t, a, dir, version_add, e);
}

/* All installations beside the selected one: for another -m or --target it would be another. */
static int installations_add(struct tree *t, struct arena *a, const char *selected,
			     struct err *e)
{
	const char *gcc = path_dir(a, path_dir(a, selected)), *lib = path_dir(a, gcc);

	if (selected[0] != '/')
		return 0;
	if (tree_add(t, path_join(a, lib, "gcc-cross"), NULL, e) < 0)
		return -1;
	return names_each(t, a, gcc, triplet_add, e) ||
		       names_each(t, a, path_join(a, lib, "gcc-cross"), triplet_add, e)
		   ? -1
		   : 0;
}

static int clang_line(struct tree *t, struct arena *a, char *line, struct err *e)
{
	static const char selected[] = "Selected GCC installation: ";
	static const char file[] = "Configuration file: ";
	struct strv words = {0};

	if (strncmp(line, selected, sizeof selected - 1) == 0)
		return installations_add(t, a, line + sizeof selected - 1, e);
	if (strncmp(line, file, sizeof file - 1) == 0 && line[sizeof file - 1] == '/')
		return tree_add(t, line + sizeof file - 1, NULL, e) < 0 ? -1 : 0;
	if (line[0] != ' ')
		return 0;
	words_split(a, line, &words);
	return clang_command(t, &words, e);
}

int parts_clang(struct tree *t, const char *driver, const char *path, struct err *e)
{
	/* -fno-integrated-as with -gsplit-dwarf names the assembler and objcopy too. */
	const char *argv[] = {
	    driver, "-v",        "-###", "-fno-integrated-as", "-gsplit-dwarf",
	    "-c",   "-x",        "c",    "/dev/null",          "-x",
	    "c++",  "/dev/null", NULL};
	struct arena *a = arena_new();
	AUTO_BUF struct buf text = {0};
	int r = multilib_add(t, e) ? -1 : ask(argv, path, NULL, &text, e);

	if (r > 0)
		r = err_set(e, 0, "%s refuses a dry run", driver);
	for (char *save = NULL, *line = r ? NULL : strtok_r(text.data, "\n", &save);
	     line && r == 0; line = strtok_r(NULL, "\n", &save))
		r = clang_line(t, a, line, e);
	arena_free(a);
	return r;
}
