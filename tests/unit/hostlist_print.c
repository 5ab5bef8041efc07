/* hostlist_print LIST: what hostlist_parse says of it. The first line is "refused:
 * SENTENCE", "none" (it is a list, without a host) or "ok N" with what `distcc -j` would
 * say; behind "ok" come the hosts' words, one a line. */
#include "base/err.h"
#include "net/hostlist.h"

#include <stdio.h>

int main(int argc, char *argv[])
{
	struct hostlist list;
	struct err e;

	if (argc != 2) {
		fprintf(stderr, "usage: hostlist_print LIST\n");
		return 2;
	}
	if (hostlist_parse(&list, argv[1], 3632, &e)) {
		printf("refused: %s\n", e.text);
		return 0;
	}
	if (list.n)
		printf("ok %u\n", hostlist_concurrency(&list));
	else
		printf("none\n");
	for (size_t i = 0; i < list.n; i++)
		printf("%s\n", list.v[i].word);
	hostlist_free(&list);
	return 0;
}
