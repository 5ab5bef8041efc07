/* Groups lie below the group that this process is in itself: BASE/muster-PID/N. Version 2 wants controllers to be handed down, for
 * which a group must hold no process: a worker that is alone in its group (systemd's Delegate=yes) moves itself into BASE/main.
 * Version 1 has a hierarchy for each controller; one that is missing is done without, but memory is needed.
 *
 * Fails: read-only or foreign hierarchies, as an ordinary user as a rule; then limits are those of setrlimit alone. */
#include "worker/cgroup.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum {
	MEMORY,
	PIDS,
	HIERARCHIES /* of version 1; version 2 uses the first alone */
};

static const char *const controllers[HIERARCHIES] = {"memory", "pids"};

struct cgroup {
	struct cgroup *next;
	struct cgroups *all;
	char *dir[HIERARCHIES];
	int file[HIERARCHIES];   /* to enter it by; -1: none */
	int events[HIERARCHIES]; /* tell of refusals; -1: none */
	uint64_t before[HIERARCHIES];
};

struct cgroups {
	bool v2;
	char *dir[HIERARCHIES]; /* BASE/muster-PID; NULL: none */
	struct cgroup_limits limits;
	struct cgroup *free;
	unsigned made;
};

/* -- where we are ----------------------------------------------------------------------------- */

/* Finds the word CONTROLLER among the ones in WORDS, separated by commas. */
static bool has_word(const char *words, const char *controller)
{
	size_t n = strlen(controller);

	for (const char *p = words; p; p = strchr(p, ','), p += p != NULL)
		if (strncmp(p, controller, n) == 0 && (p[n] == 0 || p[n] == ','))
			return true;
	return false;
}

/* Our own path in the hierarchy of CONTROLLER (NULL: of version 2); malloc'ed, or NULL. */
static char *own_path(const char *controller)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 256], *found = NULL;

	while (f && !found && fgets(line, sizeof line, f)) {
		char *words = strchr(line, ':'),
		     *path = words ? strchr(words + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = 0;
		path[strcspn(path, "\n")] = 0;
		if (controller ? has_word(words + 1, controller) : words[1] == 0)
			found = xstrdup(path);
	}
	if (f)
		fclose(f);
	return found;
}

/* The folder of our own group, by where its hierarchy is mounted; malloc'ed, or NULL. */
static char *own_dir(const char *controller)
{
	AUTO_FREE char *path = own_path(controller);
	FILE *f = path ? fopen("/proc/self/mountinfo", "re") : NULL;
	char line[PATH_MAX * 2], root[PATH_MAX], mount[PATH_MAX], type[32], options[256];
	char *found = NULL;

	while (f && !found && fgets(line, sizeof line, f)) {
		const char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) != 2 ||
		    sscanf(dash, " - %31s %*s %255s", type, options) != 2)
			continue;
		if (controller
			? strcmp(type, "cgroup") != 0 || !has_word(options, controller)
			: strcmp(type, "cgroup2") != 0)
			continue;
		size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

		found = strncmp(path, root, n) == 0 ? xasprintf("%s%s", mount, path + n)
						    : xstrdup(mount);
		if (access(found, F_OK)) { /* a namespace shows less than there is */
			free(found);
			found = xstrdup(mount);
		}
	}
	if (f)
		fclose(f);
	return found;
}

static int put(const char *dir, const char *name, const char *value)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0
										    : -1;
}

static int put_number(const char *dir, const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	return put(dir, name, text);
}

/* -- removing --------------------------------------------------------------------------------- */

/* A group and those right below it. A group whose last process is only now ending is busy for a moment. */
static void remove_groups(const char *dir)
{
	DIR *d = opendir(dir);

	for (struct dirent *i; d && (i = readdir(d));) {
		AUTO_FREE char *sub = xasprintf("%s/%s", dir, i->d_name);

		if (i->d_type == DT_DIR && i->d_name[0] != '.')
			for (int k = 0; k < 100 && rmdir(sub) && errno == EBUSY; k++)
				usleep(10000);
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

static void remove_of(const char *base, pid_t pid)
{
	AUTO_FREE char *dir = xasprintf("%s/muster-%d", base, (int)pid);

	remove_groups(dir);
}

static void remove_dead(const char *base)
{
	DIR *d = opendir(base);
	int pid;

	for (struct dirent *i; d && (i = readdir(d));)
		if (sscanf(i->d_name, "muster-%d", &pid) == 1 && kill(pid, 0) &&
		    errno == ESRCH)
			remove_of(base, pid);
	if (d)
		closedir(d);
}

void cgroups_tidy(pid_t pid)
{
	for (int i = -1; i < HIERARCHIES; i++) {
		AUTO_FREE char *base = own_dir(i < 0 ? NULL : controllers[i]);
		char *parent = base ? strrchr(base, '/') : NULL;

		if (base)
			remove_of(base, pid);
		/* Version 2: we are in BASE/main ourselves. */
		if (i < 0 && parent && strcmp(parent, "/main") == 0) {
			*parent = 0;
			remove_of(base, pid);
		}
	}
}

/* -- making ----------------------------------------------------------------------------------- */

static char *make_dir(const char *base, struct err *e)
{
	char *dir = xasprintf("%s/muster-%d", base, (int)getpid());

	if (mkdir(dir, 0755) == 0)
		return dir;
	err_set(e, errno, "make the control group %s", dir);
	free(dir);
	return NULL;
}

static int open_v2(struct cgroups *c, struct err *e)
{
	AUTO_FREE char *base = own_dir(NULL);
	static const char wanted[] = "+memory +pids";

	if (!base)
		return err_set(e, 0, "there is no cgroup v2 here");
	remove_dead(base);
	if (put(base, "cgroup.subtree_control", wanted)) {
		AUTO_FREE char *leaf = xasprintf("%s/main", base);

		if ((mkdir(leaf, 0755) && errno != EEXIST) ||
		    put_number(leaf, "cgroup.procs", (uint64_t)getpid()) ||
		    put(base, "cgroup.subtree_control", wanted))
			return err_set(e, errno, "have memory and pids limited below %s",
				       base);
	}
	c->dir[MEMORY] = make_dir(base, e);
	if (!c->dir[MEMORY])
		return -1;
	if (put(c->dir[MEMORY], "cgroup.subtree_control", wanted))
		return err_set(e, errno, "have memory and pids limited below %s",
			       c->dir[MEMORY]);
	if (c->limits.all_bytes)
		put_number(c->dir[MEMORY], "memory.max", c->limits.all_bytes);
	c->v2 = true;
	return 0;
}

static int open_v1(struct cgroups *c, struct err *e)
{
	for (int i = 0; i < HIERARCHIES; i++) {
		AUTO_FREE char *base = own_dir(controllers[i]);

		if (base)
			remove_dead(base);
		c->dir[i] = base ? make_dir(base, e) : NULL;
	}
	if (!c->dir[MEMORY])
		return err_set(e, 0, "no control group can be made");
	if (c->limits.all_bytes) {
		put(c->dir[MEMORY], "memory.use_hierarchy", "1");
		put_number(c->dir[MEMORY], "memory.limit_in_bytes", c->limits.all_bytes);
	}
	return 0;
}

static void close_dirs(struct cgroups *c)
{
	for (int i = 0; i < HIERARCHIES; i++) {
		if (c->dir[i])
			remove_groups(c->dir[i]);
		free(c->dir[i]);
		c->dir[i] = NULL;
	}
}

static struct cgroup *cgroup_make(struct cgroups *);

struct cgroups *cgroups_open(const struct cgroup_limits *limits, struct err *e)
{
	struct cgroups *c = xcalloc(1, sizeof *c);
	struct err second;

	c->limits = *limits;
	int r = open_v2(c, e);

	if (r) {
		close_dirs(c);
		r = open_v1(c, &second);
	}
	/* That a group can be made is known when one was. */
	struct cgroup *first = r ? NULL : cgroup_make(c);

	if (first) {
		cgroup_give(first);
		return c;
	}
	if (r == 0)
		err_set(e, 0, "control groups here take no limits");
	cgroups_close(c);
	return NULL;
}

static void cgroup_free(struct cgroup *g)
{
	for (int i = 0; i < HIERARCHIES; i++) {
		if (g->file[i] >= 0)
			close(g->file[i]);
		if (g->events[i] >= 0)
			close(g->events[i]);
		free(g->dir[i]);
	}
	free(g);
}

void cgroups_close(struct cgroups *c)
{
	if (!c)
		return;
	for (struct cgroup *g = c->free, *next; g; g = next) {
		next = g->next;
		cgroup_free(g);
	}
	close_dirs(c);
	free(c);
}

/* What a process is moved by, and what is handed down to the groups below. */
static void give(const char *dir, uid_t uid, gid_t gid, bool all)
{
	static const char *const files[] = {"cgroup.procs", "cgroup.threads",
					    "cgroup.subtree_control", "tasks"};

	if (all && lchown(dir, uid, gid))
		return;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, files[i]);

		/* Not each version has each. */
		if ((all || i == 0) && lchown(path, uid, gid) && errno != ENOENT)
			return;
	}
}

void cgroups_hand_over(struct cgroups *c, uid_t uid, gid_t gid)
{
	for (int i = 0; i < HIERARCHIES; i++)
		if (c->dir[i])
			give(c->dir[i], uid, gid, true);
	for (struct cgroup *g = c->free; g; g = g->next)
		for (int i = 0; i < HIERARCHIES; i++)
			if (g->dir[i])
				give(g->dir[i], uid, gid, true);
	/* Whoever puts a process into a group of version 2 must be allowed to take it out of the one that has both below it: of
	 * the cage, too. That group is ours alone, but for the machine's very first, which has no type. */
	char *parent = c->v2 ? xstrdup(c->dir[MEMORY]) : NULL;

	if (parent) {
		AUTO_FREE char *type = NULL;

		*strrchr(parent, '/') = 0;
		type = xasprintf("%s/cgroup.type", parent);
		if (access(type, F_OK) == 0)
			give(parent, uid, gid, false);
	}
	free(parent);
}

const char *cgroups_kind(const struct cgroups *c)
{
	return c->v2 ? "cgroup v2" : "cgroup v1";
}

static int open_in(const char *dir, const char *name, int flags)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);

	return open(path, flags | O_CLOEXEC);
}

static int limit(const struct cgroups *c, const struct cgroup *g)
{
	uint64_t memory = c->limits.memory_bytes;

	if (c->v2) {
		put(g->dir[MEMORY], "memory.swap.max", "0");
		put(g->dir[MEMORY], "memory.oom.group", "1");
		put_number(g->dir[MEMORY], "pids.max", c->limits.pids);
		return put_number(g->dir[MEMORY], "memory.max", memory);
	}
	if (g->dir[PIDS])
		put_number(g->dir[PIDS], "pids.max", c->limits.pids);
	int r = put_number(g->dir[MEMORY], "memory.limit_in_bytes", memory);

	put_number(g->dir[MEMORY], "memory.memsw.limit_in_bytes",
		   memory); /* if swap is counted */
	return r;
}

static struct cgroup *cgroup_make(struct cgroups *c)
{
	static const char *const events[2][HIERARCHIES] = {
	    {"memory.oom_control", "pids.events"},
            {"memory.events",      "pids.events"}
        };
	struct cgroup *g = xcalloc(1, sizeof *g);

	g->all = c;
	c->made++;
	for (int i = 0; i < HIERARCHIES; i++) {
		const char *dir = c->v2 ? c->dir[MEMORY] : c->dir[i];

		g->file[i] = g->events[i] = -1;
		if (!dir)
			continue;
		g->dir[i] = xasprintf("%s/%u", dir, c->made);
		mkdir(g->dir[i], 0755);
		g->events[i] = open_in(g->dir[i], events[c->v2][i], O_RDONLY);
		/* A process of one thread, of itself: for cgroup.procs the kernel would lock out all forks of the machine first,
		 * and wait some ms until every processor knows. */
		if (!c->v2)
			g->file[i] = open_in(g->dir[i], "tasks", O_WRONLY);
		else if (i == MEMORY)
			g->file[i] = open(g->dir[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (g->file[MEMORY] >= 0 && limit(c, g) == 0)
		return g;
	cgroup_free(g);
	return NULL;
}

/* The number behind WORD in the file. */
static uint64_t count(int fd, const char *word)
{
	char text[512];
	ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = 0;
	for (char *line = text; line && *line; line = strchr(line, '\n')) {
		size_t len = strlen(word);

		line += *line == '\n';
		if (strncmp(line, word, len) == 0 && line[len] == ' ')
			return strtoull(line + len, NULL, 10);
	}
	return 0;
}

static uint64_t kills(const struct cgroup *g)
{
	return count(g->events[MEMORY], "oom_kill");
}

static uint64_t refusals(const struct cgroup *g)
{
	return count(g->events[PIDS], "max");
}

struct cgroup *cgroup_take(struct cgroups *c)
{
	struct cgroup *g = c->free;

	if (g)
		LL_DELETE(c->free, g);
	else
		g = cgroup_make(c);
	if (g) {
		g->before[MEMORY] = kills(g);
		g->before[PIDS] = refusals(g);
	}
	return g;
}

void cgroup_give(struct cgroup *g)
{
	if (g)
		LL_PREPEND(g->all->free, g);
}

unsigned cgroup_files(const struct cgroup *g, int files[2], bool *into)
{
	unsigned n = 0;

	*into = g->all->v2;
	for (int i = 0; i < HIERARCHIES; i++)
		if (g->file[i] >= 0)
			files[n++] = g->file[i];
	return n;
}

bool cgroup_out_of_memory(const struct cgroup *g)
{
	return kills(g) != g->before[MEMORY];
}

bool cgroup_out_of_pids(const struct cgroup *g)
{
	return refusals(g) != g->before[PIDS];
}
