/* sim: the simulator by hand.
 *
 *   sim --seeds N [--from S]    N random worlds; the first that breaks an invariant ends it
 *   sim --story SEED            the farm's events and effects of that world as a story, on stdout
 *   sim --replay FILE…          stories must happen as they are told; --accept FILE… rewrites them
 *   sim --huge                  10,000 workers x 8 slots, 1,000 agents, 1,000,000 jobs
 *   sim --cold                  the same, by agents that know nothing of their jobs and workers
 *   sim --rate                  decisions a second and memory of the farm alone
 *   sim --late                  a second user comes to a full farm of 200 slots
 *   sim --icecc                 the published algorithm of icecc-scheduler and ours on the same farm */
#include "base/mem.h"
#include "sim.h"
#include "sim_rate.h"

#include <stdlib.h>
#include <string.h>

static double seconds(nsec t)
{
	return (double)t / 1e9;
}

static int seeds(uint64_t from, uint64_t n)
{
	struct sim_result r, all = {0};

	for (uint64_t seed = from; seed < from + n; seed++) {
		struct sim_config c = sim_of_seed(seed);

		sim_run(&c, &r);
		if (!r.ok) {
			printf("%s\nsim --story %llu tells it\n", r.why,
			       (unsigned long long)seed);
			return 1;
		}
		all.steps += r.steps;
		all.jobs += r.jobs;
		all.messages += r.messages;
		all.minutes += r.minutes;
		if (r.starved > all.starved)
			all.starved = r.starved;
		if (r.worst_share > all.worst_share)
			all.worst_share = r.worst_share;
	}
	printf(
	    "%llu worlds: %llu steps of the farm, %llu messages, %llu jobs; longest without a "
	    "slot %.1f s; %llu minutes of contention, worst share off by %.1f %%\n",
	    (unsigned long long)n, (unsigned long long)all.steps,
	    (unsigned long long)all.messages, (unsigned long long)all.jobs,
	    seconds(all.starved), (unsigned long long)all.minutes, 100 * all.worst_share);
	return 0;
}

static int story(uint64_t seed)
{
	struct sim_config c = sim_of_seed(seed);
	struct sim_result r;

	c.story = stdout;
	printf("# The farm's part of world %llu.\n", (unsigned long long)seed);
	sim_run(&c, &r);
	printf("# %s\n", r.ok ? "All went well." : r.why);
	return 0;
}

static int replay(char **path, bool accept)
{
	int bad = 0;

	for (; *path; path++)
		bad |= !story_replay(*path, accept);
	return bad;
}

static void show(const char *who, const struct sim_config *c, const struct sim_result *r)
{
	printf("%s: %u workers x %u, %u agents x %u jobs, speeds 1:%.0f\n", who, c->workers,
	       c->slots, c->agents, c->jobs, c->spread);
	printf("  %s\n", r->ok ? "ok" : r->why);
	printf("  makespan %.2f s, lower bound %.2f s, ratio %.3f\n", seconds(r->end),
	       seconds(r->bound), seconds(r->end) / seconds(r->bound));
	printf("  %llu jobs, %llu second copies, %llu messages, %llu steps, %llu effects",
	       (unsigned long long)r->jobs, (unsigned long long)r->hedges,
	       (unsigned long long)r->messages, (unsigned long long)r->steps,
	       (unsigned long long)r->effects);
	if (r->farm_s > 0)
		printf("; farm %.2f s of CPU: %.0f steps/s", r->farm_s,
		       (double)r->steps / r->farm_s);
	printf("\n");
}

static int huge(bool cold)
{
	struct sim_config c = {.seed = 1,
			       .workers = 10000,
			       .slots = 8,
			       .agents = 1000,
			       .users = 100,
			       .jobs = 1000,
			       .parallel = 1000,
			       .spread = 8,
			       .mean_s = 4,
			       .delay = 2 * MS,
			       .horizon = 100000 * SEC,
			       .equal = true,
			       .cold = cold,
			       .timed = true};
	struct sim_result r;

	sim_run(&c, &r);
	show("muster", &c, &r);
	return !r.ok;
}

static int late(void)
{
	struct sim_config c = {.seed = 1,
			       .workers = 25,
			       .slots = 8,
			       .agents = 2,
			       .users = 2,
			       .jobs = 4000,
			       .parallel = 400,
			       .spread = 4,
			       .mean_s = 5,
			       .delay = 20 * MS,
			       .horizon = 10000 * SEC,
			       .equal = true,
			       .check = true,
			       .late_user = 30 * SEC};
	double mean_speed = 0;
	struct sim_result r;

	for (unsigned i = 0; i < c.workers; i++)
		mean_speed += sim_speed(&c, i) / c.workers;
	sim_run(&c, &r);
	printf(
	    "%s\nthe second user has nine tenths of its share after %.2f s; a mean job takes "
	    "%.2f s\n",
	    r.ok ? "ok" : r.why, seconds(r.late_share), c.mean_s / mean_speed);
	return !r.ok;
}

static int compare(void)
{
	struct sim_config c = {.seed = 1,
			       .workers = 200,
			       .slots = 8,
			       .agents = 50,
			       .users = 50,
			       .jobs = 600,
			       .parallel = 200,
			       .spread = 8,
			       .mean_s = 4,
			       .delay = 2 * MS,
			       .horizon = 100000 * SEC,
			       .equal = true};
	struct sim_result r;

	sim_run(&c, &r);
	show("muster", &c, &r);
	icecc_run(&c, &r);
	show("icecc-scheduler, replayed", &c, &r);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	if (strcmp(what, "--seeds") == 0 && n)
		return seeds(argc > 4 ? strtoull(argv[4], NULL, 10) : 1, n);
	if (strcmp(what, "--story") == 0 && argc > 2)
		return story(n);
	if (strcmp(what, "--replay") == 0 || strcmp(what, "--accept") == 0)
		return replay(argv + 2, what[2] == 'a');
	if (strcmp(what, "--huge") == 0)
		return huge(false);
	if (strcmp(what, "--cold") == 0)
		return huge(true);
	if (strcmp(what, "--rate") == 0)
		return sim_rate();
	if (strcmp(what, "--late") == 0)
		return late();
	if (strcmp(what, "--icecc") == 0)
		return compare();
	fprintf(stderr,
		"usage: sim --seeds N [--from SEED] | --story SEED | --replay FILE... | "
		"--accept FILE... | --huge | --cold | --rate | --late | --icecc\n");
	return 2;
}
