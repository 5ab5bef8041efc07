/* muster up: workers from an engine, for all builds of this user until `muster down`. The process that keeps them goes on without us;
 * what it says until all of them are there, or a while has passed, is shown.
 *
 * A build uses them when its list of hosts has +callers=up, which the last line says for the shell. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/start.h"
#include "cli/verbs.h"
#include "engine/engine.h"
#include "engine/url.h"
#include "run/engines.h"
#include "run/keeper.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	STATE_DIR = 256,
	SLOTS_MAX = 10000,
	PATIENCE_S = 60,
	SETTLE_S = 3, /* between two workers, when nobody said how many are wanted */
	IDLE_S = 24 * 3600,
	LINE = 1024
};

static const char usage_text[] =
    "usage: muster up --workers URL [-n SLOTS] [--dry-run]\n"
    "Gets workers from an engine for all builds, until 'muster down'.\n"
    "\n"
    "  --workers URL   ssh://[USER@]HOST,...  slurm://[PARTITION]  mesos://HOST:PORT\n"
    "                  kubernetes://[CONTEXT/]NAMESPACE  local://N\n"
    "  -n SLOTS        so many compiles at once, all workers together (default 32)\n"
    "  --dry-run       prints the objects that would be created (Kubernetes)\n";

struct up {
	const char *text;
	unsigned slots;
	bool told; /* SLOTS was */
	bool dry;
	struct engine_url url;
	char state[STATE_DIR];
	unsigned up_workers, up_slots;
	bool bad;
};

static int complain(const struct err *e)
{
	fprintf(stderr, "muster: %s\n", e->text);
	return 1;
}

static int parse(struct up *u, char **argv)
{
	for (int i = 1; argv[i]; i++) {
		const char *word = argv[i];

		if (strncmp(word, "--workers=", 10) == 0)
			u->text = word + 10;
		else if (strcmp(word, "--workers") == 0 && argv[i + 1])
			u->text = argv[++i];
		else if (strcmp(word, "-n") == 0 && argv[i + 1]) {
			u->slots = (unsigned)strtoul(argv[++i], NULL, 10);
			u->told = true;
		} else if (strcmp(word, "--dry-run") == 0)
			u->dry = true;
		else
			return -1;
		if (u->slots == 0 || u->slots > SLOTS_MAX)
			return -1;
	}
	return u->text ? 0 : -1;
}

static int dry_run(const struct up *u, struct err *e)
{
	AUTO_FREE char *worker = engines_worker_file(e);
	AUTO_BUF struct buf out = {0};
	struct engine_spec spec = {.build = "up",
				   .call = "HOST:PORT",
				   .listen = "HOST:PORT",
				   .key = "KEY",
				   .worker = worker,
				   .idle_s = IDLE_S,
				   .keep = true};

	if (!worker || engine_manifest(&u->url, &spec, &out, e))
		return -1;
	fwrite(out.data, 1, out.len, stdout);
	return 0;
}

static void take_line(struct up *u, const char *line)
{
	if (sscanf(line, "up %u %u", &u->up_workers, &u->up_slots) == 2)
		return;
	if (strncmp(line, "say ", 4) == 0 || strncmp(line, "bad ", 4) == 0)
		fprintf(stderr, "muster: %s\n", line + 4);
	u->bad |= strncmp(line, "bad ", 4) == 0;
}

/* Until all are there, or nothing more will come, or PATIENCE_S are over; when it was not told how many are all, until no
 * more have come for SETTLE_S. */
static void listen_to(struct up *u, int control)
{
	time_t end = time(NULL) + PATIENCE_S, settled = end;
	AUTO_BUF struct buf in = {0};

	while (u->up_slots < u->slots && !u->bad && time(NULL) < end &&
	       time(NULL) < settled) {
		struct pollfd p = {control, POLLIN, 0};
		char *eol;

		if (poll(&p, 1, 500) <= 0)
			continue;
		ssize_t n = recv(control, buf_room(&in, LINE), LINE, 0);

		if (n <= 0) {
			u->bad = true;
			return;
		}
		in.len += (size_t)n;
		while ((eol = memchr(in.data, '\n', in.len))) {
			*eol = 0;
			take_line(u, in.data);
			buf_drop(&in, (size_t)(eol - in.data) + 1);
		}
		if (!u->told && u->up_workers > 0)
			settled = time(NULL) + SETTLE_S;
	}
}

static int go_up(struct up *u, struct err *e)
{
	AUTO_FREE char *worker = engines_worker_file(e);

	if (!worker || start_agent(u->state, sizeof u->state, e))
		return -1;
	if (keeper_lasting(u->state))
		return err_set(e, 0, "there are workers already; 'muster down' ends them");
	u->told |= engine_url_get(&u->url, "n") != NULL;
	engine_url_number(&u->url, "n", 1, SLOTS_MAX, &u->slots, NULL);
	struct keeper_spec spec = {.url = &u->url,
				   .state = u->state,
				   .name = "up",
				   .worker = worker,
				   .ssh = getenv("DISTCC_SSH"),
				   .call = getenv("MUSTER_CALL"),
				   .most = u->slots,
				   .idle_s = IDLE_S,
				   .lasting = true};
	int control, pid = keeper_fork(&spec, &control);

	if (pid < 0)
		return err_set(e, 0, "the process that keeps the workers does not start");
	listen_to(u, control);
	close(control);
	if (u->bad && u->up_workers == 0) {
		kill(pid, SIGTERM);
		return err_set(e, 0, "no workers are there");
	}
	printf("# %u worker%s with %u slots %s there%s\n", u->up_workers,
	       u->up_workers == 1 ? "" : "s", u->up_slots,
	       u->up_workers == 1 ? "is" : "are",
	       u->up_slots < u->slots ? ", more may come" : "");
	puts("export MUSTER_HOSTS='+callers=up'");
	return 0;
}

int verb_up(int argc, char **argv)
{
	struct up u = {.slots = ENGINES_SLOTS};
	struct err e = {0};

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage_text, stdout) < 0;
	if (parse(&u, argv)) {
		fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	int failed = engine_url_parse(&u.url, u.text, &e) || engine_check(&u.url, &e) ||
		     (u.dry ? dry_run(&u, &e) : go_up(&u, &e));

	engine_url_free(&u.url);
	return failed ? complain(&e) : 0;
}
