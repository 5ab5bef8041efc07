/* getaddrinfo_a writes its answer into our memory whenever it comes, and a lookup under
 * way cannot be called back. So one that is given up keeps its memory for good: some
 * hundred bytes, at most once for each host of a build. */
#include "run/lookup.h"

#include "base/err.h"
#include "base/mem.h"

#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
	struct gaicb request;
	struct addrinfo hints;
	char *host, *port;
	bool asked; /* the library's threads have it */
	int result; /* as of getaddrinfo, when they have not */
};

/* HOST and PORT of ADDRESS, as whoever wrote it made them from checked parts. */
static int split(struct lookup *l, const char *address, struct err *e)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (n > 1 && address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	if (n == 0)
		return err_set(e, 0, "'%s' is not HOST:PORT", address);
	l->host = xstrndup(address, n);
	l->port = xstrdup(colon + 1);
	return 0;
}

struct lookup *lookup_start(const char *address, struct err *e)
{
	struct lookup *l = xcalloc(1, sizeof *l);

	if (split(l, address, e)) {
		lookup_free(l);
		return NULL;
	}
	l->hints =
	    (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	l->result = getaddrinfo(l->host, l->port, &l->hints, &l->request.ar_result);
	if (l->result != EAI_NONAME)
		return l;
	l->hints.ai_flags = 0;
	l->request.ar_name = l->host;
	l->request.ar_service = l->port;
	l->request.ar_request = &l->hints;
	l->request.ar_result = NULL;
	l->result = getaddrinfo_a(GAI_NOWAIT, (struct gaicb *[]){&l->request}, 1, NULL);
	l->asked = l->result == 0;
	return l;
}

bool lookup_is_done(const struct lookup *l)
{
	return !l->asked ||
	       gai_error((struct gaicb *)(uintptr_t)&l->request) != EAI_INPROGRESS;
}

struct addrinfo *lookup_take(struct lookup *l, struct err *e)
{
	int result = l->asked ? gai_error(&l->request) : l->result;
	struct addrinfo *found = result ? NULL : l->request.ar_result;

	l->request.ar_result = NULL;
	if (!found)
		err_set(e, 0, "look up '%s': %s", l->host, gai_strerror(result));
	return found;
}

void lookup_free(struct lookup *l)
{
	if (!l)
		return;
	if (l->asked && gai_error(&l->request) == EAI_INPROGRESS &&
	    gai_cancel(&l->request) != EAI_CANCELED)
		return;
	if (l->request.ar_result)
		freeaddrinfo(l->request.ar_result);
	free(l->host);
	free(l->port);
	free(l);
}
