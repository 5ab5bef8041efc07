/* What run/driver makes of the environment, in words, for run_driver.sh:
 *
 *   driver_print [--stay] [CORES [FREE_MB [WANTED]]]
 *
 * status=, jobs= … and "hosts=…", then "unused=WORD: WHY" for each host left out, and
 * "error=…". With --stay, the tunnels live until standard input ends. Exits with the
 * driver's status. */
#include "base/err.h"
#include "base/log.h"
#include "run/driver.h"
#include "sys/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *env_of_process(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static void on_input(void *ctx, unsigned got)
{
	char c;

	(void)got;
	if (read(0, &c, 1) <= 0)
		loop_stop(ctx, 0);
}

static long number(char **word, long fallback)
{
	return *word ? strtol(*word, NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
	char **word = argv + (argc > 0);
	struct err e = {0};
	bool stay = *word && strcmp(*word, "--stay") == 0;

	word += stay;
	log_setup("driver_print", LOG_DEBUG);
	struct driver d = {.loop = loop_new(), .getenv_fn = env_of_process};

	d.cores = (unsigned)number(word, 4);
	word += *word != NULL;
	d.free_mb = number(word, -1);
	word += *word != NULL;
	d.wanted = (int)number(word, 0);
	driver_prepare(&d, &e);

	int status = d.status;

	printf("status=%d\njobs=%u\nlocal=%u\nremote=%u\nused=%u\nhosts=%s\n", d.status,
	       d.jobs, d.local_slots, d.remote_slots, d.nused, d.hosts ? d.hosts : "");
	for (size_t i = 0; i < d.nunused; i++)
		printf("unused=%s: %s\n", d.unused[i].word, d.unused[i].why);
	printf("error=%s\nend\n", e.text);
	fflush(stdout);
	if (stay && status == 0) {
		struct loop_watch *input =
		    loop_watch(d.loop, 0, LOOP_READ, on_input, d.loop);

		loop_run(d.loop);
		loop_unwatch(input);
	}
	driver_close(&d);
	loop_free(d.loop);
	return status;
}
