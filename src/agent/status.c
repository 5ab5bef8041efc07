#include "agent/status.h"

#include "agent/agent.h"
#include "agent/leases.h"
#include "agent/link.h"
#include "agent/local.h"
#include "agent/plan.h"
#include "agent/remote.h"
#include "agent/shims.h"
#include "agent/tally.h"
#include "agent/task.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/loop.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *reasons(const struct tally *all)
{
	json_t *o = json_object();

	for (const struct tally *t = all; t; t = t->hh.next)
		json_object_set_new(o, t->text, number(t->count));
	return o;
}

static json_t *worker(const struct remote *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "address", json_string(r->host.word));
	json_object_set_new(o, "name", json_string(r->name ? r->name : ""));
	json_object_set_new(o, "state",
			    json_string(r->up     ? "up"
					: r->link ? "dialing"
						  : "down"));
	json_object_set_new(o, "speaks", json_string(r->foreign ? "distcc" : "muster"));
	json_object_set_new(o, "slots", number(r->up ? r->slots : 0));
	json_object_set_new(o, "running", number(r->running));
	json_object_set_new(o, "jobs", number(r->njobs));
	json_object_set_new(o, "failures", number(r->nfailures));
	json_object_set_new(o, "speed", json_real(sched_speed(r->agent->sched, r->id)));
	json_object_set_new(o, "confined", json_boolean(r->confined));
	json_object_set_new(o, "cage", json_string(r->cage));
	json_object_set_new(o, "why", json_string(r->why));
	return o;
}

static json_t *scheduler(const struct leases *l)
{
	json_t *o = json_object();
	struct leases_state s;

	leases_state(l, &s);
	json_object_set_new(o, "connected", json_boolean(s.scheduler != NULL));
	json_object_set_new(o, "address", json_string(s.scheduler ? s.scheduler : ""));
	json_object_set_new(o, "farm", json_string(s.farm ? s.farm : ""));
	json_object_set_new(o, "wanted", number(s.wanted));
	json_object_set_new(o, "leased", number(s.leased));
	json_object_set_new(o, "budget", number(s.budget));
	json_object_set_new(o, "why", json_string(s.why));
	return o;
}

struct listing {
	json_t *list;
	unsigned slot;
};

static void add_running(struct listing *l, int pid, const char *phase, const char *file,
			const char *host, unsigned slot, nsec since)
{
	json_t *o = json_object();

	json_object_set_new(o, "pid", json_integer(pid));
	json_object_set_new(o, "phase", json_string(phase));
	json_object_set_new(o, "file", json_string(file));
	json_object_set_new(o, "host", json_string(host));
	json_object_set_new(o, "slot", json_integer(slot));
	json_object_set_new(o, "seconds", json_real((double)(loop_now() - since) / 1e9));
	json_array_append_new(l->list, o);
}

static void add_local(void *ctx, int pid, const char *file, nsec since)
{
	struct listing *l = ctx;

	add_running(l, pid, "Compile", path_base(file), "localhost", l->slot++, since);
}

/* The slots of a worker have no numbers; they are counted through, so that each line has one. */
static json_t *running_jobs(struct agent *a)
{
	struct listing l = {.list = json_array()};

	shims_each_local(a->shims, add_local, &l);
	for (struct remote *r = a->remotes; r; r = r->hh.next) {
		unsigned slot = 0;

		for (struct task *t = a->tasks; t; t = t->hh.next)
			if (t->remote == r)
				add_running(&l, shim_pid(t->shim), task_phase(t),
					    path_base(t->plan->command->source),
					    r->host.name, slot++, t->since);
	}
	for (struct task *t = a->tasks; t; t = t->hh.next)
		if (!t->remote && *task_file(t))
			add_running(&l, shim_pid(t->shim), task_phase(t),
				    path_base(task_file(t)), "localhost", l.slot++,
				    t->since);
	return l.list;
}

void status_bytes(const struct agent *a, uint64_t *up, uint64_t *down)
{
	*up = a->bytes_up;
	*down = a->bytes_down;
	for (const struct remote *r = a->remotes; r; r = r->hh.next) {
		*up += r->bytes_up + (r->link ? link_bytes_out(r->link) : 0);
		*down += r->bytes_down + (r->link ? link_bytes_in(r->link) : 0);
	}
}

uint64_t status_cpu_ms(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return (uint64_t)(own.ru_utime.tv_sec + own.ru_stime.tv_sec +
			  children.ru_utime.tv_sec + children.ru_stime.tv_sec) *
		   1000 +
	       (uint64_t)(own.ru_utime.tv_usec + own.ru_stime.tv_usec +
			  children.ru_utime.tv_usec + children.ru_stime.tv_usec) /
		   1000;
}

char *status_json(struct agent *a)
{
	json_t *o = json_object(), *jobs = json_object(), *workers = json_array();
	uint64_t up, down, running = 0;

	for (struct remote *r = a->remotes; r; r = r->hh.next) {
		json_array_append_new(workers, worker(r));
		running += r->running;
	}
	status_bytes(a, &up, &down);
	json_object_set_new(jobs, "total", number(a->njobs));
	json_object_set_new(jobs, "remote", number(a->nremote));
	json_object_set_new(jobs, "local", number(a->nlocal));
	json_object_set_new(jobs, "refused", number(a->nrefused));
	json_object_set_new(jobs, "running", number(running));
	json_object_set_new(jobs, "running_local", number(local_running(a->local)));
	json_object_set_new(o, "version", json_string(MUSTER_VERSION));
	json_object_set_new(o, "pid", number((uint64_t)getpid()));
	json_object_set_new(o, "jobs", jobs);
	json_object_set_new(o, "other", number(a->nother));
	json_object_set_new(o, "why_local", reasons(a->why_local));
	json_object_set_new(o, "why_other", reasons(a->why_other));
	json_object_set_new(o, "retries", number(a->nretries));
	json_object_set_new(o, "copies", number(a->ncopies));
	json_object_set_new(o, "copies_won", number(a->ncopies_won));
	json_object_set_new(o, "stale", number(a->nstale));
	json_object_set_new(o, "workers", workers);
	if (leases_in_use(a->leases))
		json_object_set_new(o, "scheduler", scheduler(a->leases));
	json_object_set_new(o, "running", running_jobs(a));
	json_object_set_new(o, "bytes_up", number(up));
	json_object_set_new(o, "bytes_down", number(down));
	json_object_set_new(o, "agent_cpu_ms", number(status_cpu_ms()));
	char *text = json_dumps(o, JSON_INDENT(1));

	json_decref(o);
	return text ? text : xstrdup("{}");
}
