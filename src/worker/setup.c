#include "worker/setup.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "cas/store.h"
#include "sys/fs.h"
#include "sys/load.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "worker/cage.h"
#include "worker/cgroup.h"
#include "worker/compilers.h"
#include "worker/landlock.h"
#include "worker/own.h"
#include "worker/own_user.h"
#include "worker/rights.h"
#include "worker/run.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LOCK_PATIENCE_MS = 5000, /* for one that tidies up behind a dead worker */
	LOCK_STEP_MS = 20,
	JOB_CPU_S = 3600,
	JOB_PIDS = 512
};

static const uint64_t job_bytes_min = 512ULL << 20, scratch_bytes_max = 4ULL << 30;

/* One worker a state folder: two would remove each other's views. The lock lives as long as we do. */
static int lock_state(const char *dir, int create, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/lock", dir);
	int fd = open(path, O_RDWR | create | O_NOFOLLOW | O_CLOEXEC, 0600);
	int patience_ms = LOCK_PATIENCE_MS;

	if (fd < 0)
		return err_set(e, errno, "open the lock %s", path);
	for (; flock(fd, LOCK_EX | LOCK_NB); patience_ms -= LOCK_STEP_MS) {
		if (patience_ms <= 0) {
			close(fd);
			return err_set(e, 0, "another worker uses the state folder %s",
				       dir);
		}
		usleep(LOCK_STEP_MS * 1000);
	}
	return 0;
}

/* What an earlier worker left when it was killed. False: some of it stays, as when a job that is dying still writes there. */
static bool remove_leftovers(const char *dir)
{
	static const char *const names[] = {"views", "toolchains", "jobs"};
	bool all = true;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);

		all = fs_remove_tree(path, NULL) == 0 && all;
	}
	return all;
}

/* What the keeper (worker/cage) does when the worker was killed: nothing stays. Whoever the worker had just forked may
 * hold its lock for a moment longer, and its jobs are dying only now; hence the patience. If a new worker is there already,
 * it has done so itself. */
struct estate {
	char *dir;
	pid_t worker;
	const struct rights *rights;
};

static void tidy_files(const struct estate *estate)
{
	if (lock_state(estate->dir, 0, NULL))
		return;
	for (int left = LOCK_PATIENCE_MS; left > 0 && !remove_leftovers(estate->dir);
	     left -= LOCK_STEP_MS)
		usleep(LOCK_STEP_MS * 1000);
}

/* Root never walks through folders of others: whoever owns them could lead it astray. What lies in them is removed by him, what is
 * left by root. */
static void tidy_up(void *ctx)
{
	const struct estate *estate = ctx;
	bool other = estate->rights->drops;
	pid_t pid = other ? fork() : 0;

	if (pid == 0 && (!other || rights_become(estate->rights) == 0)) {
		tidy_files(estate);
		cgroups_tidy(estate->worker);
	}
	if (pid == 0)
		_exit(0);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	cgroups_tidy(estate->worker);
}

static const char only_rlimits[] = "jobs are limited by setrlimit only: %s";

/* Memory and processes of jobs; before the keeper is made, which then is in the same control group as we. */
static void limit_jobs(struct worker *w, const struct setup *s)
{
	uint64_t machine =
	    (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t memory = s->job_bytes ? s->job_bytes : machine / 2;
	struct err e = {0};

	if (memory < job_bytes_min && !s->job_bytes)
		memory = job_bytes_min;
	w->limits = (struct job_limits){
	    .memory_bytes = memory,
	    .scratch_bytes = memory < scratch_bytes_max ? memory : scratch_bytes_max,
	    .cpu_s = JOB_CPU_S,
	};
	if (s->no_sandbox)
		return;
	const struct cgroup_limits limits = {
	    .memory_bytes = memory, .all_bytes = machine / 10 * 9, .pids = JOB_PIDS};

	w->limits.groups = cgroups_open(&limits, &e);
	if (!w->limits.groups)
		log_line(LOG_INFO, only_rlimits, e.text);
	else if (w->rights->drops)
		cgroups_hand_over(w->limits.groups, w->rights->uid, w->rights->gid);
}

static int start_keeper(struct worker *w, struct err *e)
{
	static struct estate estate; /* of the process, as the keeper is */

	free(estate.dir);
	estate = (struct estate){xstrdup(w->state_dir), getpid(), w->rights};
	const struct cages_spec spec = {
	    .tidy = tidy_up, .ctx = &estate, .rights = w->rights->drops ? w->rights : NULL};

	return cages_begin(&spec, e);
}

/* What stands between a job and this machine, for people. */
static void tell_level(struct worker *w)
{
	int landlock = landlock_version();
	char version[32] = "";

	if (landlock)
		snprintf(version, sizeof version, ", Landlock %d", landlock);
	if (w->confined)
		snprintf(w->cage_level, sizeof w->cage_level, "namespaces, seccomp%s, %s",
			 version,
			 w->limits.groups ? cgroups_kind(w->limits.groups)
					  : "no control groups");
	else if (landlock)
		snprintf(w->cage_level, sizeof w->cage_level,
			 "no namespaces: seccomp%s, preprocessed source only", version);
	else
		snprintf(w->cage_level, sizeof w->cage_level,
			 "nothing: jobs of its own user only, preprocessed source only");
	w->own_user_only = !w->confined && !landlock;
	log_line(w->confined ? LOG_INFO : LOG_WARNING, "jobs are caged by %s",
		 w->cage_level);
}

/* In a control group as jobs will be; where that is what cannot be had, without. */
static int try_cage(struct worker *w, struct err *e)
{
	struct cgroup *g = w->limits.groups ? cgroup_take(w->limits.groups) : NULL;
	struct sandbox_spec like = {0};

	if (g) {
		like.ngroups = cgroup_files(g, like.groups, &like.into_group);
		int r = sandbox_check(w->state_dir, &like, e);

		cgroup_give(g);
		if (r == 0)
			return 0;
	}
	if (sandbox_check(w->state_dir, NULL, e))
		return -1;
	if (!g)
		return 0;
	log_line(LOG_INFO, only_rlimits, "a job cannot enter the control groups made here");
	cgroups_close(w->limits.groups);
	w->limits.groups = NULL;
	return 0;
}

static void check_sandbox(struct worker *w, const struct setup *s)
{
	struct err e = {0};

	if (s->no_sandbox)
		err_set(&e, 0, "%s", s->no_sandbox_why);
	else if (try_cage(w, &e) == 0)
		w->confined = true;
	if (w->confined)
		return;
	snprintf(w->unconfined_why, sizeof w->unconfined_why, "%s", e.text);
	log_line(
	    LOG_WARNING,
	    "compiles cannot be confined here, so clients send only preprocessed source: %s",
	    e.text);
}

/* Begun cores count: half a core's quota is one slot. */
static unsigned default_slots(void)
{
	struct load *l = load_new("");
	struct load_look look;

	load_look(l, &look);
	load_free(l);
	unsigned slots = (unsigned)look.cores;

	return slots < look.cores ? slots + 1 : slots;
}

/* -- whom to be ------------------------------------------------------------------------------- */

static const char *const state_names[] = {"lock", "store",   "views", "toolchains",
					  "jobs", "check-*", NULL};
static const char *const farm_names[] = {"authority.pem", "certificate.pem", "key.pem",
					 "revoked.pem",   "address",         NULL};

static int hand_all_over(const struct worker *w, const struct setup *s, struct err *e)
{
	const struct rights *r = w->rights;
	AUTO_FREE char *beside =
	    s->write ? xstrndup(s->write, (size_t)(path_base(s->write) - s->write)) : NULL;

	if (rights_reach(r, w->state_dir, F_OK, e) ||
	    (s->farm && rights_reach(r, s->farm, F_OK, e)) ||
	    (beside && rights_reach(r, *beside ? beside : ".", W_OK, e)))
		return -1;
	return (s->farm && rights_hand_over(r, s->farm, farm_names, e)) ||
		       rights_hand_over(r, w->state_dir, state_names, e)
		   ? -1
		   : 0;
}

/* Folders of PATH that only root can read. */
static void tell_unreached(const struct rights *r, const char *path)
{
	struct err e;
	AUTO_BUF struct buf dirs = {0};

	for (const char *p = path; p && *p; p += strcspn(p, ":"), p += *p == ':') {
		AUTO_FREE char *dir = xstrndup(p, strcspn(p, ":"));

		if (*dir == '/' && rights_reach(r, dir, R_OK | X_OK, &e))
			buf_printf(&dirs, " %s", dir);
	}
	if (dirs.len)
		log_line(LOG_NOTICE,
			 "compilers are not offered from folders that %s cannot read:%.*s",
			 r->who, (int)dirs.len, dirs.data);
}

static int choose_rights(struct worker *w, const struct setup *s, struct err *e)
{
	struct rights *r = w->rights = xcalloc(1, sizeof *r);
	struct stat st;

	own_user_started_by(getuid());
	if (rights_choose(r, s->user, e))
		return -1;
	/* As who they belong to: else once root is given up. */
	if (!r->drops || (stat(w->state_dir, &st) == 0 && st.st_uid == 0))
		remove_leftovers(w->state_dir);
	if (r->drops && hand_all_over(w, s, e)) {
		if (s->user)
			return -1;
		rights_keep_root(r, e->text);
	}
	if (r->drops) {
		log_line(
		    LOG_NOTICE,
		    "goes on as %s; root stays with the process that makes cages, which "
		    "reads no network",
		    r->who);
		tell_unreached(r, getenv("PATH"));
	} else if (r->why[0] && !s->user) {
		log_line(LOG_NOTICE, "stays root: %s", r->why);
	}
	return 0;
}

/* Clients' sources are in there, which are no business of this machine's other users. What root has to make above it, the user
 * that it becomes has to pass. */
static int make_state(const char *dir, struct err *e)
{
	AUTO_FREE char *above = xstrndup(dir, (size_t)(path_base(dir) - dir));

	if ((geteuid() == 0 && *above && fs_mkdirs(above, 0755, e)) ||
	    fs_mkdirs(dir, 0700, e))
		return err_wrap(e, "keep state");
	return 0;
}

int worker_prepare(struct worker *w, const struct setup *s, struct err *e)
{
	if (make_state(s->state, e))
		return -1;
	w->state_dir = realpath(s->state, NULL);
	if (!w->state_dir)
		return err_set(e, errno, "find the state folder %s", s->state);
	if (lock_state(w->state_dir, O_CREAT, e) || choose_rights(w, s, e))
		return -1;
	limit_jobs(w, s);
	if (start_keeper(w, e))
		return -1;
	w->loop = loop_new();
	return 0;
}

static int refuse_open(const struct worker *w, const struct setup *s, struct err *e)
{
	if (!w->own_user_only || !s->some_cage || s->no_sandbox)
		return 0;
	return err_set(e, 0,
		       "nothing here can cage what clients send: %s. With --no-sandbox it "
		       "serves its own user on this machine, and nobody else",
		       w->unconfined_why);
}

int worker_open(struct worker *w, const struct setup *s, struct err *e)
{
	const char *path = getenv("PATH");

	if (rights_give_up(w->rights, e))
		return -1;
	if (w->rights->drops)
		remove_leftovers(w->state_dir);
	AUTO_FREE char *store = xasprintf("%s/store", w->state_dir);
	AUTO_FREE char *toolchains = xasprintf("%s/toolchains", w->state_dir);

	w->store = store_open(store, s->store_bytes, e);
	if (!w->store)
		return err_wrap(e, "open the blob store");
	w->compilers =
	    compilers_new(path ? path : "/usr/local/bin:/usr/bin:/bin", toolchains);
	w->own = own_new();
	w->idle_max = machine_files() / 2;
	w->slots = s->slots ? s->slots : default_slots();
	w->view_bytes = s->store_bytes;
	check_sandbox(w, s);
	tell_level(w);
	return refuse_open(w, s, e);
}

void worker_shut(struct worker *w)
{
	worker_close(w);
	runs_reap();
	cage_free(w->distcc_cage);
	/* Where root was given up, only the keeper can remove what root made: it does when we are gone. */
	if (!w->rights->drops)
		cages_end();
	cgroups_close(w->limits.groups);
	remove_leftovers(w->state_dir);
	compilers_free(w->compilers);
	own_free(w->own);
	store_close(w->store);
	loop_free(w->loop);
	free(w->rights);
	free(w->state_dir);
}
