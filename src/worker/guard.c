#include "worker/guard.h"

#include "base/err.h"
#include "base/mem.h"
#include "farm/member.h"
#include "farm/print.h"
#include "net/address.h"
#include "net/key.h"
#include "net/tls.h"
#include "net/trust.h"
#include "sys/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct guard {
	const char *key_file;
	struct trust *trust;
	struct tls *given; /* by a descriptor */
	struct loop_timer *look;
	struct member *member;
};

static const nsec look_every = LOOP_MS(10000);

/* The environment, but for a key that was named by option. */
static const char *get(void *ctx, const char *name)
{
	const struct guard *g = ctx;

	return g->key_file && strcmp(name, "MUSTER_KEY_FILE") == 0 ? g->key_file
								   : getenv(name);
}

/* Certificates are renewed and revoked while we run. */
static void on_look(void *ctx)
{
	struct guard *g = ctx;

	trust_look(g->trust, get, g, loop_now());
	loop_timer_set(g->look, look_every);
}

static int take_given(struct guard *g, const char *number, struct err *e)
{
	char *end;
	long fd = strtol(number, &end, 10);
	struct key key;

	if (*end || end == number || fd < 0 || fd > 1 << 20)
		return err_set(e, 0, "MUSTER_WORKER_KEY_FD=%s is no descriptor", number);
	int r = key_read_fd(&key, (int)fd, "that MUSTER_WORKER_KEY_FD gives", e);

	close((int)fd);
	unsetenv("MUSTER_WORKER_KEY_FD");
	if (r == 0)
		g->given = tls_from_key(&key);
	key_forget(&key);
	return r;
}

static int check(const struct guard *g, struct err *e)
{
	if (!g->given && trust_wrong(g->trust)[0])
		return err_set(e, 0, "%s", trust_wrong(g->trust));
	return 0;
}

struct guard *guard_new(struct loop *l, const char *key_file, struct err *e)
{
	const char *fd = getenv("MUSTER_WORKER_KEY_FD");
	struct guard *g = xcalloc(1, sizeof *g);

	g->key_file = key_file ? key_file : getenv("MUSTER_WORKER_KEY_FILE");
	g->trust = trust_new();
	g->look = loop_timer_new(l, on_look, g);
	g->member = member_new(l, g->trust);
	if ((!key_file && fd && take_given(g, fd, e)) || (on_look(g), check(g, e))) {
		guard_free(g);
		return NULL;
	}
	return g;
}

char *guard_farm(void)
{
	struct guard g = {.trust = trust_new()};
	char *found = NULL;

	trust_find(g.trust, get, &g);
	const char *dir = trust_farm_dir(g.trust);
	AUTO_FREE char *certificate = xasprintf("%s/certificate.pem", dir ? dir : "");

	if (dir && access(certificate, F_OK) == 0)
		found = xstrdup(dir);
	trust_free(g.trust);
	return found;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	loop_timer_free(g->look);
	member_free(g->member);
	tls_free(g->given);
	trust_free(g->trust);
	free(g);
}

const struct tls *guard_tls(const struct guard *g)
{
	return g->given ? g->given : trust_listen(g->trust, TLS_WORKER);
}

int guard_listen(const struct guard *g, const char *address, bool allows, struct err *e)
{
	struct addrinfo *list = address_resolve(address, true, e);

	if (!list)
		return -1;
	bool beyond = !address_is_loopback(list->ai_addr);

	freeaddrinfo(list);
	if (!beyond || allows || guard_tls(g))
		return 0;
	if (trust_farm(g->trust))
		return err_set(e, 0,
			       "%s joined the farm as a user only: a worker wants 'muster "
			       "farm token --role worker'",
			       tls_self(trust_farm(g->trust))->name);
	return err_set(
	    e, 0,
	    "whoever can reach %s could run programs here. Ways to go on:\n"
	    "  muster key          makes a key: a copy of it on each client lets those in, and "
	    "nobody else\n"
	    "  muster join TOKEN   makes this machine one of a farm\n"
	    "  --allow NETWORK     lets all machines of that network in, unencrypted",
	    address);
}

void guard_print(const struct guard *g, char out[FARM_PRINT], bool *certified)
{
	farm_print(g->trust, out);
	*certified = trust_farm(g->trust) != NULL && !g->given;
}
