/* How busy a machine is, from copies of /proc and /sys. */
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/load.h"
#include "sys/machine.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char root[] = "/tmp/test_load.XXXXXX";

static void put(const char *path, const char *text)
{
	AUTO_FREE char *file = xasprintf("%s/%s", root, path);
	char *slash = strrchr(file, '/');

	*slash = 0;
	CHECK(fs_mkdirs(file, 0700, NULL) == 0);
	*slash = '/';
	CHECK(fs_write_file(file, text, strlen(text), 0600, NULL) == 0);
}

static void end(struct load *l)
{
	load_free(l);
	CHECK(fs_remove_tree(root, NULL) == 0);
}

static void nothing_known(void)
{
	struct load_look look;

	CHECK(mkdtemp(root));
	struct load *l = load_new(root);

	for (int i = 0; i < 2; i++) {
		load_look(l, &look);
		CHECK(look.busy < 0 && look.total_mb == -1 && look.free_mb == -1);
		CHECK(look.pressure_cpu == -1 && look.pressure_io == -1);
		CHECK(look.cores == machine_cores());
		put("proc/stat", "cpu what\n");
		put("proc/pressure/cpu", "full avg10=1.00\n");
	}
	end(l);
}

static void busy_cores(void)
{
	struct load_look look;

	CHECK(mkdtemp(root));
	struct load *l = load_new(root);

	put("proc/stat",
	    "cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nintr 5\n");
	load_look(l, &look);
	CHECK(look.busy < 0);
	/* 100 ticks of work, 100 idle ones, half of those for a disk: two of four cores. */
	put("proc/stat",
	    "cpu  150 20 30 950 50 0 0 0 0 0\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\nintr 5\n");
	load_look(l, &look);
	CHECK(look.busy > 1.99 && look.busy < 2.01);
	/* The counters went back: a container was moved. */
	put("proc/stat", "cpu  1 0 0 9 0 0 0 0 0 0\ncpu0 1\n");
	load_look(l, &look);
	CHECK(look.busy < 0);
	end(l);
}

/* A worker (77) with two jobs below it, one of which has ended when it is looked at. */
static void own_part(void)
{
	struct load_look look;

	CHECK(mkdtemp(root));
	struct load *l = load_new(root);

	put("proc/stat", "cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 1\ncpu1 1\n");
	put("proc/self/stat",
	    "77 (muster) S 1 77 77 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 9 9 9999 1\n");
	put("proc/77/stat",
	    "77 (muster) S 1 77 77 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 9 9 9999 1\n");
	put("proc/77/task/77/children", "78 79 ");
	put("proc/78/stat",
	    "78 (a) ) b) R 77 77 77 0 -1 0 0 0 0 0 10 0 0 0 20 0 1 0 9 9 512 1\n");
	load_look(l, &look);
	CHECK(look.own_mb == 512 * sysconf(_SC_PAGESIZE) >> 20);
	CHECK(look.own_busy < 0 && look.all_cores == 2);
	put("proc/stat", "cpu  200 0 0 900 0 0 0 0 0 0\ncpu0 1\ncpu1 1\n");
	put("proc/78/stat",
	    "78 (a) ) b) R 77 77 77 0 -1 0 0 0 0 0 10 0 50 0 20 0 1 0 9 9 512 1\n");
	load_look(l, &look);
	CHECK(look.busy > 1.99 && look.busy < 2.01);
	CHECK(look.own_busy > 0.99 && look.own_busy < 1.01);
	end(l);
}

static void quotas(void)
{
	struct load_look look;

	CHECK(mkdtemp(root));
	struct load *l = load_new(root);

	put("proc/self/cgroup", "0::/a/b\n");
	put("sys/fs/cgroup/a/cpu.max", "50000 100000\n");
	put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	load_look(l, &look);
	CHECK(look.cores == 0.5);
	put("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/x\n");
	put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
	put("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
	load_look(l, &look);
	CHECK(look.cores == machine_cores());
	put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "25000\n");
	load_look(l, &look);
	CHECK(look.cores == 0.25);
	end(l);
}

static void pressure(void)
{
	struct load_look look;

	CHECK(mkdtemp(root));
	struct load *l = load_new(root);

	put("proc/pressure/cpu", "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\n");
	put("proc/pressure/memory", "some avg10=100.00 avg60=0.00 avg300=0.00 total=1\n");
	put("proc/pressure/io", "some avg10=nan avg60=0.00 avg300=0.00 total=1\n");
	load_look(l, &look);
	CHECK(look.pressure_cpu == 123);
	CHECK(look.pressure_memory == 1000);
	CHECK(look.pressure_io == -1);
	end(l);
}

TESTS({"nothing known", nothing_known}, {"busy cores", busy_cores},
      {"our own part of it", own_part}, {"quotas", quotas}, {"pressure", pressure})
