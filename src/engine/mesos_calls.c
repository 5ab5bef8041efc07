/* Offered resources are copied, with all that belongs to them (role, reservation, allocation), and only their amounts are reduced:
 * what is made anew is another resource for the master. */
#include "base/mem.h"
#include "engine/mesos.h"

#include <string.h>

static json_t *value_of(const char *text)
{
	return json_pack("{s:s}", "value", text);
}

const char *mesos_text(const json_t *o, const char *a, const char *b)
{
	const json_t *v = json_object_get(o, a);
	const char *text = json_string_value(b ? json_object_get(v, b) : v);

	return text ? text : "";
}

json_t *mesos_call(const char *type, const char *id)
{
	return json_pack("{s:s, s:o}", "type", type, "framework_id", value_of(id));
}

json_t *mesos_subscribe(const struct mesos_settings *s, const char *id)
{
	json_t *info = json_pack("{s:s, s:s, s:[s], s:[{s:s}, {s:s}, {s:s}], s:f, s:b}",
				 "user", s->user ? s->user : "", "name", s->name, "roles",
				 s->role, "capabilities", "type", "MULTI_ROLE", "type",
				 "PARTITION_AWARE", "type", "TASK_KILLING_STATE",
				 "failover_timeout", s->failover_s, "checkpoint", 1);

	if (s->principal)
		json_object_set_new(info, "principal", json_string(s->principal));
	if (id)
		json_object_set_new(info, "id", value_of(id));
	json_t *call = json_pack("{s:s, s:{s:o}}", "type", "SUBSCRIBE", "subscribe",
				 "framework_info", info);

	if (id)
		json_object_set_new(call, "framework_id", value_of(id));
	return call;
}

json_t *mesos_decline(const char *id, const char *offer, double refuse_s)
{
	json_t *call = mesos_call("DECLINE", id);

	json_object_set_new(call, "decline",
			    json_pack("{s:[{s:s}], s:{s:f}}", "offer_ids", "value", offer,
				      "filters", "refuse_seconds", refuse_s));
	return call;
}

json_t *mesos_kill(const char *id, const struct mesos_task *t)
{
	json_t *call = mesos_call("KILL", id);

	json_object_set_new(call, "kill",
			    json_pack("{s:{s:s}, s:{s:s}}", "task_id", "value", t->id,
				      "agent_id", "value", t->agent));
	return call;
}

json_t *mesos_reconcile(const char *id)
{
	json_t *call = mesos_call("RECONCILE", id);

	json_object_set_new(call, "reconcile", json_pack("{s:[]}", "tasks"));
	return call;
}

json_t *mesos_acknowledge(const char *id, const json_t *status)
{
	const json_t *uuid = json_object_get(status, "uuid");

	if (!uuid)
		return NULL;
	json_t *call = mesos_call("ACKNOWLEDGE", id);

	json_object_set_new(call, "acknowledge",
			    json_pack("{s:O, s:O, s:O}", "agent_id",
				      json_object_get(status, "agent_id"), "task_id",
				      json_object_get(status, "task_id"), "uuid", uuid));
	return call;
}

/* -- offers ---------------------------------------------------------------------------------- */

static bool is_scalar(const json_t *resource, const char *name)
{
	return strcmp(mesos_text(resource, "name", NULL), name) == 0 &&
	       strcmp(mesos_text(resource, "type", NULL), "SCALAR") == 0;
}

static double amount_of(const json_t *resource)
{
	return json_number_value(
	    json_object_get(json_object_get(resource, "scalar"), "value"));
}

static double offered(const json_t *offer, const char *name)
{
	const json_t *all = json_object_get(offer, "resources");
	double sum = 0;

	for (size_t i = 0; i < json_array_size(all); i++)
		if (is_scalar(json_array_get(all, i), name))
			sum += amount_of(json_array_get(all, i));
	return sum;
}

unsigned mesos_fits(const json_t *offer, const struct mesos_settings *s)
{
	double by_cpus = (offered(offer, "cpus") - MESOS_EXECUTOR_CPUS + 1e-6) / s->cpus;
	double by_mem = (offered(offer, "mem") - MESOS_EXECUTOR_MB + 1e-6) / s->mem;
	double fits = by_cpus < by_mem ? by_cpus : by_mem;

	return fits < 1 ? 0 : fits > 10000 ? 10000 : (unsigned)fits;
}

/* Copies of the resources NAME until AMOUNT is reached go to TAKEN. */
static void take(const json_t *offer, const char *name, double amount, json_t *taken)
{
	const json_t *all = json_object_get(offer, "resources");

	for (size_t i = 0; i < json_array_size(all) && amount > 1e-9; i++) {
		const json_t *r = json_array_get(all, i);
		double part = amount_of(r) < amount ? amount_of(r) : amount;

		if (!is_scalar(r, name))
			continue;
		json_t *copy = json_deep_copy(r);

		json_object_set_new(copy, "scalar", json_pack("{s:f}", "value", part));
		json_array_append_new(taken, copy);
		amount -= part;
	}
}

static json_t *command(const struct mesos_settings *s, const char *script, const char *url)
{
	json_t *c = json_pack("{s:b, s:s, s:[{s:s, s:b, s:b, s:b, s:s}]}", "shell", 1,
			      "value", script, "uris", "value", url, "executable", 1,
			      "extract", 0, "cache", 1, "output_file", "muster-worker");

	if (s->user)
		json_object_set_new(c, "user", json_string(s->user));
	return c;
}

json_t *mesos_accept(const char *id, const json_t *offer, const struct mesos_task *t,
		     const struct mesos_settings *s, const char *script, const char *url)
{
	json_t *call = mesos_call("ACCEPT", id), *resources = json_array();

	take(offer, "cpus", s->cpus * t->slots, resources);
	take(offer, "mem", s->mem * t->slots, resources);
	json_t *task =
	    json_pack("{s:s, s:{s:s}, s:{s:s}, s:o, s:o, s:{s:{s:I}}}", "name",
		      "muster worker", "task_id", "value", t->id, "agent_id", "value",
		      t->agent, "command", command(s, script, url), "resources", resources,
		      "kill_policy", "grace_period", "nanoseconds", (json_int_t)5000000000);

	json_object_set_new(
	    call, "accept",
	    json_pack("{s:[{s:s}], s:[{s:s, s:{s:[o]}}], s:{s:f}}", "offer_ids", "value",
		      mesos_text(offer, "id", "value"), "operations", "type", "LAUNCH",
		      "launch", "task_infos", task, "filters", "refuse_seconds", 5.0));
	return call;
}

/* -- states ---------------------------------------------------------------------------------- */

enum mesos_state mesos_state(const char *text)
{
	if (strcmp(text, "TASK_STAGING") == 0 || strcmp(text, "TASK_STARTING") == 0)
		return MESOS_COMING;
	if (strcmp(text, "TASK_RUNNING") == 0 || strcmp(text, "TASK_KILLING") == 0)
		return MESOS_RUNNING;
	return MESOS_GONE;
}
