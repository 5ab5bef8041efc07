#include "cli/doctor_agent.h"

#include "base/arena.h"
#include "base/log.h"
#include "cli/doctor.h"

#include <string.h>

static void judge_folder(struct doctor *d, const struct agent_facts *f)
{
	static const char meant[] =
	    "Remove it, or name another folder: export MUSTER_STATE_DIR=DIR.";

	switch (f->folder) {
	case FOLDER_OURS:
		doctor_say(d, DOCTOR_AGENT, DOCTOR_OK,
			   "Its state folder %s is ours alone (socket path: %zu of %zu "
			   "bytes).",
			   f->dir, f->socket_length, f->socket_max);
		break;
	case FOLDER_ABSENT:
		doctor_say(d, DOCTOR_AGENT, DOCTOR_OK,
			   "Its state folder %s will be made by the first compile.",
			   f->dir);
		break;
	case FOLDER_IMPOSSIBLE:
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG,
			   "The path of its state folder is too long for a socket, or not "
			   "absolute: no agent can listen, and every compile runs here.");
		doctor_advise(d,
			      "Set MUSTER_STATE_DIR (or XDG_RUNTIME_DIR) to an absolute "
			      "path of at most %zu bytes.",
			      f->socket_max - strlen("/agent.sock"));
		break;
	case FOLDER_FOREIGN:
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG,
			   "Its state folder %s belongs to another user, so it is not "
			   "trusted and every compile runs here.",
			   f->dir);
		doctor_advise(d, "%s", meant);
		break;
	case FOLDER_OPEN:
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG,
			   "Others can write to its state folder %s, so it is not trusted "
			   "and every compile runs here.",
			   f->dir);
		doctor_advise(d, "chmod go-w %s.", f->dir);
		break;
	case FOLDER_NO_FOLDER:
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG,
			   "%s, which should be its state folder, is none: every compile "
			   "runs here.",
			   f->dir);
		doctor_advise(d, "%s", meant);
		break;
	}
}

static void judge_running(struct doctor *d, const struct agent_facts *f)
{
	if (strcmp(f->version, f->our_version) != 0) {
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG,
			   "The agent that runs (pid %ld) is muster %s and this is %s: it "
			   "may send every compile back to this machine.",
			   f->pid, f->version, f->our_version);
		doctor_advise(d, "muster stop; the next compile starts the right one.");
	} else {
		doctor_say(
		    d, DOCTOR_AGENT, DOCTOR_OK,
		    "It runs (pid %ld, muster %s); of %lld compiles, %lld were done by "
		    "workers.",
		    f->pid, f->version, (long long)f->total, (long long)f->remote);
	}
	if (f->total > 0 && f->remote == 0) {
		doctor_say(d, DOCTOR_AGENT, DOCTOR_NOTE,
			   f->total == 1 ? "The %lld compile that it has seen ran here."
					 : "All %lld compiles that it has seen ran here.",
			   (long long)f->total);
		doctor_advise(d, "muster status tells the reasons.");
	}
	if (f->other_mounts) {
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG,
			   "It sees other mounts than this shell (one of the two is in a "
			   "container): compiles of this shell stay here.");
		doctor_advise(d, "Give each side its own agent: export "
				 "MUSTER_STATE_DIR=DIR in one of them.");
	}
}

void doctor_agent_judge(struct doctor *d, const struct agent_facts *f)
{
	judge_folder(d, f);
	if (f->trouble) {
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG, "It cannot be asked: %s.",
			   f->trouble);
		doctor_advise(d, "muster stop, or end it by hand if that does nothing; the "
				 "next compile starts a new one.");
	} else if (f->running) {
		judge_running(d, f);
	} else if (f->program_runs) {
		doctor_say(d, DOCTOR_AGENT, DOCTOR_OK,
			   "None runs; the first compile starts %s.", f->program);
	}
	if (!f->program_runs) {
		doctor_say(d, DOCTOR_AGENT, DOCTOR_WRONG,
			   "Its program %s cannot be run, so none can be started.",
			   f->program);
		doctor_advise(d, "Install muster-agent beside muster-cc, or correct "
				 "MUSTER_AGENT.");
	}
	if (f->last_error) {
		doctor_say(d, DOCTOR_AGENT, DOCTOR_NOTE,
			   "The last error in %s/agent.log: %s", f->dir, f->last_error);
		doctor_advise(d, "(It may be an old one.)");
	}
}

const char *doctor_last_error(struct arena *arena, const char *text, size_t n)
{
	const char *found = NULL;
	size_t length = 0;

	/* A line begins with its level, "<3>". */
	for (const char *p = text; p < text + n;) {
		const char *end = memchr(p, '\n', (size_t)(text + n - p));
		size_t line = end ? (size_t)(end - p) : (size_t)(text + n - p);

		if (line > 3 && p[0] == '<' && p[1] >= '0' && p[1] <= '0' + LOG_ERROR &&
		    p[2] == '>') {
			found = p + 3;
			length = line - 3;
		}
		p += line + 1;
	}
	return found ? arena_strndup(arena, found, length) : NULL;
}
