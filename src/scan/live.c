/* Which arms of conditionals are never taken, as far as the macros tell: an arm whose condition is false
 * whatever definitions are in force, or that comes after an arm whose condition is always true.
 *
 * Conditions are expanded by the same engine; where that asks about the very arm being judged, or costs
 * too much, the arm may be taken. Every name that was looked at is noted, so that an answer is asked for
 * again when there are new definitions. */
#include "base/mem.h"
#include "scan/engine.h"

#include <string.h>

enum {
	STEPS_PER_CONDITION = 5000,
	JUDGE_DEPTH_MAX = 40
};

uint32_t arm_number(struct engine *e, const struct macro_arm *arm)
{
	for (size_t i = 0; i < e->narms; i++)
		if (e->arms[i].arm == arm)
			return (uint32_t)i;
	if (e->narms == e->cap_arms) {
		e->cap_arms = e->cap_arms ? e->cap_arms * 2 : 16;
		e->arms = xreallocarray(e->arms, e->cap_arms, sizeof *e->arms);
	}
	e->arms[e->narms++] = (struct arm_state){.arm = arm};
	return (uint32_t)e->narms - 1;
}

/* Whether NAME is defined. */
static enum verdict name_verdict(struct engine *e, uint32_t name)
{
	bool some = false, given = false, undef = false;

	engine_use(e, name);
	for (const struct macro_def *d = NULL; (d = macro_next(e->macros, name, d));) {
		if (arm_dead(e, d->arm))
			continue;
		some |= d->nparams != DEF_UNDEF;
		given |= d->given;
		undef |= d->nparams == DEF_UNDEF;
	}
	if (!some)
		return engine_builtin(e, name) ? VERDICT_MAYBE : VERDICT_FALSE;
	return given && !undef ? VERDICT_TRUE : VERDICT_MAYBE;
}

static bool spelled(const struct engine *e, const struct token_list *l, size_t i,
		    const char *text)
{
	return i < l->n && strcmp(intern_text(e->names, l->v[i].spelling), text) == 0;
}

/* Replaces each "defined X" by what is known of X. */
static void defined_replace(struct engine *e, struct token_list *l)
{
	static const char *const words[] = {
	    [VERDICT_FALSE] = "0", [VERDICT_TRUE] = "1", [VERDICT_MAYBE] = "?\?"};
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct token t = l->v[i];
		bool bracket = spelled(e, l, i + 1, "(");
		size_t name = i + 1 + bracket;

		if (spelled(e, l, i, "defined") && name < l->n &&
		    l->v[name].kind == TOKEN_NAME) {
			enum verdict v = name_verdict(e, l->v[name].spelling);

			t.spelling = intern_str(e->names, words[v]);
			t.kind = v == VERDICT_MAYBE ? TOKEN_OTHER : TOKEN_NUMBER;
			i = name + bracket;
		} else if (t.kind == TOKEN_NAME && engine_builtin(e, t.spelling)) {
			/* Whatever it is, and whatever its arguments. */
			t.spelling = intern_str(e->names, words[VERDICT_MAYBE]);
			t.kind = TOKEN_OTHER;
			if (bracket) {
				int depth = 0;

				for (i++; i < l->n; i++) {
					depth += spelled(e, l, i, "(");
					depth -= spelled(e, l, i, ")");
					if (depth == 0)
						break;
				}
			}
		}
		l->v[n++] = t;
	}
	l->n = n;
}

static enum verdict answers_verdict(const struct engine *e, const struct answers *a)
{
	size_t count[3] = {0};

	for (size_t i = 0; i < a->n; i++)
		count[expr_verdict(e->names, a->v[i].v, a->v[i].n)]++;
	if (a->n == 0 || (count[VERDICT_FALSE] != a->n && count[VERDICT_TRUE] != a->n))
		return VERDICT_MAYBE;
	return count[VERDICT_TRUE] ? VERDICT_TRUE : VERDICT_FALSE;
}

static enum verdict expression_verdict(struct engine *e, struct token_list *l)
{
	struct state nowhere = {0};
	size_t outer_max = e->steps_max;
	enum verdict v = VERDICT_MAYBE;

	defined_replace(e, l);
	if (e->result->undecidable)
		return v;
	if (e->steps + STEPS_PER_CONDITION < e->steps_max)
		e->steps_max = e->steps + STEPS_PER_CONDITION;
	struct answers *a = engine_expand(e, (struct token_seq){l->v, l->n}, &nowhere);

	if (a && !e->result->undecidable)
		v = answers_verdict(e, a);
	if (e->again) {
		/* A put off number matters: the whole is done again, not only this. */
	} else if (e->result->undecidable) {
		/* Only this condition is; but what was being remembered is not whole. */
		e->result->undecidable = NULL;
		memset(e->memo, 0, sizeof e->memo);
	}
	e->steps_max = outer_max;
	return v;
}

static enum verdict condition_verdict(struct engine *e, const struct macro_arm *arm)
{
	struct token_list l = {0};
	enum verdict v = VERDICT_MAYBE;
	bool plain = strcmp(arm->word, "if") == 0 || strcmp(arm->word, "elif") == 0;
	bool negated =
	    strcmp(arm->word, "ifndef") == 0 || strcmp(arm->word, "elifndef") == 0;

	if (strcmp(arm->word, "else") == 0)
		return VERDICT_TRUE;
	token_read(&l, e->names, arm->condition, strlen(arm->condition));
	if (plain)
		v = expression_verdict(e, &l);
	else if (l.n > 0 && l.v[0].kind == TOKEN_NAME)
		v = name_verdict(e, l.v[0].spelling);
	if (negated && v != VERDICT_MAYBE)
		v = v == VERDICT_TRUE ? VERDICT_FALSE : VERDICT_TRUE;
	token_list_free(&l);
	return v;
}

/* The table of states may move while a condition is judged: hence numbers, not pointers. */
static enum verdict arm_verdict(struct engine *e, const struct macro_arm *arm)
{
	uint32_t i = arm_number(e, arm);

	if (e->arms[i].tested)
		return e->arms[i].verdict;
	if (e->arms[i].testing || e->depth >= JUDGE_DEPTH_MAX)
		return VERDICT_MAYBE;
	e->arms[i].testing = true;
	e->depth++;
	enum verdict v = condition_verdict(e, arm);

	e->depth--;
	e->arms[i].testing = false;
	e->arms[i].tested = true;
	e->arms[i].verdict = v;
	return v;
}

bool arm_dead(struct engine *e, const struct macro_arm *arm)
{
	if (!arm || !e->ask->closed)
		return false;
	uint32_t i = arm_number(e, arm);

	if (e->arms[i].judged)
		return e->arms[i].dead;
	if (e->arms[i].judging)
		return false;
	e->arms[i].judging = true;
	bool dead = arm_dead(e, arm->parent) || arm_verdict(e, arm) == VERDICT_FALSE;

	for (const struct macro_arm *b = arm->before; b && !dead; b = b->before)
		dead = arm_verdict(e, b) == VERDICT_TRUE;
	e->arms[i].judging = false;
	e->arms[i].judged = true;
	e->arms[i].dead = dead;
	return dead;
}
