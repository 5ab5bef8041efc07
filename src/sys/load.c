/* What cannot be read or understood is unknown; nothing here fails. A quota counts for all groups below it, so that
 * each group from ours up to the root is asked, and the mounted folder itself last (in a container the path in
 * /proc/self/cgroup may begin above what is mounted). */
#include "sys/load.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TEXT_MAX =
	    1
	    << 18, /* most bytes of a file of the kernel's: /proc/stat grows with the cores */
	PER_THOUSAND = 1000
};

struct load {
	char *root;
	uint64_t idle, all, own; /* ticks at the last look */
};

struct load *load_new(const char *root)
{
	struct load *l = xcalloc(1, sizeof *l);

	l->root = xstrdup(root);
	return l;
}

void load_free(struct load *l)
{
	if (!l)
		return;
	free(l->root);
	free(l);
}

/* The text of the file, malloc'ed; NULL when it cannot be read. */
static char *text_of(const char *root, const char *folder, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s%s/%s", root, folder, file);
	struct buf b = {0};

	if (fs_read(path, TEXT_MAX, &b, NULL)) {
		buf_free(&b);
		return NULL;
	}
	buf_u8(&b, 0);
	return b.data;
}

/* ---- quotas ---- */

/* Cores that the group in FOLDER may use at once; a huge number: no limit. */
static double group_quota(const char *root, const char *folder, bool v2)
{
	AUTO_FREE char *quota = text_of(root, folder, v2 ? "cpu.max" : "cpu.cfs_quota_us");
	AUTO_FREE char *period = v2 ? NULL : text_of(root, folder, "cpu.cfs_period_us");
	long long us = 0, per = 0;

	if (v2 && quota && sscanf(quota, "%lld %lld", &us, &per) != 2)
		return 1e9;
	if (!v2 && quota && period) {
		us = strtoll(quota, NULL, 10);
		per = strtoll(period, NULL, 10);
	}
	return us > 0 && per > 0 ? (double)us / (double)per : 1e9;
}

/* The least that the groups from PATH (cut while going up) to the root may use. */
static double groups_quota(const char *root, const char *mount, char *path, bool v2)
{
	double least = 1e9;

	for (;;) {
		AUTO_FREE char *folder = xasprintf("%s%s", mount, path);
		double quota = group_quota(root, folder, v2);
		char *slash = strrchr(path, '/');

		if (quota < least)
			least = quota;
		if (!slash)
			return least;
		*slash = 0;
	}
}

/* Is "cpu" among CONTROLLERS[0..N), "cpu,cpuacct"? */
static bool has_cpu(const char *controllers, size_t n)
{
	for (const char *p = controllers; p < controllers + n;) {
		size_t word = strcspn(p, ",:");

		if (word == 3 && memcmp(p, "cpu", word) == 0)
			return true;
		p += word + 1;
	}
	return false;
}

static double quota_cores(const char *root)
{
	AUTO_FREE char *text = text_of(root, "/proc/self", "cgroup");
	double least = 1e9;
	char *rest = NULL;

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		bool v2 = path == ++controllers;

		if (!v2 && !has_cpu(controllers, (size_t)(path - controllers)))
			continue;
		const char *mount = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
		double quota = groups_quota(root, mount, path + 1, v2);

		if (quota < least)
			least = quota;
	}
	return least;
}

/* ---- what is ours ---- */

/* A process and all below it. What has ended counts in the one that waited for it, so that the sum only grows. */
struct family {
	const char *root;
	uint64_t ticks;
	int64_t pages;
	unsigned left; /* processes that may still be looked at */
};

/* Skips N blanks and the words between them. */
static const char *words_on(const char *p, unsigned n)
{
	while (n-- && p)
		if ((p = strchr(p, ' ')))
			p++;
	return p;
}

/* False: it has ended. */
static bool add_process(struct family *f, long pid)
{
	AUTO_FREE char *folder = xasprintf("/proc/%ld", pid);
	AUTO_FREE char *text = text_of(f->root, folder, "stat");
	const char *behind_name = text ? strrchr(text, ')') : NULL;
	/* utime is the 14th word and rss the 24th; ") " is in front of the third. */
	const char *times = behind_name ? words_on(behind_name, 12) : NULL;
	const char *rss = behind_name ? words_on(behind_name, 22) : NULL;
	unsigned long long t[4];
	long long pages;

	if (!times || !rss || sscanf(rss, "%lld", &pages) != 1 ||
	    sscanf(times, "%llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3]) != 4)
		return false;
	f->ticks += t[0] + t[1] + t[2] + t[3];
	f->pages += pages;
	return true;
}

static void add_family(struct family *f, long pid, unsigned depth)
{
	AUTO_FREE char *folder = xasprintf("/proc/%ld/task/%ld", pid, pid);
	AUTO_FREE char *text = text_of(f->root, folder, "children");
	char *p = text, *end;

	for (long child; p && depth && (child = strtol(p, &end, 10)) > 0 && end > p;
	     p = end) {
		if (f->left == 0)
			return;
		f->left--;
		if (add_process(f, child))
			add_family(f, child, depth - 1);
	}
}

static bool look_at_own(const char *root, struct family *f)
{
	enum {
		MOST = 20000,
		DEPTH = 32
	};

	AUTO_FREE char *self = text_of(root, "/proc/self", "stat");
	long pid = self ? strtol(self, NULL, 10) : 0;

	*f = (struct family){.root = root, .left = MOST};
	if (pid <= 0 || !add_process(f, pid))
		return false;
	f->pages = 0; /* this process stays, whatever runs */
	add_family(f, pid, DEPTH);
	return true;
}

/* ---- processors ---- */

static unsigned count_cores(const char *stat)
{
	unsigned n = 0;

	for (const char *p = stat; (p = strstr(p, "\ncpu")); p++)
		n++;
	return n;
}

static void look_at_busy(struct load *l, struct load_look *out)
{
	AUTO_FREE char *text = text_of(l->root, "/proc", "stat");
	unsigned long long t[8] = {0};
	struct family own;
	uint64_t all = 0;

	out->busy = out->own_busy = -1;
	out->own_mb = -1;
	if (!text || sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0],
			    &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 8)
		return;
	out->all_cores = count_cores(text);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		all += t[i];
	uint64_t idle = t[3] + t[4]; /* idle, and waiting for a disk */
	uint64_t passed = all - l->all, idled = idle - l->idle;
	bool known = look_at_own(l->root, &own), first = l->all == 0;
	uint64_t worked = known && own.ticks > l->own ? own.ticks - l->own : 0;

	l->all = all;
	l->idle = idle;
	l->own = known ? own.ticks : 0;
	if (known)
		out->own_mb = own.pages * sysconf(_SC_PAGESIZE) >> 20;
	if (first || passed == 0 || passed > all || idled > passed)
		return;
	out->busy = (double)(passed - idled) / (double)passed * out->all_cores;
	if (known)
		out->own_busy = (double)worked / (double)passed * out->all_cores;
}

/* ---- memory, pressure ---- */

static int64_t total_mb(const char *root)
{
	AUTO_FREE char *text = text_of(root, "/proc", "meminfo");
	long long kb;

	return text && sscanf(text, "MemTotal: %lld kB", &kb) == 1 ? kb >> 10 : -1;
}

static int pressure_of(const char *root, const char *what)
{
	AUTO_FREE char *text = text_of(root, "/proc/pressure", what);
	double percent;

	if (!text || sscanf(text, "some avg10=%lf", &percent) != 1 || !(percent >= 0) ||
	    percent > 100)
		return -1;
	return (int)(percent * PER_THOUSAND / 100);
}

void load_look(struct load *l, struct load_look *out)
{
	double quota = quota_cores(l->root);

	out->cores = machine_cores();
	if (quota < out->cores)
		out->cores = quota;
	out->all_cores = 0;
	look_at_busy(l, out);
	out->total_mb = total_mb(l->root);
	out->free_mb = machine_free_mb_at(l->root);
	out->pressure_cpu = pressure_of(l->root, "cpu");
	out->pressure_memory = pressure_of(l->root, "memory");
	out->pressure_io = pressure_of(l->root, "io");
}
