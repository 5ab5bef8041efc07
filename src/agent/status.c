#include "agent/status.h"

#include "agent/agent.h"
#include "agent/local.h"
#include "agent/remote.h"
#include "agent/tally.h"
#include "base/mem.h"
#include "net/peer.h"

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

	json_object_set_new(o, "address", json_string(r->address));
	json_object_set_new(o, "name", json_string(r->name ? r->name : ""));
	json_object_set_new(o, "state",
			    json_string(r->up     ? "up"
					: r->peer ? "dialing"
						  : "down"));
	json_object_set_new(o, "slots", number(r->up ? r->slots : 0));
	json_object_set_new(o, "running", number(r->running));
	json_object_set_new(o, "jobs", number(r->njobs));
	json_object_set_new(o, "failures", number(r->nfailures));
	json_object_set_new(o, "speed", json_real(sched_speed(r->agent->sched, r->id)));
	json_object_set_new(o, "confined", json_boolean(r->confined));
	json_object_set_new(o, "why", json_string(r->why));
	return o;
}

static uint64_t cpu_ms(void)
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
	uint64_t up = a->bytes_up, down = a->bytes_down, running = 0;

	for (struct remote *r = a->remotes; r; r = r->hh.next) {
		json_array_append_new(workers, worker(r));
		running += r->running;
		if (r->peer) {
			up += peer_bytes_out(r->peer);
			down += peer_bytes_in(r->peer);
		}
	}
	json_object_set_new(jobs, "total", number(a->njobs));
	json_object_set_new(jobs, "remote", number(a->nremote));
	json_object_set_new(jobs, "local", number(a->nlocal));
	json_object_set_new(jobs, "running", number(running));
	json_object_set_new(jobs, "running_local", number(local_running(a->local)));
	json_object_set_new(o, "version", json_string(MUSTER_VERSION));
	json_object_set_new(o, "pid", number((uint64_t)getpid()));
	json_object_set_new(o, "jobs", jobs);
	json_object_set_new(o, "other", number(a->nother));
	json_object_set_new(o, "why_local", reasons(a->why_local));
	json_object_set_new(o, "why_other", reasons(a->why_other));
	json_object_set_new(o, "retries", number(a->nretries));
	json_object_set_new(o, "stale", number(a->nstale));
	json_object_set_new(o, "workers", workers);
	json_object_set_new(o, "bytes_up", number(up));
	json_object_set_new(o, "bytes_down", number(down));
	json_object_set_new(o, "agent_cpu_ms", number(cpu_ms()));
	char *text = json_dumps(o, JSON_INDENT(1));

	json_decref(o);
	return text ? text : xstrdup("{}");
}
