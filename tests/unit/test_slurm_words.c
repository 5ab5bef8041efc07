#include "engine/slurm.h"
#include "test.h"

#include <string.h>

static void lines(void)
{
	char running[] = "12_3|RUNNING|None", waiting[] = "7_1|PENDING|Resources",
	     ended[] = "7_2|NODE_FAIL|NodeDown", range[] = "7_[1-4]|PENDING|None",
	     single[] = "7|RUNNING|None", empty[] = "";
	struct slurm_line l;

	CHECK(slurm_read_line(running, &l) && l.job == 12 && l.task == 3);
	CHECK(l.state == SLURM_RUNNING && strcmp(l.word, "RUNNING") == 0);
	CHECK(slurm_read_line(waiting, &l) && l.state == SLURM_PENDING);
	CHECK(strcmp(slurm_reason(l.reason), "the cluster is full") == 0);
	CHECK(slurm_read_line(ended, &l) && l.state == SLURM_GONE);
	CHECK(!slurm_read_line(range, &l) && !slurm_read_line(single, &l));
	CHECK(!slurm_read_line(empty, &l));
}

static void jobs(void)
{
	CHECK(slurm_read_job("123\n") == 123);
	CHECK(slurm_read_job("123;cluster\n") == 123);
	CHECK(slurm_read_job("") == 0 && slurm_read_job("sbatch: x\n") == 0);
	CHECK(slurm_read_job("12x\n") == 0);
}

static void complaints(void)
{
	CHECK(strcmp(slurm_complaint("sbatch: error: Batch job submission failed: Invalid "
				     "partition name specified"),
		     "Invalid partition name specified") == 0);
	CHECK(strcmp(slurm_complaint("sbatch: error: x"), "x") == 0);
	CHECK(strcmp(slurm_complaint("x"), "x") == 0);
	CHECK(slurm_denial("Invalid partition name specified") == SLURM_NEVER);
	CHECK(slurm_denial("Unable to contact slurm controller") == SLURM_AWAY);
	CHECK(slurm_denial("Job violates accounting/QOS policy (job submit limit, ...)") ==
	      SLURM_LATER);
	CHECK(*slurm_reason("None") == 0);
	CHECK(strcmp(slurm_reason("QOSMaxJobsPerUserLimit"), "a quota is reached") == 0);
	CHECK(*slurm_reason("SomethingNew") != 0);
	CHECK(strstr(slurm_end_reason("TimeLimit"), "time="));
	CHECK(strstr(slurm_end_reason("BadConstraints"), "no node"));
}

TESTS({"lines of squeue", lines}, {"the answer of sbatch", jobs},
      {"complaints", complaints})
