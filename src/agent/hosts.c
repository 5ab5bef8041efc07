#include "agent/hosts.h"

#include "base/mem.h"
#include "net/address.h"

#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n,";

/* "HOST", "HOST:PORT", "[V6]:PORT", each perhaps with "/N". 0 or -1. */
static int parse_word(const char *word, size_t n, struct host *h)
{
	const char *slash = memchr(word, '/', n);
	size_t address = slash ? (size_t)(slash - word) : n;
	char *end;

	*h = (struct host){0};
	if (address == 0)
		return -1;
	if (slash) {
		unsigned long slots = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || end != word + n || slots == 0 ||
		    slots > 10000)
			return -1;
		h->slots = (unsigned)slots;
	}
	AUTO_FREE char *text = xstrndup(word, address);
	const char *close = strrchr(text, ']');
	bool has_port = strchr(close ? close : text, ':') != NULL;

	h->address = has_port ? xstrdup(text) : xasprintf("%s:%d", text, ADDRESS_PORT);
	return 0;
}

struct hosts *hosts_parse(const char *text)
{
	struct hosts *all = xcalloc(1, sizeof *all);

	for (const char *p = text; *(p += strspn(p, blanks));) {
		if (*p == '#') {
			p += strcspn(p, "\n");
			continue;
		}
		size_t n = strcspn(p, blanks);
		struct host h;

		if (parse_word(p, n, &h)) {
			if (!all->bad)
				all->bad = xstrndup(p, n);
		} else if (hosts_have(all, h.address, h.slots)) {
			free(h.address);
		} else {
			all->v = xreallocarray(all->v, all->n + 1, sizeof *all->v);
			all->v[all->n++] = h;
		}
		p += n;
	}
	return all;
}

bool hosts_have(const struct hosts *all, const char *address, unsigned slots)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].slots == slots && strcmp(all->v[i].address, address) == 0)
			return true;
	return false;
}

void hosts_free(struct hosts *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->n; i++)
		free(all->v[i].address);
	free(all->v);
	free(all->bad);
	free(all);
}
