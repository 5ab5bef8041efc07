#include "agent/remote.h"

#include "agent/agent.h"
#include "agent/callers.h"
#include "agent/compilers.h"
#include "agent/foreign.h"
#include "agent/leases.h"
#include "agent/link.h"
#include "agent/lists.h"
#include "agent/ssh.h"
#include "agent/task.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/discover.h"
#include "net/trust.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

struct remote *remote_new(struct agent *a, const struct host *h)
{
	struct remote *r = xcalloc(1, sizeof *r);

	r->agent = a;
	r->id = ++a->next_remote;
	r->host = *h;
	r->host.word = copy(h->word);
	r->host.user = copy(h->user);
	r->host.name = copy(h->name);
	r->host.command = copy(h->command);
	HASH_ADD(hh, a->remotes, id, sizeof r->id, r);
	return r;
}

bool remote_is_host(const struct remote *r, const struct host *h)
{
	return r->host.kind == h->kind && r->host.port == h->port &&
	       strcmp(r->host.word, h->word) == 0;
}

/* By id: what one task does of it may end others. */
static void lose_tasks(struct remote *r)
{
	struct agent *a = r->agent;
	size_t n = 0;
	uint64_t *ids = xreallocarray(NULL, HASH_COUNT(a->tasks) + 1, sizeof *ids);

	for (struct task *t = a->tasks; t; t = t->hh.next)
		if (t->remote == r)
			ids[n++] = t->id;
	for (size_t i = 0; i < n; i++) {
		struct task *t = task_find(a, ids[i]);

		if (t && t->remote == r)
			task_lost(t);
	}
	free(ids);
	r->running = 0;
}

/* The link is no more. */
static void end_ssh(struct remote *r)
{
	ssh_close(r->ssh);
	r->ssh = NULL;
}

void remote_free(struct remote *r)
{
	if (r->link)
		link_close(r->link);
	r->link = NULL;
	end_ssh(r);
	r->up = false;
	lose_tasks(r);
	foreign_free(r->foreign);
	r->agent->bytes_up += r->bytes_up;
	r->agent->bytes_down += r->bytes_down;
	HASH_DEL(r->agent->remotes, r);
	free(r->host.word);
	free(r->host.user);
	free(r->host.name);
	free(r->host.command);
	free(r->name);
	free(r);
}

/* -- from the scheduler and the tasks -------------------------------------------------------- */

void remote_dial(struct remote *r)
{
	const struct tls *tls;
	struct err e = {0};

	assert(!r->link && !r->up);
	if (r->door)
		return; /* nobody can call it: it calls */
	if (trust_dial(r->agent->trust, r->host.plain || r->host.kind == HOST_SSH, &tls,
		       &e))
		remote_down(r, e.text);
	else if (r->foreign && foreign_is_sure(r->foreign) && (!tls || r->local))
		foreign_dial(r->foreign);
	else
		remote_dial_with(r, tls);
}

void remote_dial_with(struct remote *r, const struct tls *tls)
{
	struct err e = {0};

	if (r->host.kind == HOST_SSH) {
		int fd = foreign_ssh(r, &e);

		r->link = fd < 0 ? NULL : link_adopt(r, fd);
	} else {
		AUTO_FREE char *address = host_address(&r->host);

		r->link = link_dial(r, address, tls, &e);
	}
	if (!r->link)
		remote_down(r, e.text);
}

/* Whether a compile of that list has asked for it. */
static bool has_asked(const struct remote *r, uint32_t list)
{
	for (size_t i = 0; i < REMOTE_LISTS; i++)
		if (r->asked[i] == list)
			return true;
	return false;
}

static bool is_on_list(const struct remote *r, uint32_t list)
{
	const struct agent *a = r->agent;

	return lists_have(a->lists, list, &r->host,
			  a->discover ? discover_hosts(a->discover) : NULL,
			  leases_hosts(a->leases));
}

void remote_query(struct remote *r, uint64_t key)
{
	if (!is_on_list(r, compiler_key_list(key))) {
		remote_answer(r, key, false);
		return;
	}
	if (!has_asked(r, compiler_key_list(key)))
		r->asked[r->nasked++ % REMOTE_LISTS] = compiler_key_list(key);
	if (r->up && r->link)
		link_query(r->link, key);
	else if (r->up)
		foreign_query(r->foreign, key);
}

void remote_send(struct remote *r, struct task *t)
{
	assert(r->up);
	assert(r->link);
	r->running++;
	link_send(r->link, t);
}

bool remote_send_sources(struct remote *r, struct task *t)
{
	assert(r->up);
	if (r->link || !foreign_send_sources(r->foreign, t))
		return false;
	r->running++;
	return true;
}

void remote_send_text(struct remote *r, struct task *t, const struct preprocess_end *text)
{
	assert(r->up);
	r->running++;
	if (r->link)
		link_send_text(r->link, t, text);
	else
		foreign_send_text(r->foreign, t, text);
}

void remote_cancel(struct remote *r, struct task *t)
{
	if (r->up && (r->link ? link_cancel(r->link, t) : foreign_cancel(r->foreign, t)))
		r->running--;
}

/* -- from the connections -------------------------------------------------------------------- */

/* What of the SLOTS that it has is for us. */
static unsigned usable_slots(const struct remote *r, unsigned slots)
{
	bool limited = r->leased || r->host.slots;

	return limited && r->host.slots < slots ? r->host.slots : slots;
}

void remote_lend(struct remote *r, unsigned slots)
{
	bool same = r->leased && r->host.slots == slots;

	r->leased = true;
	r->host.slots = slots;
	if (same || !r->up)
		return;
	r->slots = r->own_slots && r->own_slots < slots ? r->own_slots : slots;
	agent_sched(r->agent, (struct sched_event){.type = SCHED_WORKER_UP,
						   .worker = r->id,
						   .slots = r->slots,
						   .yes = true});
}

void remote_up(struct remote *r, unsigned slots)
{
	r->own_slots = r->foreign && !r->link ? 0 : slots;
	r->slots = usable_slots(r, slots);
	r->up = true;
	log_line(LOG_INFO, "worker=%s name=\"%s\" slots=%u up", r->host.word,
		 r->name ? r->name : "", r->slots);
	if (r->door)
		callers_came(r->door, r);
	agent_sched(r->agent, (struct sched_event){.type = SCHED_WORKER_UP,
						   .worker = r->id,
						   .slots = r->slots,
						   .yes = r->leased});
}

void remote_down(struct remote *r, const char *why)
{
	end_ssh(r);
	snprintf(r->why, sizeof r->why, "%s", why);
	log_line(r->up ? LOG_WARNING : LOG_NOTICE, "worker=%s down: %s", r->host.word, why);
	if (r->running)
		r->nfailures++;
	r->up = false;
	agent_sched(r->agent,
		    (struct sched_event){.type = SCHED_WORKER_DOWN, .worker = r->id});
	lose_tasks(r);
	if (r->door)
		callers_gone(r->door, r);
}

void remote_is_foreign(struct remote *r)
{
	log_line(LOG_INFO,
		 "worker=%s does not speak muster's protocol: taken for a distccd",
		 r->host.word);
	end_ssh(r);
	if (!r->foreign)
		r->foreign = foreign_new(r);
	foreign_dial(r->foreign);
}

void remote_answer(struct remote *r, uint64_t key, bool yes)
{
	leases_answer(r->agent->leases, r, yes);
	agent_sched(r->agent, (struct sched_event){.type = SCHED_TOOLCHAIN,
						   .worker = r->id,
						   .toolchain = key,
						   .yes = yes});
}

void remote_answer_ways(struct remote *r, uint32_t ref, bool exact, bool text, bool sources)
{
	for (size_t i = 0; i < REMOTE_LISTS; i++) {
		uint32_t list = r->asked[i];

		if (!list)
			continue;
		bool named = is_on_list(r, list);

		remote_answer(r, compiler_key(list, ref, WAY_TEXT_EXACT), named && exact);
		remote_answer(r, compiler_key(list, ref, WAY_TEXT), named && text);
		remote_answer(r, compiler_key(list, ref, WAY_SOURCES), named && sources);
	}
}

void remote_count(struct remote *r, uint64_t bytes_up, uint64_t bytes_down)
{
	r->bytes_up += bytes_up;
	r->bytes_down += bytes_down;
}
