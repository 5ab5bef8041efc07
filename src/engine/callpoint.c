/* Pure but for two questions: which address leads to the engine, and whether one is ours. */
#include "engine/callpoint.h"

#include "base/err.h"
#include "engine/engine.h"
#include "engine/face.h"
#include "engine/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ":PORT" of HOST:PORT, or "". The colons of an IPv6 address are in brackets. */
static const char *port_of(const char *place)
{
	const char *colon = strrchr(place, ':'), *bracket = strrchr(place, ']');

	return colon && (!bracket || colon > bracket) ? colon : "";
}

static int join(char out[CALLPOINT_MAX], const char *host, const char *port, struct err *e)
{
	int n = (int)strlen(host) - (int)strlen(port_of(host));

	if (snprintf(out, CALLPOINT_MAX, "%.*s%s", n, host, port) < CALLPOINT_MAX)
		return 0;
	return err_set(e, 0, "the address %.60s... is too long", host);
}

static bool is_ours(const char *place)
{
	char host[CALLPOINT_MAX];

	return join(host, place, "", NULL) == 0 && face_is_ours(host);
}

/* CALL is handed on to us by something else. */
static int listen_behind(const struct engine_url *u, const char *call, struct callpoint *c,
			 struct err *e)
{
	char host[CALLPOINT_MAX];

	if (!*port_of(call))
		return err_set(
		    e, 0,
		    "%.100s is no address of this machine, so workers who call there need "
		    "a port that is handed on to us: call=HOST:PORT",
		    call);
	return engine_face(u, host, sizeof host, e)
		   ? -1
		   : join(c->listen, host, port_of(call), e);
}

int callpoint_find(const struct engine_url *u, const char *outside, struct callpoint *c,
		   struct err *e)
{
	const char *call = engine_url_get(u, "call"), *at = engine_url_get(u, "listen");

	*c = (struct callpoint){0};
	if (!call && outside && *outside && !engine_has_way(u))
		call = outside;
	if (!call && !at)
		return engine_face(u, c->listen, sizeof c->listen, e);
	if (!call)
		return join(c->listen, at, port_of(at), e);
	if (!at && is_ours(call))
		return join(c->listen, call, port_of(call), e);
	if (join(c->call, call, port_of(call), e))
		return -1;
	return at ? join(c->listen, at, *port_of(at) ? port_of(at) : port_of(call), e)
		  : listen_behind(u, call, c, e);
}

void callpoint_told(const struct callpoint *c, const char *listening,
		    char out[CALLPOINT_MAX])
{
	const char *port = *port_of(c->call) ? port_of(c->call) : port_of(listening);

	if (join(out, *c->call ? c->call : listening, port, NULL))
		snprintf(out, CALLPOINT_MAX, "%s", listening);
}
