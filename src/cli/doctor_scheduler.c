#include "cli/doctor_scheduler.h"

#include "cli/doctor.h"
#include "cli/farm_look.h"

#include <inttypes.h>
#include <string.h>

enum {
	CLOCK_MS = 30000 /* certificates begin 300 s before they are made */
};

static size_t answering(const struct scheduler_facts *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->v[i].answers;
	return n;
}

static void say_silent(struct doctor *d, const struct scheduler_facts *all,
		       const struct farm_look *f)
{
	size_t others = answering(all);

	doctor_say(d, DOCTOR_HOSTS, others ? DOCTOR_NOTE : DOCTOR_WRONG,
		   "The scheduler %s is of no use: %s%s.", f->address, f->why,
		   others ? "" : ", so nothing is lent and compiles run here");
	doctor_advise(d, "Is muster-scheduler running there, and does it listen where this "
			 "machine can reach it?");
}

static void say_clock(struct doctor *d, const struct farm_look *f)
{
	int64_t off = f->ahead_ms < 0 ? -f->ahead_ms : f->ahead_ms;

	if (!f->has_clock || off < CLOCK_MS)
		return;
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
		   "The clock of the scheduler %s is %" PRId64 " s %s this machine's: "
		   "certificates and tokens may end too soon.",
		   f->address, off / 1000, f->ahead_ms < 0 ? "behind" : "ahead of");
	doctor_advise(d, "Let both machines keep their time by NTP.");
}

static void say_farm(struct doctor *d, const struct scheduler_facts *all,
		     const struct farm_look *f)
{
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_OK,
		   "The scheduler %s answers in %ld ms (%s, %s%s%s): %u host%s, %u of %u "
		   "slots in use, %u agent%s.",
		   f->address, f->ms, f->software,
		   *f->farm ? "farm '" : "a farm without name", f->farm,
		   *f->farm ? "'" : "", f->hosts, f->hosts == 1 ? "" : "s", f->used,
		   f->slots, f->agents, f->agents == 1 ? "" : "s");
	if (f->usable == 0) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
			   "The farm of %s has no slots for this machine's platform.",
			   f->address);
		doctor_advise(d,
			      "Start workers with muster-worker --scheduler %s, or see "
			      "with 'muster hosts' why those it has lend nothing.",
			      f->address);
	}
	if (strcmp(f->software, all->our_software) != 0) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
			   "The scheduler %s is %s and this is %s: they understand each "
			   "other, but not all that the newer one can do is used.",
			   f->address, f->software, all->our_software);
		doctor_advise(d, "Update the older one.");
	}
	say_clock(d, f);
}

/* Of several, which one it is. */
static void say_place(struct doctor *d, const struct scheduler_facts *f)
{
	const struct farm_look *first = &f->v[0];

	for (size_t i = 1; i < f->n; i++)
		if (f->v[i].answers && first->answers &&
		    strcmp(f->v[i].farm, first->farm) != 0) {
			doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
				   "The schedulers %s and %s are of different farms ('%s' "
				   "and '%s'): when one takes over from the other, nothing "
				   "that was lent counts there.",
				   first->address, f->v[i].address, first->farm,
				   f->v[i].farm);
			doctor_advise(d, "Name schedulers of one farm in one list.");
		}
	if (!*f->used || strcmp(f->used, first->address) == 0)
		return;
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE,
		   "The agent uses the scheduler %s, and the first of its list is %s%s.",
		   f->used, first->address,
		   first->answers ? ": it goes back there when nothing is under way"
				  : ", which does not answer");
}

void doctor_scheduler_judge(struct doctor *d, const struct scheduler_facts *f)
{
	if (f->wrong) {
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG,
			   "The list of schedulers makes no sense: %s.", f->wrong);
		return;
	}
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].answers)
			say_farm(d, f, &f->v[i]);
		else
			say_silent(d, f, &f->v[i]);
	}
	if (f->n)
		say_place(d, f);
}
