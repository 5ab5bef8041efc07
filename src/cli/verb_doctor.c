/* What may be wrong with this set-up, and what to do about it (cli/doctor.h has the way
 * a check takes). */
#include "base/mem.h"
#include "cli/doctor.h"
#include "cli/doctor_agent.h"
#include "cli/doctor_hosts.h"
#include "cli/doctor_machine.h"
#include "cli/doctor_path.h"
#include "cli/doctor_scheduler.h"
#include "cli/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(FILE *to)
{
	fputs("usage: muster doctor [-q] [--json]\n"
	      "Looks at compilers, links, agent, hosts, ccache, memory, limits and the "
	      "sandbox, and says what to\n"
	      "do about what is wrong. Exits with 1 when something is.\n"
	      "\n"
	      "  -q, --quiet  only what is not ok\n"
	      "  --json       for programs\n",
	      to);
	return to == stdout ? 0 : 2;
}

/* With which a distccd is tried: the name that a build here would most likely use. */
static const char *likely_compiler(const struct path_facts *f)
{
	static const char *const likely[] = {"gcc", "cc", "clang"};

	for (size_t k = 0; k < sizeof likely / sizeof *likely; k++)
		for (size_t i = 0; i < f->n; i++)
			if (f->v[i].kind == PROGRAM_REAL &&
			    strcmp(f->v[i].name, likely[k]) == 0)
				return likely[k];
	return likely[0];
}

static void examine(struct doctor *d)
{
	struct hostlist list;
	struct path_facts path;
	struct agent_facts agent;
	struct machine_facts machine;
	struct scheduler_facts schedulers;

	doctor_path_look(&path, d->arena);
	doctor_agent_look(&agent, d->arena);
	struct hosts_facts hosts = {.agent = &agent, .compiler = likely_compiler(&path)};

	doctor_hosts_look(&hosts, &list, d->arena);
	doctor_scheduler_look(&schedulers, list.schedulers, agent.scheduler, d->arena);
	doctor_machine_look(&machine, agent.dir, d->arena);
	doctor_path_judge(d, &path);
	doctor_agent_judge(d, &agent);
	doctor_hosts_judge(d, &hosts);
	doctor_scheduler_judge(d, &schedulers);
	doctor_ccache_judge(d, &path);
	doctor_environment_judge(d, (const char *const *)environ);
	doctor_machine_judge(d, &machine);
	hostlist_free(&list);
}

int verb_doctor(int argc, char **argv)
{
	bool quiet = false, json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return usage(stdout);
		if (strcmp(argv[i], "-q") == 0 || strcmp(argv[i], "--quiet") == 0)
			quiet = true;
		else if (strcmp(argv[i], "--json") == 0)
			json = true;
		else
			return usage(stderr);
	}
	signal(SIGPIPE, SIG_IGN);
	struct doctor d = {.arena = arena_new()};
	AUTO_BUF struct buf out = {0};

	examine(&d);
	if (json)
		doctor_json(&out, &d, quiet);
	else
		doctor_text(&out, &d, quiet);
	if (out.len)
		fwrite(out.data, 1, out.len, stdout);
	int status = doctor_count(&d, DOCTOR_WRONG) > 0;

	doctor_free(&d);
	arena_free(d.arena);
	return fflush(stdout) ? 1 : status;
}
