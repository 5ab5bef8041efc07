/* Prints the closure of one compile, a path a line, as the include scanner sees it on the real disk.
 *   oracle [-q QUOTE_DIR]... [-b BRACKET_DIR]... [-D MACRO]... [-f FORCED]... [-P PREDEFINED_FILE]
 *          [-p] [-r REPEATS] SOURCE
 * Exit status: 0, or 2 with the reason on stderr. With -r, the closure is computed again so many times
 * and the times are told on stderr. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "scan/intern.h"
#include "scan/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The disk, each path looked at once. */
struct disk {
	struct intern *paths;
	struct scan_file **files; /* by path number; NULL: not looked at; ABSENT: no file */
	size_t nfiles;
	uint32_t next_id;
	size_t bytes;
};

static struct scan_file absent;

static const struct scan_file *disk_find(void *ctx, const char *dir, const char *name)
{
	struct disk *d = ctx;
	AUTO_BUF struct buf path = {0};
	struct stat st;

	if (*name != '/')
		buf_printf(&path, "%s/", dir);
	buf_str(&path, name);
	uint32_t at = intern_add(d->paths, path.data, path.len);

	if (at >= d->nfiles) {
		size_t n = at * 2 + 64;

		d->files = xreallocarray(d->files, n, sizeof *d->files);
		memset(d->files + d->nfiles, 0, (n - d->nfiles) * sizeof *d->files);
		d->nfiles = n;
	}
	if (d->files[at])
		return d->files[at] == &absent ? NULL : d->files[at];
	d->files[at] = &absent;
	if (stat(intern_text(d->paths, at), &st) < 0 || S_ISDIR(st.st_mode))
		return NULL;
	struct scan_file *f = xmalloc(sizeof *f);

	*f = (struct scan_file){d->next_id++, intern_text(d->paths, at)};
	d->files[at] = f;
	return f;
}

static bool disk_is_dir(void *ctx, const char *dir, const char *name)
{
	AUTO_BUF struct buf path = {0};
	struct stat st;

	(void)ctx;
	buf_printf(&path, "%s/%s", dir, name);
	buf_u8(&path, 0);
	return stat(path.data, &st) == 0 && S_ISDIR(st.st_mode);
}

static uint32_t disk_version(void *ctx, const struct scan_file *f)
{
	(void)ctx;
	(void)f;
	return 1;
}

static char *slurp(const char *path, size_t *n)
{
	FILE *in = fopen(path, "r");
	struct buf text = {0};

	if (!in)
		return NULL;
	for (size_t got; (got = fread(buf_room(&text, 65536), 1, 65536, in)) > 0;)
		text.len += got;
	fclose(in);
	*n = text.len;
	buf_u8(&text, 0);
	return text.data;
}

static int disk_text(void *ctx, const struct scan_file *f, const char **text, size_t *n)
{
	struct disk *d = ctx;

	*text = slurp(f->path, n);
	if (!*text)
		return -1;
	d->bytes += *n;
	return 0;
}

static void disk_done(void *ctx, const struct scan_file *f, const char *text, size_t n)
{
	(void)ctx;
	(void)f;
	(void)n;
	free((char *)(uintptr_t)text);
}

static uint64_t disk_generation(void *ctx)
{
	(void)ctx;
	return 1;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum {
	LIST_MAX = 256
};

struct list {
	const char *v[LIST_MAX];
	size_t n;
};

static void list_add(struct list *l, const char *s)
{
	if (l->n == LIST_MAX) {
		fprintf(stderr, "oracle: too many of one option\n");
		exit(3);
	}
	l->v[l->n++] = s;
}

static int closure_print(struct scan *s, const struct scan_ask *ask, int repeats,
			 struct disk *d)
{
	struct scan_result r;
	struct err err;
	const char *where = "";
	double start = seconds();

	if (scan_closure(s, ask, &r, &where, &err) < 0) {
		fprintf(stderr, "undecidable: %s (%s)\n", err.text, where);
		return 2;
	}
	double cold = seconds() - start;

	for (size_t i = 0; i < r.n; i++)
		puts(r.files[i]->path);
	if (repeats == 0)
		return 0;
	start = seconds();
	for (int i = 0; i < repeats; i++)
		if (scan_closure(s, ask, &r, &where, &err) < 0)
			return 2;
	fprintf(stderr, "%zu files, cold %.3f ms (%.0f MB/s), warm %.2f us\n", r.n,
		cold * 1e3, (double)d->bytes / cold / 1e6,
		(seconds() - start) * 1e6 / repeats);
	return 0;
}

int main(int argc, char *argv[])
{
	struct list quote = {0}, bracket = {0}, macros = {0}, forced = {0};
	AUTO_FREE char *predefined = NULL;
	char cwd[4096];
	size_t n;
	int repeats = 0;
	bool preprocessed = false;

	for (int c; (c = getopt(argc, argv, "q:b:D:f:P:pr:")) != -1;) {
		switch (c) {
		case 'q': list_add(&quote, optarg); break;
		case 'b': list_add(&bracket, optarg); break;
		case 'D': list_add(&macros, optarg); break;
		case 'f': list_add(&forced, optarg); break;
		case 'P': predefined = slurp(optarg, &n); break;
		case 'p': preprocessed = true; break;
		case 'r': repeats = atoi(optarg); break;
		default: return 3;
		}
	}
	if (optind != argc - 1 || !getcwd(cwd, sizeof cwd))
		return 3;
	struct disk disk = {.paths = intern_new()};
	struct scan_fs fs = {.ctx = &disk,
			     .find = disk_find,
			     .is_dir = disk_is_dir,
			     .version = disk_version,
			     .text = disk_text,
			     .done = disk_done,
			     .generation = disk_generation};
	struct scan *s = scan_new(&fs);
	struct scan_ask ask = {
	    .search = scan_search(s, quote.v, quote.n, bracket.v, bracket.n),
	    .cwd = cwd,
	    .source = argv[optind],
	    .forced = forced.v,
	    .nforced = forced.n,
	    .macros = macros.v,
	    .nmacros = macros.n,
	    .predefined = predefined,
	    .preprocessed = preprocessed,
	};
	int status = closure_print(s, &ask, repeats, &disk);

	scan_free(s);
	for (size_t i = 0; i < disk.nfiles; i++)
		if (disk.files[i] != &absent)
			free(disk.files[i]);
	free(disk.files);
	intern_free(disk.paths);
	return status;
}
