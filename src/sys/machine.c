/* Memory: a group's limit leaves what it has not used; pages of files that it has not
 * touched lately count as not used, since the kernel drops them first. A limit counts
 * for all groups below it, so each group from ours up to the root is asked. In a
 * container the path in /proc/self/cgroup may begin above the folder that is mounted:
 * places that are not there are passed over, and the mounted folder itself is asked
 * last. */
#include "sys/machine.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/fs.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	TEXT_MAX = 1 << 16, /* most bytes of a file of the kernel's */
	MB_SHIFT = 20
};

unsigned machine_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	return (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

char *machine_platform(void)
{
	struct utsname u;

	if (uname(&u))
		return xstrdup("unknown");
	for (char *p = u.sysname; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return xasprintf("%s-%s", u.machine, u.sysname);
}

/* ---- memory ---- */

/* The file's text, malloc'ed; NULL when it cannot be read. */
static char *text_of(const char *path)
{
	struct buf b = {0};

	if (fs_read(path, TEXT_MAX, &b, NULL)) {
		buf_free(&b);
		return NULL;
	}
	buf_u8(&b, 0);
	return b.data;
}

/* The number behind KEY at the beginning of a line; -1 when there is none ("max" is
 * none). */
static int64_t number_behind(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) != 0)
			continue;
		const char *p = line + n + strspn(line + n, " \t");
		char *end;
		long long value = strtoll(p, &end, 10);

		return end > p && value >= 0 ? value : -1;
	}
	return -1;
}

static int64_t number_in(const char *dir, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, file);
	AUTO_FREE char *text = text_of(path);

	return text ? number_behind(text, "") : -1;
}

/* How the two versions of control groups name the same things. */
struct group_names {
	const char *mount, *limit, *used, *idle;
};

static const struct group_names group_v1 = {
    "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
    "total_inactive_file "};
static const struct group_names group_v2 = {"/sys/fs/cgroup", "memory.max",
					    "memory.current", "inactive_file "};

/* Bytes that the limit of the group in DIR leaves; INT64_MAX: it has none. */
static int64_t group_left(const char *dir, const struct group_names *names)
{
	int64_t limit = number_in(dir, names->limit), used = number_in(dir, names->used);
	AUTO_FREE char *path = xasprintf("%s/memory.stat", dir);
	AUTO_FREE char *stat = text_of(path);
	int64_t idle = stat ? number_behind(stat, names->idle) : -1;

	if (limit < 0 || used < 0)
		return INT64_MAX;
	if (idle > 0)
		used = idle < used ? used - idle : 0;
	return used < limit ? limit - used : 0;
}

/* The least that the groups from PATH (cut while going up) to the root leave. */
static int64_t groups_left(const char *root, char *path, const struct group_names *names)
{
	int64_t least = INT64_MAX;

	for (;;) {
		AUTO_FREE char *dir = xasprintf("%s%s%s", root, names->mount, path);
		int64_t left = group_left(dir, names);
		char *slash = strrchr(path, '/');

		if (left < least)
			least = left;
		if (!slash)
			return least;
		*slash = 0;
	}
}

/* Is CONTROLLERS[0..N), "cpu,memory", the line of the memory's controller? */
static bool has_memory(const char *controllers, size_t n)
{
	static const char memory[] = "memory";

	for (const char *p = controllers; p < controllers + n;) {
		size_t word = strcspn(p, ",:");

		if (word == sizeof memory - 1 && memcmp(p, memory, word) == 0)
			return true;
		p += word + 1;
	}
	return false;
}

/* The least that any control group of ours leaves, from the lines
 * "NUMBER:CONTROLLERS:PATH". */
static int64_t limits_left(const char *root)
{
	AUTO_FREE char *file = xasprintf("%s/proc/self/cgroup", root);
	AUTO_FREE char *text = text_of(file);
	int64_t least = INT64_MAX;
	char *rest = NULL;

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		size_t n = (size_t)(path - ++controllers);
		int64_t left = n == 0 ? groups_left(root, path + 1, &group_v2)
			       : has_memory(controllers, n)
				   ? groups_left(root, path + 1, &group_v1)
				   : INT64_MAX;

		if (left < least)
			least = left;
	}
	return least;
}

int64_t machine_free_mb_at(const char *root)
{
	AUTO_FREE char *file = xasprintf("%s/proc/meminfo", root);
	AUTO_FREE char *text = text_of(file);
	int64_t kb = text ? number_behind(text, "MemAvailable:") : -1;
	int64_t left = limits_left(root);

	if (kb >= 0 && kb < left >> 10)
		left = kb << 10;
	return left == INT64_MAX ? -1 : left >> MB_SHIFT;
}

int64_t machine_free_mb(void)
{
	return machine_free_mb_at("");
}

void machine_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

size_t machine_files(void)
{
	enum {
		ENOUGH = 1 << 20
	};
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > ENOUGH)
		return ENOUGH;
	return files.rlim_cur;
}
