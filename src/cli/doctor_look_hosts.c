/* Which list applies, and what its machines answer, all side by side within TOTAL_MS:
 *
 *   look up ─► connect ─► capacity: muster's HELLO? ─► trial: does it compile a line?
 *                                                  ─► door: does it close at once?
 *
 * Each of the first three steps asks those that the one before has reached; each of the
 * last two, those of whom the one before could say nothing good. */
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/doctor_door.h"
#include "cli/doctor_hosts.h"
#include "cli/knock.h"
#include "cli/trial.h"
#include "net/address.h"
#include "net/hostchoice.h"
#include "net/hostlist.h"
#include "run/capacity.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TOTAL_MS = 3000,
	LOOKUP_MS = 800,
	CONNECT_MS = 600,
	HELLO_MS = 800,
	DOOR_MS = 300,
	HOSTS_MAX = 1000, /* are asked */
	PORT_STATS = 3633
};

/* ---- the list ---- */

static const char *env_of_process(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

/* The list that the agent would use, and what is passed over for it. */
static int find_list(struct hosts_facts *f, struct hostchoice *c, struct arena *arena,
		     struct err *e)
{
	bool own = getenv("MUSTER_HOSTS"), distcc = getenv("DISTCC_HOSTS");
	AUTO_FREE char *path = hostchoice_file(env_of_process, NULL);
	const char *file = path ? arena_strdup(arena, path) : NULL;
	bool readable = file && access(file, R_OK) == 0;

	f->locked = file && !readable && access(file, F_OK) == 0 ? file : NULL;
	if (own || distcc)
		f->unread = own && distcc ? "DISTCC_HOSTS" : readable ? file : NULL;
	int found = hostchoice_find(c, env_of_process, NULL, e);

	f->from = c->from ? arena_strdup(arena, c->from) : NULL;
	return found;
}

/* ---- the machines ---- */

struct asking {
	struct arena *arena;
	struct hosts_facts *facts;
	struct host_facts *v;
	size_t n; /* those that are asked: KNOCK, OF */
	struct knock *knock;
	struct host_facts **of;
	long end_ms;
};

static bool is_repeated(const struct hostlist *list, size_t i)
{
	const struct host *h = &list->v[i];

	for (size_t k = 0; k < i; k++)
		if (list->v[k].kind == h->kind && list->v[k].port == h->port &&
		    strcmp(list->v[k].name, h->name) == 0 &&
		    strcmp(list->v[k].user ? list->v[k].user : "",
			   h->user ? h->user : "") == 0)
			return true;
	return false;
}

static void choose(struct asking *a, const struct hostlist *list)
{
	for (size_t i = 0; i < list->n && i < HOSTS_MAX; i++) {
		const struct host *h = &list->v[i];
		struct host_facts *f = &a->v[i];

		*f = (struct host_facts){.host = h, .repeated = is_repeated(list, i)};
		if (h->kind != HOST_TCP || h->down || f->repeated)
			continue;
		a->knock[a->n].name = h->name;
		a->knock[a->n].port = h->port;
		a->of[a->n++] = f;
	}
}

static void connect_all(struct asking *a)
{
	knock_lookup(a->knock, a->n, knock_now_ms() + LOOKUP_MS);
	knock_connect(a->knock, a->n, CONNECT_MS);
	for (size_t i = 0; i < a->n; i++) {
		const struct knock *k = &a->knock[i];

		a->of[i]->latency_ms = k->latency_ms;
		a->of[i]->voice = !k->found                     ? VOICE_NO_NAME
				  : k->at                       ? VOICE_USELESS
				  : k->latency_ms >= CONNECT_MS ? VOICE_NO_ANSWER
								: VOICE_REFUSED;
	}
}

static void ask_capacity(struct asking *a)
{
	struct capacity *v = arena_alloc(a->arena, a->n * sizeof *v);
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->knock[i].at) {
			char text[ADDRESS_TEXT];

			address_text(a->knock[i].at->ai_addr, text);
			v[n].address = arena_strdup(a->arena, text);
			v[n++].stats_port = PORT_STATS;
		}
	capacity_ask(v, n, HELLO_MS);
	n = 0;
	for (size_t i = 0; i < a->n; i++)
		if (a->knock[i].at) {
			a->of[i]->capacity = v[n++];
			if (a->of[i]->capacity.muster)
				a->of[i]->voice = a->of[i]->capacity.answers ? VOICE_MUSTER
									     : VOICE_AVERSE;
		}
}

static void try_distccd(struct asking *a)
{
	struct trial *v = arena_alloc(a->arena, a->n * sizeof *v);
	struct door *doors = arena_alloc(a->arena, a->n * sizeof *doors);
	bool any = false, closed = false;

	for (size_t i = 0; i < a->n; i++) {
		if (a->of[i]->voice == VOICE_USELESS)
			v[i].at = a->knock[i].at;
		any |= v[i].at != NULL;
	}
	if (!any)
		return;
	trial_run(v, a->n, a->facts->compiler, 1, a->end_ms - DOOR_MS - knock_now_ms());
	for (size_t i = 0; i < a->n; i++) {
		if (v[i].at && v[i].passed)
			a->of[i]->voice = VOICE_DISTCCD;
		else
			doors[i].at = v[i].at;
		closed |= doors[i].at != NULL;
	}
	if (!closed)
		return;
	door_try(doors, a->n, DOOR_MS);
	for (size_t i = 0; i < a->n; i++)
		if (doors[i].at && doors[i].slammed)
			a->of[i]->voice = VOICE_SLAMMED;
}

static void ask_hosts(struct hosts_facts *f, const struct hostlist *list,
		      struct arena *arena)
{
	size_t most = list->n + 1;
	struct asking a = {.arena = arena,
			   .facts = f,
			   .v = arena_alloc(arena, most * sizeof *a.v),
			   .knock = arena_alloc(arena, most * sizeof *a.knock),
			   .of = arena_alloc(arena, most * sizeof *a.of),
			   .end_ms = knock_now_ms() + TOTAL_MS};

	choose(&a, list);
	f->v = a.v;
	f->n = list->n < HOSTS_MAX ? list->n : (size_t)HOSTS_MAX;
	if (a.n == 0)
		return;
	connect_all(&a);
	ask_capacity(&a);
	try_distccd(&a);
	knock_free(a.knock, a.n);
}

void doctor_hosts_look(struct hosts_facts *f, struct hostlist *list, struct arena *arena)
{
	struct hostchoice choice;
	struct err e = {0};

	f->our_software = "muster " MUSTER_VERSION;
	*list = (struct hostlist){0};
	if (find_list(f, &choice, arena, &e) ||
	    hostlist_parse(list, choice.text, choice.port, &e))
		f->wrong = arena_strdup(arena, e.text);
	f->zeroconf = list->zeroconf;
	f->callers = list->callers;
	hostchoice_free(&choice);
	if (!f->wrong)
		ask_hosts(f, list, arena);
}
