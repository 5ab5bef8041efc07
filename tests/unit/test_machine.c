/* Free memory, from copies of /proc and /sys of several kinds of machines. */
#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/machine.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static char root[] = "/tmp/test_machine.XXXXXX";

static void put(const char *path, const char *text)
{
	AUTO_FREE char *file = xasprintf("%s/%s", root, path);
	char *slash = strrchr(file, '/');

	*slash = 0;
	CHECK(fs_mkdirs(file, 0700, NULL) == 0);
	*slash = '/';
	CHECK(fs_write_file(file, text, strlen(text), 0600, NULL) == 0);
}

static void begin(const char *meminfo, const char *groups)
{
	CHECK(mkdtemp(root));
	if (meminfo)
		put("proc/meminfo", meminfo);
	if (groups)
		put("proc/self/cgroup", groups);
}

static void end(void)
{
	CHECK(fs_remove_tree(root, NULL) == 0);
}

static const char eight_gb[] = "MemTotal:       16777216 kB\n"
			       "MemFree:          100000 kB\n"
			       "MemAvailable:    8388608 kB\n"
			       "Buffers:               0 kB\n";

static void without_groups(void)
{
	begin(eight_gb, NULL);
	CHECK(machine_free_mb_at(root) == 8192);
	end();
}

static void nothing_known(void)
{
	begin(NULL, NULL);
	CHECK(machine_free_mb_at(root) == -1);
	put("proc/meminfo", "MemTotal: 1 kB\nMemAvailable: many kB\n");
	CHECK(machine_free_mb_at(root) == -1);
	put("proc/meminfo", "");
	CHECK(machine_free_mb_at(root) == -1);
	end();
}

static void version_2(void)
{
	begin(eight_gb, "0::/user.slice/build.scope\n");
	put("sys/fs/cgroup/user.slice/build.scope/memory.max", "2147483648\n");
	put("sys/fs/cgroup/user.slice/build.scope/memory.current", "1073741824\n");
	CHECK(machine_free_mb_at(root) == 1024);
	/* pages of files that are not in use are as good as free */
	put("sys/fs/cgroup/user.slice/build.scope/memory.stat",
	    "anon 1\nactive_file 536870912\ninactive_file 536870912\n");
	CHECK(machine_free_mb_at(root) == 1536);
	/* the group above allows less */
	put("sys/fs/cgroup/user.slice/memory.max", "1073741824\n");
	put("sys/fs/cgroup/user.slice/memory.current", "1073741824\n");
	CHECK(machine_free_mb_at(root) == 0);
	put("sys/fs/cgroup/user.slice/memory.max", "max\n");
	CHECK(machine_free_mb_at(root) == 1536);
	put("sys/fs/cgroup/user.slice/build.scope/memory.max", "max\n");
	CHECK(machine_free_mb_at(root) == 8192);
	end();
}

/* In a container the mounted folder is its own group, and the path may lead nowhere. */
static void version_2_in_a_container(void)
{
	begin(eight_gb, "0::/docker/0123456789\n");
	put("sys/fs/cgroup/memory.max", "3221225472\n");
	put("sys/fs/cgroup/memory.current", "1073741824\n");
	CHECK(machine_free_mb_at(root) == 2048);
	put("proc/self/cgroup", "0::/\n");
	CHECK(machine_free_mb_at(root) == 2048);
	put("sys/fs/cgroup/memory.current", "9999999999\n"); /* above its limit */
	CHECK(machine_free_mb_at(root) == 0);
	end();
}

static void version_1(void)
{
	begin(eight_gb, "9:name=systemd:/\n5:cpu,memory,pids:/a/b\n2:cpu:/c\n0::/\n");
	put("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "4294967296\n");
	put("sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "3221225472\n");
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n");
	CHECK(machine_free_mb_at(root) == 1024);
	put("sys/fs/cgroup/memory/a/b/memory.stat",
	    "inactive_file 1\ntotal_inactive_file 1073741824\n");
	CHECK(machine_free_mb_at(root) == 2048);
	/* another controller's group is none of ours */
	put("proc/self/cgroup", "5:memory2,xmemory:/a/b\n");
	CHECK(machine_free_mb_at(root) == 8192);
	end();
}

static void damaged(void)
{
	begin(eight_gb, "0\n:\n::\n0:\nmemory\n4:memory\n\n0:::x\n");
	CHECK(machine_free_mb_at(root) == 8192);
	put("sys/fs/cgroup/memory.max", "-5\n");
	put("sys/fs/cgroup/memory.current", "x\n");
	put("proc/self/cgroup", "0::/\n");
	CHECK(machine_free_mb_at(root) == 8192);
	end();
}

static void this_machine(void)
{
	CHECK(machine_free_mb() >= 0);
	CHECK(machine_cores() >= 1);
}

TESTS({"the kernel's number", without_groups}, {"nothing known", nothing_known},
      {"groups of version 2", version_2}, {"in a container", version_2_in_a_container},
      {"groups of version 1", version_1}, {"damaged files", damaged},
      {"this machine", this_machine})
