/* Set-valued macro expansion.
 *
 * A state is what is already put out and what is still to be read; "the expansion of M ends here" is a
 * token of the latter, so a macro is disabled while its end lies ahead. A name with several definitions
 * makes one state of each; states that have become equal are one again, which they do as soon as the
 * expansions that differed are over. So the work grows with the number of different answers and not
 * with the number of ways to reach them. Arguments are expanded first, by the same means, and remembered
 * by what they are made of.
 *
 * A name that may be undefined where the directive stands also stays as it is, unless it is followed
 * by arguments: no header is named so.
 * Two different states of one expansion that share a 64-bit hash would be taken for one; the limits end
 * an expansion long before that is to be expected.
 * Limits: steps, states, memory, depth, results. What exceeds them is undecidable. */
#include "scan/macro.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "scan/engine.h"

#include <stdlib.h>
#include <string.h>

enum {
	RESULTS_MAX = 4096,
	STEPS_MAX = 4 * 1000 * 1000,
	TOKENS_MAX = 8 * 1000 * 1000, /* kept in states and arguments */
	DEPTH_MAX = 100,              /* of arguments in arguments */
	DEFS_MAX = 4096,              /* of one name */
	LATER_MIN = 4, /* so many definitions, all numbers, are not told apart at first */
	AGAIN_MAX = 64,
};

/* The states of one expansion that wait, and those that have been. */
struct search {
	struct engine *e;
	struct state *wait;
	size_t n, cap;
	struct seen seen;
	struct answers *answers;
	bool
	    top; /* what comes out must be a header name: others are dropped at their first token */
};

static uint64_t tokens_hash(const struct token *v, size_t n, uint64_t seed)
{
	return intern_hash(v, n * sizeof *v, seed + 0x9e3779b97f4a7c15u);
}

static void give_up(struct engine *e, const char *why)
{
	if (!e->result->undecidable)
		e->result->undecidable = why;
}

static bool spend(struct engine *e, size_t steps, size_t tokens)
{
	e->steps += steps;
	e->tokens += tokens;
	if (e->steps > e->steps_max || e->tokens > TOKENS_MAX)
		give_up(e, "an #include is computed from too many macros");
	return !e->result->undecidable;
}

static struct token_seq seq_keep(struct engine *e, const struct token *v, size_t n)
{
	struct token *copy = arena_alloc(e->arena, (n + 1) * sizeof *v);

	if (n > 0)
		memcpy(copy, v, n * sizeof *v);
	spend(e, 0, n + 1);
	return (struct token_seq){copy, n};
}

static void list_append(struct token_list *l, const struct token *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		token_add(l, v[i]);
}

static void state_free(struct state *s)
{
	token_list_free(&s->in);
	token_list_free(&s->out);
}

/* Sees whether something was put off among the tokens that matters now; then all is done again without
 * putting that off. */
static bool put_off(struct engine *e, const struct token *v, size_t n, enum token_kind kind)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind != kind)
			continue;
		seen_add(&e->eager, (uint64_t)v[i].spelling + 1);
		e->again = true;
		give_up(e, "an #include is computed from too many macros");
		return true;
	}
	return false;
}

/* Puts a copy of S with the tokens V before its input in the queue, unless that has been there. */
static void fork_state(struct search *q, const struct state *s, const struct token *v,
		       size_t n)
{
	struct state t = {0};

	if (put_off(q->e, v, n, TOKEN_NEEDED))
		return;
	list_append(&t.in, s->in.v, s->in.n);
	for (size_t i = n; i-- > 0;)
		token_add(&t.in, v[i]);
	list_append(&t.out, s->out.v, s->out.n);
	uint64_t h = tokens_hash(t.in.v, t.in.n, tokens_hash(t.out.v, t.out.n, 1));

	if (!seen_add(&q->seen, h) ||
	    !spend(q->e, 1 + (t.in.n + t.out.n) / 16, t.in.n + t.out.n)) {
		state_free(&t);
		return;
	}
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 8;
		q->wait = xreallocarray(q->wait, q->cap, sizeof *q->wait);
	}
	q->wait[q->n++] = t;
}

static void answer_add(struct search *q, const struct token_list *out)
{
	struct answers *a = q->answers;

	if (!seen_add(&q->seen, tokens_hash(out->v, out->n, 2)))
		return;
	if (a->n == RESULTS_MAX) {
		give_up(q->e, "an #include is computed from too many macros");
		return;
	}
	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 4;
		struct token_seq *v = arena_alloc(q->e->arena, cap * sizeof *v);

		if (a->n)
			memcpy(v, a->v, a->n * sizeof *v);
		a->v = v;
		a->cap = cap;
	}
	a->v[a->n++] = seq_keep(q->e, out->v, out->n);
}

/* True when the mark (a TOKEN_END, a TOKEN_ARM) lies ahead. */
static bool ahead(const struct state *s, struct token mark)
{
	for (size_t i = s->in.n; i-- > 0;)
		if (s->in.v[i].kind == mark.kind && s->in.v[i].spelling == mark.spelling)
			return true;
	return false;
}

static bool disabled(const struct state *s, uint32_t name)
{
	return ahead(s, (struct token){.spelling = name, .kind = TOKEN_END});
}

/* True when a '(' is next in the input, behind the ends of expansions. */
static bool call_follows(const struct engine *e, const struct state *s)
{
	for (size_t i = s->in.n; i-- > 0;)
		if (s->in.v[i].kind < TOKEN_END)
			return s->in.v[i].spelling == e->open;
	return false;
}

/* True when an expansion that is not over yet took a definition that excludes D. */
static bool excluded(const struct engine *e, const struct state *s,
		     const struct macro_def *d)
{
	for (size_t i = 0; d->arm && i < s->in.n; i++)
		if (s->in.v[i].kind == TOKEN_ARM &&
		    arms_exclude(e->arms[s->in.v[i].spelling].arm, d->arm))
			return true;
	return false;
}

/* What stands behind the body of D, called NAME. */
static void end_add(struct engine *e, struct token_list *body, const struct macro_def *d,
		    uint32_t name)
{
	if (d->arm)
		token_add(body, (struct token){.spelling = arm_number(e, d->arm),
					       .kind = TOKEN_ARM});
	token_add(body, (struct token){.spelling = name, .kind = TOKEN_END});
}

struct answers *engine_expand(struct engine *e, struct token_seq in,
			      const struct state *around);

/* Goes through all combinations of the arguments' expansions. */
static void combine(struct search *q, const struct state *s, const struct macro_def *d,
		    const struct token *name, struct subst_arg *args,
		    struct answers *const *sets)
{
	size_t n = (size_t)d->nparams;
	size_t *at = xcalloc(n + 1, sizeof *at);
	struct token_list body = {0};

	for (size_t i = 0; i <= n;) {
		for (size_t k = 0; k < n; k++)
			args[k].expanded = sets[k] ? sets[k]->v[at[k]] : args[k].raw;
		body.n = 0;
		subst_body(q->e->names, d, args, name->space, &body);
		end_add(q->e, &body, d, name->spelling);
		fork_state(q, s, body.v, body.n);
		if (!spend(q->e, 1 + body.n / 16, 0))
			break;
		for (i = 0; i < n && (!sets[i] || ++at[i] == sets[i]->n); i++)
			at[i] = 0;
		if (i == n)
			break;
	}
	token_list_free(&body);
	free(at);
}

static void call_apply(struct search *q, const struct state *before,
		       const struct macro_def *d, const struct token *name)
{
	struct engine *e = q->e;
	struct state s = {0};
	struct call c = {0};

	list_append(&s.in, before->in.v, before->in.n);
	list_append(&s.out, before->out.v, before->out.n);
	if (spend(e, 1 + s.in.n / 16, 0) && call_read(e->names, &s.in, d, &c)) {
		size_t n = (size_t)d->nparams;
		struct subst_arg *args = xcalloc(n + 1, sizeof *args);
		struct answers **sets = xcalloc(n + 1, sizeof(struct answers *));
		bool some = true;

		for (size_t i = 0; i < n && some; i++) {
			args[i].raw = call_arg(&c, i);
			if (subst_expands(d, i)) {
				sets[i] = engine_expand(e, args[i].raw, before);
				some = sets[i] && sets[i]->n > 0;
			}
		}
		if (some)
			combine(q, &s, d, name, args, sets);
		free(args);
		free(sets);
	}
	call_free(&c);
	state_free(&s);
}

static void object_apply(struct search *q, const struct state *s, const struct macro_def *d,
			 const struct token *name)
{
	struct token_list body = {0};

	subst_body(q->e->names, d, NULL, name->space, &body);
	end_add(q->e, &body, d, name->spelling);
	fork_state(q, s, body.v, body.n);
	token_list_free(&body);
}

void engine_use(struct engine *e, uint32_t name)
{
	struct expansion *x = e->result;

	if (!seen_add(&e->used, (uint64_t)name + 1))
		return;
	if (x->nused == x->cap_used) {
		x->cap_used = x->cap_used ? x->cap_used * 2 : 16;
		x->used = xreallocarray(x->used, x->cap_used, sizeof *x->used);
	}
	x->used[x->nused++] = name;
}

static const char *dynamic_reason(const char *name)
{
	static const char *const table[][2] = {
	    {"__COUNTER__",       "an #include is computed from __COUNTER__"      },
	    {"__INCLUDE_LEVEL__", "an #include is computed from __INCLUDE_LEVEL__"},
	    {"__LINE__",          "an #include is computed from __LINE__"         },
	    {"__DATE__",          "an #include is computed from __DATE__"         },
	    {"__TIME__",          "an #include is computed from __TIME__"         },
	    {"__TIMESTAMP__",     "an #include is computed from __TIMESTAMP__"    },
	    {"__BASE_FILE__",     "an #include is computed from __BASE_FILE__"    },
	    {"__FILE_NAME__",     "an #include is computed from __FILE_NAME__"    },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i][0], name) == 0)
			return table[i][1];
	return NULL;
}

bool engine_builtin(const struct engine *e, uint32_t name)
{
	static const char *const prefixes[] = {"__has_", "__is_", "__building_", "__FILE",
					       "_Pragma"};
	const char *text = intern_text(e->names, name);

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return dynamic_reason(text) != NULL;
}

/* A name of the compiler's own that no text defines. True when it is one. */
static bool dynamic_apply(struct search *q, const struct state *s, const struct token *t)
{
	struct engine *e = q->e;
	const char *text = intern_text(e->names, t->spelling);

	if (t->spelling == e->file) {
		e->result->uses_self = true;
		for (size_t i = 0; i < e->ask->nself; i++) {
			AUTO_BUF struct buf quoted = {0};

			buf_printf(&quoted, "\"%s\"", e->ask->self[i]);
			struct token self = {
			    .spelling = intern_add(e->names, quoted.data, quoted.len),
			    .kind = TOKEN_STRING,
			    .space = t->space};

			fork_state(q, s, &self, 1);
		}
		return true;
	}
	const char *why = text[0] == '_' && text[1] == '_' ? dynamic_reason(text) : NULL;

	if (why)
		give_up(e, why);
	return why;
}

/* True when what is out can still become (or is) a header name. */
static bool header_possible(const struct search *q, const struct state *s)
{
	const struct token *first = s->out.v;

	return !q->top || s->out.n == 0 || first->kind == TOKEN_STRING ||
	       first->spelling == q->e->less;
}

/* A state where T is out as it is. */
static void fork_emitted(struct search *q, const struct state *s, struct token t)
{
	struct state after = {.in = s->in};

	list_append(&after.out, s->out.v, s->out.n);
	token_add(&after.out, t);
	if (header_possible(q, &after))
		fork_state(q, &after, NULL, 0);
	token_list_free(&after.out);
}

/* True when T is one of many numbers. Mostly nobody looks (an element of a tuple that is passed by), and
 * it would only multiply the states. */
static bool number_later(struct engine *e, const struct token *t)
{
	size_t n = 0;

	if (seen_has(&e->eager, (uint64_t)t->spelling + 1))
		return false;
	for (const struct macro_def *d = NULL;
	     (d = macro_next(e->macros, t->spelling, d));) {
		if (d->nparams == DEF_UNDEF)
			continue;
		if (d->nparams != DEF_OBJECT || d->nbody != 1 ||
		    d->body[0].kind != TOKEN_NUMBER)
			return false;
		n++;
	}
	return n >= LATER_MIN;
}

/* Makes a state of each thing that the name T may become. False: it stays as it is, S goes on. */
static bool name_apply(struct search *q, const struct state *s, const struct token *t)
{
	bool call = call_follows(q->e, s), stays = true, function = false;
	bool given = false, undef = false, known = false;
	size_t ndefs = 0;
	struct seen distinct = {0};

	engine_use(q->e, t->spelling);
	if (number_later(q->e, t)) {
		struct token later = *t;

		later.kind = TOKEN_LATER;
		fork_state(q, s, &later, 1);
		return true;
	}
	for (const struct macro_def *d = NULL;
	     (d = macro_next(q->e->macros, t->spelling, d)) &&
	     !q->e->result->undecidable;) {
		if (!spend(q->e, 1, 0) || arm_dead(q->e, d->arm))
			continue;
		known = true;
		function |= d->nparams >= 0;
		given |= d->given;
		undef |= d->nparams == DEF_UNDEF;
		if (excluded(q->e, s, d) || !seen_add(&distinct, d->hash))
			continue;
		if (++ndefs > DEFS_MAX)
			give_up(q->e, "an #include is computed from too many macros");
		if (d->nparams >= 0 && call)
			call_apply(q, s, d, t);
		else if (d->nparams == DEF_OBJECT)
			object_apply(q, s, d, t);
	}
	seen_free(&distinct);
	if (!known)
		return !q->e->result->undecidable && dynamic_apply(q, s, t);
	/* Where __has_include is missing, headers define it; where it is not, it is an operator. */
	if (call && function && !header_operator(q->e, t))
		stays = false;
	if (given && !undef && !function)
		stays = false;
	if (stays) {
		/* A function's name may still be called, when more stands behind it. */
		struct token same = *t;

		same.painted = !function;
		fork_emitted(q, s, same);
	}
	return true;
}

static bool header_complete(const struct search *q, const struct state *s)
{
	return q->top && s->out.n > 0 &&
	       (s->out.v[0].kind == TOKEN_STRING ||
		s->out.v[s->out.n - 1].spelling == q->e->greater);
}

/* Reads S's input to its end, or to where it forks. */
static void state_run(struct search *q, struct state *s)
{
	while (s->in.n > 0 && spend(q->e, 1, 0)) {
		struct token t = s->in.v[--s->in.n];

		if (t.kind == TOKEN_ARM)
			continue;
		if (t.kind == TOKEN_END) {
			/* Here is where states become equal that came different ways. */
			if (!seen_add(&q->seen,
				      tokens_hash(s->in.v, s->in.n,
						  tokens_hash(s->out.v, s->out.n, 3))) ||
			    !spend(q->e, (s->in.n + s->out.n) / 16, 0))
				return;
			continue;
		}
		if (t.kind == TOKEN_NAME && !t.painted) {
			spend(q->e, s->in.n / 16, 0);
			if (disabled(s, t.spelling))
				t.painted = true;
			else if (name_apply(q, s, &t))
				return;
		}
		token_add(&s->out, t);
		if (!header_possible(q, s))
			return;
		if (header_complete(q, s))
			break;
	}
	if (!q->e->result->undecidable)
		answer_add(q, &s->out);
}

static void search_run(struct search *q)
{
	while (q->n > 0) {
		struct state s = q->wait[--q->n];

		if (!q->e->result->undecidable)
			state_run(q, &s);
		state_free(&s);
	}
	free(q->wait);
	seen_free(&q->seen);
}

/* What the argument IN may expand to where the macros whose ends lie ahead in AROUND are disabled. */
struct answers *engine_expand(struct engine *e, struct token_seq in,
			      const struct state *around)
{
	struct state start = {0};

	for (size_t i = 0; i < around->in.n; i++)
		if (around->in.v[i].kind >= TOKEN_END && !ahead(&start, around->in.v[i]))
			token_add(&start.in, around->in.v[i]);
	uint64_t key = tokens_hash(start.in.v, start.in.n, tokens_hash(in.v, in.n, 4));
	struct memo **slot = &e->memo[key % MEMO_SLOTS];

	for (struct memo *m = *slot; m; m = m->next) {
		if (m->key == key) {
			state_free(&start);
			return &m->answers;
		}
	}
	if (e->depth == DEPTH_MAX) {
		give_up(e, "an #include is computed from too many macros");
		state_free(&start);
		return NULL;
	}
	struct memo *m = arena_alloc(e->arena, sizeof *m);
	struct search q = {.e = e, .answers = &m->answers};

	e->depth++;
	fork_state(&q, &start, in.v, in.n);
	search_run(&q);
	e->depth--;
	state_free(&start);
	m->key = key;
	m->next = *slot;
	*slot = m;
	return &m->answers;
}

/* One try. */
static void expand_all(struct engine *e)
{
	const struct expand_ask *ask = e->ask;
	struct token_list tokens = {0};
	struct answers answers = {0};
	struct search q = {.e = e, .answers = &answers, .top = !ask->operand};
	struct state start = {0};

	e->arena = arena_new();
	token_read(&tokens, e->names, intern_text(e->names, ask->tokens),
		   intern_len(e->names, ask->tokens));
	fork_state(&q, &start, tokens.v, tokens.n);
	search_run(&q);
	for (size_t i = 0; i < answers.n && !e->result->undecidable; i++) {
		struct token_seq s = answers.v[i];

		if (put_off(e, s.v, s.n, TOKEN_LATER))
			break;
		header_answer(e, s);
	}
	token_list_free(&tokens);
	arena_free(e->arena);
}

void macro_expand(const struct macros *macros, const struct expand_ask *ask,
		  struct expansion *out)
{
	struct intern *names = macros_names(macros);
	struct engine e = {.macros = macros, .names = names, .ask = ask, .result = out};

	*out = (struct expansion){0};
	e.open = intern_str(names, "(");
	e.less = intern_str(names, "<");
	e.greater = intern_str(names, ">");
	e.file = intern_str(names, "__FILE__");
	for (int tries = 0; tries == 0 || (e.again && tries < AGAIN_MAX); tries++) {
		e.again = false;
		e.steps_max = STEPS_MAX;
		e.tokens = e.narms = 0;
		out->n = 0;
		out->undecidable = NULL;
		memset(e.memo, 0, sizeof e.memo);
		expand_all(&e);
	}
	seen_free(&e.used);
	seen_free(&e.eager);
	free(e.arms);
}
