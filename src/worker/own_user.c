#include "worker/own_user.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ESTABLISHED = 1
};

static uid_t starter = (uid_t)-1;

void own_user_started_by(uid_t uid)
{
	starter = uid;
}

/* FROM as the list writes it: words of the address in this machine's byte order, ":", the port, all in hexadecimal. */
static bool listed_form(const char *from, char out[48], bool *v6)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(from, ':');
	size_t n = colon ? (size_t)(colon - from) : 0;
	uint32_t words[4];

	if (n == 0 || n >= sizeof host)
		return false;
	memcpy(host, from, n);
	host[n] = 0;
	*v6 = host[0] == '[';
	if (*v6 && host[n - 1] == ']') {
		host[n - 1] = 0;
		memmove(host, host + 1, n - 1);
	}
	if (inet_pton(*v6 ? AF_INET6 : AF_INET, host, words) != 1)
		return false;
	for (int i = 0; i < (*v6 ? 4 : 1); i++)
		snprintf(out + (size_t)i * 8, 9, "%08X", words[i]);
	snprintf(out + strlen(out), 8, ":%04X", (unsigned)atoi(colon + 1) & 0xffff);
	return true;
}

bool own_user_is(const char *from)
{
	char want[48], local[64], line[512];
	unsigned state, uid;
	bool v6, ours = false;

	if (!listed_form(from, want, &v6))
		return false;
	FILE *f = fopen(v6 ? "/proc/net/tcp6" : "/proc/net/tcp", "re");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, " %*u: %63s %*s %x %*s %*s %*s %u", local, &state, &uid) ==
			3 &&
		    state == ESTABLISHED && strcmp(local, want) == 0)
			ours = uid == geteuid() || uid == starter;
	if (f)
		fclose(f);
	return ours;
}
