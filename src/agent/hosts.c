#include "agent/hosts.h"

#include "agent/agent.h"
#include "agent/leases.h"
#include "agent/locate.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/hostlist.h"
#include "net/trust.h"
#include "sys/fs.h"
#include "sys/loop.h"
#include "wire/local.h"

#include <stdlib.h>
#include <string.h>

enum {
	HOSTS_MAX = 1 << 20,
	DISTCC_PORT = 3632
};

static const nsec look_every = LOOP_MS(1000);

static const char *get(void *env, const char *name)
{
	return env_get(env, name);
}

/* The text of muster's own file, or NULL. */
static char *own_file(char *const env[])
{
	const char *config = env_get(env, "XDG_CONFIG_HOME"), *home = env_get(env, "HOME");
	AUTO_FREE char *path = NULL;
	struct buf b = {0};

	if (config && *config == '/')
		path = xasprintf("%s/muster/hosts", config);
	else if (home && *home == '/')
		path = xasprintf("%s/.config/muster/hosts", home);
	if (!path || fs_read(path, HOSTS_MAX, &b, NULL)) {
		buf_free(&b);
		return NULL;
	}
	buf_u8(&b, 0);
	return b.data;
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
	AUTO_FREE char *text = NULL, *from = NULL;
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
		set_hosts(a, own ? own : distcc, own ? ADDRESS_PORT : DISTCC_PORT);
		return;
	}
	if (a->hosts_looked && loop_now() - a->hosts_looked < look_every)
		return;
	a->hosts_looked = loop_now();
	text = own_file(env);
	if (text) {
		set_hosts(a, text, ADDRESS_PORT);
		return;
	}
	text = hostlist_find(get, (void *)(uintptr_t)env, "/etc/distcc/hosts", &from, &e);
	if (text)
		set_hosts(a, text, DISTCC_PORT);
	else if (!a->hosts || a->scheduler)
		set_hosts(a, "", ADDRESS_PORT);
}
