/* The compiler there gets `-nostdinc` and its system folders one by one as -isystem, below the temporary folder, so that
 * it reads this machine's headers and none of its own. What it finds by such a folder has an absolute name, and gets a #line
 * that says the name it has here; what it finds by relative names needs none.
 *
 * Invariant: no file is found in both ways, else one of its names would be wrong. */
#include "agent/foreign_sources.h"

#include "agent/agent.h"
#include "agent/compilers.h"
#include "agent/disk.h"
#include "agent/plan.h"
#include "agent/probe.h"
#include "agent/task.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/path.h"
#include "sys/fs.h"
#include "wire/distcc.h"
#include "wire/local.h"
#include "wire/lzo.h"

#include <string.h>

enum {
	FILE_MAX = 64 << 20
};

/* What is known of a node. */
enum seen {
	UNSEEN,
	BY_RELATIVE_NAME,
	BY_SYSTEM_FOLDER
};

struct sending {
	struct arena *arena;
	const struct plan *plan;
	struct agent *agent;
	struct strv system; /* folders, absolute */
	struct buf *out;
	uint32_t n;    /* files and links in OUT */
	uint8_t *seen; /* enum seen, by node id */
	size_t nseen;
	const char *line;        /* the name for the #line of the file at hand, or NULL */
	const struct node *last; /* that the walk has come to */
	const char *why;         /* it cannot be done */
};

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || !path[n]);
}

static uint8_t *seen_of(struct sending *s, const struct node *n)
{
	if (n->id >= s->nseen) {
		size_t more = n->id * 2 + 256;
		uint8_t *seen = arena_alloc(s->arena, more);

		if (s->nseen)
			memcpy(seen, s->seen, s->nseen);
		s->seen = seen;
		s->nseen = more;
	}
	return &s->seen[n->id];
}

/* A link that leads above the root stays there on this machine; there it would leave the temporary folder. */
static bool leaves_root(const struct node *n)
{
	int depth = -1;

	for (const char *p = n->path; *p; p++)
		depth += *p == '/';
	for (const char *p = n->target; strncmp(p, "..", 2) == 0;
	     p += strspn(p + 2, "/") + 2)
		depth--;
	return n->target[0] != '/' && depth < 0;
}

/* `#include "/…"`: such a file is read from the server's own disk. */
static bool includes_absolute(const struct buf *text)
{
	static const char word[] = "include";
	const char *p = text->data, *end = p + text->len;

	while (p && (p = memmem(p, (size_t)(end - p), word, sizeof word - 1))) {
		p += sizeof word - 1;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p + 1 < end && (*p == '"' || *p == '<') && p[1] == '/')
			return true;
	}
	return false;
}

static void put_file(struct sending *s, const struct node *n)
{
	AUTO_BUF struct buf text = {0}, packed = {0};

	if (s->line)
		buf_printf(&text, "#line 1 \"%s\"\n", s->line);
	if (fs_read(n->path, FILE_MAX, &text, NULL))
		s->why = "one of its files cannot be read";
	else if (!s->line && includes_absolute(&text))
		s->why = "it includes a file by an absolute name";
	if (text.len)
		lzo_pack(&packed, text.data, text.len);
	else
		buf_add(&packed, "\x11\0\0", 3); /* a block of nothing */
	distcc_put_string(s->out, DISTCC_NAME, n->path);
	distcc_put_bulk(s->out, DISTCC_FILE, packed.data, (uint32_t)packed.len);
	s->n++;
}

static void visit(void *ctx, struct node *n)
{
	struct sending *s = ctx;
	uint8_t *seen = seen_of(s, n);
	enum seen how = s->line ? BY_SYSTEM_FOLDER : BY_RELATIVE_NAME;
	bool first = *seen == UNSEEN;

	s->last = n;
	if (n->kind == NODE_LINK) {
		*seen = how;
		if (leaves_root(n))
			s->why = "a symbolic link leads above the root";
		if (!first)
			return;
		distcc_put_string(s->out, DISTCC_NAME, n->path);
		distcc_put_string(s->out, DISTCC_LINK, n->target);
		s->n++;
	} else if (n->kind == NODE_FILE) {
		if (!first && *seen != how)
			s->why = "a file is found under two kinds of names";
		*seen = how;
		if (first)
			put_file(s, n);
	}
}

/* The compiler's own folders: the search list less what the command names. */
static int find_system(struct sending *s, const struct task *t)
{
	const struct cc_command *cc = s->plan->command;
	struct err e = {0};
	const struct probe *probe = probe_get(s->agent->probes, cc, s->plan->program,
					      s->plan->cwd, t->request->env, &e);

	if (!probe)
		return -1;
	for (size_t i = 0; i < probe->nbracket; i++) {
		if (is_below(s->plan->cwd, probe->bracket[i]))
			return -1;
		if (!is_below(probe->bracket[i], s->plan->cwd))
			strv_add(s->arena, &s->system,
				 arena_strdup(s->arena, probe->bracket[i]));
	}
	return 0;
}

static void put_files(struct sending *s)
{
	const struct plan *p = s->plan;

	for (size_t i = 0; i < p->nfiles && !s->why; i++) {
		const char *path = p->files[i]->path;

		s->line = NULL;
		for (size_t k = 0; k < s->system.n; k++)
			if (is_below(path, s->system.v[k]))
				s->line = path;
		if (!s->line && !is_below(path, p->cwd))
			s->why = "a file is named by an absolute path";
		else if (strpbrk(path, "\"\\\n") || strcmp(path_suffix(path), ".gch") == 0)
			s->why = "one of its files is no plain source";
		else
			disk_file_walk(s->agent->disk, p->files[i], visit, s);
	}
	s->line = NULL;
}

/* A folder that must exist although none of its files is sent. */
static void put_folder(struct sending *s, const char *path)
{
	s->last = NULL;
	if (disk_walk(s->agent->disk, path, visit, s) != NODE_DIR || !s->last)
		return;
	distcc_put_string(
	    s->out, DISTCC_NAME,
	    arena_printf(s->arena, "%s/forcing_technique_271828", s->last->path));
	distcc_put_bulk(s->out, DISTCC_FILE, "\x11\0\0", 3);
	s->n++;
}

static void put_folders(struct sending *s)
{
	const struct plan *p = s->plan;

	put_folder(s, p->cwd);
	for (size_t i = 0; i < p->command->dirs.n; i++)
		put_folder(s, path_join(s->arena, p->cwd, p->command->dirs.v[i]));
	for (size_t i = 0; i < s->system.n; i++)
		put_folder(s, s->system.v[i]);
}

static void put_command(struct sending *s, const char *program, struct buf *out)
{
	const struct plan *p = s->plan;
	const struct cc_command *cc = p->command;
	struct strv argv = {0};
	bool named = false;

	strv_add(s->arena, &argv, program);
	for (size_t i = 1; i < cc->argv.n; i++) {
		strv_add(s->arena, &argv, cc->argv.v[i]);
		named = named || strncmp(cc->argv.v[i], "-o", 2) == 0;
	}
	if (!named) {
		strv_add(s->arena, &argv, "-o");
		strv_add(s->arena, &argv, cc->object);
	}
	strv_add(s->arena, &argv, "-nostdinc");
	for (size_t i = 0; i < s->system.n; i++) {
		strv_add(s->arena, &argv, "-isystem");
		strv_add(s->arena, &argv, s->system.v[i]);
	}
	distcc_put_number(out, DISTCC_DIST, 3);
	distcc_put_string(out, DISTCC_CDIR, p->cwd);
	distcc_put_number(out, DISTCC_ARGC, (uint32_t)argv.n);
	for (size_t i = 0; i < argv.n; i++)
		distcc_put_string(out, DISTCC_ARGV, argv.v[i]);
}

const char *foreign_sources_put(const struct task *t, const char *program,
				struct buf *request)
{
	AUTO_BUF struct buf files = {0};
	struct sending s = {
	    .arena = arena_new(), .plan = t->plan, .agent = t->agent, .out = &files};

	if (find_system(&s, t))
		s.why = "its folders cannot be told from the compiler's own";
	else
		put_files(&s);
	if (!s.why)
		put_folders(&s);
	if (!s.why) {
		put_command(&s, program, request);
		distcc_put_number(request, DISTCC_NFIL, s.n);
		buf_add(request, files.data, files.len);
	}
	arena_free(s.arena);
	return s.why;
}
