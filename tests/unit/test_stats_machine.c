/* What is read from a /proc that we wrote ourselves, and that the real one is
 * understood. */
#include "base/mem.h"
#include "sys/fs.h"
#include "test.h"
#include "worker/stats_machine.h"

#include <stdbool.h>
#include <string.h>

#define SECOND ((nsec)1000000000)

static char proc[64];

static void bed(void)
{
	snprintf(proc, sizeof proc, "/tmp/muster-proc.XXXXXX");
	if (!mkdtemp(proc))
		abort();
}

static void put(const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", proc, name);
	AUTO_FREE char *dir = xstrdup(path);

	*strrchr(dir, '/') = 0;
	if (fs_mkdirs(dir, 0755, NULL) ||
	    fs_write_file(path, text, strlen(text), 0644, NULL))
		abort();
}

static void put_process(int pid, const char *comm, char state, int pages)
{
	char name[32], text[400];

	snprintf(name, sizeof name, "%d/stat", pid);
	snprintf(text, sizeof text,
		 "%d (%s) %c 1 2 3 4 -1 5 6 7 8 9 10 11 12 13 20 0 1 0 99 123456789 %d "
		 "18446744073709551615 0 0\n",
		 pid, comm, state, pages);
	put(name, text);
}

static void numbers(void)
{
	const struct stats_machine *m;
	long kb = sysconf(_SC_PAGESIZE) / 1024;

	bed();
	put("loadavg", "0.20 1.41 11.39 3/412 12345\n");
	put("meminfo",
	    "MemTotal: 9 kB\nMemFree: 8 kB\nMemAvailable:    2097152 kB\nX: 1 kB\n");
	put_process(1, "init", 'S', 100);
	put_process(20, "a) D (b", 'R', 900);
	put_process(21, "jbd2/sda1-8", 'D', 0);
	put_process(22, "nfs", 'D', 5);
	put_process(23, "cc1plus", 'R', 90000);
	put_process(24, "clang-14", 'R', 80000);
	put("25/stat", "25 (short) D 1 2");
	put("26/stat", "nonsense");
	put("self/stat",
	    "27 (self) D 1 2 3 4 -1 5 6 7 8 9 10 11 12 13 20 0 1 0 99 1 999999 0");
	struct stats_eye *eye = stats_eye_new(proc, "/tmp");

	m = stats_eye_look(eye, 0);
	CHECK(m->load[0] == 0.20 && m->load[1] == 1.41 && m->load[2] == 11.39);
	CHECK(m->runnable == 3 && m->memory_free_mb == 2048 && m->waiting == 2);
	CHECK(m->rss_kb == 900 * kb && strcmp(m->rss_name, "(a) D (b)") == 0);
	CHECK(m->disk_free_mb >= 0 && m->sectors_s == -1);
	stats_eye_free(eye);
	fs_remove_tree(proc, NULL);
}

static void put_disks(int a, int b)
{
	char text[1000];

	snprintf(text, sizeof text,
		 "   8       0 sda 10 0 %d 4 5 6 %d 8 0 0 0 0 0 0 0 0 0\n"
		 "   8       1 sda1 10 0 5000000 4 5 6 0 8 0 0 0\n"
		 "   7       0 loop0 10 0 5000000 4 5 6 0 8 0 0 0\n"
		 " 253       0 dm-0 10 0 5000000 4 5 6 0 8 0 0 0\n"
		 " 259       0 nvme0n1 10 0 %d 4 5 6 0 8 0 0 0\n"
		 " 259       1 nvme0n1p1 10 0 5000000 4 5 6 0 8 0 0 0\n"
		 " 179       0 mmcblk0boot0 10 0 5000000 4 5 6 0 8 0 0 0\n"
		 " 259       2 broken\n",
		 a, b, a);
	put("diskstats", text);
}

static void disks(void)
{
	bed();
	put_disks(1000, 2000);
	struct stats_eye *eye = stats_eye_new(proc, "/tmp");

	CHECK(stats_eye_look(eye, 0)->sectors_s == -1);
	put_disks(2000, 5000); /* sda +4000, nvme +1000 */
	CHECK(stats_eye_look(eye, 10 * SECOND)->sectors_s == 500);
	CHECK(stats_eye_look(eye, 20 * SECOND)->sectors_s == 0);
	put_disks(10, 10); /* a disk was taken away */
	CHECK(stats_eye_look(eye, 30 * SECOND)->sectors_s == -1);
	put_disks(20, 10);
	CHECK(stats_eye_look(eye, 40 * SECOND)->sectors_s == 2);
	put("diskstats", "   7 0 loop0 10 0 5000000 4 5 6 0 8 0 0 0\n");
	CHECK(stats_eye_look(eye, 50 * SECOND)->sectors_s == -1);
	stats_eye_free(eye);
	fs_remove_tree(proc, NULL);
}

static void rest(void)
{
	bed();
	put("loadavg", "1 1 1 1/1 1\n");
	struct stats_eye *eye = stats_eye_new(proc, "/tmp");

	CHECK(stats_eye_look(eye, 5 * SECOND)->runnable == 1);
	put("loadavg", "1 1 1 2/1 1\n");
	CHECK(stats_eye_look(eye, 5 * SECOND + STATS_EYE_REST - 1)->runnable == 1);
	CHECK(stats_eye_look(eye, 5 * SECOND + STATS_EYE_REST)->runnable == 2);
	stats_eye_free(eye);
	fs_remove_tree(proc, NULL);
}

static void all_unknown(const char *where)
{
	struct stats_eye *eye = stats_eye_new(where, "/nonexistent");
	const struct stats_machine *m = stats_eye_look(eye, 0);

	CHECK(m->runnable == -1 && m->memory_free_mb == -1 && m->sectors_s == -1);
	CHECK(m->load[0] == -1 && m->load[2] == -1 && m->rss_kb == -1);
	CHECK(m->disk_free_mb == -1 && !*m->rss_name);
	stats_eye_free(eye);
}

static void nothing(void)
{
	all_unknown("/nonexistent");
	bed();
	put("loadavg", "nonsense\n");
	put("meminfo", "\nMemAvailable: much\n");
	put("diskstats", "\n\n8 0 sda\n");
	all_unknown(proc);
	fs_remove_tree(proc, NULL);
}

static void real(void)
{
	struct stats_eye *eye = stats_eye_new("/proc", "/");
	const struct stats_machine *m = stats_eye_look(eye, 0);

	CHECK(m->runnable > 0 && m->load[0] >= 0 && m->load[1] >= 0 && m->load[2] >= 0);
	CHECK(m->memory_free_mb > 0 && m->waiting >= 0 && m->disk_free_mb >= 0);
	CHECK(m->rss_kb > 0 && m->rss_name[0] == '(');
	stats_eye_free(eye);
}

TESTS({"every number", numbers}, {"sectors a second", disks}, {"not too often", rest},
      {"what is not there is unknown", nothing}, {"the real /proc", real})
