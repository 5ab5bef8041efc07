/* Slurm's commands print words which have been the same for many years, in English only. What is not known is shown as it is. */
#include "engine/slurm.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word, *meaning;
} reasons[] = {
    {"None",	       ""							  },
    {"Resources",          "the cluster is full"				       },
    {"Priority",           "the cluster is full, and others are before us"             },
    {"PartitionTimeLimit", "the partition does not allow so long a time (time=MINUTES)"},
    {"PartitionNodeLimit", "the partition does not allow so many nodes"                },
    {"PartitionDown",      "the partition is down"                                     },
    {"PartitionInactive",  "the partition is inactive"                                 },
    {"BadConstraints",     "no node is as asked"                                       },
    {"PartitionConfig",
     "no node of the partition is as large as a worker (cpus-per-worker)"              },
    {"InvalidAccount",     "the account is not valid"                                  },
    {"InvalidQOS",         "the QOS is not valid"                                      },
    {"BeginTime",          "Slurm puts it off"					 },
    {"ReqNodeNotAvail",    "the nodes that it needs are not available"                 },
};

static enum slurm_state state_of(const char *word)
{
	static const char *const pending[] = {"PENDING", "CONFIGURING", "REQUEUED",
					      "REQUEUE_HOLD", "RESV_DEL_HOLD"};
	static const char *const running[] = {"RUNNING", "SUSPENDED", "STOPPED",
					      "SIGNALING", "STAGE_OUT"};

	for (size_t i = 0; i < sizeof pending / sizeof *pending; i++)
		if (strcmp(word, pending[i]) == 0)
			return SLURM_PENDING;
	for (size_t i = 0; i < sizeof running / sizeof *running; i++)
		if (strcmp(word, running[i]) == 0)
			return SLURM_RUNNING;
	return SLURM_GONE;
}

bool slurm_read_line(char *line, struct slurm_line *l)
{
	char *word = strchr(line, '|'), *reason = word ? strchr(word + 1, '|') : NULL;
	int used = 0;

	if (!reason)
		return false;
	*word++ = *reason++ = 0;
	if (!isdigit((unsigned char)*line) ||
	    sscanf(line, "%lu_%u%n", &l->job, &l->task, &used) != 2 || line[used])
		return false;
	l->word = word;
	l->reason = reason;
	l->state = state_of(word);
	return true;
}

unsigned long slurm_read_job(const char *out)
{
	char *end;
	unsigned long job = isdigit((unsigned char)*out) ? strtoul(out, &end, 10) : 0;

	return job && (*end == '\n' || *end == ';' || *end == 0) ? job : 0;
}

const char *slurm_reason(const char *reason)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strcmp(reasons[i].word, reason) == 0)
			return reasons[i].meaning;
	if (strstr(reason, "Limit") || strncmp(reason, "QOS", 3) == 0 ||
	    strncmp(reason, "Assoc", 5) == 0)
		return "a quota is reached";
	return "Slurm lets it wait";
}

const char *slurm_end_reason(const char *reason)
{
	static const struct {
		const char *word, *meaning;
	} ends[] = {
	    {"NonZeroExitCode", "it failed"                             },
	    {"TimeLimit",       "its time is over (time=MINUTES)"       },
	    {"NodeDown",        "its node is down"                      },
	    {"RaisedSignal",    "it was killed"                         },
	    {"OutOfMemory",     "it had not enough memory (mem-per-cpu)"},
	};

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (strncmp(reason, ends[i].word, strlen(ends[i].word)) == 0)
			return ends[i].meaning;
	return slurm_reason(reason);
}

const char *slurm_complaint(const char *said)
{
	static const char *const prefixes[] = {"submission failed: ", "error: "};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		const char *at = strstr(said, prefixes[i]);

		if (at)
			return at + strlen(prefixes[i]);
	}
	return said;
}

enum slurm_denial slurm_denial(const char *said)
{
	static const char *const away[] = {"Unable to contact", "timed out",
					   "not ended",         "Connection refused",
					   "not responding",    "temporarily"};
	static const char *const later[] = {"limit", "Limit", "QOSMax", "AssocMax",
					    "currently disabled"};

	for (size_t i = 0; i < sizeof away / sizeof *away; i++)
		if (strstr(said, away[i]))
			return SLURM_AWAY;
	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		if (strstr(said, later[i]))
			return SLURM_LATER;
	return SLURM_NEVER;
}
