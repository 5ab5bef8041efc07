#include "net/address.h"

#include "base/err.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int split(const char *text, char **host, char **port, struct err *e)
{
	const char *colon = strrchr(text, ':');
	const char *close = strrchr(text, ']');
	size_t n = strlen(text);

	if (text[0] == '[') {
		if (!close || (close[1] && close[1] != ':'))
			return err_set(
			    e, 0, "'%s' is no address: a '[' wants its ']' and then :PORT",
			    text);
		*host = xstrndup(text + 1, (size_t)(close - text) - 1);
		colon = close[1] ? close + 1 : NULL;
	} else {
		if (colon && memchr(text, ':', (size_t)(colon - text)))
			return err_set(
			    e, 0, "'%s': write an IPv6 address in brackets, [ADDRESS]:PORT",
			    text);
		*host = xstrndup(text, colon ? (size_t)(colon - text) : n);
	}
	*port = colon ? xstrdup(colon + 1) : xasprintf("%d", ADDRESS_PORT);
	char *end;
	long value = strtol(*port, &end, 10);

	if (**port < '0' || **port > '9' || *end || value > 65535) {
		err_set(e, 0, "'%s': the port '%s' is no number from 0 to 65535", text,
			*port);
		free(*host);
		free(*port);
		return -1;
	}
	return 0;
}

struct addrinfo *address_resolve(const char *text, bool passive, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = passive ? AI_PASSIVE : 0};
	struct addrinfo *list = NULL;
	char *host = NULL, *port = NULL;

	if (split(text, &host, &port, e))
		return NULL;
	if (!*host && !passive) {
		err_set(e, 0, "'%s' names no host", text);
	} else {
		int r = getaddrinfo(*host ? host : NULL, port, &hints, &list);

		if (r)
			err_set(e, 0, "look up '%s': %s", host, gai_strerror(r));
	}
	free(host);
	free(port);
	return list;
}

bool address_is_harmless(const char *text)
{
	static const char letters[] =
	    ":ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_%";
	bool v6 = *text == '[';
	const char *host = text + v6;
	size_t n =
	    strspn(host, v6 ? letters : letters + 1); /* no ':' outside of brackets */

	if (n == 0 || *host == '-' || (v6 && host[n] != ']') || host[n + v6] != ':')
		return false;
	const char *port = host + n + v6 + 1;
	size_t digits = strspn(port, "0123456789");

	return digits > 0 && digits <= 5 && !port[digits] && atoi(port) <= 65535;
}

bool address_is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return a->sa_family == AF_UNIX;
}

bool address_is_loopback_text(const char *text)
{
	return strncmp(text, "127.", 4) == 0 || strncmp(text, "[::1]", 5) == 0;
}

const char *address_text(const struct sockaddr *a, char out[ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";

	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(out, ADDRESS_TEXT, "%s:%u", host, ntohs(in->sin_port));
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		snprintf(out, ADDRESS_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else {
		snprintf(out, ADDRESS_TEXT, "?");
	}
	return out;
}
