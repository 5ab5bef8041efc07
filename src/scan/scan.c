/* The closure of a compile.
 *
 * Invariant: between calls, facts belong to the version they were read at, and a target's files to the
 * generation they were looked up in; both are checked before use, so memory is never wrong, only
 * sometimes made again.
 * Happy path: a walk over the files, in each over its targets, in each over its files; marks are epoch
 * numbers in dense tables, nothing is allocated. Computed names come last: they are expanded, what they
 * name is walked, and as that brings new definitions they are expanded again until nothing is new.
 * Failure: the source cannot be read; a file that counts cannot; something is undecidable. */
#include "scan/scan.h"

#include "base/err.h"
#include "base/mem.h"
#include "scan/closure.h"

#include <stdlib.h>
#include <string.h>

struct edge {
	struct target *target;
	bool leaf;
};

/* The named facts of a file as targets of one search. */
struct search_node {
	uint32_t serial; /* of the facts that they were made from */
	size_t n;
	struct edge *edges;
};

struct scan *scan_new(const struct scan_fs *fs)
{
	struct scan *s = xcalloc(1, sizeof *s);

	s->fs = *fs;
	s->arena = arena_new();
	s->names = intern_new();
	s->macros = macros_new(s->names);
	s->expansions = expansion_cache_new();
	return s;
}

static void searches_free(struct scan *s)
{
	for (struct scan_search *l = s->searches; l; l = l->next) {
		for (size_t i = 0; i < l->nnodes; i++) {
			if (l->nodes[i])
				free(l->nodes[i]->edges);
			free(l->nodes[i]);
		}
		search_free(l);
	}
}

void scan_free(struct scan *s)
{
	if (!s)
		return;
	searches_free(s);
	for (size_t i = 0; i < s->nfiles; i++) {
		if (!s->files[i])
			continue;
		facts_free(&s->files[i]->facts);
		macro_text_free(s->macros, s->files[i]->macros);
	}
	expansion_cache_free(s->expansions, s->macros);
	macros_free(s->macros);
	intern_free(s->names);
	arena_free(s->arena);
	seen_free(&s->aliases);
	buf_free(&s->where);
	free(s->files);
	free(s->list);
	free(s->follow);
	free(s->computed);
	free(s);
}

struct scan_search *scan_search(struct scan *s, const char *const *quote, size_t nquote,
				const char *const *bracket, size_t nbracket)
{
	struct scan_search *l = s->searches;

	while (l && !search_equal(l, quote, nquote, bracket, nbracket))
		l = l->next;
	if (l)
		return l;
	l = search_new(s->arena, quote, nquote, bracket, nbracket);
	l->next = s->searches;
	s->searches = l;
	return l;
}

int scan_fail(struct scan *s, const char *reason, const struct scan_file *f, uint32_t line)
{
	s->where.len = 0;
	if (f)
		buf_str(&s->where, f->path);
	if (line)
		buf_printf(&s->where, ":%u", line);
	buf_u8(&s->where, 0);
	return err_set(s->err, 0, "%s", reason);
}

static struct file_state *file_state(struct scan *s, const struct scan_file *f)
{
	if (f->id >= s->nfiles) {
		size_t n = s->nfiles ? s->nfiles : 256;

		while (n <= f->id)
			n *= 2;
		s->files = xreallocarray(s->files, n, sizeof(struct file_state *));
		memset(s->files + s->nfiles, 0,
		       (n - s->nfiles) * sizeof(struct file_state *));
		s->nfiles = n;
	}
	struct file_state *st = s->files[f->id];

	if (st)
		return st;
	const char *slash = strrchr(f->path, '/');

	st = s->files[f->id] = arena_alloc(s->arena, sizeof *st);
	st->file = f;
	st->folder = slash == f->path || !slash
			 ? intern_str(s->names, "/")
			 : intern_add(s->names, f->path, (size_t)(slash - f->path));
	return st;
}

/* Adds a file to the result, once. False when it has vanished. */
static bool file_visit(struct scan *s, const struct scan_file *f, bool leaf)
{
	struct file_state *st = f->id < s->nfiles ? s->files[f->id] : NULL;

	if (!st)
		st = file_state(s, f);
	if (st->epoch != s->epoch) {
		st->epoch = s->epoch;
		st->followed = false;
		st->version = s->fs.version(s->fs.ctx, f);
		st->gone = st->version == 0;
		if (!st->gone) {
			if (s->n == s->cap) {
				s->cap = s->cap ? s->cap * 2 : 512;
				s->list = xreallocarray(s->list, s->cap,
							sizeof(struct scan_file *));
			}
			s->list[s->n++] = f;
		}
	}
	if (st->gone)
		return false;
	if (leaf || st->followed)
		return true;
	st->followed = true;
	if (s->nfollow == s->cap_follow) {
		s->cap_follow = s->cap_follow ? s->cap_follow * 2 : 512;
		s->follow =
		    xreallocarray(s->follow, s->cap_follow, sizeof(struct file_state *));
	}
	s->follow[s->nfollow++] = st;
	return true;
}

int scan_visit(struct scan *s, struct scan_search *search, struct target *t, bool leaf)
{
	/* A file that has vanished since the look-up may leave its place to one further down the
	 * list: one more look finds that. */
	for (int tries = 0; tries < 2; tries++) {
		bool all = true;

		if (t->generation != s->generation || tries > 0)
			target_resolve(t, search, s->names, &s->fs, s->generation);
		if (t->pch_folder)
			return scan_fail(s, "a folder of precompiled headers",
					 t->n ? t->files[0] : NULL, 0);
		for (uint32_t i = 0; i < t->n; i++)
			all &= file_visit(s, t->files[i], leaf);
		if (all)
			break;
	}
	return 0;
}

int scan_text(struct scan *s, const struct file_state *st, const char **text, size_t *n)
{
	if (s->fs.text(s->fs.ctx, st->file, text, n) == 0)
		return 0;
	return scan_fail(s,
			 st == s->follow[0] ? "the source cannot be read"
					    : "a file that it may include cannot be read",
			 st->file, 0);
}

static int facts_renew(struct scan *s, struct file_state *st)
{
	const char *text;
	size_t n;

	if (st->facts_version == st->version)
		return 0;
	if (scan_text(s, st, &text, &n) < 0)
		return -1;
	facts_free(&st->facts);
	facts_read(&st->facts, s->names, text, n);
	s->fs.done(s->fs.ctx, st->file, text, n);
	st->facts_version = st->version;
	st->facts_serial = ++s->serial;
	return 0;
}

static enum target_kind target_kind(enum fact_kind kind)
{
	switch (kind) {
	case FACT_QUOTE: return TARGET_QUOTE;
	case FACT_ANGLE: return TARGET_ANGLE;
	case FACT_NEXT_QUOTE: return TARGET_NEXT_QUOTE;
	case FACT_NEXT_ANGLE: return TARGET_NEXT_ANGLE;
	case FACT_ASM: return TARGET_ASM;
	default: return TARGET_CWD;
	}
}

static struct search_node *node_make(struct scan *s, struct scan_search *search,
				     const struct file_state *st)
{
	uint32_t id = st->file->id;

	if (id >= search->nnodes) {
		search->nodes =
		    xreallocarray(search->nodes, s->nfiles, sizeof(struct search_node *));
		memset(search->nodes + search->nnodes, 0,
		       (s->nfiles - search->nnodes) * sizeof(struct search_node *));
		search->nnodes = s->nfiles;
	}
	if (!search->nodes[id])
		search->nodes[id] = xcalloc(1, sizeof(struct search_node));
	struct search_node *node = search->nodes[id];

	free(node->edges);
	node->serial = st->facts_serial;
	node->n = st->facts.nnamed;
	node->edges = xreallocarray(NULL, node->n, sizeof *node->edges);
	for (size_t i = 0; i < node->n; i++) {
		const struct fact *f = &st->facts.named[i];

		node->edges[i].leaf = f->leaf;
		node->edges[i].target = search_target(
		    search, s->arena, s->names, target_kind(f->kind), st->folder, f->name);
	}
	return node;
}

static void computed_note(struct scan *s, struct file_state *st, const struct fact *f)
{
	if (s->ncomputed == s->cap_computed) {
		s->cap_computed = s->cap_computed ? s->cap_computed * 2 : 16;
		s->computed =
		    xreallocarray(s->computed, s->cap_computed, sizeof *s->computed);
	}
	s->computed[s->ncomputed++] = (struct computed){st, f};
}

/* The facts that are not simply names of the search list. */
static int others_walk(struct scan *s, struct file_state *st)
{
	for (size_t i = 0; i < st->facts.nothers; i++) {
		const struct fact *f = &st->facts.others[i];
		bool directive = !s->ask->preprocessed;

		switch ((enum fact_kind)f->kind) {
		case FACT_CWD:
		case FACT_ASM: {
			struct target *t =
			    search_target(s->asm_search, s->arena, s->names,
					  target_kind(f->kind), s->cwd, f->name);

			if (scan_visit(s, s->asm_search, t, f->leaf) < 0)
				return -1;
			break;
		}
		case FACT_ALIAS: seen_add(&s->aliases, f->name); break;
		case FACT_COMPUTED:
		case FACT_CALL:
			if (directive)
				computed_note(s, st, f);
			break;
		case FACT_UNDECIDABLE:
			return scan_fail(s, intern_text(s->names, f->name), st->file,
					 f->line);
		default: break;
		}
	}
	return 0;
}

static int file_walk(struct scan *s, struct file_state *st)
{
	struct scan_search *search = s->ask->search;
	uint32_t id = st->file->id;

	if (facts_renew(s, st) < 0)
		return -1;
	if (st->facts.nothers > 0 && others_walk(s, st) < 0)
		return -1;
	if (s->ask->preprocessed)
		return 0;
	struct search_node *node = id < search->nnodes ? search->nodes[id] : NULL;

	if (!node || node->serial != st->facts_serial)
		node = node_make(s, search, st);
	for (size_t i = 0; i < node->n; i++)
		if (scan_visit(s, search, node->edges[i].target, node->edges[i].leaf) < 0)
			return -1;
	return 0;
}

/* What is read before the source: stdc-predef.h, unasked, where the C library has one; then what the
 * command line says. */
static int forced_visit(struct scan *s)
{
	struct target *predef =
	    search_target(s->ask->search, s->arena, s->names, TARGET_ANGLE, 0,
			  intern_str(s->names, "stdc-predef.h"));

	if (!s->ask->preprocessed && scan_visit(s, s->ask->search, predef, false) < 0)
		return -1;
	for (size_t i = 0; i < s->ask->nforced; i++) {
		uint32_t name = intern_str(s->names, s->ask->forced[i]);
		struct target *t = search_target(s->ask->search, s->arena, s->names,
						 TARGET_FORCED, s->cwd, name);

		if (scan_visit(s, s->ask->search, t, false) < 0)
			return -1;
	}
	return 0;
}

static int closure_walk(struct scan *s)
{
	for (;;) {
		while (s->walked < s->nfollow)
			if (file_walk(s, s->follow[s->walked++]) < 0)
				return -1;
		if (s->ncomputed == 0)
			return 0;
		if (scan_computed(s) < 0)
			return -1;
		if (s->walked == s->nfollow)
			return 0;
	}
}

static void closure_begin(struct scan *s, const struct scan_ask *ask, struct err *err)
{
	if (++s->epoch == 0) {
		for (size_t i = 0; i < s->nfiles; i++)
			if (s->files[i])
				s->files[i]->epoch = 0;
		s->epoch = 1;
	}
	/* 0 is kept for targets that were never looked up. */
	uint64_t generation = s->fs.generation(s->fs.ctx);

	s->generation = generation + 1 ? generation + 1 : 1;
	s->ask = ask;
	s->err = err;
	s->cwd = intern_str(s->names, ask->cwd);
	s->asm_search = scan_search(s, NULL, 0, ask->asm_dirs, ask->nasm_dirs);
	s->n = s->nfollow = s->walked = s->ncomputed = 0;
	if (s->aliases.n > 0)
		seen_free(&s->aliases);
}

static void result_fill(const struct scan *s, struct scan_result *r)
{
	*r = (struct scan_result){.files = s->list, .n = s->n};
	for (size_t i = 0; i < s->nfollow; i++) {
		r->uses_date_time |= s->follow[i]->facts.date_time;
		r->uses_timestamp |= s->follow[i]->facts.timestamp;
	}
	for (size_t i = 0; i < s->ask->nmacros; i++) {
		const char *text = s->ask->macros[i];
		size_t n = strlen(text);

		r->uses_date_time |=
		    facts_token(text, n, "__DATE__") || facts_token(text, n, "__TIME__");
		r->uses_timestamp |= facts_token(text, n, "__TIMESTAMP__");
	}
}

int scan_closure(struct scan *s, const struct scan_ask *ask, struct scan_result *r,
		 const char **where, struct err *err)
{
	int status;

	*r = (struct scan_result){0};
	closure_begin(s, ask, err);
	const struct scan_file *source = s->fs.find(s->fs.ctx, ask->cwd, ask->source);

	if (!source || !file_visit(s, source, false))
		status = scan_fail(s, "the source cannot be read", source, 0);
	else if (forced_visit(s) < 0)
		status = -1;
	else
		status = closure_walk(s);
	if (status == 0)
		result_fill(s, r);
	else if (where)
		*where = s->where.data;
	s->ask = NULL;
	s->err = NULL;
	return status;
}
