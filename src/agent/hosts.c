#include "agent/hosts.h"

#include "agent/agent.h"
#include "agent/leases.h"
#include "agent/locate.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/hostchoice.h"
#include "net/trust.h"
#include "sys/loop.h"
#include "wire/local.h"

#include <stdlib.h>
#include <string.h>

static const nsec look_every = LOOP_MS(1000);

static const char *get(void *env, const char *name)
{
	return env_get(env, name);
}

static void note_ssh(struct agent *a, const char *words)
{
	if (words && a->ssh_words && strcmp(words, a->ssh_words) == 0)
		return;
	free(a->ssh_words);
	a->ssh_words = words ? xstrdup(words) : NULL;
}

/* What VARIABLE says, in *KEPT: true when it is something new. */
static bool note(char **kept, const char *value)
{
	if (value && !*value)
		value = NULL;
	if (value && *kept ? strcmp(value, *kept) == 0 : value == *kept)
		return false;
	free(*kept);
	*kept = value ? xstrdup(value) : NULL;
	return true;
}

static void set_hosts(struct agent *a, const char *text, unsigned default_port)
{
	AUTO_FREE char *with =
	    a->scheduler ? xasprintf("%s\n+scheduler=%s", text, a->scheduler) : NULL;

	agent_set_hosts(a, with ? with : text, default_port);
}

void hosts_apply(struct agent *a, char *const env[])
{
	const char *own = env_get(env, "MUSTER_HOSTS"),
		   *distcc = env_get(env, "DISTCC_HOSTS");
	struct hostchoice choice;
	struct err e = {0};

	trust_look(a->trust, get, (void *)(uintptr_t)env, loop_now());
	note_ssh(a, env_get(env, "DISTCC_SSH"));
	leases_prefer(a->leases, env_get(env, "MUSTER_PARTITION"),
		      env_get(env, "MUSTER_PRIORITY"));
	if (note(&a->farm, env_get(env, "MUSTER_FARM")) |
	    note(&a->scheduler, env_get(env, "MUSTER_SCHEDULER")))
		a->hosts_looked = 0;
	if (own || distcc) {
		a->hosts_looked = 0;
		set_hosts(a, own ? own : distcc,
			  own ? ADDRESS_PORT : HOSTCHOICE_DISTCC_PORT);
		return;
	}
	if (a->hosts_looked && loop_now() - a->hosts_looked < look_every)
		return;
	a->hosts_looked = loop_now();
	if (hostchoice_find(&choice, get, (void *)(uintptr_t)env, &e) == 0)
		set_hosts(a, choice.text, choice.port);
	else if (!a->hosts || a->scheduler)
		set_hosts(a, "", ADDRESS_PORT);
	hostchoice_free(&choice);
}
