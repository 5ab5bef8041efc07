/* What a scheduler keeps, over restarts and damages of its file. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "scheduler/history.h"
#include "sys/fs.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_history.XXXXXX";
static char path[64];
static unsigned lines;

static void count_line(enum log_level level, const char *name, const char *text)
{
	(void)level;
	(void)name;
	(void)text;
	lines++;
}

static struct history *begin(void)
{
	struct err e = {0};

	if (!path[0]) {
		CHECK(mkdtemp(folder) != NULL);
		snprintf(path, sizeof path, "%s/h.db", folder);
		log_to(count_line);
	}
	struct history *h = history_open(path, &e);

	if (!CHECK(h != NULL))
		printf("# %s\n", e.text);
	return h;
}

static void end(struct history *h)
{
	history_close(h);
	CHECK(fs_remove_tree(folder, NULL) == 0);
}

static char seen[200];

static void note(void *ctx, const char *name, const char *url)
{
	(void)ctx;
	snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s=%s;", name, url);
}

static void fill(struct history *h)
{
	history_host(h, "a", "distcc://a");
	history_host(h, "b", "distcc://b/3");
	history_host(h, "b", NULL);
	history_drain(h, "a", true);
	history_speed(h, "w", 2.5);
	for (int i = 0; i < 50; i++)
		history_job(h, 7, 1000, i == 20 ? 300 << 10 : 100 << 10);
}

static void check_all(struct history *h)
{
	uint64_t cpu_us;
	unsigned memory_mib;

	seen[0] = 0;
	history_each_host(h, note, NULL);
	CHECK(strcmp(seen, "a=distcc://a;") == 0);
	CHECK(history_drained(h, "a") && !history_drained(h, "b") &&
	      !history_drained(h, "c"));
	CHECK(history_speed_of(h, "w") == 2.5 && history_speed_of(h, "a") == 0);
	history_predict(h, 7, &cpu_us, &memory_mib);
	CHECK(cpu_us >= 999 && cpu_us <= 1001);
	CHECK(memory_mib > 250 && memory_mib <= 300);
	history_predict(h, 8, &cpu_us, &memory_mib);
	CHECK(cpu_us == 0 && memory_mib == 0);
}

static void kept(void)
{
	struct history *h = begin();

	fill(h);
	check_all(h);
	history_close(h);
	h = begin();
	check_all(h);
	CHECK(lines == 0);
	end(h);
}

static void damaged(void)
{
	struct history *h = begin();
	struct stat st;

	fill(h);
	history_close(h);
	CHECK(fs_write_file(path, "this is no database, but long enough to be looked at",
			    52, 0600, NULL) == 0);
	h = begin();
	CHECK(!history_drained(h, "a") && lines == 1);
	AUTO_FREE char *bad = xasprintf("%s.bad", path);

	CHECK(stat(bad, &st) == 0 && st.st_size == 52);
	fill(h);
	check_all(h);
	end(h);
}

/* The file may be deleted at any time: what is known stays known, and the next save is a line in the log at most. */
static void deleted(void)
{
	struct history *h = begin();

	fill(h);
	history_save(h);
	CHECK(unlink(path) == 0);
	fill(h);
	history_speed(h, "w", 2.5);
	history_save(h);
	check_all(h);
	end(h);
}

static void nowhere(void)
{
	struct err e = {0};

	CHECK(history_open("/nowhere/at/all.db", &e) == NULL);
	CHECK(e.text[0]);
}

TESTS({"kept", kept}, {"damaged", damaged}, {"deleted", deleted}, {"nowhere", nowhere})
