/* Invariant: while the remote is up, each exchange in LIST is either a probe of one compiler or one job that the
 * remote counts as running; when it goes down they all end with it.
 *
 * When is such a host down? It has no connection of its own that could break. It is taken for down when nothing of it can
 * be reached, or when a probe gets no answer (a refusal of one compiler among others aside); then the scheduler lets it rest, and
 * begins anew, with new probes. A single job that fails is the scheduler's to judge. */
#include "agent/foreign.h"

#include "agent/agent.h"
#include "agent/compilers.h"
#include "agent/foreign_job.h"
#include "agent/foreign_name.h"
#include "agent/foreign_sources.h"
#include "agent/foreign_way.h"
#include "agent/locate.h"
#include "agent/plan.h"
#include "agent/preprocess.h"
#include "agent/remote.h"
#include "agent/sample.h"
#include "agent/ssh.h"
#include "agent/task.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "cc/preprocessed.h"
#include "net/address.h"
#include "wire/distcc.h"
#include "wire/local.h"
#include "wire/lzo.h"
#include "wire/message.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <utlist.h>

enum {
	SLOTS = 4, /* of a host whose number was not given, as distcc has it */
	IO_TIMEOUT_S = 300,
	IO_TIMEOUT_MAX_S = 24 * 3600,
	/* A distccd's own exit codes (distcc(1)): the compiler did not run, or was ended. */
	EXIT_FIRST = 100,
	EXIT_LAST = 120,
	CITED = 160
};

enum verdict {
	PROBING,
	SAME,
	OTHER
};

/* What a probe found out of a compiler. */
struct known_compiler {
	struct known_compiler *next;
	uint32_t ref;
	enum verdict verdict;
	unsigned name; /* by which it is asked for there: an index of foreign_name */
	char *why;     /* NULL, or why it is not the same by its own name */
};

struct exchange {
	struct exchange *prev, *next; /* utlist */
	struct foreign *foreign;
	struct foreign_job *job;
	struct known_compiler *probed; /* it is a probe of this one, or … */
	uint64_t task;                 /* … this task's */
};

struct foreign {
	struct remote *remote;
	struct addrinfo *addresses;  /* tcp: as long as it is up */
	const struct addrinfo *good; /* of these, the one that answered last */
	struct exchange *list;
	struct known_compiler *known; /* utlist; as long as it is up */
	bool sure;
};

struct foreign *foreign_new(struct remote *r)
{
	struct foreign *f = xcalloc(1, sizeof *f);

	f->remote = r;
	return f;
}

static void exchange_free(struct exchange *x)
{
	struct foreign *f = x->foreign;

	remote_count(f->remote, foreign_job_bytes_up(x->job),
		     foreign_job_bytes_down(x->job));
	foreign_job_free(x->job);
	DL_DELETE(f->list, x);
	free(x);
}

static void forget_all(struct foreign *f)
{
	struct exchange *x, *next_x;
	struct known_compiler *k, *next_k;

	DL_FOREACH_SAFE(f->list, x, next_x)
	exchange_free(x);
	LL_FOREACH_SAFE(f->known, k, next_k)
	{
		free(k->why);
		free(k);
	}
	f->known = NULL;
	if (f->addresses)
		freeaddrinfo(f->addresses);
	f->addresses = NULL;
	f->good = NULL;
}

void foreign_free(struct foreign *f)
{
	if (!f)
		return;
	forget_all(f);
	free(f);
}

bool foreign_is_sure(const struct foreign *f)
{
	return f->sure;
}

static void go_down(struct foreign *f, const char *why)
{
	forget_all(f);
	remote_down(f->remote, why);
}

void foreign_dial(struct foreign *f)
{
	struct remote *r = f->remote;
	struct err e = {0};

	if (r->host.kind == HOST_TCP) {
		AUTO_FREE char *address = host_address(&r->host);

		f->addresses = address_resolve(address, false, &e);
		if (!f->addresses) {
			go_down(f, e.text);
			return;
		}
	}
	free(r->name);
	r->name = xstrdup("distccd");
	r->plain = true;
	r->confined = false;
	r->why[0] = 0;
	remote_up(r, r->host.slots ? r->host.slots : SLOTS);
}

int foreign_ssh(struct remote *r, struct err *e)
{
	int fd;

	r->ssh = ssh_start(r->agent->loop, r->agent->ssh_words, &r->host, &fd, e);
	return fd;
}

/* -- requests -------------------------------------------------------------------------------- */

/* Of preprocessed text. */
static uint32_t version_of(const struct foreign *f)
{
	return f->remote->host.lzo ? FOREIGN_PACKED : FOREIGN_PLAIN;
}

static void put_command(struct buf *b, uint32_t version, char *const argv[], size_t n)
{
	distcc_put_number(b, DISTCC_DIST, version);
	distcc_put_number(b, DISTCC_ARGC, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		distcc_put_string(b, DISTCC_ARGV, argv[i]);
}

static void put_text(struct buf *b, uint32_t version, const char *text, size_t n)
{
	AUTO_BUF struct buf packed = {0};

	if (version == 1) {
		distcc_put_bulk(b, DISTCC_DOTI, text, (uint32_t)n);
		return;
	}
	lzo_pack(&packed, text, n);
	distcc_put_bulk(b, DISTCC_DOTI, packed.data, (uint32_t)packed.len);
}

static struct exchange *exchange_start(struct foreign *f, uint32_t version,
				       struct buf *request, const char *flaw,
				       nsec io_timeout,
				       void (*done)(void *ctx, struct foreign_reply *))
{
	struct exchange *x = xcalloc(1, sizeof *x);
	struct foreign_where where = {.loop = f->remote->agent->loop,
				      .host = &f->remote->host,
				      .addresses = f->addresses,
				      .good = f->good,
				      .ssh = f->remote->agent->ssh_words,
				      .io_timeout = io_timeout};

	x->foreign = f;
	x->job = foreign_job_start(&where, version, request, flaw, done, x);
	DL_APPEND(f->list, x);
	return x;
}

static void note_reached(struct foreign *f, const struct foreign_reply *reply)
{
	if (reply->reached)
		f->good = reply->reached;
	if (reply->end == FOREIGN_REPLIED)
		f->sure = true;
}

/* The first line of what it says, in a piece that fits into a sentence. */
static const char *first_line(struct arena *a, const struct buf *text)
{
	const char *from = text->data ? text->data : "";
	const char *end = memchr(from, '\n', text->len);
	size_t n = end ? (size_t)(end - from) : text->len;

	return arena_strndup(a, from, n < CITED ? n : CITED);
}

/* -- which compilers it has ------------------------------------------------------------------ */

static struct known_compiler *known_of(const struct foreign *f, const struct compiler *c)
{
	struct known_compiler *k;

	LL_SEARCH_SCALAR(f->known, k, ref, c->ref);
	return k;
}

static bool names_target(const struct strv *argv)
{
	for (size_t i = 1; i < argv->n; i++)
		if (strcmp(argv->v[i], "-target") == 0 ||
		    strncmp(argv->v[i], "--target", 8) == 0)
			return true;
	return false;
}

/* The command as this host knows its compiler; K may be NULL. The name that was probed, at any rate: the user's may be a
 * link of the user's own. */
static void spell(struct arena *a, struct strv *argv, const struct compiler *c,
		  const struct known_compiler *k)
{
	struct foreign_name name;

	foreign_name(a, c->toolchain, k ? k->name : 0, &name);
	argv->v[0] = arena_strdup(a, name.program);
	if (name.target && !names_target(argv)) {
		strv_add(a, argv, "-target");
		strv_add(a, argv, name.target);
	}
}

static void answer(struct foreign *f, const struct known_compiler *k)
{
	bool yes = k->verdict == SAME;

	remote_answer_ways(f->remote, k->ref, yes, yes, false);
}

/* Why what came back of the sample is not what was made of it here; NULL: it is. NAME: the compiler's there. */
static const char *compare(struct foreign *f, struct arena *a, const struct compiler *c,
			   const char *name, const struct foreign_reply *reply)
{
	struct agent *agent = f->remote->agent;
	struct err e = {0};
	const struct buf *own = sample_object(&agent->samples, c, agent->state_dir, &e);

	if (!own)
		return arena_printf(a, "there is nothing to compare its '%s' with: %s",
				    name, e.text);
	if (reply->end == FOREIGN_SILENT)
		return arena_printf(
		    a,
		    "a distccd was asked to compile a sample with '%s', and %s. Likely "
		    "causes, in this order: this machine is not let in there (--allow); "
		    "'%s' is not on its list of compilers (/usr/lib/distcc, or "
		    "--enable-tcp-insecure); it is something else than a distccd",
		    name, reply->why, name);
	if (reply->end != FOREIGN_REPLIED)
		return arena_printf(a, "asked to compile a sample with '%s': %s", name,
				    reply->why);
	if (reply->status)
		return arena_printf(a, "its '%s' fails with a sample (status %#x): %s",
				    name, reply->status, first_line(a, &reply->serr));
	if (own->len == reply->object.len &&
	    memcmp(own->data, reply->object.data, own->len) == 0)
		return NULL;
	return arena_printf(a, "its '%s' is not the one here: %s", name,
			    sample_difference(a, own, &reply->object));
}

static void probe(struct foreign *, struct known_compiler *, const struct compiler *);

static void on_probed(void *ctx, struct foreign_reply *reply)
{
	struct exchange *x = ctx;
	struct foreign *f = x->foreign;
	struct remote *r = f->remote;
	struct known_compiler *k = x->probed;
	const struct compiler *c = compilers_by_ref(r->agent->compilers, k->ref);
	struct arena *a = arena_new();
	enum foreign_end end = reply->end; /* REPLY goes with X */
	struct foreign_name name;

	note_reached(f, reply);
	foreign_name(a, c->toolchain, k->name, &name);
	const char *why = compare(f, a, c, name.program, reply);

	exchange_free(x);
	if (why && !k->why)
		k->why = xstrdup(why);
	if (why && end != FOREIGN_UNREACHABLE &&
	    foreign_name(a, c->toolchain, k->name + 1, &name)) {
		k->name++;
		probe(f, k, c);
		arena_free(a);
		return;
	}
	if (why)
		why = arena_strdup(a, k->why);
	k->verdict = why ? OTHER : SAME;
	if (why && end != FOREIGN_REPLIED && !f->list &&
	    (!f->sure || end != FOREIGN_SILENT)) {
		go_down(f, why);
	} else {
		if (why) {
			snprintf(r->why, sizeof r->why, "%s", why);
			log_line(LOG_WARNING,
				 "worker=%s does not get jobs of one compiler: %s",
				 r->host.word, why);
		}
		answer(f, k);
	}
	arena_free(a);
}

static void probe(struct foreign *f, struct known_compiler *k, const struct compiler *c)
{
	struct arena *a = arena_new();
	struct strv argv = {0};
	struct buf request = {0};
	size_t n;
	const char *text = sample_text(c, &n);

	sample_command(a, c, sample_source(c), "sample.o", &argv);
	spell(a, &argv, c, k);
	put_command(&request, version_of(f), argv.v, argv.n);
	put_text(&request, version_of(f), text, n);
	struct exchange *x =
	    exchange_start(f, version_of(f), &request, NULL,
			   LOOP_MS(f->remote->agent->peer_timeout_ms), on_probed);

	x->probed = k;
	arena_free(a);
}

void foreign_query(struct foreign *f, uint64_t key)
{
	const struct compiler *c =
	    compilers_by_ref(f->remote->agent->compilers, compiler_key_ref(key));

	if (!c)
		return;
	if (compiler_key_way(key) == WAY_SOURCES) {
		remote_answer(f->remote, key, false);
		return;
	}
	struct known_compiler *k = known_of(f, c);

	if (k && k->verdict == PROBING)
		return;
	if (k) {
		answer(f, k);
		return;
	}
	k = xcalloc(1, sizeof *k);
	k->ref = c->ref;
	LL_PREPEND(f->known, k);
	probe(f, k, c);
}

/* -- jobs ------------------------------------------------------------------------------------ */

static int give_output(struct task *t, unsigned index, const struct buf *bytes,
		       struct err *e)
{
	size_t at = 0;

	do {
		size_t n = bytes->len - at < MESSAGE_CHUNK ? bytes->len - at
							   : (size_t)MESSAGE_CHUNK;
		struct message_output m = {
		    .id = t->id,
		    .index = index,
		    .path = "",
		    .mode = 0666,
		    .size = bytes->len,
		    .offset = at,
		    .bytes = {n ? bytes->data + at : "", n},
		};

		if (task_output(t, &m, e))
			return -1;
		at += n;
	} while (at < bytes->len);
	return 0;
}

static bool is_own_exit(uint32_t status)
{
	int code = WEXITSTATUS((int)status);

	return WIFEXITED((int)status) && code >= EXIT_FIRST && code <= EXIT_LAST;
}

/* Why this reply says nothing of the program, or NULL. */
static const char *failure_of(struct arena *a, const struct foreign_reply *reply)
{
	if (reply->end != FOREIGN_REPLIED)
		return arena_strdup(a, reply->why);
	if (is_own_exit(reply->status))
		return arena_printf(a, "it could not compile (exit %d): %s",
				    WEXITSTATUS((int)reply->status),
				    first_line(a, &reply->serr));
	if (reply->status == 0 && !reply->object.len)
		return "it says that all is well, but sends an empty object";
	return NULL;
}

static const char *give_outputs(struct task *t, struct arena *a,
				const struct foreign_reply *reply)
{
	struct err e = {0};

	if (give_output(t, 0, &reply->sout, &e) || give_output(t, 1, &reply->serr, &e) ||
	    (!reply->status && give_output(t, 2, &reply->object, &e)))
		return arena_strdup(a, e.text);
	return NULL;
}

static void on_reply(void *ctx, struct foreign_reply *reply)
{
	struct exchange *x = ctx;
	struct foreign *f = x->foreign;
	struct remote *r = f->remote;
	struct task *t = task_find(r->agent, x->task);
	struct arena *a = arena_new();
	struct err e = {0};
	bool unreachable = reply->end == FOREIGN_UNREACHABLE;
	const char *why = failure_of(a, reply);
	struct message_result result = {.id = x->task,
					.outcome = WIRE_COMPILED,
					.status = reply->status,
					.outputs = reply->status ? 2 : 3};

	note_reached(f, reply);
	if (t && t->remote == r && !why)
		why = give_outputs(t, a, reply);
	exchange_free(x);
	if (t && t->remote == r) {
		r->running--;
		r->njobs++;
		if (why) {
			r->nfailures++;
			snprintf(r->why, sizeof r->why, "%s", why);
			log_line(LOG_WARNING, "worker=%s failed a job: %s", r->host.word,
				 why);
			result.outcome = WIRE_FAILED;
			result.why = why;
		}
		if (task_result(t, &result, &e))
			log_line(LOG_ERROR, "worker=%s: %s", r->host.word, e.text);
	}
	if (unreachable && r->up && !f->list)
		go_down(f, why);
	arena_free(a);
}

/* DISTCC_IO_TIMEOUT of the build, in seconds. */
static nsec io_timeout(const struct task *t)
{
	const char *text = env_get(t->request->env, "DISTCC_IO_TIMEOUT");
	char *end;
	long s = text ? strtol(text, &end, 10) : 0;

	if (!text || end == text || *end || s <= 0 || s > IO_TIMEOUT_MAX_S)
		s = IO_TIMEOUT_S;
	return LOOP_MS(1000) * s;
}

/* The request for a preprocessed text; a reason, when there is none. */
static const char *make_request(const struct foreign *f, const struct task *t,
				const struct preprocess_end *end, struct buf *request)
{
	const struct compiler *c = t->plan->compiler;
	struct strv argv = {0};
	uint32_t version = version_of(f);

	for (size_t i = 0; i < t->plan->two->distcc.n; i++)
		strv_add(t->arena, &argv, t->plan->two->distcc.v[i]);
	if (!argv.n)
		return "a distccd would not take its command";
	if (end->size > INT32_MAX)
		return "its preprocessed text is too long";
	const char *text =
	    end->size ? mmap(NULL, end->size, PROT_READ, MAP_PRIVATE, end->fd, 0) : "";

	if (text == MAP_FAILED)
		return "its preprocessed text does not fit into memory";
	spell(t->arena, &argv, c, known_of(f, c));
	put_command(request, version, argv.v, argv.n);
	put_text(request, version, text, end->size);
	if (end->size)
		munmap((void *)(uintptr_t)text, end->size);
	return NULL;
}

void foreign_send_text(struct foreign *f, struct task *t, const struct preprocess_end *end)
{
	struct buf request = {0};
	const char *flaw = make_request(f, t, end, &request);
	struct exchange *x =
	    exchange_start(f, version_of(f), &request, flaw, io_timeout(t), on_reply);

	x->task = t->id;
}

bool foreign_send_sources(struct foreign *f, struct task *t)
{
	struct buf request = {0};

	struct strv argv = {0};

	if (foreign_way(t->plan, &f->remote->host) != FOREIGN_SOURCES)
		return false;
	strv_add(t->arena, &argv, "");
	spell(t->arena, &argv, t->plan->compiler, known_of(f, t->plan->compiler));
	if (foreign_sources_put(t, argv.v[0], &request))
		return false;
	struct exchange *x =
	    exchange_start(f, FOREIGN_SOURCES, &request, NULL, io_timeout(t), on_reply);

	x->task = t->id;
	return true;
}

bool foreign_cancel(struct foreign *f, struct task *t)
{
	struct exchange *x;

	DL_FOREACH(f->list, x)
	{
		if (!x->probed && x->task == t->id) {
			exchange_free(x);
			return true;
		}
	}
	return false;
}
