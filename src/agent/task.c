#include "agent/task.h"

#include "agent/agent.h"
#include "agent/compilers.h"
#include "agent/hosts.h"
#include "agent/learned.h"
#include "agent/leases.h"
#include "agent/local.h"
#include "agent/manners.h"
#include "agent/outputs.h"
#include "agent/plan.h"
#include "agent/preprocess.h"
#include "agent/remote.h"
#include "agent/shims.h"
#include "agent/tally.h"
#include "agent/turn.h"
#include "agent/twin.h"
#include "agent/watch.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "cc/preprocessed.h"
#include "sys/loop.h"
#include "wire/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXIT_NO_HOSTS = 116, /* distcc(1), "EXIT CODES" */
	EXIT_GONE = 117
};

static void handle(struct task *t, enum job_event event);

struct task *task_find(struct agent *a, uint64_t id)
{
	struct task *t;

	HASH_FIND(hh, a->tasks, &id, sizeof id, t);
	return t;
}

static void set_why(struct task *t, const char *why)
{
	snprintf(t->why_room, sizeof t->why_room, "%s", why);
	t->why = t->why_room;
}

static void discard(struct task *t)
{
	preprocess_free(t->first_step);
	t->first_step = NULL;
	t->text_sent = t->started = t->arrived = false;
	outputs_free(t->outputs);
	t->outputs = NULL;
	t->text[0].len = t->text[1].len = t->deps.len = 0;
	t->unforeseen = false;
	t->target = NULL;
	t->nseen = t->musts = 0;
	t->size = t->got = 0;
	t->unwritable = t->unexpected = t->stale = false;
}

static void task_free(struct task *t)
{
	assert(!t->twin);
	if (t->sent_home) /* and may be called back */
		agent_sched(t->agent,
			    (struct sched_event){.type = SCHED_CANCEL, .job = t->id});
	discard(t);
	buf_free(&t->text[0]);
	buf_free(&t->text[1]);
	buf_free(&t->deps);
	arena_free(t->arena);
	turn_remove(t->agent->turn, t);
	HASH_DEL(t->agent->tasks, t);
	free(t);
}

/* -- what the table tells us to do ----------------------------------------------------------- */

static enum job_event do_prepare(struct task *t)
{
	arena_free(t->arena);
	t->arena = arena_new();
	hosts_apply(t->agent, t->request->env);
	t->plan = plan_make(t->agent, t->arena, t->request);
	if (t->plan->travels)
		return JOB_PREPARED;
	set_why(t, t->plan->why);
	if (t->plan->no_workers)
		t->undistributed = EXIT_NO_HOSTS;
	return JOB_MUST_LOCAL;
}

static enum job_event do_check(struct task *t)
{
	struct err missed = {0};

	if (!t->stale && plan_is_fresh(t->agent, t->plan)) {
		if (t->deps.len && plan_covers(t->agent, t->arena, t->plan, t->deps.data,
					       t->deps.len, &missed)) {
			log_line(LOG_ERROR, "the scan of %s missed %s",
				 t->plan->command->source, missed.text);
			t->unforeseen = true;
		}
		return JOB_FRESH;
	}
	t->agent->nstale++;
	set_why(t, "its files kept changing");
	return JOB_STALE;
}

static enum job_event do_write(struct task *t)
{
	struct err e = {0};

	if (t->unforeseen) {
		set_why(t, "it reads a file that was not foreseen");
		return JOB_UNWRITABLE;
	}
	if (t->unexpected) {
		set_why(t, "it writes a file that was not foreseen");
		return JOB_UNWRITABLE;
	}
	if (t->unwritable || (t->outputs && outputs_place(t->outputs, &e))) {
		if (e.text[0])
			log_line(LOG_WARNING, "an output could not be written: %s", e.text);
		set_why(t, "its output could not be written");
		return JOB_UNWRITABLE;
	}
	return JOB_WRITTEN;
}

static bool said_assembler(const struct task *t)
{
	static const char words[] = ": Assembler messages:";

	return t->text[1].len &&
	       memmem(t->text[1].data, t->text[1].len, words, sizeof words - 1);
}

/* What a failing compile does to an output of an earlier one, as tried with GCC 12 and Clang 14: Clang
 * removes it; GCC does so when the program that failed is the one that writes it: the compiler proper with
 * -S or -pipe, and the assembler. */
static bool removes_old_output(const struct task *t)
{
	const struct cc_command *cc = t->plan->command;

	if (WIFEXITED(t->status) && WEXITSTATUS(t->status) == 0)
		return false;
	if (cc->family == CC_CLANG)
		return true;
	for (size_t i = 1; i < cc->argv.n; i++)
		if (strcmp(cc->argv.v[i], "-S") == 0 || strcmp(cc->argv.v[i], "-pipe") == 0)
			return true;
	return said_assembler(t);
}

static void remove_failed(struct task *t)
{
	const char *object = path_join(t->arena, t->plan->cwd, t->plan->command->object);
	struct stat st;

	if (removes_old_output(t) && lstat(object, &st) == 0 && S_ISREG(st.st_mode))
		unlink(object);
}

const char *task_file(const struct task *t)
{
	return t->plan && t->plan->command->source ? t->plan->command->source : "";
}

const char *task_phase(const struct task *t)
{
	switch (t->life.state) {
	case JOB_PREPARE: return "Startup";
	case JOB_WAIT:
	case JOB_LOCAL: return "Blocked";
	case JOB_REMOTE:
		return t->nseen                         ? "Receive"
		       : t->first_step && !t->text_sent ? "Preprocess"
							: "Compile";
	case JOB_CHECK:
	case JOB_WRITE: return "Receive";
	case JOB_END:
	case JOB_NSTATES:
	default: return "Done";
	}
}

static const char *source_of(const struct task *t)
{
	return t->plan->command->source ? t->plan->command->source : "(no source)";
}

static void do_reply(struct task *t)
{
	learned_touch(t->agent->learned);
	remove_failed(t);
	manners_say(t->shim, t->request, MANNERS_INFO, "compile %s on %s completed%s",
		    source_of(t), t->where, t->status ? " with an error" : " ok");
	t->agent->njobs++;
	t->agent->nremote++;
	watch_tell(t->agent, &(struct watch_job){.request = t->request,
						 .file = source_of(t),
						 .host = t->where,
						 .since = t->granted,
						 .cpu_ns = t->cpu_ns,
						 .status = t->status});
	shim_reply(t->shim, t->text[0].data, t->text[0].len, t->text[1].data,
		   t->text[1].len, t->status);
}

static void do_local(struct task *t, bool slot)
{
	struct agent *a = t->agent;

	if (t->undistributed)
		manners_say(t->shim, t->request, MANNERS_WARNING,
			    "failed to distribute %s, running locally instead: %s",
			    source_of(t), t->why);
	else
		manners_say(t->shim, t->request, MANNERS_INFO, "%s is compiled here: %s",
			    source_of(t), t->why);

	if (t->plan->other) {
		a->nother++;
		tally_add(&a->why_other, t->why);
	} else {
		a->njobs++;
		a->nlocal++;
		tally_add(&a->why_local, t->why);
	}
	shim_run_local(t->shim, t->plan->program, slot, source_of(t), t->why);
}

/* -- in two steps ---------------------------------------------------------------------------- */

static void on_text(void *ctx, const struct preprocess_end *end)
{
	struct task *t = ctx;
	const char *why = end->why;

	if (!why && t->remote->foreign && t->plan->two->distcc.n == 0)
		why = "a distccd would refuse this command";
	if (!why) {
		t->text_sent = true;
		remote_send_text(t->remote, t, end);
		return;
	}
	set_why(t, why);
	t->remote = NULL; /* it has not heard of it */
	handle(t, JOB_UNFIT);
}

static void do_send(struct task *t)
{
	if (!t->remote->plain)
		remote_send(t->remote, t);
	else if (!remote_send_sources(t->remote, t))
		t->first_step = preprocess_start(t->agent, t->plan, t->request, on_text, t);
}

/* What a worker of text says is said of another text than the user's, or cites another disk. Only an object without a
 * word is taken. */
static bool second_step_speaks(const struct task *t, const struct message_result *m)
{
	return t->remote->plain && m->outcome == WIRE_COMPILED &&
	       !manners_no_retry(t->request) &&
	       (m->status || t->text[0].len || t->text[1].len);
}

/* A bit of assembly inside C may name a file in a way that the scan cannot see: then it is not there, and only there. */
static bool assembler_complains(const struct task *t, const struct message_result *m)
{
	enum cc_language l = t->plan->command->language;

	return m->outcome == WIRE_COMPILED && m->status && l != CC_LANG_ASM &&
	       l != CC_LANG_ASM_CPP && said_assembler(t);
}

/* DISTCC_FALLBACK=0, and workers could not. */
static void do_refuse(struct task *t)
{
	manners_say(t->shim, t->request, MANNERS_ERROR,
		    "failed to distribute %s and fallbacks are disabled: %s", source_of(t),
		    t->why);
	t->agent->njobs++;
	t->agent->nrefused++;
	shim_reply(t->shim, NULL, 0, NULL, 0, (uint32_t)t->undistributed << 8);
}

static uint32_t kb_of(const struct task *t)
{
	return t->maxrss_kb < UINT32_MAX ? (uint32_t)t->maxrss_kb : UINT32_MAX;
}

static void release(struct task *t, enum sched_event_type how)
{
	if (t->remote && how != SCHED_CANCEL && !t->starved_kb)
		leases_measured(t->agent->leases, t->remote, t, how == SCHED_FAILED);
	t->remote = NULL;
	agent_sched(t->agent,
		    (struct sched_event){.type = how,
					 .job = t->id,
					 .cpu_ns = (nsec)t->cpu_ns,
					 .memory_kb = how == SCHED_FAILED ? t->starved_kb
									  : kb_of(t)});
}

/* Carries out EFFECTS but those that lead to the next event; what is given back comes before what is asked
 * for. */
static void carry_out(struct task *t, unsigned effects)
{
	if (effects & JOB_DO_DISCARD)
		discard(t);
	if (effects & JOB_DO_CANCEL_REMOTE && t->remote)
		remote_cancel(t->remote, t);
	if (effects & JOB_DO_CANCEL_ASK)
		release(t, SCHED_CANCEL);
	if (effects & JOB_DO_RELEASE_OK)
		release(t, SCHED_DONE);
	if (effects & JOB_DO_RELEASE_BAD)
		release(t, SCHED_FAILED);
	if (effects & JOB_DO_UNQUEUE_LOCAL)
		local_forget(t->agent->local, t);
	if (effects & JOB_DO_SEND)
		do_send(t);
	if (effects & JOB_DO_REPLY)
		do_reply(t);
	if (effects & JOB_DO_LOCAL)
		do_local(t, true);
	if (effects & JOB_DO_ASK)
		agent_sched(t->agent,
			    (struct sched_event){
				.type = SCHED_ASK,
				.job = t->id,
				.toolchain = compiler_key(
				    t->plan->list, t->plan->compiler->ref, t->plan->way),
				.unit = t->plan->unit,
				.bytes = t->plan->bytes});
}

static void handle(struct task *t, enum job_event event)
{
	unsigned effects;

	if (t->twin)
		t = twin_part(t, event);
	if (!t)
		return;
	do {
		effects = job_step(&t->life, event);
		assert(!(effects & JOB_BUG));
		if (effects & (JOB_DO_QUEUE_LOCAL) && t->plan->cheap) {
			do_local(t, false);
			task_free(t);
			return;
		}
		if (effects & JOB_DO_QUEUE_LOCAL && t->undistributed &&
		    manners_no_fallback(t->request)) {
			carry_out(t, effects);
			do_refuse(t);
			task_free(t);
			return;
		}
		/* The last act of a turn: what comes of it arrives as an event of its own. */
		carry_out(t, effects);
		if (effects & JOB_DO_FREE) {
			task_free(t);
			return;
		}
		if (effects & JOB_DO_QUEUE_LOCAL) {
			local_want(t->agent->local, t);
			return;
		}
		if (effects & (JOB_DO_PREPARE | JOB_DO_CHECK))
			turn_add(t->agent->turn, t);
		else if (effects & JOB_DO_WRITE)
			event = do_write(t);
	} while (effects & JOB_DO_WRITE);
}

void task_turn(struct task *t)
{
	handle(t, t->life.state == JOB_PREPARE ? do_prepare(t) : do_check(t));
}

/* -- events ---------------------------------------------------------------------------------- */

struct task *task_new(struct agent *a, struct shim *shim, struct local_request *request)
{
	struct task *t = xcalloc(1, sizeof *t);

	t->id = ++a->next_task;
	t->since = loop_now();
	t->agent = a;
	t->shim = shim;
	t->request = request;
	HASH_ADD(hh, a->tasks, id, sizeof t->id, t);
	turn_add(a->turn, t);
	return t;
}

void task_gone(struct task *t)
{
	handle(t, JOB_GONE);
}

void task_granted(struct task *t, struct remote *r)
{
	t->remote = r;
	t->granted = loop_now();
	snprintf(t->where, sizeof t->where, "%s", r->host.word);
	handle(t, JOB_GRANT);
}

void task_home(struct task *t, const char *why, int status, bool again)
{
	set_why(t, why);
	t->undistributed = status;
	t->sent_home = again;
	handle(t, JOB_HOME);
}

void task_back(struct task *t)
{
	if (t->life.state != JOB_LOCAL || !t->sent_home)
		return;
	t->sent_home = false;
	t->undistributed = 0;
	handle(t, JOB_ANEW);
}

void task_leave(struct task *t, enum job_event event)
{
	if (event == JOB_FAILED)
		release(t, SCHED_FAILED);
	else if (event != JOB_LOST) {
		if (t->remote)
			remote_cancel(t->remote, t);
		release(t, SCHED_CANCEL);
	}
	task_free(t);
}

void task_overdue(struct task *t)
{
	if (t->life.state != JOB_REMOTE || !t->remote || t->arrived)
		return;
	log_line(LOG_WARNING, "worker=%s does not end %s: given up", t->where,
		 task_file(t));
	t->agent->nretries++;
	remote_cancel(t->remote, t);
	set_why(t, "workers did not end it");
	t->undistributed = EXIT_GONE;
	handle(t, JOB_FAILED);
}

void task_slot(struct task *t)
{
	handle(t, JOB_SLOT);
}

void task_lost(struct task *t)
{
	t->agent->nretries++;
	t->remote = NULL;
	set_why(t, "its workers were lost");
	t->undistributed = EXIT_GONE;
	handle(t, JOB_LOST);
}

/* Outputs come one after the other, each in order and whole: anything else is not what the worker's compiler
 * wrote. */
static int follow(struct task *t, const struct message_output *m, struct err *e)
{
	if (m->offset == 0 && (t->nseen == 0 || t->got == t->size)) {
		t->size = m->size;
		t->got = 0;
		t->nseen++;
	}
	if (m->index + 1 != t->nseen || m->offset != t->got || m->size != t->size ||
	    m->bytes.n > m->size - m->offset || m->bytes.n > MESSAGE_CHUNK)
		return err_set(e, EPROTO, "OUTPUT messages that do not fit together");
	if (m->size > TASK_FILE_MAX)
		return err_set(e, EPROTO, "an OUTPUT larger than any compile's");
	t->got += m->bytes.n;
	return 0;
}

/* The next file begins: which of the outputs we foresaw is it? */
static void begin_file(struct task *t, const struct message_output *m)
{
	const struct cc_output *which = NULL;

	if (t->remote->plain)
		t->target = plan_object(t->plan, t->arena, &which);
	else
		t->target = plan_output(t->plan, t->arena, m->path, &which);
	if (!t->target) {
		log_line(LOG_WARNING, "not foreseen: %s was written by: %s", m->path,
			 t->plan->command->source);
		t->unexpected = true;
		return;
	}
	t->musts += which->must;
	if (!t->outputs)
		t->outputs = outputs_new();
}

static bool is_depfile(const struct task *t)
{
	const struct cc_command *cc = t->plan->command;
	const char *name = cc->depfile;

	for (size_t i = 1; i < cc->argv.n; i++)
		if (strcmp(cc->argv.v[i], "-MV") == 0)
			return false; /* Clang writes another make's language then */
	return name && strcmp(path_base(name), path_base(t->target)) == 0;
}

int task_output(struct task *t, const struct message_output *m, struct err *e)
{
	struct err why = {0};

	if (follow(t, m, e))
		return -1;
	if (m->index < 2) {
		if (m->size > TASK_TEXT_MAX)
			return err_set(e, EPROTO, "too much OUTPUT text");
		buf_add(&t->text[m->index], m->bytes.p, m->bytes.n);
		return 0;
	}
	if (m->offset == 0 && !t->unwritable && !t->unexpected)
		begin_file(t, m);
	if (t->unwritable || t->unexpected)
		return 0;
	if (is_depfile(t) && t->deps.len + m->bytes.n <= TASK_DEPS_MAX)
		buf_add(&t->deps, m->bytes.p, m->bytes.n);
	unsigned mode = t->remote->plain ? 0666 & ~t->request->umask : m->mode;

	if (outputs_add(t->outputs, t->target, mode, m->offset, m->bytes.p, m->bytes.n,
			&why)) {
		log_line(LOG_WARNING, "an output could not be kept: %s", why.text);
		t->unwritable = true;
	} else if (m->offset == 0 && !plan_replaces(t->plan, t->target)) {
		outputs_write_over(t->outputs);
	}
	return 0;
}

int task_result(struct task *t, const struct message_result *m, struct err *e)
{
	if (m->outcome > WIRE_STALE)
		return err_set(e, EPROTO, "a RESULT of an unknown kind");
	if (m->outcome == WIRE_COMPILED &&
	    (t->nseen < 2 || t->nseen != m->outputs || t->got != t->size))
		return err_set(e, EPROTO, "a RESULT without all its OUTPUT");
	if (m->outcome == WIRE_COMPILED && m->status == 0 && t->musts < plan_musts(t->plan))
		t->unexpected =
		    true; /* it says that all is well, but the object did not come */
	t->arrived = true;
	t->status = m->status;
	t->cpu_ns = (m->user_us + m->sys_us) * 1000;
	t->maxrss_kb = m->maxrss_kb;
	t->starved_kb = m->outcome == WIRE_FAILED ? kb_of(t) : 0;
	t->stale = m->outcome == WIRE_STALE;
	const char *again = second_step_speaks(t, m)
				? "it has something to say of its preprocessed source"
			    : assembler_complains(t, m) ? "its assembler complains"
							: NULL;

	if (again) {
		set_why(t, again);
		t->remote = NULL;
		handle(t, JOB_UNFIT);
		return 0;
	}
	bool ended =
	    m->outcome == WIRE_COMPILED && (WIFEXITED(m->status) || WIFSIGNALED(m->status));

	/* A compiler that was killed (out of memory, most likely) says nothing about the program. */
	if (m->outcome == WIRE_FAILED || (ended && WIFSIGNALED(m->status))) {
		t->agent->nretries++;
		set_why(t, "workers failed it");
		t->undistributed = EXIT_GONE;
		handle(t, JOB_FAILED);
	} else {
		handle(t, JOB_RESULT);
	}
	return 0;
}
