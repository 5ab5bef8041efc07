#include "agent/leases_link.h"

#include "agent/agent.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/talk.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DIAL_MS = 2000
};

struct self {
	char host[TALK_NAME + 1];
	char *user;
};

static struct self self_find(void)
{
	const struct passwd *who = getpwuid(getuid());
	struct self s = {.host = "agent"};

	gethostname(s.host, sizeof s.host - 1);
	s.user = who && strlen(who->pw_name) <= TALK_NAME ? xstrdup(who->pw_name)
							  : xasprintf("%u", getuid());
	return s;
}

struct borrower *leases_link_new(struct agent *a, const char *schedulers, const char *farm,
				 bool only_own, const struct borrower_talk *talk, void *ctx,
				 struct err *e)
{
	struct self me = self_find();
	struct borrower *b = borrower_new(
	    &(struct borrower_spec){
		.loop = a->loop,
		.trust = a->trust,
		.list = schedulers,
		.word = "scheduler",
		.self = {.name = me.host,
			 .timeout_ms = a->peer_timeout_ms,
			 .compress_always = a->compress_always},
		.enroll = { .farm = farm,
                         .name = me.host,
                         .user = me.user,
                         .instance = a->instance},
		.dial_ms = DIAL_MS,
		.only_own = only_own,
		.talk = talk,
		.ctx = ctx
        },
	    e);

	free(me.user);
	return b;
}

static uint64_t mix(uint64_t h, const char *text)
{
	for (; *text; text++) /* FNV-1a */
		h = (h ^ (unsigned char)*text) * 1099511628211U;
	return h;
}

uint64_t leases_link_affinity(void)
{
	static uint64_t affinity; /* which takes a look at the users' database */

	if (!affinity) {
		struct self me = self_find();

		affinity = mix(mix(mix(14695981039346656037U, me.host), "/"), me.user);
		free(me.user);
	}
	return affinity;
}

void leases_link_want(struct borrower *b, const struct message_want *m)
{
	AUTO_BUF struct buf message = {0};

	message_put_want(&message, m);
	borrower_send(b, &message);
}

void leases_link_held(struct borrower *b, const struct message_held *m)
{
	AUTO_BUF struct buf message = {0};

	message_put_held(&message, m);
	borrower_send(b, &message);
}

void leases_link_measured(struct borrower *b, const struct message_measured *m)
{
	AUTO_BUF struct buf message = {0};

	message_put_measured(&message, m);
	borrower_send(b, &message);
}
