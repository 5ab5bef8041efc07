/* A story is text: an event of the farm on a line of its own, its effects below, indented.
 *
 *   # Anything after a '#' is for people.
 *   0.5 worker 1 name=w1 platform=x slots=4
 *   1 build 7 agent=3 user=ann platform=x slots=9
 *     grant build=7 worker=1 slots=4 budget=4 serial=1
 *     wait build=7 missing=5 reason=SHARE which=3
 *
 * The first number of an event is the time in seconds, the second the worker, build or agent it is about
 * ("held" and "result" have build=). What is not named is 0. Replaying a story runs its events through a
 * farm of seed 1 that settles for as long as the line "settle SECONDS" says, and compares the effects. */
#include "base/buf.h"
#include "base/mem.h"
#include "core/farm.h"
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_WORDS = 32,
	MAX_LISTED = 16, /* names after exclude= or only= */
};

static const char *const event_name[] = {
    [FARM_TICK] = "tick",
    [FARM_WORKER] = "worker",
    [FARM_REPORT] = "report",
    [FARM_WORKER_GONE] = "worker-gone",
    [FARM_DRAIN] = "drain",
    [FARM_USER] = "user",
    [FARM_BUILD] = "build",
    [FARM_HELD] = "held",
    [FARM_RESULT] = "result",
    [FARM_BUILD_GONE] = "build-gone",
    [FARM_AGENT_GONE] = "agent-gone",
};

static const char *const effect_name[] = {
    [FARM_GRANT] = "grant", [FARM_RECALL] = "recall", [FARM_BUDGET] = "budget",
    [FARM_WAIT] = "wait",   [FARM_EVICT] = "evict",   [FARM_DROP] = "drop",
};

static const char *const reason_name[] = {
    [FARM_OK] = "OK",
    [FARM_NO_WORKERS] = "NO_WORKERS",
    [FARM_NO_PARTITION] = "NO_PARTITION",
    [FARM_NO_PLATFORM] = "NO_PLATFORM",
    [FARM_EXCLUDED] = "EXCLUDED",
    [FARM_DRAINED] = "DRAINED",
    [FARM_QUARANTINED] = "QUARANTINED",
    [FARM_OWNER] = "OWNER",
    [FARM_LOADED] = "LOADED",
    [FARM_MEMORY] = "MEMORY",
    [FARM_MEMORY_BUSY] = "MEMORY_BUSY",
    [FARM_USER_CAP] = "USER_CAP",
    [FARM_BUILD_CAP] = "BUILD_CAP",
    [FARM_SHARE] = "SHARE",
    [FARM_COMING] = "COMING",
    [FARM_SETTLING] = "SETTLING",
    [FARM_DECLARING] = "DECLARING",
    [FARM_WORKER_LOST] = "WORKER_LOST",
    [FARM_OVERBOOKED] = "OVERBOOKED",
    [FARM_NOT_WANTED] = "NOT_WANTED",
    [FARM_TOO_MANY] = "TOO_MANY",
};

enum {
	EVENTS = sizeof event_name / sizeof *event_name
};

/* ---- effects to text ---- */

static void put(struct buf *b, const char *name, uint64_t v)
{
	if (v)
		buf_printf(b, " %s=%llu", name, (unsigned long long)v);
}

static void put_effects(struct buf *b, const struct farm_out *out)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct farm_effect *e = &out->v[i];
		bool slots = e->type == FARM_GRANT || e->type == FARM_RECALL ||
			     e->type == FARM_EVICT;

		buf_printf(b, "  %s", effect_name[e->type]);
		put(b, "build", e->build);
		put(b, "worker", e->worker);
		put(b, "agent", e->type == FARM_EVICT ? e->agent : 0);
		if (slots)
			buf_printf(b, " slots=%u", e->slots);
		if (e->type == FARM_BUDGET)
			buf_printf(b, " budget=%u", e->budget);
		put(b, "missing", e->missing);
		put(b, "serial", e->serial);
		if (e->reason != FARM_OK || e->type == FARM_WAIT)
			buf_printf(b, " reason=%s", reason_name[e->reason]);
		put(b, "which", e->which);
		buf_str(b, "\n");
	}
}

/* ---- events to text ---- */

static void put_text(struct buf *b, const char *name, const char *v)
{
	if (v && *v)
		buf_printf(b, " %s=%s", name, v);
}

static void put_time(struct buf *b, nsec t)
{
	buf_printf(b, "%lld", (long long)(t / SEC));
	if (t % SEC)
		buf_printf(b, ".%09lld", (long long)(t % SEC));
}

static void put_want(struct buf *b, const struct farm_want *w)
{
	put(b, "agent", w->agent);
	put_text(b, "user", w->user);
	put_text(b, "platform", w->platform);
	put_text(b, "partition", w->partition);
	buf_printf(b, " slots=%u", w->slots);
	put(b, "cap", w->cap);
	put(b, "weight", w->weight);
	put(b, "priority", w->priority);
	put(b, "memory", w->memory_mib);
	put(b, "cpu", (uint64_t)w->cpu);
	put(b, "affinity", w->affinity);
	put(b, "more", w->more);
	for (size_t i = 0; i < w->nexclude; i++)
		put_text(b, "exclude", w->exclude[i]);
	for (size_t i = 0; i < w->nonly; i++)
		put_text(b, "only", w->only[i]);
}

static void put_desc(struct buf *b, const struct farm_worker_desc *d)
{
	put_text(b, "name", d->name);
	put_text(b, "platform", d->platform);
	put_text(b, "partition", d->partition);
	put(b, "slots", d->slots);
	put(b, "owner_slots", d->owner_slots);
	put(b, "memory", d->memory_mib);
	put(b, "running", d->running);
}

static void put_report(struct buf *b, const struct farm_report *r)
{
	put(b, "running", r->running);
	put(b, "foreign", r->foreign_milli);
	put(b, "room", r->room_mib);
	put(b, "cpu", r->cpu_percent);
	put(b, "mem", r->memory_percent);
	put(b, "io", r->io_percent);
	put(b, "owner", r->owner);
}

static void put_rest(struct buf *b, const struct farm_event *ev)
{
	switch (ev->type) {
	case FARM_WORKER: put_desc(b, &ev->desc); break;
	case FARM_REPORT: put_report(b, &ev->report); break;
	case FARM_DRAIN: put(b, "yes", ev->yes); break;
	case FARM_USER:
		put_text(b, "name", ev->name);
		put(b, "weight", ev->user.weight);
		put(b, "cap", ev->user.cap);
		break;
	case FARM_BUILD: put_want(b, &ev->want); break;
	case FARM_HELD:
		put(b, "build", ev->build);
		put(b, "serial", ev->held.serial);
		buf_printf(b, " slots=%u used=%u", ev->held.slots, ev->held.used);
		break;
	case FARM_RESULT:
		put(b, "build", ev->build);
		put(b, "unit", ev->result.unit);
		put(b, "cpu", (uint64_t)ev->result.cpu);
		put(b, "rtt", ev->result.rtt_us);
		put(b, "kib_s", ev->result.kib_s);
		put(b, "failed", ev->result.failed);
		break;
	default: break;
	}
}

static void put_event(struct buf *b, const struct farm_event *ev)
{
	uint64_t id = ev->type == FARM_BUILD || ev->type == FARM_BUILD_GONE ? ev->build
		      : ev->type == FARM_AGENT_GONE                         ? ev->agent
									    : ev->worker;

	put_time(b, ev->now);
	buf_printf(b, " %s", event_name[ev->type]);
	if (ev->type != FARM_TICK && ev->type != FARM_USER)
		buf_printf(b, " %llu", (unsigned long long)id);
	put_rest(b, ev);
	buf_str(b, "\n");
}

void story_print(FILE *to, const struct farm_event *ev, const struct farm_out *out)
{
	AUTO_BUF struct buf b = {0};

	put_event(&b, ev);
	put_effects(&b, out);
	fwrite(b.data, 1, b.len, to);
}

/* ---- text to events ---- */

struct words {
	char *v[MAX_WORDS];
	size_t n;
};

static const char *value(const struct words *w, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 2; i < w->n; i++)
		if (strncmp(w->v[i], key, n) == 0 && w->v[i][n] == '=')
			return w->v[i] + n + 1;
	return NULL;
}

static uint64_t number(const struct words *w, const char *key)
{
	const char *v = value(w, key);

	return v ? strtoull(v, NULL, 10) : 0;
}

static unsigned count(const struct words *w, const char *key)
{
	return (unsigned)number(w, key);
}

static const char *text(const struct words *w, const char *key)
{
	const char *v = value(w, key);

	return v ? v : "";
}

static size_t listed(const struct words *w, const char *key, const char **v)
{
	size_t n = 0, len = strlen(key);

	for (size_t i = 2; i < w->n && n < MAX_LISTED; i++)
		if (strncmp(w->v[i], key, len) == 0 && w->v[i][len] == '=')
			v[n++] = w->v[i] + len + 1;
	return n;
}

static nsec time_parse(const char *s)
{
	char *end;
	nsec t = (nsec)strtoll(s, &end, 10) * SEC;
	nsec unit = SEC / 10;

	for (end += *end == '.'; *end >= '0' && *end <= '9' && unit; end++, unit /= 10)
		t += (*end - '0') * unit;
	return t;
}

static void parse_want(const struct words *w, struct farm_want *want, const char **exclude,
		       const char **only)
{
	*want = (struct farm_want){.agent = number(w, "agent"),
				   .user = text(w, "user"),
				   .platform = text(w, "platform"),
				   .partition = text(w, "partition"),
				   .slots = count(w, "slots"),
				   .cap = count(w, "cap"),
				   .weight = count(w, "weight"),
				   .priority = count(w, "priority"),
				   .memory_mib = count(w, "memory"),
				   .cpu = (nsec)number(w, "cpu"),
				   .affinity = number(w, "affinity"),
				   .more = number(w, "more") != 0,
				   .exclude = exclude,
				   .only = only};
	want->nexclude = listed(w, "exclude", exclude);
	want->nonly = listed(w, "only", only);
}

static void parse_worker(const struct words *w, struct farm_event *ev)
{
	if (ev->type == FARM_WORKER)
		ev->desc = (struct farm_worker_desc){.name = text(w, "name"),
						     .platform = text(w, "platform"),
						     .partition = text(w, "partition"),
						     .slots = count(w, "slots"),
						     .owner_slots = count(w, "owner_slots"),
						     .memory_mib = count(w, "memory"),
						     .running = count(w, "running")};
	else if (ev->type == FARM_REPORT)
		ev->report = (struct farm_report){.running = count(w, "running"),
						  .foreign_milli = count(w, "foreign"),
						  .room_mib = count(w, "room"),
						  .cpu_percent = count(w, "cpu"),
						  .memory_percent = count(w, "mem"),
						  .io_percent = count(w, "io"),
						  .owner = number(w, "owner") != 0};
}

static void parse_rest(const struct words *w, struct farm_event *ev)
{
	if (ev->type == FARM_USER) {
		ev->name = text(w, "name");
		ev->user = (struct farm_user){count(w, "weight"), count(w, "cap")};
	} else if (ev->type == FARM_HELD) {
		ev->held = (struct farm_held){number(w, "serial"), count(w, "slots"),
					      count(w, "used")};
	} else if (ev->type == FARM_RESULT) {
		ev->result = (struct farm_result){.unit = number(w, "unit"),
						  .cpu = (nsec)number(w, "cpu"),
						  .rtt_us = count(w, "rtt"),
						  .kib_s = count(w, "kib_s"),
						  .failed = number(w, "failed") != 0};
	} else if (ev->type == FARM_DRAIN) {
		ev->yes = number(w, "yes") != 0;
	}
}

/* LINE is cut into words, to which the event then refers. */
static bool event_parse(char *line, struct words *w, struct farm_event *ev,
			const char **exclude, const char **only)
{
	char *save = NULL;
	unsigned type = 0;

	*w = (struct words){0};
	for (char *p = strtok_r(line, " \t\n", &save); p && w->n < MAX_WORDS;
	     p = strtok_r(NULL, " \t\n", &save))
		w->v[w->n++] = p;
	if (w->n < 2)
		return false;
	while (type < EVENTS && strcmp(w->v[1], event_name[type]) != 0)
		type++;
	if (type == EVENTS)
		return false;
	uint64_t id = w->n > 2 ? strtoull(w->v[2], NULL, 10) : 0;

	*ev = (struct farm_event){.now = time_parse(w->v[0]), .type = type};
	ev->worker = ev->agent = id;
	ev->build = type == FARM_HELD || type == FARM_RESULT ? number(w, "build") : id;
	if (type == FARM_BUILD)
		parse_want(w, &ev->want, exclude, only);
	parse_worker(w, ev);
	parse_rest(w, ev);
	return true;
}

/* ---- replay ---- */

struct replay {
	struct farm *farm;
	struct buf was, is; /* the story as it was written, and as it happens */
	nsec settle;
};

static bool replay_line(struct replay *r, char *line)
{
	const char *exclude[MAX_LISTED], *only[MAX_LISTED];
	struct words w;
	struct farm_event ev;
	struct farm_out out;

	if (line[0] == ' ') {
		buf_str(&r->was, line);
		return true;
	}
	buf_str(&r->was, line);
	buf_str(&r->is, line);
	if (line[0] == '#' || line[0] == '\n')
		return true;
	if (strncmp(line, "settle ", 7) == 0) {
		r->settle = time_parse(line + 7);
		return true;
	}
	if (!event_parse(line, &w, &ev, exclude, only))
		return false;
	if (!r->farm)
		r->farm = farm_new(1, r->settle);
	farm_step(r->farm, &ev, &out);
	farm_check(r->farm);
	put_effects(&r->is, &out);
	return true;
}

/* The first line where A and B differ, for people. */
static void show_difference(const char *path, const struct buf *was, const struct buf *is)
{
	size_t i = 0, line = 1, start = 0;

	for (; i < was->len && i < is->len && was->data[i] == is->data[i]; i++) {
		if (was->data[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	fprintf(stderr,
		"%s:%zu: the farm does something else\n  told:   %.*s\n  happens:%.*s\n",
		path, line, (int)strcspn(was->data + start, "\n"), was->data + start,
		(int)strcspn(is->data + start, "\n"), is->data + start);
}

bool story_replay(const char *path, bool accept)
{
	FILE *f = fopen(path, "r");
	struct replay r = {0};
	char *line = NULL;
	size_t cap = 0, number = 0;
	bool ok = f != NULL;

	if (!f)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	while (ok && getline(&line, &cap, f) > 0) {
		number++;
		ok = replay_line(&r, line);
		if (!ok)
			fprintf(stderr, "%s:%zu: this is no event\n", path, number);
	}
	if (f)
		fclose(f);
	buf_u8(&r.was, 0);
	buf_u8(&r.is, 0);
	bool same = ok && strcmp(r.was.data, r.is.data) == 0;

	if (ok && !same && accept && (f = fopen(path, "w"))) {
		fwrite(r.is.data, 1, r.is.len - 1, f);
		same = fclose(f) == 0;
	} else if (ok && !same) {
		show_difference(path, &r.was, &r.is);
	}
	farm_free(r.farm);
	buf_free(&r.was);
	buf_free(&r.is);
	free(line);
	return same;
}
