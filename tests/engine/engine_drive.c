/* engine_drive URL WORKER CALL: an engine by hand. Commands on standard input, a line each: "want N", "retire HANDLE", "close" (as the
 * end of the input does). Events on standard output: "started HANDLE SLOTS", "denied WHY", …. Prints "face HOST" first. */
#include "base/err.h"
#include "engine/engine.h"
#include "engine/url.h"
#include "sys/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct drive {
	struct loop *loop;
	struct engine *engine;
};

static void on_event(void *ctx, const struct engine_event *v)
{
	static const char *const names[] = {"pending", "started", "ending", "lost",
					    "denied",  "down",    "up"};

	(void)ctx;
	printf("%s %s%s%u %s\n", names[v->type], v->handle, *v->handle ? " " : "", v->slots,
	       v->why ? v->why : "");
}

static void on_command(void *ctx, unsigned got)
{
	struct drive *d = ctx;
	char line[256];
	ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);

	(void)got;
	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	if (strncmp(line, "want ", 5) == 0)
		engine_want(d->engine, (unsigned)atoi(line + 5));
	else if (strncmp(line, "retire ", 7) == 0)
		engine_retire(d->engine, line + 7);
	else
		loop_stop(d->loop, 0);
}

static int fail(const struct err *e)
{
	printf("error %s\n", e->text);
	return 1;
}

int main(int argc, char **argv)
{
	struct drive d = {.loop = loop_new()};
	struct engine_url url;
	struct err e = {0};
	char host[256];

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	if (argc != 4)
		return 2;
	if (engine_url_parse(&url, argv[1], &e) || engine_check(&url, &e) ||
	    engine_face(&url, host, sizeof host, &e))
		return fail(&e);
	printf("face %s\n", host);
	struct engine_spec spec = {.build = "drive",
				   .call = argv[3],
				   .listen = argv[3],
				   .key = "secret",
				   .worker = argv[2],
				   .ssh = getenv("DISTCC_SSH"),
				   .idle_s = 60};

	d.engine = engine_open(d.loop, &url, &spec, on_event, &d, &e);
	if (!d.engine)
		return fail(&e);
	struct loop_watch *w = loop_watch(d.loop, STDIN_FILENO, LOOP_READ, on_command, &d);

	loop_run(d.loop);
	loop_unwatch(w);
	engine_close(d.engine);
	puts("closed");
	engine_url_free(&url);
	loop_free(d.loop);
	return 0;
}
