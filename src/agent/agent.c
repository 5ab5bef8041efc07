#include "agent/agent.h"

#include "agent/learned.h"
#include "agent/leases.h"
#include "agent/lists.h"
#include "agent/plan.h"
#include "agent/remote.h"
#include "agent/task.h"
#include "agent/twin.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cc/preprocessed.h"
#include "farm/print.h"
#include "net/discover.h"
#include "net/hostlist.h"
#include "net/schedulers.h"
#include "sys/loop.h"
#include "sys/spawn.h"
#include "wire/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool has_plain_worker(const struct agent *a)
{
	for (const struct remote *r = a->remotes; r; r = r->hh.next)
		if (r->up && r->plain)
			return true;
	return false;
}

const char *agent_why_no_hosts(const struct agent *a)
{
	return a->hosts_wrong[0]          ? "the list of hosts has a mistake"
	       : leases_in_use(a->leases) ? leases_why(a->leases)
	       : a->named.n               ? "the list of hosts names this machine only"
	       : a->named.zeroconf        ? "no worker has announced itself"
	       : a->named.callers         ? "no worker has called yet"
					  : "no workers are configured";
}

/* It came home since those who could have it only take preprocessed source, which is none for it. */
static bool wants_sources(const struct agent *a, const struct task *t, enum sched_home h)
{
	return h == SCHED_HOME_NO_TOOLCHAIN && t->plan->way != WAY_TEXT_EXACT &&
	       has_plain_worker(a);
}

/* One of its own list: those of others say no to it whatever they have. */
static bool has_worker_up(const struct agent *a, const struct task *t)
{
	const struct hostlist *found = a->discover ? discover_hosts(a->discover) : NULL;

	for (const struct remote *r = a->remotes; r; r = r->hh.next)
		if (r->up && lists_have(a->lists, t->plan->list, &r->host, found,
					leases_hosts(a->leases)))
			return true;
	return false;
}

static const char *home_reason(const struct agent *a, const struct task *t,
			       enum sched_home h)
{
	const struct cc_preprocessed *two = t->plan->two;

	if (wants_sources(a, t, h))
		return two->why ? two->why
				: "it has no object that preprocessed source could give";
	switch (h) {
	case SCHED_HOME_NO_WORKERS: return agent_why_no_hosts(a);
	case SCHED_HOME_ALL_DOWN: return "no worker can be reached";
	case SCHED_HOME_NO_TOOLCHAIN:
		return has_worker_up(a, t) ? "no worker has this compiler"
					   : "no worker can be reached";
	case SCHED_HOME_ALL_FAILED: return "workers failed it";
	}
	return "no worker took it";
}

/* distcc(1), "EXIT CODES"; 0: what distcc as well would compile here without a word. */
static int home_status(const struct agent *a, const struct task *t, enum sched_home h)
{
	if (wants_sources(a, t, h))
		return 0;
	return h == SCHED_HOME_ALL_FAILED ? 117 : 116;
}

static void carry_out(struct agent *a, const struct sched_effect *f)
{
	struct remote *r = NULL;
	struct task *t = task_find(a, f->job);

	HASH_FIND(hh, a->remotes, &f->worker, sizeof f->worker, r);
	switch (f->type) {
	case SCHED_DIAL:
		if (r && !r->link && !r->up)
			remote_dial(r);
		break;
	case SCHED_QUERY:
		if (r)
			remote_query(r, f->toolchain);
		break;
	case SCHED_GRANT:
		if (t && r)
			task_granted(t, r);
		break;
	case SCHED_HOME:
		if (t)
			task_home(t, home_reason(a, t, f->home), home_status(a, t, f->home),
				  f->home == SCHED_HOME_NO_WORKERS ||
				      f->home == SCHED_HOME_ALL_DOWN);
		break;
	case SCHED_BACK:
		if (t)
			task_back(t);
		break;
	case SCHED_COPY:
		if (t && r)
			twin_start(t, r, f->copy);
		else
			agent_sched(
			    a, (struct sched_event){.type = SCHED_CANCEL, .job = f->copy});
		break;
	case SCHED_OVERDUE:
		if (t)
			task_overdue(t);
		break;
	}
}

/* Effects lead to further events; those wait in a line until the effects of the present step are done. */
void agent_sched(struct agent *a, struct sched_event event)
{
	if (a->nevents == a->events_cap) {
		a->events_cap = a->events_cap ? a->events_cap * 2 : 16;
		a->events = xreallocarray(a->events, a->events_cap, sizeof *a->events);
	}
	a->events[a->nevents++] = event;
	if (a->stepping)
		return;
	a->stepping = true;
	struct sched_out out = {.wake = INT64_MAX};

	for (size_t i = 0; i < a->nevents; i++) {
		a->events[i].now = loop_now();
		sched_step(a->sched, &a->events[i], &out);
		struct sched_effect *effects =
		    xreallocarray(NULL, out.n + 1, sizeof *effects);
		size_t n = out.n;

		if (n)
			memcpy(effects, out.v, n * sizeof *effects);
		for (size_t k = 0; k < n; k++)
			carry_out(a, &effects[k]);
		free(effects);
	}
	a->nevents = 0;
	a->stepping = false;
	if (out.wake == INT64_MAX)
		loop_timer_off(a->wake);
	else
		loop_timer_set(a->wake, out.wake - loop_now());
	leases_moved(a->leases);
}

static bool is_remote(const struct host *h)
{
	return h->kind != HOST_LOCAL && !h->down;
}

static struct remote *find_remote(struct agent *a, const struct host *h)
{
	for (struct remote *r = a->remotes; r; r = r->hh.next)
		if (remote_is_host(r, h))
			return r;
	return NULL;
}

static const nsec reap_every = LOOP_MS(5000), unnamed_max = LOOP_MS(30000);

static void apply_hosts(void *agent);

/* Those that are named count, else those that were found. */
static void apply_schedulers(void *agent)
{
	struct agent *a = agent;
	const struct hostlist *found =
	    a->named.zeroconf && a->discover_farm ? discover_hosts(a->discover_farm) : NULL;
	AUTO_BUF struct buf list = {0};

	if (a->named.schedulers || !found) {
		leases_use(a->leases, a->named.schedulers, a->farm);
		return;
	}
	for (size_t i = 0; i < found->n && i < SCHEDULERS_MAX; i++) {
		AUTO_FREE char *address = host_address(&found->v[i]);

		buf_printf(&list, "%s%s", i ? "," : "", address);
	}
	buf_u8(&list, 0);
	leases_use_found(a->leases, list.data, a->farm);
}

/* Whoever alternates between two lists does not want it to begin anew each time: agent_reap ends it. */
static void discover_apply(struct agent *a)
{
	static const char *const types[] = {"_muster._tcp", "_distcc._tcp", NULL};
	static const char *const schedulers[] = {TALK_SERVICE, NULL};

	if (!a->named.zeroconf) {
		if (a->discover && !a->discover_unasked)
			a->discover_unasked = loop_now();
		return;
	}
	a->discover_unasked = 0;
	if (!a->discover)
		a->discover = discover_start(a->loop, types, apply_hosts, a);
	/* That there is no tool for it has been said already. */
	AUTO_FREE char *tool = spawn_find("avahi-browse");

	if (!a->discover_farm && tool)
		a->discover_farm = discover_start(a->loop, schedulers, apply_schedulers, a);
	if (a->discover_farm) {
		char print[FARM_PRINT];

		farm_print(a->trust, print);
		discover_only(a->discover_farm, print);
	}
}

void agent_discover_end(struct agent *a)
{
	discover_free(a->discover);
	discover_free(a->discover_farm);
	a->discover = a->discover_farm = NULL;
	a->discover_unasked = 0;
}

/* True when it has to be looked at again. */
static bool discover_reap(struct agent *a)
{
	if (a->discover_unasked && loop_now() - a->discover_unasked >= unnamed_max)
		agent_discover_end(a);
	return a->discover_unasked != 0;
}

/* A worker that no list has named for a while and that has nothing to do is let go. Not at once: two builds with
 * different lists would take each other's workers away with every compile. */
void agent_reap(void *ctx)
{
	struct agent *a = ctx;
	struct remote *r, *next;
	bool some = discover_reap(a);

	HASH_ITER(hh, a->remotes, r, next)
	{
		if (!r->unnamed_since)
			continue;
		bool gone = r->host.kind ==
			    HOST_CALLER; /* such a one is not named, but here or not */

		if (!gone && (r->running || loop_now() - r->unnamed_since < unnamed_max)) {
			some = true;
			continue;
		}
		learned_keep(a->learned, r->host.word, sched_learned(a->sched, r->id));
		agent_sched(
		    a, (struct sched_event){.type = SCHED_WORKER_REMOVE, .worker = r->id});
		remote_free(r);
	}
	if (some)
		loop_timer_set(a->reap, reap_every);
}

/* The hosts to use; borrowed. */
struct wanted {
	const struct host **v;
	size_t n;
};

static bool is_same_place(const struct host *a, const struct host *b)
{
	return a->kind == HOST_TCP && b->kind == HOST_TCP && a->port == b->port &&
	       strcasecmp(a->name, b->name) == 0;
}

/* Also one that was named to be left out for now is known. */
static bool is_known_place(const struct agent *a, const struct wanted *w,
			   const struct host *h)
{
	for (size_t i = 0; i < a->named.n; i++)
		if (is_same_place(&a->named.v[i], h))
			return true;
	for (size_t i = 0; i < w->n; i++)
		if (is_same_place(w->v[i], h))
			return true;
	return false;
}

/* What was named counts as it was written; what was found, where it is at a place of its own. */
static struct wanted wanted_hosts(const struct agent *a)
{
	const struct hostlist *found =
	    a->named.zeroconf ? discover_hosts(a->discover) : NULL;
	const struct hostlist *lent = leases_hosts(a->leases);
	size_t most = a->named.n + (found ? found->n : 0) + lent->n;
	struct wanted w = {.v = xreallocarray(NULL, most + 1, sizeof(struct host *))};

	for (size_t i = 0; i < a->named.n; i++)
		if (is_remote(&a->named.v[i]))
			w.v[w.n++] = &a->named.v[i];
	for (size_t i = 0; found && i < found->n; i++)
		if (!is_known_place(a, &w, &found->v[i]))
			w.v[w.n++] = &found->v[i];
	for (size_t i = 0; i < lent->n; i++)
		if (!is_known_place(a, &w, &lent->v[i]))
			w.v[w.n++] = &lent->v[i];
	return w;
}

static bool is_wanted(const struct wanted *w, const struct remote *r)
{
	for (size_t i = 0; i < w->n; i++)
		if (remote_is_host(r, w->v[i]))
			return true;
	return false;
}

static bool is_lent(const struct agent *a, const struct host *h)
{
	const struct hostlist *lent = leases_hosts(a->leases);

	return lent->n && h >= lent->v && h < lent->v + lent->n;
}

/* Workers that called and that the list in use may have. */
static size_t ncallers(const struct agent *a)
{
	size_t n = 0;

	for (const struct remote *r = a->remotes; r && a->named.callers; r = r->hh.next)
		n += r->host.kind == HOST_CALLER && r->up &&
		     strcmp(r->host.user, a->named.callers) == 0;
	return n;
}

/* Adds, renews and gives up remotes until they are the hosts to use. */
static void apply_hosts(void *agent)
{
	struct agent *a = agent;
	struct wanted w = wanted_hosts(a);

	for (struct remote *r = a->remotes; r; r = r->hh.next) {
		if (r->host.kind == HOST_CALLER)
			continue;
		if (is_wanted(&w, r)) {
			r->unnamed_since = 0;
		} else if (!r->unnamed_since) {
			r->unnamed_since = loop_now();
			if (r->leased)
				remote_lend(r, 0);
		}
	}
	loop_timer_set(a->reap, reap_every);
	a->nhosts = w.n + leases_hopeful(a->leases) + ncallers(a);
	for (size_t i = 0; i < w.n; i++) {
		struct remote *r = find_remote(a, w.v[i]);
		bool lent = is_lent(a, w.v[i]);

		if (!r) {
			r = remote_new(a, w.v[i]);
			r->leased = lent;
			agent_sched(a, (struct sched_event){.type = SCHED_WORKER_ADD,
							    .worker = r->id,
							    .speed = learned_speed(
								a->learned, r->host.word)});
		} else if (lent) {
			remote_lend(r, w.v[i]->slots);
		}
	}
	free(w.v);
}

void agent_hosts_changed(struct agent *a)
{
	apply_hosts(a);
}

void agent_callers_changed(struct agent *a)
{
	apply_hosts(a);
}

void agent_set_hosts(struct agent *a, const char *text, unsigned default_port)
{
	struct err e = {0};

	a->list = lists_id(a->lists, text, default_port);
	if (a->hosts && strcmp(a->hosts, text) == 0 && a->hosts_port == default_port)
		return;
	free(a->hosts);
	a->hosts = xstrdup(text);
	a->hosts_port = default_port;
	a->hosts_wrong[0] = 0;
	hostlist_free(&a->named);
	if (hostlist_parse(&a->named, text, default_port, &e)) {
		snprintf(a->hosts_wrong, sizeof a->hosts_wrong, "%s", e.text);
		log_line(LOG_WARNING, "the list of hosts is not used: %s", e.text);
	}
	discover_apply(a);
	apply_schedulers(a);
	apply_hosts(a);
}
