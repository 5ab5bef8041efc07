#include "scheduler/announce.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/kept.h"
#include "wire/talk.h"

#include <stdlib.h>

struct announce {
	struct kept *publisher;
};

struct announce *announce_start(struct loop *l, const char *name, const char *farm,
				const char *print, unsigned port)
{
	AUTO_FREE char *label = xasprintf("muster %.*s:%u", ANNOUNCE_NAME - 16, name, port);
	AUTO_FREE char *number = xasprintf("%u", port);
	AUTO_FREE char *txt = xasprintf("farm=%.*s", TALK_NAME, farm);
	AUTO_FREE char *whose = xasprintf("print=%s", print);
	char program[] = "avahi-publish-service", type[] = TALK_SERVICE;
	char *argv[] = {program, label, type, number, txt, *print ? whose : NULL, NULL};
	struct kept_spec spec = {.argv = argv,
				 .loss = "this scheduler is not announced by mDNS"};
	struct err e = {0};
	struct kept *publisher = kept_start(l, &spec, &e);

	if (!publisher) {
		log_line(LOG_WARNING, "%s (Debian's package avahi-utils has it): %s",
			 e.text, spec.loss);
		return NULL;
	}
	struct announce *a = xcalloc(1, sizeof *a);

	a->publisher = publisher;
	return a;
}

void announce_free(struct announce *a)
{
	if (!a)
		return;
	kept_free(a->publisher);
	free(a);
}
