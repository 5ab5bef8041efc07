#include "cli/doctor_hosts.h"

#include "base/arena.h"
#include "cli/doctor.h"

#include <string.h>

static void say_unheard(struct doctor *d, const struct host_facts *f)
{
	const struct host *h = f->host;

	switch (f->voice) {
	case VOICE_NO_NAME:
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
			   "%s: the name %s has no address here, so it gets no jobs.",
			   h->word, h->name);
		doctor_advise(
		    d, "Correct the list, or make the name known (/etc/hosts, DNS).");
		break;
	case VOICE_REFUSED:
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
			   "%s: nothing listens on port %u of %s, so it gets no jobs.",
			   h->word, h->port, h->name);
		doctor_advise(
		    d,
		    "Start its server there: muster-worker --listen ADDRESS:%u "
		    "(without --listen only that machine itself can reach it), or "
		    "distccd.",
		    h->port);
		break;
	case VOICE_NO_ANSWER:
		doctor_say(
		    d, DOCTOR_HOSTS, DOCTOR_WRONG,
		    "%s: no connection to port %u within %ld ms, so it gets no jobs.",
		    h->word, h->port, f->latency_ms);
		doctor_advise(d, "Is it on, and does a firewall let this port through?");
		break;
	default: break;
	}
}

static void say_muster(struct doctor *d, const struct hosts_facts *all,
		       const struct host_facts *f)
{
	const struct host *h = f->host;
	const struct capacity *c = &f->capacity;

	doctor_say(d, DOCTOR_HOSTS, DOCTOR_OK,
		   "%s answers in %ld ms (%s, %u slots, %s compiles).", h->word,
		   f->latency_ms, c->software, c->slots,
		   c->confined ? "confines" : "does not confine");
	if (strcmp(c->software, all->our_software) != 0) {
		doctor_say(
		    d, DOCTOR_HOSTS, DOCTOR_NOTE,
		    "%s is %s and this is %s: they understand each other, but not all "
		    "that the newer one can do is used.",
		    h->word, c->software, all->our_software);
		doctor_advise(d, "Update the older one.");
	}
	if (!c->confined) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
			   "%s cannot confine compiles (%s), so it is sent preprocessed "
			   "source, which costs this machine more.",
			   h->word, c->unconfined_why);
		doctor_advise(d, "muster doctor on that machine tells how to change it.");
	}
	if (c->slots == 0) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
			   "%s has no slots, so it gets no jobs.", h->word);
		doctor_advise(d, "Start its muster-worker with --slots.");
	} else if (h->slots > c->slots) {
		doctor_say(
		    d, DOCTOR_HOSTS, DOCTOR_NOTE,
		    "%s: the list says %u slots and the worker has %u, which counts.",
		    h->word, h->slots, c->slots);
	}
}

static void say_useless(struct doctor *d, const struct hosts_facts *all,
			const struct host_facts *f)
{
	const struct host *h = f->host;

	if (!f->capacity.answers) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
			   "%s takes connections, but gets no jobs: %s.", h->word,
			   f->capacity.why);
		doctor_advise(d,
			      "Likely causes, in this order: port %u is that of another "
			      "service; all processes of its server are busy, or hang.",
			      h->port);
		return;
	}
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
		   "%s lets this machine in, but does not compile a line with %s.", h->word,
		   all->compiler);
	doctor_advise(d,
		      "Likely causes, in this order: %s is not installed there; distccd's "
		      "list of compilers lacks it (update-distcc-symlinks there); all its "
		      "processes are busy; its disk is full. Its log tells.",
		      all->compiler);
}

static void say_distccd(struct doctor *d, const struct hosts_facts *all,
			const struct host_facts *f)
{
	const struct host *h = f->host;
	const char *slots = f->capacity.slots
				? arena_printf(d->arena, "%u slots", f->capacity.slots)
				: "slots not told";

	doctor_say(
	    d, DOCTOR_HOSTS, DOCTOR_OK,
	    "%s answers in %ld ms (a distccd, version not told, %s) and compiles with "
	    "%s.",
	    h->word, f->latency_ms, slots, all->compiler);
}

static void say_slammed(struct doctor *d, const struct host_facts *f)
{
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
		   "%s closes the connection at once without a word, so it gets no jobs.",
		   f->host->word);
	doctor_advise(d,
		      "Likely causes, in this order: this machine is not among those it "
		      "allows (distccd --allow, ALLOWEDNETS in /etc/default/distcc); "
		      "another service has this port; the server cannot start processes. "
		      "Its log tells.");
}

static void say_averse(struct doctor *d, const struct host_facts *f)
{
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
		   "%s and this machine do not let each other in, so it gets no jobs: %s.",
		   f->host->word, f->capacity.why);
	doctor_advise(d,
		      "Both sides want copies of one key file, mode 600 (muster key), or "
		      "certificates of one farm (muster join). Its log tells more.");
}

static void judge_host(struct doctor *d, const struct hosts_facts *all,
		       const struct host_facts *f)
{
	const struct host *h = f->host;

	if (f->repeated) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
			   "%s is in the list more than once.", h->word);
		doctor_advise(d, "Name it once, as HOST:PORT/SLOTS.");
		return;
	}
	switch (f->voice) {
	case VOICE_UNASKED:
		if (h->down)
			doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
				   "%s is left out: the list marks it as down.", h->word);
		else if (h->kind == HOST_SSH)
			doctor_say(
			    d, DOCTOR_HOSTS, DOCTOR_NOTE,
			    "%s is reached by ssh, which is not tried here; it must "
			    "work without a question: ssh -o BatchMode=yes %s%s%s true.",
			    h->word, h->user ? h->user : "", h->user ? "@" : "", h->name);
		else
			doctor_say(d, DOCTOR_HOSTS, DOCTOR_OK, "%s is this machine.",
				   h->word);
		break;
	case VOICE_NO_NAME:
	case VOICE_REFUSED:
	case VOICE_NO_ANSWER: say_unheard(d, f); break;
	case VOICE_MUSTER: say_muster(d, all, f); break;
	case VOICE_AVERSE: say_averse(d, f); break;
	case VOICE_DISTCCD: say_distccd(d, all, f); break;
	case VOICE_SLAMMED: say_slammed(d, f); break;
	case VOICE_USELESS: say_useless(d, all, f); break;
	}
}

/* Whether the workers have our compilers is known only to an agent that has asked them. */
static void judge_same_compiler(struct doctor *d, const struct agent_facts *agent)
{
	static const char confine[] = "it cannot confine";
	bool asked = agent->running && agent->remote > 0, well = true;

	for (size_t i = 0; i < agent->nworkers; i++) {
		const struct known_worker *w = &agent->workers[i];

		if (!w->up || !*w->why || strncmp(w->why, confine, strlen(confine)) == 0)
			continue;
		well = false;
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG, "%s does not get all jobs: %s.",
			   w->address, w->why);
		doctor_advise(d, "A worker needs the same compiler, file by file: install "
				 "the same package on both machines.");
	}
	if (asked && well)
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_OK,
			   "The agent knows of no worker that lacks our compilers.");
	else if (!asked && well)
		doctor_say(
		    d, DOCTOR_HOSTS, DOCTOR_OK,
		    "Whether the workers have the same compilers is told by the first "
		    "compile; then ask again, or muster status.");
}

void doctor_hosts_judge(struct doctor *d, const struct hosts_facts *f)
{
	bool heard = false;

	if (f->wrong && f->from) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
			   "The list of %s is not used, since %s: every compile runs here.",
			   f->from, f->wrong);
		doctor_advise(d, "Words are HOST, HOST:PORT or HOST:PORT/SLOTS, between "
				 "blanks; an IPv6 address stands in brackets.");
	} else if (f->n == 0 && f->callers) {
		doctor_say(
		    d, DOCTOR_HOSTS, DOCTOR_OK,
		    "The list of %s means the workers of '%s'; muster status names them.",
		    f->from, f->callers);
	} else if (f->n == 0 && !f->zeroconf) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
			   "No workers are named, so this machine compiles alone (%s%s).",
			   f->from ? "an empty list: " : "",
			   f->from    ? f->from
			   : f->wrong ? f->wrong
				      : "");
		doctor_advise(d, "export MUSTER_HOSTS=\"HOST:PORT ...\", or write them to "
				 "~/.config/muster/hosts.");
	} else {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_OK, "The list of %s names %zu host%s%s.",
			   f->from, f->n, f->n == 1 ? "" : "s",
			   f->zeroconf
			       ? ", and +zeroconf finds those that announce themselves"
			       : "");
	}
	if (f->locked) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
			   "%s is there and may not be read by this user: another list, or "
			   "none, counts.",
			   f->locked);
		doctor_advise(d, "chmod u+r %s, or remove it.", f->locked);
	}
	if (f->unread) {
		doctor_say(
		    d, DOCTOR_HOSTS, DOCTOR_NOTE,
		    "%s is not read: lists are not merged, and that of %s comes first.",
		    f->unread, f->from);
		doctor_advise(d, "Keep one of the two.");
	}
	for (size_t i = 0; i < f->n; i++) {
		judge_host(d, f, &f->v[i]);
		heard |= f->v[i].voice == VOICE_MUSTER || f->v[i].voice == VOICE_DISTCCD;
	}
	if (!heard)
		return;
	judge_same_compiler(d, f->agent);
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_OK,
		   "The clocks are not compared, since hosts do not tell their time; no "
		   "result depends on them.");
}
