/* distccd's statistics on a clock of our own: the whole page, and the windows of time. */
#include "base/buf.h"
#include "test.h"
#include "worker/stats.h"

#include <stdbool.h>
#include <string.h>

#define SECOND ((nsec)1000000000)

static const struct stats_machine quiet = {
    .runnable = 1,
    .load = {0.5, 1.256, 12},
    .waiting = 2,
    .rss_kb = 15976,
    .rss_name = "(bash)",
    .sectors_s = 77,
    .disk_free_mb = 81070,
    .memory_free_mb = 4096
};
static const struct stats_machine unknown = {
    .runnable = -1,
    .load = {-1, -1, -1},
    .waiting = -1,
    .rss_kb = -1,
    .sectors_s = -1,
    .disk_free_mb = -7,
    .memory_free_mb = -1
};

static struct buf page;

static const char *page_at(const struct stats *s, const struct stats_machine *m, nsec now)
{
	page.len = 0;
	stats_page(&page, s, m, now);
	buf_u8(&page, 0);
	return page.data;
}

static bool same(const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return true;
	printf("# got:\n%s# want:\n%s", got, want);
	return false;
}

static bool has(const struct stats *s, nsec now, const char *line)
{
	char want[700];

	snprintf(want, sizeof want, "\n%s\n", line);
	return strstr(page_at(s, &quiet, now), want) != NULL;
}

static void compile(struct stats *s, enum stats_end end, nsec began, nsec now)
{
	stats_compiled(s, &(struct stats_compile){end, "gcc", "x.c", began, now});
}

static void fresh(void)
{
	CHECK(same(page_at(stats_new(3), &quiet, 5 * SECOND),
		   "HTTP/1.0 200 OK\nContent-Type: text/plain\nConnection: close\n\n"
		   "argv /distccd\n<distccstats>\n"
		   "dcc_tcp_accept 0\ndcc_rej_bad_req 0\ndcc_rej_overload 0\n"
		   "dcc_compile_ok 0\ndcc_compile_error 0\ndcc_compile_timeout 0\n"
		   "dcc_cli_disconnect 0\ndcc_other 0\ndcc_longest_job none\n"
		   "dcc_longest_job_compiler none\ndcc_longest_job_time_msecs -1\n"
		   "dcc_max_kids 3\ndcc_avg_kids1 0\ndcc_avg_kids2 0\ndcc_avg_kids3 0\n"
		   "dcc_current_load 1\ndcc_load1 0.50\ndcc_load2 1.26\ndcc_load3 12.00\n"
		   "dcc_num_compiles1 0\ndcc_num_compiles2 0\ndcc_num_compiles3 0\n"
		   "dcc_num_procstate_D 2\ndcc_max_RSS 15976\ndcc_max_RSS_name (bash)\n"
		   "dcc_io_rate 77\ndcc_free_space 81070 MB\ndcc_free_mem 4096 MB\n"
		   "</distccstats>\n"));
}

static void counted(void)
{
	struct stats *s = stats_new(8);

	for (int i = 0; i < 9; i++)
		stats_accepted(s);
	stats_ended(s, STATS_BAD_REQUEST);
	stats_ended(s, STATS_OVERLOAD);
	stats_ended(s, STATS_CLIENT_GONE);
	stats_ended(s, STATS_OTHER);
	stats_ended(s, STATS_OTHER);
	compile(s, STATS_COMPILE_OK, 0, 2 * SECOND);
	compile(s, STATS_COMPILE_ERROR, 0, SECOND);
	compile(s, STATS_COMPILE_ERROR, 0, SECOND);
	stats_compiled(s, &(struct stats_compile){STATS_COMPILE_TIMEOUT, "g++", "slow.cc",
						  0, 2 * SECOND + 1500000});
	CHECK(same(page_at(s, &unknown, 3 * SECOND),
		   "HTTP/1.0 200 OK\nContent-Type: text/plain\nConnection: close\n\n"
		   "argv /distccd\n<distccstats>\n"
		   "dcc_tcp_accept 9\ndcc_rej_bad_req 1\ndcc_rej_overload 1\n"
		   "dcc_compile_ok 1\ndcc_compile_error 2\ndcc_compile_timeout 1\n"
		   "dcc_cli_disconnect 1\ndcc_other 2\ndcc_longest_job slow.cc\n"
		   "dcc_longest_job_compiler g++\ndcc_longest_job_time_msecs 2001\n"
		   "dcc_max_kids 8\ndcc_avg_kids1 0\ndcc_avg_kids2 0\ndcc_avg_kids3 0\n"
		   "dcc_current_load -1\ndcc_load1 -1.00\ndcc_load2 -1.00\n"
		   "dcc_load3 -1.00\n"
		   "dcc_num_compiles1 4\ndcc_num_compiles2 4\ndcc_num_compiles3 4\n"
		   "dcc_num_procstate_D -1\ndcc_max_RSS -1\ndcc_max_RSS_name none\n"
		   "dcc_io_rate -1\ndcc_free_space -1 MB\ndcc_free_mem -1 MB\n"
		   "</distccstats>\n"));
	stats_free(s);
}

static void windows(void)
{
	struct stats *s = stats_new(8);
	nsec t = 1000 * 3 * SECOND;

	compile(s, STATS_COMPILE_OK, t, t + 1);
	CHECK(has(s, t + 59 * SECOND, "dcc_num_compiles1 1"));
	CHECK(has(s, t + 63 * SECOND, "dcc_num_compiles1 0"));
	CHECK(has(s, t + 63 * SECOND, "dcc_num_compiles2 1"));
	CHECK(has(s, t + 299 * SECOND, "dcc_num_compiles2 1"));
	CHECK(has(s, t + 303 * SECOND, "dcc_num_compiles2 0"));
	CHECK(has(s, t + 899 * SECOND, "dcc_num_compiles3 1"));
	CHECK(has(s, t + 903 * SECOND, "dcc_num_compiles3 0"));
	/* The same place of the ring, taken anew. */
	compile(s, STATS_COMPILE_OK, t + 903 * SECOND, t + 904 * SECOND);
	CHECK(has(s, t + 904 * SECOND, "dcc_num_compiles3 1"));
	/* And long after everything. */
	CHECK(has(s, t + 1000000 * SECOND, "dcc_num_compiles3 0"));
	CHECK(has(s, t + 1000000 * SECOND, "dcc_compile_ok 2"));
	stats_free(s);
}

static void averages(void)
{
	struct stats *s = stats_new(8);
	nsec t = 10000 * 3 * SECOND;

	/* Four jobs at a time for fifteen minutes, ten seconds each. */
	for (int i = 0; i < 90; i++)
		for (int k = 0; k < 4; k++)
			compile(s, STATS_COMPILE_OK, t + i * 10 * SECOND,
				t + (i + 1) * 10 * SECOND);
	t += 900 * SECOND;
	CHECK(has(s, t, "dcc_avg_kids1 4"));
	CHECK(has(s, t, "dcc_avg_kids2 4"));
	CHECK(has(s, t, "dcc_avg_kids3 4"));
	CHECK(has(s, t, "dcc_num_compiles1 28"));
	CHECK(has(s, t + 2 * SECOND, "dcc_avg_kids3 4"));
	CHECK(has(s, t + 120 * SECOND, "dcc_avg_kids1 0"));
	CHECK(has(s, t + 120 * SECOND, "dcc_avg_kids2 2"));
	stats_free(s);
}

/* A long job was busy all the time, not only when it ended. */
static void long_job(void)
{
	struct stats *s = stats_new(8);
	nsec t = 10000 * 3 * SECOND;

	compile(s, STATS_COMPILE_OK, t - 7200 * SECOND, t);
	CHECK(has(s, t, "dcc_avg_kids1 1"));
	CHECK(has(s, t, "dcc_avg_kids2 1"));
	CHECK(has(s, t, "dcc_avg_kids3 1"));
	CHECK(has(s, t, "dcc_longest_job_time_msecs 7200000"));
	stats_free(s);
}

static void early(void)
{
	struct stats *s = stats_new(1);

	compile(s, STATS_COMPILE_OK, 0, 0);
	CHECK(has(s, 0, "dcc_num_compiles1 1") &&
	      has(s, 0, "dcc_longest_job_time_msecs 0"));
	compile(s, STATS_COMPILE_OK, -5 * SECOND, SECOND);
	CHECK(has(s, SECOND, "dcc_longest_job_time_msecs 6000"));
	stats_free(s);
}

/* Names are the client's: no line may be forged, and none grows without end. */
static void foreign_names(void)
{
	struct stats *s = stats_new(1);
	char name[5000], line[400];

	stats_compiled(s, &(struct stats_compile){STATS_COMPILE_OK, "g\r\x7f\xc3\xa4",
						  "a b\ndcc_max_kids 999", 0, 1});
	CHECK(has(s, 1, "dcc_longest_job a b?dcc_max_kids 999"));
	CHECK(has(s, 1, "dcc_longest_job_compiler g??\xc3\xa4"));
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = 0;
	stats_compiled(s, &(struct stats_compile){STATS_COMPILE_OK, NULL, name, 0, 2});
	snprintf(line, sizeof line, "dcc_longest_job %.255s", name);
	CHECK(has(s, 2, line));
	CHECK(has(s, 2, "dcc_longest_job_compiler unknown"));
	stats_free(s);
}

static void words(void)
{
	CHECK(strcmp(stats_end_word(STATS_BAD_REQUEST), "REJ_BAD_REQ") == 0);
	CHECK(strcmp(stats_end_word(STATS_OVERLOAD), "REJ_OVERLOAD") == 0);
	CHECK(strcmp(stats_end_word(STATS_COMPILE_OK), "COMPILE_OK") == 0);
	CHECK(strcmp(stats_end_word(STATS_COMPILE_ERROR), "COMPILE_ERROR") == 0);
	CHECK(strcmp(stats_end_word(STATS_COMPILE_TIMEOUT), "COMPILE_TIMEOUT") == 0);
	CHECK(strcmp(stats_end_word(STATS_CLIENT_GONE), "CLI_DISCONN") == 0);
	CHECK(strcmp(stats_end_word(STATS_OTHER), "OTHER") == 0);
}

TESTS({"the page of a fresh server", fresh}, {"everything is counted", counted},
      {"1, 5 and 15 minutes", windows}, {"average of busy jobs", averages},
      {"a job longer than all windows", long_job}, {"when the clock begins", early},
      {"names that lie", foreign_names}, {"words of the log", words})
