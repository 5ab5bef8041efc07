/* A worker's place lives as long as its connection; a distccd's until it is removed. What a worker says of itself is cut to
 * the limits, and then it is the farm that decides what it gets. */
#include "scheduler/place.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/hostlist.h"
#include "scheduler/guest.h"
#include "scheduler/history.h"
#include "scheduler/probe.h"
#include "scheduler/server.h"
#include "sys/machine.h"
#include "wire/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DISTCC_PORT = 3632,
	DISTCC_SLOTS = 4,   /* of a distccd whose number nobody told */
	PLACES_MAX = 50000, /* hosts of a farm */
	PERCENT = 100
};

struct place *place_by_id(const struct server *s, uint64_t id)
{
	struct place *p = NULL;

	HASH_FIND(hh, s->places, &id, sizeof id, p);
	return p;
}

struct place *place_by_name(const struct server *s, const char *name)
{
	struct place *p = NULL;

	HASH_FIND(hh_name, s->by_name, name, strlen(name), p);
	return p;
}

struct place *place_by_address(const struct server *s, const char *address)
{
	struct place *p = NULL;

	HASH_FIND(hh_address, s->by_address, address, strlen(address), p);
	return p;
}

/* ---- coming and going ---------------------------------------------------------------------- */

/* Takes over the four texts. */
static struct place *place_new(struct server *s, char *name, char *address, char *platform,
			       char *partition)
{
	struct place *p = xcalloc(1, sizeof *p);

	p->id = ++s->last_id;
	p->server = s;
	p->name = name;
	p->address = address;
	p->platform = platform;
	p->partition = partition;
	HASH_ADD(hh, s->places, id, sizeof p->id, p);
	HASH_ADD_KEYPTR(hh_name, s->by_name, p->name, strlen(p->name), p);
	HASH_ADD_KEYPTR(hh_address, s->by_address, p->address, strlen(p->address), p);
	return p;
}

static void place_free(struct server *s, struct place *p)
{
	HASH_DELETE(hh, s->places, p);
	HASH_DELETE(hh_name, s->by_name, p);
	HASH_DELETE(hh_address, s->by_address, p);
	free(p->name);
	free(p->address);
	free(p->platform);
	free(p->partition);
	free(p->url);
	probe_free(p->probe);
	free(p);
}

void places_free(struct server *s)
{
	struct place *p, *next;

	HASH_ITER(hh, s->places, p, next) place_free(s, p);
}

void place_leave(struct server *s, struct place *p)
{
	log_line(LOG_NOTICE, "host=%s left", p->name);
	/* While its address is known: who holds leases there is told of their end. */
	p->guest = NULL;
	server_step(s, &(struct farm_event){.type = FARM_WORKER_GONE, .worker = p->id});
	place_free(s, p);
}

/* Tells the farm what it is, and what is known of it from before. */
static void place_enter(struct server *s, struct place *p)
{
	p->desc.name = p->name;
	p->desc.platform = p->platform;
	p->desc.partition = p->partition;
	p->desc.speed = s->history ? history_speed_of(s->history, p->name) : 0;
	server_step(
	    s, &(struct farm_event){.type = FARM_WORKER, .worker = p->id, .desc = p->desc});
}

static void place_set_drained(struct server *s, struct place *p, bool by_person, bool on)
{
	bool was = p->drained || p->self_drained;

	*(by_person ? &p->drained : &p->self_drained) = on;
	bool is = p->drained || p->self_drained;

	if (was != is)
		server_step(s, &(struct farm_event){
				   .type = FARM_DRAIN, .worker = p->id, .yes = is});
}

static void place_welcome(struct server *s, struct place *p)
{
	place_enter(s, p);
	if (s->history && history_drained(s->history, p->name))
		place_set_drained(s, p, true, true);
	guests_redeclare(s, p);
}

/* ---- workers ------------------------------------------------------------------------------- */

/* NAME, or NAME-2 … when another host is called so. Malloc'ed. */
static char *free_name(struct server *s, const char *name, const char *address)
{
	char *free_one = xstrdup(name);

	for (unsigned i = 2; place_by_name(s, free_one); i++) {
		free(free_one);
		free_one = xasprintf("%s-%u", name, i);
	}
	if (strcmp(free_one, name) != 0)
		server_complain(s, "host=%s address=%s: another host has the name '%s'",
				free_one, address, name);
	return free_one;
}

static unsigned limited(struct server *s, const struct place *p, unsigned slots)
{
	if (slots <= TALK_SLOTS)
		return slots;
	server_complain(s, "host=%s says that it has %u slots: %d are counted", p->name,
			slots, TALK_SLOTS);
	return TALK_SLOTS;
}

static bool take_desc(struct server *s, struct place *p, const struct message_report *m)
{
	struct farm_worker_desc d = {
	    .name = p->name,
	    .platform = p->platform,
	    .partition = p->partition,
	    .slots = limited(s, p, m->slots),
	    .owner_slots = m->owner_slots < m->slots ? m->owner_slots : m->slots,
	    .memory_mib = m->memory_mib,
	    .running = m->running};

	if (d.owner_slots > d.slots)
		d.owner_slots = d.slots;
	bool moved = d.slots != p->desc.slots || d.owner_slots != p->desc.owner_slots ||
		     d.memory_mib != p->desc.memory_mib;

	p->desc = d;
	p->speaks = m->speaks;
	return moved;
}

static unsigned percent(uint32_t told)
{
	return told < PERCENT ? told : PERCENT;
}

static void take_report(struct server *s, struct place *p, const struct message_report *m)
{
	p->report = (struct farm_report){.running = m->running,
					 .foreign_milli = m->foreign_milli,
					 .room_mib = m->room_mib,
					 .cpu_percent = percent(m->cpu_percent),
					 .memory_percent = percent(m->memory_percent),
					 .io_percent = percent(m->io_percent),
					 .owner = m->owner == TALK_OWNER_PRESENT};
	server_step(s, &(struct farm_event){
			   .type = FARM_REPORT, .worker = p->id, .report = p->report});
}

static struct place *first_report(struct server *s, const char *name, const char *address,
				  const struct message_report *m, struct err *e)
{
	const struct place *other = place_by_address(s, address);

	if (other) {
		err_set(e, 0, "host '%s' is at %s already", other->name, address);
		return NULL;
	}
	if (HASH_COUNT(s->places) >= PLACES_MAX) {
		err_set(e, 0, "the farm has %d hosts, and takes no more", PLACES_MAX);
		return NULL;
	}
	return place_new(s, free_name(s, *name ? name : address, address), xstrdup(address),
			 xstrdup(m->platform), xstrdup(m->partition));
}

int place_report(struct server *s, struct place **ours, struct guest *g,
		 const char *address, const struct message_report *m, struct err *e)
{
	bool first = !*ours;

	if (first)
		*ours = first_report(s, guest_name(g), address, m, e);
	struct place *p = *ours;

	if (!p)
		return -1;
	if (strcmp(p->address, address) != 0 || strcmp(p->platform, m->platform) != 0 ||
	    strcmp(p->partition, m->partition) != 0)
		return err_set(e, 0,
			       "its address, platform and partition cannot change while it "
			       "is connected");
	bool moved = take_desc(s, p, m);

	p->guest = g;
	if (first) {
		log_line(LOG_NOTICE, "host=%s address=%s slots=%u platform=%s enrolled",
			 p->name, p->address, p->desc.slots, p->platform);
		place_welcome(s, p);
	} else if (moved) {
		place_enter(s, p);
	}
	place_set_drained(s, p, false, m->draining);
	take_report(s, p, m);
	return 0;
}

/* The farm is to hear of it often: silence means death, but a distccd never speaks, nor a host that is
 * lent. */
static void speak_for(struct server *s, struct place *p)
{
	if (p->why_down[0])
		return;
	server_step(s, &(struct farm_event){
			   .type = FARM_REPORT, .worker = p->id, .report = p->report});
}

/* ---- hosts of another scheduler ------------------------------------------------------------ */

struct place *place_borrow(struct server *s, const struct place_loan *loan,
			   struct borrowed *of, struct err *e)
{
	if (place_by_address(s, loan->address)) {
		err_set(e, 0, "there is a host at %s already", loan->address);
		return NULL;
	}
	if (HASH_COUNT(s->places) >= PLACES_MAX) {
		err_set(e, 0, "the farm has %d hosts, and takes no more", PLACES_MAX);
		return NULL;
	}
	const char *name = *loan->name ? loan->name : loan->address;
	struct place *p =
	    place_new(s, free_name(s, name, loan->address), xstrdup(loan->address),
		      xstrdup(loan->platform), xstrdup(loan->partition));

	p->borrowed = of;
	p->speaks = loan->speaks & (TALK_MUSTER | TALK_DISTCC);
	log_line(LOG_NOTICE, "host=%s address=%s borrowed", p->name, p->address);
	place_welcome(s, p);
	return p;
}

void place_resize(struct server *s, struct place *p, unsigned slots)
{
	p->desc.slots = p->desc.owner_slots = slots;
	place_enter(s, p);
	speak_for(s, p);
}

/* ---- distccds ------------------------------------------------------------------------------ */

/* "distcc://HOST[:PORT][/SLOTS]" */
static int parse_url(const char *url, struct hostlist *list, struct err *e)
{
	static const char scheme[] = "distcc://";

	if (strncmp(url, scheme, sizeof scheme - 1) != 0)
		return err_set(
		    e, 0,
		    "'%.200s' is no distcc://HOST[:PORT][/SLOTS]; muster's own workers "
		    "come by themselves, with --scheduler",
		    url);
	if (strpbrk(url + sizeof scheme - 1, " \t\n,#") ||
	    hostlist_parse(list, url + sizeof scheme - 1, DISTCC_PORT, e) || list->n != 1 ||
	    list->v[0].kind != HOST_TCP) {
		hostlist_free(list);
		return err_set(
		    e, 0, "'%.200s' is no distcc://HOST[:PORT][/SLOTS]%s", url,
		    strstr(url, "//localhost") ? ": write 127.0.0.1 for this machine" : "");
	}
	return 0;
}

static void on_probed(void *ctx, bool listens, const char *why)
{
	struct place *p = ctx;
	struct server *s = p->server;

	log_line(LOG_NOTICE, "host=%s %s%s", p->name,
		 listens ? "listens" : "is down: ", why);
	snprintf(p->why_down, sizeof p->why_down, "%s", why);
	if (!listens) {
		server_step(
		    s, &(struct farm_event){.type = FARM_WORKER_GONE, .worker = p->id});
		return;
	}
	place_enter(s, p);
	if (p->drained)
		server_step(s, &(struct farm_event){
				   .type = FARM_DRAIN, .worker = p->id, .yes = true});
	guests_redeclare(s, p);
	speak_for(s, p);
}

int place_add(struct server *s, const char *name, const char *url, struct err *e)
{
	struct hostlist list;

	if (!*name || strlen(name) > TALK_NAME || strpbrk(name, " \t\r\n"))
		return err_set(e, 0, "a host's name has 1 to %d bytes and no blanks",
			       TALK_NAME);
	if (strlen(url) > TALK_ADDRESS)
		return err_set(e, 0, "the address is too long");
	if (parse_url(url, &list, e))
		return -1;
	const struct host *h = &list.v[0];
	AUTO_FREE char *address = host_address(h);
	unsigned slots = h->slots ? h->slots : DISTCC_SLOTS;

	hostlist_free(&list);
	if (!address_is_harmless(address))
		return err_set(e, 0, "'%.200s' names no host", url);
	if (place_by_name(s, name))
		return err_set(e, 0, "there is a host '%s' already", name);
	if (place_by_address(s, address))
		return err_set(e, 0, "host '%s' is at %s already",
			       place_by_address(s, address)->name, address);
	struct place *p =
	    place_new(s, xstrdup(name), xstrdup(address), machine_platform(), xstrdup(""));

	p->probe = probe_start(s->loop, p->address, on_probed, p, e);
	if (!p->probe) {
		place_free(s, p);
		return -1;
	}
	p->url = xstrdup(url);
	p->speaks = TALK_DISTCC;
	p->desc.slots = p->desc.owner_slots = slots < TALK_SLOTS ? slots : TALK_SLOTS;
	log_line(LOG_NOTICE, "host=%s address=%s slots=%u added", name, p->address, slots);
	p->drained = s->history && history_drained(s->history, name);
	snprintf(p->why_down, sizeof p->why_down, "it has not answered yet");
	if (s->history)
		history_host(s->history, name, url);
	return 0;
}

int place_remove(struct server *s, const char *name, struct err *e)
{
	struct place *p = place_by_name(s, name);

	if (!p)
		return err_set(e, 0, "there is no host '%.100s'", name);
	if (p->borrowed)
		return err_set(e, 0, "'%s' is lent by another scheduler", name);
	if (!p->url)
		return err_set(
		    e, 0,
		    "'%s' is a worker: it leaves when it ends; muster drain keeps "
		    "jobs away from it",
		    name);
	if (s->history)
		history_host(s->history, p->name, NULL);
	place_leave(s, p);
	return 0;
}

int place_drain(struct server *s, const char *name, bool on, struct err *e)
{
	struct place *p = place_by_name(s, name);

	if (!p)
		return err_set(e, 0, "there is no host '%.100s'", name);
	if (s->history)
		history_drain(s->history, p->name, on);
	log_line(LOG_NOTICE, "host=%s %s", p->name, on ? "drained" : "undrained");
	place_set_drained(s, p, true, on);
	return 0;
}

void places_sweep(struct server *s)
{
	struct place *p, *next;

	HASH_ITER(hh, s->places, p, next)
	{
		if (p->url || p->borrowed)
			speak_for(s, p);
	}
}

/* ---- what people and gethost are told ------------------------------------------------------ */

size_t places_of_distcc(const struct server *s, const char **names, size_t most, bool *all)
{
	size_t seen = 0, n = 0;
	static uint64_t turn;

	*all = true;
	for (const struct place *p = s->places; p; p = p->hh.next) {
		if (p->why_down[0])
			continue;
		if (!(p->speaks & TALK_DISTCC)) {
			*all = false;
			continue;
		}
		seen++;
		if (n < most)
			names[n++] = p->name;
		else if (++turn * 2654435761U % seen < most)
			names[turn % most] = p->name;
	}
	return n;
}

static const char *state_of(const struct farm_worker_view *v, const struct place *p)
{
	if (p->drained || p->self_drained)
		return v->held || v->orphans ? "draining" : "drained";
	if (v->reason == FARM_QUARANTINED)
		return "resting";
	if (v->usable == 0)
		return "closed";
	return v->usable < v->slots ? "shared" : "open";
}

/* Why not all of its slots are lent. */
static const char *why_of(const struct farm_worker_view *v)
{
	switch (v->reason) {
	case FARM_OK:
	case FARM_DRAINED: return "";
	case FARM_QUARANTINED: return "jobs failed there lately";
	case FARM_OWNER: return "its owner uses it";
	case FARM_LOADED: return "others load it";
	case FARM_MEMORY:
	case FARM_MEMORY_BUSY: return "it is short of memory";
	default: return farm_reason_text(v->reason);
	}
}

void places_list(struct server *s, struct guest *to)
{
	struct farm_worker_view v;
	AUTO_BUF struct buf b = {0};
	uint32_t n = 0;

	for (size_t i = 0; farm_worker_at(s->farm, i, &v); i++) {
		const struct place *p = place_by_id(s, v.id);

		if (!p)
			continue;
		n++;
		message_put_host(
		    &b, &(struct message_host){
			    .name = p->name,
			    .address = p->address,
			    .platform = p->platform,
			    .slots = v.slots,
			    .usable = v.usable,
			    .held = v.held,
			    .running = p->guest ? p->report.running : v.held,
			    .foreign_milli = p->report.foreign_milli,
			    .speed_milli = (uint32_t)(v.speed * 1000),
			    .state = state_of(&v, p),
			    .why = p->borrowed ? "lent by another scheduler" : why_of(&v)});
	}
	for (const struct place *p = s->places; p; p = p->hh.next)
		if (p->why_down[0]) {
			n++;
			message_put_host(&b, &(struct message_host){.name = p->name,
								    .address = p->address,
								    .platform = p->platform,
								    .slots = p->desc.slots,
								    .speed_milli = 1000,
								    .state = "down",
								    .why = p->why_down});
		}
	message_put_hosts_end(
	    &b, &(struct message_hosts_end){.hosts = n, .agents = (uint32_t)s->nagents});
	guest_send(to, &b);
}

/* ---- what is kept -------------------------------------------------------------------------- */

static void load_one(void *ctx, const char *name, const char *url)
{
	struct err e = {0};

	if (place_add(ctx, name, url, &e))
		log_line(LOG_WARNING, "the host '%s' that was added before is left out: %s",
			 name, e.text);
}

void places_load(struct server *s)
{
	history_each_host(s->history, load_one, s);
}

void places_save(struct server *s)
{
	struct farm_worker_view v;

	for (size_t i = 0; farm_worker_at(s->farm, i, &v); i++)
		if (v.speed != 1.0)
			history_speed(s->history, v.name, v.speed);
}
